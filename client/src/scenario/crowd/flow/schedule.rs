//! When the posts of an open flow are to be sent: computed from the begin of the flow, so nothing adds up.

use std::time::Duration;

use rand::{RngExt, rngs::SmallRng};

/// The times of a flow whose rate goes evenly from one value to another.
///
/// The posts up to time t are N(t) = a·t + b·t²/2, with the first rate a and the change of rate b; the nth is due
/// where N(t) = n. By chance (a Poisson process) n grows by exponential steps of mean 1 in place of 1.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    from_per_s: f64,
    change_per_s2: f64,
    time_s: f64,
    poisson: bool,
    /// N at the next post.
    next: f64,
}

impl Schedule {
    pub(super) fn new(from_per_s: f64, to_per_s: f64, time: Duration, poisson: bool) -> Self {
        let time_s = time.as_secs_f64();
        let change_per_s2 = if time_s > 0.0 { (to_per_s - from_per_s) / time_s } else { 0.0 };
        Self { from_per_s: from_per_s.max(0.0), change_per_s2, time_s, poisson, next: 0.0 }
    }

    /// The next post's time from the begin of the flow; `None` when there is none any more.
    pub(super) fn next(&mut self, chance: &mut SmallRng) -> Option<Duration> {
        if self.poisson {
            // 1 - [0, 1): never the logarithm of 0
            let share: f64 = chance.random();
            self.next -= (1.0 - share).ln();
        }
        let square = self.from_per_s.powi(2) + 2.0 * self.change_per_s2 * self.next;
        if square < 0.0 {
            return None; // a falling rate reaches 0 before
        }
        // the root of the quadratic equation in the form that loses no digits for a small change
        let slope = self.from_per_s + square.sqrt();
        let at_s = if self.next == 0.0 { 0.0 } else { 2.0 * self.next / slope };
        if !self.poisson {
            self.next += 1.0;
        }
        let has_rate = self.from_per_s > 0.0 || self.change_per_s2 > 0.0;
        (has_rate && at_s < self.time_s).then(|| Duration::from_secs_f64(at_s))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn times(from: f64, to: f64, time_s: u64, poisson: bool, seed: u64) -> Vec<f64> {
        let mut schedule = Schedule::new(from, to, Duration::from_secs(time_s), poisson);
        let mut chance = SmallRng::seed_from_u64(seed);
        std::iter::from_fn(|| schedule.next(&mut chance)).map(|at| at.as_secs_f64()).collect()
    }

    #[test]
    fn a_steady_flow_is_a_ruler_without_drift() {
        let times = times(1_000.0, 1_000.0, 600, false, 0);
        assert_eq!(times.len(), 600_000);
        assert!(times.iter().enumerate().all(|(n, at)| (at - n as f64 / 1_000.0).abs() < 1e-6));
    }

    #[test]
    fn a_ramp_sends_the_area_under_it_and_its_gaps_follow_the_rate() {
        let up = times(10.0, 200.0, 5, false, 0);
        assert_eq!(up.len(), 525);
        let gaps: Vec<_> = up.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.windows(2).all(|pair| pair[1] <= pair[0] + 1e-9), "ever faster");
        assert!((1.0 / gaps[gaps.len() - 1] - 200.0).abs() < 1.0);
        let down = times(200.0, 0.0, 5, false, 0);
        assert!((499..=501).contains(&down.len()), "{}", down.len());
        assert!(down.iter().all(|at| (0.0..5.0).contains(at)));
        assert_eq!(times(0.0, 100.0, 2, false, 0).len(), 100);
    }

    #[test]
    fn chance_keeps_the_rate_and_is_repeatable_by_its_seed() {
        for seed in 1..=5 {
            let drawn = times(1_000.0, 1_000.0, 100, true, seed);
            // the standard deviation is √100,000 ≈ 316
            assert!((98_000..102_000).contains(&drawn.len()), "seed {seed}: {}", drawn.len());
            assert!(drawn.windows(2).all(|pair| pair[0] <= pair[1]));
            assert_eq!(drawn, times(1_000.0, 1_000.0, 100, true, seed));
        }
    }

    #[test]
    fn no_rate_or_no_time_is_no_post() {
        assert!(times(0.0, 0.0, 10, false, 0).is_empty());
        assert!(times(0.0, 0.0, 10, true, 0).is_empty());
        assert!(times(100.0, 100.0, 0, false, 0).is_empty());
    }
}
