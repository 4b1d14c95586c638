//! The three models of concurrency, threads, and coroutines with stacks, on the same jobs: what each costs.
//!
//! Every measurement is a process of its own; the models take turns, several rounds, and the median is told.
//! `--quick` takes one round of smaller jobs; `--update-docs` writes the tables into docs/CONCURRENCY.md, the plots and
//! the raw data into docs/figures.
//!
//! `cargo bench -p hubbub-tests --bench models [-- --quick] [-- --update-docs]`

mod book;
mod callback;
mod chore;
mod claim;
mod coroutine;
mod job;
mod measure;
mod microthread;
mod report;
mod run;
mod scheduler;
mod sockets;
mod stackful;
mod table;
mod thread;
mod verdict;

use std::{env, io, process::ExitCode};

use hubbub_tests::bench::process::ROLE;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = match env::var(ROLE).as_deref() {
        Ok("hubbub") => return hubbub_server::cli::main(),
        Ok("requests") => chore::serve_requests(),
        Ok(run::CHILD) => run::child(),
        Ok(role) => sockets::serve(role).unwrap_or_else(|| Err(io::Error::other(format!("no role {role}")))),
        Err(_) => {
            let has = |flag: &str| env::args().any(|word| word == flag);
            report::all(has("--quick"), has("--update-docs"))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("models: {error}");
            ExitCode::FAILURE
        }
    }
}
