//! The jobs by microthreads: on one worker, or on one for each core. Each is cut into pieces by hand; between two of
//! them its place is in its fields.
//!
//! Deliveries are made by Hubbub's own shards and halls; the other jobs by the bench's scheduler of the same shape.

use std::{
    cell::RefCell,
    io::{self, IoSlice, Read, Write},
    rc::Rc,
    sync::{Arc, OnceLock},
    thread,
    time::Instant,
};

use actix::{Actor, Context, Handler, Recipient as Address};
use bytes::Bytes;
use hubbub_protocol::RoomName;
use hubbub_server::fanout::{
    Batch, Fanout, Item, LocalShard, LogChunk, Order, Outbox, RoomTag, ShardCommand, ShardHandle, ShardLimits, Socket,
};
use hubbub_tests::bench::recipient::Take;
use mio::net::TcpStream;

use crate::{
    callback::system,
    chore::{Chore, Pool, REQUEST_BYTES},
    job::{
        self, Begun, Delivery, Plan, QUEUE_MAX, Recipient, SHORT_UNITS, SHORT_US, Slow, Start, Tally, Times,
        UNDER_WAY_MAX, WAIT, Work, finished,
    },
    measure::{Figures, Moment, percentile, us},
    scheduler::{Place, Scheduler, Step, Unit},
    stackful::connect,
};

/// One worker for each core.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

// ---- deliver ----

/// What a worker's connections write to.
struct Seat(RefCell<Recipient>);

impl Socket for Seat {
    fn try_write_vectored(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut recipient = self.0.borrow_mut();
        frames.iter().for_each(|frame| recipient.take(frame));
        Ok(frames.iter().map(|frame| frame.len()).sum())
    }

    fn end(&self) {}
}

/// Takes the orders that nobody gives here.
pub(crate) struct Nobody;

impl Actor for Nobody {
    type Context = Context<Self>;
}

impl Handler<Order> for Nobody {
    type Result = ();

    fn handle(&mut self, _: Order, _: &mut Self::Context) {}
}

/// The shards' inboxes, and the room that everybody is in.
struct Members {
    fanout: Fanout,
    room: Arc<RoomTag>,
    tally: Arc<Tally>,
}

impl Delivery for Members {
    async fn publish(&mut self, frame: &Bytes) -> io::Result<()> {
        for shard in self.fanout.shards() {
            let chunk = LogChunk { frames: frame.clone(), first_seq: 1, events: 1 };
            let batch = Batch { room: self.room.clone(), items: [Item::Log(chunk)].into_iter().collect() };
            shard.send(ShardCommand::Batch(batch)).await.map_err(io::Error::other)?;
        }
        Ok(())
    }

    async fn settle(&mut self) -> io::Result<()> {
        self.tally.complete().await;
        Ok(())
    }
}

/// Visits of a slice where nothing else is asked for.
const SLICE: usize = 256;

/// A room on a worker.
struct Hall {
    room: Arc<RoomTag>,
    seats: usize,
    tally: Arc<Tally>,
}

/// What a worker needs to become a shard with rooms.
struct Opening {
    number: usize,
    handle: ShardHandle,
    inbox: tokio::sync::mpsc::Receiver<ShardCommand>,
    slice: usize,
    halls: Vec<Hall>,
    opened: Arc<Tally>,
}

impl Opening {
    /// On the worker's own thread.
    async fn open(self) {
        let limits = ShardLimits { slice_deliveries_max: self.slice };
        let number = u16::try_from(self.number).unwrap_or_default();
        let shard = LocalShard::start(number, &self.handle, self.inbox, limits);
        let orders: Address<Order> = Nobody.start().recipient();
        for Hall { room, seats, tally } in self.halls {
            let seat = |_| {
                let socket = Seat(RefCell::new(Recipient::new(&tally)));
                Item::Seat(shard.connect(Rc::new(Outbox::new(socket, 1 << 20)), orders.downgrade()), Bytes::new())
            };
            let batch = Batch { room, items: (0..seats).map(seat).collect() };
            if self.handle.send(ShardCommand::Batch(batch)).await.is_err() {
                return;
            }
        }
        self.opened.done();
    }
}

pub(crate) fn deliver(plan: Plan, workers: usize) -> io::Result<Figures> {
    system().block_on(async {
        let (tally, opened) = (Arc::<Tally>::default(), Arc::<Tally>::default());
        let room = Arc::new(RoomTag { id: 1, name: RoomName::parse("lobby").map_err(io::Error::other)? });
        let (fanout, inboxes) = Fanout::new(u16::try_from(workers).map_err(io::Error::other)?, QUEUE_MAX);
        opened.expect(workers);
        let begun = Begun::now()?;
        let mut arbiters = Vec::new();
        for (number, inbox) in inboxes.into_iter().enumerate() {
            let Some(handle) = fanout.shards().get(number).cloned() else { continue };
            let seats = plan.recipients / workers + usize::from(number < plan.recipients % workers);
            let halls = vec![Hall { room: room.clone(), seats, tally: tally.clone() }];
            let opening = Opening { number, handle, inbox, slice: SLICE, halls, opened: opened.clone() };
            // The first worker is this thread, which also publishes: as in the server, rooms and shards share threads.
            if number == 0 {
                actix_rt::spawn(opening.open());
            } else {
                let arbiter = actix_rt::Arbiter::new();
                arbiter.spawn_fn(move || drop(actix_rt::spawn(opening.open())));
                arbiters.push(arbiter);
            }
        }
        opened.complete().await;
        let members = Members { fanout, room, tally: tally.clone() };
        job::deliver(members, plan, &tally, begun).await
    })
}

/// A large room and a small one on one worker, which goes round in slices of so many visits: how long the small one
/// waits when both have a message at once, and how fast the large one's are made.
pub(crate) fn slices(slice: usize) -> io::Result<Figures> {
    const MESSAGES: usize = 400;
    const SEATS: [usize; 2] = [10_000, 3];
    system().block_on(async {
        let opened = Arc::<Tally>::default();
        let (fanout, inboxes) = Fanout::new(1, QUEUE_MAX);
        let members = |id, name: &str| {
            let room = Arc::new(RoomTag { id, name: RoomName::parse(name).map_err(io::Error::other)? });
            Ok::<_, io::Error>(Members { fanout: fanout.clone(), room, tally: Arc::default() })
        };
        let mut rooms = [members(1, "large")?, members(2, "small")?];
        let halls = rooms.iter().zip(SEATS);
        let halls = halls.map(|(of, seats)| Hall { room: of.room.clone(), seats, tally: of.tally.clone() }).collect();
        opened.expect(1);
        let worker = fanout.shards().first().cloned().zip(inboxes.into_iter().next());
        let (handle, inbox) = worker.ok_or_else(|| io::Error::other("no worker"))?;
        actix_rt::spawn(Opening { number: 0, handle, inbox, slice, halls, opened: opened.clone() }.open());
        opened.complete().await;
        let last = job::last_message();
        let (mut waited_us, begun) = (Vec::with_capacity(MESSAGES), Instant::now());
        for _ in 0..MESSAGES {
            let at = Instant::now();
            for (room, seats) in rooms.iter_mut().zip(SEATS) {
                room.tally.expect(seats);
                room.publish(&last).await?;
            }
            let [large, small] = &mut rooms;
            small.settle().await?;
            waited_us.push(us(at));
            large.settle().await?;
        }
        let made = (SEATS[0] * MESSAGES) as f64;
        Ok(Figures::from([
            ("deliveries_per_s".to_owned(), made * 1e6 / us(begun)),
            ("small_p50_us".to_owned(), percentile(&mut waited_us, 0.5)),
            ("small_p99_us".to_owned(), percentile(&mut waited_us, 0.99)),
        ]))
    })
}

// ---- units of the scheduler ----

/// Has each worker run its own scheduler with its share of the units.
fn on_workers(workers: usize, run: impl Fn(usize) -> io::Result<()> + Sync) -> io::Result<()> {
    if workers == 1 {
        return run(0);
    }
    thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || run(worker))).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(done) => done,
            Err(_) => Err(io::Error::other("a worker has failed")),
        })
    })
}

/// The numbers that fall to a worker.
fn share(count: usize, worker: usize, workers: usize) -> impl Iterator<Item = usize> {
    (worker..count).step_by(workers)
}

struct Waiter {
    due: Option<Instant>,
    times: Arc<Times>,
}

impl Unit for Waiter {
    fn run(&mut self, _: &Rc<Place>) -> Step {
        match self.due {
            None => {
                let due = Instant::now() + WAIT;
                self.due = Some(due);
                Step::Until(due)
            }
            Some(due) => {
                self.times.put(us(due));
                Step::Done
            }
        }
    }
}

pub(crate) fn wait(count: usize, workers: usize) -> io::Result<Figures> {
    let times = Times::with_capacity(count);
    let begun = Moment::now()?;
    on_workers(workers, |worker| {
        let mut scheduler = Scheduler::new()?;
        for _ in share(count, worker, workers) {
            scheduler.add(Waiter { due: None, times: times.clone() });
        }
        scheduler.run(|| None)
    })?;
    finished(&begun, &times)
}

/// A chore: handed over in its first piece, looked at in its second.
struct Errand {
    number: usize,
    chore: Chore,
    pool: Pool,
    asked: Option<(Instant, Arc<OnceLock<usize>>)>,
    times: Arc<Times>,
}

impl Unit for Errand {
    fn run(&mut self, place: &Rc<Place>) -> Step {
        match &self.asked {
            None => {
                let (answer, alarm) = (Arc::new(OnceLock::new()), place.alarm());
                self.asked = Some((Instant::now(), answer.clone()));
                let (number, chore) = (self.number, self.chore.clone());
                self.pool.hand_over(move || {
                    answer.get_or_init(|| chore(number));
                    alarm();
                });
                Step::Elsewhere
            }
            Some((_, answer)) if answer.get().is_none() => Step::Elsewhere,
            Some((at, _)) => {
                self.times.put(us(*at));
                Step::Done
            }
        }
    }
}

pub(crate) fn burst(chore: &Chore, count: usize, workers: usize) -> io::Result<Figures> {
    let times = Times::with_capacity(count);
    let begun = Moment::now()?;
    let pool = Pool::start()?;
    on_workers(workers, |worker| {
        let mut scheduler = Scheduler::new()?;
        let mut numbers = share(count, worker, workers);
        let (chore, pool, times) = (chore.clone(), pool.clone(), times.clone());
        let mut next = move || {
            let (chore, pool, times) = (chore.clone(), pool.clone(), times.clone());
            numbers.next().map(|number| Errand { number, chore, pool, asked: None, times })
        };
        for unit in std::iter::from_fn(&mut next).take(UNDER_WAY_MAX / workers) {
            scheduler.add(unit);
        }
        scheduler.run(next)
    })?;
    finished(&begun, &times)
}

/// What a client does next.
enum Doing {
    Connected,
    Asking(usize),
    Reading(usize),
}

struct Client {
    socket: TcpStream,
    doing: Doing,
    left: usize,
    at: Instant,
    times: Arc<Times>,
}

impl Client {
    /// Goes on until it would block or has nothing left.
    fn go_on(&mut self, place: &Rc<Place>) -> io::Result<()> {
        let mut bytes = [b'q'; REQUEST_BYTES];
        loop {
            self.doing = match self.doing {
                Doing::Connected => {
                    place.watch(&mut self.socket)?;
                    Doing::Asking(0)
                }
                Doing::Asking(_) if self.left == 0 => return Ok(()),
                Doing::Asking(0) => {
                    self.at = Instant::now();
                    Doing::Asking(self.socket.write(&bytes)?)
                }
                Doing::Asking(REQUEST_BYTES) => Doing::Reading(REQUEST_BYTES),
                Doing::Asking(done) => Doing::Asking(done + self.socket.write(&bytes[done..])?),
                Doing::Reading(0) => {
                    self.times.put(us(self.at));
                    self.left -= 1;
                    Doing::Asking(0)
                }
                Doing::Reading(left) => match self.socket.read(&mut bytes[..left])? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    read => Doing::Reading(left - read),
                },
            }
        }
    }
}

impl Unit for Client {
    fn run(&mut self, place: &Rc<Place>) -> Step {
        match self.go_on(place) {
            Ok(()) => Step::Done,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Step::Elsewhere,
            Err(error) => {
                eprintln!("a request: {error}");
                Step::Done
            }
        }
    }
}

pub(crate) fn requests(address: &str, count: usize, workers: usize) -> io::Result<Figures> {
    let times = Times::with_capacity(count);
    let begun = Moment::now()?;
    on_workers(workers, |worker| {
        let mut scheduler = Scheduler::new()?;
        for _ in share(UNDER_WAY_MAX, worker, workers) {
            let (socket, left) = (connect(address)?, count / UNDER_WAY_MAX);
            scheduler.add(Client { socket, doing: Doing::Connected, left, at: Instant::now(), times: times.clone() });
        }
        scheduler.run(|| None)
    })?;
    finished(&begun, &times)
}

/// Computes a piece whenever it runs.
struct Worker {
    work: Work,
    pieces: usize,
    piece_us: f64,
    start: Arc<Start>,
    /// Whom it tells when it has ended; `None`: the slow one, which nobody asks.
    times: Option<Arc<Times>>,
}

impl Unit for Worker {
    fn run(&mut self, _: &Rc<Place>) -> Step {
        self.work.compute(self.piece_us);
        self.pieces -= 1;
        if self.pieces > 0 {
            return Step::Again;
        }
        if let Some(times) = &self.times {
            times.put(self.start.us());
        }
        Step::Done
    }
}

pub(crate) fn slow(slow: Slow, work: Work, workers: usize) -> io::Result<Figures> {
    let times = Times::with_capacity(SHORT_UNITS);
    let (pieces, piece_us) = slow.pieces();
    let start = Arc::<Start>::default();
    start.begin();
    let moment = Moment::now()?;
    on_workers(workers, |worker| {
        let mut scheduler = Scheduler::new()?;
        if worker == 0 && pieces > 0 {
            scheduler.add(Worker { work, pieces, piece_us, start: start.clone(), times: None });
        }
        for _ in share(SHORT_UNITS, worker, workers) {
            let (start, times) = (start.clone(), Some(times.clone()));
            scheduler.add(Worker { work, pieces: 1, piece_us: SHORT_US, start, times });
        }
        scheduler.run(|| None)
    })?;
    finished(&moment, &times)
}

struct Player(usize);

impl Unit for Player {
    fn run(&mut self, _: &Rc<Place>) -> Step {
        self.0 -= 1;
        if self.0 == 0 { Step::Done } else { Step::Again }
    }
}

/// Answers when so many turns were handed over.
pub(crate) fn switch(count: usize, workers: usize) -> io::Result<()> {
    on_workers(workers, |_| {
        let mut scheduler = Scheduler::new()?;
        scheduler.add(Player(count / 2 / workers));
        scheduler.add(Player(count / 2 / workers));
        scheduler.run(|| None)
    })
}
