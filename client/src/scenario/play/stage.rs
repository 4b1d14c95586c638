//! The stage: a server, a crowd with its cast, and what the story has brought so far. Steps can be played on it one
//! after the other, as often as one likes.
//!
//! Role: the one place where player, server and crowd meet. Owner of: the private server, the captures, the journal.
//! Stops when: finished, or dropped (the server is killed, the crowd's thread ends with its last handle).

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    future::Future,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::future::try_join_all;
use hubbub_protocol::RoomName;
use rand::{RngExt, distr::Alphanumeric};
use tokio::{
    sync::{Mutex, watch},
    time::interval,
};

use super::{
    PlayError, PlayOptions, Scale, Seed, Target,
    barrier::Scope,
    capture::Captures,
    cast::{self, Cast, Part},
    journal::{Journal, Verdict},
    reach,
    seating::Groups,
    wording,
};
use crate::scenario::{
    crowd::{
        handle::{CrowdGone, CrowdHandle},
        order::{CrowdConfig, Tally},
    },
    file::{Place, Scenario, step::Step, who::Who},
    id::{Moment, PersonId, RoomId},
    report::{
        facts::{Played, ServerFacts},
        progress::Progress,
        sample::Sample,
    },
    server::{
        private::PrivateServer,
        program,
        watch::{LOOK_EVERY, ProcessWatch},
    },
};

/// Handshakes under way at once. A server's queue of connections to be accepted is longer.
const CONNECTING_MAX: usize = 256;

/// Characters of the word that makes a run's nonces its own.
const RUN_CHARS: usize = 8;

/// People whose failures are listed by name.
const FAILURES_SHOWN: usize = 5;

/// What a story is played on.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(super) crowd: CrowdHandle,
    pub(super) cast: Cast,
    pub(super) groups: Groups,
    pub(super) scale: Scale,
    pub(super) patience: Duration,
    pub(super) captures: Captures,
    pub(super) journal: Journal,
    /// `None`: it runs elsewhere. Locked while it is killed or started, so that two branches do not do both at once.
    pub(super) server: Mutex<Option<PrivateServer>>,
    pub(super) watch: RefCell<ProcessWatch>,
    /// Who was told to stop reading and not yet to go on.
    pub(super) paused: RefCell<BTreeSet<PersonId>>,
    pub(super) server_facts: ServerFacts,
    pub(super) played: Played,
    seed: Seed,
    /// How often chance was asked for with these words.
    draws: RefCell<BTreeMap<String, u32>>,
    /// Rooms that were named so far.
    rooms: RefCell<BTreeMap<String, RoomId>>,
    has_entered: Cell<bool>,
}

impl Stage {
    /// Starts a server if need be and the crowd, and recruits the cast. Nobody is connected yet.
    ///
    /// # Errors
    /// When there is no server to play with.
    pub(crate) async fn set_up(scenario: &Scenario, options: &PlayOptions) -> Result<Self, PlayError> {
        let (server, addresses, url) = server(scenario, &options.target).await?;
        let host = url.trim_start_matches("ws://").to_owned();
        let crowd = CrowdHandle::start(CrowdConfig {
            addresses,
            host,
            seed: options.seed.0,
            run: rand::rng().sample_iter(Alphanumeric).take(RUN_CHARS).map(char::from).collect(),
            connecting_max: CONNECTING_MAX,
            patience: options.patience,
        });
        let crowd = crowd.map_err(PlayError::NoCrowd)?;
        let mut cast = Cast::new(&scenario.cast, options.scale);
        let ids = crowd.recruit(cast.recruits()).await?;
        cast.number(&ids);
        let mut watch = ProcessWatch::default();
        let pid = server.as_ref().and_then(PrivateServer::pid).or(options.server_pid);
        if let Some(pid) = pid {
            watch.follow(pid, crowd.now());
        }
        let journal = Journal::new(&scenario.name, cast.len() as u64);
        if server.is_none() && scenario.server != Default::default() {
            let note = "The `server:` settings of the scenario are for a private server: here the server's own limits were in force.";
            journal.note(note.to_owned());
        }
        let stage = Self {
            server_facts: ServerFacts { url, private: server.is_some(), cost: None },
            played: played(scenario, options, cast.len() as u64),
            groups: Groups::new(&scenario.rooms, options.scale),
            scale: options.scale,
            patience: options.patience,
            captures: Captures::default(),
            server: Mutex::new(server),
            watch: RefCell::new(watch),
            paused: RefCell::default(),
            seed: options.seed,
            draws: RefCell::default(),
            rooms: RefCell::default(),
            has_entered: Cell::new(false),
            crowd,
            cast,
            journal,
        };
        stage.seat_everybody().await?;
        Ok(stage)
    }

    /// How the crowd stands, about four times a second.
    pub(crate) fn samples(&self) -> watch::Receiver<Arc<Sample>> {
        self.crowd.samples()
    }

    /// How far the story is.
    pub(crate) fn progress(&self) -> watch::Receiver<Arc<Progress>> {
        self.journal.progress()
    }

    /// Makes the cast members of their first rooms.
    async fn seat_everybody(&self) -> Result<(), PlayError> {
        let mut seats = Vec::new();
        for (name, part) in self.cast.parts() {
            let people = self.cast.players(part);
            for word in &part.role.join {
                seats.extend(self.seats(name, word, &people).await?);
            }
        }
        let tally = self.crowd.join(seats).await?;
        self.tell(Place::default(), "the cast is in its rooms", tally);
        Ok(())
    }

    /// Who joins which room when these people join what a word names.
    pub(super) async fn seats(
        &self,
        who: &str,
        word: &str,
        people: &[PersonId],
    ) -> Result<Vec<(PersonId, RoomId)>, PlayError> {
        let mut rooms = Vec::new();
        for room in self.groups.rooms(word) {
            rooms.push(self.room(&room).await?);
        }
        let mut chance = self.seed.chance(&format!("{who} in {word}"));
        let seats = self.groups.seats(word, people.len(), &mut chance);
        Ok(people.iter().zip(seats).filter_map(|(person, seat)| Some((*person, *rooms.get(seat)?))).collect())
    }

    /// Connects everybody who is there from the start, each role over its own time.
    ///
    /// # Errors
    /// When the crowd broke down.
    pub(crate) async fn enter(&self) -> Result<(), PlayError> {
        if self.has_entered.replace(true) {
            return Ok(());
        }
        let parts = self.cast.parts().filter(|(_, part)| part.role.connected);
        let entering = parts.map(|(name, part)| self.enter_part(name, part));
        self.watched(try_join_all(entering)).await?;
        Ok(())
    }

    async fn enter_part(&self, name: &str, part: &Part) -> Result<(), CrowdGone> {
        let what = format!("connect: {name}");
        let step = self.journal.begin_step(what.clone());
        let tally = self.crowd.connect(self.cast.players(part), self.scale.time(part.role.arrive)).await?;
        drop(step);
        self.tell(part.role.place, &what, tally);
        Ok(())
    }

    /// Plays steps, in order.
    ///
    /// # Errors
    /// When the crowd broke down; a step that fails is a finding.
    pub(crate) async fn play(&self, steps: &[Step]) -> Result<(), PlayError> {
        self.watched(self.steps(steps, Scope::default())).await
    }

    /// Waits for something, and looks at the server's process meanwhile.
    pub(super) async fn watched<T>(&self, what: impl Future<Output = T>) -> T {
        let looking = async {
            let mut every = interval(LOOK_EVERY);
            loop {
                every.tick().await;
                let sample = self.watch.borrow_mut().look(self.crowd.now());
                if sample.is_some() {
                    self.journal.looked(sample);
                }
            }
        };
        tokio::select! {
            biased;
            done = what => done,
            never = looking => never,
        }
    }

    /// The people whom some words mean, at this point.
    pub(super) async fn people(&self, who: &Who) -> Result<Vec<PersonId>, PlayError> {
        let mut members: BTreeMap<String, Vec<PersonId>> = BTreeMap::new();
        for word in cast::rooms_named(who) {
            let there = members.entry(word.to_owned()).or_default();
            for room in self.groups.rooms(word) {
                there.extend(self.crowd.members(self.room(&room).await?).await?);
            }
        }
        let draw = {
            let mut draws = self.draws.borrow_mut();
            let times = draws.entry(who.text.clone()).or_default();
            *times += 1;
            *times
        };
        Ok(self.cast.meant(who, &members, &mut self.seed.chance(&format!("{}#{draw}", who.text))))
    }

    /// The crowd's number of a room.
    pub(super) async fn room(&self, name: &str) -> Result<RoomId, PlayError> {
        let known = self.rooms.borrow().get(name).copied();
        if let Some(room) = known {
            return Ok(room);
        }
        let parsed = RoomName::parse(name.trim_start_matches('#'));
        let parsed = parsed.map_err(|error| PlayError::Room { name: name.to_owned(), why: error.to_string() })?;
        let room = self.crowd.room(parsed).await?;
        self.rooms.borrow_mut().insert(name.to_owned(), room);
        Ok(room)
    }

    /// What a room is called.
    pub(super) fn room_name(&self, room: RoomId) -> String {
        let rooms = self.rooms.borrow();
        rooms.iter().find(|(_, id)| **id == room).map_or_else(|| "a room".to_owned(), |(name, _)| name.clone())
    }

    /// How many rooms were named.
    pub(super) fn room_count(&self) -> u64 {
        self.rooms.borrow().values().collect::<BTreeSet<_>>().len() as u64
    }

    /// A finding if something was not done for everybody.
    pub(super) fn tell(&self, place: Place, what: &str, tally: Tally) {
        if tally.failed.is_empty() {
            return;
        }
        for (_, failure) in &tally.failed {
            if let Some(error) = refused(failure) {
                self.journal.met(error.code);
            }
        }
        let all = tally.done + tally.failed.len();
        let failed = tally.failed.iter().map(|(person, why)| (self.cast.name(*person), wording::failure(why)));
        let lines = wording::by_reason(failed);
        let found = format!("{} of {all}\n{}", tally.done, wording::some_of(lines.into_iter(), FAILURES_SHOWN));
        self.find(place, Verdict::failed(what, found));
    }

    /// Writes down what was found.
    pub(super) fn find(&self, place: Place, verdict: Verdict) {
        self.journal.find(place, verdict, self.now());
    }

    /// How long is waited before it is looked whether there is progress.
    pub(super) fn round(&self) -> Duration {
        self.patience / 2
    }

    /// The time of the run.
    pub(super) fn now(&self) -> Moment {
        self.crowd.now()
    }
}

/// The reason of a refusal, however it was said.
fn refused(failure: &crate::scenario::crowd::order::Failure) -> Option<&hubbub_protocol::ErrorBody> {
    use crate::scenario::crowd::order::Failure;
    match failure {
        Failure::Refused(error) | Failure::Http { error: Some(error), .. } => Some(error),
        Failure::Http { error: None, .. } | Failure::Disconnected(_) | Failure::TimedOut | Failure::Closed { .. } => {
            None
        }
    }
}

type Server = (Option<PrivateServer>, Vec<SocketAddr>, String);

/// The server to play with: where it is, and the process if it is ours.
async fn server(scenario: &Scenario, target: &Target) -> Result<Server, PlayError> {
    match target {
        Target::Private { program } => {
            let program = program::find(program.as_deref())?;
            let server = PrivateServer::start(program, scenario.server.clone()).await?;
            let address = server.address();
            Ok((Some(server), vec![address], format!("ws://{address}")))
        }
        Target::Running(url) => Ok((None, reach(url).await?, url.to_string())),
    }
}

fn played(scenario: &Scenario, options: &PlayOptions, people: u64) -> Played {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get) as u64;
    Played {
        name: scenario.name.clone(),
        about: scenario.about.clone(),
        file: options.file.clone(),
        seed: options.seed.0,
        scale: options.scale.factor(),
        started_unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        duration_ms: 0.0,
        people,
        rooms: 0,
        program: concat!("hubbub ", env!("CARGO_PKG_VERSION")).to_owned(),
        machine: format!("{}, {} {}", wording::count(cores, "core"), std::env::consts::OS, std::env::consts::ARCH),
    }
}
