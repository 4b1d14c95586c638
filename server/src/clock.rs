//! The clock: the one place where the server asks for the time, so that a test can hold it.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use hubbub_protocol::id::UnixMs;

/// Tells the time of day.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00:00Z. May jump back; who needs order keeps its own maximum.
    fn now(&self) -> UnixMs;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands until it is set, for tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Sets the time.
    pub fn set(&self, now: UnixMs) {
        self.0.store(now, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMs {
        self.0.load(Ordering::Relaxed)
    }
}

/// Microseconds of a clock that never goes back, from an arbitrary start.
#[must_use]
pub fn monotonic_us() -> u64 {
    us_at(Instant::now())
}

/// The same at a moment that was noted; 0 for one before the first that was asked about.
#[must_use]
pub fn us_at(moment: Instant) -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let since = moment.saturating_duration_since(*START.get_or_init(Instant::now));
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Milliseconds of a clock that never goes back, from an arbitrary start; for deadlines and rates.
#[must_use]
pub fn monotonic_ms() -> u64 {
    monotonic_us() / 1_000
}
