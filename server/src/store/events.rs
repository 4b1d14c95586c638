//! What goes to a log together, and what becomes of it.

use std::{ops::Deref, sync::Arc};

use hubbub_protocol::{
    Nick,
    event::PostKind,
    id::{Nonce, Seq, UnixMs, UserId},
};
use smallvec::SmallVec;

/// What an event of a log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventBody {
    /// Somebody said something.
    Post {
        /// How.
        kind: PostKind,
        /// What.
        text: String,
    },
    /// Somebody changed the topic.
    Topic {
        /// The new one; empty for none.
        topic: String,
    },
}

/// An event that is to be appended to a room's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// When the room took it; not smaller than that of the event before it.
    pub at: UnixMs,
    /// Whose.
    pub user: UserId,
    /// The sender's nick now.
    pub nick: Nick,
    /// The sender's own name for this send.
    pub nonce: Nonce,
    /// What it says.
    pub body: EventBody,
}

/// Events that are appended together.
///
/// Each is where its sender's connection put it until it stands in the tables, whoever holds it meanwhile. Mostly there
/// is one, and then the list needs no place of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events(SmallVec<[Arc<NewEvent>; 1]>);

impl Events {
    /// One more.
    pub fn push(&mut self, event: Arc<NewEvent>) {
        self.0.push(event);
    }
}

impl Deref for Events {
    type Target = [Arc<NewEvent>];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<Vec<NewEvent>> for Events {
    fn from(events: Vec<NewEvent>) -> Self {
        Self(events.into_iter().map(Arc::new).collect())
    }
}

/// What became of a [`NewEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its position, or that of the first event with the same user and nonce.
    pub seq: Seq,
    /// Its time, or that of the first one.
    pub at: UnixMs,
    /// True when user and nonce were in the log before: nothing was added.
    pub duplicate: bool,
}

/// What became of each of some [`Events`], in their order.
pub type Outcomes = SmallVec<[Appended; 1]>;
