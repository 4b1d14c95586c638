//! What a room accepts.

use std::sync::Arc;

use hubbub_protocol::{
    NameKey, Nick,
    id::{Position, UserId},
};
use smallvec::SmallVec;

use crate::{fanout::ConnectionId, store::NewEvent};

/// What is to be added together. Mostly it is one, and then the list needs no place of its own.
pub(super) type Appends = SmallVec<[(Asker, Arc<NewEvent>); 2]>;

/// Who waits for the answer to a post.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    /// The request's id.
    pub(super) re: u64,
    /// Who asked.
    pub(super) from: ConnectionId,
}

/// What a room accepts.
///
/// What: a request, or news of a member's connection. From connection actors to a room task. When the inbox
/// is full: the sender waits, and its socket is not read meanwhile. What its loss means: the room has
/// stopped; a connection that is owed an answer for too long is closed with 1011.
///
/// Requests carry `re` and `from`, and are answered through the shard of `from`. What is large is boxed: all have the
/// size of the largest, and most are appends.
#[derive(Debug)]
pub enum RoomCommand {
    /// Add to the log.
    Append {
        /// The request's id.
        re: u64,
        /// Who asked.
        from: ConnectionId,
        /// What. When, and by which nick, the room knows better.
        event: Arc<NewEvent>,
    },
    /// Become a member, or come back as one.
    Join {
        /// The request's id.
        re: u64,
        /// Where the member is reached from now on.
        from: ConnectionId,
        /// Who.
        user: UserId,
        /// By which nick.
        nick: Nick,
        /// Whether away from the keyboard.
        away: bool,
        /// What the client has of the log.
        since: Option<Box<Position>>,
    },
    /// Be no member any more.
    Part {
        /// The request's id; `None` when nobody waits for the answer: the session has ended.
        re: Option<u64>,
        /// Who asked.
        from: ConnectionId,
        /// Who leaves.
        user: UserId,
    },
    /// List members.
    Members {
        /// The request's id.
        re: u64,
        /// Who asked.
        from: ConnectionId,
        /// Those after this nick.
        after: Option<NameKey>,
        /// How many.
        limit: u32,
    },
    /// A member types.
    Typing {
        /// Who.
        user: UserId,
    },
    /// A member is away or back.
    Away {
        /// Who.
        user: UserId,
        /// Which.
        away: bool,
    },
    /// A member has another nick.
    Rename {
        /// Who.
        user: UserId,
        /// The new one.
        nick: Nick,
    },
    /// A member's connection is gone.
    Detach {
        /// Who.
        user: UserId,
        /// The connection, so that a newer one is not meant.
        from: ConnectionId,
    },
}

const _: () = assert!(size_of::<RoomCommand>() <= 64);
