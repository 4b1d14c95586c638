//! Every metric: its name, kind, unit and meaning in one table, and the recorder that counts them.
//!
//! Whoever measures uses the constants below with the macros of the `metrics` crate
//! (`::metrics::counter!(POSTS_TOTAL).increment(1)`). `docs/OPERATIONS.md` is compared with the table.

use std::{
    sync::OnceLock,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hubbub_protocol::ErrorCode;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

mod process;

/// What a metric does over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by size, in buckets.
    Histogram,
}

impl Kind {
    /// The word that Prometheus uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What a metric counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// The word in the documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
        }
    }

    fn of_recorder(self) -> ::metrics::Unit {
        match self {
            Self::Count => ::metrics::Unit::Count,
            Self::Seconds => ::metrics::Unit::Seconds,
            Self::Bytes => ::metrics::Unit::Bytes,
        }
    }

    /// The upper bounds of a histogram's buckets, each about twice or thrice the one before.
    fn buckets(self) -> &'static [f64] {
        match self {
            Self::Count => {
                &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 2_048.0, 4_096.0, 8_192.0]
            }
            Self::Seconds => &[
                0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
                2.5, 5.0, 10.0,
            ],
            Self::Bytes => &[64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0],
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct MetricInfo {
    /// The constant of this module that holds the name.
    pub constant: &'static str,
    /// Its name, as Prometheus sees it.
    pub name: &'static str,
    /// What it does over time.
    pub kind: Kind,
    /// What it counts in.
    pub unit: Unit,
    /// Its labels; empty for none.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($name:ident = $wire:literal: $kind:ident, $unit:ident, [$($label:literal),*], $help:literal;)*) => {
        $(#[doc = $help] pub const $name: &str = $wire;)*

        /// Every metric, in the order of the documents.
        pub const TABLE: &[MetricInfo] = &[$(MetricInfo {
            constant: stringify!($name),
            name: $wire,
            kind: Kind::$kind,
            unit: Unit::$unit,
            labels: &[$($label),*],
            help: $help,
        },)*];
    };
}

metrics! {
    BUILD_INFO = "hubbub_build_info": Gauge, Count, ["version"],
        "Always 1; the label says which version runs.";
    CONNECTIONS = "hubbub_connections": Gauge, Count, [],
        "WebSocket connections that are open.";
    CONNECTIONS_TOTAL = "hubbub_connections_total": Counter, Count, ["outcome"],
        "WebSocket connections that have ended: `normal`, `going_away` and the like, by the close code, or `lost` when the server sent no close frame.";
    UPGRADES_TOTAL = "hubbub_upgrades_total": Counter, Count, ["outcome"],
        "Requests for a WebSocket: `accepted`, or the code of the refusal.";
    SESSIONS = "hubbub_sessions": Gauge, Count, [],
        "Sessions that are connected or can be resumed.";
    SESSIONS_ONLINE = "hubbub_sessions_online": Gauge, Count, [],
        "Sessions that have a connection.";
    RESUMES_TOTAL = "hubbub_resumes_total": Counter, Count, ["outcome"],
        "Rooms that were entered with a position: `complete`, `gap` or `reset`.";
    FRAMES_IN_TOTAL = "hubbub_frames_in_total": Counter, Count, [],
        "WebSocket frames received.";
    BYTES_IN_TOTAL = "hubbub_bytes_in_total": Counter, Bytes, [],
        "Bytes received on WebSocket connections.";
    REFUSALS_TOTAL = "hubbub_refusals_total": Counter, Count, ["code"],
        "Requests that were answered with an error, by its code.";
    ROOMS_OPEN = "hubbub_rooms_open": Gauge, Count, [],
        "Rooms in memory; each is one task.";
    ROOM_INBOX_DEPTH = "hubbub_room_inbox_depth": Histogram, Count, [],
        "Commands that a room took from its inbox at once.";
    ROOM_BATCH_EVENTS = "hubbub_room_batch_events": Histogram, Count, [],
        "Events that a room appended and published at once.";
    ROOM_POLL_SECONDS = "hubbub_room_poll_seconds": Histogram, Seconds, [],
        "Time that a room's task ran until it suspended again. One poll in 16 is timed.";
    POSTS_TOTAL = "hubbub_posts_total": Counter, Count, [],
        "Posts and topics stored and acknowledged.";
    POST_DUPLICATES_TOTAL = "hubbub_post_duplicates_total": Counter, Count, [],
        "Posts sent again that were stored before, and got the first one's seq.";
    SIGNALS_DROPPED_TOTAL = "hubbub_signals_dropped_total": Counter, Count, [],
        "`typing` and `presence` events not sent to a reader that is behind.";
    STORE_COMMIT_SECONDS = "hubbub_store_commit_seconds": Histogram, Seconds, [],
        "Time of one commit of the store, from its begin until it is on the disk.";
    STORE_COMMIT_EVENTS = "hubbub_store_commit_events": Histogram, Count, [],
        "Events in one commit.";
    STORE_JOURNAL_EVENTS = "hubbub_store_journal_events": Gauge, Count, [],
        "Events that stand in the journal and not in the tables yet, when some were last put there.";
    STORE_READS_TOTAL = "hubbub_store_reads_total": Counter, Count, [],
        "Pages of logs and lists that were read from the store.";
    STORE_FAILURES_TOTAL = "hubbub_store_failures_total": Counter, Count, ["kind"],
        "What the store could not do: `write` (posts were refused with `store_unavailable`), `read`, `fold` (the journal into the tables) or `checkpoint`.";
    SHARD_INBOX_DEPTH = "hubbub_shard_inbox_depth": Histogram, Count, ["shard"],
        "Batches that a shard took from its inbox at once.";
    FANOUT_PASS_SECONDS = "hubbub_fanout_pass_seconds": Histogram, Seconds, ["shard"],
        "Time from taking a batch until it is in the outbox of every local member.";
    DELIVERIES_TOTAL = "hubbub_deliveries_total": Counter, Count, ["shard"],
        "Events put into outboxes: one event to a hundred members counts a hundred.";
    DELIVERED_BYTES_TOTAL = "hubbub_delivered_bytes_total": Counter, Bytes, ["shard"],
        "Bytes written to WebSocket connections.";
    SOCKET_WRITES_TOTAL = "hubbub_socket_writes_total": Counter, Count, ["shard"],
        "Write calls on WebSocket connections; each carries all that waited.";
    OUTBOX_BYTES = "hubbub_outbox_bytes": Gauge, Bytes, ["shard"],
        "Bytes that wait in all outboxes of a shard together.";
    LAGGED_TOTAL = "hubbub_lagged_total": Counter, Count, [],
        "Times that a reader was told `lagged` because its outbox was full.";
    EVICTED_TOTAL = "hubbub_evicted_total": Counter, Count, ["reason"],
        "Connections that the server closed, by the close code: `hello_timeout`, `ping_timeout`, `slow`, `policy`, `replaced` and the like.";
    PROCESS_START_TIME_SECONDS = "process_start_time_seconds": Gauge, Seconds, [],
        "When the process started, in seconds since 1970.";
    PROCESS_CPU_SECONDS_TOTAL = "process_cpu_seconds_total": Counter, Seconds, [],
        "Processor time that the process used (Linux only).";
    PROCESS_RESIDENT_MEMORY_BYTES = "process_resident_memory_bytes": Gauge, Bytes, [],
        "Memory that the process occupies (Linux only).";
    PROCESS_OPEN_FDS = "process_open_fds": Gauge, Count, [],
        "Files and sockets that the process has open (Linux only).";
    PROCESS_MAX_FDS = "process_max_fds": Gauge, Count, [],
        "Files and sockets that it may have open.";
}

/// How often the recorder puts what was measured into its buckets. Between, every value waits in memory.
const UPKEEP_EVERY: Duration = Duration::from_secs(2);

/// When the process began, as far as this module can tell.
static STARTED: OnceLock<f64> = OnceLock::new();

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Makes the recorder that every thread of the process counts with, once; later calls get the same.
///
/// The recorder keeps the single values of a histogram until it is tended, so a thread does that until
/// the process ends.
pub fn install() -> PrometheusHandle {
    let handle = HANDLE.get_or_init(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        STARTED.get_or_init(|| now.as_secs_f64());
        let recorder = builder().unwrap_or_default().build_recorder();
        let handle = recorder.handle();
        if ::metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics is installed: /metrics stays empty");
        }
        describe();
        tend(handle.clone());
        handle
    });
    handle.clone()
}

/// The builder fails for an empty list of buckets only, which a test excludes.
fn builder() -> Result<PrometheusBuilder, BuildError> {
    TABLE.iter().filter(|info| info.kind == Kind::Histogram).try_fold(PrometheusBuilder::new(), |builder, info| {
        builder.set_buckets_for_metric(Matcher::Full(info.name.to_owned()), info.unit.buckets())
    })
}

fn tend(handle: PrometheusHandle) {
    let work = move || loop {
        thread::park_timeout(UPKEEP_EVERY);
        handle.run_upkeep();
    };
    if let Err(error) = thread::Builder::new().name("metrics".to_owned()).spawn(work) {
        tracing::warn!(%error, "no thread for metrics: histograms grow until /metrics is read");
    }
}

/// Tells the recorder every metric's meaning, and shows those at 0 that nothing has touched yet:
/// what appears late looks to Prometheus as if its first count had never happened.
pub fn describe() {
    for info in TABLE.iter().filter(|info| !process::is_one(info.name)) {
        let unit = info.unit.of_recorder();
        match info.kind {
            Kind::Counter => ::metrics::describe_counter!(info.name, unit, info.help),
            Kind::Gauge => ::metrics::describe_gauge!(info.name, unit, info.help),
            Kind::Histogram => ::metrics::describe_histogram!(info.name, unit, info.help),
        }
        match info.kind {
            Kind::Counter if info.labels.is_empty() => ::metrics::counter!(info.name).increment(0),
            Kind::Gauge if info.labels.is_empty() => ::metrics::gauge!(info.name).increment(0.0),
            _ => {}
        }
    }
    for code in ErrorCode::ALL {
        ::metrics::counter!(REFUSALS_TOTAL, "code" => code.as_str()).increment(0);
    }
    ::metrics::gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Everything in the text format of Prometheus, version 0.0.4; the process's own figures are taken now.
#[must_use]
pub fn render(handle: &PrometheusHandle) -> String {
    let mut text = handle.render();
    process::render(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_twice_is_one_recorder() {
        install();
        ::metrics::counter!(POSTS_TOTAL).increment(2);
        let text = render(&install());
        let posts = text.lines().find(|line| line.starts_with("hubbub_posts_total ")).expect("the counter");
        let count: u64 = posts.rsplit(' ').next().and_then(|word| word.parse().ok()).expect("a number");
        assert!(count >= 2, "{posts}");
    }

    #[test]
    fn every_metric_is_rendered_with_its_meaning() {
        let handle = install();
        for info in TABLE.iter().filter(|info| info.kind == Kind::Histogram) {
            ::metrics::histogram!(info.name).record(0.5);
        }
        for info in TABLE.iter().filter(|info| info.kind == Kind::Counter && info.name != PROCESS_CPU_SECONDS_TOTAL) {
            if let [label] = info.labels {
                ::metrics::counter!(info.name, *label => "x").increment(1);
            }
        }
        ::metrics::gauge!(OUTBOX_BYTES, "shard" => "x").set(1.0);
        let text = render(&handle);
        for info in TABLE {
            assert!(text.contains(&format!("# HELP {} {}\n", info.name, info.help)), "{}\n{text}", info.name);
            assert!(text.contains(&format!("# TYPE {} {}\n", info.name, info.kind.as_str())), "{}\n{text}", info.name);
            let is_value = |line: &str| {
                let rest = line.strip_prefix(info.name).unwrap_or_default();
                rest.starts_with(['{', ' ']) || rest.starts_with("_bucket{")
            };
            assert!(text.lines().any(is_value), "{}\n{text}", info.name);
        }
    }

    #[test]
    fn names_say_kind_and_unit_and_are_used_once() {
        for (index, info) in TABLE.iter().enumerate() {
            assert_eq!(info.name.ends_with("_total"), info.kind == Kind::Counter, "{}", info.name);
            let stem = info.name.trim_end_matches("_total");
            assert_eq!(stem.ends_with("_seconds"), info.unit == Unit::Seconds, "{}", info.name);
            assert!(TABLE[..index].iter().all(|other| other.name != info.name), "{} twice", info.name);
            assert!(info.name.starts_with("hubbub_") || process::is_one(info.name), "{}", info.name);
        }
    }

    #[test]
    fn the_builder_takes_every_bucket() {
        assert!(builder().is_ok());
    }
}
