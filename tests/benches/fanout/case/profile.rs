//! Where the time goes: samples of the server's threads, each counted for the part of the server that it was taken in.

use std::{collections::BTreeMap, io, time::Duration};

use hubbub_tests::bench::{
    flame::{Call, Flame},
    load::{Flow, Kept},
};

use super::{
    Plan,
    versus::{Play, ROUNDS_EACH, Stage},
};
use crate::{
    book::{Found, Profile},
    perf::{self, Frame, Recording, Sample},
    row::median,
};

const SENDS: &str = "kernel: sends";
const READS: &str = "kernel: reads";
const ELSE_KERNEL: &str = "kernel: waiting and switching";
const DELIVERIES: &str = "worker: deliveries";
const ROOMS: &str = "worker: rooms' tasks";
const CONNECTIONS: &str = "worker: connections";
const RUNTIME: &str = "worker: the runtime";
const COMMITS: &str = "store: commits";
const TABLES: &str = "store: from the journal into the tables";
const COPY: &str = "store: from the write-ahead log into the file";

/// All parts, in the order of the table.
pub(crate) const PARTS: [&str; 10] =
    [SENDS, READS, ELSE_KERNEL, DELIVERIES, ROOMS, CONNECTIONS, RUNTIME, COMMITS, TABLES, COPY];

/// Rooms, and people in each, with one post under way.
const LOADS: [(usize, usize, &str); 3] = [(1_000, 2, "pairs"), (200, 10, "groups"), (1, 1_000, "single")];

/// Looks at each load.
pub(super) fn profile(plan: Plan) -> io::Result<Found> {
    let (mut found, mut kept) = (Found::default(), Kept::default());
    perf::is_there()?;
    for (rooms, size, name) in LOADS {
        let (profile, samples, accounted) = look(plan, rooms, size)?;
        kept += accounted;
        let title = format!("Hubbub's server with {}", profile.load);
        found.pictures.push((format!("flame-{name}"), flame(&samples).svg(&title, &colour)));
        for part in PARTS {
            let share = profile.shares.get(part).copied().unwrap_or(0.0);
            eprintln!("{}: {part}: {:.1} %", profile.load, share * 100.0);
        }
        found.profiles.push(profile);
    }
    Ok(found.and_kept(kept))
}

/// Plays a load in turns with the floor, and then once more while it is looked at.
fn look(plan: Plan, rooms: usize, size: usize) -> io::Result<(Profile, Vec<Sample>, Kept)> {
    let play = Play {
        sizes: vec![size; rooms],
        flow: Flow::OneByOne,
        lazy: None,
        time: Duration::from_millis(if plan.quick { 500 } else { 1_000 }),
        warm: Duration::from_millis(500),
        naive: false,
    };
    let [mut floor, mut hubbub] = [Stage::open("floor", plan, &play)?, Stage::open("hubbub", plan, &play)?];
    let (mut floor_us, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds * ROUNDS_EACH {
        let cost = floor.play(&play, play.time)?.cpu_us();
        ratios.push(hubbub.play(&play, play.time)?.cpu_us() / cost);
        floor_us.push(cost);
    }
    drop(floor);
    let recording = Recording::begin(hubbub.server.pid())?;
    hubbub.play(&play, play.time * 10)?;
    let samples = recording.end()?;
    let mut counts: BTreeMap<String, f64> = BTreeMap::new();
    let parts: Vec<&str> = samples.iter().filter_map(part).collect();
    parts.iter().for_each(|part| *counts.entry((*part).to_owned()).or_default() += 1.0 / parts.len() as f64);
    let floor_us = median(&floor_us);
    let profile = Profile {
        load: format!("{rooms} rooms of {size}"),
        cpu_us: median(&ratios) * floor_us,
        floor_us,
        samples: parts.len(),
        shares: counts,
    };
    Ok((profile, samples, hubbub.close(plan, play.flow)?))
}

/// Whose the calls are that have it in their name, behind the name of the crate.
const MODULES: [(&str, Option<&str>); 7] = [
    ("fanout::", Some(DELIVERIES)),
    ("room::", Some(ROOMS)),
    ("backlog::", Some(ROOMS)),
    ("store::", Some(ROOMS)),
    ("connection::", Some(CONNECTIONS)),
    // The bench's own look at the server's page.
    ("listener::", None),
    ("metrics::process::", None),
];

/// The part of the server that a sample was taken in; `None`: it belongs to no load.
fn part(sample: &Sample) -> Option<&'static str> {
    let has = |name: &str| sample.stack.iter().any(|frame| frame.symbol.contains(name));
    if sample.thread.starts_with("store-") {
        let is_copy = sample.thread == "store-copy" || has("sqlite3_wal_checkpoint") || has("walCheckpoint");
        return Some(if is_copy {
            COPY
        } else if has("fold::Folder::") {
            TABLES
        } else {
            COMMITS
        });
    }
    let module = |frame: &Frame| {
        let has = |name: &str| frame.symbol.contains(&format!("hubbub_server::{name}"));
        MODULES.iter().find(|(name, _)| has(name)).map(|(_, part)| *part)
    };
    // What the runtime has called: the outermost of ours.
    let user = match sample.stack.iter().rev().find_map(module) {
        Some(part) => part?,
        None => RUNTIME,
    };
    let is_kernel = sample.stack.first().is_some_and(|frame| frame.is_kernel);
    Some(match user {
        user if !is_kernel => user,
        DELIVERIES => SENDS,
        CONNECTIONS => READS,
        _ => ELSE_KERNEL,
    })
}

/// Stacks without what only passes calls on.
fn flame(samples: &[Sample]) -> Flame {
    let mut flame = Flame::default();
    for sample in samples {
        let Some(part) = part(sample) else { continue };
        let calls = sample.stack.iter().rev().filter(|frame| !is_passing_on(frame)).map(|frame| {
            let part = if frame.is_kernel { "kernel" } else { part };
            Call { name: plain(&frame.symbol), part: part.to_owned() }
        });
        let root = Call { name: part.to_owned(), part: part.to_owned() };
        flame.add(std::iter::once(root).chain(calls));
    }
    flame
}

/// Crates whose calls only bring one to ours.
const AROUND: [&str; 13] = [
    "tokio::",
    "actix",
    "std::",
    "core::",
    "alloc::",
    "futures",
    "hubbub_server::cli",
    "hubbub_server::app",
    "[unknown]",
    "main",
    "__libc_start",
    "clone3",
    "start_thread",
];

fn is_passing_on(frame: &Frame) -> bool {
    let name = frame.symbol.trim_start_matches(['<', '&']);
    !frame.is_kernel && AROUND.iter().any(|around| name.starts_with(around))
}

/// Of a symbol the type and the method, or the last two parts of its path, without what it is generic over.
fn plain(symbol: &str) -> String {
    let symbol = symbol.replace("::{{closure}}", "");
    let own = symbol.strip_prefix('<').and_then(|of| of.split_once(" as ")).map_or(symbol.as_str(), |(own, _)| own);
    let method = symbol.rsplit_once(">::").map(|(_, method)| method);
    let path: Vec<&str> = own.split('<').next().unwrap_or(own).split("::").filter(|part| !part.is_empty()).collect();
    let end = path.iter().rev().take(2).rev().copied().chain(method).collect::<Vec<_>>();
    if end.is_empty() { symbol } else { end.join("::") }
}

/// Blue is the worker, green the store, orange the kernel.
fn colour(part: &str) -> &'static str {
    match part {
        DELIVERIES | SENDS => "#9fc5e8",
        ROOMS => "#b4a7d6",
        CONNECTIONS | READS => "#a2c4c9",
        COMMITS | TABLES | COPY => "#b6d7a8",
        "kernel" => "#f9cb9c",
        _ => "#d9d9d9",
    }
}
