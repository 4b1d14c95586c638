//! A room as its readers see it: one log, which each of them must get.

use std::{collections::VecDeque, io};

use super::{Tally, flow::Sender, frame};

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
    /// The first message's seq, once one has come.
    first_seq: Option<u64>,
}

impl Room {
    pub(super) fn new(size: usize) -> Self {
        Self { size, bytes: 0, messages: 0, base: 0, log: VecDeque::new(), first_seq: None }
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
}

/// One reader at one moment.
pub(super) struct Scene<'a> {
    pub(super) room: &'a mut Room,
    pub(super) sender: &'a mut Sender,
    pub(super) number: usize,
    pub(super) is_sender: bool,
    pub(super) now_ns: u64,
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
        let is_bad = |part: &[u8]| payload.windows(part.len().min(payload.len())).any(|window| window == part);
        let is_refusal = payload.starts_with(br#"{"re":"#) && is_bad(br#""error""#);
        if is_refusal || payload.starts_with(br#"{"ev":"lagged""#) || payload.starts_with(br#"{"ev":"goodbye""#) {
            return Err(io::Error::other(format!("the server said {}", String::from_utf8_lossy(payload))));
        }
        Ok(false)
    }

    fn first(&mut self, next: u64, frame: &[u8], payload: &[u8]) -> io::Result<()> {
        let room = &mut *self.room;
        let (number, seq) = (frame::number(payload, br#""text":""#)?, frame::number(payload, br#""seq":"#)?);
        let expected = room.base + room.log.len() as u64;
        let first_seq = *room.first_seq.get_or_insert(seq.wrapping_sub(number));
        if next != expected || number != expected || seq.wrapping_sub(number) != first_seq {
            return Err(io::Error::other(format!(
                "room {}: a reader that has {next} messages got number {number} with seq {seq}; the room has {expected}",
                self.number,
            )));
        }
        let intended_ns = self.sender.intended_ns(number)?;
        room.bytes += frame.len() as u64;
        room.messages += 1;
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
