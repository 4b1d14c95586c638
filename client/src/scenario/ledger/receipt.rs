//! What readers get. The expected next event costs a few comparisons and no lookup; everything else is looked at closely.

use std::time::Duration;

use hubbub_protocol::id::Seq;

use super::{
    Content, Ledger, Way,
    breach::BreachKind::{Disagreement, Doubled, Leaked, Lost, Reordered, Unread},
    log::{Code, Known, Sight},
    message::Gone,
    seat::{Arrival, Hole, Presence},
};
use crate::scenario::id::{MessageId, Moment, PersonId, RoomId, SeatId};

impl Ledger {
    /// An event of a log came to a reader. `seat` of a person who is not in the room: a leak, which is found here.
    #[inline]
    pub(crate) fn event(&mut self, seat: SeatId, seq: Seq, content: Content, way: Way, now: Moment) {
        let Some(held) = self.seats.get_mut(seat.0 as usize) else { return };
        held.received += 1;
        if way == Way::Live && held.presence == Presence::Here && held.next == seq {
            let (person, index) = (held.person, held.index);
            let room = self.rooms.get(held.room.0 as usize);
            if let Some(room) = room.filter(|room| room.log.code(seq) == Some(Code::of(content))) {
                held.next += 1;
                let seats = room.seats.len();
                self.receive(person, index, seats, content, true, now);
                return;
            }
        }
        self.odd_event(seat, seq, content, way, now);
    }

    /// Counts a first coming of an event to a seat. `live`: its reader was connected all the time, so its latency counts,
    /// even if it had to be fetched: else a server that lets its readers fall behind would look fast.
    #[inline]
    fn receive(&mut self, person: PersonId, index: u32, seats: usize, content: Content, live: bool, now: Moment) {
        let Content::Ours(id) = content else {
            self.totals.foreign += 1;
            return;
        };
        self.totals.delivered += 1;
        self.totals.delivered_live += u64::from(live);
        let slot = self.timeline.at(now);
        slot.delivered += 1;
        let Some(message) = self.messages.get_mut(id) else { return };
        message.receipts += 1;
        let lateness_ns = now.0.saturating_sub(message.intended.0);
        if live {
            message.first_receipt.get_or_insert(now);
            (message.last_receipt, message.last_reader) = (now, person);
            let micros = lateness_ns / 1_000;
            self.delivery.record(micros);
            slot.times.record(micros);
        }
        if let Some(kept) = &mut message.kept {
            kept.receive(index, seats, Duration::from_nanos(lateness_ns));
        }
    }

    /// Any event that is not simply the expected next one.
    #[cold]
    fn odd_event(&mut self, seat_id: SeatId, seq: Seq, content: Content, way: Way, now: Moment) {
        let Some(seat) = self.seats.get(seat_id.0 as usize) else { return };
        let (person, room, presence) = (seat.person, seat.room, seat.presence);
        let is_of_log = self.rooms.get(room.0 as usize).is_some_and(|room| seat.is_of(room.epoch.as_ref()));
        match presence {
            Presence::New | Presence::Absent | Presence::Parted if way == Way::Live => {
                return self.find_leak(person, room, seq, content, Some(presence), now);
            }
            // the log became another one while this was under way, which was said once
            _ if !is_of_log => return,
            Presence::Lagged if way == Way::Live => self.find(Unread, 1, now, |ledger| {
                let (who, room) = (ledger.name(person), ledger.room_name(room));
                format!(
                    "{room}: {who} was told to have fallen behind, and got {} all the same",
                    ledger.say_event(content, seq)
                )
            }),
            _ => {}
        }
        let sight = self.learn(room, seq, content, Some(person), now);
        if sight == Sight::TooFar || !matches!(presence, Presence::Here | Presence::Lagged) {
            return;
        }
        let Some(seat) = self.seats.get_mut(seat_id.0 as usize) else { return };
        let (index, is_timed) = (seat.index, way == Way::Live || seat.fell_behind);
        let (arrival, lost) = seat.take(seq, way);
        if let Some(hole) = lost {
            self.find_hole(person, room, hole, now);
        }
        self.tell_arrival(arrival, sight, person, room, seq, content, now);
        if matches!(arrival, Arrival::New | Arrival::Late) {
            let seats = self.rooms.get(room.0 as usize).map_or(0, |room| room.seats.len());
            self.receive(person, index, seats, content, is_timed, now);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one event and what was found out about it")]
    fn tell_arrival(
        &mut self,
        arrival: Arrival,
        sight: Sight,
        person: PersonId,
        room: RoomId,
        seq: Seq,
        content: Content,
        now: Moment,
    ) {
        match arrival {
            Arrival::New | Arrival::Overlap => {}
            Arrival::Late => self.find(Reordered, 1, now, |ledger| {
                let (who, room) = (ledger.name(person), ledger.room_name(room));
                format!("{room}: {who} got {} after later ones", ledger.say_event(content, seq))
            }),
            // another event at this seq: that is what was said already
            Arrival::Again if matches!(sight, Sight::Differs(_)) => {}
            Arrival::Again => {
                if let Content::Ours(id) = content {
                    self.keep_stray(id, person, now);
                }
                self.find(Doubled, 1, now, |ledger| {
                    let (who, room) = (ledger.name(person), ledger.room_name(room));
                    format!("{room}: {who} got {} again", ledger.say_event(content, seq))
                });
            }
        }
    }

    fn keep_stray(&mut self, id: MessageId, person: PersonId, now: Moment) {
        let lateness = self.lateness(id, now);
        if let Some(kept) = self.messages.get_mut(id).and_then(|message| message.kept.as_mut()) {
            kept.stray(person, lateness);
        }
    }

    /// An event came to somebody who never was in that room.
    pub(crate) fn leaked(&mut self, person: PersonId, room: RoomId, seq: Seq, content: Content, now: Moment) {
        if let Some(held) = self.people.get_mut(person.0 as usize) {
            held.leaked += 1;
        }
        self.find_leak(person, room, seq, content, None, now);
    }

    fn find_leak(
        &mut self,
        person: PersonId,
        room: RoomId,
        seq: Seq,
        content: Content,
        presence: Option<Presence>,
        now: Moment,
    ) {
        if let Content::Ours(id) = content {
            self.keep_stray(id, person, now);
        }
        self.find(Leaked, 1, now, |ledger| {
            let why = match presence {
                Some(Presence::Parted) => "who had left the room",
                Some(Presence::Absent) => "who had not come back to the room yet",
                Some(Presence::New) => "who had not entered the room yet",
                _ => "who was never in the room",
            };
            let (who, room) = (ledger.name(person), ledger.room_name(room));
            format!("{room}: {} came to {who}, {why}", ledger.say_event(content, seq))
        });
    }

    /// Compares what was read with what is known of the log. `by`: the reader; `None` when the room is read back.
    pub(super) fn learn(
        &mut self,
        room_id: RoomId,
        seq: Seq,
        content: Content,
        by: Option<PersonId>,
        now: Moment,
    ) -> Sight {
        let Some(room) = self.rooms.get_mut(room_id.0 as usize) else { return Sight::Before };
        let sight = room.log.see(seq, content, &mut self.total_events);
        match sight {
            Sight::Same | Sight::Before => return sight,
            Sight::First => {}
            Sight::Differs(_) | Sight::TooFar => self.find_difference(room_id, seq, content, by, sight, now),
        }
        if matches!(sight, Sight::First | Sight::Differs(Known::Claimed(_))) {
            if let Content::Ours(id) = content {
                self.first_sight(id, room_id, seq, now);
            }
            let Some(room) = self.rooms.get_mut(room_id.0 as usize) else { return sight };
            room.fresh += 1;
            if room.is_sweep_due() {
                self.sweep(room_id);
            }
        }
        sight
    }

    fn find_difference(
        &mut self,
        room: RoomId,
        seq: Seq,
        content: Content,
        by: Option<PersonId>,
        sight: Sight,
        now: Moment,
    ) {
        self.find(Disagreement, 1, now, |ledger| {
            let who = by.map_or("the log as it was read back", |person| ledger.name(person));
            let event = match content {
                Content::Ours(message) => ledger.say(message),
                Content::Foreign(_) => "another event, or other words,".to_owned(),
            };
            let there = match sight {
                Sight::Differs(Known::Ours(other)) => format!("others have {}", ledger.say(other)),
                Sight::Differs(Known::Claimed(other)) => format!("{} was acknowledged", ledger.say(other)),
                Sight::Differs(_) => "others have an event of somebody else".to_owned(),
                _ => "no event can be by now".to_owned(),
            };
            format!("{}: {who} has {event} at seq {seq}, where {there}", ledger.room_name(room))
        });
    }

    /// One of our messages is read for the first time at this place.
    fn first_sight(&mut self, id: MessageId, room: RoomId, seq: Seq, now: Moment) {
        let was_made = self.messages.was_made(id);
        let Some(held) = self.messages.get_mut(id) else {
            return match self.messages.gone(id) {
                _ if !was_made => self.find_unsent(id, room, seq, now),
                Gone::Complete => self.find_twice(id, room, seq, None, now),
                Gone::Refused => self.find_refused(id, room, seq, now),
                Gone::Open => {}
            };
        };
        if held.room != room {
            let home = held.room;
            return self.find(Leaked, 1, now, |ledger| {
                let (there, home) = (ledger.room_name(room), ledger.room_name(home));
                format!("{there}: {} was posted to {home}, and stands here", ledger.say_event(Content::Ours(id), seq))
            });
        }
        if held.sends == 0 {
            return self.find_unsent(id, room, seq, now);
        }
        let is_refused = held.is_refused && held.sends == 1;
        match held.seen {
            Some(other) if other != seq => return self.find_twice(id, room, seq, Some(other), now),
            _ => held.seen = Some(seq),
        }
        if let Some(acked) = held.acked.filter(|acked| *acked != seq) {
            if let Some(room) = self.rooms.get_mut(room.0 as usize) {
                room.log.unclaim(acked, id, &mut self.total_events);
            }
            self.find(Disagreement, 1, now, |ledger| {
                let (room, message) = (ledger.room_name(room), ledger.say(id));
                format!("{room}: {message} was acknowledged at seq {acked}, and stands at {seq}")
            });
        }
        if is_refused {
            self.find_refused(id, room, seq, now);
        }
    }

    fn find_unsent(&mut self, id: MessageId, room: RoomId, seq: Seq, now: Moment) {
        self.find(Disagreement, 1, now, |ledger| {
            format!(
                "{}: {} stands in the log, and was never sent",
                ledger.room_name(room),
                ledger.say_event(Content::Ours(id), seq)
            )
        });
    }

    fn find_twice(&mut self, id: MessageId, room: RoomId, seq: Seq, other: Option<Seq>, now: Moment) {
        self.find(Doubled, 1, now, |ledger| {
            let (room, message) = (ledger.room_name(room), ledger.say(id));
            match other {
                Some(other) => format!("{room}: {message} stands in the log twice, at seq {other} and {seq}"),
                None => format!("{room}: {message} stands in the log once more, at seq {seq}"),
            }
        });
    }

    /// Everything of a hole is lost.
    pub(super) fn find_hole(&mut self, person: PersonId, room: RoomId, hole: Hole, now: Moment) {
        const SHOWN_MAX: u64 = super::breach::BREACHES_SHOWN_MAX as u64;
        let shown = (hole.to - hole.from).min(SHOWN_MAX);
        for seq in hole.from..hole.from + shown {
            self.find(Lost, 1, now, |ledger| {
                let (who, there) = (ledger.name(person), ledger.room_name(room));
                let known = ledger.rooms.get(room.0 as usize).map_or(Known::Nothing, |room| room.log.known(seq));
                match known {
                    Known::Ours(id) | Known::Claimed(id) => {
                        format!(
                            "{there}: {who} never got {}, though they were there",
                            ledger.say_event(Content::Ours(id), seq)
                        )
                    }
                    Known::Foreign => format!("{there}: {who} never got the event of somebody else at seq {seq}"),
                    Known::Nothing => format!("{there}: nobody got anything for seq {seq}, {who} neither"),
                }
            });
        }
        self.find(Lost, hole.to - hole.from - shown, now, |ledger| {
            let (who, room) = (ledger.name(person), ledger.room_name(room));
            format!("{room}: {who} never got anything up to seq {}", hole.to - 1)
        });
    }
}
