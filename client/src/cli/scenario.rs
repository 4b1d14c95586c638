//! `hubbub scenario`: plays scenarios, checks them, tells their language, compares what came out.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;

use super::{
    performance::{
        EXIT_CODES, EXIT_CODES_READ, EXIT_WRONG, Outcome, Performance, PlayArguments, block_on, complain, unprinted,
    },
    print,
};
use crate::{
    link::ServerUrl,
    safe::{safe, safe_line},
    scenario::{
        file::{self, FileError, Scenario},
        play::Interrupts,
        report::{compare, facts::Facts},
    },
};

/// The largest file that is read; a scenario is a page or two.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What can be done with scenarios.
#[derive(Debug, Subcommand)]
pub(super) enum ScenarioCommand {
    /// Play scenarios and say what held; without --server against a private server with temporary data
    #[command(after_help = EXIT_CODES)]
    Run(RunArguments),
    /// Tell whether files are scenarios, and what is wrong if not
    #[command(after_help = EXIT_CODES_READ)]
    Check {
        /// The files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Print the JSON Schema of the language, for editors
    Schema,
    /// Print what changed between two runs, from what --json wrote
    #[command(after_help = EXIT_CODES_READ)]
    Compare {
        /// The run before
        #[arg(value_name = "A.json")]
        before: PathBuf,
        /// The run after
        #[arg(value_name = "B.json")]
        after: PathBuf,
    },
}

/// What to play, and how.
#[derive(Debug, clap::Args)]
pub(super) struct RunArguments {
    /// The files; each is played, one after the other
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    play: PlayArguments,
}

/// Does it. `server` was named on the command line.
pub(super) fn main(command: ScenarioCommand, server: Option<ServerUrl>) -> ExitCode {
    let done = match command {
        ScenarioCommand::Run(arguments) => Ok(run(&arguments, server.as_ref())),
        ScenarioCommand::Check { files } => check(&files),
        ScenarioCommand::Schema => schema(),
        ScenarioCommand::Compare { before, after } => compare_runs(&before, &after),
    };
    ExitCode::from(done.unwrap_or_else(unprinted))
}

/// Plays each file; nothing is played when one of them is wrong.
fn run(arguments: &RunArguments, server: Option<&ServerUrl>) -> u8 {
    let mut complaints = arguments.play.complaints(server);
    let is_one_of_many = arguments.files.len() > 1;
    let mut performances = Vec::new();
    for path in &arguments.files {
        let scenario = read(path).map_err(|error| error.to_string());
        let prepare = |scenario| arguments.play.performance(scenario, server, Some(path), is_one_of_many);
        match scenario.and_then(|scenario| prepare(scenario).map_err(|error| format!("hubbub: {error}"))) {
            Ok(performance) => performances.push(performance),
            Err(complaint) => complaints.push(complaint),
        }
    }
    if !complaints.is_empty() {
        complaints.dedup();
        complaints.iter().for_each(|complaint| complain(complaint));
        return EXIT_WRONG;
    }
    block_on(async |interrupts| run_all(&performances, interrupts).await)
}

async fn run_all(performances: &[Performance], interrupts: &Interrupts) -> io::Result<u8> {
    let mut outcomes: Vec<(&str, Outcome)> = Vec::new();
    for performance in performances {
        outcomes.push((&performance.name, performance.run(interrupts).await?));
        if *interrupts.borrow() > 0 {
            break;
        }
    }
    if performances.len() > 1 {
        print::line("")?;
        let width = outcomes.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, outcome) in &outcomes {
            print::line(&safe_line(&format!("{name:width$}  {}", outcome.words)))?;
        }
        let left = performances.len() - outcomes.len();
        if left > 0 {
            print::line(&format!("{left} not played"))?;
        }
    }
    Ok(outcomes.iter().map(|(_, outcome)| outcome.code).max().unwrap_or(0))
}

fn read(path: &Path) -> Result<Scenario, FileError> {
    let name = path.display().to_string();
    let unreadable = |error: io::Error| FileError::unreadable(&name, error);
    let mut text = Vec::new();
    File::open(path).map_err(unreadable)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::unreadable(&name, format!("more than {FILE_BYTES_MAX} bytes; is this a scenario?")));
    }
    let text = String::from_utf8(text).map_err(|_| FileError::unreadable(&name, "this is no text in UTF-8"))?;
    file::read(&text, &name)
}

fn check(paths: &[PathBuf]) -> io::Result<u8> {
    let mut code = 0;
    for path in paths {
        match read(path) {
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
    print::line(&serde_json::to_string_pretty(&file::schema())?)?;
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_is_no_text_or_not_there_is_said_with_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("story.yaml");
        let error = || read(&path).expect_err("no scenario").to_string();
        assert!(error().contains("story.yaml: No such file"), "{}", error());
        fs::write(&path, b"name: \xff").expect("a file");
        assert!(error().ends_with("story.yaml: this is no text in UTF-8"), "{}", error());
        fs::write(&path, vec![b'#'; 2 << 20]).expect("a file");
        assert!(error().ends_with("is this a scenario?"), "{}", error());
    }
}
