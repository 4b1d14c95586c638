//! The journal: what a commit writes, in one line of JSON; and how it gets into the tables from there.

use std::borrow::Cow;

use hubbub_protocol::{
    event::PostKind,
    id::{Seq, UnixMs, UserId},
};
use rusqlite::{Connection, Statement, Transaction, TransactionBehavior, params, types::Type};
use serde::{Deserialize, Serialize};

use super::{
    super::{EventBody, NewEvent, RoomId},
    recent::{Held, Slice},
};

pub(super) const KIND_TEXT: i64 = 0;
pub(super) const KIND_ACTION: i64 = 1;
pub(super) const KIND_TOPIC: i64 = 2;

const INSERT: &str = "INSERT INTO events (room_id, seq, at, user_id, nick, nonce, kind, body)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (room_id, seq) DO NOTHING";

/// An event in the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Entry<'a>(
    RoomId,
    Seq,
    UnixMs,
    UserId,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    i64,
    #[serde(borrow)] Cow<'a, str>,
);

/// An event's body as its row has it: the kind and the text.
pub(super) fn row_of(body: &EventBody) -> (i64, &str) {
    match body {
        EventBody::Post { kind: PostKind::Text | PostKind::Unknown, text } => (KIND_TEXT, text),
        EventBody::Post { kind: PostKind::Action, text } => (KIND_ACTION, text),
        EventBody::Topic { topic } => (KIND_TOPIC, topic),
    }
}

impl<'a> Entry<'a> {
    fn of(held: &'a Held) -> Self {
        let NewEvent { at, user, nick, nonce, body } = held.event();
        let (kind, body) = row_of(body);
        Self(held.room, held.seq, *at, *user, nick.as_str().into(), nonce.as_str().into(), kind, body.into())
    }

    /// Puts it into the tables, unless it is there, by [`INSERT`].
    fn put(&self, insert: &mut Statement<'_>) -> rusqlite::Result<()> {
        let Self(room, seq, at, user, nick, nonce, kind, body) = self;
        insert.execute(params![room, seq, at, user, nick, nonce, kind, body]).map(|_| ())
    }
}

/// Writes what a commit has to, and answers with the line's number.
pub(super) fn write(connection: &Connection, events: &[Held]) -> rusqlite::Result<i64> {
    let entries: Vec<Entry<'_>> = events.iter().map(Entry::of).collect();
    let line =
        serde_json::to_string(&entries).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    connection.prepare_cached("INSERT INTO journal (events) VALUES (?1)")?.insert([line])
}

/// Puts a slice into the tables, in a transaction that need not be on the disk when this returns: the journal has
/// it until one is that takes it out there.
pub(super) fn fold(connection: &mut Connection, slice: &Slice) -> rusqlite::Result<()> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let mut insert = transaction.prepare_cached(INSERT)?;
    for held in &slice.events {
        Entry::of(held).put(&mut insert)?;
    }
    drop(insert);
    if let Some(line) = slice.clears {
        transaction.prepare_cached("DELETE FROM journal WHERE id <= ?1")?.execute([line])?;
    }
    transaction.commit()
}

/// Puts all that a server left in the journal into the tables, at the start; answers how many events.
pub(super) fn recover(connection: &mut Connection) -> rusqlite::Result<usize> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let mut count = 0;
    {
        let mut insert = transaction.prepare(INSERT)?;
        let mut lines = transaction.prepare("SELECT events FROM journal ORDER BY id")?;
        let mut rows = lines.query([])?;
        while let Some(row) = rows.next()? {
            let line = row.get_ref(0)?.as_str()?;
            let entries: Vec<Entry<'_>> = serde_json::from_str(line)
                .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into()))?;
            for entry in &entries {
                entry.put(&mut insert)?;
            }
            count += entries.len();
        }
    }
    if count == 0 {
        return Ok(0);
    }
    transaction.execute("DELETE FROM journal", [])?;
    transaction.commit()?;
    Ok(count)
}
