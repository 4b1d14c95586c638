//! A performance: something is played and told about: the view while it runs, interrupts, summary, files, exit code.
//!
//! What `hubbub scenario run` and `hubbub load` have in common.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{sync::watch, task::JoinHandle};

use super::{
    entry::{interrupted, note},
    output, print,
};
use crate::{
    link::ServerUrl,
    safe::{safe, safe_line},
    scenario::{
        file::Scenario,
        play::{self, Interrupts, PATIENCE, PlayError, PlayOptions, Scale, Seed, Stage, Target},
        report::{
            self,
            facts::{Facts, Verdict},
            live::Live,
            progress::Progress,
        },
        server::ServerError,
    },
};

/// Something did not hold, or the run broke off.
pub(super) const EXIT_FAILED: u8 = 1;

/// A file or the command line is wrong.
pub(super) const EXIT_WRONG: u8 = 2;

/// The server cannot be reached.
const EXIT_UNREACHABLE: u8 = 3;

/// For the help of each command.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  all held
  1  something did not hold, or the run was interrupted or broke off
  2  a file or the command line is wrong
  3  the server cannot be reached";

/// The width of a summary that goes to no terminal.
const WIDTH: usize = 100;

/// How to play.
#[derive(Debug, clap::Args)]
pub(super) struct PlayArguments {
    /// The program of the private server; without it the one beside this program, or on PATH
    #[arg(long, value_name = "PATH")]
    server_bin: Option<PathBuf>,
    /// The process of the server that --server names, to be watched: its CPU and memory
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Write a page with plots; into a folder under the scenario's name
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Write all facts as JSON; into a folder under the scenario's name
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where all chance comes from; without it the file's, or a new one each time
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Multiply populations, numbers of rooms, rates and the time under load
    #[arg(long, value_name = "K", default_value = "1", value_parser = scale)]
    scale: Scale,
    /// Say each step and finding as it comes, in place of the view
    #[arg(long)]
    verbose: bool,
}

fn scale(text: &str) -> Result<Scale, String> {
    text.parse().ok().and_then(Scale::new).ok_or_else(|| "give a number above 0 and up to 10000, as 0.1".to_owned())
}

impl PlayArguments {
    /// What is wrong with them together.
    pub(super) fn complaints(&self, server: Option<&ServerUrl>) -> Vec<String> {
        let mut complaints = Vec::new();
        if server.is_some() && self.server_bin.is_some() {
            complaints.push("hubbub: --server-bin is for a private server; leave it or --server out".to_owned());
        }
        if server.is_none() && self.server_pid.is_some() {
            let why = "a private one is watched anyway";
            complaints.push(format!("hubbub: --server-pid is for the server that --server names; {why}"));
        }
        complaints
    }

    /// What is to be played. `file`: where it is from. An error says what is wrong with where reports are to go.
    pub(super) fn performance(
        &self,
        scenario: Scenario,
        server: Option<&ServerUrl>,
        file: Option<&Path>,
        is_one_of_many: bool,
    ) -> Result<Performance, String> {
        let stem = file.unwrap_or(Path::new("load"));
        let place = |named: &Option<PathBuf>, extension| {
            named.as_ref().map(|named| output::place(named, stem, extension, is_one_of_many)).transpose()
        };
        let target = match server {
            Some(url) => Target::Running(url.clone()),
            None => Target::Private { program: self.server_bin.clone() },
        };
        let file = file.map(|file| file.display().to_string());
        Ok(Performance {
            name: file.clone().unwrap_or_else(|| scenario.name.clone()),
            report: place(&self.report, "html")?,
            json: place(&self.json, "json")?,
            options: PlayOptions {
                seed: self.seed.or(scenario.seed).map_or_else(Seed::new, Seed),
                scale: self.scale,
                target,
                server_pid: self.server_pid,
                file,
                patience: PATIENCE,
            },
            scenario,
            verbose: self.verbose,
        })
    }
}

/// One thing to be played.
#[derive(Debug)]
pub(super) struct Performance {
    /// As it is called to people.
    pub(super) name: String,
    scenario: Scenario,
    options: PlayOptions,
    report: Option<PathBuf>,
    json: Option<PathBuf>,
    verbose: bool,
}

/// How it went.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) code: u8,
    /// In a few words.
    pub(super) words: String,
}

impl Performance {
    /// Plays the scenario's own steps.
    pub(super) async fn run(&self, interrupts: &Interrupts) -> io::Result<Outcome> {
        self.run_with(interrupts, async |stage| stage.play(&self.scenario.steps).await).await
    }

    /// Plays a story of one's own on the scenario's stage.
    pub(super) async fn run_with(
        &self,
        interrupts: &Interrupts,
        story: impl AsyncFnOnce(&Stage) -> Result<(), PlayError>,
    ) -> io::Result<Outcome> {
        let Self { name, scenario, options, .. } = self;
        let scale = options.scale.factor();
        let scale = if options.scale == Scale::ONE { String::new() } else { format!(", scale {scale}") };
        let title = if *name == scenario.name { name.clone() } else { format!("{name}: {}", scenario.name) };
        note(&format!("{title}, seed {}{scale}", options.seed.0));
        let show = |stage: &Stage| Audience::new(stage, self.verbose);
        match play::play(scenario, options, interrupts, show, story).await {
            Ok(facts) => self.tell(&facts),
            Err(error) => {
                let words = error.to_string();
                complain(&format!("hubbub: {name}: {words}"));
                let words = format!("not played: {}", words.lines().next().unwrap_or_default());
                Ok(Outcome { code: code(&error), words })
            }
        }
    }

    fn tell(&self, facts: &Facts) -> io::Result<Outcome> {
        let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        print::line(report::summary(facts, colour, width()).trim_end())?;
        let mut code = if facts.verdict == Verdict::Held { 0 } else { EXIT_FAILED };
        if let Some(place) = &self.report {
            code = code.max(write(place, &report::page::render(facts)));
        }
        if let Some(place) = &self.json {
            code = code.max(write(place, &facts.write()));
        }
        let seconds = facts.scenario.duration_ms / 1_000.0;
        Ok(Outcome { code, words: format!("{} ({seconds:.1} s)", verdict(facts)) })
    }
}

/// Runs to the end, with a count of the interrupts from now on; the exit code.
pub(super) fn block_on(perform: impl AsyncFnOnce(&Interrupts) -> io::Result<u8>) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            note(&format!("the system gives no means to wait: {error}"));
            return EXIT_FAILED;
        }
    };
    let done = runtime.block_on(async {
        let interrupts = count_interrupts().await;
        perform(&interrupts).await
    });
    done.unwrap_or_else(unprinted)
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

/// Says what is wrong, line by line as it is.
pub(super) fn complain(text: &str) {
    eprintln!("{}", safe(text));
}

/// The exit code when something could not be printed: when nobody reads, that is no failure of ours.
pub(super) fn unprinted(error: io::Error) -> u8 {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return 0;
    }
    note(&format!("cannot print: {error}"));
    EXIT_FAILED
}

fn write(place: &Path, text: &str) -> u8 {
    match output::write(place, text) {
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
        Verdict::Failed => format!("FAILED: {failed} of {}", facts.findings().count()),
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
enum Audience {
    View { _live: Live },
    Lines(JoinHandle<()>),
}

impl Audience {
    fn new(stage: &Stage, verbose: bool) -> Self {
        if verbose {
            Self::Lines(tokio::spawn(say(stage.progress())))
        } else {
            Self::View { _live: Live::start(stage.samples(), stage.progress()) }
        }
    }
}

impl Drop for Audience {
    fn drop(&mut self) {
        if let Self::Lines(task) = self {
            task.abort();
        }
    }
}

/// Says each step and each finding once, on stderr.
async fn say(mut progress: watch::Receiver<Arc<Progress>>) {
    let (mut steps, mut said) = (Vec::new(), 0);
    loop {
        let now = progress.borrow_and_update().clone();
        for step in now.steps.iter().filter(|step| !steps.contains(*step)) {
            eprintln!("  · {}", safe_line(step));
        }
        for finding in now.findings.iter().skip(said) {
            let word = if finding.held { "held" } else { "FAILED" };
            eprintln!("  {word}: {}: {}", safe_line(&finding.what), safe(&finding.found).replace('\n', "\n      "));
        }
        (steps, said) = (now.steps.clone(), now.findings.len());
        if progress.changed().await.is_err() {
            return;
        }
    }
}
