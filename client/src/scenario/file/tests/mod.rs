//! What a file says is what is read; what is wrong in it is said well; no text at all breaks the reader.

mod any_text;
mod good;
mod wrong;

use super::{Scenario, read};

/// The scenario of a text that must be one.
pub(super) fn scenario(text: &str) -> Scenario {
    read(text, "test.yaml").unwrap_or_else(|error| panic!("\n{error}\n"))
}

/// A whole file around some steps: ana, bo and twenty of a crowd in the lobby, twenty rooms of a team.
pub(super) fn with_steps(steps: &str) -> String {
    format!("{HEAD}steps:\n{steps}")
}

/// What stands before the steps: five lines, so that a step is in line 7 or later.
const HEAD: &str = "\
name: Test
rooms: {team: {count: 20, size: 10}}
cast:
  ana: {join: lobby}
  crowd: {count: 20, join: [lobby, team]}
";
