//! The timeline: what happened in each piece of the run; the pieces grow with the run, so that there are never many.

use super::{account::Interval, latency::Bucketed};
use crate::scenario::id::Moment;

/// The length of a piece at first.
const LENGTH_NS: u64 = 100_000_000;

/// Pieces; when there would be more, each two become one.
const INTERVALS_MAX: usize = 600;

/// One piece.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot {
    pub(super) intended: u64,
    pub(super) accepted: u64,
    pub(super) delivered: u64,
    pub(super) refused: u64,
    /// Connections at its end; `None` when nobody said so in it.
    pub(super) connected: Option<u64>,
    pub(super) load_cpu_ms: f64,
    pub(super) times: Bucketed,
}

impl Slot {
    fn add(&mut self, later: &Self) {
        self.intended += later.intended;
        self.accepted += later.accepted;
        self.delivered += later.delivered;
        self.refused += later.refused;
        self.connected = later.connected.or(self.connected);
        self.load_cpu_ms += later.load_cpu_ms;
        self.times.add(&later.times);
    }
}

/// All pieces.
#[derive(Debug)]
pub(super) struct Timeline {
    length_ns: u64,
    slots: Vec<Slot>,
    /// The piece that was used last, and from when to when it is.
    current: usize,
    from_ns: u64,
    to_ns: u64,
}

impl Timeline {
    pub(super) fn new() -> Self {
        Self { length_ns: LENGTH_NS, slots: vec![Slot::default()], current: 0, from_ns: 0, to_ns: LENGTH_NS }
    }

    /// The piece of a moment.
    #[inline]
    pub(super) fn at(&mut self, moment: Moment) -> &mut Slot {
        if moment.0 < self.from_ns || moment.0 >= self.to_ns {
            self.turn_to(moment);
        }
        &mut self.slots[self.current]
    }

    #[cold]
    fn turn_to(&mut self, moment: Moment) {
        let number = |length_ns: u64| usize::try_from(moment.0 / length_ns).unwrap_or(usize::MAX);
        while number(self.length_ns) >= INTERVALS_MAX {
            self.halve();
        }
        self.current = number(self.length_ns);
        if self.slots.len() <= self.current {
            self.slots.resize_with(self.current + 1, Slot::default);
        }
        self.from_ns = self.current as u64 * self.length_ns;
        self.to_ns = self.from_ns.saturating_add(self.length_ns);
    }

    /// Makes each two pieces one.
    fn halve(&mut self) {
        let merge = |pair: &[Slot]| {
            let mut merged = pair[0].clone();
            pair[1..].iter().for_each(|later| merged.add(later));
            merged
        };
        self.slots = self.slots.chunks(2).map(merge).collect();
        self.length_ns = self.length_ns.saturating_mul(2);
    }

    /// The times of the last pieces that together are as long as `span_ns`, or of the last two at least.
    pub(super) fn recent(&self, now: Moment, span_ns: u64) -> Bucketed {
        let from = (now.0.saturating_sub(span_ns) / self.length_ns).min((now.0 / self.length_ns).saturating_sub(1));
        let mut times = Bucketed::default();
        self.slots.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)).for_each(|slot| times.add(&slot.times));
        times
    }

    /// As it is reported, up to the last piece in which something was written.
    pub(super) fn intervals(&self) -> Vec<Interval> {
        let mut connected = 0;
        let interval = |(number, slot): (usize, &Slot)| {
            connected = slot.connected.unwrap_or(connected);
            Interval {
                at_ms: (number as u64 * self.length_ns) as f64 / 1e6,
                length_ms: self.length_ns as f64 / 1e6,
                posts_intended: slot.intended,
                posts_accepted: slot.accepted,
                delivered: slot.delivered,
                refused: slot.refused,
                connected,
                p50_us: slot.times.quantile_us(0.5),
                p99_us: slot.times.quantile_us(0.99),
                max_us: slot.times.max_us(),
                buckets: slot.times.doublings(),
                load_cpu_ms: slot.load_cpu_ms,
            }
        };
        self.slots.iter().enumerate().map(interval).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_has_few_pieces_and_loses_nothing() {
        let mut timeline = Timeline::new();
        let seconds = 3_600;
        for second in 0..seconds {
            let slot = timeline.at(Moment(second * 1_000_000_000));
            slot.delivered += 2;
            slot.times.record(second + 1);
            slot.connected = Some(second);
        }
        timeline.at(Moment(5_000_000_000)).refused += 1;
        let intervals = timeline.intervals();
        assert!(intervals.len() <= INTERVALS_MAX, "{}", intervals.len());
        assert_eq!(intervals.iter().map(|interval| interval.delivered).sum::<u64>(), 2 * seconds);
        assert_eq!(intervals.iter().flat_map(|interval| &interval.buckets).sum::<u64>(), seconds);
        assert_eq!(intervals.last().map(|interval| interval.connected), Some(seconds - 1));
        assert_eq!(intervals.last().map(|interval| interval.max_us), Some(seconds));
        let refused = intervals.iter().find(|interval| interval.refused > 0).expect("the refusal");
        assert!(refused.at_ms <= 5_000.0 && refused.at_ms + refused.length_ms > 5_000.0, "{refused:?}");
        assert!(intervals.windows(2).all(|pair| pair[0].at_ms + pair[0].length_ms == pair[1].at_ms));
    }

    #[test]
    fn the_last_seconds_are_only_the_last_seconds() {
        let mut timeline = Timeline::new();
        timeline.at(Moment(0)).times.record(1_000_000);
        timeline.at(Moment(10_000_000_000)).times.record(100);
        let recent = timeline.recent(Moment(10_050_000_000), 3_000_000_000);
        assert_eq!(recent.max_us(), 100);
        assert_eq!(recent.quantile_us(0.5), 100);
    }
}
