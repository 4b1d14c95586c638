//! Chat: the habits of people, each with their own pace: bursts and thoughts, going and coming.

use std::time::Duration;

use rand::{RngExt, rngs::SmallRng, seq::SliceRandom};
use rand_distr::{Distribution, Exp, LogNormal};
use tokio::sync::oneshot;

use super::{Beating, Flows, Playing, word};
use crate::scenario::{
    crowd::{
        deck::Deck,
        order::{FlowEnd, Habit, Parting, RoomChoice, Words},
        person::Person,
        timer::Due,
    },
    file::unit::{Range, Spread},
    id::Moment,
};

/// The shortest time between two things that one person does by habit, so that a spread of zeros ends some time.
const HABIT_MIN: Duration = Duration::from_millis(1);

/// The 99 % point of the normal distribution, in standard deviations.
const NORMAL_P99: f64 = 2.326_347_874;

/// A chat that is played.
#[derive(Debug)]
pub(super) struct Chat {
    until: Moment,
    habits: Vec<Habit>,
    chatters: Vec<Chatter>,
}

/// One of those who chat, in the order of the posters.
#[derive(Debug)]
struct Chatter {
    habit: usize,
    /// Posts that are left of the burst.
    burst: u32,
    /// Gone by habit: to be brought back at the end.
    gone: bool,
}

impl Chat {
    /// What one of them says.
    pub(super) fn words(&self, slot: u32) -> Option<&Words> {
        let chatter = self.chatters.get(slot as usize)?;
        self.habits[chatter.habit].talk.as_ref().map(|(_, words)| words)
    }
}

/// A time drawn from its spread.
pub(super) fn draw(spread: Spread, chance: &mut SmallRng) -> Duration {
    let drawn_s = match spread {
        Spread::Fixed(time) => time.as_secs_f64(),
        Spread::Uniform(from, to) => chance.random_range(from.min(to).as_secs_f64()..=to.max(from).as_secs_f64()),
        Spread::Exponential(mean) => {
            let mean_s = mean.as_secs_f64();
            Exp::new(mean_s.recip()).map_or(mean_s, |distribution| distribution.sample(chance))
        }
        Spread::LogNormal { median, p99 } => {
            let sigma = (p99.as_secs_f64() / median.as_secs_f64()).ln() / NORMAL_P99;
            let distribution = LogNormal::new(median.as_secs_f64().ln(), sigma);
            distribution.map_or(median.as_secs_f64(), |distribution| distribution.sample(chance))
        }
    };
    Duration::try_from_secs_f64(drawn_s).unwrap_or(Duration::ZERO).max(HABIT_MIN)
}

impl Flows {
    /// Begins to play habits.
    pub(in super::super) fn chat(
        &mut self,
        habits: Vec<Habit>,
        time: Duration,
        answer: oneshot::Sender<FlowEnd>,
        deck: &mut Deck,
    ) {
        let key = self.playing.len();
        let mut chatters = Vec::new();
        let mut posters = Vec::new();
        for (habit, Habit { who, .. }) in habits.iter().enumerate() {
            posters.extend_from_slice(who);
            chatters.extend(who.iter().map(|_| Chatter { habit, burst: 0, gone: false }));
        }
        let until = deck.now.after(time);
        deck.timers.add(until, Due::Flow(key));
        let words = Words::Bytes(Range { from: 16, to: 64 });
        let beat = Beating::Chat(Chat { until, habits, chatters });
        let mut playing = Playing::new(key, posters, RoomChoice::Own, words, beat, answer, deck);
        playing.begin_habits(key, deck);
        self.playing.push(Some(Box::new(playing)));
    }

    /// One of a chat posts, or begins a burst.
    pub(in super::super) fn talk(&mut self, key: usize, slot: u32, at: Moment, people: &mut [Person], deck: &mut Deck) {
        if let Some(playing) = self.playing.get_mut(key).and_then(Option::as_deref_mut) {
            playing.talk(key, slot, at, people, deck);
        }
    }

    /// One of a chat goes for a while, or comes back.
    pub(in super::super) fn wander(
        &mut self,
        key: usize,
        slot: u32,
        back: bool,
        people: &mut [Person],
        deck: &mut Deck,
    ) {
        if let Some(playing) = self.playing.get_mut(key).and_then(Option::as_deref_mut) {
            playing.wander(key, slot, back, people, deck);
        }
    }
}

impl Playing {
    /// Draws who talks, and the first time of each.
    fn begin_habits(&mut self, key: usize, deck: &mut Deck) {
        let Beating::Chat(chat) = &self.beat else { return };
        let mut slot = 0_u32;
        for habit in &chat.habits {
            let mut slots: Vec<u32> = (slot..).take(habit.who.len()).collect();
            slot += habit.who.len() as u32;
            for &slot in habit.reconnects.iter().flat_map(|_| &slots) {
                let Some(reconnects) = &habit.reconnects else { continue };
                deck.timers.add(deck.now.after(draw(reconnects.every, &mut self.chance)), Due::Go(key, slot));
            }
            if let Some((talk, _)) = &habit.talk {
                let talkers = (talk.share.clamp(0.0, 1.0) * slots.len() as f64).ceil() as usize;
                let (talkers, _) = slots.partial_shuffle(&mut self.chance, talkers);
                for slot in talkers.iter() {
                    let think = draw(talk.think, &mut self.chance);
                    deck.timers.add(deck.now.after(think), Due::Talk(key, *slot));
                }
            }
        }
    }

    fn talk(&mut self, key: usize, slot: u32, at: Moment, people: &mut [Person], deck: &mut Deck) {
        let Beating::Chat(chat) = &mut self.beat else { return };
        let Some(chatter) = chat.chatters.get_mut(slot as usize) else { return };
        let Some((talk, _)) = &chat.habits[chatter.habit].talk else { return };
        if self.over || at >= chat.until {
            return;
        }
        if chatter.burst == 0 {
            chatter.burst = word::draw(talk.burst, &mut self.chance).max(1);
        }
        chatter.burst -= 1;
        let spread = if chatter.burst == 0 { talk.think } else { talk.pause };
        let next = at.after(draw(spread, &mut self.chance));
        let (gone, types) = (chatter.gone, talk.types);
        deck.timers.add(next, Due::Talk(key, slot));
        if gone {
            return; // nobody talks to a room that they have left
        }
        if types && let Some(person) = self.posters.get(slot as usize).and_then(|id| people.get_mut(id.0 as usize)) {
            let room = person.coming_room();
            room.map(|room| person.typing(room, None, deck));
        }
        deck.meter.late(deck.now.since(at));
        self.post(key, slot, at, people, deck);
    }

    fn wander(&mut self, key: usize, slot: u32, back: bool, people: &mut [Person], deck: &mut Deck) {
        let Beating::Chat(chat) = &mut self.beat else { return };
        let Some(chatter) = chat.chatters.get_mut(slot as usize) else { return };
        let Some(person) = self.posters.get(slot as usize).and_then(|id| people.get_mut(id.0 as usize)) else { return };
        let Some(reconnects) = &chat.habits[chatter.habit].reconnects else { return };
        if self.over || !back && !person.wish && !chatter.gone {
            return; // the story took them away
        }
        chatter.gone = !back;
        let (spread, next) = if back {
            person.connect(deck);
            (reconnects.every, Due::Go(key, slot))
        } else {
            person.leave(Parting::Close, deck);
            (reconnects.away, Due::Return(key, slot))
        };
        deck.timers.add(deck.now.after(draw(spread, &mut self.chance)), next);
    }

    /// The time of a chat is over: who is gone by habit comes back.
    pub(super) fn end_chat(&mut self, people: &mut [Person], deck: &mut Deck) {
        let Beating::Chat(chat) = &mut self.beat else { return };
        self.over = true;
        for (id, chatter) in self.posters.iter().zip(&mut chat.chatters) {
            if std::mem::take(&mut chatter.gone)
                && let Some(person) = people.get_mut(id.0 as usize)
            {
                person.connect(deck);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn times_are_drawn_as_their_spread_says() {
        let mut chance = SmallRng::seed_from_u64(3);
        let second = Duration::from_secs(1);
        let mut drawn = |spread| {
            let mut times: Vec<f64> = (0..20_000).map(|_| draw(spread, &mut chance).as_secs_f64()).collect();
            times.sort_by(f64::total_cmp);
            times
        };
        assert!(drawn(Spread::Fixed(second)).iter().all(|time| *time == 1.0));
        let uniform = drawn(Spread::Uniform(3 * second, second));
        assert!(uniform[0] >= 1.0 && uniform[19_999] <= 3.0 && (1.95..2.05).contains(&uniform[10_000]));
        let exponential = drawn(Spread::Exponential(2 * second));
        let mean = exponential.iter().sum::<f64>() / 20_000.0;
        assert!((1.9..2.1).contains(&mean), "{mean}");
        let lognormal = drawn(Spread::LogNormal { median: 2 * second, p99: 20 * second });
        assert!((1.9..2.1).contains(&lognormal[10_000]), "{}", lognormal[10_000]);
        assert!((17.0..23.0).contains(&lognormal[19_800]), "{}", lognormal[19_800]);
        for nothing in [Spread::Fixed(Duration::ZERO), Spread::Exponential(Duration::ZERO)] {
            assert!(drawn(nothing).iter().all(|time| *time >= HABIT_MIN.as_secs_f64()));
        }
    }
}
