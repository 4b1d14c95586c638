//! The look itself: asks who can answer, reads what the others have left to be seen, and waits for nobody for long.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};

use super::{
    document::{ConnectionView, ConnectionsView, Document, FORMAT, Request},
    stuck,
};
use crate::{
    clock::monotonic_ms,
    domain::busiest::Busiest,
    fanout::{
        ActorView, ConnectionId, Fanout, Look, OutboxView, Page, Seated, ShardCommand, ShardHandle, ShardId,
        ShardInside, ShardView, address,
    },
    hub::Hub,
};

/// Connections and rooms that one document lists at most, each.
pub const ROWS_MAX: usize = 10_000;

/// How long anybody is waited for.
const ANSWER_WAIT: Duration = Duration::from_millis(500);

/// How long one shard may be gone through, a page at a time.
const WALK_WAIT: Duration = Duration::from_secs(2);

/// A connection's claim to be shown: blocked longest, then waiting longest, then most bytes or requests, then age.
type Rank = (u64, u64, usize, u32, Reverse<(u32, ShardId, u32)>);

type Rows = Busiest<Rank, Seated>;

/// Looks at everything of a running server. One at a time.
pub struct Inspector {
    hub: Arc<Hub>,
    begun_ms: u64,
    shards: Vec<Watched>,
}

/// A shard and what it was asked.
struct Watched {
    id: ShardId,
    handle: ShardHandle,
    /// The answer to a question that is still open. As long as there is one, nothing else is asked: however often
    /// somebody looks, a shard that is stuck has one question in its inbox.
    open: Option<oneshot::Receiver<Page>>,
    /// Since when it has not answered.
    silent_since_ms: Option<u64>,
}

/// What going through a shard brought.
struct Walked {
    view: ShardView,
    seen: u64,
    blocked: u64,
    unanswered: u64,
    rows: Rows,
}

impl Inspector {
    /// One for a server that has just begun.
    #[must_use]
    pub fn new(hub: Arc<Hub>, fanout: &Fanout) -> Self {
        let watched = |(id, handle): (ShardId, &ShardHandle)| Watched {
            id,
            handle: handle.clone(),
            open: None,
            silent_since_ms: None,
        };
        Self { hub, begun_ms: monotonic_ms(), shards: (0..).zip(fanout.shards()).map(watched).collect() }
    }

    /// Looks. Takes no longer than the sum of the waits, whatever is stuck.
    pub async fn look(&mut self, Request { rows }: Request) -> Document {
        let rows = rows.min(ROWS_MAX);
        let walked = join_all(self.shards.iter_mut().map(|shard| shard.walk(rows))).await;
        let mut connections = ConnectionsView::default();
        let (mut shards, mut chosen) = (Vec::new(), Rows::new(rows));
        for shard in walked {
            connections.open += shard.view.inside.as_ref().map_or(0, |inside| inside.connections as u64);
            connections.seen += shard.seen;
            connections.blocked += shard.blocked;
            connections.unanswered += shard.unanswered;
            shards.push(shard.view);
            shard.rows.into_vec().into_iter().for_each(|seated| chosen.offer(rank(&seated), || seated));
        }
        connections.rows = self.ask_actors(chosen.into_vec()).await;
        let mut document = Document {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            at: self.hub.clock.now(),
            up_ms: monotonic_ms().saturating_sub(self.begun_ms),
            draining: self.hub.is_draining(),
            sessions: self.hub.sessions.count(),
            stuck: Vec::new(),
            connections,
            rooms: self.hub.rooms.look(rows),
            shards,
            store: self.hub.store.look(),
        };
        document.stuck = stuck::findings(&document);
        document
    }

    /// Has the actors of these connections speak for themselves.
    async fn ask_actors(&self, chosen: Vec<Seated>) -> Vec<ConnectionView> {
        let mut by_shard: BTreeMap<ShardId, Vec<ConnectionId>> = BTreeMap::new();
        chosen.iter().for_each(|seated| by_shard.entry(seated.id.shard).or_default().push(seated.id));
        let asked = by_shard.into_iter().filter_map(|(id, ids)| Some((self.shards.get(usize::from(id))?, ids)));
        let answers = join_all(asked.map(|(shard, ids)| shard.ask_actors(ids))).await;
        let mut answers: HashMap<ConnectionId, ActorView> = answers.into_iter().flatten().collect();
        let row = |Seated { id, outbox }| ConnectionView { id: address(id), outbox, actor: answers.remove(&id) };
        chosen.into_iter().map(row).collect()
    }
}

impl Watched {
    /// Goes through the shard's table, as far as it answers in time.
    async fn walk(&mut self, rows: usize) -> Walked {
        let deadline = Instant::now() + WALK_WAIT;
        let mut rows = Rows::new(rows);
        let (mut seen, mut blocked, mut unanswered) = (0, 0, 0);
        let mut inside = None;
        let mut from = Some(0);
        while let Some(place) = from.take().filter(|_| Instant::now() < deadline) {
            let Some(page) = self.ask(place).await else { break };
            for seated in &page.connections {
                seen += 1;
                blocked += u64::from(seated.outbox.blocked_ms.is_some());
                unanswered += u64::from(seated.outbox.in_flight > 0);
                rows.offer(rank(seated), || *seated);
            }
            from = page.next;
            inside = Some(page.inside);
        }
        Walked { view: self.view(inside), seen, blocked, unanswered, rows }
    }

    fn view(&self, inside: Option<ShardInside>) -> ShardView {
        let silent_ms = self.silent_since_ms.map(|since_ms| monotonic_ms().saturating_sub(since_ms));
        ShardView { shard: self.id, outside: self.handle.outside(), inside, silent_ms }
    }

    /// A page of the table; `None` when it does not come in time.
    async fn ask(&mut self, place: usize) -> Option<Page> {
        let asked_ms = monotonic_ms();
        let page = timeout(ANSWER_WAIT, self.try_ask(place)).await.ok().flatten();
        self.silent_since_ms = if page.is_some() { None } else { Some(self.silent_since_ms.unwrap_or(asked_ms)) };
        page
    }

    async fn try_ask(&mut self, place: usize) -> Option<Page> {
        if let Some(earlier) = &mut self.open {
            // It did not answer an earlier inspection. When it does now, what it says is a page of that one.
            let late = earlier.await;
            self.open = None;
            tracing::debug!(shard = self.id, answered = late.is_ok(), "a shard goes on that had not answered");
        }
        let (answer, answered) = oneshot::channel();
        let answered = self.open.insert(answered);
        self.handle.send(ShardCommand::Look(Look::Page(place, answer))).await.ok()?;
        let page = answered.await.ok();
        self.open = None;
        page
    }

    async fn ask_actors(&self, ids: Vec<ConnectionId>) -> Vec<(ConnectionId, ActorView)> {
        let mut heard = Vec::with_capacity(ids.len());
        let (answer, mut answers) = mpsc::channel(ids.len().max(1));
        let listen = async {
            if self.handle.send(ShardCommand::Look(Look::Actors(ids, answer))).await.is_ok() {
                while let Some(answer) = answers.recv().await {
                    heard.push(answer);
                }
            }
        };
        if timeout(ANSWER_WAIT, listen).await.is_err() {
            tracing::debug!(shard = self.id, "not every connection answered an inspection in time");
        }
        heard
    }
}

fn rank(seated: &Seated) -> Rank {
    let Seated { id, outbox: OutboxView { bytes, blocked_ms, in_flight, unanswered_ms, .. } } = *seated;
    // A wait of less than a second is nobody's trouble, and would only shuffle the rows at each look.
    let seconds = |ms: Option<u64>| ms.map_or(0, |ms| ms / 1_000);
    let age = Reverse((id.generation, id.shard, id.slot));
    (blocked_ms.map_or(0, |ms| ms / 1_000 + 1), seconds(unanswered_ms), bytes, in_flight, age)
}

#[cfg(test)]
mod tests;
