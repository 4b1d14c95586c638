//! What a shard accepts.

use std::sync::Arc;

use actix::Message;
use bytes::Bytes;
use hubbub_protocol::{RoomName, event::Goodbye, id::Seq};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{
    handle::ConnectionId,
    view::{ActorView, Look},
};
use crate::{
    spare::{Kept, Spares},
    store::RoomId,
};

/// What a shard needs to know of a room.
#[derive(Debug, PartialEq, Eq)]
pub struct RoomTag {
    /// Its number.
    pub id: RoomId,
    /// Its name, for the notice to those who lag.
    pub name: RoomName,
}

/// Encoded frames of log events, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// One or more whole WebSocket frames, headers included.
    pub frames: Bytes,
    /// The seq of the first event in it.
    pub first_seq: Seq,
    /// The number of events in it.
    pub events: u32,
}

/// One thing to do for a room. Items of one room take effect in their order.
#[derive(Debug)]
pub enum Item {
    /// From now on the connection gets what the room publishes; first it gets this reply.
    Seat(ConnectionId, Bytes),
    /// From now on it gets no more; then it gets this reply, if there is one.
    Unseat(ConnectionId, Option<Bytes>),
    /// Events for everybody seated here.
    Log(LogChunk),
    /// A signal for everybody seated here, dropped for those who are slow.
    Signal(Bytes),
    /// What came before has been delivered when this is dropped; a room has only so many of them for each shard,
    /// and waits for one before it publishes more.
    Credit(OwnedSemaphorePermit),
    /// A reply to one connection, which need not be seated. It overtakes what is still being delivered.
    Reply(ConnectionId, Bytes),
}

/// Items for which a list that is kept may have space: those of a turn of a room are mostly three.
const LIST_ITEMS_KEPT: usize = 8;

thread_local! {
    static LISTS: Spares<Vec<Item>> = const { Spares::of(LIST_ITEMS_KEPT) };
}

/// Things to do for a room, in order. Its memory is its thread's: each list is needed for a moment, many times a turn.
#[derive(Debug, Default)]
pub struct Items(Vec<Item>);

impl Items {
    /// One more.
    pub fn push(&mut self, item: Item) {
        LISTS.lend(&mut self.0);
        self.0.push(item);
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes them out, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Item> {
        self.0.drain(..)
    }
}

impl FromIterator<Item> for Items {
    fn from_iter<T: IntoIterator<Item = Item>>(items: T) -> Self {
        let mut list = Self::default();
        items.into_iter().for_each(|item| list.push(item));
        list
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        LISTS.take_back(&mut self.0);
    }
}

/// Everything that a room has for one shard after one of its turns.
///
/// What: items in order. From a room task to a shard. When the inbox is full: the room waits, then those who
/// post to it. What its loss means: the shard is gone, and its connections with it; they resume elsewhere.
#[derive(Debug)]
pub struct Batch {
    /// Whose.
    pub room: Arc<RoomTag>,
    /// What.
    pub items: Items,
}

/// How a connection is to end.
///
/// What: the last event and the close code. From the session registry or the drain, through the shard, to a
/// connection actor. When its mailbox is full: the shard closes the socket itself. What its loss means: the
/// peer sees a connection that ends without a close frame, and reconnects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// The event to send last.
    pub goodbye: Goodbye,
    /// The close code.
    pub code: u16,
}

/// What a shard has for a connection's actor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Order {
    /// Say goodbye and close.
    Close(Farewell),
    /// Say what you do. From an inspection, through the shard. When the mailbox is full, or this is lost: the
    /// connection is shown without its own words.
    Show(mpsc::Sender<(ConnectionId, ActorView)>),
}

/// What a shard accepts.
#[derive(Debug)]
pub enum ShardCommand {
    /// Deliver.
    Batch(Batch),
    /// Close one connection.
    Close(ConnectionId, Farewell),
    /// Close all connections, each with its own moment of return within `spread_ms`.
    Drain {
        /// The window over which clients are asked to come back, in milliseconds.
        spread_ms: u64,
    },
    /// Say what you have.
    Look(Look),
}
