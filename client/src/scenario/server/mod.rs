//! Servers: a private one for a run, and what any server process costs.

pub(crate) mod private;
pub(crate) mod program;
pub(crate) mod watch;

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

/// Why there is no private server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// Neither named nor found.
    #[error(
        "there is no `hubbub-server`, neither beside this program nor on PATH. Build it with `cargo build --release \
         --bin hubbub-server`, name it with --server-bin, or play against a server that runs with --server"
    )]
    NotFound,
    /// Named, and not there.
    #[error("--server-bin: there is no program {0:?}")]
    NoProgram(PathBuf),
    /// The system gives no folder or no file in it.
    #[error("cannot make a temporary folder for the private server: {0}")]
    Folder(#[source] io::Error),
    /// It could not be started.
    #[error("cannot start {program:?}: {source}")]
    Spawn { program: PathBuf, source: io::Error },
    /// It does not take what `server:` in the file says.
    #[error("the server does not take these settings (`server:` in the file):\n{log}")]
    Settings { log: String },
    /// It ended before it was ready.
    #[error("the private server ended before it was ready ({status}); it said last:\n{log}")]
    Died { status: ExitStatus, log: String },
    /// It did not become ready.
    #[error("the private server was not ready within {patience:?}; it said last:\n{log}")]
    NotReady { patience: Duration, log: String },
}
