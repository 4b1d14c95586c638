//! A socket: bytes between the kernel and a person, with as little kept as can be.

use std::{
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    time::Duration,
};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket as RawSocket, Type};

use super::{
    deck::Deck,
    person::{Lost, Person, State},
    source,
};
use crate::scenario::id::Moment;

/// What one read takes at most, in bytes; the buffer is shared by all.
const READ_BYTES_MAX: usize = 256 * 1024;

/// Full reads of one socket before the others have their turn.
const READS_PER_TURN: u32 = 4;

/// The kernel's buffer for who reads slowly, in bytes: what they do not read is to wait at the server.
const SLOW_BUFFER_BYTES: usize = 16 * 1024;

/// How often who reads slowly may read.
const SLOW_STEP: Duration = Duration::from_millis(50);

/// Whether there may be more to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    /// The kernel will say when there is.
    Drained,
    /// Yes: another turn is wanted.
    More,
    /// Perhaps, but not before this time.
    At(Moment),
}

/// The shared buffer, grown for a frame that does not fit and never more than that.
#[derive(Debug)]
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    pub(super) fn new() -> Self {
        Self(vec![0; READ_BYTES_MAX])
    }
}

/// One socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) stream: TcpStream,
    /// The begin of a frame whose end has not come.
    rest: Vec<u8>,
    /// The kernel said that the stream ends: it will not say so again.
    ending: bool,
    /// For when a further read is planned.
    pub(super) planned: Option<Moment>,
    /// For who reads slowly: bytes that may be read, and since when more are granted.
    allowed: u64,
    granted: Moment,
}

impl Socket {
    /// Begins to connect.
    ///
    /// # Errors
    /// What the system says at once.
    pub(super) fn dial(person: &Person, target: SocketAddr, now: Moment) -> std::io::Result<Self> {
        let socket = RawSocket::new(Domain::for_address(target), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = source::address(person.id.0, target) {
            socket.bind(&source.into())?;
        }
        if person.reads_bytes_per_s.is_some() {
            socket.set_recv_buffer_size(SLOW_BUFFER_BYTES)?;
        }
        match socket.connect(&target.into()) {
            Ok(()) => {}
            // EINPROGRESS has no kind of its own
            Err(error) if error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(IN_PROGRESS) => {}
            Err(error) => return Err(error),
        }
        let stream = TcpStream::from_std(socket.into());
        Ok(Self { stream, rest: Vec::new(), ending: false, planned: None, allowed: 0, granted: now })
    }

    /// Whether the connection is made by now.
    ///
    /// # Errors
    /// When it cannot be.
    pub(super) fn is_connected(&self) -> std::io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How much may be read now by who reads slowly.
    fn grant(&mut self, bytes_per_s: u64, now: Moment) -> usize {
        let most = bytes_per_s.max(1);
        let grown = now.since(self.granted).as_nanos() * u128::from(bytes_per_s) / 1_000_000_000;
        if grown > 0 {
            self.allowed = self.allowed.saturating_add(u64::try_from(grown).unwrap_or(most)).min(most);
            self.granted = now;
        }
        usize::try_from(self.allowed).unwrap_or(usize::MAX)
    }

    /// Reads what is there, within a turn, and gives it to the person. `ending`: the kernel says that the stream ends.
    ///
    /// # Errors
    /// When the connection is over.
    pub(super) fn read(
        &mut self,
        person: &mut Person,
        buffer: &mut Buffer,
        ending: bool,
        deck: &mut Deck,
        clock: impl Fn() -> Moment,
    ) -> Result<Readiness, Lost> {
        self.ending |= ending;
        for _ in 0..READS_PER_TURN {
            // whatever is there is still there when they read again
            if person.paused && person.state == State::Online {
                return Ok(Readiness::Drained);
            }
            let mut wanted = READ_BYTES_MAX;
            if let Some(bytes_per_s) = person.reads_bytes_per_s.filter(|_| person.state == State::Online) {
                wanted = self.grant(bytes_per_s, deck.now).min(READ_BYTES_MAX);
                if wanted == 0 {
                    return Ok(Readiness::At(deck.now.after(SLOW_STEP)));
                }
            }
            let begin = self.rest.len();
            if buffer.0.len() < begin + wanted {
                buffer.0.resize(begin + wanted, 0);
            }
            buffer.0[..begin].copy_from_slice(&self.rest);
            let count = match self.stream.read(&mut buffer.0[begin..begin + wanted]) {
                Ok(0) => return Err(person.ended(&self.rest)),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Readiness::Drained),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Lost::Broken(error.to_string())),
            };
            deck.now = clock();
            let totals = deck.ledger.totals_mut();
            (totals.reads, totals.bytes_in) = (totals.reads + 1, totals.bytes_in + count as u64);
            self.allowed = self.allowed.saturating_sub(count as u64);
            let end = begin + count;
            let taken = person.input(&buffer.0[..end], deck)?;
            if taken == end {
                self.rest = Vec::new();
            } else {
                self.rest.clear();
                self.rest.extend_from_slice(&buffer.0[taken..end]);
            }
            buffer.0.truncate(2 * READ_BYTES_MAX);
            if count < wanted && !self.ending {
                return Ok(Readiness::Drained);
            }
        }
        Ok(Readiness::More)
    }

    /// Writes what can be written.
    ///
    /// # Errors
    /// When the connection is over.
    pub(super) fn write(&mut self, person: &mut Person, deck: &mut Deck) -> Result<(), Lost> {
        let mut written = 0;
        while written < person.out.len() {
            match self.stream.write(&person.out[written..]) {
                Ok(0) => return Err(Lost::Broken("the connection takes nothing any more".to_owned())),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Lost::Broken(error.to_string())),
            }
        }
        deck.ledger.totals_mut().bytes_out += written as u64;
        if written == person.out.len() {
            person.out = Vec::new();
        } else {
            person.out.drain(..written);
        }
        Ok(())
    }

    /// Ends it with a reset: what is under way is lost.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(super) fn reset(self) -> std::io::Result<()> {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }
}

/// `EINPROGRESS`, by its number on this system.
const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();
