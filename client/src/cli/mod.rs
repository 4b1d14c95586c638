//! The command line: what `hubbub` can be asked, and its exit codes.

use std::process::ExitCode;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    crate::screen::run(crate::screen::ScreenOptions::default())
}
