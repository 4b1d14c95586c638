//! The jobs, and the parts of them that are the same for every model.

use std::{
    hint::black_box,
    io,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use hubbub_tests::bench::recipient::Take;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::measure::{Figures, Memory, Moment, Spent, percentile, resident_of_mappings, us};

/// Messages that wait for one recipient, whatever the model.
pub(crate) const QUEUE_MAX: usize = 64;

/// The stack of whatever has one; memory is taken only where it is used.
pub(crate) const STACK_BYTES: usize = 64 * 1024;

/// Short jobs that are under way at once, whatever the model.
pub(crate) const UNDER_WAY_MAX: usize = 64;

/// How long a wait of the job "waits" is.
pub(crate) const WAIT: Duration = Duration::from_millis(10);

/// Short units that stand behind the slow one.
pub(crate) const SHORT_UNITS: usize = 1_000;

/// What a short unit computes, and a slice of the slow one, and the whole of it, in microseconds.
pub(crate) const SHORT_US: f64 = 10.0;
pub(crate) const SLICE_US: f64 = 100.0;
pub(crate) const SLOW_US: f64 = 50_000.0;

/// Who does the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Model {
    Callback,
    Coroutine,
    Stackful,
    /// On one worker.
    Microthread,
    /// On one worker for each core.
    Microthreads,
    Thread,
}

impl Model {
    pub(crate) const ALL: [Self; 6] =
        [Self::Callback, Self::Coroutine, Self::Stackful, Self::Microthread, Self::Microthreads, Self::Thread];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Callback => "callback",
            Self::Coroutine => "coroutine",
            Self::Stackful => "stackful coroutine",
            Self::Microthread => "microthread, 1 worker",
            Self::Microthreads => "microthread, 1 a core",
            Self::Thread => "thread",
        }
    }
}

/// A short job that blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    File,
    Query,
    Request,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::File, Self::Query, Self::Request];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::File => "file read",
            Self::Query => "database query",
            Self::Request => "network request",
        }
    }
}

/// How the slow unit is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Slow {
    /// There is none.
    Absent,
    /// It computes from beginning to end.
    Straight,
    /// It gives way after each slice.
    GivesWay,
}

impl Slow {
    /// The pieces that it is cut into, and the length of each.
    pub(crate) fn pieces(self) -> (usize, f64) {
        match self {
            Self::Absent => (0, 0.0),
            Self::Straight => (1, SLOW_US),
            Self::GivesWay => ((SLOW_US / SLICE_US) as usize, SLICE_US),
        }
    }
}

/// One job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Messages to so many recipients.
    Deliver(usize),
    /// So many units wait at once.
    Wait(usize),
    /// So many short jobs.
    Burst(Kind, usize),
    /// Short units behind a slow one.
    Slow(Slow),
    /// So many switches.
    Switch(usize),
}

// ---- delivery ----

/// How much is delivered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) recipients: usize,
    /// Messages that are sent one at a time, each when all have the one before.
    singles: usize,
    /// Messages that are sent as fast as queues allow.
    burst: usize,
}

impl Plan {
    pub(crate) fn new(recipients: usize, deliveries: usize) -> Self {
        let share = |max: usize| (deliveries / recipients).clamp(4, max);
        Self { recipients, singles: share(1_000), burst: share(50_000) }
    }
}

/// Counts the recipients that have the last message; the publisher waits for it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    left: AtomicUsize,
    notify: Notify,
}

impl Tally {
    pub(crate) fn expect(&self, recipients: usize) {
        self.left.store(recipients, Ordering::Release);
    }

    /// One recipient more has it.
    pub(crate) fn done(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.notify.notify_one();
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }

    pub(crate) async fn complete(&self) {
        while !self.is_complete() {
            self.notify.notified().await;
        }
    }
}

/// A recipient: counts what it gets, and tells the tally of the last one.
#[derive(Debug)]
pub(crate) struct Recipient {
    bytes: u64,
    tally: Arc<Tally>,
}

impl Recipient {
    pub(crate) fn new(tally: &Arc<Tally>) -> Self {
        Self { bytes: 0, tally: tally.clone() }
    }
}

impl Take for Recipient {
    fn take(&mut self, frame: &[u8]) {
        self.bytes += black_box(frame).len() as u64;
        if frame.first() == Some(&LAST) {
            self.tally.done();
        }
    }
}

/// What the last message of a burst begins with.
const LAST: u8 = b'.';

/// A message by which each recipient tells that it has all.
pub(crate) fn last_message() -> Bytes {
    Bytes::from(vec![LAST; 160])
}

/// All recipients of a model.
pub(crate) trait Delivery {
    /// Gives one message to all; waits where a queue is full.
    async fn publish(&mut self, frame: &Bytes) -> io::Result<()>;

    /// Waits until all have the last message.
    async fn settle(&mut self) -> io::Result<()>;
}

/// Begun before the recipients are made, so that their making is measured.
pub(crate) struct Begun {
    moment: Moment,
    memory: Memory,
}

impl Begun {
    pub(crate) fn now() -> io::Result<Self> {
        Ok(Self { memory: Memory::now()?, moment: Moment::now()? })
    }
}

/// Publishes what the plan says and measures it.
pub(crate) async fn deliver(mut to: impl Delivery, plan: Plan, tally: &Tally, begun: Begun) -> io::Result<Figures> {
    let (frame, last) = (Bytes::from(vec![b'm'; 160]), last_message());
    let recipients = plan.recipients as f64;
    let mut single_us = Vec::with_capacity(plan.singles);
    tally.expect(plan.recipients);
    to.publish(&last).await?;
    to.settle().await?;
    let made = begun.moment.spent()?;
    let memory = Memory::now()?;
    let stack_bytes = resident_of_mappings(STACK_BYTES as u64)?;
    let moment = Moment::now()?;
    for _ in 0..plan.singles {
        let at = Instant::now();
        tally.expect(plan.recipients);
        to.publish(&last).await?;
        to.settle().await?;
        single_us.push(us(at));
    }
    let singles = moment.spent()?;
    let moment = Moment::now()?;
    tally.expect(plan.recipients);
    for _ in 1..plan.burst {
        to.publish(&frame).await?;
    }
    to.publish(&last).await?;
    to.settle().await?;
    let burst = moment.spent()?;
    let deliveries = recipients * plan.burst as f64;
    let mut figures = Figures::from([
        ("make_us".to_owned(), made.wall_s * 1e6 / recipients),
        ("resident_bytes".to_owned(), (memory.resident - begun.memory.resident) / recipients),
        ("kernel_bytes".to_owned(), (memory.kernel - begun.memory.kernel) / recipients),
        ("stack_bytes".to_owned(), stack_bytes),
        ("last_p50_us".to_owned(), percentile(&mut single_us, 0.5)),
        ("last_p99_us".to_owned(), percentile(&mut single_us, 0.99)),
        ("deliveries_per_s".to_owned(), deliveries / burst.wall_s),
    ]);
    put_spent(&mut figures, "single", &singles, recipients * plan.singles as f64);
    put_spent(&mut figures, "burst", &burst, deliveries);
    Ok(figures)
}

/// Processor time and context switches, for each of so many.
pub(crate) fn put_spent(figures: &mut Figures, name: &str, spent: &Spent, count: f64) {
    figures.insert(format!("{name}_cpu_us"), spent.cpu_s * 1e6 / count);
    figures.insert(format!("{name}_voluntary"), spent.voluntary / count);
    figures.insert(format!("{name}_involuntary"), spent.involuntary / count);
}

// ---- units that end ----

/// Times in microseconds that units, on whatever thread, tell when they end.
#[derive(Debug, Default)]
pub(crate) struct Times(Mutex<Vec<f64>>);

impl Times {
    pub(crate) fn with_capacity(count: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Vec::with_capacity(count))))
    }

    pub(crate) fn put(&self, us: f64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(us);
    }

    fn take(&self) -> Vec<f64> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The moment from which all units of a job count.
#[derive(Debug, Default)]
pub(crate) struct Start(OnceLock<Instant>);

impl Start {
    /// Now.
    pub(crate) fn begin(&self) {
        self.0.get_or_init(Instant::now);
    }

    /// Microseconds since then; 0 before.
    pub(crate) fn us(&self) -> f64 {
        self.0.get().map_or(0.0, |at| us(*at))
    }
}

/// The figures of a job whose units told how long each took.
pub(crate) fn finished(begun: &Moment, times: &Times) -> io::Result<Figures> {
    let spent = begun.spent()?;
    let mut times = times.take();
    let count = times.len() as f64;
    let mut figures = Figures::from([
        ("count".to_owned(), count),
        ("wall_ms".to_owned(), spent.wall_s * 1e3),
        ("per_s".to_owned(), count / spent.wall_s),
        ("p50_us".to_owned(), percentile(&mut times, 0.5)),
        ("p99_us".to_owned(), percentile(&mut times, 0.99)),
        ("max_us".to_owned(), percentile(&mut times, 1.0)),
    ]);
    put_spent(&mut figures, "each", &spent, count);
    Ok(figures)
}

/// Work that takes about so long, as a number of rounds of arithmetic: a clock would count other threads' time, too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    rounds_per_us: f64,
}

impl Work {
    /// Finds out how fast this machine is now; the fastest of a few tries, so that a pause does not count.
    pub(crate) fn calibrated() -> Self {
        const ROUNDS: u64 = 500_000;
        let tried = (0..5).map(|_| {
            let begun = Instant::now();
            turn(ROUNDS);
            ROUNDS as f64 / us(begun)
        });
        Self { rounds_per_us: tried.fold(1.0, f64::max) }
    }

    pub(crate) fn compute(self, us: f64) {
        turn((us * self.rounds_per_us) as u64);
    }
}

fn turn(rounds: u64) {
    let mut state = black_box(1_u64);
    for _ in 0..rounds {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    black_box(state);
}
