//! A small room beside a large one, and beside a storm of arrivals.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use hubbub_tests::bench::{
    load::{Done, Flow, Guest, Kept, Load, Names, storm},
    process::Server,
    socket::Dialect,
};

use super::{Plan, aftermath::account, crowd::LARGE, quiet};
use crate::{
    book::Found,
    row::{Reach, Row, median},
};

/// The small room and its people.
const SMALL: Names = Names { room: "small", nick: "small" };

/// Posts a second in the small room: enough for a p99, and no part of a second of the large room's.
const SMALL_PER_S: f64 = 97.0;

/// The same beside a crowd that comes, and before it: it is all in after a few seconds.
const SMALL_PER_S_OF_STORM: f64 = 3.0 * SMALL_PER_S;

/// What the small room met alone and in company, in milliseconds.
#[derive(Default)]
struct Beside {
    alone: Vec<f64>,
    together: Vec<f64>,
}

impl Beside {
    fn add(&mut self, alone: &Done, together: &Done) {
        let p99 = |done: &Done| done.latency.value_at_quantile(0.99) as f64 / 1e6;
        self.alone.push(p99(alone));
        self.together.push(p99(together));
    }

    fn row(&self, case: String) -> Row {
        let rounds: Vec<f64> =
            self.together.iter().zip(&self.alone).map(|(together, alone)| together / alone).collect();
        Row::new(case, "latency in a room of 3 meanwhile, p99", Reach::AtMost(3.0), rounds)
            .beside(format!("{:.2} ms", median(&self.together)), format!("alone {:.2} ms", median(&self.alone)))
            .made_of([("together", &self.together), ("alone", &self.alone)])
    }
}

/// Crowds for each round that is asked for: the small room posts a thousand times while one comes, so that a single stall of
/// the machine is all of its 99th percentile.
const STORMS_EACH: usize = 2;

/// A thread that lets the small room's thread go first: both have the load side's one core.
fn after_you() {
    if let Err(error) = rustix::process::nice(15) {
        eprintln!("the crowd's thread is as urgent as the small room's: {error}");
    }
}

/// 10,000 in one room, ten posts a second.
pub(super) fn large(plan: Plan) -> io::Result<Found> {
    let time = Duration::from_secs(if plan.quick { 3 } else { 10 });
    let (mut beside, mut made, mut due, mut kept) = (Beside::default(), Vec::new(), 0.0, Kept::default());
    let play = || {
        let data = tempfile::tempdir()?;
        let server = Server::start("hubbub", &data.path().join("data"), plan.server)?;
        let mut crowd =
            Load::gather_as(Names { room: "crowd", nick: "crowd" }, Dialect::Hubbub, &server.address, &[LARGE])?;
        let mut small = Load::gather_as(SMALL, Dialect::Hubbub, &server.address, &[3])?;
        let alone = small.run(&[Flow::Rate(SMALL_PER_S)], time)?;
        let (crowded, together) = thread::scope(|scope| {
            let crowd = scope.spawn(|| {
                after_you();
                crowd.run(&[Flow::Rate(10.0)], time)
            });
            let together = small.run(&[Flow::Rate(SMALL_PER_S)], time)?;
            let crowded = crowd.join().map_err(|_| io::Error::other("the crowd's thread failed"))??;
            Ok::<_, io::Error>((crowded, together))
        })?;
        kept += account(plan, vec![crowd, small], Flow::Rate(SMALL_PER_S), server, &data.path().join("data"))?;
        Ok((alone, together, crowded))
    };
    let left_out = quiet::turns(plan.rounds, play, |(alone, together, crowded)| {
        beside.add(&alone, &together);
        due = crowded.messages as f64 * LARGE as f64;
        made.push(crowded.deliveries as f64 / due);
    })?;
    let all = format!("{:.0}", due * median(&made));
    Ok(Found::of(vec![
        Row::new(format!("room of {LARGE}, 10 posts/s"), "deliveries made, of those due", Reach::AtLeast(1.0), made)
            .beside(all, format!("due {due:.0}")),
        beside.row(format!("room of {LARGE}, 10 posts/s")),
    ])
    .and_kept(kept)
    .without(left_out))
}

/// 10,000 connect and join at once.
pub(super) fn arrivals(plan: Plan) -> io::Result<Found> {
    let (mut beside, mut walls, mut kept) = (Beside::default(), Vec::new(), Kept::default());
    let play = || {
        let data = tempfile::tempdir()?;
        let server = Server::start("hubbub", &data.path().join("data"), plan.server)?;
        let mut small = Load::gather_as(SMALL, Dialect::Hubbub, &server.address, &[3])?;
        let flow = Flow::Rate(SMALL_PER_S_OF_STORM);
        let alone = small.run(&[flow], Duration::from_secs(if plan.quick { 2 } else { 6 }))?;
        let are_in = AtomicBool::new(false);
        let (arrived, together) = thread::scope(|scope| {
            let crowd = scope.spawn(|| {
                after_you();
                let guests = (0..LARGE).map(|number| Guest { nick: format!("g{number}"), past: None }).collect();
                let arrived = storm(&server.address, "crowd", guests);
                are_in.store(true, Ordering::Release);
                arrived
            });
            let together = small.run_until(&[flow], &|_| are_in.load(Ordering::Acquire))?;
            let arrived = crowd.join().map_err(|_| io::Error::other("the crowd's thread failed"))??;
            Ok::<_, io::Error>((arrived, together))
        })?;
        kept += account(plan, vec![small], flow, server, &data.path().join("data"))?;
        Ok((alone, together, arrived.wall))
    };
    let left_out = quiet::turns(plan.rounds * STORMS_EACH, play, |(alone, together, wall)| {
        beside.add(&alone, &together);
        walls.push(wall.as_secs_f64());
    })?;
    Ok(Found::of(vec![
        Row::new(format!("{LARGE} connect and join at once"), "all in, none refused: seconds", Reach::Told, walls)
            .own(1, "s"),
        beside.row(format!("{LARGE} connect and join at once")),
    ])
    .and_kept(kept)
    .without(left_out))
}
