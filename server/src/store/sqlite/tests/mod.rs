//! The promises of the store, each as a test.

mod courier;
mod failure;
mod kill;
mod log;
mod model;
mod opening;
mod session;
mod writer;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, mpsc},
};

use futures_util::{FutureExt, future::join_all};
use hubbub_protocol::{
    NameKey, Nick, RoomName,
    event::PostKind,
    id::{Nonce, UnixMs, UserId},
};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{
    Options, SqliteStore,
    operation::{Failure, Operation},
};
use crate::{
    limits::Limits,
    store::{EventBody, NewEvent, Page, RoomId, Store, StoreError, StoreFuture},
};

/// Where a child finds its parent's folder.
const CHILD_FOLDER: &str = "HUBBUB_STORE_TEST_FOLDER";

/// A folder for a store.
enum Folder {
    /// Goes away with the test.
    Own(TempDir),
    /// A child's: it belongs to its parent.
    Parents(PathBuf),
}

impl Folder {
    fn is_parents(&self) -> bool {
        matches!(self, Self::Parents(_))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Own(folder) => folder.path(),
            Self::Parents(folder) => folder,
        }
    }
}

/// What a store needs around it.
struct Fixture {
    runtime: Runtime,
    folder: Folder,
}

/// This test binary once more, to run one ignored test on a folder. A write beyond a limit on files'
/// sizes fails there instead of killing the process.
fn child(test: &str, folder: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().expect("this binary"))
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(CHILD_FOLDER, folder);
    command
}

impl Fixture {
    fn new() -> Self {
        Self::on(Folder::Own(tempfile::tempdir().expect("a folder")))
    }

    /// On the parent's folder; on one of its own when there is no parent.
    fn in_child() -> Self {
        std::env::var_os(CHILD_FOLDER).map_or_else(Self::new, |folder| Self::on(Folder::Parents(folder.into())))
    }

    fn on(folder: Folder) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Self { runtime, folder }
    }

    /// The files as a crash would leave them now, the store being open.
    fn crash_image(&self) -> Self {
        let image = Self::new();
        std::fs::create_dir(image.options().folder).expect("made");
        for file in std::fs::read_dir(self.options().folder).expect("a folder") {
            let file = file.expect("an entry");
            std::fs::copy(file.path(), image.options().folder.join(file.file_name())).expect("copied");
        }
        image
    }

    fn options(&self) -> Options {
        Options::new(self.folder.path().join("data"), &Limits::default())
    }

    fn open(&self) -> Arc<SqliteStore> {
        SqliteStore::open(&self.options()).expect("the store opens")
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Has the writer meet all these at once, so that one transaction does them.
    fn in_one_commit<T>(&self, store: &SqliteStore, requests: Vec<StoreFuture<T>>) -> Vec<Result<T, StoreError>> {
        let (block, has_begun, end) = block();
        let mut blocked = store.write(block);
        assert!((&mut blocked).now_or_never().is_none());
        has_begun.recv().expect("the writer is busy");
        let mut answers = join_all(requests);
        assert!((&mut answers).now_or_never().is_none());
        end.send(()).expect("the writer listens");
        self.wait(blocked).expect("done");
        self.wait(answers)
    }

    fn close(&self, store: &SqliteStore) {
        self.wait(store.close()).expect("the store closes");
    }

    fn room(&self, store: &SqliteStore, room: &str) -> RoomId {
        self.wait(store.open_room(name(room), 1, 100)).expect("the room opens").id
    }
}

/// Says that a thread is busy with it, and keeps it so until told.
struct Block {
    began: mpsc::SyncSender<()>,
    until: Mutex<mpsc::Receiver<()>>,
}

impl Operation for Block {
    type Answer = ();

    fn run(&self, _: &Connection) -> Result<(), Failure> {
        self.began.send(()).expect("the test waits");
        self.until.lock().expect("only here").recv().expect("the test ends it");
        Ok(())
    }
}

fn block() -> (Block, mpsc::Receiver<()>, mpsc::SyncSender<()>) {
    let (began, has_begun) = mpsc::sync_channel(1);
    let (end, until) = mpsc::sync_channel(1);
    (Block { began, until: until.into() }, has_begun, end)
}

fn name(text: &str) -> RoomName {
    RoomName::parse(text).expect("a room name")
}

fn nick(text: &str) -> Nick {
    Nick::parse(text).expect("a nick")
}

fn post(user: UserId, nonce: &str, at: UnixMs, text: &str) -> NewEvent {
    let body = EventBody::Post { kind: PostKind::Text, text: text.to_owned() };
    NewEvent { at, user, nick: nick("ana"), nonce: Nonce::parse(nonce).expect("a nonce"), body }
}

fn topic(user: UserId, nonce: &str, at: UnixMs, topic: &str) -> NewEvent {
    NewEvent { body: EventBody::Topic { topic: topic.to_owned() }, ..post(user, nonce, at, "") }
}

/// The text of a large post, in bytes.
const LARGE_BYTES: usize = 16_000;

/// Posts that need several new pages.
fn large(nonce: &str) -> Vec<NewEvent> {
    vec![post(1, nonce, 20, &"x".repeat(LARGE_BYTES))]
}

/// Refused because nothing could be written, and for this reason.
fn refused_for<T>(reason: &str, result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(text)) if text.contains(reason))
}

fn unavailable<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

fn store_with_one_event(fixture: &Fixture) -> Arc<SqliteStore> {
    with_one_event(fixture, fixture.open())
}

fn with_one_event(fixture: &Fixture, store: Arc<SqliteStore>) -> Arc<SqliteStore> {
    let room = fixture.room(&store, "lobby");
    fixture.wait(store.append(room, vec![post(1, "before", 10, "x")].into())).expect("appended");
    store
}

fn stored_nonces(fixture: &Fixture, store: &SqliteStore) -> Vec<String> {
    let page = fixture.wait(store.read_log(NameKey::of("lobby"), Page::After(0), 1_000, 1 << 30));
    let events = page.expect("reading goes on").expect("the room").events;
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq), "the log is dense");
    events.into_iter().map(|stored| stored.event.nonce.as_str().to_owned()).collect()
}
