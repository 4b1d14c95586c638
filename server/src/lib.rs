//! The Hubbub server.
//!
//! Connections are actix actors (message callbacks), rooms are async tasks (coroutines), fan-out is one
//! shard of microthreads per core. The layers, each of which may use only what stands below it:
//!
//! ```text
//! cli          commands and flags
//! app          builds the parts, starts, drains
//! inspect      what lives in a running server, shown through a socket in its folder
//! listener     HTTP pages, WebSocket upgrade: accept and limit
//! connection   the actor: transport, requests in order, deadlines
//! dispatch     request → checks → what is to be done
//! hub          what all connections share
//! session      who is here: registry of sessions and nicks
//! room         one task a room; registry
//! fanout       one shard a core: halls, outboxes
//! store        the trait, SQLite behind it
//! frame        the wire as bytes
//! domain       pure decisions; no tokio, actix, SQL, clock
//! backlog, config, hash, limits, log, meter, metrics, turnstile, signal, sight, spare, clock
//! ```

pub mod app;
mod backlog;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connection;
pub mod dispatch;
pub mod domain;
pub mod fanout;
pub mod frame;
pub mod hub;
pub mod inspect;
pub mod limits;
pub mod listener;
pub mod log;
pub mod meter;
pub mod metrics;
pub mod room;
pub mod session;
pub mod sight;
pub mod signal;
pub mod spare;
pub mod store;
pub mod turnstile;
