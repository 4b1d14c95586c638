//! The hub: what all connections share. Built once by [`crate::app`], then only read.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hubbub_protocol::{VERSION, reply};

use crate::{clock::Clock, limits::Limits, room, session::Sessions, store::Store};

/// What all connections share.
pub struct Hub {
    /// The server's name, told in `hello`.
    pub name: String,
    /// The limits in force.
    pub limits: Arc<Limits>,
    /// The store, for reading; what is written goes through rooms and sessions.
    pub store: Arc<dyn Store>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Open rooms.
    pub rooms: room::Registry,
    /// Sessions.
    pub sessions: Arc<Sessions>,
    /// Set once, when the server begins to shut down.
    pub draining: Arc<AtomicBool>,
}

impl Hub {
    /// Whether the server is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The limits as `hello` tells them.
    #[must_use]
    pub fn limits_told(&self) -> reply::Limits {
        let limits = &self.limits;
        reply::Limits {
            frame_bytes_max: limits.frame_bytes_max,
            text_chars_max: limits.text_chars_max,
            topic_chars_max: limits.topic_chars_max,
            rooms_per_session_max: limits.rooms_per_session_max,
            post_burst: limits.post_burst,
            posts_per_s: limits.posts_per_s,
            ping_interval_ms: limits.ping_interval_ms,
            session_idle_ms: limits.session_idle_ms,
        }
    }

    /// The server as `hello` tells it.
    #[must_use]
    pub fn server_told(&self) -> reply::Server {
        reply::Server { name: self.name.clone(), version: env!("CARGO_PKG_VERSION").to_owned(), protocol: VERSION }
    }
}
