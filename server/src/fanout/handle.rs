//! Addresses: of a connection, of a shard, of all shards.

use std::sync::{Arc, OnceLock};

use tokio::{
    runtime::Handle,
    sync::mpsc::{self, error::TrySendError},
};

use super::{command::ShardCommand, view::ShardSight};
use crate::backlog::Backlogs;

/// A shard's number, from 0.
pub type ShardId = u16;

/// Where a connection is: its shard, its place there, and which of the place's users it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    /// The shard.
    pub shard: ShardId,
    /// The place; used again when the connection is gone.
    pub slot: u32,
    /// Counts the place's users, so that an old address reaches nobody.
    pub generation: u32,
}

/// The shard has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shard has stopped")]
pub struct ShardGone;

/// Sends to one shard.
#[derive(Debug, Clone)]
pub struct ShardHandle {
    inbox: mpsc::Sender<ShardCommand>,
    runtime: Arc<OnceLock<Handle>>,
    backlogs: Backlogs,
    /// Where the shard stands.
    pub(super) sight: Arc<ShardSight>,
}

impl ShardHandle {
    /// Sends; waits while the inbox is full.
    ///
    /// # Errors
    /// When the shard has stopped: its connections are gone, too.
    pub async fn send(&self, command: ShardCommand) -> Result<(), ShardGone> {
        self.inbox.send(command).await.map_err(|_| ShardGone)
    }

    /// Sends if there is space; what there is none for comes back.
    ///
    /// # Errors
    /// When the shard has stopped.
    pub fn try_send(&self, command: ShardCommand) -> Result<Option<ShardCommand>, ShardGone> {
        match self.inbox.try_send(command) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(command)) => Ok(Some(command)),
            Err(TrySendError::Closed(_)) => Err(ShardGone),
        }
    }

    /// The runtime of the shard's thread, once it runs; rooms are put there.
    #[must_use]
    pub fn runtime(&self) -> Option<&Handle> {
        self.runtime.get()
    }

    /// The most that the inbox holds, and how much space it has.
    pub(super) fn inbox_space(&self) -> (usize, usize) {
        (self.inbox.max_capacity(), self.inbox.capacity())
    }

    /// To be called on the shard's thread when it starts.
    pub(super) fn started(&self, runtime: Handle) {
        self.backlogs.join();
        // A shard starts once; a second call would name the same thread.
        drop(self.runtime.set(runtime));
    }
}

/// All shards.
#[derive(Debug, Clone)]
pub struct Fanout {
    shards: Arc<[ShardHandle]>,
}

impl Fanout {
    /// Makes `count` inboxes of `inbox_max` commands; the receivers are for the threads that will be shards.
    #[must_use]
    pub fn new(count: ShardId, inbox_max: usize) -> (Self, Vec<mpsc::Receiver<ShardCommand>>) {
        let backlogs = Backlogs::new(count.into());
        let (shards, receivers): (Vec<_>, Vec<_>) = (0..count)
            .map(|_| {
                let (inbox, receiver) = mpsc::channel(inbox_max);
                let (runtime, sight, backlogs) = (Arc::default(), Arc::default(), backlogs.clone());
                (ShardHandle { inbox, runtime, backlogs, sight }, receiver)
            })
            .unzip();
        (Self { shards: shards.into() }, receivers)
    }

    /// A shard by its number.
    #[must_use]
    pub fn shard(&self, id: ShardId) -> Option<&ShardHandle> {
        self.shards.get(usize::from(id))
    }

    /// All of them, in order.
    #[must_use]
    pub fn shards(&self) -> &[ShardHandle] {
        &self.shards
    }
}
