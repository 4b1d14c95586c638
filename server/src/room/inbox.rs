//! A room's inbox: many send, one takes, in order; there is a limit, and who comes when it is reached waits in line.
//!
//! Of rooms there are thousands, each with a command now and then, and whatever one of them has to itself is cold when
//! it is touched. So an inbox is in few places: one lock, which is held to put a command in or to take a batch out, and
//! under it the commands and whoever is to be woken. The room takes all that waits as a list, if it is no more than a
//! batch, and leaves the one that it had before.

use std::{
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use tokio::{sync::mpsc::error::TrySendError, task::coop};

/// Commands for which a list keeps its space while the room waits.
const SPACE_KEPT: usize = 16;

/// An inbox for `max` commands, by its two ends.
pub(super) fn channel<T>(max: usize) -> (Sender<T>, Receiver<T>) {
    let (commands, line) = (VecDeque::new(), BTreeMap::new());
    let state = State { commands, max, promised: 0, line, tickets: 0, receiver: None, has_ended: false };
    let inbox = Arc::new(Inbox(Mutex::new(state)));
    (Sender(inbox.clone()), Receiver { inbox, left: 0 })
}

#[derive(Debug)]
struct Inbox<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    commands: VecDeque<T>,
    max: usize,
    /// Places that belong to some who stood in line and have not used them yet.
    promised: usize,
    /// Those who stand in line and have no promise, by their tickets.
    line: BTreeMap<u64, Waker>,
    /// How many tickets were given out.
    tickets: u64,
    /// The receiver's task, while it waits.
    receiver: Option<Waker>,
    /// Whether one of its ends is gone.
    has_ended: bool,
}

impl<T> Inbox<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing in here leaves a state half changed, whoever panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn free(&self) -> usize {
        self.max.saturating_sub(self.commands.len() + self.promised)
    }

    /// Whether there is no place for somebody who comes now.
    fn is_taken(&self) -> bool {
        !self.line.is_empty() || self.free() == 0
    }

    /// Puts somebody at the end of the line; answers the ticket.
    fn stand_in_line(&mut self, waker: &Waker) -> u64 {
        let ticket = self.tickets;
        self.tickets += 1;
        self.line.insert(ticket, waker.clone());
        ticket
    }

    /// Promises what is free to those who have stood in line longest; answers whom to wake.
    fn promise(&mut self) -> Vec<Waker> {
        let mut woken = Vec::new();
        while self.free() > 0
            && let Some((_, waker)) = self.line.pop_first()
        {
            self.promised += 1;
            woken.push(waker);
        }
        woken
    }

    /// Puts a command into a free place; answers whom to wake.
    fn put(&mut self, command: T) -> Option<Waker> {
        if self.commands.capacity() == 0 {
            // Not the four places that a list begins with: most rooms never have two at once.
            self.commands.reserve_exact(1);
        }
        self.commands.push_back(command);
        self.receiver.take()
    }
}

/// Wakes those for whom something was done under the lock, which is not held any more.
fn wake<T>(state: MutexGuard<'_, State<T>>, woken: impl IntoIterator<Item = Waker>) {
    drop(state);
    woken.into_iter().for_each(Waker::wake);
}

/// Sends. When it is gone, the receiver gets what is left, and then learns that nothing follows.
#[derive(Debug)]
pub(super) struct Sender<T>(Arc<Inbox<T>>);

impl<T> Sender<T> {
    /// Sends if there is a place and nobody waits for one.
    pub(super) fn try_send(&self, command: T) -> Result<(), TrySendError<T>> {
        let mut state = self.0.state();
        if state.has_ended {
            return Err(TrySendError::Closed(command));
        }
        if state.is_taken() {
            return Err(TrySendError::Full(command));
        }
        let receiver = state.put(command);
        wake(state, receiver);
        Ok(())
    }

    /// Sends; stands in line while there is no place. When the receiver is gone the command comes back.
    ///
    /// Has sent nothing when it is dropped before it is ready.
    pub(super) async fn send(&self, command: T) -> Result<(), T> {
        let (mut turn, mut command) = (Turn { inbox: &self.0, ticket: None }, Some(command));
        poll_fn(|cx| turn.poll_send(cx, &mut command)).await
    }

    /// The most that it may hold.
    pub(super) fn max_capacity(&self) -> usize {
        self.0.state().max
    }

    /// How many commands wait.
    pub(super) fn len(&self) -> usize {
        self.0.state().commands.len()
    }

    /// Whether nobody takes anything any more.
    pub(super) fn is_closed(&self) -> bool {
        self.0.state().has_ended
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.has_ended = true;
        let receiver = state.receiver.take();
        wake(state, receiver);
    }
}

/// A sender's turn, until it has used its place or given it up.
struct Turn<'a, T> {
    inbox: &'a Inbox<T>,
    /// By which it stands in line; a ticket that is not in the line any more has a promise.
    ticket: Option<u64>,
}

impl<T> Turn<'_, T> {
    fn poll_send(&mut self, cx: &mut Context<'_>, command: &mut Option<T>) -> Poll<Result<(), T>> {
        let mut state = self.inbox.state();
        if state.has_ended {
            return Poll::Ready(command.take().map_or(Ok(()), Err));
        }
        if let Some(ticket) = self.ticket {
            if let Some(waker) = state.line.get_mut(&ticket) {
                waker.clone_from(cx.waker());
                return Poll::Pending;
            }
            // It has what it was promised.
            state.promised -= 1;
            self.ticket = None;
        } else if state.is_taken() {
            self.ticket = Some(state.stand_in_line(cx.waker()));
            return Poll::Pending;
        }
        let receiver = command.take().and_then(|command| state.put(command));
        wake(state, receiver);
        Poll::Ready(Ok(()))
    }
}

impl<T> Drop for Turn<'_, T> {
    /// Who waits no longer gives its place, or its promise, to the next.
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut state = self.inbox.state();
        if state.line.remove(&ticket).is_none() && !state.has_ended {
            state.promised -= 1;
            let next = state.promise();
            wake(state, next);
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
    pub(super) fn recv_many(&mut self, into: &mut VecDeque<T>, max: usize) -> impl Future<Output = usize> {
        debug_assert!(into.is_empty(), "what was taken before has been done");
        poll_fn(move |cx| self.poll_recv(cx, into, max))
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, into: &mut VecDeque<T>, max: usize) -> Poll<usize> {
        // A room that always finds something lets the others on its thread through now and then.
        let progress = ready!(coop::poll_proceed(cx));
        let mut state = self.inbox.state();
        if state.commands.is_empty() && !state.has_ended {
            for list in [&mut state.commands, into] {
                if list.capacity() > SPACE_KEPT {
                    *list = VecDeque::new();
                }
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
        let promised = state.promise();
        wake(state, promised);
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
        state.has_ended = true;
        let (left, line) = (mem::take(&mut state.commands), mem::take(&mut state.line));
        wake(state, line.into_values());
        drop(left);
    }
}

#[cfg(test)]
mod tests;
