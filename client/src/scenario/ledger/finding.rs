//! Findings: what was wrong, counted all and the first of each kind kept in words.

use std::collections::BTreeMap;

use hubbub_protocol::id::Seq;

use super::{
    Content, Ledger,
    account::Totals,
    breach::{BREACHES_SHOWN_MAX, Breach, BreachKind},
};
use crate::scenario::id::{MessageId, Moment, PersonId, RoomId};

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: BTreeMap<BreachKind, u64>,
    shown: BTreeMap<BreachKind, Vec<Breach>>,
}

impl Findings {
    /// Counts; says whether the words are wanted.
    fn count(&mut self, kind: BreachKind, times: u64) -> bool {
        let found = self.found.entry(kind).or_default();
        *found = found.saturating_add(times);
        self.shown.get(&kind).is_none_or(|shown| shown.len() < BREACHES_SHOWN_MAX)
    }

    pub(super) fn total(&self) -> u64 {
        self.found.values().fold(0, |sum, times| sum.saturating_add(*times))
    }

    /// The counters, and what is kept in the order of time.
    pub(super) fn into_parts(self) -> (BTreeMap<BreachKind, u64>, Vec<Breach>) {
        let mut breaches: Vec<_> = self.shown.into_values().flatten().collect();
        breaches.sort_by(|a, b| a.at_ms.total_cmp(&b.at_ms));
        (self.found, breaches)
    }
}

/// Milliseconds since the begin of the run.
pub(super) fn ms(moment: Moment) -> f64 {
    moment.0 as f64 / 1e6
}

fn counter(totals: &mut Totals, kind: BreachKind) -> Option<&mut u64> {
    match kind {
        BreachKind::Lost => Some(&mut totals.lost),
        BreachKind::Doubled => Some(&mut totals.doubled),
        BreachKind::Reordered => Some(&mut totals.reordered),
        BreachKind::Disagreement => Some(&mut totals.disagreeing),
        BreachKind::Leaked => Some(&mut totals.leaked),
        BreachKind::OwnUnseen | BreachKind::Unread => None,
    }
}

impl Ledger {
    /// Writes a finding down, `times` over; the words are made only when they are kept.
    pub(super) fn find(&mut self, kind: BreachKind, times: u64, now: Moment, text: impl FnOnce(&Self) -> String) {
        if times == 0 {
            return;
        }
        if let Some(counter) = counter(&mut self.totals, kind) {
            *counter = counter.saturating_add(times);
        }
        if self.findings.count(kind, times) {
            let breach = Breach { kind, text: text(self), at_ms: ms(now) };
            self.findings.shown.entry(kind).or_default().push(breach);
        }
    }

    pub(super) fn name(&self, person: PersonId) -> &str {
        self.people.get(person.0 as usize).map_or("somebody", |person| &person.name)
    }

    pub(super) fn room_name(&self, room: RoomId) -> &str {
        self.rooms.get(room.0 as usize).map_or("a room", |room| &room.name)
    }

    /// `message 42 of ana`
    pub(super) fn say(&self, message: MessageId) -> String {
        match self.messages.get(message) {
            Some(held) => format!("message {} of {}", message.0, self.name(held.sender)),
            None => format!("message {}", message.0),
        }
    }

    /// `message 42 of ana (seq 7)`
    pub(super) fn say_event(&self, content: Content, seq: Seq) -> String {
        match content {
            Content::Ours(message) => format!("{} (seq {seq})", self.say(message)),
            Content::Foreign(_) => format!("an event of somebody else (seq {seq})"),
        }
    }
}
