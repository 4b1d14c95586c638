//! What senders do and are told: intended, sent, accepted, refused; and how a finished message is let go.

use hubbub_protocol::{ErrorBody, id::Seq};

use super::{
    Content, Ledger,
    breach::BreachKind::Disagreement,
    log::{Known, Sight},
    message::Gone,
};
use crate::scenario::id::{GroupId, MessageId, Moment, PersonId, RoomId};

/// Seats that are looked at in one turn of sweeping, about: some hundred microseconds.
const SEATS_A_TURN: usize = 20_000;

impl Ledger {
    /// A post is to be made: its life begins at `intended`.
    pub(crate) fn intend(
        &mut self,
        sender: PersonId,
        room: RoomId,
        intended: Moment,
        group: Option<GroupId>,
    ) -> MessageId {
        let (id, evicted) = self.messages.push(sender, room, intended);
        self.totals.intended += 1;
        self.totals.unsettled += 1;
        self.totals.not_followed += evicted;
        self.timeline.at(intended).intended += 1;
        if let Some(group) = group {
            self.capture(id, group);
        }
        id
    }

    /// What it says, as a digest: that of its first send, for what is sent again later is the same message.
    pub(crate) fn worded(&mut self, message: MessageId, words: u32) -> u32 {
        match self.messages.get_mut(message) {
            Some(held) if held.sends == 0 => {
                held.words = words;
                words
            }
            Some(held) => held.words,
            None => words,
        }
    }

    /// It is about to be written to the socket (each time that it is).
    pub(crate) fn sent(&mut self, message: MessageId, now: Moment) {
        let Some(held) = self.messages.get_mut(message) else {
            self.totals.sent_again += 1;
            return;
        };
        held.sends += 1;
        held.is_given_up = false;
        held.sent.get_or_insert(now);
        if held.sends == 1 { self.totals.sent += 1 } else { self.totals.sent_again += 1 }
    }

    /// The server said that it is stored there.
    pub(crate) fn accepted(&mut self, message: MessageId, seq: Seq, duplicate: bool, now: Moment) {
        self.totals.duplicates += u64::from(duplicate);
        let Some(held) = self.messages.get_mut(message) else { return };
        let (room, seen) = (held.room, held.seen);
        let earlier = held.acked.replace(seq);
        held.acknowledgements += 1;
        held.duplicate = duplicate;
        held.is_refused = false;
        let is_first = held.accepted.is_none();
        let was_answered = std::mem::replace(&mut held.is_answered, true);
        if is_first {
            held.accepted = Some(now);
            self.acceptance.record_duration(now.since(held.intended));
            self.totals.accepted += 1;
            self.timeline.at(now).accepted += 1;
        }
        self.totals.unsettled -= u64::from(!was_answered);
        match earlier.filter(|earlier| *earlier != seq).or(seen.filter(|seen| *seen != seq)) {
            Some(other) => self.find(Disagreement, 1, now, |ledger| {
                let (room, message) = (ledger.room_name(room), ledger.say(message));
                format!("{room}: {message} was acknowledged at seq {seq}, and stands at {other}")
            }),
            None => self.claim(message, room, seq, now),
        }
        self.let_go_if_complete(message);
    }

    /// Writes an acknowledgement into the room's log.
    fn claim(&mut self, message: MessageId, room_id: RoomId, seq: Seq, now: Moment) {
        let Some(room) = self.rooms.get_mut(room_id.0 as usize) else { return };
        let first = room.log.first();
        let there = match room.log.claim(seq, message, &mut self.total_events) {
            Sight::Differs(Known::Ours(other) | Known::Claimed(other)) => Some(other),
            Sight::Differs(_) | Sight::TooFar => None,
            Sight::Before if seq < first => None,
            Sight::Same | Sight::First | Sight::Before => return,
        };
        self.find(Disagreement, 1, now, |ledger| {
            let (room, message) = (ledger.room_name(room_id), ledger.say(message));
            match there {
                Some(other) => {
                    format!("{room}: {message} was acknowledged at seq {seq}, where {} is", ledger.say(other))
                }
                None => format!("{room}: {message} was acknowledged at seq {seq}, where it cannot be"),
            }
        });
    }

    /// The server refused it.
    pub(crate) fn refused(&mut self, message: MessageId, error: &ErrorBody, now: Moment) {
        match self.totals.refused.get_mut(error.code.as_str()) {
            Some(count) => *count += 1,
            None => drop(self.totals.refused.insert(error.code.as_str().to_owned(), 1)),
        }
        self.timeline.at(now).refused += 1;
        let Some(held) = self.messages.get_mut(message) else { return };
        let was_answered = std::mem::replace(&mut held.is_answered, true);
        self.totals.unsettled -= u64::from(!was_answered);
        held.is_refused = held.acked.is_none();
        let (was_sent_once, seen, room) = (held.sends <= 1, held.seen, held.room);
        if let Some(kept) = &mut held.kept {
            kept.refused = Some(error.clone());
        } else if held.acked.is_none() && seen.is_none() {
            self.messages.let_go(message, if was_sent_once { Gone::Refused } else { Gone::Open });
        }
        if let Some(seq) = seen.filter(|_| was_sent_once) {
            self.find_refused(message, room, seq, now);
        }
    }

    /// A message that was refused stands in the log.
    pub(super) fn find_refused(&mut self, message: MessageId, room: RoomId, seq: Seq, now: Moment) {
        self.find(Disagreement, 1, now, |ledger| {
            let (room, event) = (ledger.room_name(room), ledger.say_event(Content::Ours(message), seq));
            format!("{room}: {event} was refused, and was posted all the same")
        });
    }

    /// No answer will come any more; whether it is in the log is open, and both is right.
    pub(crate) fn given_up(&mut self, message: MessageId) {
        if let Some(held) = self.messages.get_mut(message) {
            held.is_given_up = !held.is_answered;
        }
        self.let_go_if_complete(message);
    }

    /// Who sent a message, and where to; `None` when it was let go.
    pub(crate) fn author(&self, message: MessageId) -> Option<(PersonId, RoomId)> {
        self.messages.get(message).map(|held| (held.sender, held.room))
    }

    /// Lets a message go when its answer was the last that was to be waited for.
    fn let_go_if_complete(&mut self, message: MessageId) {
        let Some(held) = self.messages.get(message) else { return };
        let swept = self.rooms.get(held.room.0 as usize).map_or(0, |room| room.swept);
        if held.seen.is_some_and(|seen| seen < swept) {
            self.let_go(message);
        }
    }

    /// Lets a message go that everybody has, unless it is captured or still to be answered.
    fn let_go(&mut self, message: MessageId) {
        let Some(held) = self.messages.get(message) else { return };
        let is_settled = held.is_answered || held.is_given_up;
        let is_consistent = held.acked.is_none() || held.acked == held.seen;
        if is_settled && is_consistent && held.kept.is_none() {
            self.offer_worst(message);
            self.messages.let_go(message, Gone::Complete);
        }
    }

    /// Sweeps some rooms in which anything happened, in turn, so that quiet ones hold nothing for long.
    pub(super) fn sweep_in_turn(&mut self) {
        let mut seats = 0;
        for _ in 0..self.rooms.len() {
            self.turn = (self.turn + 1) % self.rooms.len();
            let Some(room) = self.rooms.get(self.turn).filter(|room| room.fresh > 0) else { continue };
            seats += room.seats.len();
            self.sweep(RoomId(u32::try_from(self.turn).unwrap_or(u32::MAX)));
            if seats >= SEATS_A_TURN {
                break;
            }
        }
    }

    /// Lets go of everything in a room that everybody has who is there or may come back.
    pub(super) fn sweep(&mut self, room_id: RoomId) {
        let Some(room) = self.rooms.get_mut(room_id.0 as usize) else { return };
        let (from, to) = (room.swept, room.complete_to(&self.seats));
        room.fresh = 0;
        if to <= from {
            return;
        }
        room.swept = to;
        let complete: Vec<MessageId> = room.log.ours(from, to).map(|(_, message)| message).collect();
        complete.into_iter().for_each(|message| self.let_go(message));
    }
}
