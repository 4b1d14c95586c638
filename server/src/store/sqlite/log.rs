//! Logs: appending events to them and reading them in pages.

use std::sync::Arc;

use hubbub_protocol::{NameKey, id::Seq};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    super::{Appended, EventBody, Events, LogPage, NewEvent, Outcomes, Page, RoomId, StoredEvent},
    block,
    nonce::Key,
    operation::{Failure, Operation},
    recent::{Held, Recent, Sent},
    room,
    run::SEQ_END,
};

/// Appends events to the log of one room. What is new is staged; the writer puts it into the journal.
pub(super) struct Append {
    pub(super) room: RoomId,
    pub(super) events: Events,
    pub(super) recent: Arc<Recent>,
}

impl Append {
    fn last_seq(&self, connection: &Connection) -> Result<Seq, Failure> {
        if let Some((seq, _)) = self.recent.last(self.room) {
            return Ok(seq);
        }
        connection
            .prepare_cached(
                "SELECT coalesce((SELECT max(last) FROM blocks WHERE room_id = ?1), 0) FROM rooms WHERE id = ?1",
            )?
            .query_row([self.room], |row| row.get(0))
            .optional()?
            .ok_or_else(|| Failure::corrupt(format!("there is no room {}", self.room)))
    }

    /// What a repeated event got the first time.
    fn recall(&self, connection: &Connection, event: &NewEvent, key: Key) -> Result<Option<Appended>, Failure> {
        match self.recent.find(self.room, event, key) {
            Sent::Before(first) => return Ok(Some(first)),
            Sent::Never => return Ok(None),
            Sent::AskTables => {}
        }
        for seq in self.recent.ask_tables(connection, key)? {
            // Some of the batch may be staged already: all or none.
            let there = block::at(connection, self.room, seq).map_err(Failure::behind_writes)?;
            if let Some((at, _, _)) =
                there.filter(|(_, user, nonce)| (*user, nonce.as_str()) == (event.user, event.nonce.as_str()))
            {
                return Ok(Some(Appended { seq, at, duplicate: true }));
            }
        }
        Ok(None)
    }
}

/// Whether the tables can hold an event: what is in the journal must get there.
fn check(event: &NewEvent) -> rusqlite::Result<()> {
    for number in [event.at, event.user] {
        i64::try_from(number).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    }
    Ok(())
}

impl Operation for Append {
    type Answer = Outcomes;

    fn run(&self, connection: &Connection) -> Result<Outcomes, Failure> {
        let last = self.last_seq(connection)?;
        if last.saturating_add(self.events.len() as u64) >= SEQ_END {
            return Err(Failure::corrupt(format!("room {} cannot have {last} events", self.room)));
        }
        let mut seq = last;
        let mut topic = None;
        let mut appended = Outcomes::with_capacity(self.events.len());
        for event in &*self.events {
            check(event)?;
            let key = self.recent.key(self.room, event);
            if let Some(first) = self.recall(connection, event, key)? {
                appended.push(first);
                continue;
            }
            seq += 1;
            self.recent.stage(self.room, seq, key, Arc::clone(event));
            if let EventBody::Topic { topic: text } = &event.body {
                topic = Some(text);
            }
            appended.push(Appended { seq, at: event.at, duplicate: false });
        }
        if let Some(topic) = topic {
            let sql = "UPDATE rooms SET topic = ?2 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![self.room, topic])?;
        }
        Ok(appended)
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
    pub(super) recent: Arc<Recent>,
}

/// Takes events in the order of a page until it is full.
struct Taken<'a> {
    of: &'a ReadLog,
    events: Vec<StoredEvent>,
    bytes: u64,
    /// There was one more than has space.
    more: bool,
}

impl Taken<'_> {
    /// `false`: the page is full.
    fn take(&mut self, bytes: usize, event: impl FnOnce() -> Result<StoredEvent, Failure>) -> Result<bool, Failure> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.more =
            self.events.len() >= self.of.limit as usize || (self.bytes > self.of.bytes_max && !self.events.is_empty());
        if !self.more {
            self.events.push(event()?);
        }
        Ok(!self.more)
    }

    fn take_recent<'h>(&mut self, mut events: impl Iterator<Item = &'h Held>) -> Result<bool, Failure> {
        events.try_fold(true, |_, held| {
            let (EventBody::Post { text: body, .. } | EventBody::Topic { topic: body }) = &held.event().body;
            self.take(body.len(), || Ok(StoredEvent { seq: held.seq, event: held.event().clone() }))
        })
    }

    /// Those of the tables with a seq below `end`.
    fn take_stored(&mut self, connection: &Connection, room: RoomId, end: Seq) -> Result<bool, Failure> {
        let page = match self.of.page {
            Page::Before(seq) => Page::Before(seq.min(end)),
            after => after,
        };
        let mut is_full = false;
        block::walk(connection, room, page, |entry| {
            let is_meant = entry.seq() < end;
            is_full = is_meant && !self.take(entry.text_bytes(), || entry.into_event())?;
            Ok(is_meant && !is_full)
        })?;
        Ok(!is_full)
    }
}

impl Operation for ReadLog {
    type Answer = Option<LogPage>;

    fn run(&self, connection: &Connection) -> Result<Option<LogPage>, Failure> {
        let Some(id) = room::id_of(connection, &self.room)? else { return Ok(None) };
        // First what is not in the tables, then the tables: whatever is put there in between is seen, and not twice.
        let end = self.recent.end(id, self.page, self.limit as usize + 1);
        let view = connection.unchecked_transaction()?;
        let Some(mut room) = room::find(&view, &self.room)? else { return Ok(None) };
        let (first, recent) = end.map_or((Seq::MAX, Vec::new()), |end| {
            (room.seq, room.at) = end.last;
            (end.first, end.events)
        });
        let mut taken = Taken { of: self, events: Vec::new(), bytes: 0, more: false };
        match self.page {
            Page::After(_) => {
                if taken.take_stored(&view, id, first)? {
                    taken.take_recent(recent.iter())?;
                }
            }
            Page::Before(_) => {
                if taken.take_recent(recent.iter().rev())? {
                    taken.take_stored(&view, id, first)?;
                }
                taken.events.reverse();
            }
        }
        let Taken { events, more, .. } = taken;
        view.commit()?;
        Ok(Some(LogPage { room, events, more }))
    }
}
