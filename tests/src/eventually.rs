//! Waiting for the thing itself, with bounded patience.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How long anything is waited for before the test fails. No test is right or wrong by how fast something is.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at something that cannot be awaited.
pub const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Awaits `future`; panics with `what` when that takes longer than [`PATIENCE`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(done) => done,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}

/// Looks again and again until `look` gives something; panics with `what` after [`PATIENCE`].
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        sleep(LOOK_EVERY).await;
    }
}
