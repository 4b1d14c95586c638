//! The crowd's thread: one event loop over every socket.
//!
//! A turn: wait for the kernel or the clock · orders · sockets · timers · what was noticed · windows to be filled ·
//! writing, once for each socket · answers to who waits.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, Waker, event::Event};
use tokio::sync::{mpsc, watch};

use super::{
    alarm::Alarm,
    command::Command,
    deck::{Deck, Notice},
    desk::Desk,
    handle::{CrowdHandle, ORDERS_MAX},
    meter::{SAMPLE, TICK},
    order::CrowdConfig,
    person::{Lost, Person, State},
    socket::{Buffer, Readiness, Socket},
    timer::Due,
};
use crate::scenario::{
    id::{Moment, PersonId},
    report::sample::Sample,
};

/// The token of the waker; people have theirs by their number.
const WAKER: Token = Token(usize::MAX);

/// The token of the alarm clock.
const ALARM: Token = Token(usize::MAX - 1);

/// Sockets that the kernel tells of at once.
const EVENTS_MAX: usize = 1_024;

/// How often patience is looked at: an eighth of it, within these bounds.
const SWEEP_MIN: Duration = Duration::from_millis(20);
const SWEEP_MAX: Duration = Duration::from_secs(1);

/// Starts the thread.
pub(super) fn start(config: CrowdConfig) -> std::io::Result<CrowdHandle> {
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
    let alarm = Alarm::new(poll.registry(), ALARM)?;
    let (orders, inbox) = mpsc::channel(ORDERS_MAX);
    let (sampled, samples) = watch::channel(Arc::new(Sample::default()));
    let fate = Arc::new(OnceLock::new());
    let began = Instant::now();
    let last_word = Arc::clone(&fate);
    let body = move || {
        let run = || Task::new(config, poll, alarm, inbox, sampled, began)?.run();
        let word = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(())) => "it was told to finish".to_owned(),
            Ok(Err(error)) => format!("the event queue failed: {error}"),
            Err(_) => "its thread panicked, which is a fault of this program".to_owned(),
        };
        last_word.get_or_init(|| word);
    };
    std::thread::Builder::new().name("crowd".to_owned()).spawn(body)?;
    Ok(CrowdHandle { orders, waker, began, samples, fate })
}

/// Everything that the thread owns.
struct Task {
    desk: Desk,
    poll: Poll,
    alarm: Alarm,
    inbox: mpsc::Receiver<Command>,
    sampled: watch::Sender<Arc<Sample>>,
    began: Instant,
    /// By person.
    sockets: Vec<Option<Socket>>,
    buffer: Buffer,
    /// Who has more to read than fitted into a turn.
    more: Vec<PersonId>,
    /// Who has something to write.
    writers: Vec<PersonId>,
    /// Which of the server's addresses answers.
    address: usize,
}

impl Task {
    fn new(
        config: CrowdConfig,
        poll: Poll,
        alarm: Alarm,
        inbox: mpsc::Receiver<Command>,
        sampled: watch::Sender<Arc<Sample>>,
        began: Instant,
    ) -> std::io::Result<Self> {
        let (desk, buffer) = (Desk::new(config)?, Buffer::new());
        let (sockets, more, writers) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { desk, poll, alarm, inbox, sampled, began, sockets, buffer, more, writers, address: 0 })
    }

    /// Turns until it is told to finish, or nobody is there to tell it anything.
    fn run(mut self) -> std::io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        self.desk.deck.timers.add(Moment(0), Due::Sample);
        self.desk.deck.timers.add(Moment(0), Due::Tick);
        self.desk.deck.timers.add(Moment(0), Due::Sweep);
        loop {
            let patience = self.patience()?;
            match self.poll.poll(&mut events, Some(patience)) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.tick();
            if !self.take_orders() {
                return Ok(());
            }
            for event in &events {
                self.ready(event);
            }
            for person in std::mem::take(&mut self.more) {
                self.read(person, false);
            }
            self.tick();
            while let Some((at, due)) = self.desk.deck.timers.due(self.desk.deck.now) {
                self.due(at, due);
            }
            self.work_off();
            if self.desk.go_on_finishing() {
                return Ok(());
            }
            self.desk.look();
        }
    }

    fn tick(&mut self) {
        self.desk.deck.now = now(self.began);
    }

    /// How long the kernel may let us sleep; the alarm is set for the end of it.
    fn patience(&mut self) -> std::io::Result<Duration> {
        let is_busy = !self.more.is_empty() || !self.desk.deck.notices.is_empty() || !self.writers.is_empty();
        let next = [self.desk.deck.timers.next(), self.desk.next_look()].into_iter().flatten().min();
        match next {
            _ if is_busy => Ok(Duration::ZERO),
            Some(next) => {
                let now = now(self.began);
                self.alarm.set(next, now)?;
                Ok(next.since(now))
            }
            None => Ok(SAMPLE),
        }
    }

    /// False when all handles are gone.
    fn take_orders(&mut self) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(command) => self.desk.take(command),
                Err(mpsc::error::TryRecvError::Empty) => return true,
                // who finishes drops the handle and waits for the account
                Err(mpsc::error::TryRecvError::Disconnected) => return self.desk.finish.is_some(),
            }
        }
    }

    fn ready(&mut self, event: &Event) {
        if matches!(event.token(), WAKER | ALARM) {
            return;
        }
        let id = PersonId(u32::try_from(event.token().0).unwrap_or(u32::MAX));
        let Some(person) = self.desk.people.get_mut(id.0 as usize) else { return };
        let Some(socket) = self.sockets.get_mut(id.0 as usize).and_then(Option::as_mut) else { return };
        if person.state == State::Dialing {
            match socket.is_connected() {
                Ok(true) => person.dialed(&mut self.desk.deck),
                Ok(false) => return,
                Err(error) => return self.unreachable(id, &error),
            }
        }
        if event.is_writable() && !person.out.is_empty() {
            self.writers.push(id);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.read(id, event.is_read_closed() || event.is_error());
        }
    }

    fn read(&mut self, id: PersonId, ending: bool) {
        let Some(person) = self.desk.people.get_mut(id.0 as usize) else { return };
        let Some(socket) = self.sockets.get_mut(id.0 as usize).and_then(Option::as_mut) else { return };
        let began = self.began;
        match socket.read(person, &mut self.buffer, ending, &mut self.desk.deck, || now(began)) {
            Ok(Readiness::Drained) => {}
            Ok(Readiness::More) => self.more.push(id),
            Ok(Readiness::At(at)) => {
                if socket.planned.is_none() {
                    socket.planned = Some(at);
                    self.desk.deck.timers.add(at, Due::Read(id));
                }
            }
            Err(lost) => self.lost(id, lost),
        }
    }

    /// Lets one of the crowd do something, if they are there.
    fn with(&mut self, id: PersonId, act: impl FnOnce(&mut Person, &mut Deck)) {
        if let Some(person) = self.desk.people.get_mut(id.0 as usize) {
            act(person, &mut self.desk.deck);
        }
    }

    fn due(&mut self, at: Moment, due: Due) {
        let Desk { people, deck, flows, .. } = &mut self.desk;
        match due {
            Due::Connect(id) => self.with(id, Person::connect),
            Due::Retry(id, attempt) => self.with(id, |person, deck| person.retry(attempt, deck)),
            Due::Rejoin(id, room) => self.with(id, |person, deck| person.rejoin(room, deck)),
            Due::Reread(id, key) => self.with(id, |person, deck| person.ask_read(key, deck)),
            Due::Read(id) => {
                if let Some(Some(socket)) = self.sockets.get_mut(id.0 as usize) {
                    socket.planned = socket.planned.filter(|planned| *planned != at);
                }
                self.read(id, false);
            }
            Due::Flow(key) => flows.due(key, people, deck),
            Due::Talk(key, slot) => flows.talk(key, slot, at, people, deck),
            Due::Go(key, slot) => flows.wander(key, slot, false, people, deck),
            Due::Return(key, slot) => flows.wander(key, slot, true, people, deck),
            Due::Sweep => self.sweep(),
            Due::Sample => self.sample(),
            Due::Tick => {
                deck.timers.add(deck.now.after(TICK), Due::Tick);
                if !deck.over {
                    deck.ledger.tick(deck.now, deck.online, deck.meter.tick());
                }
            }
        }
    }

    /// Works off what was noticed, fills windows and writes, until there is nothing left of it.
    fn work_off(&mut self) {
        loop {
            while let Some(notice) = self.desk.deck.notices.pop_front() {
                self.heed(notice);
            }
            self.desk.flows.refill(&mut self.desk.people, &mut self.desk.deck);
            if self.desk.deck.notices.is_empty() {
                self.dial();
            }
            if self.desk.deck.notices.is_empty() {
                break;
            }
        }
        for id in std::mem::take(&mut self.writers) {
            let Some(person) = self.desk.people.get_mut(id.0 as usize) else { continue };
            let Some(socket) = self.sockets.get_mut(id.0 as usize).and_then(Option::as_mut) else { continue };
            if let Err(lost) = socket.write(person, &mut self.desk.deck) {
                // what the server said before it ended the connection says more than our failed write
                self.desk.deck.now = now(self.began);
                self.read(id, true);
                self.lost(id, lost);
            }
        }
    }

    fn heed(&mut self, notice: Notice) {
        let Desk { people, deck, flows, .. } = &mut self.desk;
        match notice {
            Notice::Dial(person) => self.desk.queue.push_back(person),
            Notice::Write(person) => self.writers.push(person),
            Notice::HangUp { person, reset } => self.hang_up(person, reset),
            Notice::Done { order, person, outcome } => self.desk.done(order, person, outcome),
            Notice::Post { flow, slot, end } => flows.ended(flow, slot, end, people, deck),
        }
    }

    /// Begins as many handshakes as may be under way.
    fn dial(&mut self) {
        while self.desk.deck.connecting < self.desk.deck.config.connecting_max.max(1) {
            let Some(id) = self.desk.queue.pop_front() else { return };
            let Desk { people, deck, .. } = &mut self.desk;
            let Some(person) = people.get_mut(id.0 as usize).filter(|person| person.state == State::Queued) else {
                continue;
            };
            let addresses = &deck.config.addresses;
            let Some(target) = self.address.checked_rem(addresses.len()).map(|at| addresses[at]) else { return };
            person.dialing(deck);
            let socket = Socket::dial(person, target, deck.now).and_then(|mut socket| {
                let interest = Interest::READABLE | Interest::WRITABLE;
                self.poll.registry().register(&mut socket.stream, Token(id.0 as usize), interest)?;
                Ok(socket)
            });
            match socket {
                Ok(socket) => {
                    let place = id.0 as usize;
                    self.sockets.resize_with(self.sockets.len().max(place + 1), || None);
                    self.sockets[place] = Some(socket);
                }
                Err(error) => self.unreachable(id, &error),
            }
        }
    }

    /// No connection could be made: the next one is tried at the server's next address.
    fn unreachable(&mut self, id: PersonId, error: &std::io::Error) {
        let addresses = &self.desk.deck.config.addresses;
        let target = self.address.checked_rem(addresses.len()).map_or_else(String::new, |at| addresses[at].to_string());
        self.lost(id, Lost::Unreachable(format!("{target} cannot be reached: {error}")));
        if !self.desk.deck.reached {
            self.address += 1;
        }
    }

    fn hang_up(&mut self, id: PersonId, reset: bool) {
        let Some(mut socket) = self.sockets.get_mut(id.0 as usize).and_then(Option::take) else { return };
        // closing the socket takes it out of the queue in any case
        if let Err(error) = self.poll.registry().deregister(&mut socket.stream) {
            tracing::debug!(%error, "a socket was not registered");
        }
        if reset && let Err(error) = socket.reset() {
            tracing::debug!(%error, "a socket is closed without a reset");
        }
    }

    fn lost(&mut self, id: PersonId, lost: Lost) {
        if self.sockets.get(id.0 as usize).is_some_and(Option::is_some) || matches!(lost, Lost::Unreachable(_)) {
            let Desk { people, deck, .. } = &mut self.desk;
            let Some(person) = people.get_mut(id.0 as usize) else { return };
            // a close frame in answer to the server's
            if let (Lost::Closed { .. }, Some(Some(socket))) = (&lost, self.sockets.get_mut(id.0 as usize))
                && let Err(error) = socket.write(person, deck)
            {
                tracing::debug!(?error, "the server did not wait for the answer to its close frame");
            }
            person.lost(lost, deck);
            self.hang_up(id, false);
        }
    }

    /// Looks at everybody's patience.
    fn sweep(&mut self) {
        for place in 0..self.desk.people.len() {
            let Desk { people, deck, .. } = &mut self.desk;
            let (id, swept) = (people[place].id, people[place].sweep(deck));
            if let Err(lost) = swept {
                self.lost(id, lost);
            }
        }
        let patience = self.desk.deck.config.patience;
        let next = self.desk.deck.now.after((patience / 8).clamp(SWEEP_MIN, SWEEP_MAX));
        self.desk.deck.timers.add(next, Due::Sweep);
    }

    fn sample(&mut self) {
        let Desk { people, deck, .. } = &mut self.desk;
        deck.timers.add(deck.now.after(SAMPLE), Due::Sample);
        if deck.over {
            return;
        }
        let mut sample = deck.meter.look(deck.now, deck.ledger.totals(), deck.online);
        sample.people = people.iter().filter(|person| !person.is_auditor).count() as u64;
        (sample.p50_us, sample.p99_us, sample.max_us) = deck.ledger.recent(deck.now);
        sample.breaches = deck.ledger.breaches();
        self.sampled.send_replace(Arc::new(sample));
    }
}

/// The time of the run.
fn now(began: Instant) -> Moment {
    Moment::default().after(began.elapsed())
}
