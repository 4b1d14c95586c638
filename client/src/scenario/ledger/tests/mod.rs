//! The ledger against made-up servers, true ones and lying ones.

mod bench;
mod breach;
mod cost;
mod group;
mod permitted;
mod server;
mod story;
mod world;
