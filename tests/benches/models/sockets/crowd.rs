//! The crowd: many sockets in one thread that count what they get, one of which sends.

use std::io::{self, IoSlice};

use futures_util::{StreamExt, stream::FuturesUnordered};
use hubbub_tests::bench::socket::{Dialect, connect, masked};

/// The length of a post's frame from Hubbub, about; the bare server is given as much to copy.
const POST_BYTES: usize = 160;

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
