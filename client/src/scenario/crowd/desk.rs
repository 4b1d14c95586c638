//! The desk: takes orders, keeps who waits for what, and answers.

use std::{collections::VecDeque, time::Duration};

use slab::Slab;

use super::{
    command::{Answer, Command, Wanted, tell},
    deck::{Deck, Notice, Reading, Sink},
    finish::Finish,
    flow::Flows,
    order::{CrowdConfig, Failure, FlowEnd, Parting, ReadHistory, Reception, Recruit, Return, Tally, Unsettled},
    person::{Deed, Kind, Owner, Pending, Person, Place, State},
    source,
    timer::Due,
};
use crate::scenario::id::{Moment, PersonId, RoomId};

/// How often it is looked whether all is settled, at most.
const SETTLE_LOOK: Duration = Duration::from_millis(20);

/// An order for many, until the last of them is done.
#[derive(Debug)]
struct Order {
    remaining: usize,
    tally: Tally,
    answer: Answer<Tally>,
}

/// The crowd without its sockets.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) people: Vec<Person>,
    pub(super) deck: Deck,
    pub(super) flows: Flows,
    orders: Slab<Order>,
    receptions: Vec<(Wanted, Answer<Reception>)>,
    settles: Vec<(Moment, Answer<Unsettled>)>,
    settle_looked: Moment,
    /// People who want a connection, first come first served.
    pub(super) queue: VecDeque<PersonId>,
    connections_max: u64,
    pub(super) finish: Option<Finish>,
}

impl Desk {
    /// # Errors
    /// When the meter cannot be set up.
    pub(super) fn new(config: CrowdConfig) -> std::io::Result<Self> {
        Ok(Self {
            people: Vec::new(),
            deck: Deck::new(config)?,
            flows: Flows::default(),
            orders: Slab::new(),
            receptions: Vec::new(),
            settles: Vec::new(),
            settle_looked: Moment::default(),
            queue: VecDeque::new(),
            connections_max: source::connections_max(),
            finish: None,
        })
    }

    /// Takes an order.
    pub(super) fn take(&mut self, command: Command) {
        let Self { people, deck, flows, .. } = self;
        match command {
            Command::Recruit(recruits, answer) => {
                tell(answer, recruits.into_iter().map(|one| self.recruit(one)).collect())
            }
            Command::Room(name, answer) => tell(answer, deck.room(&name)),
            Command::Group(answer) => tell(answer, deck.ledger.group()),
            Command::Connect(who, over, answer) => self.connect(who, over, answer),
            Command::Join(who, answer) => self.join(who, answer),
            Command::Part(who, room, answer) => self.part(who, room, answer),
            Command::Leave(who, how, answer) => self.leave(who, how, answer),
            Command::Flow(flow, answer) => flows.start(flow, answer, people, deck),
            Command::Again(message, group, answer) => {
                if let Some(group) = group {
                    deck.ledger.group_with(message, group);
                }
                match deck.ledger.author(message) {
                    Some((sender, room)) => flows.again((message, sender, room), answer, people, deck),
                    None => tell(answer, FlowEnd { unsent: 1, ..FlowEnd::default() }),
                }
            }
            Command::Chat(habits, time, answer) => flows.chat(habits, time, answer, deck),
            Command::Topic(who, room, text, answer) => self.topic(who, room, &text, answer),
            Command::Typing(who, room, answer) => self.typing(who, room, answer),
            Command::History(who, room, after, answer) => match people.get_mut(who.0 as usize) {
                Some(person) => {
                    let history = ReadHistory { epoch: String::new(), events: Vec::new() };
                    let key = deck.readings.insert(Reading {
                        room,
                        after,
                        put_off: None,
                        sink: Sink::Player { history, answer },
                    });
                    person.ask_read(key, deck);
                }
                None => tell(answer, Err(nobody())),
            },
            Command::Reading(who, read, answer) => self.reading(&who, read, answer),
            Command::Garbage(who, what, answer) => {
                self.each(who, answer, |person, _, deck| at_once(person.garbage(what, deck)));
            }
            Command::Stop(answer) => {
                flows.stop(people, deck);
                tell(answer, ());
            }
            Command::Finish(audit, answer) => self.begin_finish(audit, answer),
            question => self.answer(question),
        }
    }

    /// What needs no more than a look.
    fn answer(&mut self, question: Command) {
        let Self { people, deck, .. } = self;
        match question {
            Command::Fates(group, answer) => tell(answer, deck.ledger.fates(group)),
            Command::Received(who, answer) => {
                tell(answer, who.into_iter().map(|person| deck.ledger.received(person)).collect());
            }
            Command::Members(room, answer) => tell(answer, deck.ledger.members(room)),
            Command::Returns(who, answer) => {
                let who = who.iter().filter_map(|id| people.get(id.0 as usize));
                tell(answer, who.flat_map(returns).collect());
            }
            Command::Closed(who, answer) => {
                let closed = |id: PersonId| {
                    let person = people.get(id.0 as usize)?;
                    person.closed.filter(|_| person.state != State::Online)
                };
                tell(answer, who.into_iter().map(closed).collect());
            }
            Command::Lap(answer) => {
                let mut lap = deck.ledger.lap(deck.now);
                (lap.load_cpu_ms, lap.lateness_p99_us) = deck.meter.lap();
                tell(answer, lap);
            }
            Command::Reception(wanted, answer) => {
                self.receptions.push((wanted, answer));
                deck.stirred = true;
            }
            Command::Settle(deadline, answer) => {
                self.settles.push((deadline, answer));
                self.settle_looked = Moment::default();
            }
            _ => {} // the others are orders
        }
    }

    pub(super) fn recruit(&mut self, recruit: Recruit) -> PersonId {
        let id = PersonId(u32::try_from(self.people.len()).unwrap_or(u32::MAX));
        self.deck.ledger.person(id, &recruit.name);
        self.people.push(Person::new(id, recruit));
        id
    }

    /// Begins an order for many; what `act` answers with is done at once, and with `None` noticed later.
    fn each(
        &mut self,
        who: Vec<PersonId>,
        answer: Answer<Tally>,
        mut act: impl FnMut(&mut Person, usize, &mut Deck) -> Option<Result<(), Failure>>,
    ) {
        let (remaining, tally) = (who.len(), Tally::default());
        if remaining == 0 {
            return tell(answer, tally);
        }
        let order = self.orders.insert(Order { remaining, tally, answer });
        for id in who {
            let outcome = match self.people.get_mut(id.0 as usize) {
                Some(person) => act(person, order, &mut self.deck),
                None => Some(Err(nobody())),
            };
            if let Some(outcome) = outcome {
                self.deck.notices.push_back(Notice::Done { order, person: id, outcome });
            }
        }
    }

    /// An order is done for one of its people.
    pub(super) fn done(&mut self, key: usize, person: PersonId, outcome: Result<(), Failure>) {
        let Some(order) = self.orders.get_mut(key) else { return };
        match outcome {
            Ok(()) => order.tally.done += 1,
            Err(failure) => order.tally.failed.push((person, failure)),
        }
        order.remaining -= 1;
        if order.remaining == 0 {
            let Order { tally, answer, .. } = self.orders.remove(key);
            tell(answer, tally);
        }
    }

    fn connect(&mut self, who: Vec<PersonId>, over: Duration, answer: Answer<Tally>) {
        let mut connections = self.people.iter().filter(|person| person.wish).count() as u64;
        let (count, most) = (who.len().max(1) as f64, self.connections_max);
        let mut nth = 0_u32;
        self.each(who, answer, |person, order, deck| {
            connections += u64::from(!person.wish);
            if connections > most {
                return Some(Err(Failure::Disconnected(format!(
                    "this process may open {most} connections, for that is its limit of open files; raise it (ulimit -n)"
                ))));
            }
            person.await_deed(order, Deed::Connect, deck);
            let begin = deck.now.after(over.mul_f64(f64::from(nth) / count));
            nth += 1;
            if over.is_zero() {
                person.connect(deck);
            } else {
                deck.timers.add(begin, Due::Connect(person.id));
            }
            None
        });
    }

    fn join(&mut self, who: Vec<(PersonId, RoomId)>, answer: Answer<Tally>) {
        let mut rooms: VecDeque<_> = who.iter().map(|(_, room)| *room).collect();
        self.each(who.into_iter().map(|(person, _)| person).collect(), answer, |person, order, deck| {
            let room = rooms.pop_front()?;
            if !person.join(room, deck) {
                return Some(Ok(()));
            }
            person.await_deed(order, Deed::Join(room), deck);
            None
        });
    }

    fn part(&mut self, who: Vec<PersonId>, room: RoomId, answer: Answer<Tally>) {
        self.each(who, answer, |person, order, deck| {
            if !person.part(room, deck) {
                return Some(Ok(()));
            }
            person.await_deed(order, Deed::Part(room), deck);
            None
        });
    }

    fn leave(&mut self, who: Vec<PersonId>, how: Parting, answer: Answer<Tally>) {
        self.each(who, answer, |person, order, deck| {
            person.await_deed(order, Deed::Leave, deck);
            person.leave(how, deck);
            None
        });
    }

    fn topic(&mut self, who: Vec<PersonId>, room: RoomId, text: &str, answer: Answer<Tally>) {
        self.each(who, answer, |person, order, deck| {
            let overdue = deck.now.after(deck.config.patience);
            let pending = Pending {
                owner: Owner::Order(order),
                message: None,
                room,
                intended: deck.now,
                overdue,
                group: None,
                text: text.into(),
                kind: Kind::Topic,
                sight: false,
                sent: false,
                accepted: false,
                seen: false,
            };
            person.post(pending, deck);
            None
        });
    }

    fn typing(&mut self, who: Vec<PersonId>, room: RoomId, answer: Answer<Tally>) {
        self.each(who, answer, |person, order, deck| match person.typing(room, Some(order), deck) {
            true => None,
            false => at_once(false),
        });
    }

    fn reading(&mut self, who: &[PersonId], read: bool, answer: Answer<()>) {
        for id in who {
            let Some(person) = self.people.get_mut(id.0 as usize) else { continue };
            person.paused = !read;
            if read {
                self.deck.timers.add(self.deck.now, Due::Read(*id));
            }
        }
        tell(answer, ());
    }

    /// Answers those who wait for receipts or for rest, if they have them by now or must not wait longer.
    pub(super) fn look(&mut self) {
        let now = self.deck.now;
        let stirred = std::mem::take(&mut self.deck.stirred);
        let ledger = &self.deck.ledger;
        let is_over = |(wanted, _): &mut (Wanted, _)| {
            wanted.deadline <= now || stirred && ledger.is_received(&wanted.who, &wanted.groups, wanted.times)
        };
        for (wanted, answer) in self.receptions.extract_if(.., is_over) {
            tell(answer, ledger.reception(&wanted.who, &wanted.groups, wanted.times));
        }
        if self.settles.is_empty() || now < self.settle_looked.after(SETTLE_LOOK) {
            return;
        }
        self.settle_looked = now;
        let unsettled = self.unsettled();
        let is_settled = unsettled == Unsettled::default();
        for (_, answer) in self.settles.extract_if(.., |(deadline, _)| is_settled || *deadline <= now) {
            tell(answer, unsettled.clone());
        }
    }

    /// When somebody who waits must be looked after.
    pub(super) fn next_look(&self) -> Option<Moment> {
        let deadlines = self.receptions.iter().map(|(wanted, _)| wanted.deadline);
        let settle = self.settles.first().map(|_| self.settle_looked.after(SETTLE_LOOK));
        deadlines.chain(settle).min()
    }

    fn unsettled(&self) -> Unsettled {
        let mut unsettled = Unsettled::default();
        for person in self.people.iter().filter(|person| !person.is_auditor) {
            unsettled.unanswered += person.unanswered() as u64;
            if person.wish && !person.arrived {
                unsettled.absent.push(person.id);
            }
            for membership in person.rooms.iter().filter(|membership| membership.wanted && person.wish) {
                let behind = self.deck.ledger.behind(membership.seat);
                let is_catching_up = matches!(membership.place, Place::Asked | Place::Later | Place::Filling);
                if membership.entered && (behind > 0 || is_catching_up) {
                    unsettled.behind.push((person.id, membership.room, behind));
                }
            }
        }
        unsettled
    }
}

/// What is done where it is asked for, or cannot be for want of a connection.
fn at_once(done: bool) -> Option<Result<(), Failure>> {
    Some(if done { Ok(()) } else { Err(Failure::Disconnected("there is no connection".to_owned())) })
}

fn nobody() -> Failure {
    Failure::Disconnected("nobody has this number".to_owned())
}

/// Nothing before they are in all their rooms: a part of them is no return.
fn returns(person: &Person) -> impl Iterator<Item = Return> {
    person.rooms.iter().filter(|membership| membership.wanted && person.arrived).filter_map(|membership| {
        let (how, missed) = membership.how?;
        Some(Return { person: person.id, room: membership.room, seat: membership.seat, how, missed })
    })
}
