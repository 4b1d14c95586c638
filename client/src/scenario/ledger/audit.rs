//! The end: each room as the server reads it back is compared with the log, and what is missing then is lost.

use hubbub_protocol::id::Seq;

use super::{
    Content, Ledger,
    account::Account,
    breach::BreachKind::{Lost, OwnUnseen, Unread},
    log::Known,
    room::Audit,
    seat::Presence,
};
use crate::scenario::id::{MessageId, Moment, PersonId, RoomId, SeatId};

/// Messages that are not where they were, of which is remembered which they are.
const DISPLACED_MAX: usize = 100_000;

impl Ledger {
    /// From where the room is to be read back: the seq before the first event of this run. `None`: nothing was posted.
    pub(crate) fn audit_from(&self, room: RoomId) -> Option<Seq> {
        let log = &self.rooms.get(room.0 as usize)?.log;
        (!log.is_empty()).then(|| log.base().saturating_sub(1))
    }

    /// As the server reads the room back at the end, from the first event that this run knows of, in the order of the pages.
    pub(crate) fn audited(&mut self, room_id: RoomId, seq: Seq, content: Content) {
        let now = self.latest;
        let Some(room) = self.rooms.get_mut(room_id.0 as usize) else { return };
        let (base, owed) = (room.log.base(), room.log.end());
        let audit = room.audit.get_or_insert_with(|| Audit { next: base, owed, ..Audit::default() });
        audit.events += 1;
        let expected = std::mem::replace(&mut audit.next, seq.saturating_add(1));
        if seq > expected {
            self.find_absent(room_id, expected, seq, now);
        } else if seq < expected {
            self.find(super::breach::BreachKind::Doubled, 1, now, |ledger| {
                format!("{}: the log has seq {seq} twice as it was read back", ledger.room_name(room_id))
            });
        }
        let Some(room) = self.rooms.get_mut(room_id.0 as usize) else { return };
        let known = room.log.known(seq);
        let is_there = matches!((known, content), (Known::Ours(a) | Known::Claimed(a), Content::Ours(b)) if a == b);
        if let (false, Known::Ours(message)) = (is_there, known) {
            self.displace(room_id, seq, message);
        }
        if let Content::Ours(message) = content {
            self.find_again(room_id, message, is_there);
        }
        self.learn(room_id, seq, content, None, now);
    }

    /// A message of ours is in the log as it was read back.
    fn find_again(&mut self, room_id: RoomId, message: MessageId, is_there: bool) {
        if let Some(held) = self.messages.get_mut(message) {
            held.is_audited |= held.room == room_id;
        } else if !is_there
            && let Some(audit) = self.rooms.get_mut(room_id.0 as usize).and_then(|room| room.audit.as_mut())
            && audit.moved.len() < DISPLACED_MAX
        {
            audit.moved.push(message);
        }
    }

    /// A message of ours is not where readers had it. Of those that are still held it is known at the end whether they
    /// were found elsewhere.
    fn displace(&mut self, room_id: RoomId, seq: Seq, message: MessageId) {
        if self.messages.get(message).is_some() {
            return;
        }
        if let Some(audit) = self.rooms.get_mut(room_id.0 as usize).and_then(|room| room.audit.as_mut())
            && audit.displaced.len() < DISPLACED_MAX
        {
            audit.displaced.push((seq, message));
        }
    }

    /// The log that was read back has nothing from `from` to before `to`.
    fn find_absent(&mut self, room_id: RoomId, from: Seq, to: Seq, now: Moment) {
        let Some(room) = self.rooms.get(room_id.0 as usize) else { return };
        let to = to.min(room.log.end());
        for seq in from.max(room.log.base())..to {
            let Some(room) = self.rooms.get(room_id.0 as usize) else { return };
            match room.log.known(seq) {
                Known::Ours(message) => self.displace(room_id, seq, message),
                Known::Foreign => self.find(Lost, 1, now, |ledger| {
                    let room = ledger.room_name(room_id);
                    format!("{room}: the event of somebody else at seq {seq}, which was read before, is not in the log")
                }),
                Known::Claimed(_) | Known::Nothing => {}
            }
        }
    }

    /// The room was read back to its end.
    pub(crate) fn audit_ended(&mut self, room_id: RoomId, last: Seq) {
        let now = self.latest;
        let Some(room) = self.rooms.get_mut(room_id.0 as usize) else { return };
        let (base, end, told) = (room.log.base(), room.log.end(), room.told);
        let audit = room.audit.get_or_insert_with(|| Audit { next: base, owed: end, ..Audit::default() });
        audit.has_ended = true;
        let next = audit.next;
        self.find_absent(room_id, next, end, now);
        if told > last {
            self.find(Unread, 1, now, |ledger| {
                format!(
                    "{}: somebody was told of events up to {told}, and the log ends at {last}",
                    ledger.room_name(room_id)
                )
            });
        }
        let Some(audit) = self.rooms.get_mut(room_id.0 as usize).and_then(|room| room.audit.as_mut()) else { return };
        let (displaced, mut moved) = (std::mem::take(&mut audit.displaced), std::mem::take(&mut audit.moved));
        moved.sort_unstable();
        for (seq, message) in displaced {
            if moved.binary_search(&message).is_err() {
                self.find_gone(room_id, message, seq, now);
            }
        }
    }

    fn find_gone(&mut self, room: RoomId, message: MessageId, seq: Seq, now: Moment) {
        self.find(Lost, 1, now, |ledger| {
            let room = ledger.room_name(room);
            format!("{room}: {} is not in the log as it was read back", ledger.say_event(Content::Ours(message), seq))
        });
    }

    /// Messages that were acknowledged or read, and were not found when their room was read back.
    fn close_messages(&mut self, now: Moment) {
        let is_read_back = |room: RoomId| {
            self.rooms.get(room.0 as usize).is_some_and(|room| room.audit.as_ref().is_some_and(|a| a.has_ended))
        };
        let gone: Vec<_> = self
            .messages
            .iter()
            .filter(|(_, message)| !message.is_audited && is_read_back(message.room))
            .filter_map(|(id, message)| Some((id, message.room, message.acked.or(message.seen)?)))
            .collect();
        gone.into_iter().for_each(|(id, room, seq)| self.find_gone(room, id, seq, now));
    }

    /// What people who are there lack.
    fn close_seats(&mut self, now: Moment) {
        for number in 0..self.seats.len() {
            let Some(seat) = self.seats.get(number) else { continue };
            let Some(room) = self.rooms.get(seat.room.0 as usize) else { continue };
            if seat.presence != Presence::Here || !seat.is_of(room.epoch.as_ref()) {
                continue;
            }
            let (person, room_id, first) = (seat.person, seat.room, seat.first_missing());
            let next = seat.next;
            let holes: Vec<_> = seat.missing(room.owed()).collect();
            for hole in holes {
                self.find_hole(person, room_id, hole, now);
                // passed over, or the first that is missing; behind that they are just behind
                let own_to = if hole.from < next { hole.to } else { first + 1 };
                self.close_own(person, room_id, hole.from, own_to.min(hole.to), now);
            }
        }
    }

    fn close_own(&mut self, person: PersonId, room_id: RoomId, from: Seq, to: Seq, now: Moment) {
        for seq in from..to {
            let Some(room) = self.rooms.get(room_id.0 as usize) else { return };
            let (Known::Ours(id) | Known::Claimed(id)) = room.log.known(seq) else { continue };
            if self.messages.get(id).is_some_and(|message| message.sender == person) {
                self.find(OwnUnseen, 1, now, |ledger| {
                    let event = ledger.say_event(Content::Ours(id), seq);
                    format!("{}: {} did not get {event}, their own", ledger.room_name(room_id), ledger.name(person))
                });
            }
        }
    }

    /// Everything that was found; what is missing at this moment is lost.
    pub(crate) fn close(mut self, now: Moment) -> Account {
        self.close_messages(now);
        self.close_seats(now);
        let alive: Vec<MessageId> = self.messages.iter().map(|(id, _)| id).collect();
        alive.into_iter().for_each(|id| self.offer_worst(id));
        let audits = || self.rooms.iter().filter_map(|room| room.audit.as_ref());
        let audited = audits().next().map(|_| audits().map(|audit| audit.events).sum());
        let is_open =
            |room: &&super::room::Room| !room.log.is_empty() && room.audit.as_ref().is_none_or(|it| !it.has_ended);
        let not_read_back = self.rooms.iter().filter(is_open).count() as u64;
        let (found, breaches) = self.findings.into_parts();
        Account {
            totals: self.totals,
            found,
            breaches,
            delivery: self.delivery.latency(),
            acceptance: self.acceptance.latency(),
            connecting: self.connecting.latency(),
            resuming: self.resuming.latency(),
            timeline: self.timeline.intervals(),
            worst: self.worst.into_lives(),
            audited,
            not_read_back,
            load: Default::default(),
        }
    }

    /// How many events somebody lacks of what is acknowledged or was seen by anybody; 0 for who never was there or left.
    pub(crate) fn behind(&self, seat: SeatId) -> u64 {
        let Some(seat) = self.seats.get(seat.0 as usize) else { return 0 };
        let Some(room) = self.rooms.get(seat.room.0 as usize) else { return 0 };
        match seat.presence {
            Presence::New | Presence::Parted => 0,
            _ if !seat.is_of(room.epoch.as_ref()) => room.log.len() as u64,
            Presence::Here | Presence::Lagged | Presence::Absent | Presence::Stale => {
                seat.missing_count(room.log.end())
            }
        }
    }
}
