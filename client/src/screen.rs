//! The terminal screen; a placeholder until it is built in.

use std::process::ExitCode;

use hubbub_protocol::{Nick, RoomName};

use crate::link::ServerUrl;

/// What the command line says about the screen; what it leaves out is remembered or asked for.
#[derive(Debug, Clone, Default)]
pub struct ScreenOptions {
    /// `--server`.
    pub server: Option<ServerUrl>,
    /// `--nick`.
    pub nick: Option<Nick>,
    /// The rooms to be in, the first one in front.
    pub rooms: Vec<RoomName>,
}

/// Shows the screen until the user leaves it. It runs its own runtime.
#[must_use]
pub fn run(options: ScreenOptions) -> ExitCode {
    eprintln!("hubbub: the screen is not built in; use `hubbub post`, `hubbub tail` or `hubbub rooms`");
    drop(options);
    ExitCode::FAILURE
}

/// The server that was used last, for commands that were not told one.
#[must_use]
pub fn remembered_server() -> Option<ServerUrl> {
    None
}
