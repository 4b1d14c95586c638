//! Does what `update` asks for at the link: short calls at once, long ones in tasks that answer.
//!
//! Owner of the link. Answers wait in a queue of [`ANSWERS_MAX`]; when it is full the tasks wait, of which the
//! link allows only so many. All end with the screen.

use std::future::Future;

use hubbub_protocol::{Nick, RoomName, event::PostKind};
use tokio::sync::mpsc;

use crate::{
    link::{GapPolicy, LinkError, Nonce},
    link::{Identity, JoinFrom, Link, LinkConfig, LinkHandle, LinkUpdates, Page, PostError, ServerUrl, Update},
    screen::update::{Answer, Effect},
};

/// The answers that wait for the loop.
const ANSWERS_MAX: usize = 256;
/// After an absence, up to this many missed events of a room are read at once; more are read on scrolling.
const GAP_EVENTS_MAX: u64 = 500;
/// The events in a page of history.
const PAGE_EVENTS: u32 = 100;

/// The link and the answers of what was asked of it.
#[derive(Debug)]
pub(super) struct Calls {
    link: Option<(LinkHandle, LinkUpdates)>,
    sender: mpsc::Sender<Answer>,
    answers: mpsc::Receiver<Answer>,
}

/// What the loop hears from the calls.
#[derive(Debug)]
pub(super) enum Heard {
    /// The link tells something.
    Link(Update),
    /// A call was answered.
    Answer(Answer),
}

impl Calls {
    /// No link yet.
    pub(super) fn new() -> Self {
        let (sender, answers) = mpsc::channel(ANSWERS_MAX);
        Self { link: None, sender, answers }
    }

    /// Starts a link in place of the one there is.
    pub(super) fn start(&mut self, server: ServerUrl, nick: Nick, token: Option<String>) {
        let identity = Identity::guest(nick);
        let identity = token.map_or(identity.clone(), |token| identity.with_token(token));
        let config =
            LinkConfig { gap_policy: GapPolicy::SkipOver(GAP_EVENTS_MAX), ..LinkConfig::new(server, identity) };
        self.link = Some(Link::start(config));
    }

    /// Gives the link up.
    pub(super) fn stop(&mut self) {
        self.link = None;
    }

    /// The next thing to hear; pending for ever while there is no link and no call. Cancel safe.
    pub(super) async fn hear(&mut self) -> Heard {
        let updates = self.link.as_mut().map(|(_, updates)| updates);
        tokio::select! {
            Some(update) = next(updates) => Heard::Link(update),
            Some(answer) = self.answers.recv() => Heard::Answer(answer),
            else => std::future::pending().await,
        }
    }

    /// The next thing to hear, if there is one already.
    pub(super) fn try_hear(&mut self) -> Option<Heard> {
        let update = self.link.as_mut().and_then(|(_, updates)| updates.try_next());
        update.map(Heard::Link).or_else(|| self.answers.try_recv().ok().map(Heard::Answer))
    }

    /// Does what is asked; what has no answer elsewhere is answered here.
    pub(super) fn make(&self, effect: Effect) -> Option<Answer> {
        let Some((link, _)) = &self.link else {
            return refused(effect);
        };
        match effect {
            Effect::Join(room, from) => self.join(link.clone(), room, from),
            Effect::Part(room) => self.part(link.clone(), room),
            Effect::Topic(room, topic) => self.topic(link.clone(), room, topic),
            Effect::Rename(nick) => self.rename(link.clone(), nick),
            Effect::History(room, page) => self.history(link.clone(), room, page),
            Effect::Members(room) => self.members(link.clone(), room),
            Effect::Directory { opening, after } => self.directory(link.clone(), opening, after),
            Effect::Typing(room) => link.typing(&room),
            Effect::Presence(away) => link.presence(away),
            Effect::ReconnectNow => link.reconnect_now(),
            Effect::Post { id, room, kind, text } => return Some(queue(link, id, room, kind, &text)),
            Effect::Retry { id, room, nonce } => return Some(Answer::Retried(id, room, link.retry(&nonce))),
            Effect::Discard(nonce) => discard(link, &nonce),
            _ => {}
        }
        None
    }

    fn join(&self, link: LinkHandle, room: RoomName, from: JoinFrom) {
        self.call(async move { Answer::Join(room.clone(), link.join(&room, from).await.map(|_| ())) });
    }

    fn part(&self, link: LinkHandle, room: RoomName) {
        self.call(async move { Answer::Part(room.clone(), link.part(&room).await) });
    }

    fn topic(&self, link: LinkHandle, room: RoomName, topic: String) {
        self.call(async move {
            let result = link.topic(&room, &topic).await.map(|_| ());
            Answer::Topic(room, topic, result)
        });
    }

    fn rename(&self, link: LinkHandle, nick: Nick) {
        self.call(async move { Answer::Rename(nick.clone(), link.nick(&nick).await.map(|_| ())) });
    }

    fn history(&self, link: LinkHandle, room: RoomName, page: Page) {
        self.call(async move {
            let result = link.history(&room, page, Some(PAGE_EVENTS)).await;
            Answer::History(room, page, result)
        });
    }

    fn members(&self, link: LinkHandle, room: RoomName) {
        self.call(async move { Answer::Members(room.clone(), link.members(&room, None).await) });
    }

    fn directory(&self, link: LinkHandle, opening: u64, after: Option<RoomName>) {
        self.call(async move { Answer::Directory(opening, link.rooms(after.as_ref()).await) });
    }

    /// Lets a call run; its answer comes to the loop.
    fn call(&self, call: impl Future<Output = Answer> + Send + 'static) {
        let sender = self.sender.clone();
        tokio::spawn(async move {
            // closed: the screen has gone, and nobody waits for the answer
            if sender.send(call.await).await.is_err() {
                tracing::debug!("an answer came after the screen had gone");
            }
        });
    }
}

async fn next(updates: Option<&mut LinkUpdates>) -> Option<Update> {
    match updates {
        Some(updates) => updates.next().await,
        None => None,
    }
}

/// Queues a post; the link's name for it is the answer.
fn queue(link: &LinkHandle, id: u64, room: RoomName, kind: PostKind, text: &str) -> Answer {
    let result: Result<Nonce, PostError> = link.post(&room, text, kind);
    Answer::Queued(id, room, result)
}

/// Gives a post up. One that the link cannot forget now keeps its place in the link's bound until that ends, or until
/// it fails once more: nobody waits for it.
fn discard(link: &LinkHandle, nonce: &Nonce) {
    if let Err(error) = link.discard(nonce) {
        tracing::debug!(%error, "the link did not forget a post");
    }
}

/// What is asked while there is no link.
fn refused(effect: Effect) -> Option<Answer> {
    match effect {
        Effect::Post { id, room, .. } => Some(Answer::Queued(id, room, Err(PostError::Closed))),
        Effect::Retry { id, room, .. } => Some(Answer::Retried(id, room, Err(PostError::Closed))),
        Effect::History(room, page) => Some(Answer::History(room, page, Err(LinkError::Closed))),
        Effect::Directory { opening, .. } => Some(Answer::Directory(opening, Err(LinkError::Closed))),
        Effect::Topic(room, topic) => Some(Answer::Topic(room, topic, Err(LinkError::Closed))),
        Effect::Rename(nick) => Some(Answer::Rename(nick, Err(LinkError::Closed))),
        _ => None,
    }
}
