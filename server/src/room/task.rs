//! A room's task: one flow from the first member to the last.
//!
//! Role: decides the order of everything that happens in one room.
//! Owner of: the room's members, topic, seq and recent tail.
//! Accepts: [`RoomCommand`]. Inbox: `room_inbox_max` commands; when it is full, senders wait, and their
//! sockets are not read.
//! Stops when: it has been without members for `room_idle_ms` and nobody holds its handle, or with its thread.

use std::{
    collections::VecDeque,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::{
    task::yield_now,
    time::{Instant, sleep_until},
};

use super::{
    command::{Appends, Asker, RoomCommand},
    inbox::Receiver,
    registry::Rooms,
    sight::{At, Seen, Sight},
    state::Room,
};
use crate::{
    clock::{Clock, monotonic_ms},
    limits::{Limits, size},
    meter::RoomMeter,
    store::{RoomId, Store},
};
use hubbub_protocol::NameKey;

/// How often members that went offline are looked at, at most.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

/// Commands after which others on the core are let through.
const COMMANDS_PER_SLICE: usize = 8;

/// A room and what its flow needs.
pub(super) struct RoomTask {
    pub(super) id: RoomId,
    pub(super) key: NameKey,
    pub(super) room: Room,
    pub(super) inbox: Seen<Receiver<RoomCommand>>,
    pub(super) store: Seen<Arc<dyn Store>>,
    pub(super) sight: Arc<Sight>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Arc<Limits>,
    pub(super) rooms: Arc<Rooms>,
}

/// Bytes of the future that a room's task is: all that one keeps while it waits, inbox and heap apart.
#[must_use]
pub fn future_bytes() -> usize {
    fn of<F: Future>(_: impl FnOnce(RoomTask) -> F) -> usize {
        size_of::<F>()
    }
    of(RoomTask::run)
}

pin_project! {
    /// A flow whose polls are metered. No `async` block, which would have space for the flow twice.
    struct Metered<F> {
        meter: Arc<RoomMeter>,
        #[pin]
        flow: F,
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.meter.poll(|| this.flow.poll(cx))
    }
}

/// When the next things are due that no command brings.
struct Due {
    signals_told: Instant,
    expired: Instant,
    /// Since when there is no member.
    empty_since: Option<Instant>,
}

impl RoomTask {
    /// Runs until the room is over; how long it runs at once is metered.
    pub(super) fn run(mut self) -> impl Future<Output = ()> + Send {
        // The flow only borrows the room: one that owns it would have space for it twice.
        Metered { meter: self.room.meter.clone(), flow: async move { self.flow().await } }
    }

    async fn flow(&mut self) {
        let batch_max = size(self.limits.commit_batch_max);
        let mut batch = VecDeque::new();
        let now = Instant::now();
        let mut due = Due { signals_told: now - Duration::from_secs(1), expired: now, empty_since: None };
        loop {
            let deadline = self.deadline(&due);
            tokio::select! {
                biased;
                taken = self.inbox.recv_many(&mut batch, batch_max) => {
                    if taken == 0 {
                        break;
                    }
                    self.sight.turn();
                    self.room.meter.inbox(taken + self.inbox.left());
                    self.turn(&mut batch).await;
                }
                () = wait_until(deadline) => {}
            }
            self.on_time(&mut due);
            self.room.press.publish().await;
            if self.is_over(&mut due) {
                break;
            }
        }
        tracing::debug!(room = self.key.as_str(), "room closed");
    }

    /// One batch, in order: consecutive posts share a commit.
    async fn turn(&mut self, batch: &mut VecDeque<RoomCommand>) {
        let (mut appends, mut batch) = (Appends::new(), batch.drain(..));
        let many = batch.len();
        while let Some(command) = batch.next() {
            match command {
                RoomCommand::Append { re, from, event } => appends.push((Asker { re, from }, event)),
                // A signal needs no place in the order, so it does not break a commit in two.
                signal @ (RoomCommand::Typing { .. } | RoomCommand::Away { .. }) => {
                    self.room.handle(signal, monotonic_ms());
                }
                other => {
                    self.commit(&mut appends).await;
                    self.room.handle(other, monotonic_ms());
                }
            }
            if appends.is_empty() && batch.len() > 0 && (many - batch.len()).is_multiple_of(COMMANDS_PER_SLICE) {
                // A crowd that joins at once gets large replies: others on this core are let through meanwhile.
                self.room.press.publish().await;
                self.sight.during(At::Yield, yield_now()).await;
            }
        }
        self.commit(&mut appends).await;
    }

    /// Stores, then publishes and acknowledges: in this order, whatever happens.
    async fn commit(&mut self, appends: &mut Appends) {
        let (askers, events) = self.room.admit(mem::take(appends), self.clock.now());
        if events.is_empty() {
            return;
        }
        self.room.meter.batch(events.len());
        let outcome = self.store.append(self.id, events.clone()).await;
        self.room.settle(&askers, &events, outcome);
    }

    /// Does what is due.
    fn on_time(&mut self, due: &mut Due) {
        if !self.room.roster.has_offline() && !self.room.has_signals() {
            return;
        }
        let now = Instant::now();
        if self.room.roster.has_offline() && now >= due.expired + EXPIRE_EVERY {
            self.room.expire(monotonic_ms(), self.limits.offline_member_ms);
            due.expired = now;
        }
        if self.room.has_signals() && now >= due.signals_told + self.presence_interval() {
            self.room.tell_signals();
            due.signals_told = now;
        }
    }

    /// Whether the room has been empty long enough, and nobody is about to ask for it.
    fn is_over(&self, due: &mut Due) -> bool {
        if !self.room.roster.is_empty() {
            due.empty_since = None;
            return false;
        }
        let since = *due.empty_since.get_or_insert_with(Instant::now);
        since.elapsed() >= Duration::from_millis(self.limits.room_idle_ms) && self.rooms.evict(&self.key)
    }

    fn presence_interval(&self) -> Duration {
        Duration::from_millis(self.limits.presence_interval_ms)
    }

    fn deadline(&self, due: &Due) -> Option<Instant> {
        let signals = self.room.has_signals().then(|| due.signals_told + self.presence_interval());
        let expire = self.room.roster.has_offline().then(|| due.expired + EXPIRE_EVERY);
        let idle = self.room.roster.is_empty().then(|| {
            // Somebody may hold the handle still: then look again a little later.
            let since = due.empty_since.unwrap_or_else(Instant::now);
            (since + Duration::from_millis(self.limits.room_idle_ms)).max(Instant::now() + EXPIRE_EVERY)
        });
        [signals, expire, idle].into_iter().flatten().min()
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_s_task_has_space_for_its_room_once() {
        let (task, room) = (future_bytes(), size_of::<RoomTask>());
        assert!(task < room * 2, "{task} bytes, of which the room has {room}");
    }
}
