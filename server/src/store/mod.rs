//! The store: what must outlive the process, behind one trait.
//!
//! **What it promises.** When a future of [`Store::append`] or of a session's change resolves to `Ok`, the
//! change survives a crash of the process and a loss of power. When it resolves to `Err`, nothing of it was
//! stored; should that be in doubt, sending the same nonces again is always safe.
//! Seqs of a room are dense and increasing from 1. A pair of user and nonce is in a room's log once.
//!
//! **What it does not do.** It knows no members, no connections and no permissions, and sends nothing.
//!
//! Every call returns at once; the work is done on the store's own threads.

mod events;
mod future;
pub mod memory;
pub mod sqlite;
mod view;

use hubbub_protocol::{
    Event, NameKey, Nick, RoomName, event,
    id::{Seq, UnixMs, UserId},
};

pub use events::{Appended, EventBody, Events, NewEvent, Outcomes};
pub use future::StoreFuture;
pub use view::{Commit, StoreView, WriterState};

/// A room's number in the store; never used again.
pub type RoomId = u64;

/// Why the store could not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was stored; it may work later (disk full, I/O error, read-only, locked).
    #[error("the store cannot do this now: {0}")]
    Unavailable(String),
    /// A bounded queue of the store is full; nothing was stored.
    #[error("the store has too much to do")]
    Overloaded,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// There are as many rooms as allowed; nothing was stored.
    #[error("there are as many rooms as allowed")]
    RoomLimit,
    /// What is stored cannot be read as what it should be.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

/// An event of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its position.
    pub seq: Seq,
    /// What was appended.
    pub event: NewEvent,
}

impl StoredEvent {
    /// The event as clients see it.
    #[must_use]
    pub fn into_event(self, room: RoomName) -> Event {
        let Self { seq, event: NewEvent { at, user, nick: from, nonce, body } } = self;
        let nonce = nonce.as_str().to_owned();
        match body {
            EventBody::Post { kind, text } => Event::Post(event::Post { room, seq, at, user, from, kind, text, nonce }),
            EventBody::Topic { topic } => Event::Topic(event::Topic { room, seq, at, user, from, topic, nonce }),
        }
    }
}

/// A room as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRoom {
    /// Its number.
    pub id: RoomId,
    /// Its name as its creator wrote it.
    pub name: RoomName,
    /// The name of its log, see [`hubbub_protocol::id::Position`].
    pub epoch: String,
    /// Empty for none.
    pub topic: String,
    /// The last event's position; 0 for an empty log.
    pub seq: Seq,
    /// The last event's time; 0 for an empty log.
    pub at: UnixMs,
}

/// Which part of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The oldest events with a larger seq.
    After(Seq),
    /// The newest events with a smaller seq. `Seq::MAX`: the newest of all.
    Before(Seq),
}

/// A part of a log, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The room as it stood when the page was read.
    pub room: StoredRoom,
    /// The events.
    pub events: Vec<StoredEvent>,
    /// Whether the log goes on beyond the page in the direction asked for.
    pub more: bool,
}

/// A session that is to be created, together with its guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Its public name.
    pub id: String,
    /// SHA-256 of its token; the token itself is never stored.
    pub token_hash: [u8; 32],
    /// The guest's nick.
    pub nick: Nick,
    /// When.
    pub at: UnixMs,
}

/// A session as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// Its public name.
    pub id: String,
    /// SHA-256 of its token.
    pub token_hash: [u8; 32],
    /// Its user.
    pub user: UserId,
    /// The user's nick.
    pub nick: Nick,
    /// Since when it has no connection; `None`: it had one when this was written.
    pub idle_since: Option<UnixMs>,
}

/// A change of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChange {
    /// It has a connection.
    Connected,
    /// It has none since then.
    Idle(UnixMs),
    /// Its user's nick is another.
    Renamed(Nick),
    /// It has ended. Its user's events stay.
    Ended,
}

/// What outlives the process.
pub trait Store: Send + Sync + 'static {
    /// Opens a room by name; when there is none, creates it if there are fewer than `rooms_max`.
    fn open_room(&self, name: RoomName, at: UnixMs, rooms_max: u64) -> StoreFuture<StoredRoom>;

    /// Appends events to a room's log, all or none, and gives them their seqs. One answer an event, in order.
    fn append(&self, room: RoomId, events: Events) -> StoreFuture<Outcomes>;

    /// Reads at most `limit` events of the log of the room with this key, and no more than about
    /// `bytes_max` of text, but at least one. `None`: there is no such room.
    fn read_log(&self, room: NameKey, page: Page, limit: u32, bytes_max: u64) -> StoreFuture<Option<LogPage>>;

    /// Lists at most `limit` rooms by key, those after `after`.
    fn list_rooms(&self, after: Option<NameKey>, limit: u32) -> StoreFuture<Vec<StoredRoom>>;

    /// Creates a guest and its session; the guest's number is never used again.
    fn create_session(&self, session: NewSession) -> StoreFuture<UserId>;

    /// Changes a session; without effect when there is none of this name.
    fn change_session(&self, id: String, change: SessionChange) -> StoreFuture<()>;

    /// To be called once at the start: those that had a connection when the server stopped are idle
    /// since `now`; those idle since before `idle_before` are deleted; the rest is the answer.
    fn recover_sessions(&self, now: UnixMs, idle_before: UnixMs) -> StoreFuture<Vec<StoredSession>>;

    /// Whether something can be written now: writes, commits and takes back a trifle.
    fn probe(&self) -> StoreFuture<()>;

    /// What it does now, without asking its threads: they may be stuck. `None`: there is nothing to be seen.
    fn look(&self) -> Option<StoreView> {
        None
    }

    /// Finishes what was begun, then closes. Later calls resolve to [`StoreError::Closed`].
    fn close(&self) -> StoreFuture<()>;
}
