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
    pub(super) next: u64,
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
                0x89 if scene.is_killed => {}
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

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::*;
    use crate::bench::{
        load::{Names, Tally, flow::Flow, flow::Sender, room::Room},
        socket::Dialect,
    };

    /// A room of two in which messages 0 and 1 were sent: the sender, and another reader.
    struct Pair {
        room: Room,
        sender: Sender,
        members: [Member; 2],
        tally: Tally,
    }

    impl Pair {
        fn new() -> Self {
            let mut sender = Sender::new(0, 3, Dialect::Hubbub, Names { room: "r", nick: "m" });
            sender.begin(Flow::Window(2), 0);
            sender.write_due(0, true);
            let histogram = || Histogram::new(3).expect("a histogram");
            let tally = Tally { messages: 0, deliveries: 0, news: 0, latency: histogram(), last: histogram() };
            Self { room: Room::new(2), sender, members: [Member::waiting(3, true), Member::waiting(3, false)], tally }
        }

        /// Something comes to the sender or to the other one.
        fn comes(&mut self, to: usize, bytes: &[u8]) -> Result<(), String> {
            let Self { room, sender, members, tally } = self;
            let is_sender = to == 0;
            let mut scene =
                Scene { room, sender, number: 3, name: br#""room":"r"#, is_sender, now_ns: 5, is_killed: false, tally };
            members[to].take(bytes, &mut scene).map_err(|error| error.to_string())
        }
    }

    fn frame(payload: &str) -> Vec<u8> {
        let mut frame = vec![0x81];
        match payload.len() {
            len @ 0..126 => frame.push(len as u8),
            len => frame.extend([126, (len >> 8) as u8, len as u8]),
        }
        frame.extend(payload.as_bytes());
        frame
    }

    fn event(room: &str, number: u64, seq: u64) -> Vec<u8> {
        frame(&format!(
            r#"{{"ev":"post","room":"{room}","seq":{seq},"at":1,"user":1,"from":"m0","text":"{number:0>64}","nonce":"n-{number}"}}"#
        ))
    }

    fn ok(number: u64, seq: u64) -> Vec<u8> {
        frame(&format!(r#"{{"re":{},"ok":{{"seq":{seq},"at":1}}}}"#, frame::request(number)))
    }

    #[test]
    fn what_comes_in_order_to_both_is_counted_however_it_is_cut() {
        let mut pair = Pair::new();
        let all = [ok(0, 7), event("r3", 0, 7), event("r3", 1, 8), ok(1, 8)].concat();
        for byte in &all {
            pair.comes(0, &[*byte]).expect("in order");
        }
        assert!(!pair.sender.owes());
        assert!(!pair.room.is_empty(), "the other one has nothing");
        pair.comes(1, &[event("r3", 0, 7), event("r3", 1, 8)].concat()).expect("the same");
        assert!(pair.room.is_empty());
        assert_eq!((pair.tally.messages, pair.tally.deliveries, pair.tally.last.len()), (2, 4, 2));
    }

    /// What must be said when the last of these comes, after all others have.
    fn fault(story: &[(usize, Vec<u8>)]) -> String {
        let mut pair = Pair::new();
        let (last, before) = story.split_last().expect("a story");
        before.iter().for_each(|(to, bytes)| pair.comes(*to, bytes).expect("nothing wrong yet"));
        pair.comes(last.0, &last.1).expect_err("a fault")
    }

    #[test]
    fn whatever_is_wrong_is_found() {
        let lost = fault(&[(0, event("r3", 1, 8))]);
        assert!(lost.contains("a reader that has 0 messages got"), "{lost}");
        let twice = fault(&[(0, event("r3", 0, 7)), (0, event("r3", 0, 7))]);
        assert!(twice.contains("a reader that has 1 messages got"), "{twice}");
        let hole = fault(&[(0, event("r3", 0, 7)), (0, event("r3", 1, 9))]);
        assert!(hole.contains("message 1 has seq 9, and not 8"), "{hole}");
        let different = fault(&[(0, event("r3", 0, 7)), (1, event("r3", 0, 8))]);
        assert!(different.contains("a reader that has 0 messages got"), "{different}");
        let elsewhere = fault(&[(0, event("r4", 0, 7))]);
        assert!(elsewhere.contains("room 3: a reader that has 0 messages got"), "{elsewhere}");
        let unsent = fault(&[(0, event("r3", 0, 7)), (0, event("r3", 1, 8)), (0, event("r3", 2, 9))]);
        assert!(unsent.contains("message 2 came, and was not sent"), "{unsent}");
    }

    #[test]
    fn an_acknowledgement_that_is_wrong_is_found() {
        let elsewhere = fault(&[(0, event("r3", 0, 7)), (0, ok(0, 8))]);
        assert!(elsewhere.contains("message 0 has seq 8, and not 7"), "{elsewhere}");
        let out_of_order = fault(&[(0, ok(1, 8))]);
        assert!(out_of_order.contains("the server said"), "{out_of_order}");
        let twice = fault(&[(0, ok(0, 7)), (0, ok(0, 7))]);
        assert!(twice.contains("the server said"), "{twice}");
        let unsent = fault(&[(0, ok(0, 7)), (0, ok(1, 8)), (0, ok(2, 9))]);
        assert!(unsent.contains("message 2 was acknowledged and not sent"), "{unsent}");
        let not_its_own = fault(&[(1, ok(0, 7))]);
        assert!(not_its_own.contains("the server said"), "{not_its_own}");
        let refusal = fault(&[(0, frame(r#"{"re":10,"error":{"code":"rate_limited","message":"slowly"}}"#))]);
        assert!(refusal.contains("rate_limited"), "{refusal}");
        let lagged = fault(&[(1, frame(r#"{"ev":"lagged","room":"r3","seq":7}"#))]);
        assert!(lagged.contains("lagged"), "{lagged}");
    }
}
