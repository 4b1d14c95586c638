//! The cheap sender to a room.

use std::sync::{Arc, atomic::Ordering};

use hubbub_protocol::{NameKey, RoomName, id::Seq};
use tokio::sync::mpsc::error::TrySendError;

use super::{command::RoomCommand, inbox::Sender, sight::Sight};
use crate::fanout::RoomTag;

/// The room's task has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the room has stopped")]
pub struct RoomGone;

/// Sends to one room. Whoever holds an `Arc` of it keeps the room in memory.
#[derive(Debug)]
pub struct RoomHandle {
    pub(super) tag: Arc<RoomTag>,
    pub(super) key: NameKey,
    pub(super) inbox: Sender<RoomCommand>,
    pub(super) sight: Arc<Sight>,
}

impl RoomHandle {
    /// The room's name as its creator wrote it.
    #[must_use]
    pub fn name(&self) -> &RoomName {
        &self.tag.name
    }

    /// What the name is compared by.
    #[must_use]
    pub fn key(&self) -> &NameKey {
        &self.key
    }

    /// The number of members a moment ago.
    #[must_use]
    pub fn members(&self) -> u64 {
        self.sight.members.load(Ordering::Relaxed)
    }

    /// The last position of the log a moment ago.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.sight.seq.load(Ordering::Relaxed)
    }

    /// Sends if there is space.
    ///
    /// # Errors
    /// `Full`, to be followed by [`RoomHandle::send`]; or `Closed` when the room has stopped.
    pub fn try_send(&self, command: RoomCommand) -> Result<(), TrySendError<RoomCommand>> {
        self.inbox.try_send(command)
    }

    /// Sends; waits while the inbox is full.
    ///
    /// # Errors
    /// When the room has stopped.
    pub async fn send(&self, command: RoomCommand) -> Result<(), RoomGone> {
        self.inbox.send(command).await.map_err(|_| RoomGone)
    }
}
