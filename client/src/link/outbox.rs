//! Posts on their way: kept in order until they are known to be stored, or known to be refused.
//!
//! A post is sent with the same nonce until an answer comes, so the server stores it once. It is settled
//! by the reply, or by seeing its event (user and nonce) when the reply was lost.
//!
//! **When the session is lost** and another one begins, the server takes us for another user, and a nonce
//! is only unique for one user. A post that was sent but not answered may then be in the log under the old
//! user; sending it again could store it twice. Such a post is *doubtful*: it settles when its event is seen
//! while the room is caught up with, and fails as [`PostFailure::Doubtful`] otherwise, for people to decide.
//!
//! Pure: no clock, no I/O. One queue a room, so that a held room does not hold others.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use hubbub_protocol::{
    ErrorBody, ErrorCode, Event, NameKey, RoomName,
    error::Retry,
    event::PostKind,
    id::{Nonce, UserId},
    reply::Posted,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    error::PostFailure,
    handle::Settled,
    update::{Held, Update},
};

/// The wait after a refusal that names none, doubled with each refusal in a row up to [`REFUSED_WAIT_MAX`].
const REFUSED_WAIT: Duration = Duration::from_millis(500);

/// The longest of those waits.
const REFUSED_WAIT_MAX: Duration = Duration::from_secs(15);

/// How often a post is sent again after `not_joined` before that counts as a refusal.
const REJOINS_MAX: u32 = 3;

/// A post's place in the order of all posts of the link.
pub(super) type Order = u64;

/// Waits for one post.
pub(super) type PostWaiter = oneshot::Sender<Result<Settled, PostFailure>>;

/// A post as it was handed in.
#[derive(Debug)]
pub(super) struct NewPost {
    pub(super) nonce: Nonce,
    pub(super) room: RoomName,
    pub(super) text: String,
    pub(super) kind: PostKind,
    /// Its share of the bound on posts, given back when it is gone.
    pub(super) _permit: Option<OwnedSemaphorePermit>,
    /// Somebody waits for it; then it is discarded when it fails.
    pub(super) waiter: Option<PostWaiter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PostState {
    Waiting,
    InFlight { since: Instant },
    Doubtful,
    Failed,
}

#[derive(Debug)]
struct Entry {
    post: NewPost,
    key: NameKey,
    state: PostState,
    /// As whom it was sent; `None`: the server cannot have it.
    sent_as: Option<UserId>,
    /// It was on its way when a connection broke, so that a later refusal does not prove that it is not stored.
    unsure: bool,
    /// Refusals in a row.
    refusals: u32,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeSet<Order>,
    in_flight: BTreeSet<Order>,
    held_until: Option<Instant>,
}

/// What a refusal leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing: it has failed, or waits by itself.
    Done,
    /// No post of any room may be sent before this.
    HoldAll(Instant),
    /// The server says that the room is not joined: join it again.
    Rejoin,
}

/// The posts that are not settled.
#[derive(Debug)]
pub(super) struct Outbox {
    entries: BTreeMap<Order, Entry>,
    by_nonce: HashMap<Nonce, Order>,
    queues: HashMap<NameKey, Queue>,
    next_order: Order,
    in_flight_max: usize,
}

impl Outbox {
    pub(super) fn new(in_flight_max: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            by_nonce: HashMap::new(),
            queues: HashMap::new(),
            next_order: 0,
            in_flight_max: in_flight_max.max(1),
        }
    }

    /// Puts a post behind all others of its room.
    pub(super) fn queue(&mut self, post: NewPost, updates: &mut Vec<Update>) {
        updates.push(Update::Pending { nonce: post.nonce.clone(), room: post.room.clone(), held: None });
        let key = post.room.key();
        self.insert(Entry { post, key, state: PostState::Waiting, sent_as: None, unsure: false, refusals: 0 });
    }

    fn insert(&mut self, entry: Entry) {
        let order = self.next_order;
        self.next_order += 1;
        self.by_nonce.insert(entry.post.nonce.clone(), order);
        self.queues.entry(entry.key.clone()).or_default().waiting.insert(order);
        self.entries.insert(order, entry);
    }

    fn remove(&mut self, order: Order) -> Option<Entry> {
        let entry = self.entries.remove(&order)?;
        self.by_nonce.remove(&entry.post.nonce);
        if let Some(queue) = self.queues.get_mut(&entry.key) {
            queue.waiting.remove(&order);
            queue.in_flight.remove(&order);
            if queue.waiting.is_empty() && queue.in_flight.is_empty() {
                self.queues.remove(&entry.key);
            }
        }
        Some(entry)
    }

    /// The oldest post that may be sent now to a room that `may_send` allows.
    pub(super) fn next(&self, now: Instant, may_send: impl Fn(&NameKey) -> bool) -> Option<Order> {
        let ready = |(key, queue): (&NameKey, &Queue)| {
            let free = queue.in_flight.len() < self.in_flight_max && queue.held_until.is_none_or(|until| until <= now);
            if free && may_send(key) { queue.waiting.first().copied() } else { None }
        };
        self.queues.iter().filter_map(ready).min()
    }

    /// The room, nonce, text and kind of a post.
    pub(super) fn get(&self, order: Order) -> Option<&NewPost> {
        self.entries.get(&order).map(|entry| &entry.post)
    }

    /// A post is on its way as this user.
    pub(super) fn sent(&mut self, order: Order, user: UserId, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&order) {
            entry.state = PostState::InFlight { since: now };
            entry.sent_as = Some(user);
            let queue = self.queues.entry(entry.key.clone()).or_default();
            queue.waiting.remove(&order);
            queue.in_flight.insert(order);
        }
    }

    /// The server has stored a post.
    pub(super) fn settle(&mut self, order: Order, posted: Posted, updates: &mut Vec<Update>) {
        let Some(entry) = self.remove(order) else { return };
        let NewPost { nonce, room, waiter, .. } = entry.post;
        updates.push(Update::Settled { nonce: nonce.clone(), room: room.clone(), seq: posted.seq, at: posted.at });
        if let Some(waiter) = waiter {
            // Whoever waited may have given up; the update has told it all the same.
            waiter.send(Ok(Settled { nonce, room, posted })).ok();
        }
    }

    /// An event was given out: settles the post that it is.
    pub(super) fn observe(&mut self, event: &Event, updates: &mut Vec<Update>) {
        if self.entries.is_empty() {
            return;
        }
        let Event::Post(post) = event else { return };
        let Ok(nonce) = Nonce::parse(&post.nonce) else { return };
        let Some(order) = self.by_nonce.get(&nonce).copied() else { return };
        let own = self.entries.get(&order).is_some_and(|entry| entry.sent_as == Some(post.user));
        if own {
            self.settle(order, Posted { seq: post.seq, at: post.at, duplicate: false }, updates);
        }
    }

    /// The server has refused a post.
    pub(super) fn refused(
        &mut self,
        order: Order,
        error: ErrorBody,
        now: Instant,
        updates: &mut Vec<Update>,
    ) -> Refusal {
        let Some(entry) = self.entries.get_mut(&order) else { return Refusal::Done };
        if !entry.unsure && error.code != ErrorCode::Internal {
            entry.sent_as = None;
        }
        entry.refusals += 1;
        if error.code == ErrorCode::NotJoined && entry.refusals <= REJOINS_MAX {
            self.back(order);
            return Refusal::Rejoin;
        }
        if error.code.retry() != Retry::Later {
            self.fail(order, PostFailure::Refused(error), updates);
            return Refusal::Done;
        }
        let doubled = REFUSED_WAIT.saturating_mul(1 << entry.refusals.saturating_sub(1).min(10)).min(REFUSED_WAIT_MAX);
        let retry_in = error.retry_after_ms.map_or(doubled, Duration::from_millis);
        let (nonce, room) = (entry.post.nonce.clone(), entry.post.room.clone());
        let rate = error.code == ErrorCode::RateLimited;
        updates.push(Update::Pending { nonce, room, held: Some(Held { error, retry_in }) });
        let until = now + retry_in;
        let key = self.back(order);
        if rate {
            return Refusal::HoldAll(until);
        }
        if let Some(queue) = key.and_then(|key| self.queues.get_mut(&key)) {
            queue.held_until = queue.held_until.max(Some(until));
        }
        Refusal::Done
    }

    /// Puts a post back to its place in its room's queue.
    fn back(&mut self, order: Order) -> Option<NameKey> {
        let entry = self.entries.get_mut(&order)?;
        entry.state = PostState::Waiting;
        let queue = self.queues.entry(entry.key.clone()).or_default();
        queue.in_flight.remove(&order);
        queue.waiting.insert(order);
        Some(entry.key.clone())
    }

    pub(super) fn fail(&mut self, order: Order, error: PostFailure, updates: &mut Vec<Update>) {
        let Some(mut entry) = self.remove(order) else { return };
        let can_retry = match &error {
            PostFailure::Refused(body) => body.code.retry() != Retry::No,
            PostFailure::NotJoined | PostFailure::Doubtful => true,
            PostFailure::Closed { .. } => false,
        };
        if let Some(waiter) = entry.post.waiter.take() {
            waiter.send(Err(error)).ok();
            return;
        }
        let (nonce, room) = (entry.post.nonce.clone(), entry.post.room.clone());
        updates.push(Update::Failed { nonce: nonce.clone(), room, error, can_retry });
        entry.state = PostState::Failed;
        // It keeps its share of the bound, and its event would still settle it.
        self.by_nonce.insert(nonce, order);
        self.entries.insert(order, entry);
    }

    /// The connection was lost: what was on its way will be sent again, before what was not.
    pub(super) fn cut(&mut self) {
        let flying: Vec<Order> = self.queues.values().flat_map(|queue| queue.in_flight.iter().copied()).collect();
        for order in flying {
            self.back(order);
            if let Some(entry) = self.entries.get_mut(&order) {
                entry.unsure = true;
            }
        }
    }

    /// The session was lost and another user's begins: see the module's header.
    pub(super) fn session_lost(&mut self) {
        let doubtful = |entry: &&mut Entry| entry.sent_as.is_some() && entry.state != PostState::Failed;
        let mut moved = Vec::new();
        for (order, entry) in &mut self.entries {
            if doubtful(&entry) {
                entry.state = PostState::Doubtful;
                moved.push((*order, entry.key.clone()));
            }
        }
        for (order, key) in moved {
            if let Some(queue) = self.queues.get_mut(&key) {
                queue.waiting.remove(&order);
                queue.in_flight.remove(&order);
            }
        }
    }

    /// All of a room's log up to its join was seen, or will never be: its doubtful posts fail.
    pub(super) fn caught_up(&mut self, room: &NameKey, updates: &mut Vec<Update>) {
        let doubtful = |entry: &Entry| entry.state == PostState::Doubtful && entry.key == *room;
        for order in self.orders(doubtful) {
            self.fail(order, PostFailure::Doubtful, updates);
        }
    }

    /// A room was left: what was not sent fails; what is on its way may still settle.
    pub(super) fn left(&mut self, room: &NameKey, refusal: Option<&ErrorBody>, updates: &mut Vec<Update>) {
        let gone =
            |entry: &Entry| entry.key == *room && matches!(entry.state, PostState::Waiting | PostState::Doubtful);
        for order in self.orders(gone) {
            let sent = self.entries.get(&order).is_some_and(|entry| entry.sent_as.is_some());
            let failure = match (sent, refusal) {
                (true, _) => PostFailure::Doubtful,
                (false, Some(error)) => PostFailure::Refused(error.clone()),
                (false, None) => PostFailure::NotJoined,
            };
            self.fail(order, failure, updates);
        }
    }

    /// The link has ended: everything that is not stored fails, so that nothing is lost in silence.
    pub(super) fn close(&mut self, updates: &mut Vec<Update>) {
        for order in self.orders(|entry| entry.state != PostState::Failed) {
            let sent = self.entries.get(&order).is_some_and(|entry| entry.sent_as.is_some());
            self.fail(order, PostFailure::Closed { sent }, updates);
        }
    }

    fn orders(&self, which: impl Fn(&Entry) -> bool) -> Vec<Order> {
        self.entries.iter().filter(|(_, entry)| which(entry)).map(|(order, _)| *order).collect()
    }

    /// Queues a failed post again and returns its room. The user has decided: it may be sent as whoever we are now.
    pub(super) fn retry(&mut self, nonce: &Nonce, updates: &mut Vec<Update>) -> Option<NameKey> {
        let order = self.by_nonce.get(nonce).copied()?;
        self.entries.get(&order).filter(|entry| entry.state == PostState::Failed)?;
        let entry = self.remove(order)?;
        self.queue(entry.post, updates);
        Some(entry.key)
    }

    /// Forgets a post, unless it is on its way.
    pub(super) fn discard(&mut self, nonce: &Nonce) {
        let Some(order) = self.by_nonce.get(nonce).copied() else { return };
        if self.entries.get(&order).is_some_and(|entry| !matches!(entry.state, PostState::InFlight { .. })) {
            self.remove(order);
        }
    }

    /// When the next held room may go on.
    pub(super) fn held_until(&self, now: Instant) -> Option<Instant> {
        self.queues.values().filter_map(|queue| queue.held_until).filter(|until| *until > now).min()
    }

    /// The rooms with posts that wait to be sent.
    pub(super) fn rooms_waiting(&self) -> impl Iterator<Item = &NameKey> {
        self.queues.iter().filter(|(_, queue)| !queue.waiting.is_empty()).map(|(key, _)| key)
    }

    /// Since when the oldest unanswered post is on its way.
    pub(super) fn oldest_in_flight(&self) -> Option<Instant> {
        let first = |queue: &Queue| match self.entries.get(queue.in_flight.first()?)?.state {
            PostState::InFlight { since } => Some(since),
            PostState::Waiting | PostState::Doubtful | PostState::Failed => None,
        };
        self.queues.values().filter_map(first).min()
    }
}
