//! The ledger: the life of every message and the place of every reader; what must hold under any load is checked here.
//!
//! It believes nobody: acknowledgements are compared with copies, copies with each other, and all with what the
//! server reads back at the end. It is told of things in the order in which the crowd saw them, and keeps no clock.
//!
//! Bounded: a message whose receipts are complete is counted and let go; at most [`MESSAGES_MAX`] are followed at once.

pub(crate) mod account;
pub(crate) mod breach;

/// Messages that are followed at once; beyond it the oldest are let go, and the account says how many.
pub(crate) const MESSAGES_MAX: usize = 2_000_000;

use std::time::Duration;

use hubbub_protocol::{
    ErrorBody, RoomName,
    id::{Position, Seq},
    reply::Resume,
};

use self::account::Account;
use super::{
    crowd::order::{Fate, Reception},
    id::{GroupId, MessageId, Moment, PersonId, RoomId, SeatId},
};

/// Whose an event of a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Content {
    /// A send of this run, told by its nonce.
    Ours(MessageId),
    /// Somebody else's; a digest of everything it says.
    Foreign(u64),
}

/// By which way an event came to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Pushed by the server as it happened; its latency counts.
    Live,
    /// In the reply to `join`: what was missed, or the newest events of a first join.
    Joined,
    /// From a page of `history` that fills a gap.
    Page,
}

/// A reply to `join`, without its events, which are told one by one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JoinedView<'a> {
    pub(crate) epoch: &'a str,
    pub(crate) seq: Seq,
    pub(crate) resume: Resume,
    /// The first and the last seq of its events, and how many there are; `None` for none.
    pub(crate) events: Option<(Seq, Seq, usize)>,
}

/// What the crowd is to do after a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterJoin {
    Nothing,
    /// Read pages of history from after this seq, up to before that one.
    Fill {
        after: Seq,
        before: Seq,
    },
}

/// The ledger. Plain calls, one owner.
#[derive(Debug)]
pub(crate) struct Ledger {}

impl Ledger {
    pub(crate) fn new() -> Self {
        todo!()
    }

    // --- rooms and seats

    /// The room of this name (names that are the same to the server are the same room).
    pub(crate) fn room(&mut self, name: &RoomName) -> RoomId {
        todo!()
    }
    /// A person's seat in a room, made when there is none: it outlives connections and parts.
    pub(crate) fn seat(&mut self, person: PersonId, room: RoomId) -> SeatId {
        todo!()
    }
    /// What the person has of the room: to be sent as `since`. `None`: nothing yet, or parted since.
    pub(crate) fn position(&self, seat: SeatId) -> Option<Position> {
        todo!()
    }
    /// A `join` is about to be sent: what is acknowledged by now must be in the reply.
    pub(crate) fn join_asked(&mut self, seat: SeatId) {
        todo!()
    }
    /// The reply. Its events follow with [`Way::Joined`].
    pub(crate) fn joined(&mut self, seat: SeatId, joined: JoinedView<'_>, now: Moment) -> AfterJoin {
        todo!()
    }
    /// The reply to `part`: nothing of the room may come from now on.
    pub(crate) fn parted(&mut self, seat: SeatId) {
        todo!()
    }
    /// The connection ended, however: the place is kept.
    pub(crate) fn absent(&mut self, seat: SeatId) {
        todo!()
    }
    /// The server said that this reader fell behind after that event.
    pub(crate) fn lagged(&mut self, seat: SeatId, seq: Seq, now: Moment) {
        todo!()
    }

    // --- messages

    /// A post is to be made: its life begins at `intended`.
    pub(crate) fn intend(
        &mut self,
        sender: PersonId,
        room: RoomId,
        intended: Moment,
        group: Option<GroupId>,
    ) -> MessageId {
        todo!()
    }
    /// It was written to the socket (each time that it is).
    pub(crate) fn sent(&mut self, message: MessageId, now: Moment) {
        todo!()
    }
    pub(crate) fn accepted(&mut self, message: MessageId, seq: Seq, duplicate: bool, now: Moment) {
        todo!()
    }
    pub(crate) fn refused(&mut self, message: MessageId, error: &ErrorBody, now: Moment) {
        todo!()
    }
    /// No answer will come any more; whether it is in the log is open, and both is right.
    pub(crate) fn given_up(&mut self, message: MessageId) {
        todo!()
    }
    /// Puts a message into one more group.
    pub(crate) fn group_with(&mut self, message: MessageId, group: GroupId) {
        todo!()
    }

    // --- what readers get: the hot path

    /// An event of a log came to a reader. `seat` of a person who is not in the room is a leak, said with [`Self::leaked`].
    pub(crate) fn event(&mut self, seat: SeatId, seq: Seq, content: Content, way: Way, now: Moment) {
        todo!()
    }
    /// An event came to somebody who never was in that room.
    pub(crate) fn leaked(&mut self, person: PersonId, room: RoomId, seq: Seq, content: Content, now: Moment) {
        todo!()
    }
    /// As the server reads the room back at the end, from the first event that this run knows of, in the order of the pages.
    pub(crate) fn audited(&mut self, room: RoomId, seq: Seq, content: Content) {
        todo!()
    }
    /// The room was read back to its end.
    pub(crate) fn audit_ended(&mut self, room: RoomId, last: Seq) {
        todo!()
    }
    /// From where the room is to be read back: the seq before the first event of this run. `None`: nothing was posted.
    pub(crate) fn audit_from(&self, room: RoomId) -> Option<Seq> {
        todo!()
    }

    // --- questions

    pub(crate) fn group(&mut self) -> GroupId {
        todo!()
    }
    pub(crate) fn fates(&self, group: GroupId) -> Vec<Fate> {
        todo!()
    }
    pub(crate) fn reception(&self, who: &[PersonId], groups: &[GroupId], times: u32) -> Reception {
        todo!()
    }
    /// Whether `reception` would be complete; cheap enough to be asked after every turn of the loop.
    pub(crate) fn is_received(&self, who: &[PersonId], groups: &[GroupId], times: u32) -> bool {
        todo!()
    }
    pub(crate) fn received(&self, person: PersonId) -> u64 {
        todo!()
    }
    /// How many events a seat that is joined lacks of what is acknowledged or was seen by anybody.
    pub(crate) fn behind(&self, seat: SeatId) -> u64 {
        todo!()
    }
    pub(crate) fn members(&self, room: RoomId) -> Vec<PersonId> {
        todo!()
    }
    /// Counters and latencies up to now, cheap (for the live view).
    pub(crate) fn totals(&self) -> &account::Totals {
        todo!()
    }
    /// Recorded for receipts by resume: how long a connection took (`resumed`) or a first connect.
    pub(crate) fn connected(&mut self, took: Duration, resumed: bool, now: Moment) {
        todo!()
    }
    /// Everything that was found; what is missing at this moment is lost.
    pub(crate) fn close(self, now: Moment) -> Account {
        todo!()
    }
}
