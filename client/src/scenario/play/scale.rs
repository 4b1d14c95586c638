//! `--scale`: the same story with more or fewer people, higher or lower rates, for a longer or shorter time.
//!
//! Multiplied are populations, numbers of rooms in groups, rates, numbers of posts under load and the time that load
//! lasts. People with names of their own, `wait`, `within` and windows stay.

use std::time::Duration;

use crate::scenario::file::unit::{Ramp, Rate};

/// A finite number above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale(f64);

impl Scale {
    /// As it is written in the file.
    pub(crate) const ONE: Self = Self(1.0);

    /// The largest that makes sense: beyond it no machine has the sockets.
    const MAX: f64 = 10_000.0;

    /// `None`: not above 0, or too large.
    pub(crate) fn new(factor: f64) -> Option<Self> {
        (factor > 0.0 && factor <= Self::MAX).then_some(Self(factor))
    }

    /// The factor.
    pub(crate) fn factor(self) -> f64 {
        self.0
    }

    /// So many people, rooms or posts: rounded, at least 1.
    pub(super) fn count(self, count: u32) -> u32 {
        // A cast from f64 goes to the nearest that fits.
        (f64::from(count) * self.0).round().max(1.0) as u32
    }

    /// The same for larger numbers.
    pub(super) fn posts(self, posts: u64) -> u64 {
        (posts as f64 * self.0).round().max(1.0) as u64
    }

    /// So long.
    pub(super) fn time(self, time: Duration) -> Duration {
        Duration::try_from_secs_f64(time.as_secs_f64() * self.0).unwrap_or(Duration::MAX)
    }

    /// So fast for so long; fast enough that at least one post falls into that time.
    pub(super) fn load(self, ramp: Ramp, time: Duration) -> (Ramp, Duration) {
        let time = self.time(time);
        let posts = f64::midpoint(ramp.from.0, ramp.to.0) * self.0 * time.as_secs_f64();
        let factor = if posts > 0.0 && posts < 1.0 { self.0 / posts } else { self.0 };
        (Ramp { from: Rate(ramp.from.0 * factor), to: Rate(ramp.to.0 * factor) }, time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_rooms_and_posts_are_multiplied_and_never_vanish() {
        let scale = Scale::new(0.1).expect("a scale");
        assert_eq!((scale.count(500), scale.count(14), scale.count(3)), (50, 1, 1));
        assert_eq!((scale.posts(10_000), scale.posts(1)), (1_000, 1));
        assert_eq!(Scale::new(3.0).map(|scale| scale.count(u32::MAX)), Some(u32::MAX));
        assert_eq!(scale.time(Duration::from_secs(5)), Duration::from_millis(500));
    }

    #[test]
    fn rates_and_times_are_multiplied_and_leave_at_least_one_post() {
        let ramp = Ramp { from: Rate(10.0), to: Rate(30.0) };
        let (half, time) = Scale::new(0.5).expect("a scale").load(ramp, Duration::from_secs(10));
        assert_eq!((half, time), (Ramp { from: Rate(5.0), to: Rate(15.0) }, Duration::from_secs(5)));
        let (tiny, time) = Scale::new(0.001).expect("a scale").load(ramp, Duration::from_secs(10));
        let posts = f64::midpoint(tiny.from.0, tiny.to.0) * time.as_secs_f64();
        assert!((posts - 1.0).abs() < 1e-9, "{posts}");
        assert!((tiny.to.0 / tiny.from.0 - 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_scale_is_above_zero_and_has_an_end() {
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 10_001.0] {
            assert_eq!(Scale::new(wrong), None, "{wrong}");
        }
        assert_eq!(Scale::new(1.0), Some(Scale::ONE));
    }
}
