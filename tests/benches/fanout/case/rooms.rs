//! Many rooms that are all busy.

use std::{io, time::Duration};

use hubbub_tests::bench::load::{Flow, Kept};

use super::{
    Plan,
    versus::{Play, Played, rounds},
};
use crate::{book::Found, row::Reach};

/// 200 rooms of 10.
pub(super) fn groups(plan: Plan) -> io::Result<Found> {
    many(plan, 200, 10, 50.0, &[(1, Reach::AtMost(1.5)), (8, Reach::Told)])
}

/// 1,000 rooms of 2: people who talk with each other.
pub(super) fn pairs(plan: Plan) -> io::Result<Found> {
    many(plan, 1_000, 2, 20.0, &[(1, Reach::AtMost(2.0)), (8, Reach::Told)])
}

/// As many posts under way in each as `windows` say; and as many a second as Hubbub can do without being busy all the
/// time, so that both servers send to a socket equally often: after a longer pause that costs more.
fn many(plan: Plan, count: usize, size: usize, rate: f64, windows: &[(u64, Reach)]) -> io::Result<Found> {
    let mut loads: Vec<_> = windows
        .iter()
        .map(|(window, reach)| (Flow::Window(*window), format!("{window} under way in each"), *reach))
        .collect();
    loads.push((Flow::Rate(rate), format!("{rate} posts/s in each"), Reach::Told));
    let (mut rows, mut kept, mut left_out) = (Vec::new(), Kept::default(), 0);
    for (flow, load, reach) in loads {
        let play = Play {
            sizes: vec![size; count],
            flow,
            lazy: None,
            time: Duration::from_millis(if plan.quick { 500 } else { 1_000 }),
            warm: Duration::from_millis(500),
            naive: true,
        };
        let case = format!("{count} rooms of {size}, {load}");
        let rounds = rounds(plan, &play)?;
        kept += rounds.kept;
        left_out += rounds.left_out;
        rows.push(rounds.row(&case, "server CPU per delivery", "µs", reach, Played::cpu_us));
        if reach != Reach::Told {
            rows.push(rounds.tasks_row(&case));
        }
    }
    Ok(Found::of(rows).and_kept(kept).without(left_out))
}
