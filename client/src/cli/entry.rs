//! How a command gets in and out: connecting with limited patience, and leaving so that the nick is free.

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use hubbub_protocol::{ErrorCode, Nick, reply::Welcome};
use tokio::time::{Instant, sleep_until};

use crate::link::{
    CloseReason, Identity, Link, LinkConfig, LinkError, LinkHandle, LinkState, LinkUpdates, Outage, ServerUrl, Update,
};
use crate::safe::safe_line;

/// The least time that a request has, however short the patience with the network is.
const REQUEST_TIME: Duration = Duration::from_secs(15);

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// Refused or failed, and why.
    Failed(String),
    /// Whatever it was has been said already.
    Said,
    /// The server cannot be reached.
    Unreachable(String),
    /// Nobody reads what is printed: no failure of ours.
    NobodyReads,
}

impl Failure {
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::NobodyReads => 0,
            Self::Failed(_) | Self::Said => 1,
            Self::Unreachable(_) => 3,
        }
    }

    pub(super) fn sentence(&self) -> Option<String> {
        match self {
            Self::Failed(sentence) | Self::Unreachable(sentence) => Some(sentence.clone()),
            Self::Said | Self::NobodyReads => None,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::Failed(format!("cannot print: {error}")),
        }
    }
}

impl From<LinkError> for Failure {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Timeout { .. } | LinkError::Disconnected => Self::Unreachable(error.to_string()),
            LinkError::Refused(error) => Self::Failed(error.message),
            error => Self::Failed(error.to_string()),
        }
    }
}

/// What a command needs to get in.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) server: ServerUrl,
    pub(super) nick: Option<Nick>,
    /// How long the server may be out of reach.
    pub(super) timeout: Duration,
}

/// A command's connection: a link, and how long it may still be out of reach.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) link: LinkHandle,
    updates: LinkUpdates,
    entry: Entry,
    /// While there is no connection: when patience ends. `None`: connected, or patience is endless.
    until: Option<Instant>,
    /// Whether a lost connection is waited for without end.
    endless: bool,
    was_online: bool,
    /// Why there is no connection, as far as it is known.
    outage: Option<Outage>,
    /// What the server told of itself when it was last there.
    pub(super) welcome: Option<Arc<Welcome>>,
}

impl Visit {
    /// Starts to connect.
    pub(super) fn start(entry: Entry) -> Self {
        let identity = entry.nick.clone().map_or_else(Identity::made_up, Identity::guest);
        let mut config = LinkConfig::new(entry.server.clone(), identity);
        config.patience.connect = config.patience.connect.min(entry.timeout);
        let (link, updates) = Link::start(config);
        let until = Some(Instant::now() + entry.timeout);
        // Longer than our own patience, so that ours speaks first.
        let link = link.patient().with_timeout(entry.timeout.max(REQUEST_TIME) + Duration::from_secs(1));
        Self { link, updates, entry, until, endless: false, was_online: false, outage: None, welcome: None }
    }

    /// From the first connection on, a lost one is waited for without end.
    pub(super) fn be_endless(&mut self) {
        self.endless = true;
        if self.was_online {
            self.until = None;
        }
    }

    /// The next update that is not about the connection. Cancel safe.
    ///
    /// # Errors
    /// When the link has ended, or patience has.
    pub(super) async fn next(&mut self) -> Result<Update, Failure> {
        loop {
            let update = match self.until {
                Some(until) => tokio::select! {
                    update = self.updates.next() => update,
                    () = sleep_until(until) => return Err(self.unreachable()),
                },
                None => self.updates.next().await,
            };
            match update {
                Some(Update::State(state)) => self.state(state)?,
                Some(update) => return Ok(update),
                None => return Err(Failure::Failed("the connection has been closed".to_owned())),
            }
        }
    }

    fn state(&mut self, state: LinkState) -> Result<(), Failure> {
        match state {
            LinkState::Connecting { .. } => {}
            LinkState::Online { welcome } => {
                if self.was_online {
                    note("connected again");
                }
                self.welcome = Some(welcome);
                (self.was_online, self.until, self.outage) = (true, None, None);
            }
            LinkState::Waiting { reason, .. } => {
                if self.outage.is_none() {
                    let endless = self.endless && self.was_online;
                    if !endless && self.until.is_none() {
                        self.until = Some(Instant::now() + self.entry.timeout);
                    }
                    let patience = if endless { String::new() } else { format!(" for {}", short(self.entry.timeout)) };
                    note(&format!("{reason}; trying again{patience}"));
                }
                self.outage = Some(reason);
            }
            LinkState::Closed { reason } => return Err(closed(reason, &self.entry.server)),
        }
        Ok(())
    }

    fn unreachable(&self) -> Failure {
        let server = &self.entry.server;
        let reason = self.outage.as_ref().map_or_else(
            || format!("no answer within {}", short(self.entry.timeout)),
            |outage| match outage {
                Outage::Unreachable(reason) => reason.clone(),
                outage => outage.to_string(),
            },
        );
        Failure::Unreachable(format!(
            "could not connect to {server}: {reason}. Start a server with `hubbub-server`, or name another one with --server"
        ))
    }

    /// Asks the link something while the updates are read and passed over.
    ///
    /// # Errors
    /// The answer's, or why the link has ended, or that patience has.
    pub(super) async fn wait<T>(&mut self, answer: impl Future<Output = Result<T, LinkError>>) -> Result<T, Failure> {
        let mut answer = pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => match answer {
                    Ok(answer) => return Ok(answer),
                    Err(LinkError::Closed) => break,
                    Err(error) => return Err(error.into()),
                },
                update = self.next() => drop(update?),
            }
        }
        // The link has ended, and its last update says why.
        loop {
            drop(self.next().await?);
        }
    }

    /// Leaves, so that the nick is free.
    pub(super) async fn leave(mut self) {
        let link = self.link.clone();
        let mut quit = pin!(link.quit());
        loop {
            tokio::select! {
                () = &mut quit => return,
                update = self.updates.next() => if update.is_none() { return },
            }
        }
    }
}

fn closed(reason: CloseReason, server: &ServerUrl) -> Failure {
    match reason {
        CloseReason::Refused(error) if error.code == ErrorCode::NickTaken => {
            let try_this = error.suggestion.map_or_else(String::new, |nick| format!(": {nick} is free"));
            Failure::Failed(format!("{}; choose another --nick{try_this}", error.message))
        }
        CloseReason::Refused(error) => Failure::Failed(format!("{server} refused: {error}")),
        CloseReason::NotHubbub(reason) => {
            Failure::Unreachable(format!("no Hubbub server answers at {server}: {reason}"))
        }
        reason => Failure::Failed(reason.to_string()),
    }
}

fn short(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f32())
}

/// Words for people, on stderr.
pub(super) fn note(sentence: &str) {
    eprintln!("hubbub: {}", safe_line(sentence));
}

/// Resolves when the user or the system wants the program to end.
pub(super) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{Signal, SignalKind, signal};
        async fn next(signal: io::Result<Signal>) {
            match signal {
                Ok(mut signal) => drop(signal.recv().await),
                // Then the signal ends the program in its own way.
                Err(_) => std::future::pending().await,
            }
        }
        let [int, term, hup] = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        tokio::select! { () = next(int) => {}, () = next(term) => {}, () = next(hup) => {} }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
