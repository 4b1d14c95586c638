//! Frames from a client (RFC 6455 §5): bytes in, whole messages out.
//!
//! A length is checked where it is declared, before anything of it is buffered.

use std::{io::Cursor, str};

use hubbub_protocol::close;
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

use crate::spare::{Kept, Spares};

/// The most bytes of payload that a control frame holds (§5.5).
const CONTROL_BYTES_MAX: u64 = 125;

/// The longest header of a masked frame (§5.2).
const HEADER_BYTES_MAX: usize = 14;

/// Bytes for which a buffer that is kept may have space: more than most requests need.
const BUFFER_BYTES_KEPT: usize = 1_024;

thread_local! {
    static BUFFERS: Spares<Vec<u8>> = const { Spares::of(BUFFER_BYTES_KEPT) };
}

/// Keeps the memory of what was read, and is not needed any more, for what comes next on this thread.
pub fn keep(mut read: Vec<u8>) {
    BUFFERS.take_back(&mut read);
}

/// A whole message from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFrame {
    /// Text, put together if it came in fragments.
    Text(String),
    /// To be answered with the same bytes.
    Ping(Vec<u8>),
    /// The answer to a ping, or a heartbeat of its own accord.
    Pong,
    /// The peer closes; its code, if it gave one.
    Close(Option<u16>),
}

/// Why a connection must be closed; each has its close code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// More than `frame_bytes_max`.
    #[error("a frame of {declared} bytes; the limit is {max}")]
    TooBig {
        /// The length in the header, fragments before it included.
        declared: u64,
        /// The limit.
        max: u64,
    },
    /// The peer broke the rules of RFC 6455.
    #[error("{0}")]
    Protocol(&'static str),
    /// Text that is no UTF-8.
    #[error("a text frame must be UTF-8")]
    Utf8,
    /// A binary message.
    #[error("this protocol has no binary frames")]
    Binary,
}

impl FrameError {
    /// The code to close with.
    #[must_use]
    pub fn close_code(&self) -> u16 {
        match self {
            Self::TooBig { .. } => close::TOO_BIG,
            Self::Protocol(_) => close::PROTOCOL,
            Self::Utf8 => close::INVALID_UTF8,
            Self::Binary => close::UNSUPPORTED,
        }
    }
}

/// Takes frames out of bytes. Holds nothing while no message is unfinished.
#[derive(Debug)]
pub struct Decoder {
    frame_bytes_max: u64,
    /// Bytes that came and were not taken yet; `taken` of them were.
    rest: Vec<u8>,
    taken: usize,
    /// The fragments of a text message that is not finished.
    fragments: Option<Vec<u8>>,
    /// After an error or a close frame nothing more is taken.
    over: bool,
}

impl Decoder {
    /// A decoder that refuses messages of more than `frame_bytes_max` bytes.
    #[must_use]
    pub fn new(frame_bytes_max: u64) -> Self {
        Self { frame_bytes_max, rest: Vec::new(), taken: 0, fragments: None, over: false }
    }

    /// Adds bytes as they came.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.over {
            return;
        }
        if self.taken > 0 {
            self.rest.drain(..self.taken);
            self.taken = 0;
        }
        BUFFERS.lend(&mut self.rest);
        self.rest.extend_from_slice(bytes);
    }

    /// The bytes that are held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.rest.capacity() + self.fragments.as_ref().map_or(0, Vec::capacity)
    }

    /// Takes the next message out; `None`: more bytes are needed.
    ///
    /// # Errors
    /// When the peer broke a rule; nothing more is taken then.
    pub fn next_frame(&mut self) -> Result<Option<ClientFrame>, FrameError> {
        while !self.over {
            match self.frame() {
                Ok(Step::Message(frame)) => {
                    self.over = matches!(frame, ClientFrame::Close(_));
                    self.forget_taken();
                    return Ok(Some(frame));
                }
                Ok(Step::Fragment) => {}
                Ok(Step::NeedsMore) => {
                    self.forget_taken();
                    return Ok(None);
                }
                Err(error) => {
                    self.over = true;
                    self.forget_taken();
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    /// Gives memory back when nothing unfinished is held.
    fn forget_taken(&mut self) {
        if self.over || self.taken == self.rest.len() {
            BUFFERS.take_back(&mut self.rest);
            self.taken = 0;
        }
    }

    fn frame(&mut self) -> Result<Step, FrameError> {
        let bytes = &self.rest[self.taken..];
        if bytes.is_empty() {
            return Ok(Step::NeedsMore);
        }
        let mut cursor = Cursor::new(&bytes[..bytes.len().min(HEADER_BYTES_MAX)]);
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| FrameError::Protocol("an unknown opcode"))?;
        let Some((header, len)) = parsed else { return Ok(Step::NeedsMore) };
        self.check(&header, len)?;
        if cursor.position() != header.len(len) as u64 {
            return Err(FrameError::Protocol("a length that could be written shorter"));
        }
        let Some(mask) = header.mask else { return Err(FrameError::Protocol("a client must mask its frames")) };
        // Checked above: far below what usize holds.
        let (start, len) = (self.taken + cursor.position() as usize, len as usize);
        let end = start + len;
        if self.rest.len() < end {
            return Ok(Step::NeedsMore);
        }
        let payload = &mut self.rest[start..end];
        unmask(payload, mask);
        self.taken = end;
        match header.opcode {
            OpCode::Control(Control::Ping) => Ok(Step::Message(ClientFrame::Ping(payload.to_vec()))),
            OpCode::Control(Control::Pong) => Ok(Step::Message(ClientFrame::Pong)),
            OpCode::Control(_) => close_frame(payload).map(Step::Message),
            OpCode::Data(_) => {
                let payload = &self.rest[start..end];
                match (&mut self.fragments, header.is_final) {
                    (None, true) if end == self.rest.len() => {
                        // Nothing came behind it, as mostly: its bytes need not be copied.
                        self.taken = 0;
                        let mut whole = std::mem::take(&mut self.rest);
                        whole.drain(..start);
                        text(whole)
                    }
                    (None, true) => text(payload.to_vec()),
                    (None, false) => {
                        self.fragments = Some(payload.to_vec());
                        Ok(Step::Fragment)
                    }
                    (Some(fragments), is_final) => {
                        fragments.extend_from_slice(payload);
                        if is_final { text(self.fragments.take().unwrap_or_default()) } else { Ok(Step::Fragment) }
                    }
                }
            }
        }
    }

    /// Everything that a header can be wrong in.
    fn check(&self, header: &FrameHeader, len: u64) -> Result<(), FrameError> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(FrameError::Protocol("reserved bits are set, but no extension was agreed on"));
        }
        if let OpCode::Control(control) = header.opcode {
            return match control {
                Control::Reserved(_) => Err(FrameError::Protocol("an unknown opcode")),
                _ if !header.is_final => Err(FrameError::Protocol("a control frame came in fragments")),
                _ if len > CONTROL_BYTES_MAX => Err(FrameError::Protocol("a control frame holds at most 125 bytes")),
                _ => Ok(()),
            };
        }
        match (header.opcode, &self.fragments) {
            (OpCode::Data(Data::Continue), None) => Err(FrameError::Protocol("a continuation of nothing")),
            (OpCode::Data(Data::Text), Some(_)) => Err(FrameError::Protocol("a message began inside another")),
            (OpCode::Data(Data::Binary), _) => Err(FrameError::Binary),
            (OpCode::Data(Data::Reserved(_)), _) => Err(FrameError::Protocol("an unknown opcode")),
            _ => {
                let before = self.fragments.as_ref().map_or(0, Vec::len) as u64;
                let declared = before.saturating_add(len);
                if declared > self.frame_bytes_max {
                    return Err(FrameError::TooBig { declared, max: self.frame_bytes_max });
                }
                Ok(())
            }
        }
    }
}

enum Step {
    Message(ClientFrame),
    Fragment,
    NeedsMore,
}

/// Takes the mask off (§5.3), eight bytes at a time.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = payload.chunks_exact_mut(8);
    for word in words.by_ref() {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        word.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ wide).to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

fn text(bytes: Vec<u8>) -> Result<Step, FrameError> {
    String::from_utf8(bytes).map(|text| Step::Message(ClientFrame::Text(text))).map_err(|_| FrameError::Utf8)
}

fn close_frame(payload: &[u8]) -> Result<ClientFrame, FrameError> {
    match payload {
        [] => Ok(ClientFrame::Close(None)),
        [_] => Err(FrameError::Protocol("a close frame with half a code")),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            let is_known = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            if !is_known {
                return Err(FrameError::Protocol("a close code that may not be sent"));
            }
            str::from_utf8(reason).map(|_| ClientFrame::Close(Some(code))).map_err(|_| FrameError::Utf8)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [7, 99, 0, 201];
        let mut frame = vec![first];
        match payload.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len @ 126..=65_535 => {
                frame.push(0x80 | 126);
                frame.extend((len as u16).to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        frame
    }

    fn decode(bytes: &[u8]) -> (Vec<ClientFrame>, Option<FrameError>) {
        let mut decoder = Decoder::new(1_000);
        decoder.feed(bytes);
        let mut frames = Vec::new();
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, None),
                Err(error) => return (frames, Some(error)),
            }
        }
    }

    #[test]
    fn fragments_become_one_text_with_pings_between_them() {
        let bytes = [masked(0x01, b"hel"), masked(0x89, b"?"), masked(0x80, b"lo"), masked(0x81, b"x")].concat();
        let frames =
            [ClientFrame::Ping(b"?".to_vec()), ClientFrame::Text("hello".into()), ClientFrame::Text("x".into())];
        assert_eq!(decode(&bytes), (frames.to_vec(), None));
    }

    #[test]
    fn a_declared_length_is_refused_before_its_first_byte() {
        let mut decoder = Decoder::new(1_000);
        decoder.feed(&[0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(decoder.next_frame(), Err(FrameError::TooBig { declared: 1 << 40, max: 1_000 }));
        decoder.feed(&[0; 4096]);
        assert_eq!((decoder.next_frame(), decoder.held()), (Ok(None), 0));
    }

    #[test]
    fn fragments_count_together() {
        let bytes = [masked(0x01, &[b'a'; 600]), masked(0x80, &[b'b'; 600])].concat();
        assert_eq!(decode(&bytes).1, Some(FrameError::TooBig { declared: 1_200, max: 1_000 }));
    }

    #[test]
    fn what_breaks_the_rules_has_its_close_code() {
        let code = |bytes: &[u8]| decode(bytes).1.map(|error| error.close_code());
        assert_eq!(code(&[0x81, 0x01, b'a']), Some(close::PROTOCOL), "unmasked");
        assert_eq!(code(&masked(0xc1, b"a")), Some(close::PROTOCOL), "reserved bit");
        assert_eq!(
            code(&[0x81, 0xfe, 0, 1, 0, 0, 0, 0, b'a']),
            Some(close::PROTOCOL),
            "a length in more bytes than needed"
        );
        assert_eq!(code(&masked(0x83, b"a")), Some(close::PROTOCOL), "reserved data opcode");
        assert_eq!(code(&masked(0x8b, b"a")), Some(close::PROTOCOL), "reserved control opcode");
        assert_eq!(code(&masked(0x80, b"a")), Some(close::PROTOCOL), "continuation of nothing");
        assert_eq!(code(&[masked(0x01, b"a"), masked(0x81, b"b")].concat()), Some(close::PROTOCOL), "nested");
        assert_eq!(code(&masked(0x09, b"a")), Some(close::PROTOCOL), "fragmented ping");
        assert_eq!(code(&masked(0x89, &[0; 126])), Some(close::PROTOCOL), "long ping");
        assert_eq!(code(&masked(0x88, &[3])), Some(close::PROTOCOL), "half a close code");
        assert_eq!(code(&masked(0x88, &[3, 237])), Some(close::PROTOCOL), "1005 may not be sent");
        assert_eq!(code(&masked(0x82, b"a")), Some(close::UNSUPPORTED), "binary");
        assert_eq!(code(&masked(0x81, &[0xff])), Some(close::INVALID_UTF8), "not UTF-8");
    }

    proptest! {
        #[test]
        fn however_bytes_are_cut_the_same_messages_come_out(
            texts in prop::collection::vec("\\PC{0,200}", 1..8), cuts in prop::collection::vec(1_usize..64, 1..100),
        ) {
            let texts: Vec<String> = texts.into_iter().map(|text| text.chars().take(200).collect()).collect();
            let bytes: Vec<u8> = texts.iter().flat_map(|text| masked(0x81, text.as_bytes())).collect();
            let mut decoder = Decoder::new(1_000);
            let (mut frames, mut rest, mut cuts) = (Vec::new(), &bytes[..], cuts.into_iter().cycle());
            while !rest.is_empty() {
                let (now, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                decoder.feed(now);
                while let Some(frame) = decoder.next_frame().expect("valid") { frames.push(frame) }
                rest = later;
            }
            let expected: Vec<_> = texts.into_iter().map(ClientFrame::Text).collect();
            prop_assert_eq!(frames, expected);
            prop_assert_eq!(decoder.held(), 0, "an idle connection holds no buffer");
        }

        #[test]
        fn no_bytes_make_it_panic_or_hold_more_than_it_was_fed(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
        ) {
            let mut decoder = Decoder::new(1_000);
            for piece in pieces {
                decoder.feed(&piece);
                while let Ok(Some(_)) = decoder.next_frame() {}
                prop_assert!(decoder.held() <= 2 * (1_000 + 300 + HEADER_BYTES_MAX) + 1_000);
            }
        }
    }
}
