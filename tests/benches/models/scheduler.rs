//! A small scheduler of the bench, of the shape that Hubbub's shard has: a queue of what is ready, run in slices.
//!
//! A unit runs until it has nothing to do now and says why. It is a microthread, whose place is in its own fields, or
//! a coroutine with a stack, whose place is there. The scheduler does not know which.

use std::{
    cell::Cell,
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    io,
    rc::Rc,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Registry, Token, Waker, event::Source};
use slab::Slab;

/// Units that run before timers and sockets are looked at.
const SLICE: usize = 256;

/// Wake-ups from other threads that wait; whoever comes when they are so many waits.
const WOKEN_MAX: usize = 1_024;

/// The waker's own token.
const WOKEN: Token = Token(usize::MAX);

/// Why a unit gives way.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// It has more to do, after the others.
    Again,
    /// It waits for a moment.
    Until(Instant),
    /// Its socket or another thread will wake it.
    Elsewhere,
    /// It has ended.
    Done,
}

/// What is scheduled.
pub(crate) trait Unit {
    /// Runs until it gives way.
    fn run(&mut self, place: &Rc<Place>) -> Step;
}

/// What a unit may use of its scheduler while it runs.
pub(crate) struct Place {
    /// The unit that runs.
    number: Cell<usize>,
    registry: Registry,
    waker: Arc<Waker>,
    woken: SyncSender<usize>,
}

impl Place {
    /// Has the unit run whenever the socket has become readable or writable.
    pub(crate) fn watch(&self, socket: &mut impl Source) -> io::Result<()> {
        self.registry.register(socket, Token(self.number.get()), Interest::READABLE | Interest::WRITABLE)
    }

    /// Something that any thread may call to have this unit run again.
    pub(crate) fn alarm(&self) -> impl FnOnce() + Send + 'static {
        let (number, waker, woken) = (self.number.get(), self.waker.clone(), self.woken.clone());
        move || {
            // The scheduler may have ended; then nobody waits for the unit.
            if woken.send(number).is_ok() {
                drop(waker.wake());
            }
        }
    }
}

/// Units, and what each of them waits for.
pub(crate) struct Scheduler<U> {
    units: Slab<U>,
    ready: VecDeque<usize>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    poll: Poll,
    events: Events,
    place: Rc<Place>,
    woken: Receiver<usize>,
    /// Slices that were run.
    pub(crate) slices: u64,
}

impl<U: Unit> Scheduler<U> {
    pub(crate) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WOKEN)?);
        let (sender, woken) = sync_channel(WOKEN_MAX);
        let registry = poll.registry().try_clone()?;
        Ok(Self {
            units: Slab::new(),
            ready: VecDeque::new(),
            timers: BinaryHeap::new(),
            poll,
            events: Events::with_capacity(256),
            place: Rc::new(Place { number: Cell::new(0), registry, waker, woken: sender }),
            woken,
            slices: 0,
        })
    }

    /// Takes a unit in; its turn comes behind all that are ready.
    pub(crate) fn add(&mut self, unit: U) {
        self.ready.push_back(self.units.insert(unit));
    }

    /// Runs until every unit has ended. `next` gives one more whenever one has, until it has no more.
    pub(crate) fn run(&mut self, mut next: impl FnMut() -> Option<U>) -> io::Result<()> {
        while !self.units.is_empty() {
            self.slices += 1;
            for _ in 0..SLICE {
                let Some(number) = self.ready.pop_front() else { break };
                if self.step(number)
                    && let Some(unit) = next()
                {
                    self.add(unit);
                }
            }
            self.wait()?;
        }
        Ok(())
    }

    /// Runs one unit once; answers whether it has ended.
    fn step(&mut self, number: usize) -> bool {
        self.place.number.set(number);
        let Some(unit) = self.units.get_mut(number) else { return false };
        match unit.run(&self.place) {
            Step::Again => self.ready.push_back(number),
            Step::Until(moment) => self.timers.push(Reverse((moment, number))),
            Step::Elsewhere => {}
            Step::Done => drop(self.units.remove(number)),
        }
        !self.units.contains(number)
    }

    /// Makes ready what need not wait any longer; waits only when nothing is ready.
    fn wait(&mut self) -> io::Result<()> {
        if self.units.is_empty() {
            return Ok(());
        }
        let timeout = match self.timers.peek() {
            _ if !self.ready.is_empty() => Some(Duration::ZERO),
            Some(Reverse((moment, _))) => Some(moment.saturating_duration_since(Instant::now())),
            None => None,
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => polled?,
        }
        let sockets = self.events.iter().map(|event| event.token()).filter(|token| *token != WOKEN);
        self.ready.extend(sockets.map(|Token(number)| number));
        self.ready.extend(self.woken.try_iter());
        let now = Instant::now();
        while let Some(Reverse((moment, number))) = self.timers.peek().copied()
            && moment <= now
        {
            self.timers.pop();
            self.ready.push_back(number);
        }
        Ok(())
    }
}
