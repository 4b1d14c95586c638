//! Rooms and their logs: order, repeats, pages.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use hubbub_protocol::{NameKey, event::PostKind, id::Seq};
use rusqlite::Connection;

use super::{Fixture, Options, SqliteStore, name, post, topic};
use crate::store::{Appended, EventBody, LogPage, NewEvent, Page, Store, StoreError, sqlite::folder::DATABASE_FILE};

/// Waits on a thread that has no runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn seqs(page: &LogPage) -> Vec<Seq> {
    page.events.iter().map(|event| event.seq).collect()
}

fn fresh(seq: Seq, at: u64) -> Appended {
    Appended { seq, at, duplicate: false }
}

fn repeat(seq: Seq, at: u64) -> Appended {
    Appended { seq, at, duplicate: true }
}

#[test]
fn what_was_appended_is_read_after_a_restart() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let room = fixture.room(&store, "Lobby");
    let action = EventBody::Post { kind: PostKind::Action, text: "waves ✋".to_owned() };
    let events = vec![
        post(1, "a", 10, "hi"),
        NewEvent { body: action, ..post(2, "a", 20, "") },
        topic(1, "b", 30, "tea"),
        post(1, "c", 30, ""),
    ];
    let appended = fixture.wait(store.append(room, events.clone().into())).expect("appended");
    assert_eq!(*appended, [fresh(1, 10), fresh(2, 20), fresh(3, 30), fresh(4, 30)]);
    let before = fixture.wait(store.read_log(NameKey::of("lobby"), Page::After(0), 10, 1_000)).expect("read");
    fixture.close(&store);

    let store = fixture.open();
    let page = fixture.wait(store.read_log(NameKey::of("LOBBY"), Page::After(0), 10, 1_000)).expect("read");
    assert_eq!(page, before);
    let page = page.expect("the room is there");
    assert_eq!((page.room.id, page.room.name.as_str(), page.room.topic.as_str()), (room, "Lobby", "tea"));
    assert_eq!((page.room.seq, page.room.at, page.more), (4, 30, false));
    assert_eq!(page.events.into_iter().map(|stored| stored.event).collect::<Vec<_>>(), events);
    fixture.close(&store);
}

#[test]
fn what_a_turn_of_a_thread_asks_for_is_one_commit() {
    const ROOMS: usize = 100;
    let fixture = Fixture::new();
    let store = fixture.open();
    let rooms: Vec<_> = (0..ROOMS).map(|number| fixture.room(&store, &format!("room-{number}"))).collect();
    let look = || store.look().expect("there is something to see");
    let before = look().commits;
    let appends = rooms.iter().map(|room| store.append(*room, vec![post(1, "a", 1, "x")].into()));
    let answers = fixture.wait(join_all(appends));
    assert!(answers.iter().all(|answer| *answer == Ok(smallvec::smallvec![fresh(1, 1)])), "{answers:?}");
    let after = look();
    assert_eq!((after.commits - before, after.last.map(|last| last.events)), (1, Some(ROOMS as u64)));
    fixture.close(&store);
}

#[test]
fn a_page_reaches_over_the_journal_and_the_tables() {
    let fixture = Fixture::new();
    let options = Options { journal_events_max: 8, ..fixture.options() };
    let store = SqliteStore::open(&options).expect("opened");
    let room = fixture.room(&store, "lobby");
    for n in 1..=20 {
        fixture.wait(store.append(room, vec![post(1, &n.to_string(), n, "x")].into())).expect("appended");
    }
    let page = |page, limit| {
        let read = fixture.wait(store.read_log(NameKey::of("lobby"), page, limit, 1_000));
        let read = read.expect("read").expect("the room");
        assert_eq!((read.room.seq, read.room.at), (20, 20));
        (seqs(&read), read.more)
    };
    for limit in 1..=20_u32 {
        let size = u64::from(limit);
        assert_eq!(page(Page::Before(Seq::MAX), limit), ((21 - size..=20).collect(), limit < 20));
        assert_eq!(page(Page::After(0), limit), ((1..=size).collect(), limit < 20));
        assert_eq!(page(Page::After(20 - size), limit), ((21 - size..=20).collect(), false));
    }
    let listed = fixture.wait(store.list_rooms(None, 10)).expect("listed");
    assert_eq!((listed[0].seq, listed[0].at), (20, 20));
    fixture.close(&store);
}

#[test]
fn a_reader_misses_nothing_while_the_journal_goes_into_the_tables() {
    const POSTS: u64 = 1_500;
    let fixture = Fixture::new();
    let options = Options { journal_events_max: 16, ..fixture.options() };
    let store = SqliteStore::open(&options).expect("opened");
    let room = fixture.room(&store, "lobby");
    let acknowledged = AtomicU64::new(0);
    let read = |page| {
        let before = acknowledged.load(Ordering::SeqCst);
        let read = block_on(store.read_log(NameKey::of("lobby"), page, 10, 1_000));
        let read = read.expect("read").expect("the room");
        (before, seqs(&read), read.room.seq)
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=POSTS {
                let append = store.append(room, vec![post(1, &n.to_string(), 1, "x")].into());
                let appended = block_on(append).expect("appended");
                acknowledged.store(appended[0].seq, Ordering::SeqCst);
            }
        });
        for reader in 0..2 {
            let (read, acknowledged) = (&read, &acknowledged);
            scope.spawn(move || {
                while acknowledged.load(Ordering::SeqCst) < POSTS {
                    let (before, newest, last) = read(Page::Before(Seq::MAX));
                    assert!(last >= before, "{before} was acknowledged, and the log ends with {last}");
                    assert_eq!(newest, (last.saturating_sub(9).max(1)..=last).collect::<Vec<_>>(), "reader {reader}");
                    let from = before.saturating_sub(12);
                    let (_, after, last) = read(Page::After(from));
                    assert_eq!(after, (from + 1..=last.min(from + 10)).collect::<Vec<_>>(), "reader {reader}");
                }
            });
        }
    });
    fixture.close(&store);
}

#[test]
fn a_room_has_one_log_whatever_the_case_of_its_name() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let open = |text| fixture.wait(store.open_room(name(text), 1, 100)).expect("opened");
    let first = open("Straße");
    assert_eq!(open("STRASSE"), first);
    assert_eq!(first.name.as_str(), "Straße");
    let other = open("strasse2");
    assert_ne!(other.id, first.id);
    assert_ne!(other.epoch, first.epoch);
    fixture.close(&store);
}

#[test]
fn appenders_to_several_rooms_at_once_get_dense_seqs_each() {
    const APPENDERS: u64 = 4;
    const ROUNDS: u64 = 50;
    let fixture = Fixture::new();
    let store = fixture.open();
    let rooms = ["a", "b", "c"].map(|room| (room, fixture.room(&store, room)));
    let mut tasks = Vec::new();
    for (_, room) in rooms {
        for user in 1..=APPENDERS {
            let store = store.clone();
            tasks.push(fixture.runtime.spawn(async move {
                let mut got = Vec::new();
                for round in 0..ROUNDS {
                    let events =
                        vec![post(user, &format!("{round}-1"), 1, "x"), post(user, &format!("{round}-2"), 1, "y")];
                    let appended = store.append(room, events.into()).await.expect("appended");
                    assert_eq!(appended[1].seq, appended[0].seq + 1, "one append is one stretch");
                    got.extend(appended.into_iter().map(|event| event.seq));
                }
                (room, got)
            }));
        }
    }
    let mut acknowledged: std::collections::BTreeMap<u64, Vec<Seq>> = std::collections::BTreeMap::new();
    for task in tasks {
        let (room, got) = fixture.wait(task).expect("the appender ends");
        assert!(got.is_sorted(), "an appender's own order is kept");
        acknowledged.entry(room).or_default().extend(got);
    }
    let all: Vec<Seq> = (1..=APPENDERS * ROUNDS * 2).collect();
    for (room, id) in rooms {
        let mut seqs_given = acknowledged.remove(&id).expect("acknowledged");
        seqs_given.sort_unstable();
        assert_eq!(seqs_given, all);
        let page = fixture.wait(store.read_log(NameKey::of(room), Page::After(0), 10_000, 1 << 20));
        assert_eq!(seqs(&page.expect("read").expect("the room")), all);
    }
    fixture.close(&store);
}

#[test]
fn a_repeat_gets_the_first_ones_seq_and_adds_nothing() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let room = fixture.room(&store, "lobby");
    let other_room = fixture.room(&store, "attic");
    let append = |events: Vec<NewEvent>| fixture.wait(store.append(room, events.into())).expect("appended");
    let in_one_request = append(vec![post(1, "a", 10, "one"), post(1, "a", 11, "two"), post(2, "a", 12, "three")]);
    assert_eq!(*in_one_request, [fresh(1, 10), repeat(1, 10), fresh(2, 12)]);
    assert_eq!(*append(vec![topic(1, "a", 20, "never"), post(1, "b", 21, "four")]), [repeat(1, 10), fresh(3, 21)]);
    let elsewhere = fixture.wait(store.append(other_room, vec![post(1, "a", 30, "x")].into())).expect("appended");
    assert_eq!(*elsewhere, [fresh(1, 30)]);
    fixture.close(&store);

    let store = fixture.open();
    assert_eq!(
        fixture.wait(store.append(room, vec![post(1, "a", 40, "again")].into())),
        Ok(smallvec::smallvec![repeat(1, 10)])
    );
    let page = fixture.wait(store.read_log(NameKey::of("lobby"), Page::After(0), 10, 1_000));
    let page = page.expect("read").expect("the room");
    assert_eq!((seqs(&page), page.room.topic.as_str(), page.room.at), (vec![1, 2, 3], "", 21));
    fixture.close(&store);
}

#[test]
fn a_repeat_within_one_commit_gets_the_first_ones_seq() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let room = fixture.room(&store, "lobby");
    let appends = (0..40).map(|_| store.append(room, vec![post(1, "same", 10, "x")].into())).collect();
    let mut firsts = 0;
    for appended in fixture.in_one_commit(&store, appends) {
        let appended = appended.expect("appended");
        assert_eq!((appended[0].seq, appended[0].at), (1, 10));
        firsts += usize::from(!appended[0].duplicate);
    }
    assert_eq!(firsts, 1);
    fixture.close(&store);
}

#[test]
fn a_log_is_read_in_pages_both_ways() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let room = fixture.room(&store, "lobby");
    let events: Vec<_> = (1..=10).map(|n| post(1, &n.to_string(), n, "four")).collect();
    fixture.wait(store.append(room, events.into())).expect("appended");
    let read = |page, limit, bytes_max| {
        let page = fixture.wait(store.read_log(NameKey::of("lobby"), page, limit, bytes_max));
        let page = page.expect("read").expect("the room");
        (seqs(&page), page.more)
    };
    assert_eq!(read(Page::After(0), 4, 1_000), (vec![1, 2, 3, 4], true));
    assert_eq!(read(Page::After(6), 4, 1_000), (vec![7, 8, 9, 10], false));
    assert_eq!(read(Page::After(10), 4, 1_000), (vec![], false));
    assert_eq!(read(Page::After(Seq::MAX), 4, 1_000), (vec![], false));
    assert_eq!(read(Page::Before(Seq::MAX), 4, 1_000), (vec![7, 8, 9, 10], true));
    assert_eq!(read(Page::Before(7), 3, 1_000), (vec![4, 5, 6], true));
    assert_eq!(read(Page::Before(4), 3, 1_000), (vec![1, 2, 3], false));
    assert_eq!(read(Page::Before(1), 3, 1_000), (vec![], false));
    assert_eq!(read(Page::After(0), 100, 8), (vec![1, 2], true), "eight bytes of text are two events");
    assert_eq!(read(Page::Before(11), 100, 8), (vec![9, 10], true));
    assert_eq!(read(Page::After(3), 100, 0), (vec![4], true), "at least one");
    assert_eq!(read(Page::After(9), 100, 0), (vec![10], false));
    let nowhere = fixture.wait(store.read_log(NameKey::of("attic"), Page::After(0), 4, 1_000));
    assert_eq!(nowhere, Ok(None));
    fixture.close(&store);
}

#[test]
fn no_more_rooms_than_allowed_are_created_but_those_there_are_opened() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let open = |text, rooms_max| fixture.wait(store.open_room(name(text), 1, rooms_max));
    assert!(open("a", 2).is_ok());
    assert!(open("b", 2).is_ok());
    assert_eq!(open("c", 2), Err(StoreError::RoomLimit));
    assert!(open("A", 2).is_ok());
    assert!(open("c", 3).is_ok());
    fixture.close(&store);
}

#[test]
fn rooms_are_listed_in_pages_by_key() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for room in ["Zoo", "attic", "Éte", "Lobby", "b2"] {
        fixture.room(&store, room);
    }
    let list = |after: Option<&str>, limit| {
        let rooms = fixture.wait(store.list_rooms(after.map(NameKey::of), limit)).expect("listed");
        rooms.into_iter().map(|room| room.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 3), ["attic", "b2", "Lobby"]);
    assert_eq!(list(Some("LOBBY"), 3), ["Zoo", "Éte"]);
    assert_eq!(list(Some("éte"), 3), [""; 0]);
    fixture.close(&store);
}

#[test]
fn one_bad_request_does_not_harm_those_in_the_same_commit() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let room = fixture.room(&store, "lobby");
    // A room that is not there is refused before anything is written; a number that SQLite cannot hold
    // fails in the middle, with an event before it already taken in.
    let append = |n: u64| match n % 3 {
        0 => store.append(999, vec![post(1, &n.to_string(), 1, "x")].into()),
        1 => store.append(room, vec![post(1, &format!("half-{n}"), 1, "x"), post(u64::MAX, "a", 1, "x")].into()),
        _ => store.append(room, vec![post(1, &n.to_string(), 1, "x")].into()),
    };
    let results = fixture.in_one_commit(&store, (0..30).map(append).collect());
    for (result, n) in results.into_iter().zip(0..) {
        assert_eq!(result.is_ok(), n % 3 == 2, "{result:?}");
    }
    let page = fixture.wait(store.read_log(NameKey::of("lobby"), Page::After(0), 100, 1_000));
    let page = page.expect("read").expect("the room");
    assert_eq!(seqs(&page), (1..=10).collect::<Vec<_>>());
    assert!(page.events.iter().all(|stored| !stored.event.nonce.as_str().starts_with("half")));
    fixture.close(&store);
}

#[test]
fn a_block_that_cannot_be_read_is_said_to_who_asks_for_it_and_to_nobody_else() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let rooms = ["sound", "broken"].map(|name| fixture.room(&store, name));
    for room in rooms {
        fixture.wait(store.append(room, vec![post(1, "a", 10, "x"), post(1, "b", 20, "y")].into())).expect("appended");
    }
    fixture.close(&store);
    let connection = Connection::open(fixture.options().folder.join(DATABASE_FILE)).expect("opened");
    connection.execute("UPDATE blocks SET events = '[[1, 10' WHERE room_id = ?1", [rooms[1]]).expect("broken");
    drop(connection);

    let store = fixture.open();
    let read = |room: &str| fixture.wait(store.read_log(NameKey::of(room), Page::After(0), 10, 1_000));
    let Err(StoreError::Corrupt(reason)) = read("broken") else { panic!("read what cannot be read") };
    assert!(reason.contains(&format!("a block of the events of room {}", rooms[1])), "{reason}");
    assert_eq!(read("sound").expect("read").expect("the room").events.len(), 2);
    // Whether it was sent before cannot be told; then nothing of the batch is stored, and others' posts are.
    let append = |room: usize, nonces: &[&str]| {
        let events: Vec<_> = nonces.iter().map(|nonce| post(1, nonce, 30, "z")).collect();
        store.append(rooms[room], events.into())
    };
    let answers = fixture.in_one_commit(&store, vec![append(0, &["c"]), append(1, &["c", "a"]), append(0, &["d"])]);
    assert_eq!(answers[0], Ok(smallvec::smallvec![fresh(3, 30)]));
    assert!(matches!(&answers[1], Err(StoreError::Corrupt(reason)) if reason.contains("a block of the events")));
    assert_eq!(answers[2], Ok(smallvec::smallvec![fresh(4, 30)]));
    // What is new goes on behind it.
    assert_eq!(fixture.wait(append(1, &["c"])), Ok(smallvec::smallvec![fresh(3, 30)]));
    fixture.close(&store);

    // A place that no log can have.
    let connection = Connection::open(fixture.options().folder.join(DATABASE_FILE)).expect("opened");
    connection
        .execute("UPDATE blocks SET last = ?2 WHERE room_id = ?1 AND last = 3", [rooms[1], 1 << 40])
        .expect("broken");
    drop(connection);
    let store = fixture.open();
    let next = fixture.wait(store.append(rooms[1], vec![post(1, "e", 40, "z")].into()));
    assert!(matches!(&next, Err(StoreError::Corrupt(reason)) if reason.contains("cannot have")), "{next:?}");
    fixture.close(&store);
}
