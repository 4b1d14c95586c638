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
use crate::store::RoomId;

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

/// Everything that a room has for one shard after one of its turns.
///
/// What: items in order. From a room task to a shard. When the inbox is full: the room waits, then those who
/// post to it. What its loss means: the shard is gone, and its connections with it; they resume elsewhere.
#[derive(Debug)]
pub struct Batch {
    /// Whose.
    pub room: Arc<RoomTag>,
    /// What.
    pub items: Vec<Item>,
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
