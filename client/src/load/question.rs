//! The questions: each is made into a scenario, the same that a file would say.

use std::{collections::BTreeMap, time::Duration};

use crate::scenario::file::{
    Place, RoomGroup, RoomSizes, Scenario, ServerSettings,
    cast::{Role, Via},
    step::{Act, Fault, Pace, Post, Step, Text},
    unit::{Ramp, Range, Rate},
    who::{Term, Who},
};

/// Rates that no load reaches, for a private server: what is asked is what it can do, not what it permits.
const RATE_UNLIMITED: u64 = 1_000_000;

/// The server's own limit of connections, when nothing else is configured.
const CONNECTIONS_DEFAULT: u64 = 18_000;

/// Connections that a run needs beside those of its clients.
const PLACES_SPARE: u64 = 100;

/// The name of the population in every question.
const CROWD: &str = "crowd";

/// The name of the group of rooms in every question.
const HALL: &str = "hall";

/// How long a question waits at its end until everybody has everything.
const SETTLE: Duration = Duration::from_secs(30);

/// Everybody in some rooms, some of whom post.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fanout {
    pub(crate) clients: u32,
    pub(crate) rooms: u32,
    /// How many of the clients post; with several rooms they sit in different ones as far as there are.
    pub(crate) senders: u32,
    pub(crate) payload_bytes: u32,
    pub(crate) pace: FanoutPace,
    pub(crate) time: Duration,
}

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum FanoutPace {
    /// Open: so many posts a second together.
    Rate(f64),
    /// Closed: so many under way together.
    Window(u32),
}

/// Many connections at once, and the same again after they were all lost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Connect {
    pub(crate) clients: u32,
    pub(crate) rooms: u32,
    /// The time over which they come; zero: as fast as it goes.
    pub(crate) over: Duration,
}

impl Fanout {
    /// The room in which people sit, the people who post.
    pub(crate) fn senders(&self) -> Who {
        senders(self.senders)
    }

    /// The step that makes the load.
    pub(crate) fn load(&self) -> Step {
        let pace = match self.pace {
            FanoutPace::Rate(per_s) => open(per_s, self.time),
            FanoutPace::Window(window) => Pace::Closed { window, time: self.time },
        };
        step(Act::Post(Post {
            who: self.senders(),
            room: None,
            text: Text::Size(Range { from: self.payload_bytes, to: self.payload_bytes }),
            action: false,
            pace,
            capture: None,
            again: None,
            may_be_refused: false,
        }))
    }

    /// As a scenario.
    pub(crate) fn scenario(&self) -> Scenario {
        let steps = vec![phase("fan-out", vec![self.load()]), step(Act::Settle { within: SETTLE })];
        let about = format!(
            "Clients: {}, rooms: {}, senders: {}, bytes of a post: {}.",
            self.clients, self.rooms, self.senders, self.payload_bytes
        );
        Scenario { steps, about, ..stage("Fan-out", self.clients, self.rooms, Duration::ZERO) }
    }
}

impl Connect {
    /// As a scenario.
    pub(crate) fn scenario(&self) -> Scenario {
        let crowd = || named(Term::Name(CROWD.to_owned()), CROWD);
        let steps = vec![
            phase("connect", vec![step(Act::Connect { who: crowd(), over: self.over })]),
            phase("one post in each room", vec![self.one_post(), step(Act::Settle { within: SETTLE })]),
            phase(
                "resume",
                vec![
                    step(Act::Fault(Fault::Cut { who: crowd() })),
                    // Who comes back has to get what was said meanwhile, and everybody has to come back.
                    self.one_post(),
                    step(Act::Settle { within: SETTLE }),
                ],
            ),
        ];
        let about = format!("{} clients connect at once, are all cut off, and resume.", self.clients);
        let mut scenario =
            Scenario { steps, about, ..stage("Connect and resume storm", self.clients, self.rooms, Duration::ZERO) };
        for role in scenario.cast.values_mut() {
            role.connected = false;
        }
        scenario
    }

    fn one_post(&self) -> Step {
        step(Act::Post(Post {
            who: senders(self.rooms),
            room: None,
            text: Text::Template("is everybody here?".to_owned()),
            action: false,
            pace: Pace::Times(1),
            capture: None,
            again: None,
            may_be_refused: false,
        }))
    }
}

/// An open flow that keeps its rate.
pub(crate) fn open(per_s: f64, time: Duration) -> Pace {
    Pace::Open { rate: Ramp { from: Rate(per_s), to: Rate(per_s) }, time, poisson: true }
}

/// A scenario in which nothing happens yet: clients in rooms.
fn stage(name: &str, clients: u32, rooms: u32, arrive: Duration) -> Scenario {
    let limits = ["post_burst", "posts_per_s", "request_burst", "requests_per_s"];
    let limits = limits.iter().map(|name| ((*name).to_owned(), RATE_UNLIMITED));
    let places = u64::from(clients) + PLACES_SPARE;
    // Only where the server's own default would not do: an operator asks about what they run.
    let places = (places > CONNECTIONS_DEFAULT).then(|| ("connections_max".to_owned(), places));
    let limits = limits.chain(places).collect();
    let crowd = Role {
        count: Some(clients),
        join: vec![HALL.to_owned()],
        via: Via::Native,
        connected: true,
        arrive,
        reads_bytes_per_s: None,
        returns: true,
        talk: None,
        reconnects: None,
        place: Place::default(),
    };
    Scenario {
        name: name.to_owned(),
        server: ServerSettings { limits, workers: None },
        rooms: BTreeMap::from([(HALL.to_owned(), RoomGroup { count: rooms, sizes: RoomSizes::Even })]),
        cast: BTreeMap::from([(CROWD.to_owned(), crowd)]),
        ..Scenario::default()
    }
}

/// The first of the crowd: people go to the rooms in turn, so these sit in different ones as far as there are.
fn senders(count: u32) -> Who {
    let terms: Vec<Term> = (1..=count).map(|number| Term::Nth(CROWD.to_owned(), number)).collect();
    let text = (1..=count).map(|number| format!("{CROWD}-{number}")).collect::<Vec<_>>().join(", ");
    Who { terms, except: Vec::new(), text, place: Place::default() }
}

fn named(term: Term, text: &str) -> Who {
    Who { terms: vec![term], except: Vec::new(), text: text.to_owned(), place: Place::default() }
}

fn phase(name: &str, steps: Vec<Step>) -> Step {
    step(Act::Phase { name: name.to_owned(), steps })
}

fn step(act: Act) -> Step {
    Step { act, place: Place::default() }
}
