//! The jobs by coroutines with a stack each (the crate corosensei), on the bench's own scheduler.
//!
//! A unit is ordinary code. Where it must wait, it suspends with the reason, and its stack stays as it is.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, Read, Write},
    net::ToSocketAddrs,
    rc::Rc,
    sync::{Arc, OnceLock},
    time::Instant,
};

use bytes::Bytes;
use corosensei::{Coroutine, CoroutineResult, Yielder, stack::DefaultStack};
use hubbub_tests::bench::recipient::Take;
use mio::net::TcpStream;

use crate::{
    chore::{Chore, Pool, REQUEST_BYTES},
    job::{
        self, Begun, Delivery, Plan, QUEUE_MAX, Recipient, SHORT_UNITS, SHORT_US, STACK_BYTES, Slow, Start, Tally,
        Times, UNDER_WAY_MAX, WAIT, Work, finished,
    },
    measure::{Figures, Moment, us},
    scheduler::{Place, Scheduler, Step, Unit},
    thread::at_once,
};

fn stack() -> io::Result<DefaultStack> {
    DefaultStack::new(STACK_BYTES)
}

// ---- deliver ----

type Queue = Rc<RefCell<VecDeque<Bytes>>>;

struct Member {
    queue: Queue,
    coroutine: Coroutine<(), (), ()>,
    is_ready: bool,
}

impl Member {
    fn new(mut recipient: impl Take + 'static) -> io::Result<Self> {
        let queue = Queue::default();
        let inbox = queue.clone();
        let next = move || inbox.borrow_mut().pop_front();
        let coroutine = Coroutine::with_stack(stack()?, move |yielder: &Yielder<(), ()>, ()| {
            loop {
                while let Some(frame) = next() {
                    recipient.take(&frame);
                }
                yielder.suspend(());
            }
        });
        Ok(Self { queue, coroutine, is_ready: false })
    }
}

/// Recipients, and those of them that have something to take.
pub(crate) struct Members {
    all: Vec<Member>,
    ready: VecDeque<usize>,
}

impl Members {
    pub(crate) fn new(takers: impl Iterator<Item = impl Take + 'static>) -> io::Result<Self> {
        Ok(Self { all: takers.map(Member::new).collect::<io::Result<_>>()?, ready: VecDeque::new() })
    }

    fn run(&mut self) {
        while let Some(member) = self.ready.pop_front().and_then(|number| self.all.get_mut(number)) {
            member.is_ready = false;
            member.coroutine.resume(());
        }
    }
}

impl Delivery for Members {
    async fn publish(&mut self, frame: &Bytes) -> io::Result<()> {
        let mut is_full = false;
        for (number, member) in self.all.iter_mut().enumerate() {
            let mut queue = member.queue.borrow_mut();
            queue.push_back(frame.clone());
            is_full |= queue.len() == QUEUE_MAX;
            if !std::mem::replace(&mut member.is_ready, true) {
                self.ready.push_back(number);
            }
        }
        if is_full {
            self.run();
        }
        Ok(())
    }

    async fn settle(&mut self) -> io::Result<()> {
        self.run();
        Ok(())
    }
}

pub(crate) fn deliver(plan: Plan) -> io::Result<Figures> {
    let tally = Arc::<Tally>::default();
    let begun = Begun::now()?;
    let members = Members::new((0..plan.recipients).map(|_| Recipient::new(&tally)))?;
    at_once(job::deliver(members, plan, &tally, begun))
}

/// How many can be made before the system has no more, and what it says then; at most `max`.
pub(crate) fn limit(max: usize) -> (usize, String) {
    let mut made = Vec::new();
    while made.len() < max {
        match stack() {
            Ok(stack) => made.push(stack),
            Err(error) => return (made.len(), error.to_string()),
        }
    }
    (made.len(), "nothing".to_owned())
}

// ---- units of the scheduler ----

/// A coroutine as a unit: it is given its place when it goes on, and gives a reason when it suspends.
pub(crate) struct Fiber(Coroutine<Rc<Place>, Step, ()>);

/// What a fiber suspends through.
type Turn<'a> = &'a Yielder<Rc<Place>, Step>;

impl Fiber {
    pub(crate) fn new(run: impl FnOnce(Turn<'_>, Rc<Place>) + 'static) -> io::Result<Self> {
        Ok(Self(Coroutine::with_stack(stack()?, move |turn: Turn<'_>, place| run(turn, place))))
    }
}

impl Unit for Fiber {
    fn run(&mut self, place: &Rc<Place>) -> Step {
        match self.0.resume(place.clone()) {
            CoroutineResult::Yield(step) => step,
            CoroutineResult::Return(()) => Step::Done,
        }
    }
}

pub(crate) fn wait(count: usize) -> io::Result<Figures> {
    let times = Times::with_capacity(count);
    let begun = Moment::now()?;
    let mut scheduler = Scheduler::new()?;
    for _ in 0..count {
        let times = times.clone();
        scheduler.add(Fiber::new(move |turn, _| {
            let due = Instant::now() + WAIT;
            turn.suspend(Step::Until(due));
            times.put(us(due));
        })?);
    }
    scheduler.run(|| None)?;
    finished(&begun, &times)
}

pub(crate) fn burst(chore: Chore, count: usize) -> io::Result<Figures> {
    let times = Times::with_capacity(count);
    let begun = Moment::now()?;
    let (mut scheduler, pool) = (Scheduler::new()?, Pool::start()?);
    let job = |number| {
        let (times, chore, pool) = (times.clone(), chore.clone(), pool.clone());
        Fiber::new(move |turn, place| {
            let at = Instant::now();
            let (answer, alarm) = (Arc::new(OnceLock::new()), place.alarm());
            let asked = answer.clone();
            pool.hand_over(move || {
                asked.get_or_init(|| chore(number));
                alarm();
            });
            while answer.get().is_none() {
                turn.suspend(Step::Elsewhere);
            }
            times.put(us(at));
        })
    };
    for number in 0..UNDER_WAY_MAX {
        scheduler.add(job(number)?);
    }
    let mut numbers = UNDER_WAY_MAX..count;
    scheduler.run(|| numbers.next().and_then(|number| job(number).ok()))?;
    finished(&begun, &times)
}

/// Does something with a socket, suspended while it would block.
fn patiently<T>(turn: Turn<'_>, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match act() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                turn.suspend(Step::Elsewhere);
            }
            done => return done,
        }
    }
}

pub(crate) fn connect(address: &str) -> io::Result<TcpStream> {
    let address = address.to_socket_addrs()?.next().ok_or_else(|| io::Error::other("no address"))?;
    let socket = std::net::TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(TcpStream::from_std(socket))
}

fn ask(turn: Turn<'_>, socket: &mut TcpStream, count: usize, times: &Times) -> io::Result<()> {
    let mut bytes = [b'q'; REQUEST_BYTES];
    for _ in 0..count {
        let at = Instant::now();
        let mut done = 0;
        while done < REQUEST_BYTES {
            done += patiently(turn, || socket.write(&bytes[done..]))?;
        }
        while done > 0 {
            let read = patiently(turn, || socket.read(&mut bytes[..done]))?;
            done = if read == 0 { return Err(io::ErrorKind::UnexpectedEof.into()) } else { done - read };
        }
        times.put(us(at));
    }
    Ok(())
}

pub(crate) fn requests(address: &str, count: usize) -> io::Result<Figures> {
    let times = Times::with_capacity(count);
    let begun = Moment::now()?;
    let mut scheduler = Scheduler::new()?;
    for _ in 0..UNDER_WAY_MAX {
        let (mut socket, times) = (connect(address)?, times.clone());
        scheduler.add(Fiber::new(move |turn, place| {
            let asked = place.watch(&mut socket).and_then(|()| ask(turn, &mut socket, count / UNDER_WAY_MAX, &times));
            if let Err(error) = asked {
                eprintln!("a request: {error}");
            }
        })?);
    }
    scheduler.run(|| None)?;
    finished(&begun, &times)
}

pub(crate) fn slow(slow: Slow, work: Work) -> io::Result<Figures> {
    let times = Times::with_capacity(SHORT_UNITS);
    let (pieces, piece_us) = slow.pieces();
    let (start, mut scheduler) = (Arc::<Start>::default(), Scheduler::new()?);
    if pieces > 0 {
        scheduler.add(Fiber::new(move |turn, _| {
            for _ in 0..pieces {
                work.compute(piece_us);
                turn.suspend(Step::Again);
            }
        })?);
    }
    for _ in 0..SHORT_UNITS {
        let (start, times) = (start.clone(), times.clone());
        scheduler.add(Fiber::new(move |_, _| {
            work.compute(SHORT_US);
            times.put(start.us());
        })?);
    }
    start.begin();
    let moment = Moment::now()?;
    scheduler.run(|| None)?;
    finished(&moment, &times)
}

/// Answers when so many turns were handed over.
pub(crate) fn switch(count: usize) -> io::Result<()> {
    let mut scheduler = Scheduler::new()?;
    for _ in 0..2 {
        scheduler.add(Fiber::new(move |turn, _| {
            for _ in 0..count / 2 {
                turn.suspend(Step::Again);
            }
        })?);
    }
    scheduler.run(|| None)
}
