//! The crowd: every socket of a run on one thread, in one event loop.
//!
//! Role: keeps people connected, posts on time, reads what comes, tells the ledger. Owner of: sockets, people, the
//! ledger. Accepts: orders from [`handle::CrowdHandle`] on a bounded channel (a full one makes the player wait).
//! Stops when: told to finish, or the last handle is dropped.
//!
//! ```text
//! handle ── command ─▶ task      the thread: turns, readiness, times
//!                       ├─▶ socket      bytes between kernel and person; source: ports and files
//!                       └─▶ desk        orders and who waits for them; finish: the end of a run
//!                            ├─▶ flow       who posts what when; no socket, no clock
//!                            └─▶ person     the protocol's client side; no socket, no clock
//!                                 └─▶ websocket, incoming, memo     bytes to meaning
//!                            deck: what they share, one at a time: time, ledger, timers, notices, meter
//! ```

mod alarm;
mod command;
mod deck;
mod desk;
mod finish;
mod flow;
pub(crate) mod handle;
mod incoming;
mod memo;
mod meter;
pub(crate) mod order;
mod person;
mod socket;
mod source;
mod task;
#[cfg(test)]
mod tests;
mod timer;
mod websocket;
