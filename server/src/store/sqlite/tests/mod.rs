//! The promises of the store, each as a test.

mod log;
mod session;

use std::sync::Arc;

use hubbub_protocol::{
    Nick, RoomName,
    event::PostKind,
    id::{Nonce, UnixMs, UserId},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{Options, SqliteStore};
use crate::{
    limits::Limits,
    store::{EventBody, NewEvent, RoomId, Store},
};

/// A store in a folder of its own that goes away with it.
struct Fixture {
    runtime: Runtime,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Self { runtime, folder: tempfile::tempdir().expect("a folder") }
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

    fn close(&self, store: &SqliteStore) {
        self.wait(store.close()).expect("the store closes");
    }

    fn room(&self, store: &SqliteStore, room: &str) -> RoomId {
        self.wait(store.open_room(name(room), 1, 100)).expect("the room opens").id
    }
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
