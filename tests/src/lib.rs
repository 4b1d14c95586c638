//! What the end-to-end tests stand on: a real server process, raw clients, and a ledger that judges what they saw.
//!
//! Nothing here is mocked: [`server::Server`] is the program itself on a port of its own with a data folder of
//! its own, [`wire::Wire`] speaks the protocol over a real socket, and [`ledger::Ledger`] holds what was
//! acknowledged against what every reader got. Harness code panics with a sentence when what it needs is not
//! there: that is a failed test.

pub mod bench;
pub mod eventually;
pub mod fuzz;
pub mod http;
pub mod ledger;
pub mod liar;
pub mod participant;
pub mod program;
pub mod proxy;
mod relay;
pub mod seed;
pub mod server;
pub mod wire;
