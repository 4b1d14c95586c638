//! Blocks: how the tables hold a room's log. A block is a row with up to 32 events of one room, one after the other.
//!
//! A row costs SQLite a search, a record and its part of a page, whatever is in it; so many events share one. They stand
//! there as JSON, which `sqlite3` shows one by one by the view `events`.

use std::borrow::Cow;

use hubbub_protocol::{
    Nick,
    event::PostKind,
    id::{Nonce, Seq, UnixMs, UserId},
    json::{put_escaped, put_number},
};
use rusqlite::{Connection, params};
use serde::Deserialize;

use super::{
    super::{EventBody, NewEvent, Page, RoomId, StoredEvent},
    operation::Failure,
};

/// Events in a block: so many are read for one of them.
pub(super) const EVENTS_MAX: usize = 32;

/// Bytes of text in a block, unless one event has more.
const TEXT_BYTES_MAX: usize = 8 << 10;

/// What an event is taken to have as JSON, at first.
const LIST_BYTES: usize = 192;

const KIND_TEXT: i64 = 0;
const KIND_ACTION: i64 = 1;
const KIND_TOPIC: i64 = 2;

/// An event of a room, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Entry<'a>(
    pub(super) Seq,
    pub(super) UnixMs,
    pub(super) UserId,
    #[serde(borrow)] pub(super) Cow<'a, str>,
    #[serde(borrow)] pub(super) Cow<'a, str>,
    pub(super) i64,
    #[serde(borrow)] pub(super) Cow<'a, str>,
);

impl<'a> Entry<'a> {
    /// An event at its place.
    pub(super) fn of(seq: Seq, event: &'a NewEvent) -> Self {
        let NewEvent { at, user, nick, nonce, body } = event;
        let (kind, body) = match body {
            EventBody::Post { kind: PostKind::Text | PostKind::Unknown, text } => (KIND_TEXT, text),
            EventBody::Post { kind: PostKind::Action, text } => (KIND_ACTION, text),
            EventBody::Topic { topic } => (KIND_TOPIC, topic),
        };
        Self(seq, *at, *user, nick.as_str().into(), nonce.as_str().into(), kind, body.as_str().into())
    }

    /// Its place.
    pub(super) fn seq(&self) -> Seq {
        self.0
    }

    /// Bytes of what it says.
    pub(super) fn text_bytes(&self) -> usize {
        self.6.len()
    }

    /// Adds its members as JSON, and the bracket that closes their list. By hand: every event is written twice.
    pub(super) fn put_members(&self, out: &mut Vec<u8>) {
        let Self(seq, at, user, nick, nonce, kind, body) = self;
        for number in [seq, at, user] {
            put_number(out, *number);
            out.push(b',');
        }
        for text in [nick, nonce] {
            put_string(out, text);
            out.push(b',');
        }
        if kind.is_negative() {
            out.push(b'-');
        }
        put_number(out, kind.unsigned_abs());
        out.push(b',');
        put_string(out, body);
        out.push(b']');
    }

    /// The event.
    pub(super) fn into_event(self) -> Result<StoredEvent, Failure> {
        let Self(seq, at, user, nick, nonce, kind, body) = self;
        let nick = Nick::parse(&nick).map_err(|error| Failure::corrupt(format!("the nick of event {seq}: {error}")))?;
        let nonce =
            Nonce::parse(&nonce).map_err(|error| Failure::corrupt(format!("the nonce of event {seq}: {error}")))?;
        let text = body.into_owned();
        let body = match kind {
            KIND_TEXT => EventBody::Post { kind: PostKind::Text, text },
            KIND_ACTION => EventBody::Post { kind: PostKind::Action, text },
            KIND_TOPIC => EventBody::Topic { topic: text },
            kind => return Err(Failure::corrupt(format!("event {seq} is of the unknown kind {kind}"))),
        };
        Ok(StoredEvent { seq, event: NewEvent { at, user, nick, nonce, body } })
    }
}

/// Puts events of one room behind those that stand there; what stands there already is left as it is. Answers how many
/// were put there: the last ones.
pub(super) fn put(connection: &Connection, room: RoomId, entries: &[Entry<'_>]) -> rusqlite::Result<usize> {
    let last = last(connection, room)?;
    let new = &entries[entries.partition_point(|entry| entry.seq() <= last)..];
    let sql = "INSERT INTO blocks (room_id, last, at, events) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = connection.prepare_cached(sql)?;
    let mut rest = new;
    while let Some((block, behind)) = rest.split_at_checked(block_len(rest)) {
        let Some(Entry(last, at, ..)) = block.last() else { break };
        insert.execute(params![room, last, at, list(block, Entry::put_members)?])?;
        rest = behind;
    }
    Ok(new.len())
}

/// How many of these share a block.
fn block_len(entries: &[Entry<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |pair: &(Seq, &Entry<'_>)| {
        let (index, entry) = pair;
        bytes += entry.text_bytes();
        entries[0].seq().checked_add(*index) == Some(entry.seq()) && (bytes <= TEXT_BYTES_MAX || *index == 0)
    };
    (0..).zip(entries).take(EVENTS_MAX).take_while(fits).count()
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    put_escaped(out, text);
    out.push(b'"');
}

/// The JSON of a list of lists, as the tables and the journal have it; `put` adds the members of one and its end.
pub(super) fn list<T>(items: &[T], put: impl Fn(&T, &mut Vec<u8>)) -> rusqlite::Result<String> {
    let mut out = Vec::with_capacity(items.len() * LIST_BYTES + 2);
    for item in items {
        out.extend_from_slice(if out.is_empty() { b"[[" } else { b",[" });
        put(item, &mut out);
    }
    if out.is_empty() {
        out.push(b'[');
    }
    out.push(b']');
    String::from_utf8(out).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// The seq of a room's last event in the tables; 0 for none.
fn last(connection: &Connection, room: RoomId) -> rusqlite::Result<Seq> {
    let sql = "SELECT coalesce(max(last), 0) FROM blocks WHERE room_id = ?1";
    connection.prepare_cached(sql)?.query_row([room], |row| row.get(0))
}

/// Shows the events of a room on a side of a place, those that are nearest to it first, until `take` answers `false`;
/// answers whether it never did.
pub(super) fn walk(
    connection: &Connection,
    room: RoomId,
    page: Page,
    mut take: impl FnMut(Entry<'_>) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let (sql, seq) = match page {
        Page::After(seq) => ("SELECT events FROM blocks WHERE room_id = ?1 AND last > ?2 ORDER BY last", seq),
        Page::Before(seq) => (
            "SELECT events FROM blocks WHERE room_id = ?1
             AND last <= coalesce((SELECT min(last) FROM blocks WHERE room_id = ?1 AND last >= ?2), 0x7fffffffffffffff)
             ORDER BY last DESC",
            seq,
        ),
    };
    // No seq is as large as what does not fit, so the largest number stands for it.
    let place = i64::try_from(seq).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![room, place])?;
    while let Some(row) = rows.next()? {
        let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let mut entries: Vec<Entry<'_>> = serde_json::from_str(text)
            .map_err(|error| Failure::corrupt(format!("a block of the events of room {room}: {error}")))?;
        if matches!(page, Page::Before(_)) {
            entries.reverse();
        }
        let is_meant = |entry: &Entry<'_>| match page {
            Page::After(seq) => entry.seq() > seq,
            Page::Before(seq) => entry.seq() < seq,
        };
        for entry in entries.into_iter().filter(is_meant) {
            if !take(entry)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Whose an event of a room is, when it was sent, and by which nonce.
pub(super) fn at(connection: &Connection, room: RoomId, seq: Seq) -> Result<Option<(UnixMs, UserId, String)>, Failure> {
    let mut found = None;
    walk(connection, room, Page::After(seq.saturating_sub(1)), |Entry(there, at, user, _, nonce, ..)| {
        found = (there == seq).then(|| (at, user, nonce.into_owned()));
        Ok(false)
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn a_list_by_hand_is_that_of_the_general_encoder(
            events in vec((any::<u64>(), any::<u64>(), any::<u64>(), ".{0,20}", "\\PC{0,30}", any::<i64>(), any::<String>()), 0..4),
        ) {
            let entry = |(seq, at, user, nick, nonce, kind, body): &(_, _, _, String, String, _, String)| {
                Entry(*seq, *at, *user, nick.clone().into(), nonce.clone().into(), *kind, body.clone().into())
            };
            let entries: Vec<_> = events.iter().map(entry).collect();
            let listed = list(&entries, Entry::put_members).expect("text");
            prop_assert_eq!(&listed, &serde_json::to_string(&events).expect("encodes"));
            prop_assert_eq!(serde_json::from_str::<Vec<Entry<'_>>>(&listed).expect("reads"), entries);
        }
    }
}
