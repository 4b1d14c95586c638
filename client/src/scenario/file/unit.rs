//! Quantities as people write them: `50 ms`, `2 min`, `100/s`, `4 KiB`, `10%`, and numbers drawn by chance.

use std::time::Duration;

/// So many a second. Written `100/s`, `30/min`, `5/h`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Rate(pub(crate) f64);

/// A rate that goes evenly from one to another; the same twice when it stays.
/// Written `100/s`, or `{from: 10/s, to: 500/s}`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ramp {
    pub(crate) from: Rate,
    pub(crate) to: Rate,
}

/// A length of time that is drawn anew each time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Spread {
    /// Always this: `2 s`.
    Fixed(Duration),
    /// Each as likely as the other: `{uniform: [1 s, 3 s]}`.
    Uniform(Duration, Duration),
    /// With this mean, as between independent arrivals: `{exponential: 2 s}`.
    Exponential(Duration),
    /// As people are: `{lognormal: {median: 2 s, p99: 20 s}}`.
    LogNormal { median: Duration, p99: Duration },
}

/// A whole number that is drawn anew each time, both ends included. Written `64 B`, `3`, or `[1, 5]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: u32,
    pub(crate) to: u32,
}
