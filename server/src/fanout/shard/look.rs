//! The shard when it is looked at: it answers as it carries, a bounded piece at a time.

use super::{Entry, Shard};
use crate::{
    clock::monotonic_ms,
    fanout::{
        command::Order,
        handle::ConnectionId,
        outbox::queued_here,
        view::{Look, OutboxView, PLACES_PER_LOOK, Page, Seated, ShardInside},
    },
};

impl Shard {
    pub(super) fn look(&mut self, look: Look) {
        match look {
            Look::Page(from, answer) => {
                // An inspection that found us busy has left long ago, and a new one asks anew.
                if !answer.is_closed() && answer.send(self.page(from)).is_err() {
                    tracing::debug!("an inspection did not wait for its answer");
                }
            }
            Look::Actors(connections, answer) => {
                for id in connections {
                    let Some(entry) = self.entry(id).filter(|_| !answer.is_closed()) else { continue };
                    // Full: it has enough to do, and is shown without. Gone or closed: it is going.
                    let Some(actor) = entry.orders.upgrade() else { continue };
                    if let Err(error) = actor.try_send(Order::Show(answer.clone())) {
                        tracing::debug!(?id, %error, "a connection is too busy to be looked at");
                    }
                }
            }
        }
    }

    fn page(&self, from: usize) -> Page {
        let end = from.saturating_add(PLACES_PER_LOOK);
        let now_ms = monotonic_ms();
        let at = |slot: usize| self.connections.get(slot).map(|entry| seated(self.id, slot, entry, now_ms));
        let places = self.connections.capacity();
        let inside = ShardInside {
            connections: self.connections.len(),
            halls: self.halls.len(),
            halls_ready: self.ready.len(),
            outbox_bytes: queued_here(),
            bursts: self.bursts.clone(),
        };
        Page {
            inside,
            connections: (from..end.min(places)).filter_map(at).collect(),
            next: (end < places).then_some(end),
        }
    }
}

fn seated(shard: u16, slot: usize, entry: &Entry, now_ms: u64) -> Seated {
    let slot = u32::try_from(slot).unwrap_or(u32::MAX);
    let since = |ms: Option<u64>| ms.map(|ms| now_ms.saturating_sub(ms));
    let outbox = OutboxView {
        seats: entry.seats.len(),
        bytes: entry.outbox.queued(),
        blocked_ms: since(entry.outbox.blocked_since_ms()),
        in_flight: entry.outbox.in_flight(),
        unanswered_ms: since(entry.outbox.unanswered_since_ms()),
    };
    Seated { id: ConnectionId { shard, slot, generation: entry.generation }, outbox }
}
