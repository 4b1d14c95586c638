//! One room of 1,000: busy, and with one post at a time.

use std::{io, time::Duration};

use super::{
    Plan,
    versus::{Play, Played, rounds},
};
use crate::{book::Found, load::Flow, row::Reach};

const MEMBERS: usize = 1_000;

/// A window of 64.
pub(super) fn busy(plan: Plan) -> io::Result<Found> {
    let play = Play {
        sizes: vec![MEMBERS],
        flow: Flow::Window(64),
        time: Duration::from_millis(if plan.quick { 500 } else { 1_000 }),
        warm: Duration::from_millis(500),
        naive: true,
    };
    let rounds = rounds(plan, &play)?;
    let case = "room of 1,000, window 64";
    Ok(Found::of(vec![
        rounds.row(case, "server CPU per delivery", "µs", Reach::AtMost(1.3), Played::cpu_us),
        rounds.row(case, "deliveries a second", "million", Reach::Told, |played| {
            played.done.deliveries as f64 / played.done.wall.as_secs_f64() / 1e6
        }),
    ]))
}

/// One by one.
pub(super) fn single(plan: Plan) -> io::Result<Found> {
    let play = Play {
        sizes: vec![MEMBERS],
        flow: Flow::OneByOne,
        time: Duration::from_millis(if plan.quick { 500 } else { 1_000 }),
        warm: Duration::from_millis(500),
        naive: true,
    };
    let rounds = rounds(plan, &play)?;
    let case = "room of 1,000, one post at a time";
    Ok(Found::of(vec![
        rounds.row(case, "server CPU per delivery", "µs", Reach::AtMost(1.2), Played::cpu_us),
        rounds.row(case, "latency of the last reader, median", "ms", Reach::AtMost(1.3), |played| played.last_ms(0.5)),
        rounds.row(case, "latency of the last reader, p99", "ms", Reach::Told, |played| played.last_ms(0.99)),
    ]))
}
