//! What has waited for long, and what it waits for: the first question of who looks at a server that hangs.

use std::cmp::Reverse;

use super::{
    document::{ConnectionView, Document, Finding, Part},
    format::{bytes, some},
};
use crate::{
    fanout::{GateView, ShardState, ShardView},
    room::{RoomState, RoomView},
    store::{StoreView, WriterState},
};

/// Nothing of what is looked for takes so long on a server that is well.
const LONG_MS: u64 = 1_000;

/// Findings that are told of each part; a stuck disk stops every room, and ten of them say so.
const FINDINGS_MAX: usize = 10;

/// What stands out in a document, the longest wait first, but what others wait for before those who wait.
pub(super) fn findings(document: &Document) -> Vec<Finding> {
    let mut found: Vec<Finding> = document.store.iter().filter_map(store).collect();
    found.extend(document.shards.iter().filter_map(shard));
    found.extend(document.rooms.rows.iter().filter_map(room));
    found.extend(document.connections.rows.iter().filter_map(connection));
    let fails = document.store.is_some_and(|store| store.failures > 0);
    let is_ill = |part| part == Part::Shard || (part == Part::Store && fails);
    found.retain(|finding| finding.for_ms >= LONG_MS || is_ill(finding.part));
    found.sort_by_key(|finding| (finding.part, Reverse(finding.for_ms)));
    let mut told = [0; 4];
    found.retain(|finding| {
        told[finding.part as usize] += 1;
        told[finding.part as usize] <= FINDINGS_MAX
    });
    found
}

fn store(store: &StoreView) -> Option<Finding> {
    let what = match store.state {
        _ if store.failures > 0 => {
            format!("could not store the last {}: the log says why", some(store.failures, "group"))
        }
        WriterState::Inbox | WriterState::Closed => return None,
        WriterState::Transaction => {
            format!("is in one transaction; behind it: {}", some(store.inbox as u64, "request"))
        }
        WriterState::Fold => {
            format!("puts the journal into the tables; behind it: {}", some(store.inbox as u64, "request"))
        }
        WriterState::Checkpoint => {
            format!("is in one checkpoint; behind it: {}", some(store.inbox as u64, "request"))
        }
    };
    Some(Finding { part: Part::Store, which: String::new(), for_ms: store.for_us / 1_000, what })
}

fn shard(shard: &ShardView) -> Option<Finding> {
    let silent_ms = shard.silent_ms?;
    let what = match shard.outside.state {
        ShardState::New => "has not been started by its thread".to_owned(),
        ShardState::Burst => "does not answer: it is in one burst".to_owned(),
        ShardState::Inbox | ShardState::Yield => {
            "does not answer: a room or a connection on its thread does not let go".to_owned()
        }
    };
    let for_ms = match shard.outside.state {
        ShardState::Burst => shard.outside.for_us / 1_000,
        _ => silent_ms,
    };
    Some(Finding { part: Part::Shard, which: shard.shard.to_string(), for_ms, what })
}

fn room(room: &RoomView) -> Option<Finding> {
    let shard = room.shard.map(|shard| format!(" of shard {shard}")).unwrap_or_default();
    let behind = format!("in its inbox: {}", some(room.inbox as u64, "command"));
    let what = match room.state {
        RoomState::Inbox | RoomState::Woken | RoomState::New => return None,
        RoomState::Store => format!("waits for the store; {behind}"),
        RoomState::ShardCredit => format!("waits for credit{shard}, which delivers too slowly; {behind}"),
        RoomState::ShardInbox => format!("waits for space in the inbox{shard}; {behind}"),
        RoomState::Yield => format!("stepped aside, and its thread does not go on; {behind}"),
        RoomState::Running => format!("runs and does not let go; {behind}"),
        RoomState::Failed => "has lost its task; the next who joins opens it anew".to_owned(),
    };
    Some(Finding { part: Part::Room, which: room.room.clone(), for_ms: room.for_us / 1_000, what })
}

fn connection(view: &ConnectionView) -> Option<Finding> {
    let nick = view.actor.as_ref().and_then(|actor| actor.nick.as_deref()).unwrap_or("nobody yet");
    let which = format!("{} ({nick})", view.id);
    let (for_ms, what) = match (view.outbox.blocked_ms, view.outbox.unanswered_ms) {
        (Some(ms), _) => {
            (ms, format!("has a socket that takes nothing; {} wait for it", bytes(view.outbox.bytes as u64)))
        }
        (None, Some(ms)) => {
            let room = view.actor.as_ref().and_then(|actor| actor.waits_for.as_deref());
            let room = room.map_or("a room".to_owned(), |room| format!("room {room}"));
            (ms, format!("waits for {room}, with {}", some(u64::from(view.outbox.in_flight), "request")))
        }
        (None, None) => return None,
    };
    let closing = view.actor.as_ref().is_some_and(|actor| actor.gate == GateView::Closing);
    Some(Finding {
        part: Part::Connection,
        which,
        for_ms,
        what: if closing { format!("{what}; it is closing") } else { what },
    })
}
