//! One socket of the load side.

use std::io::{self, Read, Write};

use mio::{Registry, net::TcpStream};
use rustix::net::RecvFlags;

use super::{frame, room::Scene};

/// A frame of a server that is larger than this is not waited for.
const FRAME_BYTES_MAX: usize = 4 << 20;

/// What the kernel is asked to keep for a lazy reader; it takes twice as much, for bookkeeping, or less than asked.
const RECEIVE_BYTES: usize = 512 * 1024;

/// What one who comes back shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Pass {
    /// Of the session.
    pub(super) token: String,
    /// Of the room's log.
    pub(super) epoch: String,
}

/// One reader.
pub(super) struct Member {
    pub(super) socket: Option<TcpStream>,
    pub(super) room: usize,
    /// Whether it posts in its room.
    pub(super) is_sender: bool,
    /// What it was let in with, where it has to come back: a sender of Hubbub's.
    pub(super) pass: Option<Box<Pass>>,
    /// The begin of a frame whose end has not come.
    rest: Vec<u8>,
    /// The number of the message that is due.
    next: u64,
    /// Bytes of this run, where they are only counted.
    pub(super) counted: u64,
}

impl Member {
    /// Nobody yet.
    pub(super) fn waiting(room: usize, is_sender: bool) -> Self {
        Self { socket: None, room, is_sender, pass: None, rest: Vec::new(), next: 0, counted: 0 }
    }

    fn socket(&mut self) -> io::Result<&mut TcpStream> {
        self.socket.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    pub(super) fn read(&mut self, scratch: &mut [u8]) -> io::Result<usize> {
        self.socket()?.read(scratch)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket()?.write(bytes)
    }

    /// Is no part of the event loop any more, and has a large buffer, where the system gives one.
    pub(super) fn be_lazy(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(self.socket()?)?;
        Ok(rustix::net::sockopt::set_socket_recv_buffer_size(self.socket()?, RECEIVE_BYTES)?)
    }

    /// Counts what has come, lets the kernel throw it away (tcp(7), `MSG_TRUNC`), and answers how much it was.
    pub(super) fn count(&mut self, scratch: &mut [u8]) -> io::Result<u64> {
        let before = self.counted;
        loop {
            match rustix::net::recv(self.socket()?, &mut *scratch, RecvFlags::TRUNC | RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return Err(io::Error::other("the server closed a member")),
                Ok((_, count)) => {
                    self.counted += count as u64;
                    if count < scratch.len() {
                        break;
                    }
                }
                Err(rustix::io::Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.counted - before)
    }

    /// What the kernel may keep for it unread, in bytes: half of the buffer, the rest of which is for bookkeeping.
    pub(super) fn window(&mut self) -> io::Result<u64> {
        Ok(rustix::net::sockopt::socket_recv_buffer_size(self.socket()?)? as u64 / 2)
    }

    /// Takes what was read.
    pub(super) fn take(&mut self, bytes: &[u8], scene: &mut Scene<'_>) -> io::Result<()> {
        if self.rest.is_empty() {
            let taken = self.frames(bytes, scene)?;
            self.rest.extend_from_slice(&bytes[taken..]);
        } else {
            let mut rest = std::mem::take(&mut self.rest);
            rest.extend_from_slice(bytes);
            let taken = self.frames(&rest, scene)?;
            rest.drain(..taken);
            self.rest = rest;
        }
        Ok(())
    }

    /// Takes whole frames; answers how many bytes they were.
    fn frames(&mut self, bytes: &[u8], scene: &mut Scene<'_>) -> io::Result<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let ahead = &bytes[at..];
            if let Some(known) = scene.known(self.next)
                && ahead.starts_with(known)
            {
                at += known.len();
                scene.delivered(self.next);
                self.next += 1;
                continue;
            }
            let Some((start, len)) = frame::payload(ahead) else { break };
            if len > FRAME_BYTES_MAX {
                return Err(io::Error::other(format!("a frame of {len} bytes")));
            }
            let Some(payload) = ahead.get(start..start + len) else { break };
            match ahead[0] {
                0x89 => self.pong(payload)?,
                0x88 => return Err(io::Error::other(format!("closed: {}", String::from_utf8_lossy(payload)))),
                _ => {
                    let whole = &ahead[..start + len];
                    if scene.other(self.next, whole, payload)? {
                        scene.delivered(self.next);
                        self.next += 1;
                    }
                }
            }
            at += start + len;
        }
        Ok(at)
    }

    fn pong(&mut self, payload: &[u8]) -> io::Result<()> {
        self.write(&frame::pong(payload)).map(|_| ())
    }
}
