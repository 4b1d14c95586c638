//! When the write-ahead log is copied into the database file, so that it stays short.
//!
//! A commit only appends to the log; a checkpoint copies what is in it into the file, after which the
//! next commit begins the log anew, unless a reader still looks into it. Left to SQLite, a checkpoint
//! would hit whichever commit crosses a fixed size. Here the writer does it after it has answered
//! everybody, early when nobody waits, late when many do.

use std::time::Duration;

use rusqlite::Connection;

use super::connection::LOCK_WAIT;

/// Pages (of 4 KiB) since the last checkpoint that make one due when nobody waits for the writer.
const DUE_PAGES_IDLE: i64 = 1_000;

/// The same when somebody does.
const DUE_PAGES_BUSY: i64 = 12_000;

/// Pages of log beyond which the writer waits a moment for readers to leave it, so that it begins anew.
const RESTART_PAGES: i64 = 16_000;

/// How long it waits for them.
const RESTART_WAIT: Duration = Duration::from_millis(50);

const NOOP: &str = "PRAGMA wal_checkpoint(NOOP)";
const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const RESTART: &str = "PRAGMA wal_checkpoint(RESTART)";
const TRUNCATE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// Remembers what the last checkpoint reached.
#[derive(Debug, Default)]
pub(super) struct Checkpointer {
    /// The log's length when last seen, in pages.
    seen_pages: i64,
    /// How far the last attempt went; a failed attempt counts, so that the next one is not at once.
    tried_pages: i64,
}

impl Checkpointer {
    /// Checkpoints if it is time to.
    ///
    /// # Errors
    /// What SQLite says. Nothing is lost then: the log has it, and grows until a later attempt succeeds.
    pub(super) fn after_commit(&mut self, connection: &Connection, nobody_waits: bool) -> rusqlite::Result<()> {
        let pages = log_pages(connection, NOOP)?;
        if pages < self.seen_pages {
            self.tried_pages = 0;
        }
        self.seen_pages = pages;
        let due = if nobody_waits { DUE_PAGES_IDLE } else { DUE_PAGES_BUSY };
        if pages - self.tried_pages < due {
            return Ok(());
        }
        self.tried_pages = pages;
        if pages < RESTART_PAGES {
            return log_pages(connection, PASSIVE).map(|_| ());
        }
        connection.busy_timeout(RESTART_WAIT)?;
        let result = log_pages(connection, RESTART).map(|_| ());
        connection.busy_timeout(LOCK_WAIT)?;
        result
    }
}

/// Empties the log; at the end, when no reader is left.
///
/// # Errors
/// What SQLite says. Nothing is lost then: the next start finds it in the log.
pub(super) fn finish(connection: &Connection) -> rusqlite::Result<()> {
    log_pages(connection, TRUNCATE).map(|_| ())
}

/// Runs a checkpoint and returns the log's length, in pages.
fn log_pages(connection: &Connection, checkpoint: &str) -> rusqlite::Result<i64> {
    connection.prepare_cached(checkpoint)?.query_row([], |row| row.get(1))
}
