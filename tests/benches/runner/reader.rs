//! The baselines: the least that a load side can do with the same server, by an event loop and by a task a connection.
//!
//! Bytes are read and frames counted by their borders. Nothing is parsed, checked or remembered, and no time is taken.
//! The first member posts: as many as the window has room for, once what it reads says that one is acknowledged and
//! seen.

use std::{
    cell::{Cell, RefCell},
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use hubbub_tests::bench::socket::{Dialect, connect, masked};
use mio::{Events, Interest, Poll, Token};
use rustix::time::{ClockId, clock_gettime};

use crate::{PAYLOAD_BYTES, WARM};

/// What one read takes at most, in bytes.
const READ_BYTES_MAX: usize = 256 * 1_024;

/// Frames that the poster gets for each of its posts: the acknowledgement and the event.
const FRAMES_OF_OWN_POST: u64 = 2;

/// The longest header of a frame from a server, in bytes (RFC 6455 §5.2).
const HEADER_BYTES_MAX: usize = 10;

/// For how long nothing may come before the first post, and how often that is looked at.
const QUIET: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(10);

/// What a baseline is to do.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) address: String,
    pub(crate) members: usize,
    pub(crate) window: u64,
    pub(crate) time: Duration,
}

/// What it did in its time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done {
    /// Events that came to somebody.
    pub(crate) deliveries: u64,
    pub(crate) reads: u64,
    /// CPU time of its thread.
    pub(crate) cpu_ms: f64,
}

/// Where the frames of one stream begin, and nothing else of them.
#[derive(Debug, Default)]
struct Border {
    /// Bytes of the payload that have not come.
    left: usize,
    header: [u8; HEADER_BYTES_MAX],
    known: usize,
}

impl Border {
    /// How many headers were complete in these bytes.
    fn feed(&mut self, bytes: &[u8]) -> u64 {
        let (mut at, mut frames) = (0, 0);
        loop {
            let step = self.left.min(bytes.len() - at);
            (at, self.left) = (at + step, self.left - step);
            let Some(byte) = bytes.get(at) else { return frames };
            (self.header[self.known], self.known, at) = (*byte, self.known + 1, at + 1);
            let length = match (self.header[1], self.known) {
                (_, ..2) => None,
                (126, 4) => Some(usize::from(u16::from_be_bytes([self.header[2], self.header[3]]))),
                (127, 10) => Some(self.header[2..].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))),
                (126 | 127, _) => None,
                (length, _) => Some(usize::from(length)),
            };
            if let Some(length) = length {
                (self.left, self.known, frames) = (length, 0, frames + 1);
            }
        }
    }
}

/// Counters of a run, and the posts of the first member.
#[derive(Debug)]
struct Tally {
    window: u64,
    sent: u64,
    own_frames: u64,
    frames: u64,
    reads: u64,
}

impl Tally {
    fn new(window: u64) -> Self {
        Self { window, sent: 0, own_frames: 0, frames: 0, reads: 0 }
    }

    fn read(&mut self, is_poster: bool, frames: u64) {
        self.reads += 1;
        *if is_poster { &mut self.own_frames } else { &mut self.frames } += frames;
    }

    /// The posts that the window has room for.
    fn posts(&mut self) -> Vec<u8> {
        let under_way = self.sent.saturating_sub(self.own_frames / FRAMES_OF_OWN_POST);
        let mut frames = Vec::new();
        for _ in under_way..self.window {
            self.sent += 1;
            let (number, text) = (self.sent, "x".repeat(PAYLOAD_BYTES as usize));
            frames.extend(masked(&format!(
                r#"{{"id":{number},"op":"post","room":"lobby","nonce":"{number}","text":"{text}"}}"#
            )));
        }
        frames
    }

    /// Everybody must have had about what the poster had: else something else was counted.
    fn check(&self, members: usize) -> io::Result<()> {
        let (readers, seen) = (members as u64 - 1, self.own_frames / FRAMES_OF_OWN_POST);
        let wanted = seen * readers;
        if self.frames.abs_diff(wanted) > self.window * readers + wanted / 50 {
            let frames = self.frames;
            return Err(io::Error::other(format!("{seen} posts for {readers} readers, but {frames} frames came")));
        }
        Ok(())
    }

    fn done(&self, cpu: Duration) -> Done {
        let deliveries = self.frames + self.own_frames / FRAMES_OF_OWN_POST;
        Done { deliveries, reads: self.reads, cpu_ms: cpu.as_secs_f64() * 1e3 }
    }
}

impl Done {
    /// What was done since an older state of the same.
    fn since(self, older: Self) -> Self {
        Self {
            deliveries: self.deliveries - older.deliveries,
            reads: self.reads - older.reads,
            cpu_ms: self.cpu_ms - older.cpu_ms,
        }
    }
}

/// CPU time of this thread, by the clock that the runner goes by too.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Everybody, connected and in the room, when nothing has come for a while: what is still told of comings would be taken
/// for answers to posts.
#[expect(clippy::disallowed_methods, reason = "silence can only be waited for")]
fn gather(job: &Job) -> io::Result<Vec<(TcpStream, Border)>> {
    let sockets = (0..job.members).map(|number| {
        let socket = connect(Dialect::Hubbub, &job.address, number, job.members)?;
        socket.set_nonblocking(true)?;
        Ok((socket, Border::default()))
    });
    let mut members = sockets.collect::<io::Result<Vec<_>>>()?;
    let (mut buffer, mut quiet_since) = (vec![0; READ_BYTES_MAX], Instant::now());
    while quiet_since.elapsed() < QUIET {
        for (socket, border) in &mut members {
            match socket.read(&mut buffer) {
                Ok(0) => return Err(io::Error::other("the server closed a member")),
                Ok(count) => {
                    border.feed(&buffer[..count]);
                    quiet_since = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        thread::sleep(LOOK);
    }
    Ok(members)
}

/// One thread, one event loop, one buffer for all.
pub(crate) fn event_loop(job: &Job) -> io::Result<Done> {
    let mut poll = Poll::new()?;
    let mut members = Vec::with_capacity(job.members);
    for (number, (socket, border)) in gather(job)?.into_iter().enumerate() {
        let mut socket = mio::net::TcpStream::from_std(socket);
        poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
        members.push((socket, border));
    }
    let (mut events, mut buffer) = (Events::with_capacity(1_024), vec![0; READ_BYTES_MAX]);
    let mut tally = Tally::new(job.window);
    let (begin, mut warm) = (Instant::now(), None);
    while begin.elapsed() < WARM + job.time {
        if warm.is_none() && begin.elapsed() >= WARM {
            warm = Some(tally.done(cpu()));
        }
        let posts = tally.posts();
        if !posts.is_empty() {
            members[0].0.write_all(&posts)?;
        }
        poll.poll(&mut events, Some(Duration::from_millis(100)))?;
        for event in &events {
            let (socket, border) = &mut members[event.token().0];
            loop {
                match socket.read(&mut buffer) {
                    Ok(0) => return Err(io::Error::other("the server closed a member")),
                    Ok(count) => {
                        tally.read(event.token().0 == 0, border.feed(&buffer[..count]));
                        if count < buffer.len() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
        }
    }
    tally.check(job.members)?;
    Ok(tally.done(cpu()).since(warm.unwrap_or_default()))
}

/// One thread, a task of tokio for each connection, the same buffer and counters for all.
pub(crate) fn tasks(job: &Job) -> io::Result<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sockets = gather(job)?;
    let job = job.clone();
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let tally = Rc::new(RefCell::new(Tally::new(job.window)));
        let buffer = Rc::new(RefCell::new(vec![0; READ_BYTES_MAX]));
        let closed = Rc::new(Cell::new(0));
        for (number, (socket, border)) in sockets.into_iter().enumerate() {
            let socket = tokio::net::TcpStream::from_std(socket)?;
            let (tally, buffer, closed) = (tally.clone(), buffer.clone(), closed.clone());
            tokio::task::spawn_local(async move {
                if member(number == 0, &socket, border, &tally, &buffer).await.is_err() {
                    closed.set(closed.get() + 1);
                }
            });
        }
        tokio::time::sleep(WARM).await;
        let warm = tally.borrow().done(cpu());
        tokio::time::sleep(job.time).await;
        let done = tally.borrow().done(cpu()).since(warm);
        tally.borrow().check(job.members)?;
        if closed.get() > 0 { Err(io::Error::other("the server closed a member")) } else { Ok(done) }
    })
}

async fn member(
    is_poster: bool,
    socket: &tokio::net::TcpStream,
    mut border: Border,
    tally: &RefCell<Tally>,
    buffer: &RefCell<Vec<u8>>,
) -> io::Result<()> {
    loop {
        if is_poster {
            let posts = tally.borrow_mut().posts();
            let mut left = &posts[..];
            while !left.is_empty() {
                socket.writable().await?;
                match socket.try_write(left) {
                    Ok(written) => left = &left[written..],
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        }
        socket.readable().await?;
        let mut buffer = buffer.borrow_mut();
        match socket.try_read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => tally.borrow_mut().read(is_poster, border.feed(&buffer[..count])),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
