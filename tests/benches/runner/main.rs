//! What the scenario runner costs itself: CPU of the load side per delivery, as a ratio to a reader that checks
//! nothing; its memory for each connection; and how late it is with posts that have an intended time.
//!
//! The readers count frames and no more. The runner follows each message to each receiver, checks order, repetition
//! and loss, and measures every latency: the ratio is what that costs. All of them load the same server, in turns, so
//! that a noisy machine disturbs all alike; the server has one core and the load side another one.
//!
//! `cargo bench -p hubbub-tests --bench runner [-- --members 1000 --rounds 3 --seconds 3 --part cost]`

mod reader;
mod run;

use std::{
    env, fs,
    io::{self, BufRead, BufReader},
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use hubbub_tests::bench::process::{Core, ROLE, Server, role, two_cores};
use reader::{Done, Job};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The text of a post, in bytes.
pub(crate) const PAYLOAD_BYTES: u32 = 64;

/// What is left out at the begin of a load.
pub(crate) const WARM: Duration = Duration::from_secs(1);

/// Posts under way at once.
const WINDOWS: [u64; 3] = [1, 16, 256];

/// Connections between which the slope of memory is taken.
const CONNECTIONS: [u64; 3] = [1_000, 6_000, 15_000];

/// Posts a second of the open flow, and who reads them.
const OPEN_PER_S: u32 = 1_000;
const OPEN_MEMBERS: usize = 100;

/// The sizes of what is measured.
#[derive(Debug, Clone, Copy)]
struct Plan {
    members: usize,
    rounds: usize,
    time: Duration,
    server: Core,
    load: Core,
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().collect();
    let outcome = match env::var(ROLE).as_deref() {
        Ok("server") => return hubbub_server::cli::main(),
        Ok("runner") => return hubbub_client::cli::main(),
        Ok("sleeper") => sleep_and_tell(),
        Ok(reader) => read_and_tell(reader, &words),
        Err(_) => measure(&words),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("runner: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(words: &[String]) -> io::Result<()> {
    let number = |flag: &str, default| {
        let mut words = words.iter().skip_while(|word| *word != flag);
        words.nth(1).and_then(|word| word.parse().ok()).unwrap_or(default)
    };
    let (server, load) = two_cores();
    let plan = Plan {
        members: number("--members", 1_000),
        rounds: number("--rounds", 3).max(1),
        time: Duration::from_secs(number("--seconds", 3) as u64),
        server,
        load,
    };
    if load.is_none() {
        println!("No two cores are to be had: server and load side share what there is.\n");
    }
    let part = words.iter().skip_while(|word| *word != "--part").nth(1).map(String::as_str);
    let is_asked = |name| part.is_none_or(|part| part == name);
    if is_asked("cost") {
        cost(plan)?;
    }
    if is_asked("memory") {
        memory(plan)?;
    }
    if is_asked("lateness") {
        lateness(plan)?;
    }
    Ok(())
}

/// CPU per delivery.
fn cost(plan: Plan) -> io::Result<()> {
    let Plan { members, rounds, .. } = plan;
    println!(
        "CPU of the load side per delivery, room of {members}, one sender, {PAYLOAD_BYTES}-byte posts, {rounds} rounds\n"
    );
    println!(
        "| posts under way | runner ÷ bare event loop | tasks ÷ bare event loop | runner: million deliveries a CPU second |"
    );
    println!("| ---: | ---: | ---: | ---: |");
    for window in WINDOWS {
        let (mut runner, mut tasks, mut rates, mut batches) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let bare = on_a_server(plan, |address| read("event-loop", plan, window, address))?;
            let by_tasks = on_a_server(plan, |address| read("tasks", plan, window, address))?;
            let run = on_a_server(plan, |address| run::fanout(plan.load, members, window, plan.time, address))?;
            runner.push(us_each(run)? / us_each(bare)?);
            tasks.push(us_each(by_tasks)? / us_each(bare)?);
            rates.push(1.0 / us_each(run)?);
            batches.push([bare, by_tasks, run].map(|done| done.deliveries as f64 / done.reads.max(1) as f64));
        }
        println!("| {window} | {} | {} | {} |", spread(runner), spread(tasks), spread(rates));
        let read = batches[rounds / 2].map(|each| format!("{each:.1}"));
        eprintln!("window {window}: deliveries a read of event loop, tasks, runner: {}", read.join(", "));
    }
    println!(
        "\nThe median, and from the least to the most of the rounds. Absolute rates belong to this machine and moment."
    );
    Ok(())
}

/// Memory per connection.
fn memory(plan: Plan) -> io::Result<()> {
    println!("\nmemory of the runner, in bytes for each further connection\n");
    println!("| connections | all connected, little happens | at most in a resume storm |\n| --- | ---: | ---: |");
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let mut points = Vec::new();
        for connections in CONNECTIONS {
            let idle = on_a_server(plan, |address| run::idle(plan.load, connections, address))?;
            let storm = on_a_server(plan, |address| run::connect(plan.load, connections, address))?;
            points.push([idle, storm]);
        }
        rounds.push(points);
    }
    for (at, pair) in CONNECTIONS.windows(2).enumerate() {
        let more = (pair[1] - pair[0]) as f64;
        let slope = |what: usize| {
            let slopes = rounds.iter().map(|points: &Vec<[f64; 2]>| (points[at + 1][what] - points[at][what]) / more);
            spread(slopes.collect())
        };
        println!("| {} → {} | {} | {} |", pair[0], pair[1], slope(0), slope(1));
    }
    Ok(())
}

/// How late posts with an intended time are sent.
fn lateness(plan: Plan) -> io::Result<()> {
    println!("\nlateness of {OPEN_PER_S} intended posts a second, to {OPEN_MEMBERS} members, in µs\n");
    let mut rows = [const { Vec::new() }; 4];
    for _ in 0..plan.rounds {
        let output = role("sleeper", plan.load)?.stdout(Stdio::piped()).output()?;
        let sleeper = String::from_utf8_lossy(&output.stdout).into_owned();
        let sleeper: Vec<f64> = sleeper.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [p99, max] = sleeper[..] else { return Err(io::Error::other("the sleeper told nothing")) };
        let run = on_a_server(plan, |address| run::open(plan.load, OPEN_MEMBERS, OPEN_PER_S, plan.time, address))?;
        for (row, figure) in rows.iter_mut().zip([p99, max, run.p99_us, run.max_us]) {
            row.push(figure);
        }
    }
    let [sleeper_p99, sleeper_max, p99, max] = rows.map(spread);
    println!("| | p99 | most |\n| --- | ---: | ---: |");
    println!("| a thread that only sleeps until each time | {sleeper_p99} | {sleeper_max} |");
    println!("| runner | {p99} | {max} |");
    Ok(())
}

fn us_each(done: Done) -> io::Result<f64> {
    if done.deliveries == 0 {
        return Err(io::Error::other("nothing was delivered"));
    }
    Ok(done.cpu_ms * 1e3 / done.deliveries as f64)
}

/// The median, and from the least to the most.
fn spread(mut figures: Vec<f64>) -> String {
    figures.sort_by(f64::total_cmp);
    let shown = |figure: f64| if figure < 100.0 { format!("{figure:.2}") } else { format!("{figure:.0}") };
    match (figures.first(), figures.get(figures.len() / 2), figures.last()) {
        (Some(least), Some(median), Some(most)) => {
            format!("{} ({}–{})", shown(*median), shown(*least), shown(*most))
        }
        _ => "–".to_owned(),
    }
}

/// Starts a server on an empty store and does something with it.
fn on_a_server<T>(plan: Plan, act: impl FnOnce(&str) -> io::Result<T>) -> io::Result<T> {
    let data = tempfile::tempdir()?;
    let server = Server::start("server", &data.path().join("data"), plan.server)?;
    act(&server.address)
}

/// Lets a baseline read, in a process of its own.
fn read(reader: &str, plan: Plan, window: u64, address: &str) -> io::Result<Done> {
    let mut command = role(reader, plan.load)?;
    command.args([address, &plan.members.to_string(), &window.to_string(), &plan.time.as_secs().to_string()]);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no stdout"))?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    child.wait()?;
    let figures: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [deliveries, reads, cpu_ms] = figures[..] else {
        return Err(io::Error::other(format!("{reader} told nothing")));
    };
    Ok(Done { deliveries: deliveries as u64, reads: reads as u64, cpu_ms })
}

/// The other side of [`read`].
fn read_and_tell(reader: &str, words: &[String]) -> io::Result<()> {
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok()).unwrap_or(1);
    let address = words.get(1).cloned().unwrap_or_default();
    let time = Duration::from_secs(number(4));
    let job = Job { address, members: number(2) as usize, window: number(3), time };
    let done = if reader == "tasks" { reader::tasks(&job)? } else { reader::event_loop(&job)? };
    println!("{} {} {}", done.deliveries, done.reads, done.cpu_ms);
    Ok(())
}

/// Sleeps until each of many times, and tells how late it woke: the best that a machine lets a thread be.
#[expect(clippy::disallowed_methods, reason = "sleeping is what is measured")]
fn sleep_and_tell() -> io::Result<()> {
    let (step, count) = (Duration::from_secs(1) / OPEN_PER_S, OPEN_PER_S * 4);
    let begin = Instant::now();
    let mut late_us = Vec::new();
    for number in 1..=count {
        let intended = begin + step * number;
        std::thread::sleep(intended.saturating_duration_since(Instant::now()));
        late_us.push(intended.elapsed().as_secs_f64() * 1e6);
    }
    late_us.sort_by(f64::total_cmp);
    let at = |share: f64| late_us.get((late_us.len() as f64 * share) as usize).or(late_us.last()).copied();
    println!("{} {}", at(0.99).unwrap_or(0.0), at(1.0).unwrap_or(0.0));
    Ok(())
}

/// The text of a file in a folder that is gone afterwards.
pub(crate) fn facts(folder: &tempfile::TempDir) -> io::Result<serde_json::Value> {
    serde_json::from_str(&fs::read_to_string(folder.path().join("facts.json"))?).map_err(io::Error::other)
}
