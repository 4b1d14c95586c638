//! Where the writer stands, for others to see while it cannot be asked: it may be waiting for a disk.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    clock::monotonic_us,
    sight::{Stand, Standing},
    store::{Commit, StoreView, WriterState},
};

/// Written by the writer's thread alone.
#[derive(Debug, Default)]
pub(super) struct WriterSight {
    now: Standing,
    commits: AtomicU64,
    events: AtomicU64,
    took_us: AtomicU64,
    failures: AtomicU64,
}

impl WriterSight {
    /// From now on it does that.
    pub(super) fn note(&self, state: WriterState) {
        let place = match state {
            WriterState::Inbox => 0,
            WriterState::Transaction => 1,
            WriterState::Checkpoint => 2,
            WriterState::Closed => 3,
            WriterState::Fold => 4,
        };
        self.now.note(Stand { place, which: 0, us: monotonic_us() });
    }

    /// A transaction changed something.
    pub(super) fn committed(&self, Commit { events, us }: Commit) {
        self.events.store(events, Ordering::Relaxed);
        self.took_us.store(us, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// So many groups in a row could not be stored.
    pub(super) fn failing(&self, failures: u64) {
        self.failures.store(failures, Ordering::Relaxed);
    }

    /// The writer as it looks now; its inbox is `inbox_max` large and has so much space.
    pub(super) fn view(&self, inbox_max: usize, space: usize) -> StoreView {
        let now = self.now.look();
        let state = match now.place {
            1 => WriterState::Transaction,
            2 => WriterState::Checkpoint,
            3 => WriterState::Closed,
            4 => WriterState::Fold,
            _ => WriterState::Inbox,
        };
        let commits = self.commits.load(Ordering::Relaxed);
        let last = Commit { events: self.events.load(Ordering::Relaxed), us: self.took_us.load(Ordering::Relaxed) };
        StoreView {
            state,
            for_us: now.for_us(),
            inbox: inbox_max.saturating_sub(space),
            inbox_max,
            commits,
            last: (commits > 0).then_some(last),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}
