//! A seat: one person's place in one room's log, hole by hole, over every connection of theirs.

use std::sync::Arc;

use hubbub_protocol::id::{Position, Seq};

use super::Way;
use crate::scenario::id::{PersonId, RoomId};

/// Holes of one seat that are remembered; beyond it the oldest counts as lost at once.
pub(super) const HOLES_MAX: usize = 1024;

/// How a person stands to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Wants to be there, and never was.
    New,
    /// In the room, and gets its events.
    Here,
    /// In the room, but the server has cut them off for they read too slowly.
    Lagged,
    /// Without a connection, or not yet back in the room.
    Absent,
    /// The room's log became another one under them; they must join again.
    Stale,
    /// Left on their own wish.
    Parted,
}

/// Why something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HoleKind {
    /// A later event was pushed first: against the promise.
    Skipped,
    /// The server said so; pages of history fill it.
    Gap,
    /// The events of the reply to `join`, which are told one by one.
    Reply,
}

/// Events that are missing before others that are there: from `from` to before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) from: Seq,
    pub(super) to: Seq,
    kind: HoleKind,
}

/// A join that is under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// What was sent as `since`.
    pub(super) since: Option<Seq>,
    /// The last event that was acknowledged or seen by anybody then.
    pub(super) floor: Seq,
}

/// What the coming of an event means to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// They did not have it.
    New,
    /// They did not have it, and had later ones, which must not be.
    Late,
    /// They have it, or will be pushed it; this way the protocol permits that.
    Overlap,
    /// They have it, and ought not to get it again.
    Again,
}

/// One person in one room.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) person: PersonId,
    pub(super) room: RoomId,
    /// Its number among the room's seats.
    pub(super) index: u32,
    pub(super) presence: Presence,
    /// The seq that is pushed next.
    pub(super) next: Seq,
    /// What came, of any kind.
    pub(super) received: u64,
    /// Ascending, apart from each other, all before `next`.
    holes: Vec<Hole>,
    /// The log that `next` is of.
    epoch: Option<Arc<str>>,
    pub(super) asked: Option<Asked>,
    /// They came to where they are from [`Presence::Lagged`]: what they fetch is late, not missed.
    pub(super) fell_behind: bool,
    /// What the reply that is being told must go on with at the earliest.
    reply_next: Seq,
}

impl Seat {
    pub(super) fn new(person: PersonId, room: RoomId, index: u32) -> Self {
        Self {
            person,
            room,
            index,
            presence: Presence::New,
            next: 0,
            received: 0,
            holes: Vec::new(),
            epoch: None,
            asked: None,
            fell_behind: false,
            reply_next: 0,
        }
    }

    /// The last event before which nothing is missing.
    pub(super) fn place(&self) -> Seq {
        self.first_missing().saturating_sub(1)
    }

    pub(super) fn first_missing(&self) -> Seq {
        self.holes.first().map_or(self.next, |hole| hole.from)
    }

    /// Whether the place is one of this log.
    pub(super) fn is_of(&self, epoch: Option<&Arc<str>>) -> bool {
        matches!((&self.epoch, epoch), (Some(own), Some(log)) if own == log)
    }

    /// Whether they have a place in this log that they may come back to, or are at.
    pub(super) fn holds(&self, epoch: Option<&Arc<str>>) -> bool {
        matches!(self.presence, Presence::Here | Presence::Lagged | Presence::Absent) && self.is_of(epoch)
    }

    pub(super) fn position(&self) -> Option<Position> {
        if matches!(self.presence, Presence::New | Presence::Parted) {
            return None;
        }
        self.epoch.as_ref().map(|epoch| Position { epoch: epoch.to_string(), seq: self.place() })
    }

    /// What is missing before `end`, piece by piece.
    pub(super) fn missing(&self, end: Seq) -> impl Iterator<Item = Hole> {
        let tail = Hole { from: self.next, to: end, kind: HoleKind::Skipped };
        let pieces = self.holes.iter().copied().chain([tail]);
        pieces.map(move |hole| Hole { to: hole.to.min(end), ..hole }).filter(|hole| hole.from < hole.to)
    }

    pub(super) fn missing_count(&self, end: Seq) -> u64 {
        self.missing(end).map(|hole| hole.to - hole.from).sum()
    }

    /// Takes a place at the reply to a join: `first` is the first of its events, `last` its position. `keeps` says whether
    /// what was there before counts; otherwise they begin with `first` ([`Self::forget`] comes before). Gives the last that
    /// they have before what is missing before `first`.
    pub(super) fn sit_down(&mut self, epoch: &Arc<str>, first: Seq, last: Seq, keeps: bool) -> Option<Seq> {
        let same_log = self.is_of(Some(epoch));
        let had = if same_log { self.next } else { first };
        if keeps && first > had {
            self.holes.push(Hole { from: had, to: first, kind: HoleKind::Gap });
        }
        let from = first.max(had);
        if from <= last {
            self.holes.push(Hole { from, to: last.saturating_add(1), kind: HoleKind::Reply });
        }
        self.next = had.max(last.saturating_add(1));
        self.epoch = Some(Arc::clone(epoch));
        self.fell_behind = self.presence == Presence::Lagged;
        self.presence = Presence::Here;
        self.reply_next = 0;
        let missing = self.first_missing();
        (missing < first.min(self.next)).then(|| missing.saturating_sub(1))
    }

    /// Nothing is owed any more of what was. Gives what was passed over while they were there, which is lost now.
    pub(super) fn forget(&mut self) -> Vec<Hole> {
        let mut holes = std::mem::take(&mut self.holes);
        holes.retain(|hole| hole.kind == HoleKind::Skipped);
        holes
    }

    /// Leaves on their own wish.
    pub(super) fn leave(&mut self) -> Vec<Hole> {
        self.presence = Presence::Parted;
        self.asked = None;
        self.forget()
    }

    /// An event came. The second value: what is given up for lost because there are too many holes.
    pub(super) fn take(&mut self, seq: Seq, way: Way) -> (Arrival, Option<Hole>) {
        let told_before = way == Way::Joined && seq < std::mem::replace(&mut self.reply_next, seq.saturating_add(1));
        if seq >= self.next {
            // a page may know more than was pushed so far; what is beyond will still be pushed
            return if way == Way::Page { (Arrival::Overlap, None) } else { (Arrival::New, self.advance(seq)) };
        }
        match self.fill(seq) {
            Some(HoleKind::Skipped) => (Arrival::Late, None),
            Some(_) if way == Way::Live => (Arrival::Late, None),
            Some(_) => (Arrival::New, None),
            None if way == Way::Live || told_before => (Arrival::Again, None),
            None => (Arrival::Overlap, None),
        }
    }

    /// Goes on to a seq that is not smaller than the next; what is left out becomes a hole.
    fn advance(&mut self, seq: Seq) -> Option<Hole> {
        let mut lost = None;
        if seq > self.next {
            self.holes.push(Hole { from: self.next, to: seq, kind: HoleKind::Skipped });
            if self.holes.len() > HOLES_MAX {
                lost = Some(self.holes.remove(0));
            }
        }
        self.next = seq.saturating_add(1);
        lost
    }

    /// Takes a seq out of the hole that it is in; gives the kind of the hole.
    fn fill(&mut self, seq: Seq) -> Option<HoleKind> {
        let index = self.holes.partition_point(|hole| hole.to <= seq);
        let hole = self.holes.get_mut(index).filter(|hole| hole.from <= seq)?;
        let kind = hole.kind;
        let rest = Hole { from: seq + 1, ..*hole };
        hole.to = seq;
        let (is_gone, has_rest) = (hole.from == hole.to, rest.from < rest.to);
        match (is_gone, has_rest) {
            (true, true) => *hole = rest,
            (true, false) => drop(self.holes.remove(index)),
            (false, true) => self.holes.insert(index + 1, rest),
            (false, false) => {}
        }
        Some(kind)
    }
}
