//! Stopping and starting: a drain says goodbye to everybody and loses nothing, and a session outlives the server.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hubbub_protocol::{Event, event::GoodbyeReason};
use hubbub_tests::{
    eventually::{eventually, within},
    http,
    ledger::Ledger,
    participant::{Participant, bring_together},
    server::{Server, Setup},
    wire::{Heard, Wire, post},
};
use tokio::sync::watch;

#[tokio::test]
async fn a_drain_under_load_says_goodbye_to_all_and_what_was_acknowledged_is_there_afterwards() {
    let spread_ms = 4_000;
    let mut server = Server::start(Setup::for_load().limit("reconnect_spread_ms", spread_ms)).await;
    let address = server.address();
    let (stop, stopped) = watch::channel(false);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let talkers: Vec<_> = (0..3)
        .map(|number| {
            let mut who = Participant::new(address, &format!("talker{number}"), &["lobby"]);
            let (stopped, acknowledged) = (stopped.clone(), acknowledged.clone());
            tokio::spawn(async move {
                while !*stopped.borrow() {
                    while who.backlog() < 32 {
                        who.say("lobby", "on and on");
                    }
                    let before = who.acknowledgements();
                    who.step().await;
                    acknowledged.fetch_add(who.acknowledgements() - before, Ordering::Relaxed);
                }
                who.finish_saying().await;
                who
            })
        })
        .collect();
    let mut listeners = Vec::new();
    for number in 0..12 {
        let mut wire = Wire::guest(address, &format!("listener{number}")).await.0;
        wire.join("lobby").await;
        listeners.push(wire);
    }
    eventually("some load", async || (acknowledged.load(Ordering::Relaxed) > 100).then_some(())).await;
    server.terminate();
    let mut moments = HashSet::new();
    for wire in &mut listeners {
        let (goodbye, code) = wire.ending().await;
        let goodbye = goodbye.expect("a goodbye before the close frame");
        assert_eq!((goodbye.reason, code), (GoodbyeReason::Shutdown, 1001));
        let after_ms = goodbye.reconnect_after_ms.expect("when to come back");
        assert!(after_ms <= 500 + spread_ms, "{after_ms} ms");
        moments.insert(after_ms);
    }
    assert!(moments.len() > listeners.len() / 2, "all are to come back at once: {moments:?}");
    assert_eq!(server.exit().await.code(), Some(0));
    assert!(Wire::try_connect(address).await.is_err(), "nobody listens any more");

    server.restart().await;
    stop.send_replace(true);
    let mut finished = Vec::new();
    for talker in talkers {
        finished.push(within("a talker to finish", talker).await.expect("no panic"));
    }
    let mut ledger = Ledger::new();
    bring_together(&mut ledger, server.address(), &mut finished).await;
    ledger.assert_kept();
    assert!(ledger.acknowledgements() > 100);
}

#[tokio::test]
async fn no_connection_is_taken_while_the_server_drains() {
    let mut server = Server::start(Setup::new()).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    server.terminate();
    // Ana does not answer the close frame, so the drain goes on for a moment.
    ana.event_that(|event| matches!(event, Event::Goodbye(_))).await;
    let attempt =
        tokio::spawn(Wire::connect_over(tokio::net::TcpSocket::new_v4().expect("a socket"), server.address()));
    assert_eq!(ana.ending().await.1, 1001);
    drop(ana);
    assert_eq!(server.exit().await.code(), Some(0));
    assert!(attempt.await.expect("no panic").is_err(), "somebody was let in");
}

#[tokio::test]
async fn a_post_under_way_is_answered_before_the_goodbye() {
    let mut server = Server::start(Setup::for_load()).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    let mut bo = Wire::guest(server.address(), "bo").await.0;
    ana.join("lobby").await;
    let held = server.hold_store();
    let frames = async || http::metric(server.address(), "hubbub_frames_in_total").await;
    let before = frames().await;
    let id = ana.send(post("lobby", "n", "hi")).await;
    eventually("the post to be read", async || (frames().await > before).then_some(())).await;
    server.terminate();
    // Who has nothing under way is told at once, so the drain has begun.
    assert_eq!(bo.ending().await.1, 1001);
    drop((bo, held));
    let mut answered = None;
    let code = loop {
        match ana.hear().await {
            Heard::Reply(Some(re), outcome) if re == id => answered = Some(outcome),
            Heard::Event(Event::Goodbye(_)) => assert!(answered.is_some(), "goodbye before the answer"),
            Heard::Event(_) => {}
            Heard::Closed(code, _) => break code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 1001);
    drop(ana);
    assert_eq!(server.exit().await.code(), Some(0));
    server.restart().await;
    let mut cy = Wire::guest(server.address(), "cy").await.0;
    let stored = cy.whole_log("lobby").await;
    let answered = answered.expect("an answer");
    assert_eq!(stored.len(), usize::from(answered.is_ok()), "{answered:?}");
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    // Long enough that only the second signal can be the reason for the end.
    let mut server = Server::start(Setup::new().limit("drain_ms", 600_000)).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    server.terminate();
    ana.event_that(|event| matches!(event, Event::Goodbye(_))).await;
    server.terminate();
    assert_eq!(server.exit().await.code(), Some(128 + 15));
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let mut server = Server::start(Setup::new()).await;
    let (status, said) = server.rival();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("another server") && said.contains("uses the data"), "{said}");
    assert!(server.is_running());
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    ana.join("lobby").await;
    assert_eq!(ana.post("lobby", "n", "undisturbed").await.seq, 1);
    // The lock ends with its holder, however that ended.
    server.kill().await;
    server.restart().await;
    Wire::guest(server.address(), "bo").await.0.quit().await;
}

#[tokio::test]
async fn a_process_that_was_held_still_goes_on_where_it_was() {
    let server = Server::start(Setup::for_load()).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    ana.join("lobby").await;
    server.pause();
    let id = ana.send(post("lobby", "n", "hi")).await;
    server.resume();
    assert!(ana.reply(id).await.is_ok());
}
