//! Groups: messages that were captured under one name, and every receipt of each of them.

use std::{
    cell::RefCell,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use hubbub_protocol::ErrorBody;

use super::Ledger;
use crate::scenario::{
    crowd::order::{Fate, Reception},
    id::{GroupId, MessageId, Moment, PersonId, RoomId},
};

/// Receipts of captured messages that are kept (256 MiB); messages beyond it are captured no more.
pub(super) const RECEIPTS_MAX: usize = 64 << 20;

/// Receipts of one message by people outside its room, and repeated ones, that are kept.
const STRAYS_MAX: usize = 1_000;

/// What is kept of a captured message.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) refused: Option<ErrorBody>,
    /// By the seat's number in the room: the first coming, in microseconds after the intended time plus one; 0 for never.
    first_us: Vec<u32>,
    /// Who got it otherwise: beyond the first time, or without a seat.
    strays: Vec<Stray>,
}

#[derive(Debug)]
struct Stray {
    person: PersonId,
    count: u32,
    first_us: u32,
}

impl Kept {
    /// The first coming to a seat, of a room that has so many.
    pub(super) fn receive(&mut self, seat: u32, seats: usize, latency: Duration) {
        let index = seat as usize;
        if index >= self.first_us.len() {
            self.first_us.resize(seats.max(index + 1), 0);
        }
        if let Some(first_us) = self.first_us.get_mut(index).filter(|first_us| **first_us == 0) {
            *first_us = micros(latency).saturating_add(1);
        }
    }

    /// It came to somebody to whom it ought not to come, or not again.
    pub(super) fn stray(&mut self, person: PersonId, latency: Duration) {
        if let Some(stray) = self.strays.iter_mut().find(|stray| stray.person == person) {
            stray.count = stray.count.saturating_add(1);
        } else if self.strays.len() < STRAYS_MAX {
            self.strays.push(Stray { person, count: 1, first_us: micros(latency) });
        }
    }

    /// How often it came to that person, and how late the first time.
    fn receipts(&self, person: PersonId, seat: Option<u32>) -> (u32, Duration) {
        let first_us = seat.and_then(|seat| self.first_us.get(seat as usize)).copied().unwrap_or(0);
        let stray = self.strays.iter().find(|stray| stray.person == person);
        let first = match (first_us.checked_sub(1), stray) {
            (Some(first_us), _) => first_us,
            (None, Some(stray)) => stray.first_us,
            (None, None) => 0,
        };
        let count = u32::from(first_us > 0).saturating_add(stray.map_or(0, |stray| stray.count));
        (count, Duration::from_micros(first.into()))
    }
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX - 1)
}

/// The messages of one name.
#[derive(Debug, Default)]
pub(super) struct Group {
    messages: Vec<MessageId>,
}

/// All groups, and how far the questions that are asked again and again are answered.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    receipts: usize,
    /// By question: the number of the first message and person that lacked something. What is there stays there.
    asked: RefCell<Vec<(u64, Progress)>>,
}

/// Up to where a question is answered.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    group: usize,
    message: usize,
    person: usize,
}

/// Questions whose progress is remembered.
const ASKED_MAX: usize = 64;

impl Groups {
    pub(super) fn push(&mut self) -> GroupId {
        self.groups.push(Group::default());
        GroupId(u32::try_from(self.groups.len() - 1).unwrap_or(u32::MAX))
    }

    /// Adds a message; `seats` is how many receipts it may get. False: there is no room for it.
    pub(super) fn add(&mut self, group: GroupId, message: MessageId, seats: usize) -> bool {
        let Some(group) = self.groups.get_mut(group.0 as usize) else { return false };
        if self.receipts + seats > RECEIPTS_MAX {
            return false;
        }
        self.receipts += seats;
        group.messages.push(message);
        true
    }

    fn messages(&self, group: GroupId) -> &[MessageId] {
        self.groups.get(group.0 as usize).map_or(&[], |group| &group.messages)
    }

    fn progress(&self, question: u64) -> Progress {
        let asked = self.asked.borrow();
        asked.iter().find(|(key, _)| *key == question).map_or(Progress::default(), |(_, progress)| *progress)
    }

    fn remember(&self, question: u64, progress: Progress) {
        let mut asked = self.asked.borrow_mut();
        if let Some((_, there)) = asked.iter_mut().find(|(key, _)| *key == question) {
            *there = progress;
            return;
        }
        if asked.len() >= ASKED_MAX {
            asked.remove(0);
        }
        asked.push((question, progress));
    }
}

/// The numbers of some people's seats in the rooms that are asked for.
struct SeatNumbers<'a> {
    who: &'a [PersonId],
    rooms: Vec<(RoomId, Vec<Option<u32>>)>,
}

impl<'a> SeatNumbers<'a> {
    fn of(&mut self, ledger: &Ledger, room: RoomId) -> &[Option<u32>] {
        let at = self.rooms.iter().position(|(there, _)| *there == room).unwrap_or_else(|| {
            let numbers = self.who.iter().map(|person| ledger.seat_number(*person, room)).collect();
            self.rooms.push((room, numbers));
            self.rooms.len() - 1
        });
        self.rooms.get(at).map_or(&[], |(_, numbers)| numbers)
    }
}

impl Ledger {
    /// What the captured messages of a group came to.
    pub(crate) fn fates(&self, group: GroupId) -> Vec<Fate> {
        let fate = |&id: &MessageId| {
            let message = self.messages.get(id)?;
            Some(Fate {
                message: id,
                sender: message.sender,
                room: message.room,
                intended: message.intended,
                accepted: message.acked.map(|seq| (seq, message.duplicate)),
                acknowledgements: message.acknowledgements,
                refused: message.refusal().cloned(),
            })
        };
        self.groups.messages(group).iter().filter_map(fate).collect()
    }

    /// What each of `who` has of the groups' messages. Of those that were refused, or given up and read by nobody,
    /// nothing is expected. With `times` 0 nothing is expected of any.
    pub(crate) fn reception(&self, who: &[PersonId], groups: &[GroupId], times: u32) -> Reception {
        let mut reception = Reception::default();
        let mut seats = SeatNumbers { who, rooms: Vec::new() };
        for &id in groups.iter().flat_map(|group| self.groups.messages(*group)) {
            let Some(message) = self.messages.get(id) else { continue };
            let is_expected = times > 0 && self.is_expected(id);
            reception.expected += if is_expected { who.len() as u64 } else { 0 };
            let numbers = seats.of(self, message.room);
            for (&person, &number) in who.iter().zip(numbers) {
                let kept = message.kept.as_ref();
                let (count, latency) = kept.map_or((0, Duration::ZERO), |kept| kept.receipts(person, number));
                if count > 0 {
                    reception.latencies.push(latency);
                }
                if is_expected && count < times {
                    reception.missing.push((person, id));
                }
                if count > times {
                    reception.too_often.push((person, id, count));
                }
            }
        }
        reception.latencies.sort_unstable();
        reception
    }

    /// Whether `reception` would lack nothing; false for `times` 0, as that is over at its deadline only. Cheap enough to
    /// be asked after every turn of the loop: it goes on where it stopped the last time.
    pub(crate) fn is_received(&self, who: &[PersonId], groups: &[GroupId], times: u32) -> bool {
        if times == 0 {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        (who, groups, times).hash(&mut hasher);
        let question = hasher.finish();
        let mut at = self.groups.progress(question);
        while let Some(&group) = groups.get(at.group) {
            if !self.is_group_received(who, self.groups.messages(group), times, &mut at) {
                self.groups.remember(question, at);
                return false;
            }
            // the last group's place is kept at its end, from where it may still grow
            if at.group + 1 == groups.len() {
                break;
            }
            at = Progress { group: at.group + 1, ..Progress::default() };
        }
        self.groups.remember(question, at);
        true
    }

    fn is_group_received(&self, who: &[PersonId], messages: &[MessageId], times: u32, at: &mut Progress) -> bool {
        while let Some(&id) = messages.get(at.message) {
            if let Some(message) = self.messages.get(id).filter(|_| self.is_expected(id)) {
                while let Some(&person) = who.get(at.person) {
                    let number = self.seat_number(person, message.room);
                    let count = message.kept.as_ref().map_or(0, |kept| kept.receipts(person, number).0);
                    if count < times {
                        return false;
                    }
                    at.person += 1;
                }
            }
            at.message += 1;
            at.person = 0;
        }
        true
    }

    /// Whether a captured message ought to reach its readers.
    fn is_expected(&self, id: MessageId) -> bool {
        self.messages.get(id).is_some_and(|message| {
            let is_stored = message.acked.is_some() || message.seen.is_some();
            is_stored || !(message.is_refused || message.is_given_up)
        })
    }

    /// The number of a person's seat in a room.
    fn seat_number(&self, person: PersonId, room: RoomId) -> Option<u32> {
        self.find_seat(person, room).and_then(|seat| self.seats.get(seat.0 as usize)).map(|seat| seat.index)
    }

    /// Puts a message into one more group.
    pub(crate) fn group_with(&mut self, message: MessageId, group: GroupId) {
        let is_captured = self.messages.get(message).is_some_and(|held| held.kept.is_some());
        if !(is_captured && self.groups.messages(group).contains(&message)) {
            self.capture(message, group);
        }
    }

    /// Puts a message into a group that it is not in.
    pub(super) fn capture(&mut self, message: MessageId, group: GroupId) {
        let Some(held) = self.messages.get_mut(message) else { return };
        let seats = self.rooms.get(held.room.0 as usize).map_or(0, |room| room.seats.len());
        if self.groups.add(group, message, seats) {
            held.kept.get_or_insert_default();
        } else {
            self.totals.not_followed += 1;
        }
    }

    /// How late a message is at `now`.
    pub(super) fn lateness(&self, message: MessageId, now: Moment) -> Duration {
        self.messages.get(message).map_or(Duration::ZERO, |message| now.since(message.intended))
    }
}
