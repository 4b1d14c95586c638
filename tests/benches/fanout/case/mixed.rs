//! A small room beside a large one, and beside a storm of arrivals.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use hubbub_tests::bench::{process::Server, socket::Dialect};

use super::{Plan, crowd::LARGE};
use crate::{
    book::Found,
    load::{Done, Flow, Guest, Load, Names, storm},
    row::{Reach, Row, median},
};

/// The small room and its people.
const SMALL: Names = Names { room: "small", nick: "small" };

/// Posts a second in the small room: enough for a p99, and no part of a second of the large room's.
const SMALL_PER_S: f64 = 97.0;

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
        Row {
            case,
            measure: "latency in a room of 3 meanwhile, p99".to_owned(),
            hubbub: format!("{:.2} ms", median(&self.together)),
            baseline: format!("alone {:.2} ms", median(&self.alone)),
            figure: median(&rounds),
            rounds,
            reach: Reach::AtMost(3.0),
            naive: None,
        }
    }
}

/// A thread that lets the small room's thread go first: both have the load side's one core.
fn after_you() {
    if let Err(error) = rustix::process::nice(15) {
        eprintln!("the crowd's thread is as urgent as the small room's: {error}");
    }
}

/// 10,000 in one room, ten posts a second.
pub(super) fn large(plan: Plan) -> io::Result<Found> {
    let time = Duration::from_secs(if plan.quick { 3 } else { 10 });
    let (mut beside, mut made, mut due) = (Beside::default(), Vec::new(), 0.0);
    for _ in 0..plan.rounds {
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
        beside.add(&alone, &together);
        due = crowded.messages as f64 * LARGE as f64;
        made.push(crowded.deliveries as f64 / due);
    }
    Ok(Found::of(vec![
        Row {
            case: format!("room of {LARGE}, 10 posts/s"),
            measure: "deliveries made, of those due".to_owned(),
            hubbub: format!("{:.0}", due * median(&made)),
            baseline: format!("due {due:.0}"),
            figure: median(&made),
            rounds: made,
            reach: Reach::AtLeast(1.0),
            naive: None,
        },
        beside.row(format!("room of {LARGE}, 10 posts/s")),
    ]))
}

/// 10,000 connect and join at once.
pub(super) fn arrivals(plan: Plan) -> io::Result<Found> {
    let (mut beside, mut walls) = (Beside::default(), Vec::new());
    for _ in 0..plan.rounds {
        let data = tempfile::tempdir()?;
        let server = Server::start("hubbub", &data.path().join("data"), plan.server)?;
        let mut small = Load::gather_as(SMALL, Dialect::Hubbub, &server.address, &[3])?;
        let alone = small.run(&[Flow::Rate(SMALL_PER_S)], Duration::from_secs(if plan.quick { 2 } else { 6 }))?;
        let are_in = AtomicBool::new(false);
        let (arrived, together) = thread::scope(|scope| {
            let crowd = scope.spawn(|| {
                after_you();
                let guests = (0..LARGE).map(|number| Guest { nick: format!("g{number}"), past: None }).collect();
                let arrived = storm(&server.address, "crowd", guests);
                are_in.store(true, Ordering::Release);
                arrived
            });
            let flow = [Flow::Rate(SMALL_PER_S * 3.0)];
            let together = small.run_until(&flow, &|_| are_in.load(Ordering::Acquire))?;
            let arrived = crowd.join().map_err(|_| io::Error::other("the crowd's thread failed"))??;
            Ok::<_, io::Error>((arrived, together))
        })?;
        beside.add(&alone, &together);
        walls.push(arrived.wall.as_secs_f64());
    }
    Ok(Found::of(vec![
        Row {
            case: format!("{LARGE} connect and join at once"),
            measure: "all in, none refused: seconds".to_owned(),
            hubbub: format!("{:.1} s", median(&walls)),
            baseline: String::new(),
            figure: median(&walls),
            rounds: walls,
            reach: Reach::Told,
            naive: None,
        },
        beside.row(format!("{LARGE} connect and join at once")),
    ]))
}
