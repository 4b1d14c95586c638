//! When events go from the journal into the tables.
//!
//! The writer does it after it has answered a commit, a slice at a time: whoever posts next waits for a slice, not for
//! the journal. A slice is larger than the commits since the one before it, so the journal is emptied faster than it is filled.
//!
//! These transactions are not waited for on the disk: until one that takes a line out of the journal is there, the line
//! is; and the write-ahead log keeps their order.

use std::sync::Arc;

use rusqlite::Connection;

use super::{
    journal,
    recent::{Recent, Slice},
};
use crate::metrics as names;

/// Events in one slice, at least: each has a transaction of its own, which costs something; and where the writer shares
/// its core, all others wait for it.
const SLICE_EVENTS: usize = 64;

/// The part of the journal that such a slice is at most.
const SLICE_OF_JOURNAL: usize = 256;

/// Takes events from the journal into the tables.
#[derive(Debug)]
pub(super) struct Folder {
    recent: Arc<Recent>,
    /// Events in one slice, at least.
    slice_events: usize,
    /// Events that were committed since it was last seen whether it is time to.
    committed: usize,
    /// The connection does not wait for the disk; before a commit it must be made to.
    relaxed: bool,
    /// The last slice failed; it was said once.
    failing: bool,
}

impl Folder {
    /// Of what stands in the journal.
    pub(super) fn new(recent: Arc<Recent>) -> Self {
        Self {
            slice_events: (recent.bounds().events / SLICE_OF_JOURNAL).clamp(1, SLICE_EVENTS),
            recent,
            committed: 0,
            relaxed: false,
            failing: false,
        }
    }

    /// What stands in the journal.
    pub(super) fn recent(&self) -> &Recent {
        &self.recent
    }

    /// After a commit of so many events: if it is time to, a slice of twice as many as came since it was last seen
    /// whether it is.
    pub(super) fn after_commit(&mut self, connection: &mut Connection, events: usize) {
        self.committed += events;
        let due = 2 * self.committed;
        if due < self.slice_events {
            return;
        }
        // Also where it is not time to: what came before there was anything to do is not to be done at once then.
        self.committed = 0;
        let Some(slice) = self.recent.slice(due) else { return };
        match self.fold(connection, &slice) {
            Ok(()) => self.failing = false,
            Err(error) => {
                // Tried again after the next commit.
                self.committed = self.slice_events;
                metrics::counter!(names::STORE_FAILURES_TOTAL, "kind" => "fold").increment(1);
                if !self.failing {
                    tracing::warn!(%error, "the journal could not be put into the tables; it is tried again");
                }
                self.failing = true;
            }
        }
    }

    /// Before a commit: as many slices as make space for it, and a connection that waits for the disk.
    ///
    /// # Errors
    /// What SQLite says; then nothing may be committed.
    pub(super) fn prepare_commit(&mut self, connection: &mut Connection) -> rusqlite::Result<()> {
        self.wait_for_disk(connection)?;
        while self.recent.is_full() {
            let Some(slice) = self.recent.rest(self.slice_events) else { break };
            self.fold(connection, &slice)?;
        }
        Ok(())
    }

    /// All that is left, at the end.
    ///
    /// # Errors
    /// What SQLite says. Nothing is lost then: the next start finds it in the journal.
    pub(super) fn finish(&mut self, connection: &mut Connection) -> rusqlite::Result<()> {
        while let Some(slice) = self.recent.rest(usize::MAX) {
            self.fold(connection, &slice)?;
        }
        Ok(())
    }

    fn fold(&mut self, connection: &mut Connection, slice: &Slice) -> rusqlite::Result<()> {
        self.relaxed = true;
        connection.pragma_update(None, "synchronous", "normal")?;
        let folded = self.recent.with_runs(connection, |connection, runs| journal::fold(connection, slice, runs));
        if folded.is_ok() {
            self.recent.folded(slice);
            metrics::gauge!(names::STORE_JOURNAL_EVENTS).set(self.recent.events() as f64);
        }
        // Whatever became of it: the next commit is one that somebody waits for.
        self.wait_for_disk(connection)?;
        folded
    }

    fn wait_for_disk(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.relaxed {
            connection.pragma_update(None, "synchronous", "full")?;
            self.relaxed = false;
        }
        Ok(())
    }
}
