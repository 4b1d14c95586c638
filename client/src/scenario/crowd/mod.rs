//! The crowd: every socket of a run on one thread, in one event loop.
//!
//! Role: keeps people connected, posts on time, reads what comes, tells the ledger. Owner of: sockets, people, the
//! ledger. Accepts: orders from [`handle::CrowdHandle`] on a bounded channel (a full one makes the player wait).
//! Stops when: told to finish, or the last handle is dropped.

pub(crate) mod handle;
pub(crate) mod order;
