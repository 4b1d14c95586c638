//! The language: what a scenario file says, as plain types.
//!
//! What is here has been checked: names exist, combinations make sense, numbers are in range. Nothing here knows
//! of sockets or servers. How it is written is taught in `docs/SCENARIOS.md`.

pub(crate) mod cast;
pub(crate) mod expectation;
mod fault;
mod grammar;
mod read;
mod schema;
pub(crate) mod step;
pub(crate) mod template;
pub(crate) mod threshold;
mod tree;
pub(crate) mod unit;
pub(crate) mod who;
mod write;

use std::collections::BTreeMap;

use self::{cast::Role, step::Step, threshold::Threshold};
pub(crate) use self::{fault::FileError, read::read, schema::schema, write::write};

/// Where in the file something stands: both from 1; 0 for what no file says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Scenario {
    /// `name:` what it is called in reports.
    pub(crate) name: String,
    /// `about:` what it shows, for people; may be empty.
    pub(crate) about: String,
    /// `seed:` the seed when `--seed` names none; `None`: a new one each time. Always printed.
    pub(crate) seed: Option<u64>,
    /// `server:` how the private server is set up; not used with `--server`.
    pub(crate) server: ServerSettings,
    /// `rooms:` groups of rooms by name: `team: {count: 200, size: 10}` are `team-1` to `team-200`.
    pub(crate) rooms: BTreeMap<String, RoomGroup>,
    /// `cast:` by name.
    pub(crate) cast: BTreeMap<String, Role>,
    /// `steps:` what happens, in order.
    pub(crate) steps: Vec<Step>,
    /// `thresholds:` what the figures must be at the end.
    pub(crate) thresholds: Vec<Threshold>,
}

/// How the private server is set up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServerSettings {
    /// Keys of the server's `[limits]`, e.g. `posts_per_s: 1000`.
    pub(crate) limits: BTreeMap<String, u64>,
    /// Its number of worker threads; `None`: its own default.
    pub(crate) workers: Option<u32>,
}

/// Rooms that are alike. `--scale` multiplies their number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoomGroup {
    /// How many; they are called `NAME-1`, `NAME-2` …
    pub(crate) count: u32,
    /// How many of a population that joins the group go to each.
    pub(crate) sizes: RoomSizes,
}

/// How a population is spread over a group of rooms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RoomSizes {
    /// In turn: all rooms are equal to one.
    Even,
    /// The first has so many, the second so many, and the list again from its start; `size: 10` is a list of one.
    /// People beyond what all rooms take are spread evenly.
    List(Vec<u32>),
    /// The room of rank r gets a share that is proportional to r to the power of minus this; 1 is Zipf's law.
    PowerLaw(f64),
}

#[cfg(test)]
mod tests;
