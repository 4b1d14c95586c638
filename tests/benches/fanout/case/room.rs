//! One room of 1,000: busy, and with one post at a time.

use std::{io, time::Duration};

use hubbub_tests::bench::load::{Flow, Laziness};

use super::{
    Plan,
    versus::{Play, Played, Rounds, rounds},
};
use crate::{
    book::Found,
    row::{Reach, Row, median},
};

const MEMBERS: usize = 1_000;

/// A thousand readers on one core are no faster than the floor is: if each is read when something comes, it is they who
/// set the pace, and a floor runs ahead of them. Here their sockets are mostly read with two writes in them.
const READERS: Laziness = Laziness { checked_one_in: 50, unread_bytes: 32 * 1024 };

/// A window of 64.
pub(super) fn busy(plan: Plan) -> io::Result<Found> {
    let play = Play {
        sizes: vec![MEMBERS],
        flow: Flow::Window(64),
        lazy: Some(READERS),
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
        unread(case, &rounds),
    ])
    .and_kept(rounds.kept)
    .without(rounds.left_out))
}

/// Whether readers were fast enough to hold nobody up.
fn unread(case: &str, Rounds { hubbub, floor, .. }: &Rounds) -> Row {
    let of = |played: &[Played]| played.iter().map(|played| played.done.unread).collect::<Vec<_>>();
    let most: Vec<f64> = of(hubbub).iter().zip(of(floor)).map(|(hubbub, floor)| hubbub.max(floor)).collect();
    Row::new(case, "the most unread in a reader's socket, of what it takes", Reach::AtMost(0.9), most)
        .beside(format!("{:.2}", median(&of(hubbub))), format!("floor {:.2}", median(&of(floor))))
        .made_of([("hubbub", &of(hubbub)), ("floor", &of(floor))])
}

/// One by one.
pub(super) fn single(plan: Plan) -> io::Result<Found> {
    let play = Play {
        sizes: vec![MEMBERS],
        flow: Flow::OneByOne,
        lazy: None,
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
        rounds.commit_row(case),
    ])
    .and_kept(rounds.kept)
    .without(rounds.left_out))
}
