//! The link: one user's connection to a server, with everything that makes it seem never to break.
//!
//! What it promises to its user:
//!
//! - **Every event of a room is given out once and in order**, over any number of lost connections. What is left
//!   out is said: [`Update::Gap`] where the policy skips, [`Update::Reset`] when the log is another one. See `reader`.
//! - **Every post ends in one of two ways**: [`Update::Settled`], stored exactly once, or [`Update::Failed`] with the
//!   reason and whether sending again makes sense. None vanishes. See `outbox` for the rule when a session is lost.
//! - **Everything is bounded**, see [`Capacity`], and every request of a handle ends in its time.
//!
//! ```text
//! handle ── commands ──▶ task ◀──── frames ────▶ socket
//! updates ◀── backlog ──  │
//!                      machine   pure: phases, rooms (reader), posts (outbox, pace), requests
//! ```
//!
//! The task waits and carries; the machine decides, from values and `now` alone, so that tests run it in virtual
//! time against a made-up server, with cuts, repeats and holes wherever chance wants them.

mod command;
mod config;
mod error;
#[cfg(test)]
mod fixture;
mod handle;
mod jitter;
mod machine;
mod nonce;
mod outbox;
mod pace;
mod reader;
mod socket;
mod task;
#[cfg(test)]
mod tests;
mod update;
mod url;

use std::sync::Arc;

use tokio::sync::mpsc;

pub use config::{Backoff, Capacity, GapPolicy, Identity, IfTaken, LinkConfig, NickChoice, Patience};
pub use error::{CloseReason, LinkError, Outage, PostError, PostFailure};
pub use handle::{LinkHandle, LinkUpdates, Page, PostWaitError, Settled};
pub use hubbub_protocol::{event::PostKind, id::Nonce};
pub use machine::TYPING_INTERVAL;
pub use update::{Held, JoinFrom, LinkState, RoomSnapshot, SessionIdentity, Signal, Update};
pub use url::{DEFAULT_PORT, DEFAULT_SERVER, ServerUrl, ServerUrlError};

/// Starts links.
#[derive(Debug)]
pub struct Link;

impl Link {
    /// Starts a link on the current tokio runtime and returns at once; it connects by itself.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(config: LinkConfig) -> (LinkHandle, LinkUpdates) {
        let capacity = config.capacity;
        let wishes = Arc::new(command::Wishes::default());
        let (commands, inbox) = mpsc::channel(capacity.commands_max.max(1));
        // Half of what may wait is in the channel, half in the task, where events in a row are put together.
        let (out, updates) = mpsc::channel((capacity.updates_max / 2).max(1));
        let handle = LinkHandle::new(commands, Arc::clone(&wishes), capacity.posts_max, config.patience.request);
        tokio::spawn(task::LinkTask::new(config, inbox, wishes, out).run());
        (handle, LinkUpdates(updates))
    }
}
