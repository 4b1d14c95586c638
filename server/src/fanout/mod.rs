//! Fan-out: one shard a core carries what rooms publish to the connections of that core.
//!
//! This is the server's **microthread** model. A shard is a small scheduler: every room that has something
//! to deliver is a microthread, a cursor that goes round its seats, that runs for a slice of a few hundred
//! visits and goes to the back of the queue. So a room of ten thousand delays a room of three by one slice.
//!
//! What is written once and shared by all: an event is encoded by its room, once; a shard gets it as one
//! message a batch; each recipient costs a clone of [`bytes::Bytes`] and, once a slice, one vectored write.
//! A connection, its outbox and the shard that feeds it live on the same thread: nothing is locked.
//!
//! ```text
//! room task ─ Batch ─→ [inbox] shard ─→ outbox ─ writev ─→ socket
//!                                 └──→ outbox ─ writev ─→ socket
//! ```

mod command;
mod hall;
mod handle;
mod outbox;
mod shard;
mod view;

pub use command::{Batch, Farewell, Item, Items, LogChunk, Order, RoomTag, ShardCommand};
pub use handle::{ConnectionId, Fanout, ShardGone, ShardHandle, ShardId};
pub use outbox::{Outbox, Socket};
pub use shard::{LocalShard, ShardLimits};
pub use view::{
    ActorView, Bursts, GateView, Look, OutboxView, PLACES_PER_LOOK, Page, Seated, ShardInside, ShardOutside,
    ShardState, ShardView, address,
};
