//! What a server that was killed in the middle of a load must have when it is started again.
//!
//! The sender of a room comes back with its token and the place that it had got to, gets what it had missed, sends again
//! whatever was not acknowledged and the last post that was, and reads the log from the begin: what was acknowledged or
//! delivered is there, what was delivered byte for byte, and each post is there once, in the order in which it was sent.

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

/// As many missed events come with the reply to a join in any case; where there are more they may be left to `history`.
const RESUMED_MIN: u64 = 256;

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
    /// What was delivered, to whomever.
    pub(super) digests: Vec<u64>,
    /// How much of it the sender itself has.
    pub(super) place: u64,
    /// How many posts were acknowledged.
    pub(super) acknowledged: u64,
    /// How many were sent.
    pub(super) sent: u64,
}

/// What was checked of the promises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Deliveries of which the contents were checked.
    pub checked: u64,
    /// Deliveries of which the bytes were counted.
    pub counted: u64,
    /// How often the server was killed.
    pub kills: u64,
    /// Posts that were acknowledged before.
    pub acknowledged: u64,
    /// Posts that had been sent, or were about to be, and were not acknowledged; they were sent again.
    pub open: u64,
    /// Those of them that were found stored before that.
    pub stored_open: u64,
    /// Posts found in the logs at the end, each once.
    pub stored: u64,
}

impl AddAssign for Kept {
    fn add_assign(&mut self, other: Self) {
        self.checked += other.checked;
        self.counted += other.counted;
        self.kills += other.kills;
        self.acknowledged += other.acknowledged;
        self.open += other.open;
        self.stored_open += other.stored_open;
        self.stored += other.stored;
    }
}

/// The part that is needed of the replies to `join` and `history`.
#[derive(Deserialize)]
struct LogPart {
    seq: u64,
    #[serde(default)]
    resume: String,
    events: Vec<Box<RawValue>>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct Answer {
    ok: LogPart,
}

fn parse(reply: &[u8]) -> io::Result<LogPart> {
    Ok(serde_json::from_slice::<Answer>(reply)?.ok)
}

/// What the logs of all rooms of a load must be.
#[derive(Debug)]
pub struct Claims {
    pub(super) rooms: Vec<Claim>,
    /// Deliveries of which the contents were checked.
    pub(super) checked: u64,
    /// Deliveries of which the bytes were counted.
    pub(super) counted: u64,
}

/// Has a server that was killed account for all loads that it had, after it was started again.
///
/// # Errors
/// When it has not what it must have, with the room and what is wrong.
pub fn account(loads: Vec<Claims>, address: &str) -> io::Result<Kept> {
    let mut kept = Kept { kills: 1, ..Kept::default() };
    for Claims { rooms, checked, counted } in loads {
        kept += Kept { checked, counted, ..Kept::default() };
        for claim in rooms {
            let name = claim.name.clone();
            kept +=
                claim.account(address).map_err(|error| io::Error::other(format!("{name} after a kill: {error}")))?;
        }
    }
    Ok(kept)
}

impl Claim {
    fn account(mut self, address: &str) -> io::Result<Kept> {
        let mut socket = connect(address)?;
        ask(&mut socket, &format!(r#"{{"id":1,"op":"hello","token":"{}"}}"#, self.token))?;
        let stored = self.resume(&mut socket)?;
        if stored < self.acknowledged || stored > self.sent {
            return Err(wrong("posts stored", stored, &format!("{} to {}", self.acknowledged, self.sent)));
        }
        self.repeat(&mut socket, stored)?;
        let found = self.read_all(&mut socket)?;
        if found != self.sent {
            return Err(wrong("posts in the log", found, &self.sent.to_string()));
        }
        let (acknowledged, open) = (self.acknowledged, self.sent - self.acknowledged);
        Ok(Kept { acknowledged, open, stored_open: stored - acknowledged, stored: found, ..Kept::default() })
    }

    /// Comes back to the room: nothing that came after what it has is left out. Answers how many messages are there.
    fn resume(&mut self, socket: &mut TcpStream) -> io::Result<u64> {
        let since = self.first_seq.map_or(0, |first| first + self.place - 1);
        let Self { name, epoch, .. } = &self;
        let request = format!(r#"{{"id":2,"op":"join","room":"{name}","since":{{"epoch":"{epoch}","seq":{since}}}}}"#);
        let answer = ask(socket, &request)?;
        let part = parse(&answer)?;
        let missed = part.seq.saturating_sub(since);
        match part.resume.as_str() {
            "complete" if missed == part.events.len() as u64 => {
                for (number, event) in (self.place..).zip(&part.events) {
                    self.check(number, event)?;
                }
            }
            "gap" if missed > RESUMED_MIN => {}
            other => return Err(wrong("resumed", other, &format!("complete with {missed} events"))),
        }
        Ok(self.place + missed)
    }

    /// Whether an event is the message with this number, at its place, and as it was delivered if it was.
    fn check(&mut self, number: u64, event: &RawValue) -> io::Result<()> {
        let event = event.get().as_bytes();
        let (found, seq) = (frame::number(event, br#""text":""#)?, frame::number(event, br#""seq":"#)?);
        let first = *self.first_seq.get_or_insert(seq.saturating_sub(number));
        if found != number || first == 0 || seq != first + number {
            return Err(wrong("event", String::from_utf8_lossy(event), &format!("message {number} after seq {first}")));
        }
        let known = usize::try_from(number).ok().and_then(|at| self.digests.get(at));
        if known.is_some_and(|known| *known != digest(event)) {
            return Err(wrong("event", String::from_utf8_lossy(event), "what was delivered"));
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
            let first = *self.first_seq.get_or_insert_with(|| place.map_or(0, |(_, seq)| seq.saturating_sub(number)));
            let is_said = answer.windows(11).any(|part| part == br#""duplicate""#);
            if place != Some((number, first + number)) || is_said != (number < stored) {
                return Err(wrong("reply", String::from_utf8_lossy(&answer), &format!("message {number} of {stored}")));
            }
        }
        Ok(())
    }

    /// Reads the whole log; answers how many messages it has.
    fn read_all(&mut self, socket: &mut TcpStream) -> io::Result<u64> {
        let Some(first) = self.first_seq else { return Ok(0) };
        let (mut read, mut more) = (0_u64, true);
        while more {
            let after = first + read - 1;
            let name = &self.name;
            let page = format!(r#"{{"id":3,"op":"history","room":"{name}","after":{after},"limit":{PAGE}}}"#);
            let answer = ask(socket, &page)?;
            let part = parse(&answer)?;
            for event in &part.events {
                self.check(read, event)?;
                read += 1;
            }
            more = part.more && !part.events.is_empty();
        }
        Ok(read)
    }
}

fn wrong(what: &str, found: impl std::fmt::Display, due: &str) -> io::Error {
    io::Error::other(format!("{what}: {found}, and not {due}"))
}
