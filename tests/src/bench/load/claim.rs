//! What a server that was killed in the middle of a load must have when it is started again.
//!
//! The sender of a room comes back with its token and the place that it had got to, sends again whatever was not
//! acknowledged and the last post that was, and reads the log from the begin: what was acknowledged or delivered is
//! there, byte for byte, and each post is there once, in the order in which it was sent.

use std::{
    io::{self, Write},
    net::TcpStream,
    ops::{AddAssign, Range},
};

use crate::bench::socket::Dialect;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    entrance::{ask, connect, reply},
    frame,
    room::digest,
};

/// Posts that are sent again before the replies to them are read.
const REPEATED_TOGETHER: u64 = 32;

/// Events of a page.
const PAGE: u64 = 500;

/// What one room's log must be.
#[derive(Debug)]
pub(super) struct Claim {
    /// The room.
    pub(super) name: String,
    /// Its sender's.
    pub(super) token: String,
    pub(super) epoch: String,
    /// The seq of message 0, where one has come or was acknowledged.
    pub(super) first_seq: Option<u64>,
    /// What was delivered.
    pub(super) digests: Vec<u64>,
    /// How many posts were acknowledged.
    pub(super) acknowledged: u64,
    /// How many were sent.
    pub(super) sent: u64,
}

/// What was checked of the promises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Deliveries that were checked or counted while the server ran.
    pub deliveries: u64,
    /// How often it was killed in the middle of the load.
    pub kills: u64,
    /// Posts that were acknowledged before.
    pub acknowledged: u64,
    /// Posts that had been sent and were not acknowledged; they were sent again.
    pub open: u64,
    /// Those of them that were found stored.
    pub stored_open: u64,
    /// Posts in the logs at the end: all, once.
    pub stored: u64,
}

impl AddAssign for Kept {
    fn add_assign(&mut self, other: Self) {
        self.deliveries += other.deliveries;
        self.kills += other.kills;
        self.acknowledged += other.acknowledged;
        self.open += other.open;
        self.stored_open += other.stored_open;
        self.stored += other.stored;
    }
}

/// The part that is needed of the replies to `join` and `history`.
#[derive(Deserialize)]
struct Part {
    seq: u64,
    #[serde(default)]
    resume: String,
    events: Vec<Box<RawValue>>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct Answer<T> {
    ok: T,
}

fn parse<'a, T: Deserialize<'a>>(reply: &'a [u8]) -> io::Result<T> {
    serde_json::from_slice::<Answer<T>>(reply).map(|answer| answer.ok).map_err(io::Error::other)
}

/// What the logs of all rooms of a load must be.
#[derive(Debug)]
pub struct Claims {
    pub(super) rooms: Vec<Claim>,
    /// Deliveries that were checked or counted.
    pub(super) deliveries: u64,
}

impl Claims {
    /// Has the server account for them after it was started again.
    ///
    /// # Errors
    /// When it has not what it must have, with the room and what is wrong.
    pub fn settle(self, address: &str) -> io::Result<Kept> {
        let mut kept = Kept { deliveries: self.deliveries, ..Kept::default() };
        for claim in self.rooms {
            let name = claim.name.clone();
            kept += claim.settle(address).map_err(|error| io::Error::other(format!("{name} after a kill: {error}")))?;
        }
        Ok(kept)
    }
}

impl Claim {
    fn settle(mut self, address: &str) -> io::Result<Kept> {
        let mut socket = connect(address)?;
        ask(&mut socket, &format!(r#"{{"id":1,"op":"hello","token":"{}"}}"#, self.token))?;
        let stored = self.resume(&mut socket)?;
        if stored < self.acknowledged || stored > self.sent {
            return Err(wrong("posts stored", stored, &format!("{} to {}", self.acknowledged, self.sent)));
        }
        self.repeat(&mut socket, stored)?;
        self.read_all(&mut socket)?;
        let open = self.sent - self.acknowledged;
        let (acknowledged, stored_open) = (self.acknowledged, stored - self.acknowledged);
        Ok(Kept { acknowledged, open, stored_open, stored: self.sent, ..Kept::default() })
    }

    /// Comes back to the room: nothing that came after what it has is left out. Answers how many messages are there.
    fn resume(&mut self, socket: &mut TcpStream) -> io::Result<u64> {
        let delivered = self.digests.len() as u64;
        let since = self.first_seq.map_or(0, |first| first + delivered - 1);
        let Self { name, epoch, .. } = &self;
        let request = format!(r#"{{"id":2,"op":"join","room":"{name}","since":{{"epoch":"{epoch}","seq":{since}}}}}"#);
        let answer = ask(socket, &request)?;
        let part: Part = parse(&answer)?;
        if part.resume != "complete" || part.seq != since + part.events.len() as u64 {
            return Err(wrong("resumed", part.resume, &format!("complete from {since} to {}", part.seq)));
        }
        self.append(&part.events)?;
        Ok(self.digests.len() as u64)
    }

    /// Takes events that follow those that are known.
    fn append(&mut self, events: &[Box<RawValue>]) -> io::Result<()> {
        for event in events {
            let event = event.get().as_bytes();
            self.check_place(self.digests.len() as u64, event)?;
            self.digests.push(digest(event));
        }
        Ok(())
    }

    /// Whether an event is the message with this number, at its place.
    fn check_place(&mut self, number: u64, event: &[u8]) -> io::Result<()> {
        let (found, seq) = (frame::number(event, br#""text":""#)?, frame::number(event, br#""seq":"#)?);
        let first = *self.first_seq.get_or_insert(seq.wrapping_sub(number));
        if found != number || seq != first + number {
            return Err(wrong("event", String::from_utf8_lossy(event), &format!("message {number} after seq {first}")));
        }
        Ok(())
    }

    /// Sends again the last post that was acknowledged and all that were not; `stored` of them are there.
    fn repeat(&mut self, socket: &mut TcpStream, stored: u64) -> io::Result<()> {
        let mut next = self.acknowledged.saturating_sub(1);
        while next < self.sent {
            let end = (next + REPEATED_TOGETHER).min(self.sent);
            self.repeat_some(socket, next..end, stored)?;
            next = end;
        }
        Ok(())
    }

    fn repeat_some(&mut self, socket: &mut TcpStream, numbers: Range<u64>, stored: u64) -> io::Result<()> {
        let mut frames = Vec::new();
        for number in numbers.clone() {
            frame::put_post(&mut frames, Dialect::Hubbub, (&self.name, ""), number);
        }
        socket.write_all(&frames)?;
        for number in numbers {
            let answer = reply(socket, frame::request(number))?;
            let place = answer.strip_prefix(br#"{"re":"#).and_then(frame::posted);
            let first = *self.first_seq.get_or_insert_with(|| place.map_or(0, |(_, seq)| seq.wrapping_sub(number)));
            let is_said = answer.windows(11).any(|part| part == br#""duplicate""#);
            if place != Some((number, first + number)) || is_said != (number < stored) {
                return Err(wrong("reply", String::from_utf8_lossy(&answer), &format!("message {number} of {stored}")));
            }
        }
        Ok(())
    }

    /// Reads the whole log.
    fn read_all(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        let Some(first) = self.first_seq else { return Ok(()) };
        let (mut read, mut more) = (0_u64, true);
        while more {
            let after = first + read - 1;
            let name = &self.name;
            let page = format!(r#"{{"id":3,"op":"history","room":"{name}","after":{after},"limit":{PAGE}}}"#);
            let answer = ask(socket, &page)?;
            let part: Part = parse(&answer)?;
            for event in &part.events {
                let event = event.get().as_bytes();
                self.check_place(read, event)?;
                let known = usize::try_from(read).ok().and_then(|at| self.digests.get(at));
                if known.is_some_and(|known| *known != digest(event)) {
                    return Err(wrong("event", String::from_utf8_lossy(event), "what was delivered"));
                }
                read += 1;
            }
            more = part.more && !part.events.is_empty();
        }
        if read != self.sent {
            return Err(wrong("posts in the log", read, &self.sent.to_string()));
        }
        Ok(())
    }
}

fn wrong(what: &str, found: impl std::fmt::Display, due: &str) -> io::Error {
    io::Error::other(format!("{what}: {found}, and not {due}"))
}
