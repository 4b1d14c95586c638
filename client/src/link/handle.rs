//! The handle: how any task asks things of a link, and hears what happens.

use std::{sync::Arc, time::Duration};

use hubbub_protocol::{
    ErrorCode, Nick, Request, RoomName,
    envelope::read_ok,
    event::PostKind,
    id::{Nonce, Seq},
    reply::{History, MembersPage, NickChanged, Posted, RoomsPage},
    request,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc, mpsc::error::TrySendError, oneshot},
    time::timeout,
};

use super::{
    command::{Call, Command, Wishes},
    error::{LinkError, PostError, PostFailure},
    machine::{SEQ_MAX, largest},
    nonce,
    outbox::{NewPost, PostWaiter},
    update::{JoinFrom, RoomSnapshot, Update},
};

/// Which part of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The newest events.
    Newest,
    /// The newest events with a smaller seq.
    Before(Seq),
    /// The oldest events with a larger seq.
    After(Seq),
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

/// Asks things of a link. Cheap to clone; when the last one is gone the link ends.
///
/// Whoever awaits an answer must see to it that the updates are read meanwhile: when they are not,
/// the link stops reading the socket, and the call ends in [`LinkError::Timeout`].
#[derive(Debug, Clone)]
pub struct LinkHandle {
    commands: mpsc::Sender<Command>,
    wishes: Arc<Wishes>,
    /// One permit a post that may still be queued.
    posts: Arc<Semaphore>,
    posts_max: usize,
    timeout: Duration,
    patient: bool,
}

impl LinkHandle {
    pub(super) fn new(
        commands: mpsc::Sender<Command>,
        wishes: Arc<Wishes>,
        posts_max: usize,
        timeout: Duration,
    ) -> Self {
        let posts_max = posts_max.min(Semaphore::MAX_PERMITS);
        Self { commands, wishes, posts: Arc::new(Semaphore::new(posts_max)), posts_max, timeout, patient: false }
    }

    /// The same link, but requests are not answered [`LinkError::Disconnected`]: they wait for the
    /// connection, and are asked again after it was lost, until their time is over.
    #[must_use]
    pub fn patient(&self) -> Self {
        Self { patient: true, ..self.clone() }
    }

    /// The same link, but requests have this long instead of the configured time.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// Enters a room and stays in it over reconnects, until `part`. Works offline: the room is joined when
    /// the connection is there. Of a room that is wanted already it asks the state anew, and `from` is ignored.
    ///
    /// # Errors
    /// After [`LinkError::Refused`] the room is not wanted any more, after [`LinkError::Busy`] it never was;
    /// after [`LinkError::Timeout`] it still is.
    pub async fn join(&self, room: &RoomName, from: JoinFrom) -> Result<Arc<RoomSnapshot>, LinkError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Command::Join { room: room.clone(), from, reply }, answer).await
    }

    /// Leaves a room; the link forgets it at once, whatever the answer. Its unsent posts fail.
    ///
    /// # Errors
    /// When the server's answer is one, or does not come.
    pub async fn part(&self, room: &RoomName) -> Result<(), LinkError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Part(request::Part { room: room.to_string() });
        let call = Call { request, patient: self.patient, reply };
        match self.ask(Command::Part { room: room.clone(), call }, answer).await {
            Err(LinkError::Refused(error)) if error.code != ErrorCode::NotJoined => Err(LinkError::Refused(error)),
            Ok(_) | Err(LinkError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Changes a room's topic; empty for none.
    ///
    /// # Errors
    /// When refused or not answered.
    pub async fn topic(&self, room: &RoomName, topic: &str) -> Result<Posted, LinkError> {
        let nonce = nonce::unique().map_err(LinkError::NoRandomness)?;
        let nonce = nonce.as_str().to_owned();
        self.call(Request::Topic(request::Topic { room: room.to_string(), nonce, topic: topic.to_owned() })).await
    }

    /// Changes the nick; [`Update::Identity`] follows.
    ///
    /// # Errors
    /// When refused or not answered.
    pub async fn nick(&self, nick: &Nick) -> Result<NickChanged, LinkError> {
        self.call(Request::Nick(request::Nick { nick: nick.to_string() })).await
    }

    /// Reads a page of a room's log, joined or not; `limit` `None`: as many as the server likes.
    ///
    /// # Errors
    /// When refused or not answered.
    pub async fn history(&self, room: &RoomName, page: Page, limit: Option<u32>) -> Result<History, LinkError> {
        let (after, before) = match page {
            Page::Newest => (None, None),
            Page::Before(seq) => (None, Some(seq)),
            Page::After(seq) => (Some(seq), None),
        };
        let request = request::History { room: room.to_string(), after, before, limit };
        let page: History = self.call(Request::History(request)).await?;
        match largest(page.seq, &page.events) {
            seq if seq > SEQ_MAX => Err(LinkError::Unreadable(format!("{seq} is no place in a log"))),
            _ => Ok(page),
        }
    }

    /// Reads a page of a joined room's members, those after a nick.
    ///
    /// # Errors
    /// When refused or not answered.
    pub async fn members(&self, room: &RoomName, after: Option<&Nick>) -> Result<MembersPage, LinkError> {
        let (room, after) = (room.to_string(), after.map(Nick::to_string));
        self.call(Request::Members(request::Members { room, after, limit: None })).await
    }

    /// Reads a page of the directory, the rooms after one.
    ///
    /// # Errors
    /// When refused or not answered.
    pub async fn rooms(&self, after: Option<&RoomName>) -> Result<RoomsPage, LinkError> {
        self.call(Request::Rooms(request::Rooms { after: after.map(RoomName::to_string), limit: None })).await
    }

    /// Tells a room that the user is typing; no answer, and dropped when it cannot be told now.
    /// Said more often than every three seconds it is left out.
    pub fn typing(&self, room: &RoomName) {
        match self.commands.try_send(Command::Typing(room.clone())) {
            // A signal is the first thing that may be dropped; a link that has ended has told so itself.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {}
        }
    }

    /// Tells whether the user is away; kept and told again after reconnects. No answer, never lost.
    pub fn presence(&self, away: bool) {
        self.wishes.set_away(away);
    }

    /// Queues a post: sent in order, once, over reconnects. What becomes of it is told by
    /// [`Update::Pending`], [`Update::Settled`] and [`Update::Failed`] with this nonce.
    ///
    /// # Errors
    /// When it was not queued.
    pub fn post(&self, room: &RoomName, text: &str, kind: PostKind) -> Result<Nonce, PostError> {
        let permit = match Arc::clone(&self.posts).try_acquire_owned() {
            Ok(permit) => permit,
            Err(TryAcquireError::NoPermits) => return Err(PostError::Full { max: self.posts_max }),
            Err(TryAcquireError::Closed) => return Err(PostError::Closed),
        };
        let post = new_post(room, text, kind, permit, None)?;
        let nonce = post.nonce.clone();
        self.try_command(Command::Post(post))?;
        Ok(nonce)
    }

    /// Posts and waits, for however long it takes, until it is stored or failed; a failed one is discarded.
    /// When the queue is full it waits for space instead of being refused.
    ///
    /// # Errors
    /// When it was not queued, or has failed.
    pub async fn post_and_wait(&self, room: &RoomName, text: &str, kind: PostKind) -> Result<Settled, PostWaitError> {
        let closed = || PostWaitError::NotQueued(PostError::Closed);
        let permit = Arc::clone(&self.posts).acquire_owned().await.map_err(|_| closed())?;
        let (waiter, answer) = oneshot::channel();
        let post = new_post(room, text, kind, permit, Some(waiter)).map_err(PostWaitError::NotQueued)?;
        self.commands.send(Command::Post(post)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?.map_err(PostWaitError::Failed)
    }

    /// Queues a failed post again, with its nonce, behind the room's other posts. Of others: without effect.
    ///
    /// # Errors
    /// When the link takes no command now.
    pub fn retry(&self, nonce: &Nonce) -> Result<(), PostError> {
        self.try_command(Command::Retry(nonce.clone()))
    }

    /// Gives up a post that has failed or is not on its way; no update follows. One on its way settles as usual.
    ///
    /// # Errors
    /// When the link takes no command now.
    pub fn discard(&self, nonce: &Nonce) -> Result<(), PostError> {
        self.try_command(Command::Discard(nonce.clone()))
    }

    /// Connects now: instead of at the end of a wait, or anew when there is a connection already.
    pub fn reconnect_now(&self) {
        self.wishes.ask_reconnect();
    }

    /// Ends the session, so that the nick is free and the token worthless, then the link.
    /// Comes back when the server has answered or can be waited for no longer. Posts that wait fail.
    pub async fn quit(&self) {
        let (done, ended) = oneshot::channel();
        if self.commands.send(Command::Quit(done)).await.is_ok() {
            // The sender is dropped, not used, when the link has ended.
            ended.await.ok();
        }
    }

    fn try_command(&self, command: Command) -> Result<(), PostError> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => PostError::Full { max: self.commands.max_capacity() },
            TrySendError::Closed(_) => PostError::Closed,
        })
    }

    async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T, LinkError> {
        let (reply, answer) = oneshot::channel();
        let call = Call { request, patient: self.patient, reply };
        let ok: Box<RawValue> = self.ask(Command::Call(call), answer).await?;
        read_ok(&ok).map_err(|error| LinkError::Unreadable(error.to_string()))
    }

    async fn ask<T>(&self, command: Command, answer: oneshot::Receiver<Result<T, LinkError>>) -> Result<T, LinkError> {
        let asked = async {
            self.commands.send(command).await.map_err(|_| LinkError::Closed)?;
            answer.await.map_err(|_| LinkError::Closed)?
        };
        timeout(self.timeout, asked).await.unwrap_or(Err(LinkError::Timeout { after: self.timeout }))
    }
}

fn new_post(
    room: &RoomName,
    text: &str,
    kind: PostKind,
    permit: OwnedSemaphorePermit,
    waiter: Option<PostWaiter>,
) -> Result<NewPost, PostError> {
    let nonce = nonce::unique().map_err(PostError::NoRandomness)?;
    Ok(NewPost { nonce, room: room.clone(), text: text.to_owned(), kind, _permit: Some(permit), waiter })
}

/// What a link tells, for one reader. When it is dropped the link ends.
#[derive(Debug)]
pub struct LinkUpdates(pub(super) mpsc::Receiver<Update>);

impl LinkUpdates {
    /// The next update; `None` after [`super::LinkState::Closed`]. Cancel safe.
    pub async fn next(&mut self) -> Option<Update> {
        self.0.recv().await
    }

    /// The next update if there is one already: to take all that waits before drawing once.
    pub fn try_next(&mut self) -> Option<Update> {
        self.0.try_recv().ok()
    }
}
