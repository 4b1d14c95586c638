//! Connections: one actix actor each.
//!
//! This is the server's **callback** model: an actor is state plus code that is called when something
//! happened — a frame arrived, a timer rang, an order came. Nothing here waits; what takes time is handed to
//! a room, the store or the sessions, and its end is another callback.
//!
//! ```text
//! socket → [driver: bytes → frames] → ConnectionActor::handle(frame) → dispatch → room inbox
//!                                                      ↑ replies and events: shard → outbox → socket
//! ```
//!
//! An idle connection holds no buffer: bytes are read into one scratch area a thread, and only the
//! unfinished rest of a frame is kept. It has no timer either: the shard of its thread rings when it is to look at
//! the time.

mod actor;
mod driver;
pub mod websocket;

pub use actor::{ConnectionActor, ConnectionParts, Desk};
