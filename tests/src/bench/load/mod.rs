//! The load side: many sockets on one event loop, which believe nobody.
//!
//! Every room has one sender, who numbers its posts. What the first reader of a room gets is its log; every other
//! reader must get the same bytes in the same order, nothing twice and nothing left out, and what is Hubbub's must
//! have dense seqs, and an acknowledgement for each post, in order and with the seq that all see. Who was in a room and
//! left it gets nothing. So each figure of this bench is one of deliveries that were checked; and at the end a server can
//! be killed in the middle of the load, to account for everything as it comes back.

mod claim;
mod entrance;
mod flow;
mod frame;
mod kill;
mod lazy;
mod member;
mod outsider;
mod room;
mod storm;

use std::{
    io,
    time::{Duration, Instant},
};

use crate::bench::socket::Dialect;
use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};

pub use self::{
    claim::{Claims, Kept, account},
    entrance::{enter, reply},
    flow::Flow,
    lazy::Laziness,
    storm::{Guest, storm},
};
use self::{entrance::Entrance, flow::Sender, lazy::Lazy, member::Member, outsider::Outsider, room::Room};

/// News of arrivals come within this time, which is longer than a server gathers them.
const NEWS_GATHERED: Duration = Duration::from_millis(400);

/// Nothing was delivered for so long that a run is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The scratch area that all sockets read into.
const SCRATCH_BYTES: usize = 256 * 1024;

/// The largest latency that is told apart, in nanoseconds.
const LATENCY_MAX_NS: u64 = 120_000_000_000;

/// What rooms and people are called: each a word and a number.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// The word before a room's number.
    pub room: &'static str,
    /// The word before a nick's.
    pub nick: &'static str,
}

/// What was seen of a run.
#[derive(Debug)]
pub struct Done {
    /// Messages that came back to their sender.
    pub messages: u64,
    /// Messages times readers.
    pub deliveries: u64,
    /// From the first message until the last delivery.
    pub wall: Duration,
    /// From the intended time of a message until a reader had it, in nanoseconds.
    pub latency: Histogram<u64>,
    /// The same until the last reader had it.
    pub last: Histogram<u64>,
    /// Time after the flow's end until everything was delivered.
    pub drain: Duration,
    /// The most that waited unread in the socket of a reader whose bytes are only counted, as a part of what the kernel
    /// would have kept: more than all of it holds the server up. Zero where there is none.
    pub unread: f64,
}

/// What counts while it runs.
struct Tally {
    messages: u64,
    deliveries: u64,
    /// Events that are no posts: who came, who left.
    news: u64,
    latency: Histogram<u64>,
    last: Histogram<u64>,
}

impl Tally {
    fn new() -> io::Result<Self> {
        let histogram = || Histogram::new_with_max(LATENCY_MAX_NS, 3).map_err(io::Error::other);
        Ok(Self { messages: 0, deliveries: 0, news: 0, latency: histogram()?, last: histogram()? })
    }
}

/// Lazy readers answer no pings; a server that has such is told to send none.
pub const NO_PINGS: (&str, &str) = ("HUBBUB_LIMITS_PING_INTERVAL_MS", "600000");

/// People in rooms.
pub struct Load {
    poll: Poll,
    events: Events,
    members: Vec<Member>,
    rooms: Vec<Room>,
    senders: Vec<Sender>,
    outsider: Option<Outsider>,
    lazy: Lazy,
    /// The server was killed: that connections end is no error.
    is_killed: bool,
    /// The begin of a room's name, as a frame has it.
    room_name: Vec<u8>,
    scratch: Vec<u8>,
    clock: Instant,
    tally: Tally,
    /// Deliveries of all runs of which the contents were checked, and the bytes counted.
    delivered: [u64; 2],
    /// Nothing comes for so long: a run is given up.
    patience: Duration,
}

impl Load {
    /// Everybody of rooms of these sizes, connected and in their room; the first of each room is its sender.
    ///
    /// # Errors
    /// When the server does not take them, with what it said.
    pub fn gather(dialect: Dialect, address: &str, sizes: &[usize]) -> io::Result<Self> {
        Self::gather_as(Names { room: "r", nick: "m" }, dialect, address, sizes)
    }

    /// The same with rooms on several servers, in turn.
    ///
    /// # Errors
    /// As for [`Load::gather`].
    pub fn gather_at(dialect: Dialect, addresses: &[&str], sizes: &[usize]) -> io::Result<Self> {
        Self::gather_all(Names { room: "r", nick: "m" }, dialect, addresses, sizes)
    }

    /// The same with names of one's own, where several loads are on one server.
    ///
    /// # Errors
    /// As for [`Load::gather`].
    pub fn gather_as(names: Names, dialect: Dialect, address: &str, sizes: &[usize]) -> io::Result<Self> {
        Self::gather_all(names, dialect, &[address], sizes)
    }

    fn gather_all(names: Names, dialect: Dialect, addresses: &[&str], sizes: &[usize]) -> io::Result<Self> {
        let mut load = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(4_096),
            members: Vec::new(),
            rooms: Vec::new(),
            senders: Vec::new(),
            outsider: None,
            is_killed: false,
            room_name: format!(r#""room":"{}"#, names.room).into_bytes(),
            lazy: Lazy::new(),
            scratch: vec![0; SCRATCH_BYTES],
            clock: Instant::now(),
            tally: Tally::new()?,
            delivered: [0; 2],
            patience: PATIENCE,
        };
        for (number, size) in sizes.iter().enumerate() {
            load.senders.push(Sender::new(load.members.len(), number, dialect, names));
            load.rooms.push(Room::new(*size));
            load.members.extend((0..*size).map(|at| Member::waiting(number, at == 0)));
        }
        let total = |address: usize| sizes.iter().skip(address).step_by(addresses.len()).sum();
        let addresses: Vec<_> = addresses.iter().enumerate().map(|(at, address)| (*address, total(at))).collect();
        let entrance = Entrance { names, dialect, addresses: &addresses };
        entrance.enter(&mut load.members, load.poll.registry())?;
        if dialect == Dialect::Hubbub {
            load.outsider = Some(Outsider::of_first_room(names, addresses[0].0)?);
        }
        load.settle()?;
        Ok(load)
    }

    /// From now on only senders are read at once. All others are read in sweeps, in good time before their sockets
    /// are full; some are checked then, and of the rest the bytes are counted, which the kernel throws away unread. At
    /// the end of a run all must have been sent as many.
    ///
    /// # Errors
    /// When a socket cannot be taken from the event loop.
    pub fn be_lazy(&mut self, laziness: Laziness) -> io::Result<()> {
        self.lazy.unread_bytes = laziness.unread_bytes;
        for (number, member) in self.members.iter_mut().enumerate() {
            if member.is_sender {
                continue;
            }
            member.be_lazy(self.poll.registry())?;
            if number % laziness.checked_one_in == 1 {
                self.lazy.read.push(number);
            } else {
                self.rooms[member.room].leave_to_count();
                self.lazy.counted.push(number);
            }
        }
        Ok(())
    }

    /// The most that was unread in a sweep, of what the kernel keeps for those whose bytes are counted.
    fn unread(&mut self) -> io::Result<f64> {
        let windows = self.lazy.counted.iter().map(|number| self.members[*number].window());
        let least = windows.collect::<io::Result<Vec<_>>>()?.into_iter().min();
        Ok(least.map_or(0.0, |least| self.lazy.backlog as f64 / least.max(1) as f64))
    }

    /// Reads what has come to the lazy ones.
    fn sweep(&mut self) -> io::Result<()> {
        let mut fullest = 0;
        for number in &self.lazy.counted {
            fullest = fullest.max(self.members[*number].count(&mut self.scratch)?);
        }
        for at in 0..self.lazy.read.len() {
            self.read(self.lazy.read[at])?;
        }
        self.lazy.swept(fullest);
        Ok(())
    }

    /// Whether those whose bytes are only counted have as many as the others of their room.
    fn all_counted(&self) -> bool {
        self.lazy
            .counted
            .iter()
            .map(|number| &self.members[*number])
            .all(|member| member.counted == self.rooms[member.room].bytes)
    }

    /// Lets the news of arrivals pass: until none has come for longer than they are gathered. Of a large crowd somebody is
    /// pinged all the time, and answers.
    fn settle(&mut self) -> io::Result<()> {
        let mut last = (self.tally.news, Instant::now());
        while last.1.elapsed() < NEWS_GATHERED {
            self.poll.poll(&mut self.events, Some(NEWS_GATHERED))?;
            self.read_events()?;
            if self.tally.news > last.0 {
                last = (self.tally.news, Instant::now());
            }
        }
        Ok(())
    }

    /// Sends by `flows`, one a room, for a time, then waits until everybody has everything.
    ///
    /// # Errors
    /// When something was lost, doubled, reordered or different for two readers, or nothing comes any more.
    pub fn run(&mut self, flows: &[Flow], time: Duration) -> io::Result<Done> {
        let end = Instant::now() + time;
        self.run_until(flows, &|_| Instant::now() >= end)
    }

    /// The same until something is so, which is told the number of messages.
    ///
    /// # Errors
    /// As for [`Load::run`].
    pub fn run_until(&mut self, flows: &[Flow], is_over: &dyn Fn(u64) -> bool) -> io::Result<Done> {
        self.tally = Tally::new()?;
        self.lazy.counted.iter().for_each(|number| self.members[*number].counted = 0);
        self.lazy.begin();
        self.rooms.iter_mut().for_each(Room::begin);
        let (begun, mut progress) = (Instant::now(), (0, Instant::now()));
        let begun_ns = self.now_ns();
        let mut ended = None;
        for (sender, flow) in self.senders.iter_mut().zip(flows.iter().cycle()) {
            sender.begin(*flow, begun_ns);
        }
        loop {
            let now = Instant::now();
            if let Some(outsider) = &mut self.outsider {
                outsider.look_now_and_then(now)?;
            }
            if ended.is_some() || is_over(self.tally.messages) {
                ended.get_or_insert(now);
            } else {
                self.send_due()?;
            }
            let unfinished = self.rooms.iter().any(|room| !room.is_empty()) || self.senders.iter().any(Sender::owes);
            if self.lazy.due().is_some_and(|due| due.is_zero() || ended.is_some()) {
                self.sweep()?;
            }
            if ended.is_some() && !unfinished && self.all_counted() {
                break;
            }
            self.flush_senders()?;
            let pause = self.pause(ended.is_some());
            self.poll.poll(&mut self.events, Some(pause))?;
            self.read_events()?;
            let is_due = unfinished || ended.is_some() && !self.all_counted();
            if self.tally.deliveries > progress.0 || !is_due {
                progress = (self.tally.deliveries, now);
            } else if now.duration_since(progress.1) > self.patience {
                let before = progress.0;
                return Err(io::Error::other(format!(
                    "nothing that is due came for {:?}; {before} deliveries before",
                    self.patience
                )));
            }
        }
        let counted = self.lazy.counted.iter().map(|number| self.rooms[self.members[*number].room].messages_in_run());
        let counted = counted.sum::<u64>();
        if let Some(outsider) = &mut self.outsider {
            outsider.look()?;
        }
        let tally = std::mem::replace(&mut self.tally, Tally::new()?);
        self.delivered[0] += tally.deliveries;
        self.delivered[1] += counted;
        Ok(Done {
            messages: tally.messages,
            deliveries: tally.deliveries + counted,
            wall: begun.elapsed(),
            latency: tally.latency,
            last: tally.last,
            drain: ended.map_or(Duration::ZERO, |ended| ended.elapsed()),
            unread: self.unread()?,
        })
    }

    /// How long the loop may sleep: until a post is due, and not at all while the next one waits for an answer. To be
    /// woken costs whoever wakes, which would be the server, and more so the slower it is.
    fn pause(&self, is_over: bool) -> Duration {
        let is_silent = self.senders.iter().all(Sender::is_silent);
        match (is_silent, self.lazy.due()) {
            (false, None) if !is_over => match self.senders.iter().map(Sender::due_ns).min().flatten() {
                // Whole milliseconds only; the rest is spun away.
                Some(due) => Duration::from_millis(due.saturating_sub(self.now_ns()) / 1_000_000),
                None => Duration::ZERO,
            },
            (_, None) => Duration::from_millis(100),
            // What is on its way is not waited for longer than it takes.
            (_, Some(_)) if is_over => Duration::from_millis(1),
            (_, Some(due)) => due,
        }
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn send_due(&mut self) -> io::Result<()> {
        let now_ns = self.now_ns();
        for sender in &mut self.senders {
            sender.write_due(now_ns, self.rooms[sender.room].is_empty());
        }
        self.flush_senders()
    }

    fn flush_senders(&mut self) -> io::Result<()> {
        for sender in &mut self.senders {
            sender.flush(&mut self.members[sender.member])?;
        }
        Ok(())
    }

    /// Reads what has come to those who are read at once.
    fn read_events(&mut self) -> io::Result<()> {
        let ready: Vec<Token> = self.events.iter().map(mio::event::Event::token).collect();
        ready.into_iter().try_for_each(|token| self.read(token.0))
    }

    /// Reads and checks what has come to one.
    fn read(&mut self, number: usize) -> io::Result<()> {
        let Some(member) = self.members.get_mut(number) else { return Ok(()) };
        loop {
            let count = match member.read(&mut self.scratch) {
                Ok(count) if count > 0 => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if !(self.is_killed && is_end(&error)) => return Err(error),
                Ok(_) if !self.is_killed => {
                    return Err(io::Error::other(format!("the server closed member {number}")));
                }
                Ok(_) | Err(_) => {
                    member.socket = None;
                    return Ok(());
                }
            };
            let sender = &mut self.senders[member.room];
            let mut scene = room::Scene {
                is_sender: member.is_sender,
                room: &mut self.rooms[member.room],
                sender,
                number: member.room,
                name: &self.room_name,
                now_ns: u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(u64::MAX),
                is_killed: self.is_killed,
                tally: &mut self.tally,
            };
            member.take(&self.scratch[..count], &mut scene)?;
            // The end of a connection is told together with the bytes before it.
            if count < SCRATCH_BYTES && !self.is_killed {
                return Ok(());
            }
        }
    }
}

/// Whether it says that the other side is gone.
fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
        thread,
    };

    use super::*;
    use crate::bench::socket::{read_head, websocket_accept};

    fn let_in(listener: &TcpListener) -> io::Result<TcpStream> {
        let (mut socket, _) = listener.accept()?;
        let accept = websocket_accept(&read_head(&mut socket)?);
        write!(socket, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")?;
        Ok(socket)
    }

    /// A bare server with two people, which passes on what the first one says: so many bytes of it to the second.
    fn server(to_second: impl Fn(usize) -> usize + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        thread::spawn(move || -> io::Result<()> {
            let mut people = Vec::new();
            for _ in 0..2 {
                people.push(let_in(&listener)?);
            }
            let mut frame = vec![0; 4_096];
            loop {
                let count = people[0].read(&mut frame)?;
                if count == 0 {
                    return Ok(());
                }
                // A client's frame with a mask of zeros is a server's without its mask.
                let header = if frame[1] & 0x7f == 126 { 4 } else { 2 };
                let mut passed = frame[..count].to_vec();
                passed[1] &= 0x7f;
                passed.drain(header..header + 4);
                people[0].write_all(&passed)?;
                let shown = to_second(passed.len()).min(passed.len());
                people[1].write_all(&passed[..shown])?;
            }
        });
        address
    }

    fn one_post(address: &str) -> io::Result<Done> {
        let mut load = Load::gather(Dialect::Bare, address, &[2])?;
        load.patience = Duration::from_millis(200);
        load.run_until(&[Flow::OneByOne], &|messages| messages >= 1)
    }

    #[test]
    fn what_all_have_is_counted() {
        let done = one_post(&server(|all| all)).expect("all have it");
        assert_eq!((done.messages, done.deliveries), (1, 2));
    }

    #[test]
    fn a_last_message_that_somebody_does_not_get_is_missed() {
        let error = one_post(&server(|_| 0)).expect_err("one has nothing");
        assert!(error.to_string().contains("nothing that is due came"), "{error}");
        let error = one_post(&server(|all| all - 1)).expect_err("one has not all of it");
        assert!(error.to_string().contains("nothing that is due came"), "{error}");
    }

    #[test]
    fn a_crowd_is_settled_though_somebody_is_always_pinged() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = thread::spawn(move || -> io::Result<u64> {
            let mut socket = let_in(&listener)?;
            for pings in 1.. {
                socket.write_all(&[0x89, 0])?;
                let mut pong = [0; 6];
                if socket.read_exact(&mut pong).is_err() {
                    return Ok(pings);
                }
            }
            Ok(0)
        });
        drop(Load::gather(Dialect::Bare, &address, &[1]).expect("it comes to an end"));
        assert!(server.join().expect("no panic").expect("it served") > 1, "pings were answered");
    }
}
