//! What a store lets others see without being asked.

use serde::{Deserialize, Serialize};

/// What the thread that writes does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriterState {
    /// It waits for something to do.
    Inbox,
    /// It is in a transaction, from its begin until it is on the disk.
    Transaction,
    /// It puts events from the journal into the tables.
    Fold,
    /// It copies the write-ahead log into the database, or looks whether it should.
    Checkpoint,
    /// It has ended.
    Closed,
}

/// A commit that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Events in it.
    pub events: u64,
    /// How long it took, in microseconds.
    pub us: u64,
}

/// A store as it looked a moment ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreView {
    /// What its writer does.
    pub state: WriterState,
    /// Since how many microseconds.
    pub for_us: u64,
    /// Requests in the writer's inbox.
    pub inbox: usize,
    /// The most that may be there.
    pub inbox_max: usize,
    /// Transactions that changed something since the start.
    pub commits: u64,
    /// The last of them; `None` before the first.
    pub last: Option<Commit>,
    /// Groups of requests that could not be stored since the last that was.
    pub failures: u64,
}
