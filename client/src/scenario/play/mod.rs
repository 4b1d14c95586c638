//! The player: takes a scenario through its steps with a crowd, and says what held.
//!
//! ```text
//! stage     everything that a story is played on: crowd, server, cast, captures, journal
//! story     the order of things: sequence, parallel, barrier, repeat, phase
//! verb      what people do; post: what they say · fault: what is broken
//! expect    what must be true at a point; reception: who got what, and how soon
//! finish    the end: everybody catches up, the account is taken
//! invariant what must always be true · threshold: figures of the whole run
//! ```
//!
//! Steps are coroutines on one thread: side by side without locks. Nothing here touches a socket of the crowd.

mod barrier;
mod capture;
mod cast;
mod expect;
mod fault;
mod finish;
mod invariant;
mod journal;
mod post;
mod probe;
mod reception;
mod scale;
mod seating;
mod seed;
mod stage;
mod story;
mod threshold;
mod verb;
mod wording;

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use tokio::sync::watch;

pub(crate) use self::{
    probe::{Load, Probe},
    scale::Scale,
    seed::Seed,
    stage::Stage,
};
use super::{
    crowd::handle::CrowdGone,
    file::{
        Scenario,
        step::{Act, Fault, Step},
    },
    report::facts::Facts,
    server::ServerError,
};
use crate::link::ServerUrl;

/// How long an answer, a return or a receipt may take when the file says nothing else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Where nothing else limits it, people are waited for in rounds of half the patience: as long as there is progress from
/// one to the next, and at most for so many.
const PATIENCE_ROUNDS_MAX: usize = 12;

/// How a scenario is to be played.
#[derive(Debug, Clone)]
pub(crate) struct PlayOptions {
    /// All chance comes from it.
    pub(crate) seed: Seed,
    pub(crate) scale: Scale,
    pub(crate) target: Target,
    /// The process of a running server, to be watched.
    pub(crate) server_pid: Option<u32>,
    /// The file's name, as it was given; `None`: the scenario is from no file.
    pub(crate) file: Option<String>,
    pub(crate) patience: Duration,
}

/// Which server.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// One of our own, which ends with the run. `None`: its program is looked for.
    Private { program: Option<PathBuf> },
    /// One that runs.
    Running(ServerUrl),
}

/// Why a scenario could not be played, or not to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlayError {
    /// It needs a server that may be killed.
    #[error("line {line}: only a private server can be killed and started again; play this one without --server")]
    NeedsPrivateServer { line: u32 },
    /// A target that is not spoken with.
    #[error("{0}: scenarios are played over ws:// only; name the server's own address behind its TLS proxy")]
    Tls(ServerUrl),
    /// Nobody answers.
    #[error(
        "could not connect to {url}: {why}. Start a server with `hubbub-server`, or leave --server out to play with a private one"
    )]
    Unreachable { url: String, why: String },
    /// There is no private server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The crowd could not be started.
    #[error("the system gives no thread or event queue for the crowd: {0}")]
    NoCrowd(#[source] io::Error),
    /// The crowd broke down.
    #[error(transparent)]
    CrowdGone(#[from] CrowdGone),
    /// A name that no room can have; the language lets none through.
    #[error("{name:?} cannot be the name of a room: {why}")]
    Room { name: String, why: String },
    /// It was ended from outside, and at once.
    #[error("interrupted")]
    Interrupted,
}

/// How often the user or the system wanted an end: once, and the story stops and is reported; twice, and it just ends.
pub(crate) type Interrupts = watch::Receiver<u32>;

/// Plays a story on a scenario's stage, from the connecting of everybody to the report. `show` gets the stage before
/// anybody is connected, and what it makes of it is dropped before the report.
///
/// # Errors
/// When it could not be played, and the story's own; that something did not hold is no error, but a verdict.
pub(crate) async fn play<S>(
    scenario: &Scenario,
    options: &PlayOptions,
    interrupts: &Interrupts,
    show: impl FnOnce(&Stage) -> S,
    story: impl AsyncFnOnce(&Stage) -> Result<(), PlayError>,
) -> Result<Facts, PlayError> {
    check(scenario, options)?;
    let setting_up = Stage::set_up(scenario, options);
    let stage = tokio::select! {
        stage = setting_up => stage?,
        () = interrupted(interrupts, 1) => return Err(PlayError::Interrupted),
    };
    let shown = show(&stage);
    let told = async {
        stage.enter().await?;
        story(&stage).await
    };
    let to_the_end = async {
        let was_interrupted = tokio::select! {
            done = told => {
                done?;
                false
            }
            () = interrupted(interrupts, 1) => true,
        };
        stage.finish(&scenario.thresholds, was_interrupted).await
    };
    let facts = tokio::select! {
        facts = to_the_end => facts,
        () = interrupted(interrupts, 2) => Err(PlayError::Interrupted),
    };
    drop(shown);
    facts
}

/// Resolves when there were so many interrupts; never when nobody can send one any more.
async fn interrupted(interrupts: &Interrupts, times: u32) {
    let mut interrupts = interrupts.clone();
    if interrupts.wait_for(|seen| *seen >= times).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Whether this can be played at all, before anything is started.
fn check(scenario: &Scenario, options: &PlayOptions) -> Result<(), PlayError> {
    let Target::Running(url) = &options.target else { return Ok(()) };
    if url.is_tls() {
        return Err(PlayError::Tls(url.clone()));
    }
    match first_kill(&scenario.steps) {
        Some(step) => Err(PlayError::NeedsPrivateServer { line: step.place.line }),
        None => Ok(()),
    }
}

fn first_kill(steps: &[Step]) -> Option<&Step> {
    steps.iter().find_map(|step| match &step.act {
        Act::Fault(Fault::KillServer { .. } | Fault::RestartServer) => Some(step),
        Act::Sequence { steps } | Act::Parallel { steps } | Act::Repeat { steps, .. } | Act::Phase { steps, .. } => {
            first_kill(steps)
        }
        _ => None,
    })
}

/// All addresses of a server that answers.
async fn reach(url: &ServerUrl) -> Result<Vec<SocketAddr>, PlayError> {
    let unreachable = |why: String| PlayError::Unreachable { url: url.to_string(), why };
    let host = url.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let found = tokio::net::lookup_host((host, url.port())).await.map_err(|error| unreachable(error.to_string()))?;
    let addresses: Vec<SocketAddr> = found.collect();
    let mut why = "its name has no address".to_owned();
    for address in &addresses {
        match tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(addresses),
            Ok(Err(error)) => why = error.to_string(),
            Err(_) => why = format!("no answer within {}", wording::time(PATIENCE)),
        }
    }
    Err(unreachable(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::file::Place;

    fn options(url: &str) -> PlayOptions {
        PlayOptions {
            seed: Seed(1),
            scale: Scale::ONE,
            target: Target::Running(ServerUrl::parse(url).expect("a URL")),
            server_pid: None,
            file: None,
            patience: PATIENCE,
        }
    }

    fn kill_inside(line: u32) -> Scenario {
        let place = Place { line, column: 5 };
        let kill = Step { act: Act::Fault(Fault::KillServer { restart_after: None }), place };
        let inside = Step { act: Act::Phase { name: "p".to_owned(), steps: vec![kill] }, place: Place::default() };
        Scenario { steps: vec![inside], ..Scenario::default() }
    }

    #[test]
    fn a_server_that_is_not_ours_is_not_killed() {
        let error = check(&kill_inside(7), &options("ws://127.0.0.1:1")).expect_err("must be refused");
        assert!(error.to_string().starts_with("line 7: only a private server can be killed"), "{error}");
        let private = PlayOptions { target: Target::Private { program: None }, ..options("ws://127.0.0.1:1") };
        assert!(check(&kill_inside(7), &private).is_ok());
    }

    #[test]
    fn an_encrypted_server_is_refused_with_what_to_do() {
        let error = check(&Scenario::default(), &options("wss://chat.example.org")).expect_err("must be refused");
        assert!(error.to_string().contains("played over ws:// only"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_unreachable() {
        // A port that was free a moment ago.
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
        let url = ServerUrl::parse(&format!("ws://{free}")).expect("a URL");
        let error = reach(&url).await.expect_err("nobody is there");
        assert!(matches!(error, PlayError::Unreachable { .. }), "{error}");
        assert!(matches!(
            play(
                &Scenario::default(),
                &options(&url.to_string()),
                &watch::Sender::new(0).subscribe(),
                |_| (),
                async |_| Ok(())
            )
            .await,
            Err(PlayError::Unreachable { .. })
        ));
    }

    #[tokio::test]
    async fn the_first_interrupt_is_told_from_the_second() {
        let sender = watch::Sender::new(0);
        let interrupts = sender.subscribe();
        sender.send_replace(1);
        interrupted(&interrupts, 1).await;
        tokio::select! {
            biased;
            () = interrupted(&interrupts, 2) => panic!("there was one only"),
            () = std::future::ready(()) => {}
        }
        sender.send_replace(2);
        interrupted(&interrupts, 2).await;
    }
}
