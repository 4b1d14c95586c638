//! The journal: what a commit writes, in one line of JSON; and how it gets into the tables from there.

use std::{borrow::Cow, collections::BTreeMap};

use hubbub_protocol::{
    id::{Seq, UnixMs, UserId},
    json::put_number,
};
use rusqlite::{Connection, Transaction, TransactionBehavior, types::Type};
use serde::Deserialize;

use super::{
    super::RoomId,
    block::{self, Entry},
    nonce::Keyring,
    recent::{Held, Slice},
    run::{Runs, Sent},
};

/// An event in the journal: a room, and what [`Entry`] has.
#[derive(Debug, Deserialize)]
struct Noted<'a>(
    RoomId,
    Seq,
    UnixMs,
    UserId,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    i64,
    #[serde(borrow)] Cow<'a, str>,
);

impl<'a> Noted<'a> {
    fn into_entry(self) -> (RoomId, Entry<'a>) {
        let Self(room, seq, at, user, nick, nonce, kind, body) = self;
        (room, Entry(seq, at, user, nick, nonce, kind, body))
    }
}

/// Writes what a commit has to, and answers with the line's number.
pub(super) fn write(connection: &Connection, events: &[Held]) -> rusqlite::Result<i64> {
    let line = block::list(events, |held, out| {
        put_number(out, held.room);
        out.push(b',');
        Entry::of(held.seq, held.event()).put_members(out);
    })?;
    connection.prepare_cached("INSERT INTO journal (events) VALUES (?1)")?.insert([line])
}

/// Puts a slice into the tables, in a transaction that need not be on the disk when this returns: the journal has
/// it until one is that takes it out there.
pub(super) fn fold(connection: &mut Connection, slice: &Slice, runs: &mut Runs) -> rusqlite::Result<()> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let mut sent = Vec::with_capacity(slice.events.len());
    for of_room in slice.events.chunk_by(|one, next| one.room == next.room) {
        let entries: Vec<_> = of_room.iter().map(|held| Entry::of(held.seq, held.event())).collect();
        let new = block::put(&transaction, of_room[0].room, &entries)?;
        sent.extend(of_room[of_room.len() - new..].iter().map(|held| Sent::new(held.key(), held.seq)));
    }
    runs.add(&transaction, &sent)?;
    if let Some(line) = slice.clears {
        transaction.prepare_cached("DELETE FROM journal WHERE id <= ?1")?.execute([line])?;
    }
    transaction.commit()
}

/// Puts all that a server left in the journal into the tables, at the start; answers how many events.
pub(super) fn recover(connection: &mut Connection, keyring: Keyring) -> rusqlite::Result<usize> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let lines: Vec<String> = transaction
        .prepare("SELECT events FROM journal ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if lines.is_empty() {
        return Ok(0);
    }
    let mut rooms = BTreeMap::<RoomId, Vec<Entry<'_>>>::new();
    let mut count = 0;
    for line in &lines {
        let noted: Vec<Noted<'_>> = serde_json::from_str(line)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into()))?;
        count += noted.len();
        for (room, entry) in noted.into_iter().map(Noted::into_entry) {
            rooms.entry(room).or_default().push(entry);
        }
    }
    let mut sent = Vec::new();
    for (room, entries) in &mut rooms {
        // As it is, unless somebody mended it by hand.
        entries.sort_by_key(Entry::seq);
        entries.dedup_by_key(|entry| entry.seq());
        let new = block::put(&transaction, *room, entries)?;
        let new = &entries[entries.len() - new..];
        sent.extend(new.iter().map(|entry| Sent::new(keyring.key(*room, entry.2, &entry.4), entry.seq())));
    }
    Runs::list(&transaction)?.add(&transaction, &sent)?;
    transaction.execute("DELETE FROM journal", [])?;
    transaction.commit()?;
    Ok(count)
}
