//! Random operations on the store and on the one in memory: both always answer the same.

use hubbub_protocol::{
    NameKey, RoomName,
    id::{Seq, UserId},
};
use proptest::prelude::*;

use super::{Fixture, Options, SqliteStore, name, nick, post, topic};
use crate::store::{
    LogPage, NewEvent, NewSession, Page, RoomId, SessionChange, Store, StoreError, StoredRoom, memory::MemoryStore,
};

#[derive(Debug, Clone)]
enum Step {
    OpenRoom(RoomName, u64),
    Append(RoomId, Vec<NewEvent>),
    ReadLog(NameKey, Page, u32, u64),
    ListRooms(Option<NameKey>, u32),
    CreateSession,
    /// Of the session that was created so many steps ago, if one was.
    ChangeSession(u8, SessionChange),
    RecoverSessions(u64, u64),
    Reopen,
    Crash,
}

fn room_name() -> impl Strategy<Value = RoomName> {
    prop::sample::select(vec!["lobby", "LOBBY", "Straße", "STRASSE", "attic", "7th"]).prop_map(name)
}

fn event() -> impl Strategy<Value = NewEvent> {
    let text = prop::sample::select(vec!["", "hi", "ein längerer Text ✋", "'; DROP TABLE events; --"]);
    (1..4_u64, 0..12_u32, 0..100_u64, text, any::<bool>()).prop_map(
        |(user, nonce, at, text, is_topic): (UserId, _, _, _, _)| {
            let make = if is_topic { topic } else { post };
            make(user, &nonce.to_string(), at, text)
        },
    )
}

fn page() -> impl Strategy<Value = Page> {
    let seq = prop_oneof![0..20_u64, Just(Seq::MAX)];
    (seq, any::<bool>()).prop_map(|(seq, after)| if after { Page::After(seq) } else { Page::Before(seq) })
}

fn change() -> impl Strategy<Value = SessionChange> {
    prop_oneof![
        Just(SessionChange::Connected),
        (0..100_u64).prop_map(SessionChange::Idle),
        prop::sample::select(vec!["ana", "bo"]).prop_map(|text| SessionChange::Renamed(nick(text))),
        Just(SessionChange::Ended),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (room_name(), 1..5_u64).prop_map(|(name, rooms_max)| Step::OpenRoom(name, rooms_max)),
        6 => (1..5_u64, prop::collection::vec(event(), 0..6)).prop_map(|(room, events)| Step::Append(room, events)),
        4 => (room_name(), page(), 0..8_u32, 0..60_u64)
            .prop_map(|(room, page, limit, bytes_max)| Step::ReadLog(room.key(), page, limit, bytes_max)),
        1 => (prop::option::of(room_name()), 0..5_u32).prop_map(|(room, limit)| Step::ListRooms(room.map(|room| room.key()), limit)),
        3 => Just(Step::CreateSession),
        4 => (1..8_u8, change()).prop_map(|(back, change)| Step::ChangeSession(back, change)),
        1 => (0..100_u64, 0..100_u64).prop_map(|(now, idle_before)| Step::RecoverSessions(now, idle_before)),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// An answer of either store, without the random name of a log.
#[derive(Debug, PartialEq)]
enum Answer {
    Room(Result<StoredRoom, StoreError>),
    Appended(Result<crate::store::Outcomes, StoreError>),
    Log(Result<Option<LogPage>, StoreError>),
    Rooms(Result<Vec<StoredRoom>, StoreError>),
    User(Result<UserId, StoreError>),
    Changed(Result<(), StoreError>),
    Sessions(Result<Vec<crate::store::StoredSession>, StoreError>),
}

fn nameless(room: StoredRoom) -> StoredRoom {
    StoredRoom { epoch: String::new(), ..room }
}

async fn answer(store: &dyn Store, step: Step, serial: u8) -> Answer {
    match step {
        Step::OpenRoom(name, rooms_max) => Answer::Room(store.open_room(name, 1, rooms_max).await.map(nameless)),
        Step::Append(room, events) => Answer::Appended(store.append(room, events.into()).await),
        Step::ReadLog(room, page, limit, bytes_max) => {
            let read = store.read_log(room, page, limit, bytes_max).await;
            Answer::Log(read.map(|page| page.map(|page| LogPage { room: nameless(page.room), ..page })))
        }
        Step::ListRooms(after, limit) => {
            let listed = store.list_rooms(after, limit).await;
            Answer::Rooms(listed.map(|rooms| rooms.into_iter().map(nameless).collect()))
        }
        Step::CreateSession => {
            let id = format!("s{serial}");
            let session = NewSession { id, token_hash: [serial; 32], nick: nick("ana"), at: 1 };
            Answer::User(store.create_session(session).await)
        }
        Step::ChangeSession(back, change) => {
            let id = format!("s{}", serial.saturating_sub(back));
            Answer::Changed(store.change_session(id, change).await)
        }
        Step::RecoverSessions(now, idle_before) => Answer::Sessions(store.recover_sessions(now, idle_before).await),
        Step::Reopen | Step::Crash => Answer::Changed(Ok(())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_store_answers_as_the_one_in_memory(
        steps in prop::collection::vec(step(), 1..60),
        // So small that events are everywhere: in the journal, on their way, in the tables.
        journal_events_max in 2..40_usize,
    ) {
        let mut fixture = Fixture::new();
        let open = |fixture: &Fixture| SqliteStore::open(&Options { journal_events_max, ..fixture.options() });
        let memory = MemoryStore::default();
        let mut store = open(&fixture).expect("opened");
        for (step, serial) in steps.into_iter().zip(0..) {
            if matches!(step, Step::Reopen) {
                fixture.close(&store);
                store = open(&fixture).expect("opened");
            }
            if matches!(step, Step::Crash) {
                let crashed = fixture.crash_image();
                fixture.close(&store);
                fixture = crashed;
                store = open(&fixture).expect("opened");
            }
            let expected = fixture.wait(answer(&memory, step.clone(), serial));
            prop_assert_eq!(fixture.wait(answer(store.as_ref(), step, serial)), expected);
        }
        fixture.close(&store);
    }
}
