//! What handles ask of a link: one closed enum on one bounded channel, and two wishes that are never refused.
//!
//! From: any [`super::LinkHandle`]. To: the link's task. When the channel is full: async calls wait,
//! `post`, `retry` and `discard` are refused by name, `typing` is dropped. When it is closed: the link has ended.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hubbub_protocol::{Request, RoomName, id::Nonce};
use serde_json::value::RawValue;
use tokio::sync::{Notify, oneshot};

use super::{
    error::LinkError,
    outbox::NewPost,
    update::{JoinFrom, RoomSnapshot},
};

/// Takes the `ok` of a reply, or why there is none.
pub(super) type Reply = oneshot::Sender<Result<Box<RawValue>, LinkError>>;

/// Takes the state of a room that was joined.
pub(super) type JoinReply = oneshot::Sender<Result<Arc<RoomSnapshot>, LinkError>>;

/// What a handle asks. A lost one is seen by its caller: the reply channel closes.
#[derive(Debug)]
pub(super) enum Command {
    /// Want a room.
    Join { room: RoomName, from: JoinFrom, reply: JoinReply },
    /// Want a room no longer.
    Part { room: RoomName, call: Call },
    /// Ask the server something and hand the answer through.
    Call(Call),
    /// Queue a post.
    Post(NewPost),
    /// Queue a failed post again.
    Retry(Nonce),
    /// Forget a post.
    Discard(Nonce),
    /// The user types in this room.
    Typing(RoomName),
    /// End the session and the link. The sender is dropped when that is done.
    Quit(oneshot::Sender<()>),
}

/// A request whose answer somebody waits for.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) request: Request,
    /// Asked again after a reconnect instead of failing.
    pub(super) patient: bool,
    pub(super) reply: Reply,
}

/// What is wanted of the link whatever it does now; the newest wish counts.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    away: AtomicBool,
    reconnect: AtomicBool,
    /// Wakes the link's task after a change.
    pub(super) changed: Notify,
}

impl Wishes {
    pub(super) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Release);
        self.changed.notify_one();
    }

    pub(super) fn away(&self) -> bool {
        self.away.load(Ordering::Acquire)
    }

    pub(super) fn ask_reconnect(&self) {
        self.reconnect.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// Whether a reconnect was asked for since the last call.
    pub(super) fn take_reconnect(&self) -> bool {
        self.reconnect.swap(false, Ordering::AcqRel)
    }
}
