//! How the database's connections are opened: those that write, and those that only read.

use std::{path::PathBuf, time::Duration};

use rusqlite::{Connection, MAIN_DB, OpenFlags, config::DbConfig};

/// How long a connection waits for a lock that another program holds; within the server none is contended.
pub(super) const LOCK_WAIT: Duration = Duration::from_millis(1_000);

/// What the write-ahead log is cut back to after a surge, in bytes.
const WAL_KEPT_BYTES_MAX: i64 = 64 << 20;

/// Prepared statements that a connection keeps.
const STATEMENTS_KEPT: usize = 64;

/// Opens one kind of connection, and whatever has to replace it.
#[derive(Debug, Clone)]
pub(super) struct Opener {
    /// The database's file, which must be there.
    pub(super) path: PathBuf,
    /// The most that a connection keeps of it in memory.
    pub(super) cache_bytes: usize,
}

impl Opener {
    fn open(&self, flags: OpenFlags) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&self.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(LOCK_WAIT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        // Below zero it is in KiB; at zero SQLite would take its own size.
        let cache_kib = i64::try_from(self.cache_bytes / 1_024).unwrap_or(i64::MAX).max(1);
        connection.pragma_update(None, "cache_size", -cache_kib)?;
        Ok(connection)
    }

    /// Opens a connection that writes.
    ///
    /// # Errors
    /// What SQLite says; also when the file could be opened for reading only.
    pub(super) fn writer(&self) -> rusqlite::Result<Connection> {
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        if connection.is_readonly(MAIN_DB)? {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY),
                Some("the database file can only be read".to_owned()),
            ));
        }
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
        // FULL: a commit is on the disk when it returns, also after a loss of power.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "temp_store", "memory")?;
        // When that is done, and by whom: see `checkpoint`.
        connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
        connection.pragma_update_and_check(None, "journal_size_limit", WAL_KEPT_BYTES_MAX, |_| Ok(()))?;
        Ok(connection)
    }

    /// Opens a connection that only reads.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn reader(&self) -> rusqlite::Result<Connection> {
        self.open(OpenFlags::SQLITE_OPEN_READ_ONLY)
    }
}
