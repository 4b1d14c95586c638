//! When the write-ahead log is copied into the database file, so that it stays short.
//!
//! A commit only appends to the log; a checkpoint copies what is in it into the file, after which the
//! next commit begins the log anew, unless a reader still looks into it. Left to SQLite, a checkpoint
//! would hit whichever commit crosses a fixed size, and make it wait for a second disk write, of megabytes. Here a
//! thread of its own copies while the writer goes on; the writer only looks, after it has answered everybody, whether
//! it is time to, and begins the log anew when it has become long.
//!
//! - **Role** of the thread: copies what was committed when it was asked.
//! - **Owner of** a connection.
//! - **Accepts** a sign that it is time. **Inbox** one sign: more would say the same.
//! - **Stops** when the writer does, which waits for it.

use std::{
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::Connection;

use super::connection::LOCK_WAIT;
use crate::metrics as names;

/// Pages (of 4 KiB) since the last checkpoint that make one due.
const DUE_PAGES: i64 = 2_000;

/// Pages of log beyond which the writer waits a moment for readers to leave it, so that it begins anew.
const RESTART_PAGES: i64 = 16_000;

/// Pages after which that is tried again when it did not succeed.
const RETRY_PAGES: i64 = 200;

/// How long it waits for them.
const RESTART_WAIT: Duration = Duration::from_millis(50);

const NOOP: &str = "PRAGMA wal_checkpoint(NOOP)";
const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const RESTART: &str = "PRAGMA wal_checkpoint(RESTART)";
const TRUNCATE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// The thread that copies.
#[derive(Debug)]
pub(super) struct Copier {
    due: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Copier {
    /// Starts it with a connection that may write.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (due, inbox) = sync_channel(1);
        let copy = move || copy_when_due(&connection, &inbox);
        Ok(Self { due, thread: thread::Builder::new().name("store-copy".to_owned()).spawn(copy)? })
    }

    /// Lets it finish, and waits for that.
    fn end(self) {
        drop(self.due);
        if self.thread.join().is_err() {
            tracing::error!("the thread that copies the write-ahead log had failed");
        }
    }
}

fn copy_when_due(connection: &Connection, inbox: &Receiver<()>) {
    while inbox.recv().is_ok() {
        if let Err(error) = log_pages(connection, PASSIVE) {
            failed(&error);
        }
    }
}

/// Says and counts that the log could not be copied.
pub(super) fn failed(error: &rusqlite::Error) {
    metrics::counter!(names::STORE_FAILURES_TOTAL, "kind" => "checkpoint").increment(1);
    tracing::warn!(%error, "the write-ahead log could not be copied into the database; it grows meanwhile");
}

/// Remembers what the last checkpoint reached.
#[derive(Debug, Default)]
pub(super) struct Checkpointer {
    /// Copies beside the writer; `None`: the writer copies by itself.
    copier: Option<Copier>,
    /// The log's length when last seen, in pages.
    seen_pages: i64,
    /// How far the last attempt went; a failed attempt counts, so that the next one is not at once.
    tried_pages: i64,
}

impl Checkpointer {
    /// One that has a thread copy.
    pub(super) fn with(copier: Copier) -> Self {
        Self { copier: Some(copier), ..Self::default() }
    }

    /// Checkpoints, or has it done, if it is time to.
    ///
    /// # Errors
    /// What SQLite says. Nothing is lost then: the log has it, and grows until a later attempt succeeds.
    pub(super) fn after_commit(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let pages = log_pages(connection, NOOP)?;
        if pages < self.seen_pages {
            self.tried_pages = 0;
        }
        self.seen_pages = pages;
        if pages - self.tried_pages < DUE_PAGES {
            return Ok(());
        }
        self.tried_pages = pages;
        if pages < RESTART_PAGES {
            return match &self.copier {
                // Full: it is at it, and will be asked again. Gone: it failed, so the writer does it from now on.
                Some(copier) if !matches!(copier.due.try_send(()), Err(TrySendError::Disconnected(()))) => Ok(()),
                _ => log_pages(connection, PASSIVE).map(|_| ()),
            };
        }
        connection.busy_timeout(RESTART_WAIT)?;
        let result = connection.prepare_cached(RESTART)?.query_row([], |row| row.get::<_, bool>(0));
        connection.busy_timeout(LOCK_WAIT)?;
        if result? {
            // The copier is at it, or a reader looks into the log: again soon, but not with every commit.
            self.tried_pages = pages - DUE_PAGES + RETRY_PAGES;
        }
        Ok(())
    }

    /// Empties the log; at the end, when no reader is left.
    ///
    /// # Errors
    /// What SQLite says. Nothing is lost then: the next start finds it in the log.
    pub(super) fn finish(self, connection: &Connection) -> rusqlite::Result<()> {
        if let Some(copier) = self.copier {
            copier.end();
        }
        log_pages(connection, TRUNCATE).map(|_| ())
    }
}

/// Runs a checkpoint and returns the log's length, in pages.
fn log_pages(connection: &Connection, checkpoint: &str) -> rusqlite::Result<i64> {
    connection.prepare_cached(checkpoint)?.query_row([], |row| row.get(1))
}
