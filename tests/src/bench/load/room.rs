//! A room as its readers see it: one log, which each of them must get.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hasher},
    io,
};

use super::{Tally, claim::Claim, flow::Sender, frame, member::Pass};

/// A message that not everybody has.
struct Entry {
    frame: Box<[u8]>,
    intended_ns: u64,
    left: usize,
}

/// What is known of a room.
pub(super) struct Room {
    /// How many readers are read.
    size: usize,
    /// The bytes of the messages of this run, and their number.
    pub(super) bytes: u64,
    messages: u64,
    /// The number of the first message in the log.
    base: u64,
    log: VecDeque<Entry>,
    /// The first message's seq, once one has come or was acknowledged.
    first_seq: Option<u64>,
    /// Of all messages since the begin, not of this run alone: what each was. Empty where nobody will ask.
    digests: Vec<u64>,
}

/// What an event was, in short.
pub(super) fn digest(event: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(event);
    hasher.finish()
}

impl Room {
    pub(super) fn new(size: usize) -> Self {
        let (log, digests) = Default::default();
        Self { size, bytes: 0, messages: 0, base: 0, log, first_seq: None, digests }
    }

    /// One reader less is read.
    pub(super) fn leave_to_count(&mut self) {
        self.size -= 1;
    }

    /// A run begins.
    pub(super) fn begin(&mut self) {
        (self.bytes, self.messages) = (0, 0);
    }

    /// Messages since the run began.
    pub(super) fn messages_in_run(&self) -> u64 {
        self.messages
    }

    /// Whether everybody has everything that somebody has.
    pub(super) fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    /// A message has this place, says an event or an acknowledgement.
    fn placed(&mut self, number: u64, seq: u64) -> io::Result<()> {
        let first_seq = *self.first_seq.get_or_insert(seq.saturating_sub(number).max(1));
        let due = first_seq + number;
        if seq != due {
            return Err(io::Error::other(format!("message {number} has seq {seq}, and not {due}")));
        }
        Ok(())
    }

    /// What its server must have, with whatever its sender knows.
    pub(super) fn claim(self, sender: &Sender, Pass { token, epoch }: Pass, place: u64) -> Claim {
        let (name, acknowledged, sent) = (sender.room_name().to_owned(), sender.acknowledged(), sender.sent());
        Claim { name, token, epoch, first_seq: self.first_seq, digests: self.digests, place, acknowledged, sent }
    }
}

/// One reader at one moment.
pub(super) struct Scene<'a> {
    pub(super) room: &'a mut Room,
    pub(super) sender: &'a mut Sender,
    pub(super) number: usize,
    /// What stands before the number in the room's name, as a frame has it.
    pub(super) name: &'a [u8],
    pub(super) is_sender: bool,
    pub(super) now_ns: u64,
    /// The server is gone, and nothing can be sent to it.
    pub(super) is_killed: bool,
    pub(super) tally: &'a mut Tally,
}

impl Scene<'_> {
    /// The frame that message `next` of the log must have, when somebody has had it before.
    pub(super) fn known(&self, next: u64) -> Option<&[u8]> {
        let at = usize::try_from(next.checked_sub(self.room.base)?).ok()?;
        self.room.log.get(at).map(|entry| &*entry.frame)
    }

    /// A frame that is not the one that was due: of a kind of its own, or the first of its message.
    pub(super) fn other(&mut self, next: u64, frame: &[u8], payload: &[u8]) -> io::Result<bool> {
        if payload.starts_with(br#"{"ev":"post""#) {
            self.first(next, frame, payload)?;
            return Ok(true);
        }
        if let Some(reply) = payload.strip_prefix(br#"{"re":"#) {
            return self.reply(reply).map(|()| false);
        }
        if payload.starts_with(br#"{"ev":"lagged""#) || payload.starts_with(br#"{"ev":"goodbye""#) {
            return Err(said(payload));
        }
        self.tally.news += 1;
        Ok(false)
    }

    /// Posts are acknowledged in their order, each once, with the place that all have it at.
    fn reply(&mut self, reply: &[u8]) -> io::Result<()> {
        let (number, seq) = frame::posted(reply).ok_or_else(|| said(reply))?;
        if !self.is_sender || self.sender.acknowledge()? != number {
            return Err(said(reply));
        }
        self.room.placed(number, seq)
    }

    fn first(&mut self, next: u64, frame: &[u8], payload: &[u8]) -> io::Result<()> {
        let room = &mut *self.room;
        let (number, seq) = (frame::number(payload, br#""text":""#)?, frame::number(payload, br#""seq":"#)?);
        let expected = room.base + room.log.len() as u64;
        if next != expected || number != expected || frame::number(payload, self.name)? != self.number as u64 {
            return Err(io::Error::other(format!(
                "room {}: a reader that has {next} messages got {}; the room has {expected}",
                self.number,
                String::from_utf8_lossy(payload),
            )));
        }
        room.placed(number, seq)?;
        let intended_ns = self.sender.intended_ns(number)?;
        room.bytes += frame.len() as u64;
        room.messages += 1;
        if self.sender.is_answered() {
            room.digests.push(digest(payload));
        }
        room.log.push_back(Entry { frame: frame.into(), intended_ns, left: room.size });
        Ok(())
    }

    /// Message `next` came to one more reader.
    pub(super) fn delivered(&mut self, next: u64) {
        let room = &mut *self.room;
        let at = usize::try_from(next - room.base).unwrap_or(usize::MAX);
        let Some(entry) = room.log.get_mut(at) else { return };
        entry.left -= 1;
        let latency_ns = self.now_ns.saturating_sub(entry.intended_ns);
        self.tally.latency.saturating_record(latency_ns);
        if entry.left == 0 {
            self.tally.last.saturating_record(latency_ns);
            while room.log.front().is_some_and(|entry| entry.left == 0) {
                room.log.pop_front();
                room.base += 1;
            }
        }
        self.tally.deliveries += 1;
        if self.is_sender {
            self.tally.messages += 1;
            self.sender.echoed();
        }
    }
}

fn said(payload: &[u8]) -> io::Error {
    io::Error::other(format!("the server said {}", String::from_utf8_lossy(payload)))
}
