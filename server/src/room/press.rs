//! The press: where a room's output of one turn is gathered, one batch a shard.

use std::{iter::repeat_n, sync::Arc};

use bytes::Bytes;
use hubbub_protocol::id::Seq;
use tokio::sync::Semaphore;

use super::sight::{At, Sight};
use crate::{
    fanout::{Batch, ConnectionId, Fanout, Item, Items, LogChunk, RoomTag, ShardCommand, ShardGone, ShardId},
    frame,
};

/// Bytes after which a chunk of events is closed: one call writes it, and the smallest outbox takes it.
const CHUNK_BYTES: usize = 15 * 1024;

/// Chunks of one room that may be on their way through one shard. Beyond that the room waits, and so do those
/// who post to it: a room that is busier than its members can be served slows down itself and no other room.
const CHUNKS_UNDER_WAY_MAX: usize = 32;

/// What is for one shard.
struct Sheet {
    items: Items,
    chunks: usize,
    /// How many of the room's members the shard reaches.
    seated: u32,
    credits: Arc<Semaphore>,
}

/// What keeps a room from handing over what it has for a shard.
enum Obstacle {
    /// Too much of the room is under way there: credit for so many chunks is missing.
    Credit(u32),
    /// The shard's inbox is full.
    Full(ShardCommand),
}

/// A room's output, sorted by shard.
pub(super) struct Press {
    room: Arc<RoomTag>,
    fanout: Fanout,
    sheets: Vec<Sheet>,
    sight: Arc<Sight>,
    chunk: Vec<u8>,
    first_seq: Seq,
    events: u32,
}

impl Press {
    pub(super) fn new(room: Arc<RoomTag>, fanout: Fanout, sight: Arc<Sight>) -> Self {
        let sheet = |_| Sheet {
            items: Items::default(),
            chunks: 0,
            seated: 0,
            credits: Arc::new(Semaphore::new(CHUNKS_UNDER_WAY_MAX)),
        };
        let sheets = fanout.shards().iter().map(sheet).collect();
        Self { room, fanout, sheets, sight, chunk: Vec::new(), first_seq: 0, events: 0 }
    }

    fn put(&mut self, connection: ConnectionId, item: Item) {
        self.close_chunk();
        if let Some(sheet) = self.sheets.get_mut(usize::from(connection.shard)) {
            sheet.items.push(item);
        }
    }

    /// The sheets of the shards that reach members.
    fn occupied(&mut self) -> impl Iterator<Item = &mut Sheet> {
        self.sheets.iter_mut().filter(|sheet| sheet.seated > 0)
    }

    /// An event of the log, encoded.
    pub(super) fn log(&mut self, seq: Seq, json: &[u8]) {
        if self.events == 0 {
            self.first_seq = seq;
        }
        frame::put_text(&mut self.chunk, json);
        self.events += 1;
        if self.chunk.len() >= CHUNK_BYTES {
            self.close_chunk();
        }
    }

    fn close_chunk(&mut self) {
        if self.events > 0 {
            let frames = Bytes::from(std::mem::take(&mut self.chunk));
            let events = std::mem::take(&mut self.events);
            let chunk = LogChunk { frames, first_seq: self.first_seq, events };
            // Of the last sheet it becomes the own, without a clone: mostly there is but one.
            let seated = self.occupied().count();
            for (sheet, chunk) in self.occupied().zip(repeat_n(chunk, seated)) {
                sheet.items.push(Item::Log(chunk));
                sheet.chunks += 1;
            }
        }
    }

    /// A signal.
    pub(super) fn signal(&mut self, frame: Bytes) {
        self.close_chunk();
        self.occupied().for_each(|sheet| sheet.items.push(Item::Signal(frame.clone())));
    }

    /// A reply to one connection.
    pub(super) fn reply(&mut self, connection: ConnectionId, frame: Bytes) {
        if let Some(sheet) = self.sheets.get_mut(usize::from(connection.shard)) {
            sheet.items.push(Item::Reply(connection, frame));
        }
    }

    /// From here on the connection is reached by what is published, if it was not before.
    pub(super) fn seat(&mut self, connection: ConnectionId, reply: Bytes) {
        self.put(connection, Item::Seat(connection, reply));
    }

    /// From here on it is not, if it was before.
    pub(super) fn unseat(&mut self, connection: ConnectionId, reply: Option<Bytes>) {
        self.put(connection, Item::Unseat(connection, reply));
    }

    /// One more member (or, with -1, one less) is reached through the connection's shard.
    pub(super) fn count(&mut self, connection: ConnectionId, change: i32) {
        self.close_chunk();
        if let Some(sheet) = self.sheets.get_mut(usize::from(connection.shard)) {
            sheet.seated = sheet.seated.saturating_add_signed(change);
        }
    }

    /// Hands everything over: one message a shard that has something to do. Waits while too much of this room is
    /// still under way there.
    pub(super) async fn publish(&mut self) {
        self.close_chunk();
        for shard in (0..).take(self.sheets.len()) {
            if let Some(obstacle) = self.hand_over(shard) {
                // Rare, so it has a place of its own: the room's is that much smaller.
                Box::pin(self.overcome(shard, obstacle)).await;
            }
        }
    }

    /// Hands over what there is for a shard, unless something is in the way.
    fn hand_over(&mut self, shard: ShardId) -> Option<Obstacle> {
        let sheet = self.sheets.get_mut(usize::from(shard)).filter(|sheet| !sheet.items.is_empty())?;
        // The shard gives credits back as it delivers, and never waits for a room.
        let chunks = u32::try_from(std::mem::take(&mut sheet.chunks).min(CHUNKS_UNDER_WAY_MAX)).unwrap_or(0);
        if chunks > 0 {
            match sheet.credits.clone().try_acquire_many_owned(chunks) {
                Ok(credit) => sheet.items.push(Item::Credit(credit)),
                Err(_) => return Some(Obstacle::Credit(chunks)),
            }
        }
        self.send(shard)
    }

    fn send(&mut self, shard: ShardId) -> Option<Obstacle> {
        let items = std::mem::take(&mut self.sheets.get_mut(usize::from(shard))?.items);
        let batch = ShardCommand::Batch(Batch { room: self.room.clone(), items });
        match self.fanout.shard(shard)?.try_send(batch) {
            Ok(full) => full.map(Obstacle::Full),
            Err(ShardGone) => {
                self.is_gone(shard);
                None
            }
        }
    }

    /// Waits until nothing is in the way any more, and hands over.
    async fn overcome(&mut self, shard: ShardId, obstacle: Obstacle) {
        let obstacle = match obstacle {
            Obstacle::Credit(chunks) => {
                let Some(sheet) = self.sheets.get_mut(usize::from(shard)) else { return };
                let credit = sheet.credits.clone().acquire_many_owned(chunks);
                if let Ok(credit) = self.sight.during(At::Credit(shard), credit).await {
                    sheet.items.push(Item::Credit(credit));
                }
                self.send(shard)
            }
            full @ Obstacle::Full(_) => Some(full),
        };
        if let Some(Obstacle::Full(batch)) = obstacle
            && let Some(handle) = self.fanout.shard(shard)
            && let Err(ShardGone) = self.sight.during(At::ShardInbox(shard), handle.send(batch)).await
        {
            self.is_gone(shard);
        }
    }

    /// A shard has stopped. Its connections are gone with it; they come back on another one and resume.
    fn is_gone(&self, shard: ShardId) {
        tracing::debug!(room = %self.room.name, shard, "a shard has stopped");
    }
}
