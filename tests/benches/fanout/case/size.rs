//! Cost per delivery over the size of a room.

use std::{io, time::Duration};

use hubbub_tests::bench::load::{Flow, Kept};

use super::{
    Plan,
    versus::{Play, Played, rounds},
};
use crate::{
    book::{Drawing, Found, Line},
    row::{Reach, Row, median},
};

/// Members of a room; there are as many rooms as make 10,000 people, or 1,000 rooms.
const SIZES: [usize; 7] = [2, 5, 10, 100, 1_000, 3_000, 10_000];

/// One post under way in each room.
pub(super) fn sizes(plan: Plan) -> io::Result<Found> {
    let (mut own, mut floor, mut ratios, mut rows) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut kept, mut left_out) = (Kept::default(), 0);
    for size in SIZES {
        let play = Play {
            sizes: vec![size; (10_000 / size).min(1_000)],
            flow: Flow::OneByOne,
            lazy: None,
            time: Duration::from_millis(if plan.quick { 500 } else { 1_000 }),
            warm: Duration::from_millis(500),
            naive: false,
        };
        let rounds = rounds(plan, &play)?;
        kept += rounds.kept;
        left_out += rounds.left_out;
        let figure = |played: &[Played]| median(&played.iter().map(Played::cpu_us).collect::<Vec<_>>());
        own.push((size as f64, figure(&rounds.hubbub)));
        floor.push((size as f64, figure(&rounds.floor)));
        let row = rounds.row(
            &format!("{} rooms of {size}, one post at a time in each", play.sizes.len()),
            "server CPU per delivery",
            "µs",
            Reach::Told,
            Played::cpu_us,
        );
        ratios.push(row.figure);
        rows.push(row);
    }
    // That it falls is no surprise: a post is paid for once, whatever the number of readers. It must not rise.
    // To the floor beside it: minutes lie between the sizes, in which the machine changes more than they do.
    let (mut least, mut rise) = (f64::MAX, f64::MIN);
    for ratio in &ratios {
        least = least.min(*ratio);
        rise = rise.max(ratio / least);
    }
    rows.push(
        Row::new(
            "rooms of 2 to 10,000, one post at a time in each",
            "server CPU per delivery, to the floor's: the most by which it rises from a smaller size to a larger",
            Reach::AtMost(1.3),
            vec![rise],
        )
        .beside(ratios.iter().map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(", "), ""),
    );
    let line = |name: &str, points| Line { name: name.to_owned(), points };
    let drawing = Drawing {
        title: "Server CPU per delivery over the size of a room".to_owned(),
        x: "members of a room".to_owned(),
        y: "µs".to_owned(),
        lines: vec![line("Hubbub", own), line("floor", floor)],
    };
    Ok(Found::of(rows).drawn(drawing).and_kept(kept).without(left_out))
}
