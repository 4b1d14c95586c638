//! The promise of `hubbub-server inspect`: it shows what lives in a server, above all in one that is not well.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Output, Stdio},
};

use hubbub_server::{
    fanout::{ActorView, GateView},
    inspect::{ConnectionView, Document, FILE, Finding, Part, page},
    room::{RoomState, RoomView},
    store::WriterState,
};
use hubbub_tests::{
    eventually::eventually,
    http,
    server::{Server, Setup, inspect, inspection},
    wire::{Wire, post},
};
use tokio::net::UnixStream;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// What the command printed, which must have worked.
fn printed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

/// What the command said, which must have failed.
fn refused(output: &Output) -> String {
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()));
    text(&output.stderr)
}

fn look(server: &Server) -> Document {
    serde_json::from_str(&printed(&server.inspect(&["--json"]))).expect("a document")
}

fn room<'a>(document: &'a Document, name: &str) -> &'a RoomView {
    document.rooms.rows.iter().find(|room| room.room == name).unwrap_or_else(|| panic!("no {name}: {document:?}"))
}

fn connection<'a>(document: &'a Document, nick: &str) -> Option<(&'a ConnectionView, &'a ActorView)> {
    let told = |view: &'a ConnectionView| Some((view, view.actor.as_ref()?));
    let mut told = document.connections.rows.iter().filter_map(told);
    told.find(|(_, actor)| actor.nick.as_deref() == Some(nick))
}

fn finding<'a>(document: &'a Document, part: Part, words: &str) -> Option<&'a Finding> {
    document.stuck.iter().find(|finding| finding.part == part && finding.what.contains(words))
}

/// The page must fit a terminal and name the three models.
fn assert_readable(page: &str) {
    for title in ["CONNECTIONS (callbacks", "ROOMS (coroutines", "SHARDS (microthreads", "STORE ("] {
        assert!(page.contains(title), "no {title} in\n{page}");
    }
    for line in page.lines() {
        assert!(line.chars().count() <= 100, "too wide: {line}");
    }
}

#[tokio::test]
async fn connections_rooms_and_shards_are_shown_alive() {
    let server = Server::start(Setup::new().shards(2)).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    let mut bo = Wire::guest(server.address(), "bo").await.0;
    let stranger = Wire::connect(server.address()).await;
    ana.join("lobby").await;
    bo.join("lobby").await;
    ana.post("lobby", "n", "hi").await;
    bo.log_event().await;

    let document = look(&server);
    assert_eq!((document.connections.open, document.connections.seen, document.sessions), (3, 3, 2));
    for nick in ["ana", "bo"] {
        let (view, actor) = connection(&document, nick).unwrap_or_else(|| panic!("no {nick}: {document:?}"));
        assert_eq!((actor.rooms, view.outbox.seats, actor.gate), (1, 1, GateView::Open));
        assert_eq!((view.outbox.bytes, view.outbox.blocked_ms, view.outbox.in_flight), (0, None, 0));
    }
    let unnamed = document.connections.rows.iter().filter_map(|row| row.actor.as_ref());
    assert_eq!(unnamed.filter(|actor| actor.nick.is_none()).count(), 1, "the stranger has not said hello");

    assert_eq!((document.rooms.open, document.rooms.states.get(&RoomState::Inbox)), (1, Some(&1)));
    let lobby = room(&document, "lobby");
    assert_eq!((lobby.members, lobby.seq, lobby.inbox, lobby.state), (2, 1, 0, RoomState::Inbox));
    assert!(lobby.turns >= 3 && lobby.last.is_some(), "two joins and a post: {lobby:?}");

    assert_eq!(document.shards.len(), 2);
    let inside = document.shards.iter().map(|shard| shard.inside.as_ref().expect("it answers"));
    let (connections, visits) = inside.fold((0, 0), |sum, inside| {
        assert_eq!(inside.bursts.by_size.iter().sum::<u64>(), inside.bursts.bursts);
        (sum.0 + inside.connections, sum.1 + inside.bursts.visits)
    });
    assert_eq!(connections, 3);
    assert!(visits >= 2, "the post filled two outboxes");
    let store = document.store.expect("SQLite shows itself");
    assert!(store.commits > 0 && store.last.is_some_and(|last| last.us > 0), "{store:?}");
    assert_readable(&page(&document));
    assert_readable(&printed(&server.inspect(&[])));
    drop(stranger);
}

#[tokio::test]
async fn rooms_that_wait_for_the_store_are_shown_with_what_holds_it() {
    let server = Server::start(Setup::for_load()).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    let mut bo = Wire::guest(server.address(), "bo").await.0;
    ana.join("lobby").await;
    bo.join("garden").await;
    let held = server.hold_store();
    let mut number = 0;
    // A transaction fails after a second; who comes while it lasts waits for the rest of it and for the next.
    let document = eventually("a room that is stuck at the store", async || {
        number += 1;
        ana.send(post("lobby", &format!("a-{number}"), "hi")).await;
        bo.send(post("garden", &format!("b-{number}"), "hi")).await;
        let document = look(&server);
        finding(&document, Part::Room, "waits for the store").is_some().then_some(document)
    })
    .await;
    let stuck = finding(&document, Part::Room, "waits for the store").expect("as above");
    let shown = room(&document, &stuck.which);
    assert_eq!(shown.state, RoomState::Store);
    assert!(shown.for_us >= 1_000_000 && stuck.for_ms >= 1_000, "{shown:?} {stuck:?}");
    let store = document.store.expect("SQLite shows itself");
    assert!(store.state == WriterState::Transaction || store.failures > 0, "{store:?}");
    assert!(document.connections.unanswered > 0, "{:?}", document.connections);
    drop(held);
    eventually("the store to go on", async || {
        number += 1;
        let id = ana.send(post("lobby", &format!("a-{number}"), "hi")).await;
        ana.reply(id).await.is_ok().then_some(())
    })
    .await;
    eventually("nothing to be stuck", async || look(&server).stuck.is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_shown_first_with_what_waits_for_it() {
    let server = Server::start(Setup::for_load().limit("outbox_bytes_max", 4 << 20)).await;
    let address = server.address();
    let mut ana = Wire::guest(address, "ana").await.0;
    ana.join("lobby").await;
    let mut sleeper = Wire::connect_narrow(address).await;
    sleeper.hello_guest("sleeper").await;
    sleeper.join("lobby").await;
    let long = "z".repeat(4_000);
    for number in 0.. {
        assert!(number < 20_000, "the sleeper can always be written to");
        ana.post("lobby", &format!("n-{number}"), &long).await;
        if http::metric(address, "hubbub_outbox_bytes").await > 0.0 {
            break;
        }
    }
    let document = eventually("the sleeper to be stuck", async || {
        let document = look(&server);
        finding(&document, Part::Connection, "has a socket that takes nothing").is_some().then_some(document)
    })
    .await;
    let (view, _) = connection(&document, "sleeper").expect("it is shown");
    assert_eq!(view.id, document.connections.rows[0].id, "it comes first");
    assert!(view.outbox.bytes > 0 && view.outbox.blocked_ms >= Some(1_000), "{view:?}");
    assert_eq!(document.connections.blocked, 1);
    assert!(connection(&document, "ana").is_some_and(|(view, _)| view.outbox.blocked_ms.is_none()));
    let shown = printed(&server.inspect(&[]));
    assert!(shown.contains("STUCK") && shown.contains("(sleeper)"), "{shown}");
}

#[tokio::test]
async fn few_rows_are_those_that_matter_and_the_rest_is_counted() {
    let server = Server::start(Setup::new()).await;
    let mut wires = Vec::new();
    for number in 0..5 {
        let mut wire = Wire::guest(server.address(), &format!("guest-{number}")).await.0;
        for room in 0..=number {
            wire.join(&format!("room-{room}")).await;
        }
        wires.push(wire);
    }
    let one: Document = serde_json::from_str(&printed(&server.inspect(&["--json", "--rows", "1"]))).expect("JSON");
    assert_eq!((one.connections.rows.len(), one.connections.open), (1, 5));
    assert_eq!((one.rooms.rows.len(), one.rooms.open), (1, 5));
    assert_eq!(room(&one, "room-0").members, 5, "the largest");
    let none: Document = serde_json::from_str(&printed(&server.inspect(&["--json", "--rows", "0"]))).expect("JSON");
    assert_eq!((none.connections.rows.len(), none.rooms.rows.len()), (0, 0));
    assert_readable(&printed(&server.inspect(&["--rows", "0"])));
    assert_eq!(server.inspect(&["--rows", "10001"]).status.code(), Some(2));
}

#[tokio::test]
async fn where_no_server_is_the_command_says_so_and_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("nowhere");
    let said = refused(&inspect(&nowhere, &[]));
    assert!(said.contains("there is no data folder") && said.contains("--data"), "{said}");
    let said = refused(&inspect(folder.path(), &["--json"]));
    assert!(said.contains("no server runs on the data in"), "{said}");

    let mut server = Server::start(Setup::new()).await;
    server.kill().await;
    assert!(server.data().join(FILE).exists(), "nobody could remove it");
    let said = refused(&server.inspect(&[]));
    assert!(said.contains("no server runs on the data in"), "{said}");
    server.restart().await;
    assert_eq!(look(&server).connections.open, 0, "a leftover socket is replaced");
}

#[tokio::test]
async fn a_server_that_is_stopped_ends_in_an_error_and_not_in_a_wait() {
    let server = Server::start(Setup::new()).await;
    server.pause();
    let said = refused(&server.inspect(&[]));
    assert!(said.contains("did not answer within") && said.contains("it is stopped; `kill -CONT"), "{said}");
    server.resume();
    eventually("an answer", async || (server.inspect(&[]).status.code() == Some(0)).then_some(())).await;
}

#[tokio::test]
async fn the_socket_is_its_owner_s_alone_and_goes_with_the_server() {
    let mut server = Server::start(Setup::new()).await;
    let path = server.data().join(FILE);
    let mode = fs::metadata(&path).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.terminate();
    assert_eq!(server.exit().await.code(), Some(0));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_caller_that_asks_nothing_keeps_nobody_out() {
    let server = Server::start(Setup::new()).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(UnixStream::connect(server.data().join(FILE)).await.expect("a connection"));
    }
    assert_eq!(look(&server).connections.open, 0);
    drop(silent);
}

#[tokio::test]
async fn a_watched_server_is_looked_at_again_and_again() {
    let server = Server::start(Setup::new()).await;
    let mut command = inspection(&server.data(), &["--watch", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the program runs");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let seen: Vec<Document> =
        lines.take(2).map(|line| serde_json::from_str(&line.expect("a line")).expect("JSON")).collect();
    assert!(seen[1].up_ms > seen[0].up_ms, "{seen:?}");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}
