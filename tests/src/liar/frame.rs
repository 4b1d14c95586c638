//! The frames of a WebSocket as a proxy sees them: text is understood, everything else passes as it is.

use std::io::{self, Cursor};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Data, OpCode},
};

/// A frame that declares more is not understood any more, and neither is what follows it.
const FRAME_BYTES_MAX: u64 = 16 << 20;

/// The most that is read at once.
const READ_BYTES: usize = 16_384;

/// A piece of one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A text frame: its bytes, and what it says.
    Text(Bytes, String),
    /// Anything else.
    Other(Bytes),
}

/// What comes next in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The HTTP request or answer.
    Head,
    Frames,
    /// Bytes that nobody understands.
    Opaque,
}

/// Cuts one direction of a connection into pieces; put together again they are its bytes.
#[derive(Debug)]
pub(super) struct Pieces {
    stage: Stage,
    buffer: BytesMut,
}

impl Pieces {
    /// From the begin of a connection.
    pub(super) fn new() -> Self {
        Self { stage: Stage::Head, buffer: BytesMut::new() }
    }

    /// The next piece; `None` at the end of the stream. Can be given up without loss.
    pub(super) async fn next(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Piece>> {
        loop {
            if let Some(piece) = self.take() {
                return Ok(Some(piece));
            }
            self.buffer.reserve(READ_BYTES);
            if from.read_buf(&mut self.buffer).await? == 0 {
                let rest = self.buffer.split().freeze();
                return Ok((!rest.is_empty()).then_some(Piece::Other(rest)));
            }
        }
    }

    fn take(&mut self) -> Option<Piece> {
        match self.stage {
            Stage::Head => {
                let end = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
                let is_upgraded = self.buffer.starts_with(b"GET ") || self.buffer.starts_with(b"HTTP/1.1 101 ");
                self.stage = if is_upgraded { Stage::Frames } else { Stage::Opaque };
                Some(Piece::Other(self.buffer.split_to(end).freeze()))
            }
            Stage::Frames => self.take_frame(),
            Stage::Opaque => (!self.buffer.is_empty()).then(|| Piece::Other(self.buffer.split().freeze())),
        }
    }

    fn take_frame(&mut self) -> Option<Piece> {
        let mut cursor = Cursor::new(&self.buffer[..]);
        let (header, payload_bytes) = match FrameHeader::parse(&mut cursor) {
            Ok(None) => return None,
            Ok(Some((header, payload_bytes))) if payload_bytes <= FRAME_BYTES_MAX => (header, payload_bytes),
            Ok(Some(_)) | Err(_) => {
                self.stage = Stage::Opaque;
                return self.take();
            }
        };
        let header_bytes = usize::try_from(cursor.position()).ok()?;
        let frame_bytes = header_bytes + usize::try_from(payload_bytes).ok()?;
        if self.buffer.len() < frame_bytes {
            return None;
        }
        let frame = self.buffer.split_to(frame_bytes).freeze();
        if !header.is_final || header.opcode != OpCode::Data(Data::Text) {
            return Some(Piece::Other(frame));
        }
        let mut payload = frame[header_bytes..].to_vec();
        if let Some(mask) = header.mask {
            payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        }
        Some(match String::from_utf8(payload) {
            Ok(text) => Piece::Text(frame, text),
            Err(_) => Piece::Other(frame),
        })
    }
}

/// A text frame as a server sends it.
pub(super) fn text_frame(text: &str) -> Bytes {
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..Default::default() };
    let mut frame = BytesMut::new().writer();
    header.format(text.len() as u64, &mut frame).expect("memory takes everything");
    frame.get_mut().put_slice(text.as_bytes());
    frame.into_inner().freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn cut(stream: &[u8], at_once: usize) -> Vec<Piece> {
        let (mut pieces, mut found) = (Pieces::new(), Vec::new());
        let mut from = in_chunks(stream, at_once);
        while let Some(piece) = pieces.next(&mut from).await.expect("memory can be read") {
            found.push(piece);
        }
        found
    }

    /// A reader that gives so many bytes at a time.
    fn in_chunks(stream: &[u8], at_once: usize) -> impl AsyncRead + Unpin {
        stream.chunks(at_once).fold(Box::new(tokio::io::empty()) as Box<dyn AsyncRead + Unpin>, |chain, chunk| {
            Box::new(chain.chain(Cursor::new(chunk.to_vec())))
        })
    }

    fn bytes(pieces: &[Piece]) -> Vec<u8> {
        let bytes = pieces.iter().map(|piece| match piece {
            Piece::Text(frame, _) | Piece::Other(frame) => &frame[..],
        });
        bytes.collect::<Vec<_>>().concat()
    }

    #[tokio::test]
    async fn what_a_server_sends_is_understood_however_it_is_cut_and_written_again_as_it_was() {
        let mut stream = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".to_vec();
        let texts = [0, 1, 125, 126, 65_535, 65_536].map(|length| "x".repeat(length));
        for text in &texts {
            stream.extend_from_slice(&text_frame(text));
            stream.extend_from_slice(&[0x89, 2, b'h', b'i']);
        }
        for at_once in [1_000, 70_000, stream.len()] {
            let pieces = cut(&stream, at_once).await;
            let understood = pieces.iter().filter_map(|piece| match piece {
                Piece::Text(frame, text) => {
                    assert_eq!(*frame, text_frame(text));
                    Some(text)
                }
                Piece::Other(_) => None,
            });
            assert!(understood.eq(&texts), "{at_once} at once");
            assert_eq!(bytes(&pieces), stream);
        }
    }

    #[tokio::test]
    async fn what_a_client_sends_is_unmasked_to_be_read_and_passes_masked() {
        let mut stream = b"GET /v1/ws HTTP/1.1\r\nHost: x\r\n\r\n".to_vec();
        stream.extend_from_slice(&[0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2]);
        for at_once in [1, 5, stream.len()] {
            let pieces = cut(&stream, at_once).await;
            assert!(matches!(&pieces[1], Piece::Text(_, text) if text == "hi"), "{pieces:?}");
            assert_eq!(bytes(&pieces), stream);
        }
    }

    #[tokio::test]
    async fn what_is_no_websocket_passes_unread() {
        for stream in [
            &b"HTTP/1.1 503 Service Unavailable\r\n\r\n\x81\x02hi"[..],
            b"GET /v1/ws HTTP/1.1\r\n\r\n\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04garbage",
            b"GET /v1/ws HTTP/1.1\r\n\r\n\x8b\x02\x81\x02hi",
            b"half a head",
        ] {
            let pieces = cut(stream, 7).await;
            assert!(pieces.iter().all(|piece| matches!(piece, Piece::Other(_))), "{pieces:?}");
            assert_eq!(bytes(&pieces), stream);
        }
    }
}
