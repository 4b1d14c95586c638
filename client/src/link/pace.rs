//! The pace of posts: a bucket of tokens a little smaller than the server's, so that a burst is never refused.

use std::time::{Duration, Instant};

/// Posts that the server would take and that are not used: jitter on the way may press two posts
/// together, and the server's clock may be a little slower than this one.
const SLACK_POSTS: u64 = 2;

/// How many posts may be sent now.
#[derive(Debug)]
pub(super) struct Pace {
    burst: f64,
    per_s: f64,
    tokens: f64,
    counted: Option<Instant>,
    not_before: Option<Instant>,
}

impl Pace {
    /// No limits are known yet.
    pub(super) fn new() -> Self {
        Self { burst: 1.0, per_s: 1.0, tokens: 1.0, counted: None, not_before: None }
    }

    /// The server told its limits. `fresh`: the session is new, so that its bucket is full.
    pub(super) fn set(&mut self, burst: u64, per_s: u64, fresh: bool, now: Instant) {
        let as_f64 = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        self.burst = as_f64(burst.saturating_sub(SLACK_POSTS).max(1));
        self.per_s = as_f64(per_s.max(1));
        if fresh || self.counted.is_none() {
            self.tokens = self.burst;
            self.not_before = None;
        }
        self.tokens = self.tokens.min(self.burst);
        self.counted = Some(now);
    }

    /// The server refused for its rate: nothing before `until`.
    pub(super) fn hold(&mut self, until: Instant) {
        self.not_before = self.not_before.max(Some(until));
        self.tokens = self.tokens.min(1.0);
    }

    fn count(&mut self, now: Instant) {
        if let Some(then) = self.counted {
            let gained = now.saturating_duration_since(then).as_secs_f64() * self.per_s;
            self.tokens = (self.tokens + gained).min(self.burst);
        }
        self.counted = Some(now);
    }

    /// Takes one post's token; or says when there will be one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        self.count(now);
        if let Some(until) = self.not_before {
            if now < until {
                return Err(until);
            }
            self.not_before = None;
        }
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        // A millisecond more, so that rounding never asks for a wake-up that is just too early.
        Err(now + Duration::from_secs_f64((1.0 - self.tokens) / self.per_s) + Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let mut pace = Pace::new();
        pace.set(20, 5, true, start);
        for _ in 0..18 {
            assert_eq!(pace.take(start), Ok(()));
        }
        let next = pace.take(start).expect_err("the bucket is empty");
        assert!(next > start + Duration::from_millis(199) && next < start + Duration::from_millis(205));
        assert_eq!(pace.take(next), Ok(()));
        assert!(pace.take(next).is_err());
    }

    #[test]
    fn a_refusal_holds_everything_back_until_its_time() {
        let start = Instant::now();
        let mut pace = Pace::new();
        pace.set(20, 5, true, start);
        let until = start + Duration::from_secs(3);
        pace.hold(until);
        assert_eq!(pace.take(start), Err(until));
        assert_eq!(pace.take(until), Ok(()));
    }

    #[test]
    fn a_resumed_session_does_not_get_a_full_bucket() {
        let start = Instant::now();
        let mut pace = Pace::new();
        pace.set(4, 1, true, start);
        assert_eq!((pace.take(start), pace.take(start)), (Ok(()), Ok(())));
        pace.set(4, 1, false, start);
        assert!(pace.take(start).is_err());
        pace.set(4, 1, true, start);
        assert_eq!(pace.take(start), Ok(()));
    }
}
