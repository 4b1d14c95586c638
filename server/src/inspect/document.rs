//! The document that an inspection answers with; as JSON it is what `hubbub-server inspect --json` prints.
//!
//! Keys end in their unit. Fields may be added to a format; who reads it passes over those that it does not know.

use hubbub_protocol::id::UnixMs;
use serde::{Deserialize, Serialize};

use crate::{
    fanout::{ActorView, OutboxView, ShardView},
    room::RoomsView,
    store::StoreView,
};

/// The number of the document's format. Another one means that fields went or changed their meaning.
pub const FORMAT: u32 = 1;

/// What is asked: one line of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// How many connections and how many rooms are wanted at most.
    pub rows: usize,
}

/// A running server as it looked a moment ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// [`FORMAT`].
    pub format: u32,
    /// The server's version.
    pub version: String,
    /// Its process number.
    pub process: u32,
    /// When this was written.
    pub at: UnixMs,
    /// How long the server has run, in milliseconds.
    pub up_ms: u64,
    /// Whether it is shutting down.
    pub draining: bool,
    /// Sessions that are connected or can be resumed.
    pub sessions: u64,
    /// What has waited for long, the longest first; empty when nothing has.
    pub stuck: Vec<Finding>,
    /// Connections: callbacks.
    pub connections: ConnectionsView,
    /// Rooms: coroutines.
    pub rooms: RoomsView,
    /// Shards: microthreads.
    pub shards: Vec<ShardView>,
    /// The store; `None`: it shows nothing.
    pub store: Option<StoreView>,
}

/// What a [`Finding`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The store.
    Store,
    /// A shard.
    Shard,
    /// A room.
    Room,
    /// A connection.
    Connection,
}

/// Something that has waited for long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub part: Part,
    /// Which one; empty for the store.
    pub which: String,
    /// For how long, in milliseconds.
    pub for_ms: u64,
    /// What it waits for, in words.
    pub what: String,
}

/// The connections of those shards that answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionsView {
    /// How many there are.
    pub open: u64,
    /// How many of them were gone through; the rest is on shards that were too slow.
    pub seen: u64,
    /// How many of those have a socket that takes nothing.
    pub blocked: u64,
    /// How many of those wait for rooms.
    pub unanswered: u64,
    /// Those that are blocked longest, then those that wait longest, then those for which most waits.
    pub rows: Vec<ConnectionView>,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionView {
    /// Its address: shard, slot and generation.
    pub id: String,
    /// What its shard knows of it.
    pub outbox: OutboxView,
    /// What its actor says; `None`: it has not answered, or ended meanwhile.
    pub actor: Option<ActorView>,
}
