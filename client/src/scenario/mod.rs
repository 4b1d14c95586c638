//! Scenarios: many people at once, played from one readable file, as test, load and proof.
//!
//! ```text
//! cli ─▶ play      the story: steps in order or side by side, expectations, thresholds, verdicts
//!          │
//!          ├──▶ file     the language: what may be written, read with positions; knows nothing of sockets
//!          ├──▶ server   a private server process, and what any server process costs
//!          ├──▶ report   what came out: facts, summary, page, comparison; the view while it runs
//!          │
//!          ▼  orders and answers, a bounded channel
//!        crowd     one thread, one event loop, every socket: connects, posts on time, reads, comes back
//!          │
//!          ▼  plain calls
//!        ledger    every message's life and every reader's place; says what was lost, doubled, reordered, leaked
//! ```
//!
//! Two threads: the player's (a tokio runtime: steps are coroutines) and the crowd's (an event loop over every
//! socket, because what is measured there must not wait for anything else). The ledger belongs to the crowd's thread
//! alone, so it has no lock.

pub(crate) mod crowd;
pub(crate) mod file;
pub(crate) mod id;
pub(crate) mod ledger;
pub(crate) mod play;
pub(crate) mod report;
pub(crate) mod server;
