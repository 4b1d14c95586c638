//! How far the player has come, for the view while a run lasts.

use super::facts::{Finding, Mark, ServerSample};

/// What the player does just now, and what it found so far. Published anew with each change, by a `watch`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Progress {
    /// The scenario's name.
    pub(crate) name: String,
    /// How many people the cast has.
    pub(crate) people: u64,
    /// The innermost phase; `None` outside of all phases.
    pub(crate) phase: Option<String>,
    /// The steps under way, in the order of their begin: one, or several side by side.
    pub(crate) steps: Vec<String>,
    /// What was found so far, in the order of the story.
    pub(crate) findings: Vec<Finding>,
    /// Phases and faults so far; a phase that lasts has no end yet.
    pub(crate) marks: Vec<Mark>,
    /// The newest look at the server's process; `None` when it cannot be watched.
    pub(crate) server: Option<ServerSample>,
    /// The story is over or was interrupted: what is under way is waited for.
    pub(crate) stopping: bool,
}
