//! The configuration: read once at the start from four sources, checked as a whole, then immutable.
//!
//! Flags win over `HUBBUB_*` variables, those over the file, the file over the defaults. Every key is a
//! row of [`key`]'s table (or of [`crate::limits::TABLE`]); reading, checking, the commented file of
//! `hubbub-server config` and `docs/OPERATIONS.md` all go by these rows, so none can forget one.

use std::{fmt, num::NonZeroUsize, path::PathBuf, thread};

pub mod error;
pub mod key;
mod source;
mod template;

pub use error::{ConfigError, Fault, Place, Problem};
pub use source::{ENV_PREFIX, Flag, Sources};
pub use template::{commented_file, grouped};

use crate::limits::Limits;

/// Everything that an operator may decide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[fanout]`
    pub fanout: Fanout,
    /// `[log]`
    pub log: Log,
    /// `[limits]`
    pub limits: Limits,
}

/// What the server is called, where it listens and where its data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The name that people see.
    pub name: String,
    /// `HOST:PORT` to listen on; port 0 takes any free one.
    pub http: String,
    /// The folder of the database.
    pub data: PathBuf,
    /// Origins of browser pages that may connect, besides pages of this server itself; `*` for all.
    pub allowed_origins: Vec<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            name: "Hubbub".to_owned(),
            http: "127.0.0.1:8080".to_owned(),
            data: PathBuf::from("hubbub-data"),
            allowed_origins: Vec::new(),
        }
    }
}

/// How broadcasts are spread over the cores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fanout {
    /// How many shards; each is a worker thread with its own connections.
    pub shards: Shards,
}

/// A number of shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shards {
    /// One for each core that the process may use.
    #[default]
    Cores,
    /// So many.
    Number(NonZeroUsize),
}

impl Shards {
    /// The most that can be configured.
    pub const MAX: usize = 1_024;

    /// The number, with the machine asked for its cores; 1 when it does not say.
    #[must_use]
    pub fn count(self) -> NonZeroUsize {
        match self {
            Self::Cores => thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            Self::Number(number) => number,
        }
    }
}

/// What is logged and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// Which lines, as `tracing-subscriber` writes filters: a level, or levels by target.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// The form of a line of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

impl LogFormat {
    /// Both, as they are written.
    pub const NAMES: [&str; 2] = ["text", "json"];

    /// As it is written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it, not only the first thing.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        source::read(sources)
    }
}

#[cfg(test)]
mod tests;
