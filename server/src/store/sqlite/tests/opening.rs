//! What is opened, created, brought up to date and refused at the start.

use std::{collections::BTreeMap, fs, path::Path};

use hubbub_protocol::NameKey;
use rusqlite::{Connection, params};
use rusqlite_migration::M;

use super::{Fixture, post};
use crate::store::{
    EventBody, Page, Store,
    sqlite::{
        OpenError, Options, SqliteStore,
        folder::{DATABASE_FILE, LOCK_FILE, beside},
        migration::{self, schema},
    },
};

/// Every file in a folder, except the lock, with its bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let named = files.map(|file| (file.file_name().into_string().expect("a name"), file.path()));
    let ours = named.filter(|(name, _)| name != LOCK_FILE);
    ours.map(|(name, path)| (name, fs::read(path).expect("read"))).collect()
}

/// A store with one event, closed.
fn fixture_with_one_event() -> Fixture {
    let fixture = Fixture::new();
    let store = fixture.open();
    let room = fixture.room(&store, "lobby");
    fixture.wait(store.append(room, vec![post(1, "a", 10, "kept")].into())).expect("appended");
    fixture.close(&store);
    fixture
}

fn text_of_first_event(fixture: &Fixture, store: &SqliteStore) -> String {
    let page = fixture.wait(store.read_log(NameKey::of("lobby"), Page::After(0), 1, 100));
    format!("{:?}", page.expect("read").expect("the room").events.first().expect("an event").event.body)
}

#[test]
fn the_bundled_sqlite_is_one_without_the_wal_reset_bug() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let error = SqliteStore::open(&fixture.options()).expect_err("refused");
    assert!(matches!(&error, OpenError::InUse { process, .. } if *process == Some(std::process::id())));
    let sentence = error.to_string();
    assert!(sentence.contains(&format!("(process {})", std::process::id())) && sentence.contains("stop it first"));
    fixture.close(&store);
    fixture.close(&fixture.open());
}

#[test]
fn a_file_that_is_not_ours_is_left_as_it_is() {
    let of_another_program = |path: &Path| {
        let connection = Connection::open(path).expect("opened");
        connection
            .execute_batch("PRAGMA application_id = 7; CREATE TABLE t (x); PRAGMA user_version = 1")
            .expect("made");
    };
    let without_mark = |path: &Path| {
        Connection::open(path).expect("opened").execute_batch("CREATE TABLE t (x)").expect("made");
    };
    let text = |path: &Path| fs::write(path, "Dear diary").expect("written");
    let noise = |path: &Path| fs::write(path, [0_u8; 8192]).expect("written");
    let makers: [&dyn Fn(&Path); 4] = [&of_another_program, &without_mark, &text, &noise];
    for make in makers {
        let fixture = Fixture::new();
        let folder = fixture.options().folder;
        fs::create_dir(&folder).expect("made");
        make(&folder.join(DATABASE_FILE));
        let before = contents(&folder);
        let error = SqliteStore::open(&fixture.options()).expect_err("refused");
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
        assert!(error.to_string().contains("move it away"));
        assert_eq!(contents(&folder), before);
    }
}

#[test]
fn a_newer_servers_file_is_left_as_it_is() {
    let fixture = fixture_with_one_event();
    let folder = fixture.options().folder;
    let database = folder.join(DATABASE_FILE);
    Connection::open(&database).expect("opened").pragma_update(None, "user_version", 99).expect("set");
    let before = contents(&folder);
    let error = SqliteStore::open(&fixture.options()).expect_err("refused");
    assert!(matches!(error, OpenError::Newer { found: 99, known: 4, .. }), "{error}");
    assert!(error.to_string().contains("start that server"));
    assert_eq!(contents(&folder), before);
}

#[test]
fn a_newer_servers_file_is_known_by_its_log_alone_too() {
    let fixture = fixture_with_one_event();
    let folder = fixture.options().folder;
    let database = folder.join(DATABASE_FILE);
    let (database_before, log_before) = {
        let connection = Connection::open(&database).expect("opened");
        connection.pragma_update(None, "user_version", 99).expect("set");
        // As after a crash: the version is in the log and not in the file.
        (fs::read(&database).expect("read"), fs::read(beside(&database, "-wal")).expect("read"))
    };
    fs::write(&database, &database_before).expect("written");
    fs::write(beside(&database, "-wal"), &log_before).expect("written");
    let error = SqliteStore::open(&fixture.options()).expect_err("refused");
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
    assert_eq!(fs::read(&database).expect("read"), database_before);
    assert_eq!(fs::read(beside(&database, "-wal")).expect("read"), log_before);
}

#[test]
fn a_log_without_its_database_is_not_taken_for_a_new_ones() {
    let fixture = Fixture::new();
    let folder = fixture.options().folder;
    fs::create_dir(&folder).expect("made");
    fs::write(beside(&folder.join(DATABASE_FILE), "-wal"), "something").expect("written");
    let before = contents(&folder);
    let error = SqliteStore::open(&fixture.options()).expect_err("refused");
    assert!(matches!(error, OpenError::Lost { .. }), "{error}");
    assert_eq!(contents(&folder), before);
}

#[test]
fn a_creation_that_was_cut_off_is_begun_anew() {
    let fixture = Fixture::new();
    let folder = fixture.options().folder;
    fs::create_dir(&folder).expect("made");
    let draft = beside(&folder.join(DATABASE_FILE), ".new");
    fs::write(&draft, "half of a database").expect("written");
    fs::write(beside(&draft, "-journal"), "and its journal").expect("written");
    fixture.close(&fixture.open());
    assert_eq!(contents(&folder).into_keys().collect::<Vec<_>>(), [DATABASE_FILE]);
}

#[test]
fn the_files_as_a_crash_leaves_them_hold_everything_acknowledged() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let room = fixture.room(&store, "lobby");
    fixture.wait(store.append(room, vec![post(1, "a", 10, "kept")].into())).expect("appended");
    let crashed = fixture.crash_image();
    let after = crashed.open();
    assert!(text_of_first_event(&crashed, &after).contains("kept"));
    crashed.close(&after);
    fixture.close(&store);
}

#[test]
fn an_older_file_is_copied_and_brought_up_to_date() {
    let fixture = fixture_with_one_event();
    let folder = fixture.options().folder;
    let store = SqliteStore::open_with(&fixture.options(), &schema_5()).expect("opened");
    assert!(text_of_first_event(&fixture, &store).contains("kept"));
    fixture.close(&store);
    let copy = folder.join("hubbub.db.before-v5");
    assert_eq!(version(&copy), 4);
    assert_eq!(version(&folder.join(DATABASE_FILE)), 5);
    let kept: String = Connection::open(&copy)
        .expect("opened")
        .query_row("SELECT body FROM events", [], |row| row.get(0))
        .expect("there");
    assert_eq!(kept, "kept");

    // Nothing to do the next time, and the older server leaves the newer file alone.
    fixture.close(&SqliteStore::open_with(&fixture.options(), &schema_5()).expect("opened"));
    assert!(!folder.join("hubbub.db.before-v5.2").exists());
    assert!(matches!(SqliteStore::open(&fixture.options()), Err(OpenError::Newer { found: 5, known: 4, .. })));
}

#[test]
fn a_file_of_the_first_version_keeps_the_place_of_every_room() {
    let fixture = Fixture::new();
    let folder = fixture.options().folder;
    fs::create_dir(&folder).expect("made");
    migration::create(&folder.join(DATABASE_FILE), &schema()[..1]).expect("created");
    // What the first version wrote for two posts and a topic in one room, and for another that is empty.
    Connection::open(folder.join(DATABASE_FILE))
        .expect("opened")
        .execute_batch(
            "INSERT INTO rooms (id, name, name_key, epoch, topic, seq, at, created_at)
             VALUES (1, 'Lobby', 'lobby', 'e1', 'news', 3, 30, 5), (2, 'empty', 'empty', 'e2', '', 0, 0, 6);
             INSERT INTO events VALUES (1, 1, 10, 7, 'ana', 'n1', 0, 'kept'), (1, 2, 20, 7, 'ana', 'n2', 0, 'too'),
                                       (1, 3, 30, 7, 'ana', 'n3', 2, 'news');",
        )
        .expect("written");
    let store = fixture.open();
    let rooms = fixture.wait(store.list_rooms(None, 10)).expect("listed");
    let places: Vec<_> = rooms.iter().map(|room| (room.name.as_str(), room.seq, room.at, &*room.topic)).collect();
    assert_eq!(places, [("empty", 0, 0, ""), ("Lobby", 3, 30, "news")]);
    let again = fixture.wait(store.append(1, vec![post(7, "n2", 40, "too"), post(7, "n4", 40, "new")].into()));
    let seqs: Vec<_> = again.expect("appended").iter().map(|appended| (appended.seq, appended.duplicate)).collect();
    assert_eq!(seqs, [(2, true), (4, false)]);
    fixture.close(&store);
}

#[test]
fn a_row_for_each_event_becomes_blocks_and_every_nonce_stays_known() {
    const ROOMS: u64 = 3;
    const POSTS: u64 = 300;
    let fixture = Fixture::new();
    let database = fixture.options().folder.join(DATABASE_FILE);
    fs::create_dir(fixture.options().folder).expect("made");
    migration::create(&database, &schema()[..3]).expect("created");
    let connection = Connection::open(&database).expect("opened");
    for room in 1..=ROOMS {
        let name = format!("room-{room}");
        let insert = "INSERT INTO rooms (id, name, name_key, epoch, created_at) VALUES (?1, ?2, ?2, 'e', 5)";
        connection.execute(insert, params![room, name]).expect("written");
        for seq in 1..=POSTS {
            let insert = "INSERT INTO events VALUES (?1, ?2, ?2 * 10, 7, 'ana', 'n' || ?2, ?2 % 3, 'said ' || ?2)";
            connection.execute(insert, [room, seq]).expect("written");
        }
    }
    // And what stands only in the journal, besides what stands in both.
    let noted = r#"[[2,300,3000,7,"ana","n300",0,"said 300"],[2,301,3010,7,"ana","n301",0,"said 301"]]"#;
    connection.execute("INSERT INTO journal (events) VALUES (?1)", [noted]).expect("written");
    drop(connection);

    let store = fixture.open();
    for room in 1..=ROOMS {
        let last = POSTS + u64::from(room == 2);
        let page = fixture.wait(store.read_log(NameKey::of(&format!("room-{room}")), Page::After(0), 1_000, 1 << 20));
        let page = page.expect("read").expect("the room");
        assert_eq!((page.room.seq, page.room.at, page.events.len() as u64), (last, last * 10, last));
        let kinds = page.events.iter().zip(1..).filter(|(event, seq)| {
            let body = &event.event.body;
            event.seq == *seq && matches!(body, EventBody::Topic { .. }) == (seq % 3 == 2 && *seq <= POSTS)
        });
        assert_eq!(kinds.count() as u64, last);
        let again = (1..=last).map(|n| post(7, &format!("n{n}"), 9_000, "again")).collect::<Vec<_>>();
        let again = fixture.wait(store.append(room, again.into())).expect("appended");
        assert!(again.iter().zip(1..).all(|(again, seq)| again.duplicate && (again.seq, again.at) == (seq, seq * 10)));
        let others = fixture.wait(store.append(room, vec![post(8, "n1", 9_000, "another's")].into()));
        assert_eq!(
            others.expect("appended").first().map(|other| (other.seq, other.duplicate)),
            Some((last + 1, false))
        );
    }
    fixture.close(&store);
    let connection = Connection::open(&database).expect("opened");
    let shown = "SELECT count(*), count(DISTINCT seq), max(seq), min(kind), max(kind) FROM events WHERE room_id = 2";
    let shown =
        connection.query_row(shown, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
    assert_eq!(shown.expect("shown"), (302, 302, 302, 0, 2));
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
    assert_eq!(sound, "ok");
    // Where each event was a row, a room's are a few now.
    let blocks: u64 = connection.query_row("SELECT count(*) FROM blocks", [], |row| row.get(0)).expect("counted");
    assert!(blocks <= ROOMS * 13, "{blocks}");
}

#[test]
fn people_see_every_event_once_while_some_are_in_the_journal() {
    let fixture = Fixture::new();
    // So small that some are in the tables, some in both, and some in the journal.
    let store = SqliteStore::open(&Options { journal_events_max: 8, ..fixture.options() }).expect("opened");
    let room = fixture.room(&store, "lobby");
    for n in 1..=50 {
        fixture.wait(store.append(room, vec![post(1, &n.to_string(), n, "x")].into())).expect("appended");
        let connection = Connection::open(fixture.options().folder.join(DATABASE_FILE)).expect("opened");
        let mut shown = connection
            .prepare("SELECT seq FROM events WHERE room_id = ?1 AND room = 'lobby' ORDER BY seq")
            .expect("prepared");
        let shown = shown.query_map([room], |row| row.get::<_, u64>(0)).expect("asked");
        assert_eq!(shown.map(|seq| seq.expect("a seq")).collect::<Vec<_>>(), (1..=n).collect::<Vec<_>>());
    }
    fixture.close(&store);
}

#[test]
fn a_failed_migration_changes_nothing_and_every_copy_is_kept() {
    let fixture = fixture_with_one_event();
    let folder = fixture.options().folder;
    let broken = || with_step("CREATE TABLE half (x); INSERT INTO nowhere VALUES (1);");
    for copy in ["hubbub.db.before-v5", "hubbub.db.before-v5.2"] {
        let error = SqliteStore::open_with(&fixture.options(), &broken()).expect_err("fails");
        assert!(matches!(error, OpenError::Migration { version: 5, .. }), "{error}");
        assert!(error.to_string().contains(copy));
        assert!(folder.join(copy).exists());
    }
    assert_eq!(version(&folder.join(DATABASE_FILE)), 4);
    let store = fixture.open();
    assert!(text_of_first_event(&fixture, &store).contains("kept"));
    fixture.close(&store);
}

fn schema_5() -> Vec<M<'static>> {
    with_step("ALTER TABLE rooms ADD COLUMN mood TEXT;")
}

/// The present schema and one more step.
fn with_step(step: &'static str) -> Vec<M<'static>> {
    schema().into_iter().chain([M::up(step)]).collect()
}

fn version(path: &Path) -> i64 {
    let connection = Connection::open(path).expect("opened");
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("read")
}
