//! The outbox: what waits for one socket, and the gate before its requests.
//!
//! Owned together by the connection's actor and the shard on its thread, so its cells need no lock.
//! Both put frames in; whoever comes to the end of a turn writes. Past an empty one the shard writes at once. When the socket takes no more, the actor's
//! task waits for it to become writable.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    io::{self, IoSlice},
    task::Waker,
};

use bytes::{Buf, Bytes};

use crate::{
    clock::monotonic_ms,
    domain::outbox::{Kind, Verdict, admit},
    spare::{Kept, Spares},
};

/// Frames in one vectored write; more gain nothing (the kernel's own limit is 1,024).
const SLICES_MAX: usize = 64;

/// The same for most writes, and past the queue: there each is a whole chunk of a room's stream, and few are much.
const SLICES_FEW: usize = 8;

/// Frames for which a queue that is kept may have space: mostly it is one reply, and then an event behind it.
const QUEUE_FRAMES_KEPT: usize = 8;

thread_local! {
    static QUEUES: Spares<VecDeque<Bytes>> = const { Spares::of(QUEUE_FRAMES_KEPT) };
    /// What waits in all outboxes of this thread.
    static QUEUED: Cell<usize> = const { Cell::new(0) };
}

/// The bytes that wait in all outboxes of this thread.
pub(super) fn queued_here() -> usize {
    QUEUED.get()
}

/// The part of a socket that an outbox needs.
pub trait Socket {
    /// Writes as much as can be written at once.
    ///
    /// # Errors
    /// `WouldBlock` when nothing can be written now; others when never again.
    fn try_write_vectored(&self, frames: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Says that nothing more will be written.
    fn end(&self);
}

/// What waits for one socket. The socket is a part of it, last so that a shard need not know what it is.
pub struct Outbox<S: ?Sized = dyn Socket> {
    bytes_max: usize,
    queue: RefCell<VecDeque<Bytes>>,
    queued: Cell<usize>,
    /// Since when the socket takes nothing.
    blocked_since_ms: Cell<Option<u64>>,
    broken: Cell<bool>,
    /// Nothing is taken any more.
    sealed: Cell<bool>,
    /// Once nothing waits, the socket is told that nothing follows.
    ending: Cell<bool>,
    /// Requests that rooms have not answered yet.
    in_flight: Cell<u32>,
    /// The connection's task can do nothing more until a room has answered, or something that takes time has ended.
    stalled: Cell<bool>,
    /// The connection is to look at the time.
    due: Cell<bool>,
    /// When the last of them was given or answered.
    answered_ms: Cell<u64>,
    task: Cell<Option<Waker>>,
    writes: Cell<u32>,
    socket: S,
}

impl<S: Socket> Outbox<S> {
    /// An empty outbox that may hold `bytes_max` bytes.
    pub fn new(socket: S, bytes_max: usize) -> Self {
        Self {
            bytes_max,
            queue: RefCell::default(),
            queued: Cell::new(0),
            blocked_since_ms: Cell::new(None),
            broken: Cell::new(false),
            sealed: Cell::new(false),
            ending: Cell::new(false),
            in_flight: Cell::new(0),
            stalled: Cell::new(false),
            due: Cell::new(false),
            answered_ms: Cell::new(0),
            task: Cell::default(),
            writes: Cell::new(0),
            socket,
        }
    }

    /// The socket.
    pub fn socket(&self) -> &S {
        &self.socket
    }
}

impl<S: Socket + ?Sized> Outbox<S> {
    /// Puts a frame in if it fits, writing first when that helps. Does not write otherwise: see [`Outbox::flush`].
    pub fn push(&self, kind: Kind, frame: Bytes) -> Verdict {
        if self.broken.get() || self.sealed.get() {
            return Verdict::Drop;
        }
        let mut verdict = admit(kind, self.queued.get(), frame.len(), self.bytes_max);
        if verdict != Verdict::Take && self.blocked_since_ms.get().is_none() {
            self.flush();
            verdict = admit(kind, self.queued.get(), frame.len(), self.bytes_max);
        }
        if verdict == Verdict::Take {
            self.enqueue(frame);
        }
        verdict
    }

    /// Whether nothing waits and the socket takes more.
    pub fn is_clear(&self) -> bool {
        self.queued.get() == 0 && self.takes_more()
    }

    fn takes_more(&self) -> bool {
        self.blocked_since_ms.get().is_none() && !self.broken.get() && !self.sealed.get()
    }

    /// Whether frames may go past the queue: the socket takes more, and what waits fits into the same call.
    pub fn may_write_past(&self) -> bool {
        self.takes_more() && (self.queued.get() == 0 || self.queue.borrow().len() < SLICES_FEW)
    }

    /// Writes what waits and these frames, past the queue, in one call, if that [may be](Outbox::may_write_past): of the
    /// frames nothing is cloned, and nothing kept. Answers how many bytes of them the socket took; the rest is to be
    /// pushed.
    ///
    /// Looks at the first few frames only; more have to be pushed in any case.
    pub fn write_past<'a>(&self, frames: impl Iterator<Item = &'a Bytes>) -> usize {
        debug_assert!(self.may_write_past(), "what waits goes first");
        let waiting = self.queued.get();
        let written = if waiting == 0 {
            self.write_some::<SLICES_FEW>(frames.map(|frame| &frame[..]))
        } else {
            let queue = self.queue.borrow();
            self.write_some::<SLICES_FEW>(queue.iter().map(|frame| &frame[..]).chain(frames.map(|frame| &frame[..])))
        };
        match written {
            Ok(written) if waiting == 0 => written,
            Ok(written) => {
                self.wrote_waiting(written.min(waiting));
                written.saturating_sub(waiting)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => 0,
            Err(_) => {
                self.break_off();
                0
            }
        }
    }

    /// The socket took so much of what waits.
    fn wrote_waiting(&self, written: usize) {
        let mut queue = self.queue.borrow_mut();
        self.set_queued(self.queued.get() - written);
        advance(&mut queue, written);
        if queue.is_empty() {
            QUEUES.take_back(&mut queue);
        }
    }

    fn enqueue(&self, frame: Bytes) {
        self.set_queued(self.queued.get() + frame.len());
        let mut queue = self.queue.borrow_mut();
        QUEUES.lend(&mut queue);
        queue.push_back(frame);
    }

    /// Puts the rest of a frame in whose begin was written past the queue: without it all that follows is nonsense,
    /// so it is taken whatever waits.
    pub fn push_rest(&self, rest: Bytes) {
        if !self.broken.get() {
            self.enqueue(rest);
        }
    }

    /// Puts a reply, notice or control frame in and writes.
    pub fn send(&self, frame: &Bytes) {
        self.push(Kind::Direct, frame.clone());
        self.flush();
    }

    /// Writes what waits, as far as the socket takes it.
    pub fn flush(&self) {
        if self.queued.get() == 0 || self.blocked_since_ms.get().is_some() {
            return;
        }
        self.write();
        if self.blocked_since_ms.get().is_some() || self.broken.get() {
            // The task must wait for writability, or learn that the socket is broken.
            self.wake();
        }
    }

    /// The socket became writable: writes on. To be called by the connection's task.
    pub fn writable(&self) {
        let before = self.queued.get();
        let since = self.blocked_since_ms.take();
        self.write();
        if self.queued.get() == before && self.blocked_since_ms.get().is_some() {
            self.blocked_since_ms.set(since);
        }
    }

    fn write(&self) {
        let mut queue = self.queue.borrow_mut();
        while !queue.is_empty() {
            let written = match queue.len() {
                0..=SLICES_FEW => self.write_some::<SLICES_FEW>(queue.iter().map(|frame| &frame[..])),
                _ => self.write_some::<SLICES_MAX>(queue.iter().map(|frame| &frame[..])),
            };
            match written {
                Ok(written) => {
                    self.set_queued(self.queued.get() - written);
                    advance(&mut queue, written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return self.blocked_since_ms.set(Some(monotonic_ms()));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    drop(queue);
                    return self.break_off();
                }
            }
        }
        // Most outboxes are empty most of the time, and then hold no memory.
        QUEUES.take_back(&mut queue);
        if self.ending.get() {
            self.socket.end();
        }
    }

    /// Writes the first frames, `SLICES` at most, in one call; answers how many bytes the socket took.
    fn write_some<'a, const SLICES: usize>(&self, frames: impl Iterator<Item = &'a [u8]>) -> io::Result<usize> {
        let (mut slices, mut count) = ([IoSlice::new(&[]); SLICES], 0);
        for (slice, frame) in slices.iter_mut().zip(frames) {
            *slice = IoSlice::new(frame);
            count += 1;
        }
        self.writes.set(self.writes.get() + 1);
        self.socket.try_write_vectored(&slices[..count])
    }

    /// Takes nothing any more; what waits is still written.
    pub fn seal(&self) {
        self.sealed.set(true);
    }

    /// Writes what waits, then says that nothing follows.
    pub fn end(&self) {
        self.seal();
        self.ending.set(true);
        if self.queued.get() == 0 && !self.broken.get() {
            self.socket.end();
        }
    }

    /// Whether the socket takes nothing now, and since when, in [`monotonic_ms`].
    pub fn blocked_since_ms(&self) -> Option<u64> {
        self.blocked_since_ms.get()
    }

    /// Whether writing failed for good.
    pub fn is_broken(&self) -> bool {
        self.broken.get()
    }

    /// Gives the socket up: what waits is dropped, and the connection's task sees a broken socket.
    pub fn break_off(&self) {
        self.broken.set(true);
        self.set_queued(0);
        self.queue.borrow_mut().clear();
        self.wake();
    }

    /// The bytes that wait.
    pub fn queued(&self) -> usize {
        self.queued.get()
    }

    /// Whether so much waits that no more requests should be read.
    pub fn is_over_limit(&self) -> bool {
        self.queued.get() >= self.bytes_max
    }

    /// Writes since this was last asked.
    pub fn take_writes(&self) -> u64 {
        self.writes.take().into()
    }

    /// Requests that rooms have not answered yet.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.get()
    }

    /// A request goes to a room, at `now_ms` of [`monotonic_ms`].
    pub fn request_sent(&self, now_ms: u64) {
        if self.in_flight.get() == 0 {
            self.answered_ms.set(now_ms);
        }
        self.in_flight.set(self.in_flight.get() + 1);
    }

    /// Since when a room owes an answer; `None`: none does.
    pub fn unanswered_since_ms(&self) -> Option<u64> {
        (self.in_flight.get() > 0).then(|| self.answered_ms.get())
    }

    /// A room has answered a request, at `now_ms`. The connection's task is woken only if it waits for that: mostly it
    /// waits for the peer, and has nothing to do.
    pub fn request_answered(&self, now_ms: u64) {
        self.in_flight.set(self.in_flight.get().saturating_sub(1));
        self.answered_ms.set(now_ms);
        if self.stalled.get() {
            self.wake();
        }
    }

    /// Says whether the connection's task reads no more until it is woken.
    pub fn set_stalled(&self, stalled: bool) {
        self.stalled.set(stalled);
    }

    /// Remembers the task that is to be woken when there is something to do for it.
    pub fn set_task(&self, waker: &Waker) {
        let known = self.task.take().filter(|known| known.will_wake(waker));
        self.task.set(known.or_else(|| Some(waker.clone())));
    }

    /// Its alarm rings: the connection's task is to look at the time.
    pub fn ring(&self) {
        self.due.set(true);
        self.wake();
    }

    /// Whether its alarm rang since this was last asked.
    pub fn take_due(&self) -> bool {
        self.due.take()
    }

    /// Wakes the connection's task.
    pub fn wake(&self) {
        let task = self.task.take();
        if let Some(task) = &task {
            task.wake_by_ref();
        }
        self.task.set(task);
    }
}

impl<S: ?Sized> Outbox<S> {
    fn set_queued(&self, queued: usize) {
        QUEUED.set(QUEUED.get() + queued - self.queued.replace(queued));
    }
}

impl<S: ?Sized> Drop for Outbox<S> {
    fn drop(&mut self) {
        self.set_queued(0);
    }
}

/// Takes `written` bytes from the front.
fn advance(queue: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(frame) = queue.front_mut() {
        if written < frame.len() {
            return frame.advance(written);
        }
        written -= frame.len();
        queue.pop_front();
    }
}

#[cfg(test)]
pub(crate) mod tests;
