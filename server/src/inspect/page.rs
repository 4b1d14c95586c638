//! The document as a page of plain text, at most a hundred columns wide.

use super::{
    document::{ConnectionView, ConnectionsView, Document, Finding, Part},
    format::{about_ms, about_us, bytes, count, cut, some, table, time_ms, time_us},
};
use crate::{
    fanout::{Bursts, GateView, ShardId, ShardState, ShardView},
    room::{RoomState, RoomView, RoomsView},
    store::{StoreView, WriterState},
};

/// Cells that a name may take.
const NAME_CELLS: usize = 12;

/// The page.
#[must_use]
pub fn page(document: &Document) -> String {
    let mut text = head(document);
    text += &stuck(&document.stuck);
    text += &connections(&document.connections);
    text += &rooms(&document.rooms);
    text += &shards(&document.shards);
    text += &document.store.as_ref().map(store).unwrap_or_default();
    text
}

fn head(document: &Document) -> String {
    format!(
        "hubbub-server {}, process {}, up {}{}: {}, {}, {}\n",
        document.version,
        document.process,
        time_ms(document.up_ms),
        if document.draining { ", shutting down" } else { "" },
        some(document.connections.open, "connection"),
        some(document.sessions, "session"),
        some(document.rooms.open, "open room"),
    )
}

fn stuck(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "Nothing is stuck: nothing has waited for more than a second.\n".to_owned();
    }
    let line = |finding: &Finding| {
        let which = cut(&finding.which, 28);
        let who = match finding.part {
            Part::Store => "the store".to_owned(),
            Part::Shard => format!("shard {which}"),
            Part::Room => format!("room {which}"),
            Part::Connection => format!("connection {which}"),
        };
        format!("  {:>10}  {who} {}\n", time_ms(finding.for_ms), finding.what)
    };
    format!("\nSTUCK (for more than a second)\n\n{}", findings.iter().map(line).collect::<String>())
}

// ---- callbacks ----

fn connections(view: &ConnectionsView) -> String {
    let ConnectionsView { open, seen, blocked, unanswered, rows } = view;
    let mut text = format!(
        "\nCONNECTIONS (callbacks: actix actors)\n  One actor a socket. It never waits: what happens calls it. Each \
         line is its answer to such a call.\n  {} open; {} with a socket that takes nothing, {} wait for a room.",
        count(*open),
        count(*blocked),
        count(*unanswered),
    );
    if seen < open {
        text += &format!(" {} could not be looked at.", count(open - seen));
    }
    text += &shown(rows.len(), *seen);
    let head = ["<id", "<nick", "rooms", "<gate", "asked", "outbox", "<waits for", "for", "heard", "open"];
    let rows: Vec<Vec<String>> = rows.iter().map(connection).collect();
    if rows.is_empty() { text } else { text + &table(&head, &rows) }
}

fn connection(view: &ConnectionView) -> Vec<String> {
    let actor = view.actor.as_ref();
    let gate = match actor.map(|actor| actor.gate) {
        None => "no answer",
        Some(GateView::Open) => "open",
        Some(GateView::Busy) => "busy",
        Some(GateView::Held) => "held",
        Some(GateView::Posts) => "posts",
        Some(GateView::Outbox) => "outbox",
        Some(GateView::Closing) => "closing",
    };
    let time = |ms: Option<u64>| ms.map(about_ms).unwrap_or_default();
    let room = actor.and_then(|actor| actor.waits_for.as_deref()).unwrap_or("a room");
    let (waits_for, wait_ms) = match (view.outbox.blocked_ms, view.outbox.unanswered_ms) {
        (Some(ms), _) => ("its socket".to_owned(), Some(ms)),
        (None, Some(ms)) => (cut(room, NAME_CELLS), Some(ms)),
        (None, None) => (String::new(), None),
    };
    vec![
        view.id.clone(),
        actor
            .map(|actor| actor.nick.as_deref().map_or("–".to_owned(), |nick| cut(nick, NAME_CELLS)))
            .unwrap_or_default(),
        actor.map(|actor| count(actor.rooms as u64)).unwrap_or_default(),
        gate.to_owned(),
        count(u64::from(view.outbox.in_flight)),
        bytes(view.outbox.bytes as u64),
        waits_for,
        time(wait_ms),
        time(actor.map(|actor| actor.heard_ms)),
        time(actor.map(|actor| actor.age_ms)),
    ]
}

// ---- coroutines ----

fn rooms(view: &RoomsView) -> String {
    let states: Vec<String> =
        view.states.iter().map(|(state, rooms)| format!("{} {}", count(*rooms), state_words(*state, None))).collect();
    let mut text = format!(
        "\nROOMS (coroutines: async tasks)\n  One flow a room. It runs to its next await, keeps its place there, and goes \
         on when that is done.\n  {} open{}{}.",
        count(view.open),
        if states.is_empty() { "" } else { ": " },
        states.join(", "),
    );
    text += &shown(view.rows.len(), view.open);
    let head = ["<room", "home", "members", "seq", "inbox", "<suspended at", "for", "<last", "took", "turns"];
    let rows: Vec<Vec<String>> = view.rows.iter().map(room).collect();
    if rows.is_empty() { text } else { text + &table(&head, &rows) }
}

fn room(room: &RoomView) -> Vec<String> {
    let last = room.last.as_ref();
    vec![
        cut(&room.room, NAME_CELLS),
        room.home.to_string(),
        count(room.members),
        count(room.seq),
        of(room.inbox, room.inbox_max),
        state_words(room.state, room.shard),
        about_us(room.for_us),
        last.map(|last| state_words(last.at, last.shard)).unwrap_or_default(),
        last.map(|last| about_us(last.us)).unwrap_or_default(),
        count(room.turns),
    ]
}

fn state_words(state: RoomState, shard: Option<ShardId>) -> String {
    let shard = shard.map(|shard| format!(" {shard}")).unwrap_or_default();
    match state {
        RoomState::New => "new".to_owned(),
        RoomState::Inbox => "inbox".to_owned(),
        RoomState::Woken => "woken".to_owned(),
        RoomState::Store => "store".to_owned(),
        RoomState::ShardCredit => format!("credit{shard}"),
        RoomState::ShardInbox => format!("shard inbox{shard}"),
        RoomState::Yield => "yield".to_owned(),
        RoomState::Running => "running".to_owned(),
        RoomState::Failed => "FAILED".to_owned(),
    }
}

// ---- microthreads ----

fn shards(shards: &[ShardView]) -> String {
    let head = ["shard", "<now", "for", "inbox", "connections", "halls", "ready", "outboxes", "<answers"];
    let now: Vec<Vec<String>> = shards.iter().map(shard).collect();
    let bursts: Vec<Vec<String>> = shards.iter().filter_map(shard_bursts).collect();
    let mut text = format!(
        "\nSHARDS (microthreads: sliced bursts)\n  One a core. A room with members here is a hall: a cursor that goes round \
         their\n  outboxes for a slice, then steps aside for the next hall.\n\n{}",
        table(&head, &now)
    );
    if !bursts.is_empty() {
        let head = ["shard", "bursts", "yields", "longest", "outboxes", "a burst", "last", "<bursts by size"];
        text = format!("{text}\n{}", table(&head, &bursts));
    }
    text
}

fn shard(view: &ShardView) -> Vec<String> {
    let state = match view.outside.state {
        ShardState::New => "new",
        ShardState::Inbox => "inbox",
        ShardState::Burst => "burst",
        ShardState::Yield => "yield",
    };
    let inside = view.inside.as_ref();
    let number = |number: Option<usize>| number.map(|number| count(number as u64)).unwrap_or_default();
    vec![
        view.shard.to_string(),
        state.to_owned(),
        about_us(view.outside.for_us),
        of(view.outside.inbox, view.outside.inbox_max),
        number(inside.map(|inside| inside.connections)),
        number(inside.map(|inside| inside.halls)),
        number(inside.map(|inside| inside.halls_ready)),
        inside.map(|inside| bytes(inside.outbox_bytes as u64)).unwrap_or_default(),
        view.silent_ms.map_or("yes".to_owned(), |ms| format!("NOT for {}", time_ms(ms))),
    ]
}

fn shard_bursts(view: &ShardView) -> Option<Vec<String>> {
    let Bursts { bursts, visits, last_visits, by_size, longest_us, yields, .. } = &view.inside.as_ref()?.bursts;
    Some(vec![
        view.shard.to_string(),
        count(*bursts),
        count(*yields),
        time_us(*longest_us),
        count(*visits),
        if *bursts > 0 { format!("{:.1}", *visits as f64 / *bursts as f64) } else { String::new() },
        count(*last_visits),
        bars(by_size),
    ])
}

/// A bar for each power of two, between the smallest and the largest.
fn bars(by_size: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = by_size.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let bar = |bursts: &u64| match *bursts {
        0 => ' ',
        bursts => BARS[usize::try_from(bursts.saturating_mul(7) / most).unwrap_or(7).min(7)],
    };
    let bars: String = by_size.iter().map(bar).collect();
    match by_size.len() {
        0 | 1 => format!("1 {bars}"),
        sizes => format!("1 {bars} {}", count(1 << (sizes - 1).min(63))),
    }
}

// ---- the store ----

fn store(view: &StoreView) -> String {
    let state = match view.state {
        WriterState::Inbox => "waits for work",
        WriterState::Transaction => "is in a transaction",
        WriterState::Fold => "puts the journal into the tables",
        WriterState::Checkpoint => "is in a checkpoint",
        WriterState::Closed => "has ended",
    };
    let last = view.last.map(|last| format!(", the last of {} in {}", some(last.events, "event"), time_us(last.us)));
    let failures = match view.failures {
        0 => String::new(),
        failures => format!("; NOT STORED since: {}", some(failures, "group")),
    };
    format!(
        "\nSTORE (a thread that may block)\n  The writer {state} for {}; inbox {}; {}{}{failures}.\n",
        time_us(view.for_us),
        of(view.inbox, view.inbox_max),
        some(view.commits, "commit"),
        last.unwrap_or_default(),
    )
}

/// What is there, of what there may be.
fn of(depth: usize, max: usize) -> String {
    format!("{depth}/{max}")
}

/// How many of how many are shown, when not all are.
fn shown(rows: usize, all: u64) -> String {
    match rows {
        0 => "\n".to_owned(),
        rows if (rows as u64) < all => format!(" {} that wait longest or have most to do:\n\n", count(rows as u64)),
        _ => "\n\n".to_owned(),
    }
}
