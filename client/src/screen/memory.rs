//! What is remembered from one time to the next: server, nick, token, rooms, and how far they were read.
//!
//! One TOML file of mode 0600 in the user's state folder. Several clients at once keep each other's
//! profiles: a change is read, merged and written under a lock, and replaces the file in one step.
//! A client holds the lock of its own profile while it runs, so that a second one does not take its session.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use hubbub_protocol::id::Seq;
use serde::{Deserialize, Serialize};

/// The most profiles that are kept; the ones not used for longest go.
const PROFILES_MAX: usize = 32;

/// How far a room was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoomMemory {
    /// Its name.
    pub(crate) name: String,
    /// The log's name, if it was ever joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) epoch: Option<String>,
    /// The last event that was read.
    #[serde(default)]
    pub(crate) read: Seq,
}

/// One nick on one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The server's address.
    pub(crate) server: String,
    /// The nick.
    pub(crate) nick: String,
    /// The secret that goes on with the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// The room in front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) active: Option<String>,
    /// The rooms in their order.
    #[serde(default, rename = "room")]
    pub(crate) rooms: Vec<RoomMemory>,
}

impl Profile {
    /// Whether it is of this nick on this server.
    pub(crate) fn is(&self, server: &str, nick: &str) -> bool {
        self.server == server && self.nick == nick
    }

    /// Whether it is of the same session: the nick may have changed meanwhile.
    fn is_same_session(&self, other: &Self) -> bool {
        self.server == other.server && self.token.is_some() && self.token == other.token
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Contents {
    /// The profiles, last used first.
    #[serde(default, rename = "profile")]
    profiles: Vec<Profile>,
}

/// Why something could not be remembered or recalled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MemoryError {
    /// The user has no home.
    #[error("there is no folder to remember things in: {0}")]
    NoHome(String),
    /// The file or its folder.
    #[error("{}: {error}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What.
        error: io::Error,
    },
    /// What the file holds.
    #[error("{} cannot be read, and is left as it is: {message}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What.
        message: String,
    },
}

/// Held while a client runs as one nick on one server.
#[derive(Debug)]
pub(crate) struct Claim {
    server: String,
    nick: String,
    /// The lock goes when it is closed, whatever ends the process.
    _file: File,
}

impl Claim {
    /// Whether it is of this nick on this server.
    pub(crate) fn is(&self, server: &str, nick: &str) -> bool {
        self.server == server && self.nick == nick
    }
}

/// The folder with the file in it.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    folder: PathBuf,
}

impl Memory {
    /// The memory in the user's state folder.
    ///
    /// # Errors
    /// When the system names none.
    pub(crate) fn of_user() -> Result<Self, MemoryError> {
        use etcetera::BaseStrategy;
        let base = etcetera::base_strategy::choose_native_strategy()
            .map_err(|error| MemoryError::NoHome(error.to_string()))?;
        Ok(Self::at(base.state_dir().unwrap_or_else(|| base.data_dir()).join("hubbub")))
    }

    /// The memory in a folder, which need not exist.
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The profiles, last used first.
    ///
    /// # Errors
    /// When there is a file that cannot be read.
    pub(crate) fn profiles(&self) -> Result<Vec<Profile>, MemoryError> {
        Ok(self.read()?.profiles)
    }

    /// Claims a nick on a server for this process; `None`: another one has it.
    ///
    /// # Errors
    /// When the lock cannot be made.
    pub(crate) fn claim(&self, server: &str, nick: &str) -> Result<Option<Claim>, MemoryError> {
        self.make_folder()?;
        let name: String = format!("{server} {nick}").bytes().map(|byte| format!("{byte:02x}")).collect();
        // names are at most 255 bytes long; the rare long address shares its lock with its like
        let path = self.folder.join(format!("in-use-{}", &name[..name.len().min(200)]));
        let file = self.open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Claim { server: server.to_owned(), nick: nick.to_owned(), _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(MemoryError::File { path, error }),
        }
    }

    /// Remembers a profile as the last used one; the others stay as they are.
    ///
    /// # Errors
    /// When the file cannot be read or replaced. What was there before is there still.
    pub(crate) fn remember(&self, profile: &Profile) -> Result<(), MemoryError> {
        self.make_folder()?;
        let lock_path = self.folder.join("lock");
        let lock = self.open(&lock_path)?;
        lock.lock().map_err(|error| MemoryError::File { path: lock_path, error })?;
        let mut contents = self.read()?;
        contents.profiles.retain(|known| !known.is(&profile.server, &profile.nick) && !known.is_same_session(profile));
        contents.profiles.insert(0, profile.clone());
        contents.profiles.truncate(PROFILES_MAX);
        let path = self.path();
        let text = toml::to_string(&contents)
            .map_err(|error| MemoryError::Unreadable { path: path.clone(), message: error.to_string() })?;
        self.replace(&path, &text).map_err(|error| MemoryError::File { path, error })
    }

    fn path(&self) -> PathBuf {
        self.folder.join("memory.toml")
    }

    fn read(&self) -> Result<Contents, MemoryError> {
        let path = self.path();
        let mut text = String::new();
        match File::open(&path).and_then(|mut file| file.read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::default()),
            Err(error) => return Err(MemoryError::File { path, error }),
        }
        toml::from_str(&text).map_err(|error| MemoryError::Unreadable { path, message: error.message().to_owned() })
    }

    fn make_folder(&self) -> Result<(), MemoryError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder).map_err(|error| MemoryError::File { path: self.folder.clone(), error })
    }

    fn open(&self, path: &Path) -> Result<File, MemoryError> {
        private().truncate(false).open(path).map_err(|error| MemoryError::File { path: path.to_owned(), error })
    }

    /// Writes beside the file, then puts it in its place: who reads sees the old or the new, never a half.
    fn replace(&self, path: &Path, text: &str) -> io::Result<()> {
        let beside = self.folder.join("memory.toml.new");
        let mut file = private().truncate(true).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    }
}

/// How files are opened that nobody else may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(server: &str, nick: &str) -> Profile {
        Profile {
            server: server.to_owned(),
            nick: nick.to_owned(),
            token: Some(format!("secret of {nick}")),
            active: Some("lobby".to_owned()),
            rooms: vec![RoomMemory { name: "lobby".to_owned(), epoch: Some("e".to_owned()), read: 7 }],
        }
    }

    #[test]
    fn what_is_remembered_comes_back_last_used_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::at(folder.path().join("deep/hubbub"));
        assert_eq!(memory.profiles().expect("no file is no error"), []);
        for nick in ["ana", "bo", "ana"] {
            memory.remember(&profile("ws://a:1", nick)).expect("is remembered");
        }
        let profiles = memory.profiles().expect("can be read");
        assert_eq!(profiles, [profile("ws://a:1", "ana"), profile("ws://a:1", "bo")]);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_token() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::at(folder.path().join("hubbub"));
        memory.remember(&profile("ws://a:1", "ana")).expect("is remembered");
        let mode = |path: &Path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
        assert_eq!(mode(&memory.path()), 0o600);
        assert_eq!(mode(&memory.folder), 0o700);
    }

    #[test]
    fn a_session_under_another_nick_is_remembered_under_that_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::at(folder.path().to_owned());
        let ana = profile("ws://a:1", "ana");
        memory.remember(&ana).expect("is remembered");
        let renamed = Profile { nick: "anna".to_owned(), ..ana };
        memory.remember(&renamed).expect("is remembered");
        assert_eq!(memory.profiles().expect("can be read"), [renamed]);
    }

    #[test]
    fn clients_that_write_at_once_keep_each_other_s_profiles() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::at(folder.path().to_owned());
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let memory = memory.clone();
                scope.spawn(move || {
                    for _ in 0..8 {
                        memory.remember(&profile("ws://a:1", &format!("n{writer}"))).expect("is remembered");
                    }
                });
            }
        });
        assert_eq!(memory.profiles().expect("can be read").len(), 4);
    }

    #[test]
    fn a_nick_in_use_by_another_client_cannot_be_claimed() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::at(folder.path().to_owned());
        let claim = memory.claim("ws://a:1", "ana").expect("no fault");
        assert!(claim.is_some());
        assert!(memory.claim("ws://a:1", "ana").expect("no fault").is_none());
        assert!(memory.claim("ws://a:1", "bo").expect("no fault").is_some());
        drop(claim);
        assert!(memory.claim("ws://a:1", "ana").expect("no fault").is_some());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::at(folder.path().to_owned());
        fs::write(memory.path(), "profile = 3").expect("is written");
        assert!(matches!(memory.remember(&profile("a", "b")), Err(MemoryError::Unreadable { .. })));
        assert_eq!(fs::read_to_string(memory.path()).expect("is there"), "profile = 3");
    }
}
