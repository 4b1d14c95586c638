//! When posts are sent.

use std::{collections::VecDeque, io};

use crate::bench::socket::Dialect;

use super::{Names, frame, member::Member};

/// Posts of an open flow that may wait to be sent; beyond that the server takes too few.
const UNSENT_BYTES_MAX: usize = 64 << 20;

/// When a room's sender posts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Flow {
    /// Never.
    Silent,
    /// So many posts are under way: the next one goes out when the sender has got one of its own.
    Window(u64),
    /// The next one goes out when everybody has the one before, and it was acknowledged by a server that does so.
    OneByOne,
    /// So many a second, whatever comes back.
    Rate(f64),
}

/// Who posts in a room.
pub(super) struct Sender {
    pub(super) member: usize,
    pub(super) room: usize,
    room_name: String,
    nick: String,
    flow: Flow,
    sent: u64,
    echoed: u64,
    acknowledged: u64,
    dialect: Dialect,
    /// The intended times of what was sent and has not come back to anybody; the first one's number is `oldest`.
    intended_ns: VecDeque<u64>,
    oldest: u64,
    next_ns: f64,
    unsent: Vec<u8>,
}

impl Sender {
    pub(super) fn new(member: usize, room: usize, dialect: Dialect, names: Names) -> Self {
        Self {
            member,
            room,
            room_name: format!("{}{room}", names.room),
            nick: format!("{}{member}", names.nick),
            flow: Flow::Silent,
            sent: 0,
            echoed: 0,
            acknowledged: 0,
            dialect,
            intended_ns: VecDeque::new(),
            oldest: 0,
            next_ns: 0.0,
            unsent: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, flow: Flow, now_ns: u64) {
        self.flow = flow;
        // Senders of one rate do not all post at the same moment.
        self.next_ns = now_ns as f64 + self.room as f64 * 7_919.0;
    }

    /// Whether posts have not come back or were not acknowledged.
    pub(super) fn owes(&self) -> bool {
        self.sent > self.echoed || self.is_answered() && self.sent > self.acknowledged
    }

    /// Posts more than its flow would let it.
    pub(super) fn post_more(&mut self, count: u64, now_ns: u64) {
        (0..count).for_each(|_| self.post(now_ns));
    }

    /// Whether its server acknowledges posts.
    pub(super) fn is_answered(&self) -> bool {
        self.dialect == Dialect::Hubbub
    }

    /// The next post is acknowledged; answers its number.
    pub(super) fn acknowledge(&mut self) -> io::Result<u64> {
        let number = self.acknowledged;
        if number == self.sent {
            return Err(io::Error::other(format!("message {number} was acknowledged and not sent")));
        }
        self.acknowledged += 1;
        Ok(number)
    }

    /// What the room is called.
    pub(super) fn room_name(&self) -> &str {
        &self.room_name
    }

    /// How many posts were acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// How many posts were sent, or would have been if the socket had taken them.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// The intended time of the next post, for flows that have one.
    pub(super) fn due_ns(&self) -> Option<u64> {
        matches!(self.flow, Flow::Rate(_)).then_some(self.next_ns as u64)
    }

    /// Whether it posts nothing of its own accord.
    pub(super) fn is_silent(&self) -> bool {
        self.flow == Flow::Silent
    }

    /// Writes what is due into the buffer.
    pub(super) fn write_due(&mut self, now_ns: u64, all_have_all: bool) {
        match self.flow {
            Flow::Silent => {}
            Flow::Window(window) => {
                while self.sent - self.echoed < window {
                    self.post(now_ns);
                }
            }
            Flow::OneByOne if all_have_all && !self.owes() => self.post(now_ns),
            Flow::OneByOne => {}
            Flow::Rate(per_s) => {
                while self.next_ns <= now_ns as f64 {
                    self.post(self.next_ns as u64);
                    self.next_ns += 1e9 / per_s;
                }
            }
        }
    }

    fn post(&mut self, intended_ns: u64) {
        frame::put_post(&mut self.unsent, self.dialect, (&self.room_name, &self.nick), self.sent);
        self.intended_ns.push_back(intended_ns);
        self.sent += 1;
    }

    /// Sends as much as the socket takes.
    pub(super) fn flush(&mut self, member: &mut Member) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match member.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if self.unsent.len() > UNSENT_BYTES_MAX {
            return Err(io::Error::other("the server takes less than is sent"));
        }
        Ok(())
    }

    /// When message `number` was to be sent; asked once a message, in order.
    pub(super) fn intended_ns(&mut self, number: u64) -> io::Result<u64> {
        let unsent = || io::Error::other(format!("message {number} came, and was not sent or came before"));
        if number != self.oldest {
            return Err(unsent());
        }
        self.oldest += 1;
        self.intended_ns.pop_front().ok_or_else(unsent)
    }

    pub(super) fn echoed(&mut self) {
        self.echoed += 1;
    }
}
