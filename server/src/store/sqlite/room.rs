//! Rooms: opening, creating and listing them.

use std::sync::Arc;

use hubbub_protocol::{
    NameKey, RoomName,
    id::{UnixMs, random_word},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    super::{RoomId, StoreError, StoredRoom},
    operation::{Failure, Operation},
    recent::Recent,
};

/// Random bytes in the name of a log.
const EPOCH_BYTES: usize = 12;

/// A room's row before its name was checked.
pub(super) struct RoomRow {
    id: u64,
    name: String,
    epoch: String,
    topic: String,
    seq: u64,
    at: UnixMs,
}

impl RoomRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            epoch: row.get(2)?,
            topic: row.get(3)?,
            seq: row.get(4)?,
            at: row.get(5)?,
        })
    }

    fn check(self) -> Result<StoredRoom, Failure> {
        let Self { id, name, epoch, topic, seq, at } = self;
        let name =
            RoomName::parse(&name).map_err(|error| Failure::corrupt(format!("the name of room {id}: {error}")))?;
        Ok(StoredRoom { id, name, epoch, topic, seq, at })
    }
}

/// Every column of [`RoomRow`]; the last event's seq and time are those of the last block.
macro_rules! select_rooms {
    ($which:literal) => {
        concat!(
            "SELECT rooms.id, name, epoch, topic, coalesce(newest.last, 0), coalesce(newest.at, 0) FROM rooms
             LEFT JOIN blocks AS newest ON newest.room_id = rooms.id
             AND newest.last = (SELECT max(last) FROM blocks WHERE room_id = rooms.id) ",
            $which
        )
    };
}

/// The number of the room with this key, if there is one.
pub(super) fn id_of(connection: &Connection, key: &NameKey) -> Result<Option<RoomId>, Failure> {
    let sql = "SELECT id FROM rooms WHERE name_key = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([key.as_str()], |row| row.get(0)).optional()?)
}

/// The room with this key, if there is one, as it stands in the tables.
pub(super) fn find(connection: &Connection, key: &NameKey) -> Result<Option<StoredRoom>, Failure> {
    let sql = select_rooms!("WHERE name_key = ?1");
    let row = connection.prepare_cached(sql)?.query_row([key.as_str()], RoomRow::read).optional()?;
    row.map(RoomRow::check).transpose()
}

/// Whether one more room may be created.
fn has_space(connection: &Connection, rooms_max: u64) -> rusqlite::Result<bool> {
    // Numbers are given in ascending order, so that the largest tells at once when there are few enough.
    let largest: Option<u64> =
        connection.prepare_cached("SELECT max(id) FROM rooms")?.query_row([], |row| row.get(0))?;
    if largest.unwrap_or(0) < rooms_max {
        return Ok(true);
    }
    let count: u64 = connection.prepare_cached("SELECT count(*) FROM rooms")?.query_row([], |row| row.get(0))?;
    Ok(count < rooms_max)
}

/// Finds a room by name, or creates it.
pub(super) struct OpenRoom {
    pub(super) name: RoomName,
    pub(super) at: UnixMs,
    pub(super) rooms_max: u64,
    pub(super) recent: Arc<Recent>,
}

impl Operation for OpenRoom {
    type Answer = StoredRoom;

    fn run(&self, connection: &Connection) -> Result<StoredRoom, Failure> {
        let key = self.name.key();
        if let Some(mut room) = find(connection, &key)? {
            (room.seq, room.at) = self.recent.last(room.id).unwrap_or((room.seq, room.at));
            return Ok(room);
        }
        if !has_space(connection, self.rooms_max)? {
            return Err(Failure::Refused(StoreError::RoomLimit));
        }
        let epoch = random_word::<EPOCH_BYTES>()
            .map_err(|error| Failure::Refused(StoreError::Unavailable(format!("no randomness: {error}"))))?;
        let sql = "INSERT INTO rooms (name, name_key, epoch, created_at) VALUES (?1, ?2, ?3, ?4) RETURNING id";
        let id = connection
            .prepare_cached(sql)?
            .query_row(params![self.name.as_str(), key.as_str(), epoch, self.at], |row| row.get(0))?;
        Ok(StoredRoom { id, name: self.name.clone(), epoch, topic: String::new(), seq: 0, at: 0 })
    }
}

/// Lists rooms in the order of their keys.
pub(super) struct ListRooms {
    pub(super) after: Option<NameKey>,
    pub(super) limit: u32,
    pub(super) recent: Arc<Recent>,
}

impl Operation for ListRooms {
    type Answer = Vec<StoredRoom>;

    fn run(&self, connection: &Connection) -> Result<Vec<StoredRoom>, Failure> {
        // No key is empty, so the empty text stands before all.
        let after = self.after.as_ref().map_or("", NameKey::as_str);
        // First what is not in the tables, then the tables.
        let lasts = self.recent.lasts();
        let sql = select_rooms!("WHERE name_key > ?1 ORDER BY name_key LIMIT ?2");
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![after, self.limit], RoomRow::read)?;
        rows.map(|row| {
            let mut room = row?.check()?;
            if let Some((seq, at)) = lasts.get(&room.id).filter(|(seq, _)| *seq > room.seq) {
                (room.seq, room.at) = (*seq, *at);
            }
            Ok(room)
        })
        .collect()
    }
}
