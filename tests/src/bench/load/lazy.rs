//! Readers who are read in sweeps, and not when something comes.

use std::time::{Duration, Instant};

/// The least and the most time between two sweeps over the lazy readers.
const SWEEP_EVERY: [Duration; 2] = [Duration::from_millis(4), Duration::from_millis(400)];

/// How readers are who are not read when something comes, but every now and then all that has come.
#[derive(Debug, Clone, Copy)]
pub struct Laziness {
    /// Of one in so many the contents are checked.
    pub checked_one_in: usize,
    /// What shall wait unread in a socket when it is read: much less than it takes, so that no server is held up.
    pub unread_bytes: u64,
}

/// The readers who are.
pub(super) struct Lazy {
    pub(super) unread_bytes: u64,
    /// Those who are read and checked all the same.
    pub(super) read: Vec<usize>,
    /// Those whose bytes are only counted.
    pub(super) counted: Vec<usize>,
    every: Duration,
    swept: Instant,
    pub(super) backlog: u64,
}

impl Lazy {
    pub(super) fn new() -> Self {
        let ([every, _], (read, counted)) = (SWEEP_EVERY, Default::default());
        Self { unread_bytes: 0, read, counted, every, swept: Instant::now(), backlog: 0 }
    }

    /// A run begins: how much will come is not known yet.
    pub(super) fn begin(&mut self) {
        (self.every, self.swept, self.backlog) = (SWEEP_EVERY[0], Instant::now(), 0);
    }

    /// Until the next sweep; `None`: nobody is lazy.
    pub(super) fn due(&self) -> Option<Duration> {
        (!self.counted.is_empty()).then(|| self.every.saturating_sub(self.swept.elapsed()))
    }

    /// A sweep has found so much in the fullest socket: the next one is due when there is about as much as shall be.
    pub(super) fn swept(&mut self, fullest: u64) {
        let [least, most] = SWEEP_EVERY;
        let now = Instant::now();
        let past = now.duration_since(std::mem::replace(&mut self.swept, now));
        self.every = past.mul_f64(self.unread_bytes as f64 / fullest.max(1) as f64).clamp(least, most);
        self.backlog = self.backlog.max(fullest);
    }
}
