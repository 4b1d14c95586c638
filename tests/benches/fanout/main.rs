//! What a delivery costs: server CPU per delivery in a room of 1,000 with one sender, as a ratio to a bare
//! broadcast loop that runs side by side; and the three models of concurrency on that one job.
//!
//! The bare loop has no rooms, names, store or JSON: it copies what it reads to every socket. Both servers are
//! processes of their own, driven by the same client, in turns, so that a noisy machine disturbs both alike.
//! A ratio above 2 means that something is done per recipient that should be done per message.
//!
//! `cargo bench -p hubbub-tests --bench fanout [-- --members 1000 --rounds 3]`

mod bare;
mod crowd;
mod model;

use std::{env, io, process::ExitCode};

use crowd::Crowd;
use hubbub_tests::bench::{
    process::{ROLE, Server},
    socket::Dialect,
};
use model::Model;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match env::var(ROLE).as_deref() {
        Ok("hubbub") => return hubbub_server::cli::main(),
        Ok(role) => {
            let model = Model::ALL.into_iter().find(|(_, name)| *name == role);
            return report(model.map_or_else(bare::serve, |(model, _)| model::serve(model)));
        }
        Err(_) => {}
    }
    let number = |flag: &str, default| {
        let mut words = env::args().skip_while(|word| word != flag);
        words.nth(1).and_then(|word| word.parse().ok()).unwrap_or(default)
    };
    let (members, rounds) = (number("--members", 1_000), number("--rounds", 3));
    report(compare_server(members, rounds).and_then(|()| compare_models(members, rounds)))
}

fn report(outcome: io::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fanout: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Messages under way at once, and messages of a measurement.
const LOADS: [(usize, usize); 3] = [(1, 400), (16, 2_000), (256, 8_000)];

fn compare_server(members: usize, rounds: usize) -> io::Result<()> {
    println!("server CPU per delivery, room of {members}, one sender, {rounds} rounds each\n");
    println!("| messages under way | hubbub µs | bare loop µs | ratio |\n| ---: | ---: | ---: | ---: |");
    for (window, messages) in LOADS {
        let mut measured = Vec::new();
        for _ in 0..rounds {
            let hubbub = measure("hubbub", members, window, messages)?;
            let bare = measure("bare", members, window, messages)?;
            measured.push((hubbub / bare, hubbub, bare));
        }
        measured.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, hubbub, bare) = measured[rounds / 2];
        println!("| {window} | {hubbub:.3} | {bare:.3} | {ratio:.2} |");
    }
    println!("\nThe median round of each row; absolute times belong to this machine and moment.");
    Ok(())
}

fn compare_models(members: usize, rounds: usize) -> io::Result<()> {
    println!("\nthe same job by each model alone, on one thread, as a ratio to the bare loop\n");
    println!("| messages under way | callback | coroutine | microthread |\n| ---: | ---: | ---: | ---: |");
    for (window, messages) in LOADS {
        let mut ratios = Model::ALL.map(|_| Vec::new());
        for _ in 0..rounds {
            let bare = measure("bare", members, window, messages)?;
            for ((model, name), ratios) in Model::ALL.iter().zip(&mut ratios) {
                // The others take so long that fewer messages are enough to measure them.
                let messages = if *model == Model::Microthread { messages } else { messages.min(1_024) };
                ratios.push(measure(name, members, window, messages)? / bare);
            }
        }
        let [callback, coroutine, microthread] = ratios.map(|mut ratios| {
            ratios.sort_by(f64::total_cmp);
            ratios[rounds / 2]
        });
        println!("| {window} | {callback:.2} | {coroutine:.2} | {microthread:.2} |");
    }
    Ok(())
}

/// Microseconds of server CPU for one delivery.
fn measure(role: &str, members: usize, window: usize, messages: usize) -> io::Result<f64> {
    let dialect = if role == "hubbub" { Dialect::Hubbub } else { Dialect::Bare };
    let data = tempfile::tempdir()?;
    let server = Server::start(role, &data.path().join("data"), None)?;
    let mut crowd = Crowd::gather(dialect, &server.address, members)?;
    crowd.play(window, messages / 10)?;
    let before = server.cpu_s()?;
    crowd.play(window, messages)?;
    let used_s = server.cpu_s()? - before;
    Ok(used_s * 1e6 / (members * messages) as f64)
}
