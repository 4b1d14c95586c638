//! The load of the benches after a kill: what the server has is accounted for, and whatever it has not, or has wrong, is
//! found.

use std::{io, time::Duration};

use hubbub_tests::{
    bench::{
        load::{Claims, Flow, Kept, Load, account},
        socket::Dialect,
    },
    server::{Server, Setup},
};
use rusqlite::Connection;
use tokio::{runtime::Handle, task::spawn_blocking};

/// Posts of each room that are under way.
const FLOW: Flow = Flow::Window(8);

/// Posts of both rooms before that; and how long they go on until the kill.
const POSTS: u64 = 200;
const TALK: Duration = Duration::from_millis(20);

/// The rows of a room.
const R0: &str = "room_id = (SELECT id FROM rooms WHERE name = 'r0')";
const R1: &str = "room_id = (SELECT id FROM rooms WHERE name = 'r1')";

/// The events one by one, to be worked on, and back into blocks.
const APART: &str = "CREATE TEMP TABLE events AS
    SELECT room_id, seq, at, user_id, nick, nonce, kind, body FROM main.events";
const TOGETHER: &str = "DELETE FROM blocks;
    INSERT INTO blocks (room_id, last, at, events)
    SELECT room_id, seq, at, json_array(json_array(seq, at, user_id, nick, nonce, kind, body)) FROM temp.events";

/// Two rooms, and a server that was killed in the middle of their talk.
async fn killed() -> (Server, Claims) {
    let mut server = Server::start(Setup::for_load()).await;
    let runtime = Handle::current();
    let talk = move || {
        let mut load = Load::gather(Dialect::Hubbub, &server.address().to_string(), &[3, 2])?;
        load.run_until(&[FLOW], &|posts| posts >= POSTS)?;
        let claims = load.break_off(&[FLOW], TALK, || {
            runtime.block_on(server.kill());
            Ok(())
        })?;
        Ok::<_, io::Error>((server, claims))
    };
    spawn_blocking(talk).await.expect("the load's thread").expect("a load without faults")
}

/// What it is found to have, once it is there again.
async fn settled(mut server: Server, claims: Claims) -> Result<Kept, String> {
    server.restart().await;
    let address = server.address().to_string();
    let settled = spawn_blocking(move || account(vec![claims], &address)).await.expect("the load's thread");
    settled.map_err(|error| error.to_string())
}

/// The same after somebody worked on its events, of which it had put all into the tables before.
async fn settled_after(work: &str) -> String {
    let (mut server, claims) = killed().await;
    server.restart().await;
    server.terminate();
    server.exit().await;
    let store = Connection::open(server.data().join("hubbub.db")).expect("the store");
    let work = format!("{APART}; {work}; {TOGETHER}");
    store.execute_batch(&work).expect("the tables are as they were when this was written");
    drop(store);
    settled(server, claims).await.expect_err("what was done to the tables is found")
}

#[tokio::test]
async fn a_server_that_was_killed_has_every_post_once() {
    let (server, claims) = killed().await;
    let kept = settled(server, claims).await.expect("a server that kept its promises");
    assert!(kept.acknowledged >= POSTS && kept.checked > kept.acknowledged, "{kept:?}");
    assert_eq!((kept.kills, kept.counted, kept.stored), (1, 0, kept.acknowledged + kept.open), "{kept:?}");
    assert!(kept.stored_open <= kept.open, "{kept:?}");
}

#[tokio::test]
async fn an_end_of_a_log_that_is_gone_is_found() {
    let found = settled_after(&format!("DELETE FROM events WHERE {R0} AND seq > 10")).await;
    assert!(found.contains("r0 after a kill: resumed: reset"), "{found}");
}

#[tokio::test]
async fn a_hole_in_a_log_is_found() {
    let found = settled_after(&format!("DELETE FROM events WHERE {R1} AND seq = 7")).await;
    assert!(found.contains("r1 after a kill") && found.contains("and not message 6"), "{found}");
}

#[tokio::test]
async fn another_text_than_was_delivered_is_found() {
    let found = settled_after(&format!("UPDATE events SET at = at + 1 WHERE {R0} AND seq = 5")).await;
    assert!(found.contains("r0 after a kill") && found.contains("and not what was delivered"), "{found}");
}

#[tokio::test]
async fn a_nonce_that_is_forgotten_is_found() {
    let last = format!("(SELECT max(seq) FROM events WHERE {R0})");
    let forget = format!("UPDATE events SET nonce = 'x' || seq WHERE {R0} AND seq > {last} - 40");
    let found = settled_after(&forget).await;
    assert!(found.contains("r0 after a kill: "), "{found}");
    // What was missed and comes with the join has another nonce; or the repeated post is not known by its own.
    assert!(found.contains("what was delivered") || found.contains("r0 after a kill: reply"), "{found}");
}

#[tokio::test]
async fn a_post_that_nobody_sent_is_found() {
    let another = "room_id, max(seq) + 1, at, user_id, nick, 'n-1000000', kind, body";
    let found = settled_after(&format!("INSERT INTO events SELECT {another} FROM events WHERE {R1}")).await;
    assert!(found.contains("r1 after a kill: event: ") && found.contains("and not message"), "{found}");
}
