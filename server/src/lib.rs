//! The Hubbub server.
//!
//! Connections are actix actors (message callbacks), rooms are async tasks (coroutines), fan-out is one
//! shard of microthreads per core. The layers, each of which may use only what stands below it:
//!
//! ```text
//! app          builds the parts, starts, drains
//! listener     HTTP pages, WebSocket upgrade: accept and limit
//! connection   the actor: transport, session, outbox
//! dispatch     request → checks → handler
//! session      who is here: registry of sessions and nicks
//! room         one task a room; registry
//! fanout       one shard a core
//! store        the trait, SQLite behind it
//! domain       pure decisions; no tokio, actix, SQL, clock
//! config, limits, log, metrics, clock
//! ```

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod limits;
pub mod listener;
pub mod log;
pub mod metrics;
pub mod store;
