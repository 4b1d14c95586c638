//! The crowd: many sockets in one thread that count what they get, one of which sends.

use std::{
    io::{self, IoSlice, Read, Write},
    net::TcpStream,
};

use futures_util::{StreamExt, stream::FuturesUnordered};

/// Tells the servers of the bench how many members will come.
pub(crate) const MEMBERS_HEADER: &str = "X-Members:";

/// The length of a post's frame from Hubbub, about; the bare server is given as much to copy.
const POST_BYTES: usize = 160;

/// Which server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Hubbub's protocol.
    Hubbub,
    /// Whatever is sent comes to all.
    Bare,
}

/// Counts text frames of a server that begin as a post does, however they are cut.
#[derive(Default)]
struct Counter {
    rest: Vec<u8>,
}

impl Counter {
    fn feed(&mut self, bytes: &[u8]) -> usize {
        self.rest.extend_from_slice(bytes);
        let (mut at, mut posts) = (0, 0);
        while let Some(header) = self.rest.get(at..at + 2) {
            let (start, len) = match header[1] {
                126 => match self.rest.get(at + 2..at + 4) {
                    Some(len) => (at + 4, usize::from(u16::from_be_bytes([len[0], len[1]]))),
                    None => break,
                },
                127 => match self.rest.get(at + 2..at + 10) {
                    Some(len) => (at + 10, len.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))),
                    None => break,
                },
                len => (at + 2, usize::from(len)),
            };
            let Some(payload) = self.rest.get(start..start + len) else { break };
            posts += usize::from(payload.starts_with(br#"{"ev":"post""#));
            at = start + len;
        }
        self.rest.drain(..at);
        posts
    }
}

/// One socket of the crowd.
struct Member {
    socket: tokio::net::TcpStream,
    counter: Counter,
}

impl Member {
    /// Reads until `posts` more have come.
    async fn expect(&mut self, mut posts: usize) -> io::Result<()> {
        let mut bytes = [0; 16_384];
        while posts > 0 {
            self.socket.readable().await?;
            match self.socket.try_read(&mut bytes) {
                Ok(0) => return Err(io::Error::other("the server closed a member")),
                Ok(count) => posts = posts.saturating_sub(self.counter.feed(&bytes[..count])),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Everybody in one room.
pub(crate) struct Crowd {
    runtime: tokio::runtime::Runtime,
    dialect: Dialect,
    members: Vec<Member>,
    sent: u64,
}

impl Crowd {
    /// Connects `count` members; the first one is the sender.
    pub(crate) fn gather(dialect: Dialect, address: &str, count: usize) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut members = Vec::with_capacity(count);
        for number in 0..count {
            let socket = connect(dialect, address, number, count)?;
            socket.set_nonblocking(true)?;
            let _in_runtime = runtime.enter();
            members.push(Member { socket: tokio::net::TcpStream::from_std(socket)?, counter: Counter::default() });
        }
        Ok(Self { runtime, dialect, members, sent: 0 })
    }

    /// Sends `messages`, `window` at a time, and waits until everybody has them all.
    pub(crate) fn play(&mut self, window: usize, messages: usize) -> io::Result<()> {
        let (dialect, mut sent) = (self.dialect, self.sent);
        let Some((sender, readers)) = self.members.split_first_mut() else { return Ok(()) };
        let played = self.runtime.block_on(async {
            let reading = async {
                let mut reading: FuturesUnordered<_> =
                    readers.iter_mut().map(|member| member.expect(messages)).collect();
                while let Some(done) = reading.next().await {
                    done?;
                }
                Ok::<_, io::Error>(())
            };
            let sending = async {
                let mut left = messages;
                while left > 0 {
                    let count = window.min(left);
                    let bytes: Vec<u8> = (0..count)
                        .flat_map(|_| {
                            sent += 1;
                            message(dialect, sent)
                        })
                        .collect();
                    write_all(&sender.socket, &bytes).await?;
                    sender.expect(count).await?;
                    left -= count;
                }
                Ok(())
            };
            tokio::try_join!(reading, sending)
        });
        self.sent = sent;
        played.map(|_| ())
    }
}

async fn write_all(socket: &tokio::net::TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        socket.writable().await?;
        match socket.try_write_vectored(&[IoSlice::new(bytes)]) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// One message, in a masked frame.
fn message(dialect: Dialect, number: u64) -> Vec<u8> {
    let text = "It is a truth universally acknowledged";
    match dialect {
        Dialect::Hubbub => {
            masked(&format!(r#"{{"id":{number},"op":"post","room":"lobby","nonce":"n-{number}","text":"{text}"}}"#))
        }
        Dialect::Bare => masked(&format!(r#"{{"ev":"post","text":"{text:<width$}"}}"#, width = POST_BYTES - 24)),
    }
}

fn masked(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    if text.len() < 126 {
        frame.push(0x80 | text.len() as u8);
    } else {
        frame.push(0x80 | 126);
        frame.extend((text.len() as u16).to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

fn connect(dialect: Dialect, address: &str, number: usize, count: usize) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    write!(
        socket,
        "GET /v1/ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{MEMBERS_HEADER} {count}\r\n\r\n"
    )?;
    let head = read_head(&mut socket)?;
    if !head.starts_with("HTTP/1.1 101") {
        return Err(io::Error::other(head));
    }
    if dialect == Dialect::Hubbub {
        socket.write_all(&masked(&format!(r#"{{"id":1,"op":"hello","guest":"member{number}"}}"#)))?;
        expect_text(&mut socket, r#""re":1,"ok""#)?;
        socket.write_all(&masked(r#"{"id":2,"op":"join","room":"lobby"}"#))?;
        expect_text(&mut socket, r#""re":2,"ok""#)?;
    }
    Ok(socket)
}

/// Reads until the text has come; presence that follows in the same segment is not needed.
fn expect_text(socket: &mut TcpStream, text: &str) -> io::Result<()> {
    let mut seen = Vec::new();
    let mut header = [0; 2];
    while !String::from_utf8_lossy(&seen).contains(text) {
        socket.read_exact(&mut header)?;
        let len = match header[1] {
            126 => {
                let mut len = [0; 2];
                socket.read_exact(&mut len)?;
                usize::from(u16::from_be_bytes(len))
            }
            127 => {
                let mut len = [0; 8];
                socket.read_exact(&mut len)?;
                usize::try_from(u64::from_be_bytes(len)).map_err(io::Error::other)?
            }
            len => usize::from(len),
        };
        seen = vec![0; len];
        socket.read_exact(&mut seen)?;
    }
    Ok(())
}

/// Reads the head of a request or response, byte by byte so as not to read beyond it.
pub(crate) fn read_head(socket: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

/// The answer to a request's key (RFC 6455 §4.2.2).
pub(crate) fn websocket_accept(head: &str) -> String {
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key:")).unwrap_or_default();
    tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.trim().as_bytes())
}
