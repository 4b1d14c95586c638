//! The writer by itself: how it groups, and what it leaves on the disk when a commit fails.

use std::{fs, io::Write, sync::Arc};

use rusqlite::ffi;
use tokio::sync::Semaphore;

use super::{Fixture, large, post, refused_for, store_with_one_event, stored_nonces, topic};
use crate::store::{
    Appended, Events, NewEvent, Outcomes, Page, Store, StoreError,
    sqlite::{
        connection::Opener,
        fold::Folder,
        folder::{DATABASE_FILE, DataFolder, beside},
        log::Append,
        nonce::{Keyring, Known},
        operation::{AnswerReceiver, Work, request},
        recent::{Bounds, Recent},
        writer::{Failed, Waiting, Writer, WriterMessage},
    },
};

pub(super) fn append(recent: &Arc<Recent>, nonce: &str) -> (Box<dyn Work>, AnswerReceiver<Outcomes>) {
    request(Append { room: 1, events: large(nonce).into(), recent: recent.clone() }, None)
}

pub(super) fn recent() -> Arc<Recent> {
    recent_with(Keyring::new([7; 16]))
}

fn recent_with(keyring: Keyring) -> Arc<Recent> {
    Arc::new(Recent::new(Bounds { events: 1_000, bytes: 1_000_000 }, Arc::new(Known::new(1_024, keyring))))
}

/// The folder of a store that is closed, and how its database is opened.
fn locked(fixture: &Fixture) -> (DataFolder, Opener) {
    let folder = DataFolder::lock(&fixture.options().folder).expect("locked");
    let to_write = Opener { path: folder.database(), cache_bytes: 1 << 20 };
    (folder, to_write)
}

/// What two requests, one after the other, get of a writer whose connection can only read: what SQLite gives when the
/// file could only be read at that moment.
fn beside_a_file_that_cannot_be_written(
    fixture: &Fixture,
    events: [Vec<NewEvent>; 2],
) -> [Result<Outcomes, StoreError>; 2] {
    let (folder, to_write) = locked(fixture);
    let connection = to_write.reader().expect("opened");
    let (recent, (outlet, inbox)) = (recent(), tokio::sync::mpsc::channel(10));
    let mut answers = events.map(|events| {
        let (work, answer) = request(Append { room: 1, events: events.into(), recent: recent.clone() }, None);
        outlet.try_send(WriterMessage::Work(vec![waiting(work)])).expect("space");
        answer
    });
    drop(outlet);
    Writer::new(folder, to_write, connection, recent, inbox, 1).run();
    answers.each_mut().map(|answer| answer.try_recv().expect("answered"))
}

pub(super) fn waiting(work: Box<dyn Work>) -> Waiting {
    let places = Arc::new(Semaphore::new(1));
    Waiting { work, _place: places.try_acquire_owned().expect("a place") }
}

#[test]
fn a_commit_takes_what_waits_up_to_its_limit() {
    let fixture = Fixture::new();
    fixture.close(&fixture.open());
    let (folder, to_write) = locked(&fixture);
    let connection = to_write.writer().expect("opened");
    let (outlet, inbox) = tokio::sync::mpsc::channel(10);
    let mut answers = Vec::new();
    for (number, events) in [4, 4, 4, 12, 1].into_iter().enumerate() {
        let events = (0..events).map(|n| post(1, &format!("{number}-{n}"), 1, "x")).collect::<Vec<_>>().into();
        let (work, answer) = request(Append { room: 1, events, recent: recent() }, None);
        answers.push(answer);
        outlet.try_send(WriterMessage::Work(vec![waiting(work)])).expect("space");
    }
    drop(outlet);
    let mut writer = Writer::new(folder, to_write, connection, recent(), inbox, 10);
    let groups = std::iter::from_fn(|| writer.next_group());
    let sizes: Vec<Vec<usize>> = groups.map(|group| group.iter().map(|work| work.events()).collect()).collect();
    assert_eq!(sizes, [vec![4, 4], vec![4], vec![12], vec![1]], "only what is too large by itself exceeds it");
}

#[test]
fn what_was_committed_before_there_was_anything_to_fold_is_no_debt() {
    let fixture = Fixture::new();
    fixture.close(&store_with_one_event(&fixture));
    let (_folder, to_write) = locked(&fixture);
    let mut connection = to_write.writer().expect("opened");
    let (recent, mut slices) = (recent(), Vec::new());
    let mut folder = Folder::new(recent.clone());
    for seq in 2..1_000 {
        let event = post(1, &format!("n{seq}"), 1, "x");
        recent.stage(1, seq, recent.key(1, &event), Arc::new(event));
        recent.settle(1);
        let before = recent.events();
        folder.after_commit(&mut connection, 1);
        slices.push(before - recent.events());
    }
    slices.retain(|events| *events > 0);
    assert!(slices.len() > 100, "half of the journal is kept at most: {slices:?}");
    assert!(slices.iter().all(|events| *events <= 4), "two commits, and twice as much: {slices:?}");
}

#[test]
fn a_connection_that_cannot_write_is_replaced() {
    let fixture = Fixture::new();
    fixture.close(&store_with_one_event(&fixture));
    let [first, second] = beside_a_file_that_cannot_be_written(&fixture, ["first", "second"].map(large));
    assert!(refused_for("readonly", &first));
    assert_eq!(second.expect("stored")[0].seq, 2);
}

#[test]
fn what_was_refused_in_the_middle_was_never_there() {
    let fixture = Fixture::new();
    fixture.close(&store_with_one_event(&fixture));
    // A topic is written at once, so that it fails when its event is staged already.
    let change = || vec![topic(1, "topic", 20, "tea")];
    let [first, again] = beside_a_file_that_cannot_be_written(&fixture, [change(), change()]);
    assert!(refused_for("readonly", &first));
    let stored = Appended { seq: 2, at: 20, duplicate: false };
    assert_eq!(*again.expect("stored"), [stored], "the first left nothing");
    let store = fixture.open();
    let rooms = fixture.wait(store.list_rooms(None, 10)).expect("listed");
    assert_eq!(rooms[0].topic, "tea");
    fixture.close(&store);
}

#[test]
fn what_was_sent_before_is_not_kept_with_what_is_new() {
    let fixture = Fixture::new();
    fixture.close(&store_with_one_event(&fixture));
    let (folder, to_write) = locked(&fixture);
    let connection = to_write.writer().expect("opened");
    let (_outlet, inbox) = tokio::sync::mpsc::channel(1);
    let recent = recent_with(Keyring::of(&connection).expect("there"));
    let mut writer = Writer::new(folder, to_write, connection, recent.clone(), inbox, 1);
    let again = || large("before").remove(0);
    let events = vec![again(), post(1, "one", 20, "x"), again(), post(1, "two", 21, "y"), again()];
    let events = Events::from(events);
    let lives: Vec<_> = events.iter().map(Arc::downgrade).collect();
    let (work, _answer) = request(Append { room: 1, events, recent: recent.clone() }, None);
    assert!(writer.transact(&mut [work]).is_ok());
    let are_held: Vec<_> = lives.iter().map(|event| event.upgrade().is_some()).collect();
    assert_eq!(are_held, [false, true, false, true, false], "three large texts that no limit counts");
    let end = recent.end(1, Page::After(0), 10).expect("two are there");
    let texts: Vec<_> = end.events.iter().map(|held| (held.seq, held.event().nonce.as_str())).collect();
    assert_eq!(texts, [(2, "one"), (3, "two")]);
}

#[test]
fn a_commit_in_doubt_is_overwritten_before_it_is_refused() {
    let fixture = Fixture::new();
    fixture.close(&store_with_one_event(&fixture));
    let (folder, to_write) = locked(&fixture);
    let connection = to_write.writer().expect("opened");
    let index = beside(&fixture.options().folder.join(DATABASE_FILE), "-shm");
    let (_outlet, inbox) = tokio::sync::mpsc::channel(1);
    let recent = recent();
    let mut writer = Writer::new(folder, to_write, connection, recent.clone(), inbox, 1);
    let commit = |writer: &mut Writer, nonce| writer.transact(&mut [append(&recent, nonce).0]).is_ok();
    assert!(commit(&mut writer, "stored"));

    // A failed sync leaves a whole commit in the log, of which the log's index knows nothing.
    let index_before = fs::read(&index).expect("read");
    assert!(writer.write(&mut [append(&recent, "doubt").0]).is_ok() && recent.discard());
    fs::OpenOptions::new().write(true).open(&index).expect("opened").write_all(&index_before).expect("written");
    let nonces_after_a_crash = || {
        let crashed = fixture.crash_image();
        let store = crashed.open();
        let nonces = stored_nonces(&crashed, &store);
        crashed.close(&store);
        nonces
    };
    assert_eq!(nonces_after_a_crash(), ["before", "stored", "doubt"], "this is the danger");

    let error = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), None);
    assert!(writer.is_settled(&Failed { error, in_doubt: true }));
    assert_eq!(nonces_after_a_crash(), ["before", "stored"]);
    assert!(commit(&mut writer, "after"));
    assert_eq!(nonces_after_a_crash(), ["before", "stored", "after"]);
}
