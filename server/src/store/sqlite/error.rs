//! Why the store could not be opened, in sentences that say what to do.

use std::{io, path::PathBuf};

/// Why the store could not be opened. Nothing was changed, unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder cannot be made, entered or locked.
    #[error("the data folder {path:?} cannot be used: {source}; choose another, or mend its permissions")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another server uses the folder.
    #[error(
        "another server{} uses the data in {path:?}; stop it first, or give this one a data folder of its own",
        process.map(|process| format!(" (process {process})")).unwrap_or_default()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The other server's process number, if the lock file says.
        process: Option<u32>,
    },
    /// The file is not a database of this program.
    #[error("{path:?} is not a Hubbub database and was left as it is; move it away, or choose another data folder")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer server.
    #[error(
        "{path:?} was written by a newer server (schema {found}, this one knows {known}) and was left as it is; \
         start that server, or choose another data folder"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The newest version that this server knows.
        known: usize,
    },
    /// There is a write-ahead log without its database.
    #[error(
        "{path:?} is missing, but its write-ahead log beside it is not; put the file back, \
         or move the log away to begin with an empty store"
    )]
    Lost {
        /// The missing file.
        path: PathBuf,
    },
    /// The file, or one beside it, cannot be read or written.
    #[error("{path:?} cannot be used: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// SQLite cannot open the file or make it.
    #[error("{path:?} cannot be opened: {source}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The copy that is made before a migration failed; the database is as it was.
    #[error("no copy of {path:?} could be made before its migration, so it was left as it is: {source}")]
    Copy {
        /// The database.
        path: PathBuf,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A migration failed and was rolled back.
    #[error("{path:?} could not be brought to schema {version}: {source}; its copy from before is {copy:?}")]
    Migration {
        /// The database.
        path: PathBuf,
        /// The version that was not reached.
        version: usize,
        /// The copy made before the first step.
        copy: PathBuf,
        /// What went wrong.
        source: Box<rusqlite_migration::Error>,
    },
    /// A thread could not be started.
    #[error("the store's threads cannot be started: {0}")]
    Thread(io::Error),
}
