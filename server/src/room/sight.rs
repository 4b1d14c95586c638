//! What a room lets everybody see without asking it: who is in it, where its coroutine stands, and since when.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use serde::{Deserialize, Serialize};

use super::{command::RoomCommand, handle::RoomHandle, inbox::Receiver};
use crate::{
    clock::monotonic_us,
    fanout::ShardId,
    sight::{Stand, Standing},
    store::{Events, Outcomes, RoomId, Store, StoreFuture},
};

/// Where a room's coroutine is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// In front of its inbox: nothing to do, or a deadline to come.
    Inbox,
    /// At the store, which commits what the room appended.
    Store,
    /// Too much of it is under way through this shard, which owes it credit.
    Credit(ShardId),
    /// The inbox of this shard is full.
    ShardInbox(ShardId),
    /// It stepped aside so that others on its core can run.
    Yield,
}

impl At {
    fn stand(self, us: u64) -> Stand {
        let (place, which) = match self {
            Self::Inbox => (1, 0),
            Self::Store => (2, 0),
            Self::Credit(shard) => (3, shard),
            Self::ShardInbox(shard) => (4, shard),
            Self::Yield => (5, 0),
        };
        Stand { place, which, us }
    }
}

/// The place of a coroutine that is not suspended.
const RUNNING: u8 = 6;

/// What a room lets everybody see. Written by its task alone.
#[derive(Debug, Default)]
pub(super) struct Sight {
    pub(super) members: AtomicU64,
    pub(super) seq: AtomicU64,
    turns: AtomicU64,
    /// Where it stands, and since when.
    now: Standing,
    /// Where it last was suspended for the sake of something that it had begun, and for how long.
    last: Standing,
}

impl Sight {
    /// A batch was taken from the inbox.
    pub(super) fn turn(&self) {
        // One writer, so no read-modify-write is needed.
        self.turns.store(self.turns.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Awaits `future` and shows the place while that takes time. What is ready at once costs nothing.
    pub(super) fn during<F: Future>(&self, at: At, future: F) -> During<'_, F> {
        During { sight: self, at, wait: None, future }
    }
}

pin_project! {
    /// What [`Sight::during`] awaits. No `async` block, which would have space for the future twice.
    #[must_use = "nothing is awaited before this is"]
    pub(super) struct During<'a, F> {
        sight: &'a Sight,
        at: At,
        wait: Option<Wait<'a>>,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for During<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.future.poll(cx);
        if polled.is_ready() {
            *this.wait = None;
        } else if this.wait.is_none() {
            *this.wait = Some(Wait::begin(this.sight, *this.at));
        }
        polled
    }
}

/// A suspension, from its begin until it is over or given up.
struct Wait<'a> {
    sight: &'a Sight,
    at: At,
    since_us: u64,
}

impl<'a> Wait<'a> {
    fn begin(sight: &'a Sight, at: At) -> Self {
        let since_us = match sight.now.look() {
            // Each post has one of each, and what runs before them takes microseconds, not worth a look at the clock:
            // they count as a part of the wait.
            Stand { place: RUNNING, us, .. } if matches!(at, At::Inbox | At::Store) => us,
            _ => monotonic_us(),
        };
        sight.now.note(at.stand(since_us));
        Self { sight, at, since_us }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let us = monotonic_us();
        if self.at != At::Inbox {
            self.sight.last.note(self.at.stand(us.saturating_sub(self.since_us)));
        }
        self.sight.now.note(Stand { place: RUNNING, which: 0, us });
    }
}

/// Something that a room waits for, and that is seen to be waited for.
pub(super) struct Seen<T> {
    what: T,
    sight: Arc<Sight>,
}

impl<T> Seen<T> {
    pub(super) fn new(what: T, sight: &Arc<Sight>) -> Self {
        Self { what, sight: sight.clone() }
    }
}

impl Seen<Receiver<RoomCommand>> {
    /// As [`Receiver::recv_many`].
    pub(super) fn recv_many(
        &mut self,
        batch: &mut VecDeque<RoomCommand>,
        max: usize,
    ) -> During<'_, impl Future<Output = usize>> {
        self.sight.during(At::Inbox, self.what.recv_many(batch, max))
    }

    /// As [`Receiver::left`].
    pub(super) fn left(&self) -> usize {
        self.what.left()
    }
}

impl Seen<Arc<dyn Store>> {
    /// As [`Store::append`].
    pub(super) fn append(&self, room: RoomId, events: Events) -> During<'_, StoreFuture<Outcomes>> {
        self.sight.during(At::Store, self.what.append(room, events))
    }
}

/// What a room's coroutine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomState {
    /// It was spawned and has not been polled yet.
    New,
    /// Suspended until a command comes or a deadline passes.
    Inbox,
    /// Commands have come, and its thread has not got to it yet.
    Woken,
    /// Suspended until the store has committed.
    Store,
    /// Suspended until the shard has delivered enough of what is under way.
    ShardCredit,
    /// Suspended until the shard's inbox has space.
    ShardInbox,
    /// Suspended for the others on its core.
    Yield,
    /// Being polled, or about to be: on its way from one await to the next.
    Running,
    /// Its task is gone.
    Failed,
}

impl RoomState {
    fn of(place: u8) -> Self {
        match place {
            1 => Self::Inbox,
            2 => Self::Store,
            3 => Self::ShardCredit,
            4 => Self::ShardInbox,
            5 => Self::Yield,
            RUNNING => Self::Running,
            _ => Self::New,
        }
    }
}

/// A suspension that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Where.
    pub at: RoomState,
    /// Which shard it was, where it was one.
    pub shard: Option<ShardId>,
    /// How long it took, in microseconds.
    pub us: u64,
}

/// A room as it looked a moment ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomView {
    /// Its name.
    pub room: String,
    /// The shard on whose thread its task runs.
    pub home: ShardId,
    /// Its members, those offline for a moment included.
    pub members: u64,
    /// The position of its last event.
    pub seq: u64,
    /// Commands in its inbox.
    pub inbox: usize,
    /// The most that may be there.
    pub inbox_max: usize,
    /// What its coroutine does.
    pub state: RoomState,
    /// The shard that it waits for, if it waits for one.
    pub shard: Option<ShardId>,
    /// Since how many microseconds it does that.
    pub for_us: u64,
    /// Its last suspension elsewhere than at its inbox; `None` before the first was over.
    pub last: Option<Suspension>,
    /// Batches taken from the inbox since it was opened.
    pub turns: u64,
}

/// The shard of a place that has one.
fn shard(state: RoomState, which: u16) -> Option<ShardId> {
    matches!(state, RoomState::ShardCredit | RoomState::ShardInbox).then_some(which)
}

impl RoomHandle {
    /// How many commands wait in the inbox.
    pub(super) fn inbox_depth(&self) -> usize {
        self.inbox.len()
    }

    /// What the coroutine does, and since how many microseconds.
    pub(super) fn state(&self) -> (RoomState, u64) {
        let now = self.sight.now.look();
        let state = match RoomState::of(now.place) {
            _ if self.inbox.is_closed() => RoomState::Failed,
            RoomState::Inbox if self.inbox_depth() > 0 => RoomState::Woken,
            state => state,
        };
        (state, now.for_us())
    }

    /// The room as it looks now; `home` is where its task runs.
    pub(super) fn view(&self, home: ShardId) -> RoomView {
        let (now, last) = (self.sight.now.look(), self.sight.last.look());
        let (state, for_us) = self.state();
        let at = RoomState::of(last.place);
        RoomView {
            room: self.tag.name.as_str().to_owned(),
            home,
            members: self.members(),
            seq: self.seq(),
            inbox: self.inbox_depth(),
            inbox_max: self.inbox.max_capacity(),
            state,
            shard: shard(state, now.which),
            for_us,
            last: (at != RoomState::New).then(|| Suspension { at, shard: shard(at, last.which), us: last.us }),
            turns: self.sight.turns.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{sync::oneshot, task::yield_now};

    use super::*;

    #[tokio::test]
    async fn a_wait_is_seen_while_it_lasts_and_kept_as_the_last_one() {
        let sight = Arc::new(Sight::default());
        let (commit, committed) = oneshot::channel();
        let waiting = sight.clone();
        let task = tokio::spawn(async move { waiting.during(At::Store, committed).await });
        yield_now().await;
        assert_eq!(RoomState::of(sight.now.look().place), RoomState::Store);
        commit.send(7).expect("somebody waits");
        assert_eq!(task.await.expect("it ends"), Ok(7));
        assert_eq!(RoomState::of(sight.now.look().place), RoomState::Running);
        assert_eq!(RoomState::of(sight.last.look().place), RoomState::Store);
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_is_over() {
        let sight = Sight::default();
        let waiting = sight.during(At::Credit(3), std::future::pending::<()>());
        tokio::select! {
            biased;
            () = waiting => {}
            () = yield_now() => {}
        }
        assert_eq!((RoomState::of(sight.now.look().place), sight.last.look().which), (RoomState::Running, 3));
    }

    #[tokio::test]
    async fn what_is_ready_at_once_is_no_suspension() {
        let sight = Sight::default();
        sight.during(At::Credit(3), async {}).await;
        assert_eq!(sight.last.look().place, 0);
        sight.during(At::Credit(3), yield_now()).await;
        assert_eq!((sight.last.look().place, sight.last.look().which), (3, 3));
    }
}
