//! What the load side itself costs, so that its figures can be trusted, or are said not to be.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::flow::OPEN_UNDER_WAY_MAX;
use crate::scenario::{
    id::Moment,
    ledger::account::{LoadSide, Totals},
    report::sample::Sample,
};

/// How often the meter is looked at.
pub(super) const SAMPLE: Duration = Duration::from_millis(250);

/// How often the ledger is told the time and what the thread cost since then.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Looks in a second, over which rates are taken.
const LOOKS_PER_S: usize = 4;

/// The share of a core above which the figures of that second are those of the load side.
const BUSY_SHARE_MAX: f64 = 0.9;

/// The lateness of intended sends above which they are, too.
const LATENESS_P99_MAX: Duration = Duration::from_millis(10);

/// The largest lateness that is told from larger ones, in microseconds.
const LATENESS_US_MAX: u64 = 3_600_000_000;

/// Of fewer posts than this, one in a hundred is none.
const LATE_POSTS_MIN: u64 = 100;

/// Lateness that is a smaller part of the delivery latency than one of so many is not what made it.
const LATENESS_PARTS: u64 = 4;

/// Connections below which memory for each is mostly that of buffers and histograms, of which there is one set.
const CONNECTIONS_MEASURED_MIN: u64 = 5_000;

/// One look.
#[derive(Debug, Clone, Default)]
struct Look {
    at: Moment,
    cpu: Duration,
    posts: u64,
    deliveries: u64,
}

/// The meter.
#[derive(Debug)]
pub(super) struct Meter {
    /// The newest last, those of the last second.
    looks: Vec<Look>,
    busiest_share: f64,
    lateness: Histogram<u64>,
    lap_lateness: Histogram<u64>,
    lap_cpu: Duration,
    tick_cpu: Duration,
    /// Posts of open flows that were left out.
    pub(super) not_sent: u64,
    memory_begin_bytes: Option<u64>,
    /// The most people who were connected, and the least memory with which they were: what handshakes take for a moment,
    /// and what the ledger gathers later, is no connection's.
    most: (u64, u64),
    /// CPU time of the thread before the run.
    cpu_begin: Duration,
}

impl Meter {
    /// To be called on the thread that is to be measured.
    ///
    /// # Errors
    /// When there is no room for its histograms.
    pub(super) fn new() -> std::io::Result<Self> {
        let lateness = Histogram::new_with_bounds(1, LATENESS_US_MAX, 3).map_err(std::io::Error::other)?;
        Ok(Self {
            looks: Vec::new(),
            busiest_share: 0.0,
            lap_lateness: lateness.clone(),
            lateness,
            lap_cpu: Duration::ZERO,
            tick_cpu: Duration::ZERO,
            not_sent: 0,
            memory_begin_bytes: memory_bytes(),
            most: (0, 0),
            cpu_begin: cpu(),
        })
    }

    /// A post was sent so much after its intended time.
    pub(super) fn late(&mut self, lateness: Duration) {
        let us = u64::try_from(lateness.as_micros()).unwrap_or(u64::MAX);
        self.lateness.saturating_record(us);
        self.lap_lateness.saturating_record(us);
    }

    fn cpu(&self) -> Duration {
        cpu().saturating_sub(self.cpu_begin)
    }

    /// CPU time of the thread since the last tick, in milliseconds.
    pub(super) fn tick(&mut self) -> f64 {
        let cpu = self.cpu();
        cpu.saturating_sub(std::mem::replace(&mut self.tick_cpu, cpu)).as_secs_f64() * 1e3
    }

    /// Looks at everything and gives the sample's rates.
    pub(super) fn look(&mut self, now: Moment, totals: &Totals, online: u64) -> Sample {
        let look = Look { at: now, cpu: self.cpu(), posts: totals.accepted, deliveries: totals.delivered };
        let first = self.looks.first().cloned().unwrap_or_default();
        let seconds = look.at.since(first.at).as_secs_f64().max(1e-3);
        let per_s = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        let sample = Sample {
            at: now,
            totals: totals.clone(),
            online,
            posts_per_s: per_s(look.posts, first.posts),
            deliveries_per_s: per_s(look.deliveries, first.deliveries),
            busy_share: look.cpu.saturating_sub(first.cpu).as_secs_f64() / seconds,
            ..Sample::default()
        };
        self.looks.push(look);
        if self.looks.len() > LOOKS_PER_S {
            // a whole second: shorter times are no share of one
            self.busiest_share = self.busiest_share.max(sample.busy_share);
            self.looks.remove(0);
        }
        if online >= self.most.0.max(CONNECTIONS_MEASURED_MIN)
            && let Some(bytes) = memory_bytes()
        {
            let least = if online > self.most.0 { bytes } else { self.most.1.min(bytes) };
            self.most = (online, least);
        }
        sample
    }

    /// CPU time and the lateness that 99 % keep, since the last lap.
    pub(super) fn lap(&mut self) -> (f64, u64) {
        let cpu = self.cpu();
        let cpu_ms = cpu.saturating_sub(std::mem::replace(&mut self.lap_cpu, cpu)).as_secs_f64() * 1e3;
        let lateness = self.lap_lateness.value_at_quantile(0.99);
        self.lap_lateness.reset();
        (cpu_ms, lateness)
    }

    /// The account of the load side.
    pub(super) fn close(&self, delivered: u64, delivery_p99_us: u64) -> LoadSide {
        let cpu = self.cpu();
        let (online, bytes) = self.most;
        let grown = self.memory_begin_bytes.map(|begin| bytes.saturating_sub(begin) as f64 / online as f64);
        let mut load = LoadSide {
            cpu_ms: cpu.as_secs_f64() * 1e3,
            deliveries_per_cpu_s: if cpu.is_zero() { 0.0 } else { delivered as f64 / cpu.as_secs_f64() },
            busiest_share: self.busiest_share,
            lateness_p99_us: self.lateness.value_at_quantile(0.99),
            lateness_max_us: self.lateness.max(),
            bytes_per_connection: grown.filter(|_| online >= CONNECTIONS_MEASURED_MIN),
            bottleneck: None,
        };
        load.bottleneck = self.bottleneck(&load, delivery_p99_us);
        load
    }

    /// Whether so many posts were sent so late that it shows in the latencies, which count from the intended time.
    fn is_late(&self, load: &LoadSide, delivery_p99_us: u64) -> bool {
        self.lateness.len() >= LATE_POSTS_MIN
            && u128::from(load.lateness_p99_us) > LATENESS_P99_MAX.as_micros()
            && load.lateness_p99_us.saturating_mul(LATENESS_PARTS) >= delivery_p99_us
    }

    /// Why the figures are not the server's alone, if that is so.
    fn bottleneck(&self, load: &LoadSide, delivery_p99_us: u64) -> Option<String> {
        let mut reasons = Vec::new();
        if load.busiest_share > BUSY_SHARE_MAX {
            reasons.push(format!("its thread was busy for {:.0} % of its busiest second", load.busiest_share * 100.0));
        }
        if self.not_sent > 0 {
            let posts = self.not_sent;
            reasons.push(format!(
                "{posts} posts were not sent at all, for {OPEN_UNDER_WAY_MAX} of one flow were under way"
            ));
        }
        let is_at_its_limit = !reasons.is_empty();
        if self.is_late(load, delivery_p99_us) {
            let late_ms = load.lateness_p99_us as f64 / 1e3;
            reasons.push(format!("one post in a hundred was sent {late_ms:.1} ms later than intended or more"));
        }
        let what = match is_at_its_limit {
            true => "the load side was at its limit",
            // Its thread had time, and did not run: something else had the cores.
            false => "the machine was too busy to send in time",
        };
        (!reasons.is_empty()).then(|| format!("{what} ({})", reasons.join("; ")))
    }
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Memory that this process occupies; `None` where the system does not tell.
fn memory_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_late_or_left_posts_out_says_so_and_who_was_not_says_nothing() {
        let mut meter = Meter::new().expect("room for it");
        meter.late(Duration::from_secs(1));
        assert_eq!(meter.close(0, 0).bottleneck, None, "one post is no load");
        (0..1_000).for_each(|_| meter.late(Duration::from_micros(300)));
        assert_eq!(meter.close(0, 1_000).bottleneck, None);
        (0..20).for_each(|_| meter.late(Duration::from_millis(40)));
        assert_eq!(meter.close(0, 400_000).bottleneck, None, "other things were slower by far");
        let said = meter.close(0, 50_000).bottleneck.expect("is late");
        assert!(said.contains("the machine was too busy"), "{said}");
        assert!(said.contains("one post in a hundred") && !said.contains("not sent"), "{said}");
        meter.not_sent = 3;
        assert!(meter.close(0, 0).bottleneck.is_some_and(|said| said.contains("at its limit (3 posts were not sent")));
        assert!(meter.lap().1 >= 300);
        assert_eq!(meter.lap().1, 0, "a lap begins anew");
    }

    #[test]
    fn rates_are_those_of_the_last_second() {
        let mut meter = Meter::new().expect("room for it");
        let mut totals = Totals::default();
        for quarter in 1..=20 {
            (totals.accepted, totals.delivered) = (quarter * 10, quarter * 1_000);
            let sample = meter.look(Moment(quarter * 250_000_000), &totals, 7);
            assert_eq!((sample.posts_per_s, sample.deliveries_per_s, sample.online), (40.0, 4_000.0, 7));
        }
    }
}
