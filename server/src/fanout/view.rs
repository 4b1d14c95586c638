//! What a shard lets others see: always where it stands, and when it is asked and can answer, all it has.

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::handle::{ConnectionId, ShardHandle, ShardId};
use crate::sight::{Stand, Standing};

/// Places of the table of connections that one look goes through: what a shard does for an inspection is a burst
/// like any other.
pub const PLACES_PER_LOOK: usize = 1_024;

/// What a shard does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShardState {
    /// Its thread has not started it yet.
    New,
    /// It waits for something in its inbox.
    Inbox,
    /// It runs a burst: takes commands, carries for one slice, writes.
    Burst,
    /// It has work left and stepped aside for the others on its thread.
    Yield,
}

/// Where a shard stands. Written by the shard alone, once at each end of a burst.
#[derive(Debug, Default)]
pub(super) struct ShardSight(Standing);

impl ShardSight {
    /// From `us` on it does that.
    pub(super) fn note(&self, state: ShardState, us: u64) {
        let place = match state {
            ShardState::New => 0,
            ShardState::Inbox => 1,
            ShardState::Burst => 2,
            ShardState::Yield => 3,
        };
        self.0.note(Stand { place, which: 0, us });
    }
}

/// A shard as everybody can see it, also when it is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardOutside {
    /// What it does.
    pub state: ShardState,
    /// Since how many microseconds.
    pub for_us: u64,
    /// Commands in its inbox.
    pub inbox: usize,
    /// The most that may be there.
    pub inbox_max: usize,
}

impl ShardHandle {
    /// The shard as it can be seen without asking it.
    #[must_use]
    pub fn outside(&self) -> ShardOutside {
        let stand = self.sight.0.look();
        let state = match stand.place {
            1 => ShardState::Inbox,
            2 => ShardState::Burst,
            3 => ShardState::Yield,
            _ => ShardState::New,
        };
        let (inbox_max, space) = self.inbox_space();
        ShardOutside { state, for_us: stand.for_us(), inbox: inbox_max.saturating_sub(space), inbox_max }
    }
}

/// The bursts of a shard since it started: how much each carried, and how long it took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bursts {
    /// Turns of the shard: commands were taken, and what there was to carry was carried for a slice.
    pub turns: u64,
    /// Turns in which something was carried.
    pub bursts: u64,
    /// Outboxes filled in all of them.
    pub visits: u64,
    /// Outboxes filled in the last one.
    pub last_visits: u64,
    /// Bursts by size: entry n counts those of 2^n and more outboxes, but fewer than 2^(n+1). Ends with the largest.
    pub by_size: Vec<u64>,
    /// The longest turn, in microseconds.
    pub longest_us: u64,
    /// Turns that left work over, so that the shard stepped aside for the others on its thread.
    pub yields: u64,
}

impl Bursts {
    /// A turn has filled so many outboxes and taken so long.
    pub(super) fn note(&mut self, visits: usize, us: u64, left_over: bool) {
        self.turns += 1;
        self.longest_us = self.longest_us.max(us);
        self.yields += u64::from(left_over);
        let Some(size) = visits.checked_ilog2() else { return };
        let size = size as usize;
        if self.by_size.len() <= size {
            self.by_size.resize(size + 1, 0);
        }
        self.by_size[size] += 1;
        self.bursts += 1;
        self.last_visits = visits as u64;
        self.visits += visits as u64;
    }
}

/// What a shard says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardInside {
    /// Connections of its thread.
    pub connections: usize,
    /// Rooms that somebody here is seated in.
    pub halls: usize,
    /// Halls that have something to deliver: microthreads that want to run.
    pub halls_ready: usize,
    /// Bytes in the outboxes of its thread.
    pub outbox_bytes: usize,
    /// Its bursts.
    pub bursts: Bursts,
}

/// A connection as its shard knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seated {
    /// Its address.
    pub id: ConnectionId,
    /// Its outbox.
    pub outbox: OutboxView,
}

/// What waits for a connection and what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxView {
    /// Rooms that reach it.
    pub seats: usize,
    /// Bytes that wait for its socket.
    pub bytes: usize,
    /// Since how many milliseconds its socket has taken nothing; `None`: it takes.
    pub blocked_ms: Option<u64>,
    /// Requests that rooms have not answered.
    pub in_flight: u32,
    /// For how many milliseconds none of them has been answered; `None`: there is none.
    pub unanswered_ms: Option<u64>,
}

/// A part of a shard's table.
#[derive(Debug)]
pub struct Page {
    /// The shard.
    pub inside: ShardInside,
    /// The connections in that part.
    pub connections: Vec<Seated>,
    /// Where the next part begins; `None`: this was the last.
    pub next: Option<usize>,
}

/// What the gate before a connection's requests says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateView {
    /// Requests are read.
    Open,
    /// Not while something that takes time is under way: opening a room, reading the store, an inbox without space.
    Busy,
    /// Not before rooms have answered what was asked: what was read last must wait for it.
    Held,
    /// Not while so many posts are unanswered.
    Posts,
    /// Not while so much waits to be written.
    Outbox,
    /// A close frame was sent; only the peer's is waited for.
    Closing,
}

/// A connection as its actor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorView {
    /// Its user's nick; `None` before `hello`.
    pub nick: Option<String>,
    /// Rooms that it has joined.
    pub rooms: usize,
    /// What its gate says.
    pub gate: GateView,
    /// The room that owes it answers to posts, if it is one.
    pub waits_for: Option<String>,
    /// How long it has been open, in milliseconds.
    pub age_ms: u64,
    /// How long ago something was heard from it, in milliseconds.
    pub heard_ms: u64,
}

/// Asks a shard what it has.
///
/// What: a question, with the way back. From the inspection to a shard. When the inbox is full: the inspection
/// waits, for half a second at most. What its loss means: that shard is shown as one that did not answer. A
/// question whose asker has given up is passed over.
#[derive(Debug)]
pub enum Look {
    /// At the shard and [`PLACES_PER_LOOK`] places of its table, from this one on.
    Page(usize, oneshot::Sender<Page>),
    /// At these connections themselves: each actor answers for itself. Who has no space is shown without.
    Actors(Vec<ConnectionId>, mpsc::Sender<(ConnectionId, ActorView)>),
}

/// The name of a connection as people read it: shard, slot and generation.
#[must_use]
pub fn address(id: ConnectionId) -> String {
    let ConnectionId { shard, slot, generation } = id;
    format!("{shard}.{slot}.{generation}")
}

/// The shard's own part of the parts that a document has of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardView {
    /// Its number.
    pub shard: ShardId,
    /// What can be seen without asking it.
    #[serde(flatten)]
    pub outside: ShardOutside,
    /// What it says; `None`: it has not answered.
    pub inside: Option<ShardInside>,
    /// For how many milliseconds it has not answered; `None`: it has.
    pub silent_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_are_counted_by_their_power_of_two() {
        let mut bursts = Bursts::default();
        for (visits, us, left_over) in [(1, 5, false), (0, 90, false), (3, 10, false), (256, 40, true)] {
            bursts.note(visits, us, left_over);
        }
        assert_eq!((bursts.turns, bursts.bursts, bursts.visits, bursts.last_visits), (4, 3, 260, 256));
        assert_eq!(bursts.by_size, [1, 1, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((bursts.longest_us, bursts.yields), (90, 1));
    }
}
