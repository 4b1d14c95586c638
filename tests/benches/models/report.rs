//! The whole run: all cases in turns, round by round, then tables, plots and raw data.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hubbub_tests::bench::{
    chain, document, machine,
    process::{Server, two_cores},
};

use crate::{
    book::Book,
    claim::{Claim, Disk, Way, story, stuck},
    job::{Job, Kind, Model, Slow},
    run::Task,
    sockets, table,
    thread::limits,
};

/// How much of everything is done.
pub(crate) struct Extent {
    rounds: usize,
    /// Recipients of the deliveries.
    pub(crate) sizes: &'static [usize],
    /// Deliveries of a measurement, and those of threads, which take longer.
    deliveries: usize,
    deliveries_by_threads: usize,
    pub(crate) waits: usize,
    pub(crate) chores: usize,
    pub(crate) requests: usize,
    switches: usize,
    pub(crate) members: usize,
}

const FULL: Extent = Extent {
    rounds: 3,
    sizes: &[1, 10, 100, 1_000, 10_000, 30_000, 100_000],
    deliveries: 400_000,
    deliveries_by_threads: 100_000,
    waits: 10_000,
    chores: 2_000,
    requests: 4_096,
    switches: 400_000,
    members: 1_000,
};

const QUICK: Extent = Extent {
    rounds: 1,
    sizes: &[1, 100, 1_000],
    deliveries: 50_000,
    deliveries_by_threads: 20_000,
    waits: 1_000,
    chores: 500,
    requests: 1_024,
    switches: 100_000,
    members: 200,
};

/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(330);

/// Runs everything; with `update` writes it into the documents, too.
pub(crate) fn all(is_quick: bool, update: bool) -> io::Result<()> {
    let extent = if is_quick { QUICK } else { FULL };
    let mut book = Book::new(machine::description());
    let folder = tempfile::tempdir()?;
    let requests = Server::start("requests", folder.path(), None)?;
    let begun = Instant::now();
    for round in 0..extent.rounds {
        // The next round takes about as long as those before it: on a slow machine there are fewer.
        if begun.elapsed() + begun.elapsed() / round.max(1) as u32 > PATIENCE {
            break;
        }
        book.rounds += 1;
        deliveries(&mut book, &extent)?;
        jobs(&mut book, &extent, &requests.address)?;
        claims(&mut book)?;
        over_sockets(&mut book, &extent)?;
    }
    eprintln!();
    let (length, chain) = chain()?;
    let mut blocks = table::blocks(&book, &extent, &story(), &length);
    blocks.push(("claim-6", format!("{length}:\n\n```text\n{chain}\n```")));
    blocks.push(("claim-5-stuck", format!("```text\n{}\n```", stuck()?)));
    for (name, text) in &blocks {
        println!("## {name}\n\n{text}\n");
    }
    if update {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        write(&docs, &book, &extent, &blocks)?;
    }
    Ok(())
}

/// The longest chain of a connection's callbacks, by its source: its length, and its steps.
fn chain() -> io::Result<(String, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src/connection/actor.rs");
    let chain = chain::longest(&fs::read_to_string(source)?, "on_frame");
    let parts: Vec<String> = chain.iter().map(|part| part.join(" → ")).collect();
    let (methods, waits) = (chain.iter().map(Vec::len).sum::<usize>(), chain.len().saturating_sub(1));
    Ok((format!("{methods} methods, {waits} waits"), parts.join("\n  … ")))
}

fn write(docs: &Path, book: &Book, extent: &Extent, blocks: &[(&str, String)]) -> io::Result<()> {
    let figures: PathBuf = docs.join("figures");
    fs::create_dir_all(&figures)?;
    book.save(&figures.join("models.json"))?;
    for (name, plot) in table::plots(book, extent) {
        fs::write(figures.join(format!("models-{name}.svg")), plot.svg())?;
    }
    blocks.iter().try_for_each(|(name, text)| document::put(&docs.join("CONCURRENCY.md"), name, text))
}

/// Threads and stacks that others have meanwhile.
const OTHERS: f64 = 2_000.0;

/// Whether a model can be so many on this machine.
pub(crate) fn is_possible(model: Model, size: usize) -> bool {
    limits(model).iter().all(|(_, most)| size as f64 + OTHERS <= *most)
}

fn deliveries(book: &mut Book, extent: &Extent) -> io::Result<()> {
    for &size in extent.sizes {
        for model in Model::ALL.into_iter().filter(|model| is_possible(*model, size)) {
            let deliveries = if model == Model::Thread { extent.deliveries_by_threads } else { extent.deliveries };
            let task = Task::Job { model, job: Job::Deliver(size), deliveries, address: String::new() };
            book.run("deliver", model.name(), size, &task, None)?;
        }
    }
    Ok(())
}

fn jobs(book: &mut Book, extent: &Extent, address: &str) -> io::Result<()> {
    let count = |kind| if kind == Kind::Request { extent.requests } else { extent.chores };
    let mut cases = vec![("wait", Job::Wait(extent.waits))];
    cases.extend(Kind::ALL.map(|kind| (kind.name(), Job::Burst(kind, count(kind)))));
    cases.extend(SLOW.map(|(case, slow)| (case, Job::Slow(slow))));
    for (case, job) in cases {
        for model in Model::ALL {
            let task = Task::Job { model, job, deliveries: 0, address: address.to_owned() };
            book.run(case, model.name(), 0, &task, None)?;
        }
    }
    for kind in Kind::ALL {
        let task = Task::OneByOne { kind, count: count(kind), address: address.to_owned() };
        book.run(kind.name(), table::ONE_BY_ONE, 0, &task, None)?;
    }
    // On one core, so that every turn is a switch: a thread on the other core would be woken instead.
    let (core, _) = two_cores();
    for model in Model::ALL.into_iter().filter(|model| *model != Model::Microthreads) {
        let task = Task::Job { model, job: Job::Switch(extent.switches), deliveries: 0, address: String::new() };
        book.run("switch", model.name(), 0, &task, core)?;
    }
    Ok(())
}

/// The cases with and without a slow unit.
pub(crate) const SLOW: [(&str, Slow); 3] =
    [("slow, absent", Slow::Absent), ("slow, straight", Slow::Straight), ("slow, gives way", Slow::GivesWay)];

/// Stacks that are asked for, to see where the system stops.
const STACKS: usize = 100_000;

fn claims(book: &mut Book) -> io::Result<()> {
    let mut run = |case: &str, by: &str, size, claim| book.run(case, by, size, &Task::Claim(claim), None);
    for (by, elsewhere) in [("itself", false), ("elsewhere", true)] {
        run("file", by, 0, Claim::File { elsewhere })?;
        run("commit", by, 0, Claim::Commit { elsewhere, on: Disk::Own })?;
        run("slow commit", by, 0, Claim::Commit { elsewhere, on: Disk::Slow })?;
    }
    for (way, by) in Way::ALL {
        run("counter", by, 0, Claim::Counter(way))?;
    }
    for (slice, _) in table::SLICES {
        run("slices", "all", slice, Claim::Slices(slice))?;
    }
    run("locks", "all", 0, Claim::Locks)?;
    run("sizes", "all", 0, Claim::Sizes)?;
    run("stacks", "all", 0, Claim::Stacks(STACKS))
}

fn over_sockets(book: &mut Book, extent: &Extent) -> io::Result<()> {
    for (window, messages) in sockets::LOADS {
        let roles = ["bare", "hubbub"].into_iter().chain(sockets::SERVERS.map(|(_, role)| role));
        for role in roles {
            // The others take so long that fewer messages are enough to measure them.
            let is_long = !matches!(role, "bare" | "hubbub" | "microthread");
            let messages = if is_long { messages.min(256) } else { messages };
            let figures = sockets::measure(role, extent.members, window, messages)?;
            book.put("sockets", role, window, figures);
        }
    }
    Ok(())
}
