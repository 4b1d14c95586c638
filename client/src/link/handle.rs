//! The handle: how any task asks things of a link.

use std::{sync::Arc, time::Duration};

use hubbub_protocol::{
    Nick, RoomName,
    event::PostKind,
    id::{Nonce, Seq},
    reply::{History, MembersPage, NickChanged, Posted, RoomsPage},
};

use super::{
    error::{LinkError, PostError, PostFailure},
    update::{JoinFrom, RoomSnapshot, Update},
};

/// Which part of a log; the end of it when neither bound is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The newest events.
    Newest,
    /// The newest events with a smaller seq.
    Before(Seq),
    /// The oldest events with a larger seq.
    After(Seq),
}

/// Asks things of a link. Cheap to clone; when the last one is gone the link ends.
///
/// Whoever awaits an answer must see to it that the updates are read meanwhile: when they are not,
/// the link stops reading the socket, and the call ends in [`LinkError::Timeout`].
#[derive(Debug, Clone)]
pub struct LinkHandle {}

impl LinkHandle {
    /// The same link, but requests are not answered [`LinkError::Disconnected`]: they wait for the
    /// connection, and are asked again after it was lost, until their time is over.
    #[must_use]
    pub fn patient(&self) -> Self {
        self.clone()
    }

    /// The same link, but requests have this long instead of the configured time.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let _timeout = timeout;
        self.clone()
    }

    /// Enters a room and stays in it over reconnects, until `part`. Works offline: the room is joined when
    /// the connection is there. Of a room that is joined it asks the state anew.
    ///
    /// # Errors
    /// After [`LinkError::Refused`] the room is not wanted any more; after any other error it still is.
    pub async fn join(&self, room: &RoomName, from: JoinFrom) -> Result<Arc<RoomSnapshot>, LinkError> {
        drop((room.clone(), from));
        Err(LinkError::Closed)
    }

    /// Leaves a room; the link forgets it at once, whatever the answer. Its unsent posts fail.
    ///
    /// # Errors
    /// When the server's answer is one, or does not come.
    pub async fn part(&self, room: &RoomName) -> Result<(), LinkError> {
        drop(room.clone());
        Err(LinkError::Closed)
    }

    /// Changes a room's topic; empty for none.
    ///
    /// # Errors
    /// When refused or not answered.
    pub async fn topic(&self, room: &RoomName, topic: &str) -> Result<Posted, LinkError> {
        drop((room.clone(), topic.to_owned()));
        Err(LinkError::Closed)
    }

    /// Changes the nick; [`Update::Identity`] follows.
    ///
    /// # Errors
    /// When refused or not answered.
    pub async fn nick(&self, nick: &Nick) -> Result<NickChanged, LinkError> {
        drop(nick.clone());
        Err(LinkError::Closed)
    }

    /// Reads a page of a room's log, joined or not.
    ///
    /// # Errors
    /// When refused or not answered.
    pub async fn history(&self, room: &RoomName, page: Page, limit: Option<u32>) -> Result<History, LinkError> {
        drop((room.clone(), page, limit));
        Err(LinkError::Closed)
    }

    /// Reads a page of a joined room's members, those after a nick.
    ///
    /// # Errors
    /// When refused or not answered.
    pub async fn members(&self, room: &RoomName, after: Option<&Nick>) -> Result<MembersPage, LinkError> {
        drop((room.clone(), after.cloned()));
        Err(LinkError::Closed)
    }

    /// Reads a page of the directory, the rooms after one.
    ///
    /// # Errors
    /// When refused or not answered.
    pub async fn rooms(&self, after: Option<&RoomName>) -> Result<RoomsPage, LinkError> {
        drop(after.cloned());
        Err(LinkError::Closed)
    }

    /// Tells a room that the user is typing; no answer, and dropped when there is no connection.
    /// Said more often than every three seconds it is left out.
    pub fn typing(&self, room: &RoomName) {
        drop(room.clone());
    }

    /// Tells whether the user is away; kept and told again after reconnects. No answer.
    pub fn presence(&self, away: bool) {
        let _away = away;
    }

    /// Queues a post: sent in order, once, over reconnects. What becomes of it is told by
    /// [`Update::Pending`], [`Update::Settled`] and [`Update::Failed`] with this nonce.
    ///
    /// # Errors
    /// When it was not queued.
    pub fn post(&self, room: &RoomName, text: &str, kind: PostKind) -> Result<Nonce, PostError> {
        drop((room.clone(), text.to_owned(), kind));
        Err(PostError::Closed)
    }

    /// Posts and waits, for however long it takes, until it is stored or failed; a failed one is discarded.
    ///
    /// # Errors
    /// `Err(Err(_))` when it was not queued, `Err(Ok(_))` when it failed.
    pub async fn post_and_wait(&self, room: &RoomName, text: &str, kind: PostKind) -> Result<Settled, PostWaitError> {
        drop((room.clone(), text.to_owned(), kind));
        Err(PostWaitError::NotQueued(PostError::Closed))
    }

    /// Queues a failed post again, with its nonce, behind the room's other posts. Of others: without effect.
    pub fn retry(&self, nonce: &Nonce) -> Result<(), PostError> {
        drop(nonce.clone());
        Err(PostError::Closed)
    }

    /// Gives up a post that has failed or was not sent yet; no update follows. One on its way settles as usual.
    pub fn discard(&self, nonce: &Nonce) -> Result<(), PostError> {
        drop(nonce.clone());
        Err(PostError::Closed)
    }

    /// Tries to connect now instead of at the end of a wait.
    pub fn reconnect_now(&self) {}

    /// Ends the session, so that the nick is free and the token worthless, then the link.
    /// Comes back when the server has answered or nothing can be waited for any more.
    pub async fn quit(&self) {}
}

/// A post that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The post.
    pub nonce: Nonce,
    /// Its room.
    pub room: RoomName,
    /// Its position and time.
    pub posted: Posted,
}

/// Why a post that was waited for is not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostWaitError {
    /// It was not queued.
    #[error(transparent)]
    NotQueued(PostError),
    /// It failed, and was discarded.
    #[error(transparent)]
    Failed(PostFailure),
}

/// What a link tells, for one reader. When it is dropped the link ends.
#[derive(Debug)]
pub struct LinkUpdates {}

impl LinkUpdates {
    /// The next update; `None` after [`super::LinkState::Closed`]. Cancel safe.
    pub async fn next(&mut self) -> Option<Update> {
        None
    }

    /// The next update if there is one already: to take all that waits before drawing once.
    pub fn try_next(&mut self) -> Option<Update> {
        None
    }
}
