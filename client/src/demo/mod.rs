//! `hubbub demo`: a private server, a few scripted people, and the screen in the middle of it. Leaves nothing behind.
//!
//! Two threads: the story is played on one of its own (`demo.yaml`, the language of every scenario), the screen has
//! the first. The story's end is the screen's: then server and data are gone.

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use hubbub_protocol::{Nick, RoomName};
use tokio::sync::watch;

use crate::{
    link::ServerUrl,
    safe::safe,
    scenario::{
        file::{
            self, Scenario,
            step::{Act, Step},
        },
        play::{self, PATIENCE, PlayError, PlayOptions, Scale, Seed, Stage, Target},
    },
    screen::{self, ScreenOptions},
};

/// What is played.
const STORY: &str = include_str!("demo.yaml");

/// The rooms in which the screen opens, the first one in front.
const ROOMS: [&str; 2] = ["lobby", "tea"];

/// What the person is called who gives no `--nick`.
const NICK: &str = "you";

/// Interrupts that end a story at once, without a report.
const AT_ONCE: u32 = 2;

/// Why there was nothing to be seen.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    /// The story or a name in it; a test reads them.
    #[error("{0}")]
    Story(String),
    /// The system gives no thread or runtime.
    #[error("the system gives no means to play it: {0}")]
    System(#[from] std::io::Error),
    /// It could not be played.
    #[error(transparent)]
    Play(#[from] PlayError),
}

/// Shows it until the person leaves.
#[must_use]
pub(crate) fn run(server_bin: Option<PathBuf>, nick: Option<Nick>) -> ExitCode {
    if !screen::has_terminal() {
        eprintln!("hubbub: the demo needs a terminal; without one, try `hubbub scenario run`");
        return ExitCode::FAILURE;
    }
    show(server_bin, nick).unwrap_or_else(|error| {
        eprintln!("hubbub: {}", safe(&error.to_string()));
        ExitCode::FAILURE
    })
}

fn show(server_bin: Option<PathBuf>, nick: Option<Nick>) -> Result<ExitCode, DemoError> {
    let scenario = story()?;
    let story = |error: &dyn std::error::Error| DemoError::Story(error.to_string());
    let rooms =
        ROOMS.iter().map(|room| RoomName::parse(room)).collect::<Result<_, _>>().map_err(|error| story(&error))?;
    let nick = nick.map_or_else(|| Nick::parse(NICK), Ok).map_err(|error| story(&error))?;
    let options = PlayOptions {
        seed: Seed::new(),
        scale: Scale::ONE,
        target: Target::Private { program: server_bin },
        server_pid: None,
        file: None,
        patience: PATIENCE,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let interrupts = watch::Sender::new(0);
    let seen = interrupts.subscribe();
    let (opened, opening) = sync_channel(1);
    let playing = thread::Builder::new().name("demo-story".to_owned()).spawn(move || {
        let story = async |stage: &Stage| tell(stage, &scenario.steps, &opened).await;
        runtime.block_on(play::play(&scenario, &options, &seen, |_| (), story)).map(drop)
    })?;
    // Without an address the story has ended before its middle, and says why below.
    let code = match opening.recv() {
        Ok(server) => Some(screen::run(ScreenOptions { server, nick: Some(nick), rooms, remember: false })),
        Err(_) => None,
    };
    interrupts.send_replace(AT_ONCE);
    match (playing.join(), code) {
        (Ok(Ok(()) | Err(PlayError::Interrupted)), Some(code)) => Ok(code),
        (Ok(Ok(())), None) => Err(DemoError::Story("the story ended before it began".to_owned())),
        (Ok(Err(error)), _) => Err(error.into()),
        // The panic has said what it was.
        (Err(_), _) => Ok(ExitCode::FAILURE),
    }
}

fn story() -> Result<Scenario, DemoError> {
    file::read(STORY, "demo.yaml").map_err(|error| DemoError::Story(error.to_string()))
}

/// Plays the story; where it first waits, the screen opens.
async fn tell(stage: &Stage, steps: &[Step], opened: &SyncSender<Option<ServerUrl>>) -> Result<(), PlayError> {
    let middle = steps.iter().position(|step| matches!(step.act, Act::Wait { .. })).unwrap_or(steps.len());
    let (before, after) = steps.split_at(middle);
    stage.play(before).await?;
    // Nobody listens when the screen could not be opened: then the story is told to end.
    drop(opened.send(ServerUrl::parse(stage.url()).ok()));
    stage.play(after).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_is_read_and_waits_for_the_person_to_look() {
        let story = story().expect("a story");
        assert!(story.steps.iter().any(|step| matches!(step.act, Act::Wait { .. })));
        assert!(ROOMS.iter().all(|room| RoomName::parse(room).is_ok()) && Nick::parse(NICK).is_ok());
    }
}
