//! How people come to rooms, go, and come back: what the server says about it is compared with the log.

use std::sync::Arc;

use hubbub_protocol::{id::Seq, reply::Resume};

use super::{
    AfterJoin, JoinedView, Ledger,
    breach::BreachKind::{Lost, Unread},
    log::{Known, RoomLog},
    seat::{Asked, Presence},
};
use crate::scenario::id::{Moment, RoomId, SeatId};

impl Ledger {
    /// A `join` is about to be sent with [`Ledger::position`] as `since`: what is acknowledged by now must be in the reply.
    pub(crate) fn join_asked(&mut self, seat: SeatId) {
        let Some(seat) = self.seats.get_mut(seat.0 as usize) else { return };
        let Some(room) = self.rooms.get(seat.room.0 as usize) else { return };
        let since = seat.position().map(|position| position.seq);
        seat.asked = Some(Asked { since, floor: room.log.end().saturating_sub(1) });
    }

    /// The reply. Its events follow with [`super::Way::Joined`].
    pub(crate) fn joined(&mut self, seat: SeatId, joined: JoinedView<'_>, now: Moment) -> AfterJoin {
        let Some(room_id) = self.seats.get(seat.0 as usize).map(|seat| seat.room) else { return AfterJoin::Nothing };
        match joined.resume {
            Resume::Complete => self.totals.rooms_complete += 1,
            Resume::Gap => self.totals.rooms_gap += 1,
            Resume::Reset | Resume::Unknown => self.totals.rooms_reset += 1,
            Resume::Fresh => {}
        }
        let first = joined.events.map_or(joined.seq.saturating_add(1), |(first, ..)| first);
        let is_other_log = self.open_log(room_id, joined.epoch, first, now);
        let asked = self.seats.get_mut(seat.0 as usize).and_then(|seat| seat.asked.take());
        if !is_other_log {
            self.check_reply(seat, asked, &joined, now);
        }
        let (Some(seat), Some(room)) = (self.seats.get_mut(seat.0 as usize), self.rooms.get_mut(room_id.0 as usize))
        else {
            return AfterJoin::Nothing;
        };
        room.told = room.told.max(joined.seq);
        let Some(epoch) = &room.epoch else { return AfterJoin::Nothing };
        let is_told_to_forget = matches!(joined.resume, Resume::Reset | Resume::Unknown);
        let keeps = asked.is_some_and(|asked| asked.since.is_some()) && seat.is_of(Some(epoch)) && !is_told_to_forget;
        let dropped = if keeps { Vec::new() } else { seat.forget() };
        let missing = seat.sit_down(epoch, first, joined.seq, keeps);
        let person = seat.person;
        if !is_other_log {
            dropped.into_iter().for_each(|hole| self.find_hole(person, room_id, hole, now));
        }
        missing.map_or(AfterJoin::Nothing, |after| AfterJoin::Fill { after, before: first })
    }

    /// Opens a room's log, or says that it became another one. True: all that was known of it is worth nothing.
    fn open_log(&mut self, room_id: RoomId, epoch: &str, first: Seq, now: Moment) -> bool {
        let Some(room) = self.rooms.get_mut(room_id.0 as usize) else { return false };
        let Some(old) = room.epoch.replace(Arc::from(epoch)) else {
            // what was acknowledged before anybody had joined is there already
            if room.log.is_empty() {
                room.log = RoomLog::starting_at(first);
            }
            return false;
        };
        if *old == *epoch {
            room.epoch = Some(old);
            return false;
        }
        self.total_events -= room.log.len();
        let log = std::mem::replace(&mut room.log, RoomLog::starting_at(first));
        (room.told, room.swept, room.audit) = (0, 0, None);
        for seat in &room.seats {
            let Some(seat) = self.seats.get_mut(seat.0 as usize) else { continue };
            if matches!(seat.presence, Presence::Here | Presence::Lagged) {
                seat.presence = Presence::Stale;
            }
        }
        let mut lost = 0;
        for seq in log.base()..log.end() {
            let (Known::Ours(message) | Known::Claimed(message)) = log.known(seq) else { continue };
            match self.messages.get_mut(message) {
                Some(held) => {
                    lost += u64::from(held.acked.take().is_some());
                    held.seen = None;
                }
                // let go: everybody had it, and it was acknowledged
                None => lost += 1,
            }
        }
        self.find(Lost, lost.max(1), now, |ledger| {
            let room = ledger.room_name(room_id);
            format!("{room}: the server has another log now ({epoch} for {old}); {lost} acknowledged messages are gone")
        });
        true
    }

    /// Compares what the reply says is unread with what was written.
    fn check_reply(&mut self, seat: SeatId, asked: Option<Asked>, joined: &JoinedView<'_>, now: Moment) {
        let Some(asked) = asked else { return };
        if joined.resume == Resume::Reset && asked.since.is_some() {
            self.find(Lost, 1, now, |ledger| {
                let (who, room) = ledger.who_where(seat);
                format!("{room}: {who} came back with a position of this very log, and was told that it is another one")
            });
        }
        let fault = match (joined.resume, asked.since) {
            (Resume::Fresh, Some(since)) => {
                Some(format!("said that they have up to {since}, and was answered as if they had said nothing"))
            }
            (Resume::Complete | Resume::Gap, None) => {
                Some("said no position, and was answered as if they had".to_owned())
            }
            (Resume::Complete, Some(since)) => complete_fault(since, joined),
            _ => None,
        };
        let below = (joined.seq < asked.floor).then(|| {
            format!(
                "was told that the last event is {}, when {} had been stored before they asked",
                joined.seq, asked.floor
            )
        });
        let Some(fault) = fault.or(below).or_else(|| page_fault(joined)) else { return };
        self.find(Unread, 1, now, |ledger| {
            let (who, room) = ledger.who_where(seat);
            format!("{room}: {who} {fault}")
        });
    }

    fn who_where(&self, seat: SeatId) -> (&str, &str) {
        let seat = self.seats.get(seat.0 as usize);
        seat.map_or(("somebody", "a room"), |seat| (self.name(seat.person), self.room_name(seat.room)))
    }

    /// The reply to `part`: nothing of the room may come from now on.
    pub(crate) fn parted(&mut self, seat: SeatId) {
        let now = self.latest;
        let Some(seat) = self.seats.get_mut(seat.0 as usize) else { return };
        let (person, room, lost) = (seat.person, seat.room, seat.leave());
        lost.into_iter().for_each(|hole| self.find_hole(person, room, hole, now));
    }

    /// The connection ended, however: the place is kept.
    pub(crate) fn absent(&mut self, seat: SeatId) {
        let Some(seat) = self.seats.get_mut(seat.0 as usize) else { return };
        seat.asked = None;
        if matches!(seat.presence, Presence::Here | Presence::Lagged | Presence::Stale) {
            seat.presence = Presence::Absent;
        }
    }

    /// The server said that this reader fell behind after that event.
    pub(crate) fn lagged(&mut self, seat: SeatId, seq: Seq, now: Moment) {
        self.totals.lagged += 1;
        let Some(held) = self.seats.get_mut(seat.0 as usize) else { return };
        if held.presence != Presence::Here {
            return;
        }
        held.presence = Presence::Lagged;
        let last = held.next.saturating_sub(1);
        if seq != last {
            self.find(Unread, 1, now, |ledger| {
                let (who, room) = ledger.who_where(seat);
                format!("{room}: {who} was told to have fallen behind after {seq}, and the last that came is {last}")
            });
        }
    }
}

/// What is wrong with a reply that says that nothing is missing after `since`.
fn complete_fault(since: Seq, joined: &JoinedView<'_>) -> Option<String> {
    let unread = joined.seq.checked_sub(since);
    let (is_right, got) = match joined.events {
        None => (unread == Some(0), "no events".to_owned()),
        Some((first, last, count)) => {
            let is_right = unread == Some(count as u64) && first == since + 1 && last == joined.seq;
            (is_right, format!("{count} events from {first} to {last}"))
        }
    };
    (!is_right)
        .then(|| format!("came back with {since} and was told to have all up to {} again, with {got}", joined.seq))
}

/// What is wrong with the events of a reply: they must be dense and end at its position.
fn page_fault(joined: &JoinedView<'_>) -> Option<String> {
    let (first, last, count) = joined.events?;
    let is_dense = last.checked_sub(first).is_some_and(|span| span.checked_add(1) == Some(count as u64));
    (!is_dense || last != joined.seq)
        .then(|| format!("was told that the last event is {}, with {count} events from {first} to {last}", joined.seq))
}
