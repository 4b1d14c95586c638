//! Sessions: who is logged in, by token and by nick, beyond the life of one connection.
//!
//! A session has at most one connection. Without one it can be resumed for `session_idle_ms`, across
//! restarts of the server too, and keeps its nick meanwhile.

mod by_token;
mod registry;

pub use registry::{Session, Sessions};
