//! A room as this run knows it: its log, its seats, and how far it was read back.

use std::sync::Arc;

use hubbub_protocol::id::Seq;

use super::{log::RoomLog, seat::Seat};
use crate::scenario::id::{MessageId, SeatId};

/// One room.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: String,
    /// The log's name; `None` until somebody joined.
    pub(super) epoch: Option<Arc<str>>,
    pub(super) log: RoomLog,
    pub(super) seats: Vec<SeatId>,
    /// The largest position that a reply to `join` named.
    pub(super) told: Seq,
    /// Our messages before it are let go as soon as they are answered.
    pub(super) swept: Seq,
    /// Events that were seen for the first time since the last sweep.
    pub(super) fresh: usize,
    pub(super) audit: Option<Audit>,
}

/// How a room was read back.
#[derive(Debug, Default)]
pub(super) struct Audit {
    /// The seq that must come next.
    pub(super) next: Seq,
    /// What readers are owed: what was known when the reading began, before this seq.
    pub(super) owed: Seq,
    pub(super) events: u64,
    pub(super) has_ended: bool,
    /// Messages that were complete and are not where they were, and those of them that were found elsewhere.
    pub(super) displaced: Vec<(Seq, MessageId)>,
    pub(super) moved: Vec<MessageId>,
}

impl Room {
    pub(super) fn new(name: String) -> Self {
        let log = RoomLog::starting_at(1);
        Self { name, epoch: None, log, seats: Vec::new(), told: 0, swept: 0, fresh: 0, audit: None }
    }

    /// What readers are owed is before this seq.
    pub(super) fn owed(&self) -> Seq {
        self.audit.as_ref().map_or(self.log.end(), |audit| audit.owed)
    }

    /// Whether it is time to let go of what everybody has.
    pub(super) fn is_sweep_due(&self) -> bool {
        self.fresh >= 64.max(8 * self.seats.len())
    }

    /// Everything before this seq is with everybody who is there or may come back.
    pub(super) fn complete_to(&self, seats: &[Seat]) -> Seq {
        let seats = self.seats.iter().filter_map(|seat| seats.get(seat.0 as usize));
        let holding = seats.filter(|seat| seat.holds(self.epoch.as_ref()));
        holding.map(Seat::first_missing).min().unwrap_or(self.log.end()).min(self.log.end())
    }
}
