//! Thresholds: what a figure of the whole run must be.

use super::{Place, expectation::Relation};

/// `p99_ms <= 50`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Threshold {
    pub(crate) figure: Figure,
    pub(crate) relation: Relation,
    pub(crate) value: f64,
    /// As it was written.
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// Every figure that a threshold may name, with its meaning: one table for the language, the schema and the documents.
macro_rules! figures {
    ($($variant:ident $name:literal $meaning:literal,)*) => {
        /// A figure of the whole run.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Figure { $(#[doc = $meaning] $variant,)* }

        impl Figure {
            /// All of them: the figure, its name, its meaning.
            pub(crate) const ALL: &[(Self, &str, &str)] = &[$((Self::$variant, $name, $meaning),)*];
        }
    };
}

figures! {
    P50Ms "p50_ms" "Delivery latency that half of the receipts by connected readers keep, from the intended time of the post, in milliseconds.",
    P90Ms "p90_ms" "As p50_ms, for 90 %.",
    P99Ms "p99_ms" "As p50_ms, for 99 %.",
    P999Ms "p999_ms" "As p50_ms, for 99.9 %.",
    MaxMs "max_ms" "The longest delivery latency, in milliseconds.",
    AcceptP99Ms "accept_p99_ms" "Time from the intended send to the acknowledgement that 99 % of the posts keep, in milliseconds.",
    ConnectP99Ms "connect_p99_ms" "Time from the begin of a connection to its last joined room that 99 % keep, in milliseconds.",
    ResumeP99Ms "resume_p99_ms" "As connect_p99_ms, for connections that resume a session.",
    Lost "lost" "Receipts of acknowledged messages that never came.",
    Doubled "doubled" "Receipts that came more than once, and messages that are in a log more than once.",
    Reordered "reordered" "Receipts that came in another order than the room's.",
    Leaked "leaked" "Receipts by people who are not in the room.",
    Refused "refused" "Posts that were refused.",
    Unsettled "unsettled" "Posts that were neither acknowledged nor refused.",
    Accepted "accepted" "Posts that were acknowledged.",
    Delivered "delivered" "Receipts.",
    PostsPerS "posts_per_s" "Acknowledged posts a second, from the first to the last.",
    DeliveriesPerS "deliveries_per_s" "Receipts a second, from the first to the last.",
    ConnectFailed "connect_failed" "Connections that could not be made at all.",
    ConnectionsLost "connections_lost" "Connections that ended without the scenario's wish.",
    ServerCpuUsPerDelivery "server_cpu_us_per_delivery" "The server's CPU time for a receipt, in microseconds; only of a server process that can be watched.",
    ServerMemoryMaxMib "server_memory_max_mib" "The most memory that the server occupied, in MiB; only of a server process that can be watched.",
}
