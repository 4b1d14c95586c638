//! The terminal screen: what a person sees and types.
//!
//! ```text
//! run        the loop: terminal, link and clock in; effects and frames out
//! update     what happened → changed state and effects; pure
//! view       state → cells, and cells → what they show; pure
//! state      one struct a concern
//! keymap, slash          the tables of keys and commands
//! terminal, effect       the edges: the terminal's modes, the calls to the link
//! memory, keeper         the file of what is remembered, and who writes it when
//! startup                what it begins with
//! text, theme            harmless text, its measure; colours
//! ```
//!
//! Everything above the edges is a function of values: it is tested by inputs and drawn screens as text.

mod effect;
mod keeper;
mod keymap;
mod memory;
mod run;
#[cfg(test)]
mod screens;
mod slash;
#[cfg(test)]
mod stage;
mod startup;
mod state;
mod terminal;
mod text;
mod theme;
mod update;
mod view;

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use hubbub_protocol::{Nick, RoomName};

use crate::link::ServerUrl;

/// What the command line says about the screen; what it leaves out is remembered or asked for.
#[derive(Debug, Clone)]
pub struct ScreenOptions {
    /// `--server`.
    pub server: Option<ServerUrl>,
    /// `--nick`.
    pub nick: Option<Nick>,
    /// The rooms to be in, the first one in front.
    pub rooms: Vec<RoomName>,
    /// Whether anything is read from the last time and kept for the next.
    pub remember: bool,
}

impl Default for ScreenOptions {
    fn default() -> Self {
        Self { server: None, nick: None, rooms: Vec::new(), remember: true }
    }
}

/// Why the screen could not be shown.
#[derive(Debug, thiserror::Error)]
enum ScreenError {
    /// There is no terminal.
    #[error("the screen needs a terminal; for scripts there are `hubbub post`, `hubbub tail` and `hubbub rooms`")]
    NoTerminal,
    /// The terminal, or the runtime, failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Shows the screen until the user leaves it. It runs its own runtime.
#[must_use]
pub fn run(options: ScreenOptions) -> ExitCode {
    match show(options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hubbub: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The server that was used last, for commands that were not told one.
#[must_use]
pub fn remembered_server() -> Option<ServerUrl> {
    // commands go on without a memory as they do on a fresh machine
    let profiles = memory::Memory::of_user().and_then(|memory| memory.profiles()).ok()?;
    profiles.first().and_then(|profile| ServerUrl::parse(&profile.server).ok())
}

/// Whether there is a terminal to show it on.
#[must_use]
pub fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

fn show(options: ScreenOptions) -> Result<ExitCode, ScreenError> {
    if !has_terminal() {
        return Err(ScreenError::NoTerminal);
    }
    // one thread is enough for one person; the input has its own, since reading a terminal blocks
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(run::run(options))?;
    // the thread that reads the terminal, and a write to a slow disk, do not hold the exit up
    runtime.shutdown_background();
    Ok(code)
}
