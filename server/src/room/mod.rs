//! Rooms: one async task each.
//!
//! This is the server's **coroutine** model: a room is a flow that reads top to bottom and suspends where it
//! waits. Take a batch from the inbox → decide → `store.append(batch).await` → publish → acknowledge → again.
//! While it waits for the commit, the next batch gathers in its inbox: the busier the store, the larger the
//! batches.
//!
//! A room lives in memory while it has members and a while longer; when it is idle it is closed, and opened
//! again from the store by the next who asks for it.

mod command;
mod handle;
mod inbox;
mod press;
mod registry;
mod sight;
mod state;
mod task;

pub use command::RoomCommand;
pub use handle::{RoomGone, RoomHandle};
pub use registry::{Registry, RoomsView};
pub use sight::{RoomState, RoomView, Suspension};
pub use task::future_bytes;
