//! Figures that are computed from facts, the same for every report.

use super::facts::{Facts, ServerSample, Verdict};
use crate::scenario::ledger::account;

/// What things are called when they are shown with a name: one list for summary, page and comparison.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "HELD",
        Verdict::Failed => "FAILED",
        Verdict::Interrupted => "INTERRUPTED",
    }
}

/// How the end reads as a sentence.
pub(super) fn outcome(facts: &Facts) -> String {
    let all = facts.findings().count();
    let failed: Vec<_> = facts.findings().filter(|finding| !finding.held).collect();
    match (facts.verdict, failed.first()) {
        (Verdict::Interrupted, None) => {
            "ended from outside before it was over; what was checked until then held".to_owned()
        }
        (Verdict::Interrupted, Some(_)) => {
            format!("ended from outside before it was over; {} of {all} did not hold until then", failed.len())
        }
        (_, None) if facts.verdict == Verdict::Failed => "something went wrong; see below".to_owned(),
        (_, None) => format!("all {all} held"),
        (_, Some(first)) if failed.len() == 1 => format!("1 of {all} did not hold: {}", first.what),
        (_, Some(first)) => format!("{} of {all} did not hold, the first: {}", failed.len(), first.what),
    }
}

/// Why the figures are not the server's alone. Where rates are tried until one breaks, that is told of each by itself.
pub(super) fn bottleneck(facts: &Facts) -> Option<&str> {
    facts.account.load.bottleneck.as_deref().filter(|_| facts.probes.is_empty())
}

/// Posts that were refused, whatever the code.
pub(super) fn refused(facts: &Facts) -> u64 {
    facts.account.totals.refused.values().fold(0, |sum, n| sum.saturating_add(*n))
}

/// Receipts a second from the first to the last; `None` when there was none.
pub(super) fn deliveries_per_s(facts: &Facts) -> Option<f64> {
    account::per_s(&facts.account.timeline, |interval| interval.delivered)
}

/// Acknowledged posts a second, from the first to the last.
pub(super) fn posts_per_s(facts: &Facts) -> Option<f64> {
    account::per_s(&facts.account.timeline, |interval| interval.posts_accepted)
}

/// CPU time of the server between two times of the run, in milliseconds: each look covers the time since the one before.
pub(super) fn server_cpu_ms(samples: &[ServerSample], from_ms: f64, to_ms: f64) -> f64 {
    let mut before: f64 = 0.0;
    let mut sum: f64 = 0.0;
    for sample in samples {
        let overlap = sample.at_ms.min(to_ms) - before.max(from_ms);
        if overlap > 0.0 && sample.cores.is_finite() {
            sum += overlap * sample.cores;
        }
        before = sample.at_ms;
    }
    sum
}

/// The last moment that was measured; at least one millisecond.
pub(super) fn end_ms(facts: &Facts) -> f64 {
    let intervals = facts.account.timeline.iter().map(|interval| interval.at_ms + interval.length_ms);
    let samples = facts.server.cost.iter().flat_map(|cost| &cost.samples).map(|sample| sample.at_ms);
    let all = intervals.chain(samples).chain([facts.scenario.duration_ms]);
    all.filter(|ms| ms.is_finite()).fold(1.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_cpu_time_is_counted_where_it_was_used() {
        let sample = |at_ms, cores| ServerSample { at_ms, cores, memory_bytes: 0 };
        let samples = [sample(500.0, 1.0), sample(1000.0, 0.5)];
        assert_eq!(server_cpu_ms(&samples, 0.0, 1000.0), 750.0);
        assert_eq!(server_cpu_ms(&samples, 250.0, 750.0), 375.0);
        assert_eq!(server_cpu_ms(&samples, 1000.0, 2000.0), 0.0);
    }
}
