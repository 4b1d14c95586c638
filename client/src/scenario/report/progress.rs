//! Progress: how far the player is in the story, for the view while it runs.

use super::facts::{Finding, Mark, ServerSample};

/// Where the story stands just now.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Progress {
    /// The scenario's name.
    pub(crate) name: String,
    pub(crate) people: u64,
    /// The innermost phase that is under way.
    pub(crate) phase: Option<String>,
    /// The steps under way, outermost first; several when they are played side by side.
    pub(crate) steps: Vec<String>,
    /// What was found so far, in the order of the story.
    pub(crate) findings: Vec<Finding>,
    pub(crate) marks: Vec<Mark>,
    /// The newest look at the server's process.
    pub(crate) server: Option<ServerSample>,
    /// Why nothing more is played; `None` while the story goes on.
    pub(crate) ending: Option<Ending>,
}

/// How the story came to its end: everybody catches up, and the rooms are read back, before there is a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All of it was played.
    Story,
    /// It was ended from outside.
    Early,
}

impl Ending {
    /// What is going on, in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Story => "played; everybody catches up, and the rooms are read back",
            Self::Early => "ending early; everybody catches up for a moment",
        }
    }
}
