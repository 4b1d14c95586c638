//! Who is meant: `ana`, `ana, bo`, `crowd`, `crowd-7`, `everyone`, `everyone in lobby except eve`, `10% of crowd`, `3 of crowd`.

use super::Place;

/// Some of the cast, as a sentence names them. Names are checked to exist in the cast.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Who {
    /// Who is meant: the union of these.
    pub(crate) terms: Vec<Term>,
    /// Who of them is not, after all.
    pub(crate) except: Vec<Term>,
    /// The words as they were written, for reports.
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// A part of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    /// `ana`, or everybody in the population `crowd`.
    Name(String),
    /// `crowd-7`: the seventh of a population, from 1.
    Nth(String, u32),
    /// `everyone`: the whole cast.
    Everyone,
    /// `everyone in lobby`: those who are in that room at this point of the story, offline or not.
    /// The room may be a group's name: then those who are in any of its rooms.
    EveryoneIn(String),
    /// `10% of crowd`: drawn by chance, rounded up.
    Share { share: f64, of: String },
    /// `3 of crowd`: drawn by chance.
    Some { count: u32, of: String },
}
