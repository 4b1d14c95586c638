//! A room of 1,000 in which one posts at a rate, whatever comes back.

use std::{io, time::Duration};

use hubbub_tests::bench::load::{Flow, Kept};

use super::{
    Plan,
    versus::{Play, rounds},
};
use crate::{book::Found, row::Reach};

/// Posts a second.
const RATES: [f64; 3] = [1_000.0, 3_000.0, 6_000.0];

/// All rates.
pub(super) fn rates(plan: Plan) -> io::Result<Found> {
    let (mut rows, mut kept, mut left_out) = (Vec::new(), Kept::default(), 0);
    for rate in RATES {
        let play = Play {
            sizes: vec![1_000],
            flow: Flow::Rate(rate),
            lazy: None,
            time: Duration::from_millis(if plan.quick { 500 } else { 1_500 }),
            warm: Duration::from_millis(500),
            naive: false,
        };
        let rounds = rounds(plan, &play)?;
        kept += rounds.kept;
        left_out += rounds.left_out;
        let case = format!("room of 1,000, {rate} posts/s");
        rows.push(rounds.row(&case, "latency, p99", "ms", Reach::AtMost(2.0), |played| played.latency_ms(0.99)));
        rows.push(
            rounds.row(&case, "time behind at the end", "ms", Reach::Told, |played| {
                played.done.drain.as_secs_f64() * 1e3
            }),
        );
    }
    Ok(Found::of(rows).and_kept(kept).without(left_out))
}
