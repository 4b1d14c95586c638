//! Crowds that are mostly idle: what a connection holds, and how thousands come back.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use hubbub_tests::bench::{
    load::{Flow, Guest, Kept, Load, Names, account, storm},
    process::Server,
    socket::Dialect,
};

use super::Plan;
use crate::{
    book::Found,
    row::{Reach, Row, median},
};

/// A large crowd.
pub(super) const LARGE: usize = 10_000;

/// Connections between which the slope of memory is taken.
const IDLE: [usize; 2] = [1_000, 19_000];

/// A crowd needs more than the usual limits.
const WIDE: &[(&str, &str)] = &[("HUBBUB_FANOUT_SHARDS", "1"), ("HUBBUB_LIMITS_CONNECTIONS_MAX", "19500")];

/// Idle connections: memory and CPU of each.
pub(super) fn idle(plan: Plan) -> io::Result<Found> {
    let watched = Duration::from_secs(if plan.quick { 5 } else { 50 });
    let (mut slopes, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let data = tempfile::tempdir()?;
        let server = Server::start_with("hubbub", &data.path().join("data"), plan.server, WIDE)?;
        let mut few = Load::gather_as(Names { room: "r", nick: "few" }, Dialect::Hubbub, &server.address, &[IDLE[0]])?;
        let before = server.private_bytes()?;
        let many = Names { room: "r", nick: "many" };
        // The few answer their pings meanwhile: so many more may take longer than a server waits for an answer.
        let are_in = AtomicBool::new(false);
        let mut many = std::thread::scope(|scope| {
            let few = scope.spawn(|| few.run_until(&[Flow::Silent], &|_| are_in.load(Ordering::Relaxed)));
            let many = Load::gather_as(many, Dialect::Hubbub, &server.address, &[IDLE[1] - IDLE[0]]);
            are_in.store(true, Ordering::Relaxed);
            few.join().map_err(|_| io::Error::other("a thread failed"))??;
            many
        })?;
        few.run(&[Flow::Silent], Duration::from_secs(2))?;
        slopes.push((server.private_bytes()? - before) / (IDLE[1] - IDLE[0]) as f64 / 1024.0);
        // Pings go out every 25 s, and are answered.
        let used = server.cpu_s()?;
        std::thread::scope(|scope| {
            let few = scope.spawn(|| few.run(&[Flow::Silent], watched));
            many.run(&[Flow::Silent], watched)?;
            few.join().map_err(|_| io::Error::other("a thread failed"))?
        })?;
        cpu.push((server.cpu_s()? - used) * 1e6 / (IDLE[1] as f64 * watched.as_secs_f64()));
    }
    let row = |measure: &str, unit: &str, rounds: Vec<f64>, most| {
        Row::new(format!("{} → {} idle connections, one room", IDLE[0], IDLE[1]), measure, Reach::AtMost(most), rounds)
            .own(2, unit)
    };
    Ok(Found::of(vec![
        row("server memory for each further one, KiB", "KiB", slopes, 2.5),
        row("server CPU for each one and second, µs", "µs", cpu, 1.0),
    ]))
}

/// 10,000 come back after the server was killed.
pub(super) fn returns(plan: Plan) -> io::Result<Found> {
    let (mut complete, mut reads, mut few_reads) = (Vec::new(), Vec::new(), Vec::new());
    let mut kept = Kept::default();
    for _ in 0..plan.rounds {
        let few = killed_and_back(plan, LARGE / 10)?;
        let many = killed_and_back(plan, LARGE)?;
        few_reads.push(few.reads.max(1.0));
        reads.push(many.reads.max(1.0));
        complete.push(many.complete);
        kept += few.kept;
        kept += many.kept;
    }
    let growth: Vec<f64> = reads.iter().zip(&few_reads).map(|(many, few)| many / few).collect();
    let came = format!("{:.0}", median(&complete) * LARGE as f64);
    let case = format!("{LARGE} come back after a kill and a restart");
    Ok(Found::of(vec![
        Row::new(case.clone(), "resumed completely, of all", Reach::AtLeast(1.0), complete)
            .beside(came, format!("of {LARGE}")),
        Row::new(case, "reads of the store, to those for a tenth of the clients", Reach::AtMost(1.0), growth)
            .beside(format!("{:.0}", median(&reads)), format!("{} come: {:.0}", LARGE / 10, median(&few_reads)))
            .made_of([("many", &reads), ("few", &few_reads)]),
    ])
    .and_kept(kept))
}

/// What became of those who came back.
struct Back {
    /// The part that resumed completely, with every event missed.
    complete: f64,
    /// The reads of the store that it took.
    reads: f64,
    kept: Kept,
}

fn killed_and_back(plan: Plan, count: usize) -> io::Result<Back> {
    const MISSED: usize = 50;
    let data = tempfile::tempdir()?;
    let start = || Server::start_with("hubbub", &data.path().join("data"), plan.server, WIDE);
    let server = start()?;
    let guests = (0..count).map(|number| Guest { nick: format!("g{number}"), past: None }).collect();
    let arrived = storm(&server.address, "crowd0", guests)?;
    drop(arrived.sockets);
    let mut poster = Load::gather_as(Names { room: "crowd", nick: "poster" }, Dialect::Hubbub, &server.address, &[1])?;
    poster.run_until(&[Flow::Window(1)], &|messages| messages >= MISSED as u64)?;
    let claims = poster.break_off(&[Flow::Silent], Duration::ZERO, || server.kill())?;
    let server = start()?;
    let before = store_reads(&server)?;
    let back = storm(&server.address, "crowd0", arrived.guests)?;
    if back.events != back.complete * MISSED {
        return Err(io::Error::other(format!("{} events came with {} returns", back.events, back.complete)));
    }
    let reads = store_reads(&server)? - before;
    Ok(Back { complete: back.complete as f64 / count as f64, reads, kept: account(vec![claims], &server.address)? })
}

fn store_reads(server: &Server) -> io::Result<f64> {
    let page = server.page("/metrics")?;
    let lines = page.lines().filter_map(|line| line.strip_prefix("hubbub_store_reads_total "));
    Ok(lines.filter_map(|value| value.trim().parse::<f64>().ok()).sum())
}
