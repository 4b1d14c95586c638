//! Keeps what is to be remembered: reads it at the start of a link, writes it beside the loop when it has changed.
//!
//! Owner of the memory's handle and of the claim on the nick that is in use. One write goes on at a time; what
//! changes meanwhile is written with the next one. Ends with the screen, after a last write.

use tokio::task::JoinHandle;

use crate::screen::memory::{Claim, Memory, MemoryError, Profile};

/// Keeps what is to be remembered.
#[derive(Debug)]
pub(super) struct Keeper {
    /// `None`: there is no place to remember things in.
    memory: Option<Memory>,
    claim: Option<Claim>,
    /// What was written last.
    written: Option<Profile>,
    /// The write that goes on.
    writing: Option<JoinHandle<Result<(), MemoryError>>>,
}

impl Keeper {
    /// Keeps things in this memory, with the claim that was needed to choose a nick.
    pub(super) fn new(memory: Option<Memory>, claim: Option<Claim>) -> Self {
        Self { memory, claim, written: None, writing: None }
    }

    /// What is remembered of a nick on a server; the token only if no other client runs with it.
    pub(super) fn recall(&mut self, server: &str, nick: &str) -> (Option<Profile>, Option<String>) {
        let Some(memory) = &self.memory else { return (None, None) };
        // what cannot be read was said on the first screen
        let profile = memory.profiles().unwrap_or_default().into_iter().find(|profile| profile.is(server, nick));
        self.hold_claim(server, nick);
        let token = profile.as_ref().and_then(|profile| profile.token.clone()).filter(|_| self.claim.is_some());
        (profile, token)
    }

    /// Writes a profile if it has changed and no write goes on.
    pub(super) fn keep(&mut self, profile: Option<Profile>) {
        let (Some(memory), Some(profile)) = (self.memory.clone(), profile) else { return };
        if self.writing.is_some() || self.written.as_ref() == Some(&profile) {
            return;
        }
        // the nick may have changed
        self.hold_claim(&profile.server, &profile.nick);
        self.written = Some(profile.clone());
        self.writing = Some(tokio::task::spawn_blocking(move || memory.remember(&profile)));
    }

    /// The end of the write that goes on: why it failed, if it did. Pending while there is none. Cancel safe.
    pub(super) async fn finished(&mut self) -> Option<String> {
        let Some(writing) = &mut self.writing else { return std::future::pending().await };
        let result = writing.await;
        self.writing = None;
        match result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Writes a profile at the end, after the write that goes on. Why it failed, if it did.
    pub(super) async fn close(mut self, profile: Option<Profile>) -> Option<String> {
        let mut fault = None;
        if self.writing.is_some() {
            fault = self.finished().await;
        }
        self.keep(profile);
        if self.writing.is_some() {
            fault = self.finished().await;
        }
        fault
    }

    /// Claims a nick on a server in place of what was claimed before.
    fn hold_claim(&mut self, server: &str, nick: &str) {
        if self.claim.as_ref().is_some_and(|claim| claim.is(server, nick)) {
            return;
        }
        // a claim that cannot be made is as good as none: the token is left alone
        self.claim = self.memory.as_ref().and_then(|memory| memory.claim(server, nick).unwrap_or_default());
    }
}
