//! `hubbub scenario run`: plays each file, shows how it goes, says what held, writes what was asked for.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::watch;

use super::{EXIT_FAILED, EXIT_UNREACHABLE, EXIT_WRONG, RunArguments, complain, files, unprinted};
use crate::{
    cli::{
        entry::{interrupted, note},
        print,
    },
    link::ServerUrl,
    safe::{safe, safe_line},
    scenario::{
        file::Scenario,
        play::{self, Interrupts, PATIENCE, PlayError, PlayOptions, Seed, Stage, Target},
        report::{
            self,
            facts::{Facts, Verdict},
            progress::Progress,
        },
        server::ServerError,
    },
};

/// The width of a summary that goes to no terminal.
const WIDTH: usize = 100;

/// One scenario to be played.
struct Job {
    path: PathBuf,
    scenario: Scenario,
    options: PlayOptions,
    report: Option<PathBuf>,
    json: Option<PathBuf>,
}

/// How one went, for the last lines.
struct Line {
    name: String,
    code: u8,
    words: String,
}

/// Plays them all; the exit code.
pub(super) fn main(arguments: &RunArguments, server: Option<ServerUrl>) -> u8 {
    let jobs = match jobs(arguments, server) {
        Ok(jobs) => jobs,
        Err(complaints) => {
            complaints.iter().for_each(|text| complain(text));
            return EXIT_WRONG;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            note(&format!("the system gives no means to wait: {error}"));
            return EXIT_FAILED;
        }
    };
    runtime.block_on(play_all(&jobs, arguments.verbose)).unwrap_or_else(unprinted)
}

/// Everything that is wrong with the command line and the files, before the first is played.
fn jobs(arguments: &RunArguments, server: Option<ServerUrl>) -> Result<Vec<Job>, Vec<String>> {
    let mut complaints = Vec::new();
    if server.is_some() && arguments.server_bin.is_some() {
        complaints.push("hubbub: --server-bin is for a private server; leave it or --server out".to_owned());
    }
    if server.is_none() && arguments.server_pid.is_some() {
        complaints.push(
            "hubbub: --server-pid is for the server that --server names; a private one is watched anyway".to_owned(),
        );
    }
    let target = match server {
        Some(url) => Target::Running(url),
        None => Target::Private { program: arguments.server_bin.clone() },
    };
    let is_one_of_many = arguments.files.len() > 1;
    let mut jobs = Vec::new();
    for path in &arguments.files {
        let mut place = |named: &Option<PathBuf>, extension| {
            let place = named.as_ref().map(|named| files::output(named, path, extension, is_one_of_many));
            place.transpose().unwrap_or_else(|error| {
                complaints.push(format!("hubbub: {error}"));
                None
            })
        };
        let (report, json) = (place(&arguments.report, "html"), place(&arguments.json, "json"));
        match files::read(path) {
            Ok(scenario) => {
                let options = PlayOptions {
                    seed: arguments.seed.or(scenario.seed).map_or_else(Seed::new, Seed),
                    scale: arguments.scale,
                    target: target.clone(),
                    server_pid: arguments.server_pid,
                    file: Some(path.display().to_string()),
                    patience: PATIENCE,
                };
                jobs.push(Job { path: path.clone(), scenario, options, report, json });
            }
            Err(error) => complaints.push(error.to_string()),
        }
    }
    complaints.dedup();
    if complaints.is_empty() { Ok(jobs) } else { Err(complaints) }
}

async fn play_all(jobs: &[Job], verbose: bool) -> io::Result<u8> {
    let interrupts = count_interrupts().await;
    let mut lines: Vec<Line> = Vec::new();
    for job in jobs {
        let line = play_one(job, verbose, &interrupts).await?;
        lines.push(line);
        if *interrupts.borrow() > 0 {
            break;
        }
    }
    if jobs.len() > 1 {
        print::line("")?;
        let width = lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
        for Line { name, words, .. } in &lines {
            print::line(&safe_line(&format!("{name:width$}  {words}")))?;
        }
        let left = jobs.len() - lines.len();
        if left > 0 {
            print::line(&format!("{left} not played"))?;
        }
    }
    Ok(lines.iter().map(|line| line.code).max().unwrap_or(0))
}

/// Counts signals from now on.
async fn count_interrupts() -> Interrupts {
    let count = watch::Sender::new(0);
    let seen = count.subscribe();
    tokio::spawn(async move {
        loop {
            interrupted().await;
            count.send_modify(|times| *times += 1);
        }
    });
    // So that it listens before there is anything to be left behind.
    tokio::task::yield_now().await;
    seen
}

async fn play_one(job: &Job, verbose: bool, interrupts: &Interrupts) -> io::Result<Line> {
    let Job { path, scenario, options, .. } = job;
    let name = path.display().to_string();
    let scale = options.scale.factor();
    let scale = if scale == 1.0 { String::new() } else { format!(", scale {scale}") };
    note(&format!("{name}: {}, seed {}{scale}", scenario.name, options.seed.0));
    let played = play::play(scenario, options, interrupts, |stage| Audience::new(stage, verbose)).await;
    match played {
        Ok(facts) => {
            let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            print::line(report::summary(&facts, colour, width()).trim_end())?;
            let mut code = u8::from(facts.verdict != Verdict::Held) * EXIT_FAILED;
            for (place, text) in
                [(&job.report, report::page::render as fn(&Facts) -> String), (&job.json, Facts::write)]
            {
                if let Some(place) = place {
                    code = code.max(write(place, &text(&facts)));
                }
            }
            let seconds = facts.scenario.duration_ms / 1_000.0;
            Ok(Line { name, code, words: format!("{} ({seconds:.1} s)", verdict(&facts)) })
        }
        Err(error) => {
            let words = error.to_string();
            // What the server said comes with its lines as they are.
            complain(&format!("hubbub: {name}: {words}"));
            let words = format!("not played: {}", words.lines().next().unwrap_or_default());
            Ok(Line { name, code: code(&error), words })
        }
    }
}

fn write(place: &Path, text: &str) -> u8 {
    match files::write(place, text) {
        Ok(()) => {
            note(&format!("written: {}", place.display()));
            0
        }
        Err(error) => {
            note(&format!("{} cannot be written: {error}", place.display()));
            EXIT_FAILED
        }
    }
}

fn verdict(facts: &Facts) -> String {
    let failed = facts.findings().filter(|finding| !finding.held).count();
    match facts.verdict {
        Verdict::Held => "held".to_owned(),
        Verdict::Failed => format!("failed: {failed} of {}", facts.findings().count()),
        Verdict::Interrupted => "interrupted".to_owned(),
    }
}

fn code(error: &PlayError) -> u8 {
    match error {
        PlayError::NeedsPrivateServer { .. }
        | PlayError::Tls(_)
        | PlayError::Room { .. }
        | PlayError::Server(ServerError::Settings { .. } | ServerError::NoProgram(_)) => EXIT_WRONG,
        PlayError::Unreachable { .. } => EXIT_UNREACHABLE,
        PlayError::Server(_) | PlayError::NoCrowd(_) | PlayError::CrowdGone(_) | PlayError::Interrupted => EXIT_FAILED,
    }
}

fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
    size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0).unwrap_or(WIDTH)
}

/// Whoever looks on while it runs; goes away when dropped.
struct Audience {
    task: tokio::task::JoinHandle<()>,
}

impl Audience {
    fn new(stage: &Stage, verbose: bool) -> Self {
        Self { task: tokio::spawn(tell(stage.progress(), verbose)) }
    }
}

impl Drop for Audience {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Says each step and each finding once, on stderr.
async fn tell(mut progress: watch::Receiver<Arc<Progress>>, verbose: bool) {
    let (mut steps, mut told) = (Vec::new(), 0);
    loop {
        let now = progress.borrow_and_update().clone();
        if verbose {
            now.steps
                .iter()
                .filter(|step| !steps.contains(*step))
                .for_each(|step| eprintln!("  · {}", safe_line(step)));
        }
        for finding in now.findings.iter().skip(told) {
            let word = if finding.held { "held" } else { "FAILED" };
            if verbose || !finding.held {
                eprintln!("  {word}: {}: {}", safe_line(&finding.what), safe(&finding.found).replace('\n', "\n      "));
            }
        }
        (steps, told) = (now.steps.clone(), now.findings.len());
        if progress.changed().await.is_err() {
            return;
        }
    }
}
