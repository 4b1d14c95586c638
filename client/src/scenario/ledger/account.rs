//! The account: everything that a run's ledger and crowd have to tell at the end, as it stands in `--json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::breach::{Breach, BreachKind};

/// Counters of a whole run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    /// Posts that were to be made.
    pub(crate) intended: u64,
    /// Posts that were written to a socket at least once.
    pub(crate) sent: u64,
    /// Posts that were written again after a lost connection or on purpose.
    pub(crate) sent_again: u64,
    /// Acknowledged, each once.
    pub(crate) accepted: u64,
    /// Acknowledgements that said that it was a duplicate.
    pub(crate) duplicates: u64,
    /// Refused, by the error's code.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Without an answer at the end.
    pub(crate) unsettled: u64,
    /// Receipts of this run's messages: live (pushed, or fetched by readers who fell behind), and in all (with those read
    /// on return).
    pub(crate) delivered_live: u64,
    pub(crate) delivered: u64,
    /// Receipts that ought to have been and were not.
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) reordered: u64,
    pub(crate) disagreeing: u64,
    pub(crate) leaked: u64,
    /// Receipts of what others wrote, on a server that is not only this run's.
    pub(crate) foreign: u64,
    /// First connects, resumes and how rooms came back.
    pub(crate) connected: u64,
    pub(crate) resumed: u64,
    pub(crate) rooms_complete: u64,
    pub(crate) rooms_gap: u64,
    pub(crate) rooms_reset: u64,
    /// `lagged` notices.
    pub(crate) lagged: u64,
    /// Attempts to connect that failed.
    pub(crate) connect_failed: u64,
    /// Connections that ended without the scenario's wish.
    pub(crate) connections_lost: u64,
    /// Bytes read and written, and calls that read.
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) reads: u64,
    /// Messages that were let go before their receipts were complete, for too many were under way.
    pub(crate) not_followed: u64,
}

/// A distribution of times, in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) mean_us: f64,
    pub(crate) p50_us: u64,
    pub(crate) p90_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) p999_us: u64,
    pub(crate) max_us: u64,
    /// For a curve: ascending pairs of share (0 to 1) and microseconds, at most about 200.
    pub(crate) curve: Vec<(f64, u64)>,
}

/// A piece of the time; all pieces of a run have the same length, at most about 600 of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Interval {
    /// From the begin of the run to the begin of the interval.
    pub(crate) at_ms: f64,
    pub(crate) length_ms: f64,
    pub(crate) posts_intended: u64,
    pub(crate) posts_accepted: u64,
    pub(crate) delivered: u64,
    pub(crate) refused: u64,
    /// Connections at the end of the interval.
    pub(crate) connected: u64,
    /// Delivery latency of the receipts in it.
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) max_us: u64,
    /// For a heat map: receipts by latency, bucket n is from 2ⁿ up to 2ⁿ⁺¹ microseconds; trailing zeros left out.
    pub(crate) buckets: Vec<u64>,
    /// CPU time of the crowd's thread in it, in milliseconds.
    pub(crate) load_cpu_ms: f64,
}

/// The life of one message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Life {
    /// Its nonce.
    pub(crate) message: String,
    pub(crate) sender: String,
    pub(crate) room: String,
    pub(crate) seq: Option<u64>,
    /// Milliseconds since the begin of the run.
    pub(crate) intended_ms: f64,
    pub(crate) sent_ms: Option<f64>,
    pub(crate) accepted_ms: Option<f64>,
    pub(crate) first_receipt_ms: Option<f64>,
    pub(crate) last_receipt_ms: Option<f64>,
    /// Who got it last.
    pub(crate) last_reader: Option<String>,
    pub(crate) receipts: u64,
}

/// What the load side itself cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoadSide {
    /// CPU time of the crowd's thread over the whole run.
    pub(crate) cpu_ms: f64,
    /// Receipts for a second of it.
    pub(crate) deliveries_per_cpu_s: f64,
    /// The share of one core that the thread used in its busiest second.
    pub(crate) busiest_share: f64,
    /// How much later than intended posts were written because the load side was busy: 99 % and the most, in microseconds.
    pub(crate) lateness_p99_us: u64,
    pub(crate) lateness_max_us: u64,
    /// Memory of the process for each connection beyond what it had before, in bytes; `None` when there were too few.
    pub(crate) bytes_per_connection: Option<f64>,
    /// Said when the figures are those of the load side and not of the server, with the reason.
    pub(crate) bottleneck: Option<String>,
}

/// What happened between two questions for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lap {
    /// What was added to each counter.
    pub(crate) totals: Totals,
    pub(crate) delivery: Latency,
    pub(crate) acceptance: Latency,
    pub(crate) wall_ms: f64,
    /// As [`LoadSide::cpu_ms`] and [`LoadSide::lateness_p99_us`], of this time alone; the crowd writes them.
    pub(crate) load_cpu_ms: f64,
    pub(crate) lateness_p99_us: u64,
}

impl Totals {
    /// What was added since an older state of the same.
    pub(crate) fn since(&self, older: &Self) -> Self {
        let refused = self.refused.iter().map(|(code, now)| (code, now - older.refused.get(code).unwrap_or(&0)));
        Self {
            intended: self.intended - older.intended,
            sent: self.sent - older.sent,
            sent_again: self.sent_again - older.sent_again,
            accepted: self.accepted - older.accepted,
            duplicates: self.duplicates - older.duplicates,
            refused: refused.filter(|(_, more)| *more > 0).map(|(code, more)| (code.clone(), more)).collect(),
            // those that wait now, for they are no sum
            unsettled: self.unsettled,
            delivered_live: self.delivered_live - older.delivered_live,
            delivered: self.delivered - older.delivered,
            lost: self.lost - older.lost,
            doubled: self.doubled - older.doubled,
            reordered: self.reordered - older.reordered,
            disagreeing: self.disagreeing - older.disagreeing,
            leaked: self.leaked - older.leaked,
            foreign: self.foreign - older.foreign,
            connected: self.connected - older.connected,
            resumed: self.resumed - older.resumed,
            rooms_complete: self.rooms_complete - older.rooms_complete,
            rooms_gap: self.rooms_gap - older.rooms_gap,
            rooms_reset: self.rooms_reset - older.rooms_reset,
            lagged: self.lagged - older.lagged,
            connect_failed: self.connect_failed - older.connect_failed,
            connections_lost: self.connections_lost - older.connections_lost,
            bytes_in: self.bytes_in - older.bytes_in,
            bytes_out: self.bytes_out - older.bytes_out,
            reads: self.reads - older.reads,
            not_followed: self.not_followed - older.not_followed,
        }
    }
}

/// Everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) totals: Totals,
    /// How often each kind of finding was made; a kind that is absent was not found.
    pub(crate) found: BTreeMap<BreachKind, u64>,
    pub(crate) breaches: Vec<Breach>,
    /// Receipts by readers who were connected, pushed or fetched after falling behind, from the intended time of the post.
    pub(crate) delivery: Latency,
    /// Acknowledgements, from the intended time.
    pub(crate) acceptance: Latency,
    /// First connects, from the begin of the connection to the last room.
    pub(crate) connecting: Latency,
    /// The same, of resumed sessions, from the begin of the attempt that worked.
    pub(crate) resuming: Latency,
    pub(crate) timeline: Vec<Interval>,
    /// The messages with the latest receipts, worst first, at most 20.
    pub(crate) worst: Vec<Life>,
    /// Whether the rooms were read back at the end and how many events that were.
    pub(crate) audited: Option<u64>,
    /// Rooms that were to be read back, and were not to their end: what was acknowledged there is not known to be stored.
    #[serde(default)]
    pub(crate) not_read_back: u64,
    pub(crate) load: LoadSide,
}

/// Something a second, from the first piece of the time that has any of it to the last: a stall between counts. `None`: there
/// was none.
pub(crate) fn per_s(timeline: &[Interval], of: impl Fn(&Interval) -> u64) -> Option<f64> {
    let first = timeline.iter().position(|interval| of(interval) > 0)?;
    let last = timeline.iter().rposition(|interval| of(interval) > 0)?;
    let busy = timeline.get(first..=last)?;
    let seconds: f64 = busy.iter().map(|interval| interval.length_ms / 1e3).sum();
    let sum: f64 = busy.iter().map(|interval| of(interval) as f64).sum();
    (seconds > 0.0 && seconds.is_finite()).then(|| sum / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_the_time_from_first_to_last_and_a_stall_between_counts() {
        let interval = |delivered| Interval { length_ms: 100.0, delivered, ..Interval::default() };
        let timeline = [interval(0), interval(10), interval(0), interval(0), interval(30), interval(0)];
        assert_eq!(per_s(&timeline, |interval| interval.delivered), Some(100.0));
        assert_eq!(per_s(&timeline[..1], |interval| interval.delivered), None);
        assert_eq!(per_s(&[], |interval| interval.delivered), None);
    }
}
