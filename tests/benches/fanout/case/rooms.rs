//! Many rooms that are all busy.

use std::{io, time::Duration};

use super::{
    Plan,
    versus::{Play, Played, rounds},
};
use crate::{book::Found, load::Flow, row::Reach};

/// 200 rooms of 10.
pub(super) fn groups(plan: Plan) -> io::Result<Found> {
    many(plan, 200, 10, &[(1, Reach::AtMost(1.5)), (8, Reach::Told)])
}

/// 1,000 rooms of 2: people who talk with each other.
pub(super) fn pairs(plan: Plan) -> io::Result<Found> {
    many(plan, 1_000, 2, &[(1, Reach::AtMost(2.0)), (8, Reach::Told)])
}

fn many(plan: Plan, count: usize, size: usize, windows: &[(u64, Reach)]) -> io::Result<Found> {
    let mut rows = Vec::new();
    for (window, reach) in windows {
        let play = Play {
            sizes: vec![size; count],
            flow: Flow::Window(*window),
            time: Duration::from_millis(if plan.quick { 500 } else { 1_000 }),
            warm: Duration::from_millis(500),
            naive: true,
        };
        let case = format!("{count} rooms of {size}, {window} under way in each");
        rows.push(rounds(plan, &play)?.row(&case, "server CPU per delivery", "µs", *reach, Played::cpu_us));
    }
    Ok(Found::of(rows))
}
