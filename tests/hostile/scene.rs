//! The scene of an attack: a real server, somebody well-behaved who is served all the while, and what the server
//! used before it began.

use std::net::SocketAddr;

use hubbub_tests::{
    eventually::{LOOK_EVERY, PATIENCE},
    http,
    server::{Server, Setup},
    wire::Wire,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::{Instant, sleep};

/// How much the server may have grown after most attacks: far less than any of them sends.
pub(crate) const GROWTH_BYTES_MAX: u64 = 24 * 1_024 * 1_024;

const ROOM: &str = "witness";

/// What the server holds.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Figures {
    pub(crate) connections: f64,
    pub(crate) outbox_bytes: f64,
    pub(crate) fds: f64,
    pub(crate) resident_bytes: u64,
}

/// A server under attack.
pub(crate) struct Scene {
    server: Server,
    witness: Wire,
    posts: u64,
    before: Figures,
}

impl Scene {
    /// Starts a server of one shard, and lets the witness do a little of everything.
    pub(crate) async fn start(setup: Setup) -> Self {
        Self::over_shards(1, setup).await
    }

    /// The same with more shards, where it matters who meets whom.
    pub(crate) async fn over_shards(count: usize, setup: Setup) -> Self {
        let server = Server::start(setup.shards(count).limit("post_burst", 1_000_000)).await;
        let address = server.address();
        let mut witness = Wire::guest(address, "witness").await.0;
        witness.join(ROOM).await;
        let before = figures(&server).await;
        let mut scene = Self { server, witness, posts: 0, before };
        scene.well_served().await;
        assert_eq!(scene.witness.whole_log(ROOM).await.len(), 1);
        scene.before = figures(&scene.server).await;
        scene
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// What the server held when the attack began.
    pub(crate) fn before(&self) -> Figures {
        self.before
    }

    pub(crate) async fn figures(&self) -> Figures {
        figures(&self.server).await
    }

    /// The bytes that wait in the outboxes. A shard tells them when it has something to do, so it is given that.
    pub(crate) async fn outbox_bytes(&mut self) -> f64 {
        self.well_served().await;
        self.figures().await.outbox_bytes
    }

    pub(crate) async fn metric(&self, name: &str) -> f64 {
        http::metric(self.address(), name).await
    }

    /// The witness posts, is acknowledged, and gets its post.
    pub(crate) async fn well_served(&mut self) {
        self.posts += 1;
        let posted = self.witness.post(ROOM, &self.posts.to_string(), "still here").await;
        let event = self.witness.log_event().await;
        assert_eq!((posted.seq, event.seq()), (self.posts, Some(self.posts)));
    }

    /// The attack is over: the witness is served, all that it took is given back, and the server has hardly grown.
    pub(crate) async fn settles(&mut self, growth_bytes_max: u64) {
        self.well_served().await;
        let begun = Instant::now();
        let after = loop {
            let after = self.figures().await;
            let nothing_waits = after.outbox_bytes <= self.before.outbox_bytes;
            if nothing_waits && after.connections <= self.before.connections && after.fds <= self.before.fds {
                break after;
            }
            assert!(begun.elapsed() < PATIENCE, "not given back: {after:?}, before {:?}", self.before);
            sleep(LOOK_EVERY * 4).await;
            self.well_served().await;
        };
        let grown = after.resident_bytes.saturating_sub(self.before.resident_bytes);
        println!("the server has grown by {} KiB", grown / 1_024);
        assert!(grown <= growth_bytes_max, "grown by {grown} bytes: {after:?}, before {:?}", self.before);
        assert!(self.server.is_running());
        let log = self.server.log();
        assert!(!log.contains("panicked"), "{log}");
    }
}

async fn figures(server: &Server) -> Figures {
    let address = server.address();
    Figures {
        connections: http::metric(address, "hubbub_connections").await,
        outbox_bytes: http::metric(address, "hubbub_outbox_bytes").await,
        fds: http::metric(address, "process_open_fds").await,
        resident_bytes: server.resident_bytes(),
    }
}

/// Lets this process, and the servers it starts, have as many sockets as the system allows; answers how many.
pub(crate) fn raise_sockets_max() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        println!("the number of sockets stays {:?}: {error}", limit.current);
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
