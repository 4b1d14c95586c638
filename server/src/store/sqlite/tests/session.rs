//! Guests and sessions over restarts, and the store's own end.

use std::{os::unix::fs::PermissionsExt, task::Poll};

use futures_util::FutureExt;
use hubbub_protocol::NameKey;

use super::{Fixture, name, nick, post};
use crate::store::{NewSession, Page, SessionChange, Store, StoreError, StoredSession};

fn guest(id: &str, token: u8, as_nick: &str) -> NewSession {
    NewSession { id: id.to_owned(), token_hash: [token; 32], nick: nick(as_nick), at: 5 }
}

#[test]
fn sessions_come_back_after_a_restart_and_old_ones_go() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let create = |session| fixture.wait(store.create_session(session)).expect("created");
    let change = |id: &str, change| fixture.wait(store.change_session(id.to_owned(), change)).expect("changed");
    let [ana, bo, cy, di] =
        [guest("s1", 1, "ana"), guest("s2", 2, "bo"), guest("s3", 3, "cy"), guest("s4", 4, "di")].map(create);
    change("s1", SessionChange::Idle(50));
    change("s1", SessionChange::Connected);
    change("s2", SessionChange::Idle(99));
    change("s3", SessionChange::Idle(100));
    change("s3", SessionChange::Renamed(nick("cyd")));
    change("s4", SessionChange::Ended);
    change("nobody", SessionChange::Ended);
    fixture.close(&store);

    let store = fixture.open();
    let session = |id: &str, token: u8, user, as_nick: &str, idle_since| StoredSession {
        id: id.to_owned(),
        token_hash: [token; 32],
        user,
        nick: nick(as_nick),
        idle_since: Some(idle_since),
    };
    let expected = vec![session("s1", 1, ana, "ana", 500), session("s3", 3, cy, "cyd", 100)];
    assert_eq!(fixture.wait(store.recover_sessions(500, 100)), Ok(expected));
    let next = fixture.wait(store.create_session(guest("s5", 5, "di"))).expect("created");
    assert!(next > ana.max(bo).max(cy).max(di), "no number is used again, though the last guests are gone");
    fixture.close(&store);
}

#[test]
fn two_sessions_never_share_a_token() {
    let fixture = Fixture::new();
    let store = fixture.open();
    assert!(fixture.wait(store.create_session(guest("s1", 1, "ana"))).is_ok());
    assert!(fixture.wait(store.create_session(guest("s2", 1, "bo"))).is_err());
    assert_eq!(fixture.wait(store.recover_sessions(1, 0)).expect("recovered").len(), 1);
    fixture.close(&store);
}

#[test]
fn a_closed_store_says_so_to_everybody() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let room = fixture.room(&store, "lobby");
    assert_eq!(fixture.wait(store.probe()), Ok(()));
    fixture.close(&store);
    let closed = StoreError::Closed;
    assert_eq!(fixture.wait(store.append(room, vec![post(1, "a", 1, "x")].into())), Err(closed.clone()));
    assert_eq!(fixture.wait(store.open_room(name("lobby"), 1, 9)), Err(closed.clone()));
    assert_eq!(fixture.wait(store.read_log(NameKey::of("lobby"), Page::After(0), 1, 1)), Err(closed.clone()));
    assert_eq!(fixture.wait(store.list_rooms(None, 1)), Err(closed.clone()));
    assert_eq!(fixture.wait(store.recover_sessions(1, 0)), Err(closed.clone()));
    assert_eq!(fixture.wait(store.probe()), Err(closed.clone()));
    assert_eq!(fixture.wait(store.close()), Err(closed));
}

#[test]
fn closing_finishes_what_was_begun() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let room = fixture.room(&store, "lobby");
    let results = fixture.wait(async {
        let appends = (0..200).map(|n| store.append(room, vec![post(1, &format!("n{n}"), 1, "x")].into()));
        let (results, closed) = tokio::join!(futures_util::future::join_all(appends), store.close());
        assert_eq!(closed, Ok(()));
        results
    });
    let stored = results.iter().filter(|result| result.is_ok()).count();
    assert!(results.iter().all(|result| result.is_ok() || *result == Err(StoreError::Closed)));

    let store = fixture.open();
    let page = fixture.wait(store.read_log(NameKey::of("lobby"), Page::After(0), 500, 1_000));
    assert_eq!(page.expect("read").expect("the room").events.len(), stored);
    assert_eq!(stored, 200, "all were in the inbox before the end");
    fixture.close(&store);
}

#[test]
fn what_a_runtime_left_behind_keeps_no_store_from_closing() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let room = fixture.room(&store, "lobby");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        // Asked for at the very end: nothing carries it to the writer any more.
        let mut append = store.append(room, vec![post(1, "n", 1, "x")].into());
        let asked = std::future::poll_fn(|cx| Poll::Ready(append.poll_unpin(cx))).await;
        assert!(asked.is_pending());
    });
    drop(runtime);
    fixture.close(&store);
}

#[test]
fn the_data_folder_is_its_owners_alone() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let mode = std::fs::metadata(fixture.options().folder).expect("the folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    fixture.close(&store);
}
