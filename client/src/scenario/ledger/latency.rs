//! Distributions of times: exact ones for the whole run, small ones for a piece of it.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::account::Latency;

/// The longest time that is told apart: an hour.
const MAX_US: u64 = 3_600_000_000;

/// Points of a curve, about.
const CURVE_POINTS: u32 = 200;

/// Times of a whole run, to three digits.
#[derive(Debug, Clone)]
pub(super) struct Times {
    histogram: Histogram<u64>,
}

impl Times {
    pub(super) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, MAX_US, 3).expect("constants that fit each other");
        Self { histogram }
    }

    #[inline]
    pub(super) fn record(&mut self, micros: u64) {
        self.histogram.saturating_record(micros);
    }

    pub(super) fn record_duration(&mut self, time: Duration) {
        self.record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// What came since an older state of the same.
    pub(super) fn since(&self, older: &Self) -> Self {
        let mut since = self.clone();
        // both have the same bounds, and the older counts are contained in these
        if since.histogram.subtract(&older.histogram).is_err() {
            since.histogram.reset();
        }
        since
    }

    pub(super) fn latency(&self) -> Latency {
        let histogram = &self.histogram;
        if histogram.is_empty() {
            return Latency::default();
        }
        let shares: Vec<f64> = (0..=CURVE_POINTS).map(curve_share).collect();
        let curve = shares.iter().copied().zip(histogram.value_at_quantiles(shares.iter().copied())).collect();
        Latency {
            count: histogram.len(),
            mean_us: histogram.mean(),
            p50_us: histogram.value_at_quantile(0.5),
            p90_us: histogram.value_at_quantile(0.9),
            p99_us: histogram.value_at_quantile(0.99),
            p999_us: histogram.value_at_quantile(0.999),
            max_us: histogram.max(),
            curve,
        }
    }
}

/// Shares that lie closer and closer to 1: even in the first half of the points, then ten times as close each quarter.
fn curve_share(point: u32) -> f64 {
    let half = CURVE_POINTS / 2;
    if point >= CURVE_POINTS {
        1.0
    } else if point <= half {
        0.9 * f64::from(point) / f64::from(half)
    } else {
        let tens = 1.0 + 4.0 * f64::from(point - half) / f64::from(half);
        1.0 - 10_f64.powf(-tens)
    }
}

/// Steps in each doubling of a [`Bucketed`].
const STEP_BITS: u32 = 4;
const STEPS: usize = 1 << STEP_BITS;
/// Doublings: up to 2³² µs.
const DOUBLINGS: usize = 32;

/// Times of a piece of the run, to one sixteenth.
#[derive(Debug, Clone, Default)]
pub(super) struct Bucketed {
    counts: Vec<u32>,
    max_us: u64,
}

/// The bucket of a time: 16 to each doubling.
#[inline]
fn bucket(micros: u64) -> usize {
    let micros = micros.clamp(1, (1 << DOUBLINGS) - 1);
    let doubling = micros.ilog2();
    let step = if doubling >= STEP_BITS { micros >> (doubling - STEP_BITS) } else { micros << (STEP_BITS - doubling) };
    doubling as usize * STEPS + (step as usize & (STEPS - 1))
}

/// The largest time of a bucket.
fn upper_us(bucket: usize) -> u64 {
    let (doubling, step) = (bucket / STEPS, (bucket % STEPS) as u64);
    // where the next bucket begins, in sixteenths of a microsecond
    let end = (STEPS as u64 + step + 1) << doubling;
    end.div_ceil(STEPS as u64) - 1
}

impl Bucketed {
    #[inline]
    pub(super) fn record(&mut self, micros: u64) {
        if self.counts.is_empty() {
            self.counts = vec![0; DOUBLINGS * STEPS];
        }
        self.max_us = self.max_us.max(micros);
        if let Some(count) = self.counts.get_mut(bucket(micros)) {
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        if self.counts.is_empty() {
            self.counts.clone_from(&other.counts);
        } else {
            for (count, more) in self.counts.iter_mut().zip(&other.counts) {
                *count = count.saturating_add(*more);
            }
        }
        self.max_us = self.max_us.max(other.max_us);
    }

    pub(super) fn max_us(&self) -> u64 {
        self.max_us
    }

    /// The time below which this share lies, to one sixteenth; 0 when there are none.
    pub(super) fn quantile_us(&self, share: f64) -> u64 {
        let total: u64 = self.counts.iter().copied().map(u64::from).sum();
        let wanted = ((total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return upper_us(bucket).min(self.max_us);
            }
        }
        0
    }

    /// Counts by doubling, trailing zeros left out.
    pub(super) fn doublings(&self) -> Vec<u64> {
        let doubling = |counts: &[u32]| counts.iter().copied().map(u64::from).sum();
        let mut doublings: Vec<u64> = self.counts.chunks(STEPS).map(doubling).collect();
        while doublings.last() == Some(&0) {
            doublings.pop();
        }
        doublings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_times_to_one_sixteenth() {
        for micros in (1..5_000).chain((1..4_000).map(|n| n * 1_000_003)) {
            let (bucket, next) = (bucket(micros), bucket(micros + 1));
            assert!(next >= bucket, "{micros}");
            let upper = upper_us(bucket);
            assert!(upper >= micros && upper <= micros + micros / 16, "{micros} {upper}");
        }
    }

    #[test]
    fn what_is_measured_since_an_older_state_leaves_that_out() {
        let mut times = Times::new();
        (0..100).for_each(|_| times.record(1_000_000));
        let older = times.clone();
        (1..=100).for_each(|n| times.record(n * 10));
        let since = times.since(&older).latency();
        assert_eq!((since.count, since.p50_us, since.max_us), (100, 500, 1_000));
        assert_eq!(times.latency().count, 200);
    }

    #[test]
    fn a_curve_ascends_to_the_largest() {
        let mut times = Times::new();
        (1..=100_000).for_each(|n| times.record(n));
        let curve = times.latency().curve;
        assert!(curve.len() <= 201 && curve.is_sorted(), "{curve:?}");
        assert_eq!(curve.last().map(|(share, _)| *share), Some(1.0));
    }
}
