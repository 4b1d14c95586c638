//! What a link tells its reader: one closed enum.

use std::{sync::Arc, time::Duration};

use hubbub_protocol::{
    ErrorBody, Event, Nick, RoomName,
    event::{Goodbye, Member, Presence, Typing},
    id::{Nonce, Position, Seq, UnixMs, UserId},
    reply::{Resume, Welcome},
};

use super::error::{CloseReason, Outage, PostFailure};

/// Everything that a link tells, in the order in which it happened.
///
/// Rooms are named as their creator wrote them once they are joined, before as the caller wrote them:
/// compare by [`RoomName::key`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// The connection's state changed. After `Closed` nothing follows.
    State(LinkState),
    /// Who the server takes the user for: after each new session and each change of nick. To be saved.
    Identity(SessionIdentity),
    /// A room was joined, or joined again: its state replaces what was known. Its events follow.
    Room(Arc<RoomSnapshot>),
    /// Events of a room's log, in order: each exactly once, none missing except where `Gap` or `Reset` says so.
    Events {
        /// The room.
        room: RoomName,
        /// At least one, in ascending order, dense.
        events: Vec<Event>,
    },
    /// The room's log is another one: what was given out of it is worth nothing. `Room` and its newest events follow.
    Reset {
        /// The room.
        room: RoomName,
    },
    /// Events between these two positions are left out. `history` has them where the policy skipped them.
    Gap {
        /// The room.
        room: RoomName,
        /// The last event given out.
        after: Seq,
        /// The next event that will be given out.
        before: Seq,
    },
    /// Something passing: may be dropped, may be merged.
    Signal(Signal),
    /// A room is no longer joined, and the link will not join it again by itself.
    Left {
        /// The room.
        room: RoomName,
        /// The server's refusal when coming back; `None`: `part` was called.
        error: Option<ErrorBody>,
    },
    /// A post is queued, or waits longer because the server asked for it.
    Pending {
        /// The post.
        nonce: Nonce,
        /// Its room.
        room: RoomName,
        /// Why it is held back; `None`: it waits for its turn.
        held: Option<Held>,
    },
    /// A post is stored. Its event may come before or after this.
    Settled {
        /// The post.
        nonce: Nonce,
        /// Its room.
        room: RoomName,
        /// Its position in the log.
        seq: Seq,
        /// When the server took it.
        at: UnixMs,
    },
    /// A post failed. It stays with the link until `retry` or `discard` is called for it.
    Failed {
        /// The post.
        nonce: Nonce,
        /// Its room.
        room: RoomName,
        /// Why.
        error: PostFailure,
        /// Whether sending the same again can succeed.
        can_retry: bool,
    },
    /// The time that a ping took to the server and back.
    Latency(Duration),
    /// Something that people should know and programs need not.
    Notice(String),
    /// The server is about to close the connection; the state follows.
    Goodbye(Goodbye),
}

/// The connection's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Being made.
    Connecting {
        /// 1 for the first attempt since the start or since the last time online.
        attempt: u32,
    },
    /// There.
    Online {
        /// The server's words at the reception: limits, its name and version.
        welcome: Arc<Welcome>,
    },
    /// Lost or not made; it will be tried again.
    Waiting {
        /// The number that the next attempt will have.
        attempt: u32,
        /// In how long.
        retry_in: Duration,
        /// Why.
        reason: Outage,
    },
    /// Ended for good.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// Who the server takes the user for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionIdentity {
    /// The nick.
    pub nick: Nick,
    /// The number that events carry in `user`; with the nonce it tells one's own posts.
    pub user: UserId,
    /// The secret that goes on with this session later.
    pub token: String,
}

/// A room's state and the position at which it is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSnapshot {
    /// The room's name as its creator wrote it.
    pub room: RoomName,
    /// The log's name.
    pub epoch: String,
    /// The log's last position when the server answered.
    pub seq: Seq,
    /// The last event given out, or left out: the next one given out has the seq after it (a `Gap` may come first).
    /// When nothing was given out yet, older events are to be had by `history` before `delivered + 1`.
    pub delivered: Seq,
    /// The topic; empty for none.
    pub topic: String,
    /// The number of members, this session included.
    pub member_count: u64,
    /// The members by nick, at most [`hubbub_protocol::limits::MEMBERS_PAGE_MAX`]; `members` has the rest.
    pub members: Vec<Member>,
    /// How it went on: `Fresh` for a room that was not known before.
    pub resume: Resume,
}

/// Something passing in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// Some are typing.
    Typing(Typing),
    /// Members came, left, changed their state or nick.
    Presence(Presence),
}

/// Why a post waits longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What the server said.
    pub error: ErrorBody,
    /// When it will be sent again.
    pub retry_in: Duration,
}

/// From where a room's log is wanted at the first join.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum JoinFrom {
    /// The newest events, as many as the server sends by itself.
    #[default]
    Newest,
    /// The newest events, at most this many.
    Last(u64),
    /// Everything after this seq, whatever the log's epoch.
    After(Seq),
    /// Everything after a remembered position; `Reset` follows when it is not of this log.
    Position(Position),
}
