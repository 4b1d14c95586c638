//! Delivery as a community needs it, beside the least that it can cost.
//!
//! Baselines, in the same run and in turns, so that a noisy machine disturbs all alike:
//! - **floor**: a bare epoll loop that passes frames on, without names, rooms or storage;
//! - **naive**: the chat example that everybody begins with, one actor and a message for each recipient.
//!
//! Hubbub runs as it is shipped, with durable history. The server has one core, the load another one, which checks
//! every delivery.
//!
//! `cargo bench -p hubbub-tests --bench fanout [-- --quick] [--rounds 3] [--case NAME …] [--update-docs]`

mod book;
mod case;
mod floor;
mod naive;
mod perf;
mod row;

use std::{env, io, process::ExitCode};

use book::{Book, Measured};
use case::{CASES, Case, Plan};
use hubbub_tests::bench::{
    machine,
    process::{ROLE, other_build, two_cores},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = match env::var(ROLE).as_deref() {
        Ok("hubbub") => return hubbub_server::cli::main(),
        Ok("naive") => naive::serve(),
        Ok("sqlite") => case::store::sqlite(),
        Ok(_) => floor::serve(),
        Err(_) => measure(&env::args().collect::<Vec<_>>()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fanout: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The flags; `--bench` is cargo's own.
const FLAGS: [&str; 5] = ["--quick", "--rounds", "--case", "--update-docs", "--bench"];

fn measure(words: &[String]) -> io::Result<()> {
    if let Some(word) = words.iter().find(|word| word.starts_with('-') && !FLAGS.contains(&word.as_str())) {
        let usage = "[--quick] [--rounds N] [--case NAME]… [--update-docs]";
        return Err(io::Error::other(format!("there is no flag {word}; there are {usage}")));
    }
    let values = |flag: &'static str| {
        words.iter().zip(words.iter().skip(1)).filter(move |(word, _)| *word == flag).map(|(_, value)| value)
    };
    let machine = machine::description();
    let (server, load) = two_cores();
    let quick = words.iter().any(|word| word == "--quick");
    let rounds = values("--rounds").next().and_then(|word| word.parse().ok()).unwrap_or(if quick { 1 } else { 3 });
    raise_file_limit();
    bind(load)?;
    if load.is_none() {
        println!("No two cores are to be had: server and load side share what there is.\n");
    }
    let plan = Plan { rounds, quick, server };
    let asked: Vec<&String> = values("--case").collect();
    for name in &asked {
        if !CASES.iter().any(|case| case.name == name.as_str()) {
            let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
            return Err(io::Error::other(format!("there is no case {name}; there are {}", names.join(", "))));
        }
    }
    let update = words.iter().any(|word| word == "--update-docs");
    if update && other_build().is_some() {
        return Err(io::Error::other("documents tell of this build and its baselines, not of another build"));
    }
    let mut book = Book::open()?;
    let mut rows = Vec::new();
    for Case { name, what, run } in CASES {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            eprintln!("{name}: {what}");
            let found = match run(plan) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    eprintln!("{name} is left out: {error}");
                    continue;
                }
                found => found.map_err(|error| io::Error::other(format!("{name}: {error}")))?,
            };
            eprintln!("{}", row::table(&found.rows));
            rows.extend(found.rows.iter().cloned());
            let on = jiff::Timestamp::now().strftime("%F").to_string();
            book.enter(name, found, Measured { on, machine: machine.clone(), rounds, is_quick: quick });
            if update {
                // After each case: a run that is ended early has told what it knew.
                book.publish()?;
            }
        }
    }
    println!("{}", row::table(&rows));
    Ok(())
}

/// As many files as this process may have, for itself and the servers that it starts.
fn raise_file_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        println!("The limit of files stays as it is: {error}\n");
    }
}

/// Puts this process on its core.
fn bind(core: Option<u32>) -> io::Result<()> {
    let Some(core) = core.and_then(|core| usize::try_from(core).ok()) else { return Ok(()) };
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    rustix::thread::sched_setaffinity(None, &cores).map_err(io::Error::from)
}
