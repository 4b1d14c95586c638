//! A room's inbox: many send, one takes, in order; there is a limit, and who comes when it is reached waits in line.
//!
//! Of rooms there are thousands, each with a command now and then, and whatever one of them has to itself is cold when
//! it is touched. So an inbox is in few places: a lock that nobody holds for longer than a push, the list of commands
//! and the task to be woken under it, and beside it the line, which hardly anybody ever stands in. The room takes the
//! list as a whole, and leaves the one that it had before.

use std::{
    future::poll_fn,
    mem::{self, ManuallyDrop},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use tokio::{
    sync::{Semaphore, mpsc::error::TrySendError},
    task::coop,
};

/// Commands for which a list keeps its space while the room waits.
const SPACE_KEPT: usize = 64;

/// An inbox for `max` commands, by its two ends.
pub(super) fn channel<T>(max: usize) -> (Sender<T>, Receiver<T>) {
    let state = State { commands: Vec::new(), promised: 0, in_line: 0, receiver: None, ended: None };
    let inbox = Arc::new(Inbox { state: Mutex::new(state), max, places: Semaphore::new(0) });
    (Sender(inbox.clone()), Receiver { inbox, left: 0 })
}

#[derive(Debug)]
struct Inbox<T> {
    state: Mutex<State<T>>,
    max: usize,
    /// What those in line wait for: a permit for each place that is promised.
    places: Semaphore,
}

#[derive(Debug)]
struct State<T> {
    commands: Vec<T>,
    /// Places that belong to some who stood in line and have not used them yet.
    promised: usize,
    /// How many stand in line and have no promise.
    in_line: usize,
    /// The receiver's task, while it waits.
    receiver: Option<Waker>,
    ended: Option<End>,
}

/// The end of the inbox that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Sender,
    Receiver,
}

impl<T> Inbox<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing in here leaves a state half changed, whoever panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn free(&self, state: &State<T>) -> usize {
        self.max.saturating_sub(state.commands.len() + state.promised)
    }

    /// Promises what is free to those who stand in line.
    fn promise(&self, state: &mut State<T>) {
        let count = state.in_line.min(self.free(state));
        if count > 0 {
            state.in_line -= count;
            state.promised += count;
            // Under the lock: a permit is there for each promise, whoever looks.
            self.places.add_permits(count);
        }
    }

    fn put(&self, mut state: MutexGuard<'_, State<T>>, command: T) -> Result<(), TrySendError<T>> {
        if state.ended.is_some() {
            return Err(TrySendError::Closed(command));
        }
        if state.commands.capacity() == 0 {
            // Not the four places that a list begins with: most rooms never have two at once.
            state.commands.reserve_exact(1);
        }
        state.commands.push(command);
        let receiver = state.receiver.take();
        drop(state);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        Ok(())
    }
}

/// Sends. When it is gone, the receiver gets what is left, and then learns that nothing follows.
#[derive(Debug)]
pub(super) struct Sender<T>(Arc<Inbox<T>>);

impl<T> Sender<T> {
    /// Sends if there is a place and nobody waits for one.
    pub(super) fn try_send(&self, command: T) -> Result<(), TrySendError<T>> {
        let state = self.0.state();
        if state.in_line > 0 || self.0.free(&state) == 0 {
            let gone = state.ended.is_some();
            return Err(if gone { TrySendError::Closed(command) } else { TrySendError::Full(command) });
        }
        self.0.put(state, command)
    }

    /// Sends; stands in line while there is no place. When the receiver is gone the command comes back.
    pub(super) async fn send(&self, command: T) -> Result<(), T> {
        let turn = Turn::stand_in_line(&self.0);
        match self.0.places.acquire().await {
            Ok(place) => place.forget(),
            Err(_) => return Err(command),
        }
        turn.take(command)
    }

    /// The most that it may hold.
    pub(super) fn max_capacity(&self) -> usize {
        self.0.max
    }

    /// How many commands wait.
    pub(super) fn len(&self) -> usize {
        self.0.state().commands.len()
    }

    /// Whether nobody takes anything any more.
    pub(super) fn is_closed(&self) -> bool {
        self.0.state().ended.is_some()
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.ended.get_or_insert(End::Sender);
        let receiver = state.receiver.take();
        drop(state);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }
}

/// A sender's turn, from when it stands in line until it has used its place or given it up.
struct Turn<'a, T>(&'a Inbox<T>);

impl<'a, T> Turn<'a, T> {
    fn stand_in_line(inbox: &'a Inbox<T>) -> Self {
        let mut state = inbox.state();
        state.in_line += 1;
        inbox.promise(&mut state);
        Self(inbox)
    }

    /// Uses the place that was promised, whose permit is gone already.
    fn take(self, command: T) -> Result<(), T> {
        let inbox = ManuallyDrop::new(self).0;
        let mut state = inbox.state();
        state.promised -= 1;
        inbox.put(state, command).map_err(TrySendError::into_inner)
    }
}

impl<T> Drop for Turn<'_, T> {
    /// Somebody waits no longer. If it had a permit, the next in line has it already.
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.in_line > 0 {
            state.in_line -= 1;
        } else {
            state.promised -= 1;
            self.0.places.forget_permits(1);
        }
    }
}

/// Takes. When it is gone, what is left in the inbox is dropped, and senders get theirs back.
#[derive(Debug)]
pub(super) struct Receiver<T> {
    inbox: Arc<Inbox<T>>,
    left: usize,
}

impl<T> Receiver<T> {
    /// Takes what there is, the first `max`, into a list that is empty; waits for something to take. Answers how many
    /// were taken: none when nothing follows.
    ///
    /// Takes nothing when it is dropped before it is ready.
    pub(super) fn recv_many(&mut self, into: &mut Vec<T>, max: usize) -> impl Future<Output = usize> {
        debug_assert!(into.is_empty(), "what was taken before has been done");
        poll_fn(move |cx| self.poll_recv(cx, into, max))
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, into: &mut Vec<T>, max: usize) -> Poll<usize> {
        // A room that always finds something lets the others on its thread through now and then.
        let progress = ready!(coop::poll_proceed(cx));
        let mut state = self.inbox.state();
        if state.commands.is_empty() && state.ended.is_none() {
            if state.commands.capacity() > SPACE_KEPT {
                state.commands = Vec::new();
            }
            if into.capacity() > SPACE_KEPT {
                *into = Vec::new();
            }
            if !state.receiver.as_ref().is_some_and(|receiver| receiver.will_wake(cx.waker())) {
                state.receiver = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        progress.made_progress();
        if state.commands.len() <= max {
            mem::swap(&mut state.commands, into);
        } else {
            into.extend(state.commands.drain(..max));
        }
        self.left = state.commands.len();
        self.inbox.promise(&mut state);
        Poll::Ready(into.len())
    }

    /// How many were left there when it last took.
    pub(super) fn left(&self) -> usize {
        self.left
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.inbox.state();
        state.ended = Some(End::Receiver);
        let left = mem::take(&mut state.commands);
        drop(state);
        self.inbox.places.close();
        drop(left);
    }
}

#[cfg(test)]
mod tests;
