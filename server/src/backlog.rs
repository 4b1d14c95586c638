//! Whether all shards have a backlog: deliveries that they go on with at once.
//!
//! Each shard says so of its thread. While all of them have one, whoever is asked for something on behalf of a room may
//! take a little time for it: nobody is kept idle meanwhile, and what comes of it has to share its thread with a backlog
//! wherever it goes.
//!
//! It stands beside the layers because shards say it and the store, which is below them, asks.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

thread_local! {
    static HERE: RefCell<Option<Thread>> = const { RefCell::new(None) };
}

/// The backlogs of the shards that serve together.
#[derive(Debug, Clone)]
pub(crate) struct Backlogs {
    /// How many threads have none. A hint that is late by a turn costs a little time, so no order is asked for.
    without: Arc<AtomicUsize>,
}

/// The part of one thread.
struct Thread {
    all: Backlogs,
    has_one: bool,
}

impl Backlogs {
    /// Of so many threads, none of which has one.
    pub(crate) fn new(threads: usize) -> Self {
        Self { without: Arc::new(AtomicUsize::new(threads)) }
    }

    /// Makes this thread one of them.
    pub(crate) fn join(&self) {
        HERE.set(Some(Thread { all: self.clone(), has_one: false }));
    }
}

impl Thread {
    fn note(&mut self, has_one: bool) {
        match (std::mem::replace(&mut self.has_one, has_one), has_one) {
            (false, true) => self.all.without.fetch_sub(1, Relaxed),
            (true, false) => self.all.without.fetch_add(1, Relaxed),
            _ => return,
        };
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.note(false);
    }
}

/// Says of this thread whether it has one.
pub(crate) fn note(has_one: bool) {
    HERE.with_borrow_mut(|here| here.iter_mut().for_each(|here| here.note(has_one)));
}

/// Whether all threads have one that this one is with; where it is with none, no.
pub(crate) fn is_everywhere() -> bool {
    HERE.with_borrow(|here| here.as_ref().is_some_and(|here| here.all.without.load(Relaxed) == 0))
}
