//! Flows: who posts what and when, and what came of it. The posts themselves are the posters' matter.

mod chat;
mod schedule;
#[cfg(test)]
mod tests;
mod word;

use std::collections::BTreeMap;

use hubbub_protocol::ErrorBody;
use rand::{SeedableRng, rngs::SmallRng};
use tokio::sync::oneshot;

use self::{chat::Chat, schedule::Schedule};
use super::{
    command::tell,
    deck::{Deck, PostEnd},
    order::{Beat, Flow, FlowEnd, RoomChoice, Words},
    person::{Kind, Owner, Pending, Person},
    timer::Due,
};
use crate::scenario::id::{GroupId, MessageId, Moment, PersonId, RoomId};
use std::time::Duration;

/// Posts of one open flow that may be under way; what would go beyond is not sent, and counted as unsent.
pub(super) const OPEN_UNDER_WAY_MAX: u64 = 200_000;

/// How often a closed flow looks for a poster when none is there.
const STARVED_LOOK: Duration = Duration::from_millis(20);

/// All flows that are played. Numbers are not used again, so an old timer finds nothing.
#[derive(Debug, Default)]
pub(super) struct Flows {
    playing: Vec<Option<Box<Playing>>>,
    /// Closed ones whose window has room.
    refill: Vec<usize>,
}

/// One of them.
#[derive(Debug)]
struct Playing {
    posters: Vec<PersonId>,
    room: RoomChoice,
    words: Words,
    action: bool,
    group: Option<GroupId>,
    beat: Beating,
    chance: SmallRng,
    began: Moment,
    /// Posts so far.
    number: u64,
    turn: usize,
    under_way: u64,
    /// Nothing is to be posted any more.
    over: bool,
    end: FlowEnd,
    refused: BTreeMap<&'static str, (ErrorBody, u64)>,
    answer: oneshot::Sender<FlowEnd>,
}

/// How far the beat is.
#[derive(Debug)]
enum Beating {
    /// How many each has still to post.
    Times {
        left: Vec<u32>,
        total: u64,
    },
    Open {
        schedule: Schedule,
        next: Option<Moment>,
    },
    Closed {
        window: u64,
        left: u64,
        until: Option<Moment>,
        starved: Option<Moment>,
    },
    Chat(Chat),
    /// One that was posted before.
    Again,
}

impl Flows {
    /// Begins a flow.
    pub(super) fn start(
        &mut self,
        flow: Flow,
        answer: oneshot::Sender<FlowEnd>,
        people: &mut [Person],
        deck: &mut Deck,
    ) {
        let key = self.playing.len();
        let now = deck.now;
        let beat = match flow.beat {
            Beat::Times(times) => {
                let total = u64::from(times) * flow.posters.len() as u64;
                Beating::Times { left: vec![times; flow.posters.len()], total }
            }
            Beat::Open { from_per_s, to_per_s, time, poisson } => {
                let schedule = Schedule::new(from_per_s, to_per_s, time, poisson);
                Beating::Open { schedule, next: None }
            }
            Beat::Closed { window, time, posts } => {
                let until = time.map(|time| now.after(time));
                Beating::Closed { window: u64::from(window), left: posts.unwrap_or(u64::MAX), until, starved: None }
            }
        };
        let Flow { posters, room, words, action, group, .. } = flow;
        let mut playing = Playing::new(key, posters, room, words, beat, answer, deck);
        (playing.action, playing.group) = (action, group);
        playing.over = playing.posters.is_empty();
        playing.begin(key, people, deck);
        self.playing.push(Some(Box::new(playing)));
        self.refill.push(key);
        self.settle(key);
    }

    /// Sends a message again.
    pub(super) fn again(
        &mut self,
        (message, sender, room): (MessageId, PersonId, RoomId),
        answer: oneshot::Sender<FlowEnd>,
        people: &mut [Person],
        deck: &mut Deck,
    ) {
        let key = self.playing.len();
        let words = Words::Template(String::new());
        let mut playing = Playing::new(key, vec![sender], RoomChoice::One(room), words, Beating::Again, answer, deck);
        playing.over = true;
        if let Some(person) = people.get_mut(sender.0 as usize) {
            let mut pending = playing.pending(key, 0, room, deck);
            // the server goes by the nonce alone
            (pending.message, pending.text) = (Some(message), "the same again".into());
            (playing.under_way, playing.end.sent) = (1, 1);
            person.post(pending, deck);
        }
        self.playing.push(Some(Box::new(playing)));
        self.settle(key);
    }

    /// A time of this flow has come: posts are due, or its end.
    pub(super) fn due(&mut self, key: usize, people: &mut [Person], deck: &mut Deck) {
        let Some(playing) = self.playing.get_mut(key).and_then(Option::as_deref_mut) else { return };
        match playing.beat {
            Beating::Open { .. } => playing.post_due(key, people, deck),
            Beating::Chat(_) => playing.end_chat(people, deck),
            Beating::Closed { .. } => self.refill.push(key),
            Beating::Times { .. } | Beating::Again => {}
        }
        self.settle(key);
    }

    /// Something came of a post.
    pub(super) fn ended(&mut self, key: usize, slot: u32, end: PostEnd, people: &mut [Person], deck: &mut Deck) {
        let Some(playing) = self.playing.get_mut(key).and_then(Option::as_deref_mut) else { return };
        match end {
            PostEnd::Sent => playing.end.sent += 1,
            PostEnd::Accepted => playing.end.accepted += 1,
            // whose patience ended once would wait as long for each that follows
            PostEnd::GivenUp => {
                playing.end.unsettled += 1;
                playing.end.unsent += u64::from(playing.skip(slot));
            }
            PostEnd::Unsent => playing.end.unsent += 1 + u64::from(playing.skip(slot)),
            PostEnd::Refused(error) => {
                playing.refused.entry(error.code.as_str()).or_insert_with(|| (error, 0)).1 += 1;
            }
            PostEnd::Left => {
                playing.under_way -= 1;
                match playing.beat {
                    Beating::Times { .. } => playing.post_next(key, slot, people, deck),
                    Beating::Closed { .. } if self.refill.last() != Some(&key) => self.refill.push(key),
                    _ => {}
                }
                self.settle(key);
            }
        }
    }

    /// Fills the windows in which there is room; once a turn, so that what was answered together is posted together.
    pub(super) fn refill(&mut self, people: &mut [Person], deck: &mut Deck) {
        for key in std::mem::take(&mut self.refill) {
            if let Some(playing) = self.playing.get_mut(key).and_then(Option::as_deref_mut) {
                playing.fill_window(key, people, deck);
            }
            self.settle(key);
        }
    }

    /// Nothing new is posted any more; what is under way is followed to its end.
    pub(super) fn stop(&mut self, people: &mut [Person], deck: &mut Deck) {
        for key in 0..self.playing.len() {
            if let Some(playing) = self.playing[key].as_deref_mut() {
                playing.end_chat(people, deck);
                playing.over = true;
            }
            self.settle(key);
        }
    }

    /// If the flow is over, who started it is told.
    fn settle(&mut self, key: usize) {
        let Some(place) = self.playing.get_mut(key) else { return };
        if !place.as_ref().is_some_and(|playing| playing.over && playing.under_way == 0) {
            return;
        }
        if let Some(playing) = place.take() {
            let Playing { mut end, refused, answer, .. } = *playing;
            end.refused = refused.into_values().collect();
            tell(answer, end);
        }
    }
}

impl Playing {
    fn new(
        key: usize,
        posters: Vec<PersonId>,
        room: RoomChoice,
        words: Words,
        beat: Beating,
        answer: oneshot::Sender<FlowEnd>,
        deck: &Deck,
    ) -> Self {
        let chance = SmallRng::seed_from_u64(deck.config.seed ^ (key as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let (action, group, began, over) = (false, None, deck.now, false);
        let (number, turn, under_way, end, refused) = (0, 0, 0, FlowEnd::default(), BTreeMap::new());
        Self {
            posters,
            room,
            words,
            action,
            group,
            beat,
            chance,
            began,
            number,
            turn,
            under_way,
            over,
            end,
            refused,
            answer,
        }
    }

    fn begin(&mut self, key: usize, people: &mut [Person], deck: &mut Deck) {
        match &mut self.beat {
            Beating::Times { .. } => {
                for slot in 0..self.posters.len() {
                    self.post_next(key, slot as u32, people, deck);
                }
            }
            Beating::Open { schedule, next } => {
                *next = schedule.next(&mut self.chance).map(|at| self.began.after(at));
                self.over |= next.is_none();
                self.post_due(key, people, deck);
            }
            Beating::Closed { until, .. } => {
                if let Some(until) = until {
                    deck.timers.add(*until, Due::Flow(key));
                }
            }
            Beating::Chat(_) | Beating::Again => {}
        }
    }

    /// The next of one poster's own row.
    fn post_next(&mut self, key: usize, slot: u32, people: &mut [Person], deck: &mut Deck) {
        let Beating::Times { left, total } = &mut self.beat else { return };
        let Some(left) = left.get_mut(slot as usize) else { return };
        if *left > 0 && !self.over {
            *left -= 1;
            *total -= 1;
            self.over = *total == 0;
            if !self.post(key, slot, deck.now, people, deck) {
                // who has no room now has none for the others either
                self.end.unsent += u64::from(self.skip(slot));
            }
        }
    }

    /// Leaves out what is left of a poster's row, and tells how many that was.
    fn skip(&mut self, slot: u32) -> u32 {
        let Beating::Times { left, total } = &mut self.beat else { return 0 };
        let skipped = left.get_mut(slot as usize).map_or(0, std::mem::take);
        *total -= u64::from(skipped);
        self.over = *total == 0;
        skipped
    }

    /// All posts of an open flow whose time has come, however late it is.
    fn post_due(&mut self, key: usize, people: &mut [Person], deck: &mut Deck) {
        while let Beating::Open { schedule, next: Some(at) } = &mut self.beat {
            let at = *at;
            if self.over {
                return;
            }
            if at > deck.now {
                return deck.timers.add(at, Due::Flow(key));
            }
            let next = schedule.next(&mut self.chance).map(|at| self.began.after(at));
            self.over = next.is_none();
            self.beat = match std::mem::replace(&mut self.beat, Beating::Again) {
                Beating::Open { schedule, .. } => Beating::Open { schedule, next },
                other => other,
            };
            deck.meter.late(deck.now.since(at));
            if self.under_way >= OPEN_UNDER_WAY_MAX {
                self.end.unsent += 1;
                deck.meter.not_sent += 1;
                continue;
            }
            let slot = self.turn % self.posters.len();
            self.turn += 1;
            self.post(key, slot as u32, at, people, deck);
        }
    }

    /// As many as the window has room for, by those who are there.
    fn fill_window(&mut self, key: usize, people: &mut [Person], deck: &mut Deck) {
        loop {
            let Beating::Closed { window, left, until, starved } = &mut self.beat else { return };
            self.over |= *left == 0 || until.is_some_and(|until| until <= deck.now);
            if self.over || self.under_way >= *window {
                return;
            }
            let count = self.posters.len();
            let is_here = |turn: &usize| people.get(self.posters[turn % count].0 as usize).is_some_and(|at| at.arrived);
            let Some(turn) = (self.turn..self.turn + count).find(is_here) else {
                let since = *starved.get_or_insert(deck.now);
                if until.is_none() && since.after(deck.config.patience) < deck.now {
                    self.end.unsent += std::mem::take(left);
                    continue;
                }
                return deck.timers.add(deck.now.after(STARVED_LOOK), Due::Flow(key));
            };
            *left -= 1;
            *starved = None;
            self.turn = turn + 1;
            self.post(key, (turn % count) as u32, deck.now, people, deck);
        }
    }

    /// Gives one post to its sender; false when that has no room to post to.
    fn post(&mut self, key: usize, slot: u32, intended: Moment, people: &mut [Person], deck: &mut Deck) -> bool {
        let Some(person) = self.posters.get(slot as usize).and_then(|id| people.get_mut(id.0 as usize)) else {
            return false;
        };
        let room = match self.room {
            RoomChoice::One(room) => Some(room),
            RoomChoice::Own => person.next_room(),
        };
        let Some(room) = room else {
            self.end.unsent += 1;
            return false;
        };
        self.number += 1;
        self.under_way += 1;
        let words = match &self.beat {
            Beating::Chat(chat) => chat.words(slot).unwrap_or(&self.words),
            _ => &self.words,
        };
        let text = word::text(words, &person.name, self.number, &mut self.chance);
        let mut pending = self.pending(key, slot, room, deck);
        (pending.text, pending.intended) = (text.into(), intended);
        person.post(pending, deck);
        true
    }

    fn pending(&self, key: usize, slot: u32, room: RoomId, deck: &Deck) -> Pending {
        Pending {
            owner: Owner::Flow { flow: key, slot },
            message: None,
            room,
            intended: deck.now,
            overdue: deck.now.after(deck.config.patience),
            group: self.group,
            text: Box::default(),
            kind: if self.action { Kind::Action } else { Kind::Text },
            sight: matches!(self.beat, Beating::Closed { .. }),
            sent: false,
            accepted: false,
            seen: false,
        }
    }
}
