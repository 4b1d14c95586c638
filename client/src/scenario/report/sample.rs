//! A sample: how a run stands just now.

use crate::scenario::{id::Moment, ledger::account::Totals};

/// How the crowd stands. Rates are over the last whole second.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sample {
    pub(crate) at: Moment,
    pub(crate) totals: Totals,
    pub(crate) people: u64,
    pub(crate) online: u64,
    pub(crate) posts_per_s: f64,
    pub(crate) deliveries_per_s: f64,
    /// Delivery latency of the last seconds.
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) max_us: u64,
    /// Findings so far.
    pub(crate) breaches: u64,
    /// The share of one core that the crowd's thread used in the last second.
    pub(crate) busy_share: f64,
}
