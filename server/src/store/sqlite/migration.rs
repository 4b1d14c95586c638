//! The schema's versions: creating a database, and bringing an older one up to date.
//!
//! To change the schema, add `migration_5.sql` and one line to [`schema`]. A step that was released is
//! never edited. The version is SQLite's `user_version`: the number of steps that were taken.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, MAIN_DB, Transaction, config::DbConfig};
use rusqlite_migration::{M, Migrations};

use super::{
    super::RoomId,
    block::{self, Entry},
    error::OpenError,
    folder::{DATABASE_FILE, beside, sync_folder_of},
    nonce::Keyring,
    run::{Runs, Sent},
};

/// Every step, in order.
pub(super) fn schema() -> Vec<M<'static>> {
    vec![
        M::up(include_str!("schema.sql")),
        M::up(include_str!("migration_2.sql")),
        M::up(include_str!("migration_3.sql")),
        M::up_with_hook(include_str!("migration_4.sql"), |step: &Transaction<'_>| {
            into_blocks(step).map_err(Into::into)
        }),
    ]
}

/// Nonces that become one run.
const RUN_NONCES: usize = 65_536;

/// The rest of step 4: a row for each event becomes blocks and runs of nonces.
fn into_blocks(step: &Transaction<'_>) -> rusqlite::Result<()> {
    {
        let (keyring, mut runs) = (Keyring::of(step)?, Runs::list(step)?);
        let mut rows = step.prepare(
            "SELECT seq, at, user_id, nick, nonce, kind, body, room_id FROM events_of_version_3 ORDER BY room_id, seq",
        )?;
        let (mut rows, mut room, mut block, mut sent) = (rows.query([])?, 0, Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let of: RoomId = row.get(7)?;
            if of != room || block.len() >= block::EVENTS_MAX {
                block::put(step, room, &block)?;
                block.clear();
                room = of;
            }
            let [nick, nonce, body] = [3, 4, 6].map(|column| row.get::<_, String>(column));
            let nonce = nonce?;
            sent.push(Sent::new(keyring.key(room, row.get(2)?, &nonce), row.get(0)?));
            block.push(Entry(
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                nick?.into(),
                nonce.into(),
                row.get(5)?,
                body?.into(),
            ));
            if sent.len() >= RUN_NONCES {
                runs.add(step, &sent)?;
                sent.clear();
            }
        }
        block::put(step, room, &block)?;
        runs.add(step, &sent)?;
    }
    step.execute_batch("DROP TABLE events_of_version_3")
}

/// What `schema.sql` marks a file of ours with: "Hubb".
pub(super) const APPLICATION_ID: i32 = 0x4875_6262;

/// Creates a database. It gets its name last, so that a crash never leaves half of one under that name.
///
/// # Errors
/// When it could not be written.
pub(super) fn create(path: &Path, schema: &[M<'_>]) -> Result<(), OpenError> {
    let draft = beside(path, ".new");
    let unusable = |source| OpenError::Read { path: draft.clone(), source };
    for leftover in [draft.clone(), beside(&draft, "-journal"), beside(&draft, "-wal"), beside(&draft, "-shm")] {
        remove_if_there(&leftover).map_err(unusable)?;
    }
    let written = || -> Result<(), rusqlite_migration::Error> {
        let mut connection = Connection::open(&draft)?;
        Migrations::from_slice(schema).to_latest(&mut connection)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error.into())
    };
    written().map_err(|error| OpenError::Sqlite { path: path.to_owned(), source: sqlite_error(error) })?;
    publish(&draft, path).map_err(unusable)
}

/// Takes the steps from version `from` to the newest, one transaction each, after making a copy of the
/// file as it was.
///
/// # Errors
/// When the copy could not be made: nothing was changed. When a step failed: those before it stay.
pub(super) fn bring_up(
    connection: &mut Connection,
    path: &Path,
    from: usize,
    schema: &[M<'_>],
) -> Result<(), OpenError> {
    if from >= schema.len() {
        return Ok(());
    }
    let copy = copy_before(connection, path, from + 1)?;
    tracing::info!(from, to = schema.len(), copy = %copy.display(), "migrating the database");
    let steps = Migrations::from_slice(schema);
    let may_change_schema = |connection: &Connection, may: bool| {
        let set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, !may);
        set.map(drop).map_err(|source| OpenError::Sqlite { path: path.to_owned(), source })
    };
    may_change_schema(connection, true)?;
    for version in from + 1..=schema.len() {
        steps.to_version(connection, version).map_err(|error| OpenError::Migration {
            path: path.to_owned(),
            version,
            copy: copy.clone(),
            source: Box::new(error),
        })?;
    }
    may_change_schema(connection, false)
}

/// Copies the database, its write-ahead log included, to a name that was free. Copies are kept: which
/// one is still needed, only people know.
fn copy_before(connection: &Connection, path: &Path, version: usize) -> Result<PathBuf, OpenError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Copy { path: path.to_owned(), source };
    let copy = free_name(path, version).map_err(|error| failed(error.into()))?;
    let draft = beside(&copy, ".part");
    remove_if_there(&draft).map_err(|error| failed(error.into()))?;
    connection.backup(MAIN_DB, &draft, None).map_err(|error| failed(error.into()))?;
    publish(&draft, &copy).map_err(|error| failed(error.into()))?;
    Ok(copy)
}

fn free_name(path: &Path, version: usize) -> io::Result<PathBuf> {
    let mut number = 1_u32;
    loop {
        let again = if number == 1 { String::new() } else { format!(".{number}") };
        let name = path.with_file_name(format!("{DATABASE_FILE}.before-v{version}{again}"));
        if !fs::exists(&name)? {
            return Ok(name);
        }
        number += 1;
    }
}

/// Gives a finished file its name, in an order that survives a loss of power.
fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    File::open(draft)?.sync_all()?;
    fs::rename(draft, path)?;
    sync_folder_of(path)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The database's part of what a migration fails with.
fn sqlite_error(error: rusqlite_migration::Error) -> rusqlite::Error {
    match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => err,
        other => rusqlite::Error::ToSqlConversionFailure(Box::new(other)),
    }
}
