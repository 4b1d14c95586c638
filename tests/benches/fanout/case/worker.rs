//! One worker and two.

use std::{io, time::Duration};

use hubbub_tests::bench::{process::Server, socket::Dialect};
use rustix::{
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

use super::Plan;
use crate::{
    book::Found,
    load::{Flow, Load},
    row::{Reach, Row, median},
};

/// One reader in so many is read and checked; the others' bytes are counted, which costs next to nothing.
const CHECKED_ONE_IN: usize = 50;

/// Four rooms of 500 on both cores, by one worker and by two; the load side is wherever there is time.
pub(super) fn workers(plan: Plan) -> io::Result<Found> {
    let (mut one, mut two, mut busy) = (Vec::new(), Vec::new(), Vec::new());
    let bound = sched_getaffinity(None)?;
    let mut both = CpuSet::new();
    (0..CpuSet::MAX_CPU.min(2)).for_each(|core| both.set(core));
    sched_setaffinity(None, &both)?;
    let measured = (0..plan.rounds).try_for_each(|_| {
        one.push(deliveries_per_s("1", plan)?.0);
        let (rate, load) = deliveries_per_s("2", plan)?;
        two.push(rate);
        busy.push(load);
        Ok::<_, io::Error>(())
    });
    sched_setaffinity(None, &bound)?;
    measured?;
    let rounds: Vec<f64> = two.iter().zip(&one).map(|(two, one)| two / one).collect();
    let case = "4 rooms of 500, window 64 in each, 1 → 2 workers";
    Ok(Found::of(vec![
        Row {
            case: case.to_owned(),
            measure: "deliveries a second of wall clock".to_owned(),
            hubbub: format!("{:.2} million", median(&two) / 1e6),
            baseline: format!("1 worker {:.2} million", median(&one) / 1e6),
            figure: median(&rounds),
            rounds,
            reach: Reach::AtLeast(1.7),
            naive: None,
        },
        Row {
            case: case.to_owned(),
            measure: "the load side's part of one core".to_owned(),
            hubbub: format!("{:.2}", median(&busy)),
            baseline: String::new(),
            figure: median(&busy),
            rounds: busy,
            reach: Reach::Told,
            naive: None,
        },
    ]))
}

/// With so many workers: deliveries a second, and how busy the load side was.
fn deliveries_per_s(workers: &str, plan: Plan) -> io::Result<(f64, f64)> {
    let data = tempfile::tempdir()?;
    let shards = [("HUBBUB_FANOUT_SHARDS", workers)];
    let server = Server::start_with("hubbub", &data.path().join("data"), None, &shards)?;
    let mut load = Load::gather(Dialect::Hubbub, &server.address, &[500; 4])?;
    load.count_most(CHECKED_ONE_IN)?;
    load.run(&[Flow::Window(64)], Duration::from_millis(500))?;
    let before = thread_cpu_s();
    let done = load.run(&[Flow::Window(64)], Duration::from_secs(if plan.quick { 2 } else { 5 }))?;
    let wall_s = done.wall.as_secs_f64();
    Ok((done.deliveries as f64 / wall_s, (thread_cpu_s() - before) / wall_s))
}

fn thread_cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
