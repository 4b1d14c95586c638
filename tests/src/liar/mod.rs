//! A server double that lies: a proxy before a real server that lets everything through, except for one lie.
//!
//! A runner that cannot fail proves nothing; with this, each thing that it says it would find can be made to happen.
//! Which lie it is, whom it concerns and when is said at the start, so that a failed test fails again.

mod frame;
mod line;
mod plot;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::mpsc;

pub use self::plot::Lie;
use self::{
    line::LiarLine,
    plot::{Line, Plot},
};
use crate::relay::Relay;

/// Frames that may wait for a connection on which they were not heard. A lie needs one.
const INBOX_FRAMES_MAX: usize = 16;

/// What the connections of a liar share.
#[derive(Debug)]
struct Conspiracy {
    plot: Plot,
    /// By which frames come to a connection that are not from its own server side.
    inboxes: HashMap<Line, mpsc::Sender<String>>,
}

/// A lying proxy on a port of its own; it takes no more connections once it is dropped.
#[derive(Debug)]
pub struct Liar {
    relay: Relay,
    conspiracy: Arc<Mutex<Conspiracy>>,
}

impl Liar {
    /// Starts one before `server`. It tells `lie` once, about the n-th thing (from 1) of its kind that concerns the
    /// person with the nick `victim`: for most lies a post that they get, for some a post that they make or their
    /// coming back to a room.
    pub async fn start(server: SocketAddr, lie: Lie, victim: &str, nth: u32) -> Self {
        let plot = Plot::new(lie, victim, nth);
        let conspiracy = Arc::new(Mutex::new(Conspiracy { plot, inboxes: HashMap::new() }));
        let shared = conspiracy.clone();
        let open = move |number| {
            let (sender, inbox) = mpsc::channel(INBOX_FRAMES_MAX);
            locked(&shared).inboxes.insert(number, sender);
            LiarLine { number, conspiracy: shared.clone(), inbox }
        };
        Self { relay: Relay::start(server, open).await, conspiracy }
    }

    /// One that does not lie.
    pub async fn honest(server: SocketAddr) -> Self {
        Self::start(server, Lie::None, "", 0).await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.relay.address()
    }

    /// How many lies it has told: 0 or 1.
    #[must_use]
    pub fn told(&self) -> u32 {
        locked(&self.conspiracy).plot.told()
    }
}

fn locked(conspiracy: &Mutex<Conspiracy>) -> std::sync::MutexGuard<'_, Conspiracy> {
    conspiracy.lock().unwrap_or_else(PoisonError::into_inner)
}
