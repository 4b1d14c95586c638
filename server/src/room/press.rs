//! The press: where a room's output of one turn is gathered, one batch a shard.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hubbub_protocol::id::Seq;

use crate::{
    fanout::{Batch, ConnectionId, Fanout, Item, LogChunk, RoomTag, ShardCommand},
    frame,
};

/// Bytes after which a chunk of events is closed: small enough to fit any outbox several times.
const CHUNK_BYTES: usize = 8 * 1024;

/// A room's output, sorted by shard.
pub(super) struct Press {
    room: Arc<RoomTag>,
    fanout: Fanout,
    sheets: Vec<Vec<Item>>,
    /// How many of the room's members each shard reaches.
    seated: Vec<u32>,
    chunk: BytesMut,
    first_seq: Seq,
    events: u32,
}

impl Press {
    pub(super) fn new(room: Arc<RoomTag>, fanout: Fanout) -> Self {
        let sheets = fanout.shards().iter().map(|_| Vec::new()).collect();
        let seated = vec![0; fanout.shards().len()];
        Self { room, fanout, sheets, seated, chunk: BytesMut::new(), first_seq: 0, events: 0 }
    }

    fn put(&mut self, connection: ConnectionId, item: Item) {
        self.close_chunk();
        if let Some(sheet) = self.sheets.get_mut(usize::from(connection.shard)) {
            sheet.push(item);
        }
    }

    fn put_all(&mut self, item: &Item) {
        for (sheet, _) in self.sheets.iter_mut().zip(&self.seated).filter(|(_, seated)| **seated > 0) {
            sheet.push(item.clone());
        }
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
            let frames = self.chunk.split().freeze();
            let events = std::mem::take(&mut self.events);
            self.put_all(&Item::Log(LogChunk { frames, first_seq: self.first_seq, events }));
        }
    }

    /// A signal.
    pub(super) fn signal(&mut self, frame: Bytes) {
        self.close_chunk();
        self.put_all(&Item::Signal(frame));
    }

    /// A reply to one connection.
    pub(super) fn reply(&mut self, connection: ConnectionId, frame: Bytes) {
        if let Some(sheet) = self.sheets.get_mut(usize::from(connection.shard)) {
            sheet.push(Item::Reply(connection, frame));
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
        if let Some(seated) = self.seated.get_mut(usize::from(connection.shard)) {
            *seated = seated.saturating_add_signed(change);
        }
    }

    /// Hands everything over: one message a shard that has something to do.
    pub(super) async fn publish(&mut self) {
        self.close_chunk();
        for (shard, sheet) in self.fanout.shards().iter().zip(&mut self.sheets) {
            if sheet.is_empty() {
                continue;
            }
            let batch = Batch { room: self.room.clone(), items: std::mem::take(sheet) };
            if shard.send(ShardCommand::Batch(batch)).await.is_err() {
                // Its connections are gone with it; they come back on another shard and resume.
                tracing::debug!(room = %self.room.name, "a shard has stopped");
            }
        }
    }
}
