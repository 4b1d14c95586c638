//! `hubbub scenario`: plays scenarios, checks them, tells their language, compares what came out.

mod files;
mod run;

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;

use super::{entry::note, print};
use crate::{
    link::ServerUrl,
    safe::safe,
    scenario::{
        play::Scale,
        report::{compare, facts::Facts},
    },
};

/// Something did not hold, or the run broke off.
const EXIT_FAILED: u8 = 1;

/// A file or the command line is wrong.
const EXIT_WRONG: u8 = 2;

/// The server cannot be reached.
const EXIT_UNREACHABLE: u8 = 3;

const EXIT_CODES: &str = "\
Exit codes:
  0  all held
  1  something did not hold, or the run was interrupted or broke off
  2  a file or the command line is wrong
  3  the server cannot be reached";

/// What can be done with scenarios.
#[derive(Debug, Subcommand)]
pub(super) enum ScenarioCommand {
    /// Play scenarios and say what held; without --server against a private server with temporary data
    ///
    /// The variable HUBBUB_SERVER is not looked at: load goes to another server only when the command line says so.
    #[command(after_help = EXIT_CODES)]
    Run(RunArguments),
    /// Tell whether files are scenarios, and what is wrong if not
    #[command(after_help = EXIT_CODES)]
    Check {
        /// The files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Print the JSON Schema of the language, for editors
    Schema,
    /// Print what changed between two runs, from what --json wrote
    #[command(after_help = EXIT_CODES)]
    Compare {
        /// The run before
        #[arg(value_name = "A.json")]
        before: PathBuf,
        /// The run after
        #[arg(value_name = "B.json")]
        after: PathBuf,
    },
}

/// How to play.
#[derive(Debug, clap::Args)]
pub(super) struct RunArguments {
    /// The files; each is played, one after the other
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The program of the private server; without it the one beside this program, or on PATH
    #[arg(long, value_name = "PATH")]
    server_bin: Option<PathBuf>,
    /// The process of the server that --server names, to be watched: its CPU and memory
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Write a page with plots; a folder takes one for each file
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Write all facts as JSON; a folder takes one for each file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where all chance comes from; without it the file's, or a new one each time
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Multiply populations, numbers of rooms, rates and the time under load
    #[arg(long, value_name = "K", default_value = "1", value_parser = scale)]
    scale: Scale,
    /// Say each step and finding as it comes
    #[arg(long)]
    verbose: bool,
}

fn scale(text: &str) -> Result<Scale, String> {
    text.parse().ok().and_then(Scale::new).ok_or_else(|| "give a number above 0 and up to 10000, as 0.1".to_owned())
}

/// Does it. `server` was named on the command line.
pub(super) fn main(command: ScenarioCommand, server: Option<ServerUrl>) -> ExitCode {
    let done = match command {
        ScenarioCommand::Run(arguments) => Ok(run::main(&arguments, server)),
        ScenarioCommand::Check { files } => check(&files),
        ScenarioCommand::Schema => schema(),
        ScenarioCommand::Compare { before, after } => compare_runs(&before, &after),
    };
    ExitCode::from(done.unwrap_or_else(unprinted))
}

/// The exit code when something could not be printed: when nobody reads, that is no failure of ours.
fn unprinted(error: io::Error) -> u8 {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return 0;
    }
    note(&format!("cannot print: {error}"));
    EXIT_FAILED
}

/// Says what is wrong, line by line as it is.
fn complain(text: &str) {
    eprintln!("{}", safe(text));
}

fn check(paths: &[PathBuf]) -> io::Result<u8> {
    let mut code = 0;
    for path in paths {
        match files::read(path) {
            Ok(scenario) => print::line(&safe(&format!("{}: all right, \"{}\"", path.display(), scenario.name)))?,
            Err(error) => {
                complain(&error.to_string());
                code = EXIT_WRONG;
            }
        }
    }
    Ok(code)
}

fn schema() -> io::Result<u8> {
    print::line("{}")?;
    Ok(0)
}

fn compare_runs(before: &Path, after: &Path) -> io::Result<u8> {
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
        let facts = text.and_then(|text| Facts::read(&text).map_err(|error| error.to_string()));
        facts.map_err(|error| complain(&format!("{}: {error}", path.display())))
    };
    let (Ok(before), Ok(after)) = (read(before), read(after)) else { return Ok(EXIT_WRONG) };
    print::line(safe(&compare(&before, &after)).trim_end())?;
    Ok(0)
}
