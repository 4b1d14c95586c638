//! One worker and two.

use std::{fs, io, time::Duration};

use hubbub_tests::bench::{
    load::{Flow, Kept, Laziness, Load, NO_PINGS},
    process::{Server, Thread},
    socket::Dialect,
};
use rustix::{
    param::clock_ticks_per_second,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

use super::{Plan, aftermath::account};
use crate::{
    book::Found,
    row::{Reach, Row, median},
};

/// Sweeps that are far apart: the load side has no core of its own here.
const READERS: Laziness = Laziness { checked_one_in: 50, unread_bytes: 128 * 1024 };

/// Turns of each server for each round that is asked for; short, so that what disturbs the machine disturbs all.
const TURNS_EACH: usize = 3;

/// What the workers' threads are called.
const WORKER: &str = "actix-rt|system";

/// What is played: so many rooms of so many people, with so many posts under way in each.
#[derive(Clone, Copy)]
struct Shape {
    rooms: usize,
    members: usize,
    window: u64,
    reach: Reach,
}

/// First what the workers do most of; then more posts in one write, so that the load side and the store, which have
/// something to do for each post, weigh more.
const SHAPES: [Shape; 2] = [
    Shape { rooms: 4, members: 1_000, window: 16, reach: Reach::AtLeast(1.7) },
    Shape { rooms: 4, members: 1_000, window: 64, reach: Reach::Told },
];

/// What one turn was, all of it for each second of wall clock.
#[derive(Default)]
struct Seen {
    wall_s: f64,
    deliveries: f64,
    /// How much of a core the load side had.
    load: f64,
    /// The workers' time on a core and waiting for one, together.
    ran: f64,
    waited: f64,
    /// The time on a core of the store's threads.
    store: f64,
    /// How much of the cores had whoever has no part in this.
    others: f64,
    /// The part of the deliveries that the busier worker made.
    busier: f64,
    /// The most that waited unread in a reader's socket, as a part of what the kernel would have kept.
    unread: f64,
}

/// Several rooms on both cores, by one worker and by two; the load side is wherever there is time.
pub(super) fn workers(plan: Plan) -> io::Result<Found> {
    let bound = sched_getaffinity(None)?;
    let mut both = CpuSet::new();
    (0..CpuSet::MAX_CPU.min(2)).for_each(|core| both.set(core));
    sched_setaffinity(None, &both)?;
    let found = SHAPES.iter().map(|shape| shape.rows(plan)).collect::<io::Result<Vec<_>>>();
    sched_setaffinity(None, &bound)?;
    let (rows, mut kept) = (Vec::new(), Kept::default());
    let rows = found?.into_iter().fold(rows, |rows, (more, accounted)| {
        kept += accounted;
        [rows, more].concat()
    });
    Ok(Found::of(rows).and_kept(kept))
}

/// Servers with their crowd.
struct Stage {
    shape: Shape,
    servers: Vec<Server>,
    load: Load,
    data: tempfile::TempDir,
}

impl Stage {
    /// As many servers of a role, or one with as many workers, full and warm.
    fn open(shape: Shape, role: &str, count: usize) -> io::Result<Self> {
        let data = tempfile::tempdir()?;
        let is_hubbub = role == "hubbub";
        let workers = count.to_string();
        let set = [("HUBBUB_FANOUT_SHARDS", workers.as_str()), NO_PINGS];
        let servers = (0..if is_hubbub { 1 } else { count })
            .map(|_| Server::start_with(role, &data.path().join("data"), None, &set))
            .collect::<io::Result<Vec<_>>>()?;
        let addresses: Vec<&str> = servers.iter().map(|server| server.address.as_str()).collect();
        let dialect = if is_hubbub { Dialect::Hubbub } else { Dialect::Bare };
        let mut load = Load::gather_at(dialect, &addresses, &vec![shape.members; shape.rooms])?;
        load.be_lazy(READERS)?;
        load.run(&[Flow::Window(shape.window)], Duration::from_millis(500))?;
        Ok(Self { shape, servers, load, data })
    }

    /// A turn of a floor.
    fn play(&mut self, plan: Plan) -> io::Result<Seen> {
        let before = thread_cpu_s();
        let time = Duration::from_millis(if plan.quick { 1_000 } else { 2_000 });
        let done = self.load.run(&[Flow::Window(self.shape.window)], time)?;
        let wall_s = done.wall.as_secs_f64();
        Ok(Seen {
            wall_s,
            deliveries: done.deliveries as f64 / wall_s,
            load: (thread_cpu_s() - before) / wall_s,
            unread: done.unread,
            ..Seen::default()
        })
    }

    /// A turn of Hubbub, of which more is known.
    fn play_watched(&mut self, plan: Plan) -> io::Result<Seen> {
        let delivered = self.counts("hubbub_deliveries_total")?;
        let (threads, all_before) = (self.threads()?, busy_s()?);
        let mut seen = self.play(plan)?;
        seen.others = (busy_s()? - all_before) / seen.wall_s - seen.load;
        for (after, before) in self.threads()?.iter().zip(&threads).filter(|(after, before)| after.id == before.id) {
            let Thread { name, ran_s, waited_s, .. } = after;
            let (ran, waited) = ((ran_s - before.ran_s) / seen.wall_s, (waited_s - before.waited_s) / seen.wall_s);
            seen.others -= ran;
            if name == WORKER {
                (seen.ran, seen.waited) = (seen.ran + ran, seen.waited + waited);
            } else if name.starts_with("store-") {
                seen.store += ran;
            }
        }
        let made = self.counts("hubbub_deliveries_total")?;
        let made: Vec<f64> = made.iter().zip(&delivered).map(|(after, before)| after - before).collect();
        seen.busier = made.iter().copied().fold(0.0, f64::max) / made.iter().sum::<f64>();
        if self.counts("hubbub_lagged_total")?.iter().any(|count| *count > 0.0) {
            return Err(io::Error::other("a reader was told lagged"));
        }
        Ok(seen)
    }

    /// Hubbub's end, in the middle of the load.
    fn close(mut self, plan: Plan) -> io::Result<Kept> {
        let server = self.servers.pop().ok_or_else(|| io::Error::other("no server"))?;
        let data = self.data.path().join("data");
        account(plan, vec![self.load], Flow::Window(self.shape.window), server, &data)
    }

    fn threads(&self) -> io::Result<Vec<Thread>> {
        self.servers.iter().map(Server::threads).collect::<io::Result<Vec<_>>>().map(|threads| threads.concat())
    }

    /// A metric of the servers, for each of its labels.
    fn counts(&self, name: &str) -> io::Result<Vec<f64>> {
        self.servers
            .iter()
            .map(|server| server.counts(name))
            .collect::<io::Result<Vec<_>>>()
            .map(|counts| counts.concat())
    }
}

impl Shape {
    /// All turns of Hubbub and of the floor, each with one and with two.
    fn rows(self, plan: Plan) -> io::Result<(Vec<Row>, Kept)> {
        let mut hubbub = [Stage::open(self, "hubbub", 1)?, Stage::open(self, "hubbub", 2)?];
        let mut floor = [Stage::open(self, "floor", 1)?, Stage::open(self, "floor", 2)?];
        let mut runs = Runs { shape: self, hubbub: Default::default(), floor: Default::default() };
        for _ in 0..plan.rounds * TURNS_EACH {
            for (stage, seen) in hubbub.iter_mut().zip(&mut runs.hubbub) {
                seen.push(stage.play_watched(plan)?);
            }
            for (stage, seen) in floor.iter_mut().zip(&mut runs.floor) {
                seen.push(stage.play(plan)?);
            }
        }
        let mut kept = Kept::default();
        for stage in hubbub {
            kept += stage.close(plan)?;
        }
        Ok((runs.rows(), kept))
    }
}

/// What was seen with one and with two.
struct Runs {
    shape: Shape,
    hubbub: [Vec<Seen>; 2],
    floor: [Vec<Seen>; 2],
}

impl Runs {
    fn rows(&self) -> Vec<Row> {
        let [hubbub, floor] = [&self.hubbub, &self.floor];
        let per_s = |seen: &Seen| seen.deliveries / 1e6;
        let cost = |seen: &Seen| seen.ran / seen.deliveries * 1e6;
        let unread = self.told("the most unread in a reader's socket, of what it takes", |seen| seen.unread);
        let mut rows = vec![
            self.ratio("deliveries a second of wall clock", "million, 1 worker", hubbub, per_s, self.shape.reach),
            self.ratio("two floors to one: what the machine permits", "million, 1 floor", floor, per_s, Reach::Told),
            self.told("the load side, cores", |seen| seen.load),
            self.told("the store's threads, cores", |seen| seen.store),
            self.told("the workers, cores", |seen| seen.ran),
            Row { reach: Reach::AtMost(0.9), ..unread },
        ];
        if self.shape.reach != Reach::Told {
            rows.extend([
                self.told("the workers ready and without a core, cores", |seen| seen.waited),
                self.ratio("the workers' CPU per delivery", "µs, 1 worker", hubbub, cost, Reach::Told),
                self.told("deliveries of the busier worker, of all", |seen| seen.busier),
                self.told("whoever has no part in this, cores", |seen| seen.others),
            ]);
        }
        rows
    }

    fn row(&self, measure: &str, told: [String; 2], rounds: Vec<f64>, reach: Reach) -> Row {
        let Shape { rooms, members, window, .. } = self.shape;
        let [hubbub, baseline] = told;
        Row::new(format!("{rooms} rooms of {members}, window {window} in each, 1 → 2 workers"), measure, reach, rounds)
            .beside(hubbub, baseline)
    }

    /// Two to one.
    fn ratio(&self, measure: &str, unit: &str, [one, two]: &[Vec<Seen>; 2], of: fn(&Seen) -> f64, reach: Reach) -> Row {
        let [one, two] = [one, two].map(|runs| runs.iter().map(of).collect::<Vec<_>>());
        let (unit, whose) = unit.split_once(", ").unwrap_or((unit, ""));
        let told = [format!("{:.3} {unit}", median(&two)), format!("{whose} {:.3} {unit}", median(&one))];
        let ratios = two.iter().zip(&one).map(|(two, one)| two / one).collect();
        self.row(measure, told, ratios, reach).made_of([("two", &two), ("one", &one)])
    }

    /// What was so with two workers, and beside it with one.
    fn told(&self, measure: &str, of: fn(&Seen) -> f64) -> Row {
        let [one, two] = self.hubbub.each_ref().map(|runs| runs.iter().map(of).collect::<Vec<_>>());
        let told = [format!("{:.2}", median(&two)), format!("1 worker {:.2}", median(&one))];
        let values = [("two", two.as_slice()), ("one", one.as_slice())];
        self.row(measure, told, two.clone(), Reach::Told).made_of(values)
    }
}

/// Time that both cores were not idle, in seconds since the start of the system (proc(5), `/proc/stat`).
fn busy_s() -> io::Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    let ticks = line.split_whitespace().skip(1).map(|ticks| ticks.parse::<f64>().unwrap_or(0.0));
    // Of user, nice, system, idle, iowait, irq, softirq: all but the fourth and the fifth.
    let busy = ticks.take(7).enumerate().filter(|(at, _)| !matches!(at, 3 | 4)).map(|(_, ticks)| ticks);
    Ok(busy.sum::<f64>() / clock_ticks_per_second() as f64)
}

fn thread_cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
