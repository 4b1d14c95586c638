//! Hubbub and the baselines on the same load, in turns.

use std::{io, time::Duration};

use hubbub_server::meter::ROOM_POLLS_PER_SAMPLE;
use hubbub_tests::bench::{
    load::{Done, Flow, Kept, Laziness, Load, NO_PINGS},
    process::{OTHER, Server, other_build},
    socket::Dialect,
};

use super::{Plan, aftermath::account, quiet};
use crate::row::{Reach, Row, median};

/// What is played: rooms of these sizes, all with this flow.
#[derive(Debug, Clone)]
pub(crate) struct Play {
    pub(crate) sizes: Vec<usize>,
    pub(crate) flow: Flow,
    /// Who does not post is read at once, or like this.
    pub(crate) lazy: Option<Laziness>,
    pub(crate) time: Duration,
    /// Played before anything counts.
    pub(crate) warm: Duration,
    /// Whether the naive example is to play it, too, unless Hubbub is compared with another build of it.
    pub(crate) naive: bool,
}

/// What one server did with it.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) done: Done,
    pub(crate) cpu_s: f64,
    /// What Hubbub tells of itself; of the baselines nothing is known.
    inside: Option<Inside>,
}

/// How a server's threads spent their time, in seconds.
#[derive(Debug, Clone, Copy)]
struct Inside {
    /// In the tasks of rooms.
    rooms_s: f64,
    /// In shards: a batch taken, the sockets written to.
    deliveries_s: f64,
    /// In the store's commits, and how many they were.
    commits_s: f64,
    commits: f64,
}

impl Inside {
    fn of(server: &Server) -> io::Result<Self> {
        let sum = |name: &str| server.counts(name).map(|counts| counts.iter().sum::<f64>());
        let rooms_s = sum("hubbub_room_poll_seconds_sum")? * f64::from(ROOM_POLLS_PER_SAMPLE);
        let deliveries_s = sum("hubbub_fanout_pass_seconds_sum")?;
        let (commits_s, commits) = (sum("hubbub_store_commit_seconds_sum")?, sum("hubbub_store_commit_seconds_count")?);
        Ok(Self { rooms_s, deliveries_s, commits_s, commits })
    }

    fn since(self, before: Self) -> Self {
        Self {
            rooms_s: self.rooms_s - before.rooms_s,
            deliveries_s: self.deliveries_s - before.deliveries_s,
            commits_s: self.commits_s - before.commits_s,
            commits: self.commits - before.commits,
        }
    }
}

impl Played {
    /// Server CPU for one delivery, in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu_s * 1e6 / self.done.deliveries.max(1) as f64
    }

    /// A quantile of the latencies, in milliseconds.
    pub(crate) fn latency_ms(&self, quantile: f64) -> f64 {
        self.done.latency.value_at_quantile(quantile) as f64 / 1e6
    }

    /// A quantile of the times until the last reader had it, in milliseconds.
    pub(crate) fn last_ms(&self, quantile: f64) -> f64 {
        self.done.last.value_at_quantile(quantile) as f64 / 1e6
    }
}

/// A server of a role with its crowd.
pub(super) struct Stage {
    role: &'static str,
    load: Load,
    pub(super) server: Server,
    data: tempfile::TempDir,
}

impl Stage {
    /// Started, full, and warm.
    pub(super) fn open(role: &'static str, plan: Plan, play: &Play) -> io::Result<Self> {
        let dialect = if matches!(role, "floor" | "naive") { Dialect::Bare } else { Dialect::Hubbub };
        let data = tempfile::tempdir()?;
        let set = play.lazy.map(|_| NO_PINGS);
        let server = Server::start_on(role, &data.path().join("data"), plan.server, set.as_slice())?;
        let mut load = Load::gather(dialect, &server.address, &play.sizes)?;
        if let Some(laziness) = play.lazy {
            load.be_lazy(laziness)?;
        }
        let mut stage = Self { role, load, server, data };
        stage.play(play, play.warm)?;
        Ok(stage)
    }

    /// A turn of so long.
    pub(super) fn play(&mut self, play: &Play, time: Duration) -> io::Result<Played> {
        let was_inside = self.inside()?;
        let before = self.server.cpu_s()?;
        let done = self.load.run(&[play.flow], time);
        let done = done.map_err(|error| io::Error::other(format!("{}: {error}", self.role)))?;
        let cpu_s = self.server.cpu_s()? - before;
        let inside = self.inside()?.zip(was_inside).map(|(inside, before)| inside.since(before));
        Ok(Played { done, cpu_s, inside })
    }

    /// Hubbub's end, in the middle of the load.
    pub(super) fn close(self, plan: Plan, flow: Flow) -> io::Result<Kept> {
        account(plan, vec![self.load], flow, self.server, &self.data.path().join("data"))
    }

    fn inside(&self) -> io::Result<Option<Inside>> {
        (self.role == "hubbub").then(|| Inside::of(&self.server)).transpose()
    }
}

/// Plays it once on Hubbub.
pub(crate) fn play(plan: Plan, play: &Play) -> io::Result<(Played, Kept)> {
    let mut stage = Stage::open("hubbub", plan, play)?;
    let played = stage.play(play, play.time)?;
    Ok((played, stage.close(plan, play.flow)?))
}

/// All rounds of one play.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    pub(crate) hubbub: Vec<Played>,
    pub(crate) floor: Vec<Played>,
    pub(crate) naive: Vec<Played>,
    /// Another build, where Hubbub is compared with one.
    other: Vec<Played>,
    pub(crate) kept: Kept,
    /// Turns that do not count.
    pub(crate) left_out: usize,
}

/// Rounds for each that is asked for: they are short, so that what disturbs the machine disturbs both of a pair.
pub(super) const ROUNDS_EACH: usize = 3;

/// People of all servers of a play beyond which they are not there together: a process has 20,000 files here.
const TOGETHER_MAX: usize = 19_000;

/// Plays it on all servers, which are there together and have their turns.
pub(crate) fn rounds(plan: Plan, what: &Play) -> io::Result<Rounds> {
    let third = other_build().map_or(what.naive.then_some("naive"), |_| Some(OTHER));
    let servers = 2 + usize::from(third.is_some());
    if what.sizes.iter().sum::<usize>() * servers > TOGETHER_MAX {
        return one_after_the_other(plan, what);
    }
    let mut floor = Stage::open("floor", plan, what)?;
    let mut hubbub = Stage::open("hubbub", plan, what)?;
    let mut third = third.map(|role| Stage::open(role, plan, what)).transpose()?;
    let mut rounds = Rounds::default();
    let play = || {
        let (floor, hubbub) = (floor.play(what, what.time)?, hubbub.play(what, what.time)?);
        Ok((floor, hubbub, third.as_mut().map(|third| third.play(what, what.time)).transpose()?))
    };
    rounds.left_out = quiet::turns(plan.rounds * ROUNDS_EACH, play, |(floor, hubbub, third)| {
        rounds.floor.push(floor);
        rounds.hubbub.push(hubbub);
        if other_build().is_some() { &mut rounds.other } else { &mut rounds.naive }.extend(third);
    })?;
    rounds.kept = hubbub.close(plan, what.flow)?;
    Ok(rounds)
}

/// The same with one server at a time, for crowds that are too large to be there twice.
fn one_after_the_other(plan: Plan, what: &Play) -> io::Result<Rounds> {
    let mut rounds = Rounds::default();
    for _ in 0..plan.rounds * ROUNDS_EACH {
        rounds.floor.push(Stage::open("floor", plan, what)?.play(what, what.time)?);
        let (played, kept) = play(plan, what)?;
        rounds.hubbub.push(played);
        rounds.kept += kept;
        if other_build().is_some() {
            rounds.other.push(Stage::open(OTHER, plan, what)?.play(what, what.time)?);
        }
    }
    Ok(rounds)
}

impl Rounds {
    /// What the tasks of rooms cost, to what the deliveries do that they give the order for.
    pub(crate) fn tasks_row(&self, case: &str) -> Row {
        let told = || self.hubbub.iter().filter_map(|played| Some((played.inside?, played.done.messages.max(1))));
        let us = |of: fn(Inside) -> f64| {
            median(&told().map(|(inside, posts)| of(inside) * 1e6 / posts as f64).collect::<Vec<_>>())
        };
        let rounds: Vec<f64> = told().map(|(inside, _)| inside.rooms_s / inside.deliveries_s).collect();
        let values = |of: fn(Inside) -> f64| told().map(|(inside, _)| of(inside)).collect::<Vec<_>>();
        Row::new(case, "rooms' tasks for a post, to its deliveries: time on the worker", Reach::AtMost(1.0), rounds)
            .beside(
                format!("{:.2} µs", us(|inside| inside.rooms_s)),
                format!("deliveries {:.2} µs", us(|inside| inside.deliveries_s)),
            )
            .made_of([
                ("rooms_s", &values(|inside| inside.rooms_s)),
                ("deliveries_s", &values(|inside| inside.deliveries_s)),
            ])
    }

    /// How long a commit of Hubbub's took, which the floor has none of.
    pub(crate) fn commit_row(&self, case: &str) -> Row {
        let inside = self.hubbub.iter().filter_map(|played| played.inside);
        let rounds = inside.map(|inside| inside.commits_s * 1e3 / inside.commits).collect();
        Row::new(case, "a commit of the store, in it the disk's part; mean, ms", Reach::Told, rounds).own(2, "ms")
    }

    /// A row that compares a figure of each.
    pub(crate) fn row(&self, case: &str, measure: &str, unit: &str, reach: Reach, of: fn(&Played) -> f64) -> Row {
        let figures = |played: &[Played]| played.iter().map(of).collect::<Vec<_>>();
        let (hubbub, floor, naive) = (figures(&self.hubbub), figures(&self.floor), figures(&self.naive));
        let ratios = |own: &[f64]| own.iter().zip(&floor).map(|(own, floor)| own / floor).collect::<Vec<_>>();
        if !self.other.is_empty() {
            let other = figures(&self.other);
            let ratios = hubbub.iter().zip(&other).map(|(own, other)| own / other).collect();
            return Row::new(case, measure, Reach::Told, ratios)
                .beside(format!("{:.3} {unit}", median(&hubbub)), format!("other build {:.3} {unit}", median(&other)));
        }
        let row = Row::new(case, measure, reach, ratios(&hubbub))
            .beside(format!("{:.3} {unit}", median(&hubbub)), format!("floor {:.3} {unit}", median(&floor)))
            .made_of([("hubbub", &hubbub), ("floor", &floor)]);
        if naive.is_empty() { row } else { row.with_naive(median(&ratios(&naive))).made_of([("naive", &naive)]) }
    }
}
