//! The data folder: its lock, and whether the file in it is ours to open.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{connection::Opener, error::OpenError, migration};

/// The database's file.
pub(super) const DATABASE_FILE: &str = "hubbub.db";

/// The file whose lock says that a server uses the folder; it holds that server's process number.
pub const LOCK_FILE: &str = "hubbub.lock";

/// What every SQLite file begins with.
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Bytes of a SQLite file's header, and where our two numbers stand in it, big-endian
/// (<https://sqlite.org/fileformat.html#the_database_header>).
const HEADER_BYTES: usize = 100;
const USER_VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;

/// A folder that is ours alone for as long as this lives.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    lock: File,
}

/// What stands where the database should be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A database of ours with this version of the schema.
    Version(usize),
}

impl DataFolder {
    /// Creates the folder if need be, for its owner only, and locks it.
    ///
    /// # Errors
    /// When it cannot be made, or another server has it.
    pub(super) fn lock(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        sync_folder_of(path).map_err(failed)?;
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(folder = %path.display(), mode = format!("{:o}", mode & 0o777), "others may look into the data folder");
        }
        let lock_path = path.join(LOCK_FILE);
        let mut lock =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(lock_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                if let Err(error) = lock.read_to_string(&mut holder) {
                    tracing::debug!(%error, "the lock file does not say who has it");
                }
                return Err(OpenError::InUse { path: path.to_owned(), process: holder.trim().parse().ok() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // Only for the sentence that a second server says: the lock is what counts.
        if let Err(error) = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())) {
            tracing::warn!(%error, "the process number could not be written into the lock file");
        }
        Ok(Self { path: path.to_owned(), lock })
    }

    /// Where the database is or will be.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }

    /// Looks at what stands where the database should be, without changing a byte of it.
    ///
    /// # Errors
    /// When it is not ours, is newer than `known`, or cannot be read.
    pub(super) fn inspect(&self, known: usize) -> Result<Found, OpenError> {
        let path = self.database();
        let log_bytes = match fs::metadata(beside(&path, "-wal")) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(source) => return Err(OpenError::Read { path, source }),
        };
        let header = match read_header(&path) {
            Ok(header) => header,
            Err(source) => return Err(OpenError::Read { path, source }),
        };
        if header.is_empty() {
            // A log without its database would be taken for the log of the new one.
            return if log_bytes == 0 { Ok(Found::Nothing) } else { Err(OpenError::Lost { path }) };
        }
        let number = |at: usize| header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes);
        let ours = header.starts_with(SQLITE_MAGIC) && number(APPLICATION_ID_AT) == Some(migration::APPLICATION_ID);
        let Some(mut version) = number(USER_VERSION_AT).filter(|_| ours) else {
            return Err(OpenError::Foreign { path });
        };
        if log_bytes > 0 && usize::try_from(version).is_ok_and(|version| version <= known) {
            // After a crash the log may know a newer version than the file.
            version = version_with_log(&path).map_err(|source| OpenError::Sqlite { path: path.clone(), source })?;
        }
        match usize::try_from(version) {
            Ok(found) if found > known => Err(OpenError::Newer { path, found, known }),
            Ok(found) if found > 0 => Ok(Found::Version(found)),
            _ => Err(OpenError::Foreign { path }),
        }
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        // Closing the file would do, were it not for a child process that was forked a moment ago and
        // holds the same file until it executes its own program.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the data folder could not be unlocked");
        }
    }
}

/// The file beside a database that SQLite names with a suffix.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// The first bytes of a file; none when there is no file or nothing in it.
fn read_header(path: &Path) -> io::Result<Vec<u8>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut header = Vec::with_capacity(HEADER_BYTES);
    file.take(HEADER_BYTES as u64).read_to_end(&mut header)?;
    Ok(header)
}

fn version_with_log(path: &Path) -> rusqlite::Result<i32> {
    Opener { path: path.to_owned(), cache_bytes: 0 }
        .reader()?
        .pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Makes what happened to the names in a file's folder survive a loss of power.
///
/// # Errors
/// What the operating system says.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        None => Ok(()),
        Some(here) if here.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
    }
}
