//! A hostile peer: a bare TCP socket on which any bytes are sent, and what comes back is taken apart.

use std::{io, net::SocketAddr};

use hubbub_protocol::{ErrorBody, ErrorCode, ServerFrame};
use hubbub_tests::{eventually::within, http};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpSocket,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// The first byte of a whole text frame.
pub(crate) const TEXT: u8 = 0x81;
/// The first byte of the first fragment of a text.
pub(crate) const TEXT_BEGINS: u8 = 0x01;
/// The first byte of a fragment between the first and the last.
pub(crate) const GOES_ON: u8 = 0x00;
/// The first byte of the last fragment.
pub(crate) const ENDS: u8 = 0x80;
/// The first byte of a binary frame.
pub(crate) const BINARY: u8 = 0x82;
/// The first byte of a close frame.
pub(crate) const CLOSE: u8 = 0x88;
/// The first byte of a ping.
pub(crate) const PING: u8 = 0x89;
/// The first byte of a pong.
pub(crate) const PONG: u8 = 0x8a;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The header of a masked frame that says it has `len` bytes of payload.
pub(crate) fn header(first: u8, len: u64) -> Vec<u8> {
    let mut header = vec![first];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ 0..=125), _) => header.push(0x80 | len),
        (_, Ok(len)) => {
            header.push(0x80 | 126);
            header.extend(len.to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend(len.to_be_bytes());
        }
    }
    header.extend(MASK);
    header
}

/// A masked frame.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len() as u64);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A masked text frame.
pub(crate) fn text(text: &str) -> Vec<u8> {
    frame(TEXT, text.as_bytes())
}

/// A masked close frame.
pub(crate) fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Text(String),
    Ping,
    Pong(Vec<u8>),
    /// A close frame and its code.
    Closed(u16),
    /// The end of the stream, or a reset.
    End,
}

/// A socket and what was read from it.
pub(crate) struct Peer {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    read: Vec<u8>,
    taken: usize,
}

impl Peer {
    /// Connects, and says nothing.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpSocket::new_v4().expect("a socket"), address).await
    }

    /// Connects with a receive buffer so small that not reading is soon noticed.
    pub(crate) async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("a small buffer");
        Self::over(socket, address).await
    }

    async fn over(socket: TcpSocket, address: SocketAddr) -> Self {
        let stream = within("a connection", socket.connect(address)).await.expect("the server listens");
        stream.set_nodelay(true).expect("the option can be set");
        let (from, to) = stream.into_split();
        Self { from, to, read: Vec::new(), taken: 0 }
    }

    /// Makes a WebSocket of it; `behind` is sent in one segment with the request.
    pub(crate) async fn upgrade(mut self, address: SocketAddr, behind: &[u8]) -> Self {
        let mut request = http::upgrade_head(address).into_bytes();
        request.extend(b"\r\n");
        request.extend(behind);
        assert!(self.send(&request).await, "the request is sent");
        let head = self.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        self
    }

    /// A WebSocket that has not said hello.
    pub(crate) async fn upgraded(address: SocketAddr) -> Self {
        Self::connect(address).await.upgrade(address, b"").await
    }

    /// A WebSocket with a session.
    pub(crate) async fn greeted(address: SocketAddr, nick: &str) -> Self {
        let mut peer = Self::upgraded(address).await;
        peer.greet(nick).await;
        peer
    }

    /// Says hello; that must succeed.
    pub(crate) async fn greet(&mut self, nick: &str) {
        self.send(&text(&format!(r#"{{"id":0,"op":"hello","guest":"{nick}"}}"#))).await;
        assert_eq!(self.reply().await, (Some(0), Ok(())), "hello as {nick}");
    }

    /// Sends bytes; `false` when the server takes no more.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        within("space to write", self.to.write_all(bytes)).await.is_ok()
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn finish(&mut self) {
        if let Err(error) = self.to.shutdown().await {
            println!("the server had ended first: {error}");
        }
    }

    /// Ends with a reset.
    pub(crate) fn reset(self) {
        let stream = self.from.reunite(self.to).expect("two halves of one");
        stream.set_zero_linger().expect("the option can be set");
    }

    /// The halves, to read and write at the same time.
    pub(crate) fn halves(&mut self) -> (&mut OwnedReadHalf, &mut OwnedWriteHalf) {
        (&mut self.from, &mut self.to)
    }

    /// Sends `bytes` as long as that takes while `count` replies are read; answers their ids.
    pub(crate) async fn send_and_read(&mut self, bytes: &[u8], count: usize) -> Vec<Option<u64>> {
        let Self { from, to, read, taken } = self;
        let mut ids = Vec::new();
        let send = async {
            to.write_all(bytes).await.expect("all is taken");
            std::future::pending().await
        };
        let receive = async {
            while ids.len() < count {
                if let Some((heard, len)) = take(&read[*taken..]) {
                    *taken += len;
                    ids.extend(reply_id(heard));
                } else {
                    read.drain(..*taken);
                    *taken = 0;
                    assert!(from.read_buf(read).await.expect("more replies") > 0, "the server hung up");
                }
            }
        };
        within("all replies", async {
            tokio::select! { () = send => {} () = receive => {} }
        })
        .await;
        ids
    }

    /// Reads more; `false` at the end.
    async fn more(&mut self) -> bool {
        self.read.drain(..self.taken);
        self.taken = 0;
        match within("something from the server", self.from.read_buf(&mut self.read)).await {
            Ok(count) => count > 0,
            Err(error) => {
                let is_reset = matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe);
                assert!(is_reset, "{error}");
                false
            }
        }
    }

    /// The head of an HTTP answer; what was read so far when the server ends instead.
    pub(crate) async fn head(&mut self) -> String {
        loop {
            let bytes = &self.read[self.taken..];
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
                self.taken += end + 4;
                return head;
            }
            if !self.more().await {
                return String::from_utf8_lossy(&self.read).into_owned();
            }
        }
    }

    /// The next frame. A server's frames are unmasked, whole, and known.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            if let Some((heard, len)) = take(&self.read[self.taken..]) {
                self.taken += len;
                return heard;
            }
            if !self.more().await {
                return Heard::End;
            }
        }
    }

    /// The next reply's id and error; events and pings are left out.
    pub(crate) async fn reply(&mut self) -> (Option<u64>, Result<(), ErrorCode>) {
        let (re, outcome) = self.reply_body().await;
        (re, outcome.map_err(|error| error.code))
    }

    /// The same with the whole error.
    pub(crate) async fn reply_body(&mut self) -> (Option<u64>, Result<(), ErrorBody>) {
        loop {
            match self.hear().await {
                Heard::Text(text) => match ServerFrame::decode(&text) {
                    Ok(ServerFrame::Reply { re, outcome }) => return (re, outcome.map(drop)),
                    Ok(_) => {}
                    Err(error) => panic!("not a frame of the protocol: {error}: {text}"),
                },
                Heard::Ping | Heard::Pong(_) => {}
                other => panic!("no reply: {other:?}"),
            }
        }
    }

    /// Everything up to the close frame, whose code is answered; `None` when the connection ends without one.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.hear().await {
                Heard::Closed(code) => return Some(code),
                Heard::End => return None,
                Heard::Text(_) | Heard::Ping | Heard::Pong(_) => {}
            }
        }
    }

    /// Waits for the end of the stream; nothing may come before it.
    pub(crate) async fn ended(&mut self) {
        assert_eq!(self.hear().await, Heard::End);
    }
}

/// The id of a reply; nothing for an event or a ping.
fn reply_id(heard: Heard) -> Option<Option<u64>> {
    match heard {
        Heard::Text(text) => match ServerFrame::decode(&text).expect("a frame of the protocol") {
            ServerFrame::Reply { re, .. } => Some(re),
            ServerFrame::Event(_) => None,
        },
        Heard::Ping | Heard::Pong(_) => None,
        other => panic!("no reply: {other:?}"),
    }
}

/// Takes one of a server's frames from the front: what it is and how many bytes it has.
fn take(bytes: &[u8]) -> Option<(Heard, usize)> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    let (len, rest, header) = match second {
        0..=125 => (usize::from(second), rest, 2),
        126 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*len)), rest, 4)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*len)).expect("a length"), rest, 10)
        }
        _ => panic!("a server must not mask its frames"),
    };
    let payload = rest.get(..len)?;
    let heard = match first {
        TEXT => Heard::Text(String::from_utf8(payload.to_vec()).expect("UTF-8")),
        PING => Heard::Ping,
        PONG => Heard::Pong(payload.to_vec()),
        CLOSE => {
            let (code, reason) = payload.split_first_chunk().expect("a code");
            assert!(std::str::from_utf8(reason).is_ok() && len <= 125, "{payload:?}");
            Heard::Closed(u16::from_be_bytes(*code))
        }
        other => panic!("a server's frame begins with {other:#x}"),
    };
    Some((heard, header + len))
}
