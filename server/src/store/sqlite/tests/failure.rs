//! A full disk, a failing one, a stuck lock, full queues: what is refused, and that it mends itself.

use futures_util::{FutureExt, future::join_all};
use rusqlite::Connection;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{
    Fixture, LARGE_BYTES, block, child, large, name, post, refused_for, store_with_one_event, stored_nonces,
    unavailable, with_one_event,
};
use crate::{
    limits::Limits,
    store::{
        Appended, Store, StoreError,
        sqlite::{
            Options, SqliteStore,
            folder::{DATABASE_FILE, beside},
            operation::{Failure, Operation},
        },
    },
};

/// Runs a statement on the connection of the thread that gets it.
struct Statement(String);

impl Operation for Statement {
    type Answer = ();

    fn run(&self, connection: &Connection) -> Result<(), Failure> {
        Ok(connection.execute_batch(&self.0)?)
    }
}

/// What must hold while nothing can be written and after: called with what lets it be written again.
fn check_refusal_and_recovery(fixture: &Fixture, store: &SqliteStore, reason: &str, mend: impl FnOnce()) {
    let room = fixture.room(store, "lobby");
    for round in 0..3 {
        let mut appends: Vec<_> =
            (0..5).map(|n| store.append(room, large(&format!("refused-{round}-{n}")).into())).collect();
        appends.insert(2, store.append(room, vec![post(1, "before", 99, "")].into()));
        let mut appends = fixture.in_one_commit(store, appends);
        let repeat = appends.remove(2);
        assert_eq!(
            repeat,
            Ok(smallvec::smallvec![Appended { seq: 1, at: 10, duplicate: true }]),
            "a repeat needs no space"
        );
        assert!(appends.iter().all(|append| refused_for(reason, append)), "{appends:?}");
        assert_eq!(fixture.room(store, "LOBBY"), room, "a room that is there is opened");
        assert_eq!(stored_nonces(fixture, store), ["before"], "nothing of what was refused is there");
    }
    mend();
    let crashed = fixture.crash_image();
    let after_crash = crashed.open();
    assert_eq!(stored_nonces(&crashed, &after_crash), ["before"], "nor would a crash now bring it back");
    crashed.close(&after_crash);
    let seqs = ["refused-1-3", "after"]
        .map(|nonce| fixture.wait(store.append(room, large(nonce).into())).expect("stored")[0].seq);
    assert_eq!(seqs, [2, 3]);
    assert_eq!(stored_nonces(fixture, store), ["before", "refused-1-3", "after"]);
    fixture.close(store);
    let store = fixture.open();
    assert_eq!(stored_nonces(fixture, &store), ["before", "refused-1-3", "after"]);
    fixture.close(&store);
}

#[test]
fn a_full_database_refuses_posts_reads_on_and_recovers() {
    // With the smallest journal the tables have to be written before anything can be committed.
    for journal_events_max in [Options::new("", &Limits::default()).journal_events_max, 2] {
        let fixture = Fixture::new();
        let options = Options { journal_events_max, ..fixture.options() };
        let store = with_one_event(&fixture, SqliteStore::open(&options).expect("opened"));
        let write = |sql: &str| fixture.wait(store.write(Statement(sql.to_owned()))).expect("done");
        // One page is the least: SQLite takes the present size instead.
        write("PRAGMA max_page_count = 1");
        check_refusal_and_recovery(&fixture, &store, "full", || write("PRAGMA max_page_count = 1000000"));
    }
}

#[test]
fn files_that_cannot_grow_refuse_posts_and_recover() {
    let fixture = Fixture::new();
    // The limit is the whole process's, so it is a process of its own that meets it.
    let output = child("store::sqlite::tests::failure::child_whose_files_cannot_grow", fixture.folder.path())
        .output()
        .expect("the child runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "the child of files_that_cannot_grow_refuse_posts_and_recover"]
fn child_whose_files_cannot_grow() {
    let fixture = Fixture::in_child();
    assert!(fixture.folder.is_parents(), "only its parent can start it: the limit's signal must be ignored");
    let store = store_with_one_event(&fixture);
    let log = beside(&fixture.options().folder.join(DATABASE_FILE), "-wal");
    let present = std::fs::metadata(log).expect("there").len();
    let usual = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(present), ..usual }).expect("limited");
    assert!(unavailable(&fixture.wait(store.probe())));
    check_refusal_and_recovery(&fixture, &store, "I/O", || {
        setrlimit(Resource::Fsize, usual).expect("lifted");
    });
}

#[test]
fn another_programs_lock_refuses_posts_until_it_is_gone() {
    let fixture = Fixture::new();
    let store = store_with_one_event(&fixture);
    let room = fixture.room(&store, "lobby");
    let other = Connection::open(fixture.options().folder.join(DATABASE_FILE)).expect("opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    assert!(unavailable(&fixture.wait(store.append(room, large("refused").into()))));
    assert_eq!(stored_nonces(&fixture, &store), ["before"]);
    other.execute_batch("ROLLBACK").expect("unlocked");
    assert!(fixture.wait(store.append(room, large("stored").into())).is_ok());
    drop(other);
    fixture.close(&store);
}

#[test]
fn appends_wait_when_the_writers_inbox_is_full() {
    let fixture = Fixture::new();
    let store = SqliteStore::open(&Options { writer_inbox_max: 2, ..fixture.options() }).expect("opened");
    let room = fixture.room(&store, "lobby");
    let (block, has_begun, end) = block();
    let mut blocked = store.write(block);
    assert!((&mut blocked).now_or_never().is_none());
    has_begun.recv().expect("the writer is busy");
    let mut appends = join_all((0..50).map(|n| store.append(room, vec![post(1, &n.to_string(), 1, "x")].into())));
    assert!((&mut appends).now_or_never().is_none(), "they wait");
    end.send(()).expect("the writer listens");
    let results = fixture.wait(appends);
    assert!(results.iter().all(Result::is_ok), "none was refused");
    fixture.wait(blocked).expect("done");
    fixture.close(&store);
}

#[test]
fn reads_are_refused_at_once_when_the_readers_inbox_is_full() {
    let fixture = Fixture::new();
    let options = Options { readers: 1, reader_inbox_max: 1, ..fixture.options() };
    let store = SqliteStore::open(&options).expect("opened");
    let (block, has_begun, end) = block();
    let blocked = store.read(block);
    has_begun.recv().expect("the reader is busy");
    let waits = store.list_rooms(None, 1);
    let refused = store.list_rooms(None, 1);
    assert_eq!(refused.now_or_never(), Some(Err(StoreError::Overloaded)));
    assert!(fixture.wait(store.open_room(name("lobby"), 1, 9)).is_ok(), "writing goes on");
    end.send(()).expect("the reader listens");
    fixture.wait(blocked).expect("done");
    assert_eq!(fixture.wait(waits).expect("listed").len(), 1);
    fixture.close(&store);
}

#[test]
fn the_write_ahead_log_stays_short_under_load() {
    // It is begun anew at 16,000 pages; what is committed until that succeeds comes on top.
    const LOG_BYTES_MAX: u64 = 20_000 * 4_120;
    let fixture = Fixture::new();
    let store = fixture.open();
    let room = fixture.room(&store, "lobby");
    let log = beside(&fixture.options().folder.join(DATABASE_FILE), "-wal");
    let mut written = 0;
    for n in 0..2_000 {
        let appends = (0..20).map(|m| store.append(room, large(&format!("{n}-{m}")).into()));
        assert!(fixture.wait(join_all(appends)).iter().all(Result::is_ok));
        let bytes = std::fs::metadata(&log).expect("there").len();
        assert!(bytes < LOG_BYTES_MAX, "{bytes} after {n}");
        written += 20 * LARGE_BYTES as u64;
        if written > 3 * LOG_BYTES_MAX {
            break;
        }
    }
    assert!(written > 3 * LOG_BYTES_MAX, "the log would have become three times as long");
    fixture.close(&store);
    assert!(!log.exists(), "the last one out empties it");
}
