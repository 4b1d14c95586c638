//! Logs: appending events to them and reading them in pages.

use hubbub_protocol::{
    NameKey, Nick,
    event::PostKind,
    id::{Nonce, Seq},
};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};

use super::{
    super::{Appended, EventBody, LogPage, NewEvent, Page, RoomId, StoredEvent},
    operation::{Failure, Operation},
    room,
};

const KIND_TEXT: i64 = 0;
const KIND_ACTION: i64 = 1;
const KIND_TOPIC: i64 = 2;

/// Appends events to the log of one room.
pub(super) struct Append {
    pub(super) room: RoomId,
    pub(super) events: Vec<NewEvent>,
}

impl Append {
    fn insert(&self, connection: &Connection) -> Result<Vec<Appended>, Failure> {
        let room = self.room;
        let mut seq: Seq = connection
            .prepare_cached(
                "SELECT coalesce((SELECT max(seq) FROM events WHERE room_id = ?1), 0) FROM rooms WHERE id = ?1",
            )?
            .query_row([room], |row| row.get(0))
            .optional()?
            .ok_or_else(|| Failure::corrupt(format!("there is no room {room}")))?;
        let mut insert = connection.prepare_cached(
            "INSERT INTO events (room_id, seq, at, user_id, nick, nonce, kind, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (room_id, user_id, nonce) DO NOTHING",
        )?;
        let mut topic = None;
        let mut appended = Vec::with_capacity(self.events.len());
        for event in &self.events {
            let (kind, body) = match &event.body {
                EventBody::Post { kind: PostKind::Text | PostKind::Unknown, text } => (KIND_TEXT, text),
                EventBody::Post { kind: PostKind::Action, text } => (KIND_ACTION, text),
                EventBody::Topic { topic } => (KIND_TOPIC, topic),
            };
            let (nick, nonce) = (event.nick.as_str(), event.nonce.as_str());
            let rows = insert.execute(params![room, seq + 1, event.at, event.user, nick, nonce, kind, body])?;
            if rows == 0 {
                let first = recall(connection, room, event)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
                appended.push(first);
                continue;
            }
            seq += 1;
            if kind == KIND_TOPIC {
                topic = Some(body);
            }
            appended.push(Appended { seq, at: event.at, duplicate: false });
        }
        if let Some(topic) = topic {
            connection.prepare_cached("UPDATE rooms SET topic = ?2 WHERE id = ?1")?.execute(params![room, topic])?;
        }
        Ok(appended)
    }
}

/// What a repeated event got the first time.
fn recall(connection: &Connection, room: RoomId, event: &NewEvent) -> Result<Option<Appended>, Failure> {
    let sql = "SELECT seq, at FROM events WHERE room_id = ?1 AND user_id = ?2 AND nonce = ?3";
    let first = connection
        .prepare_cached(sql)?
        .query_row(params![room, event.user, event.nonce.as_str()], |row| {
            Ok(Appended { seq: row.get(0)?, at: row.get(1)?, duplicate: true })
        })
        .optional()?;
    Ok(first)
}

impl Operation for Append {
    type Answer = Vec<Appended>;

    fn run(&self, connection: &Connection) -> Result<Vec<Appended>, Failure> {
        let error = match self.insert(connection) {
            Err(Failure::Sql(error)) if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => error,
            done => return done,
        };
        // Nothing can be written now, but what is only repeated needs nothing written.
        let known: Option<Vec<Appended>> =
            self.events.iter().map(|event| recall(connection, self.room, event)).collect::<Result<_, _>>()?;
        known.ok_or(Failure::Sql(error))
    }

    fn events(&self) -> usize {
        self.events.len().max(1)
    }
}

/// Reads a page of the log of the room with a key.
pub(super) struct ReadLog {
    pub(super) room: NameKey,
    pub(super) page: Page,
    pub(super) limit: u32,
    pub(super) bytes_max: u64,
}

impl Operation for ReadLog {
    type Answer = Option<LogPage>;

    fn run(&self, connection: &Connection) -> Result<Option<LogPage>, Failure> {
        let Some(room) = room::find(connection, &self.room)? else { return Ok(None) };
        let (sql, from) = match self.page {
            Page::After(seq) => (
                "SELECT seq, at, user_id, nick, nonce, kind, body FROM events
                 WHERE room_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
                seq,
            ),
            Page::Before(seq) => (
                "SELECT seq, at, user_id, nick, nonce, kind, body FROM events
                 WHERE room_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3",
                seq,
            ),
        };
        // No seq is as large as what does not fit, so the largest number stands for it.
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![room.id, from, i64::from(self.limit) + 1])?;
        let (mut events, mut bytes, mut more) = (Vec::new(), 0_u64, false);
        while let Some(row) = rows.next()? {
            let body: String = row.get(6)?;
            bytes = bytes.saturating_add(body.len() as u64);
            let full = events.len() >= self.limit as usize || (bytes > self.bytes_max && !events.is_empty());
            if full {
                more = true;
                break;
            }
            events.push(stored_event(row, body)?);
        }
        if matches!(self.page, Page::Before(_)) {
            events.reverse();
        }
        Ok(Some(LogPage { room, events, more }))
    }
}

fn stored_event(row: &Row<'_>, body: String) -> Result<StoredEvent, Failure> {
    let seq: Seq = row.get(0)?;
    let (nick, nonce): (String, String) = (row.get(3)?, row.get(4)?);
    let nick = Nick::parse(&nick).map_err(|error| Failure::corrupt(format!("the nick of event {seq}: {error}")))?;
    let nonce = Nonce::parse(&nonce).map_err(|error| Failure::corrupt(format!("the nonce of event {seq}: {error}")))?;
    let body = match row.get(5)? {
        KIND_TEXT => EventBody::Post { kind: PostKind::Text, text: body },
        KIND_ACTION => EventBody::Post { kind: PostKind::Action, text: body },
        KIND_TOPIC => EventBody::Topic { topic: body },
        kind => return Err(Failure::corrupt(format!("event {seq} is of the unknown kind {kind}"))),
    };
    Ok(StoredEvent { seq, event: NewEvent { at: row.get(1)?, user: row.get(2)?, nick, nonce, body } })
}
