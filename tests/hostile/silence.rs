//! Half-open sockets: peers that say nothing, or nothing more, are let go with their code.

use hubbub_protocol::close;
use hubbub_tests::{
    http,
    server::{Server, Setup},
};
use tokio::sync::oneshot;

use crate::{
    peer::{Heard, PONG, Peer, frame, text},
    scene::{GROWTH_BYTES_MAX, Scene},
};

const PEERS: usize = 50;

#[tokio::test]
async fn who_connects_and_says_nothing_is_let_go() {
    let mut scene = Scene::start(Setup::new().limit("http_head_ms", 1_000)).await;
    let mut peers = Vec::new();
    for number in 0..PEERS {
        let mut peer = Peer::connect(scene.address()).await;
        // Half of them begin.
        if number % 2 == 0 {
            assert!(peer.send(&http::upgrade_head(scene.address()).as_bytes()[..40]).await);
        }
        peers.push(peer);
    }
    scene.well_served().await;
    for peer in &mut peers {
        let answer = peer.head().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
        peer.ended().await;
    }
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn who_upgrades_and_never_says_hello_is_closed_with_4000() {
    let mut scene = Scene::start(Setup::new().limit("hello_ms", 500)).await;
    let mut peers = Vec::new();
    for number in 0..PEERS {
        let mut peer = Peer::upgraded(scene.address()).await;
        // A sign of life is no hello, and neither is a failed one.
        match number % 3 {
            0 => assert!(peer.send(&frame(PONG, b"")).await),
            1 => assert!(peer.send(&text(r#"{"id":1,"op":"hello","guest":"-"}"#)).await),
            _ => {}
        }
        peers.push(peer);
    }
    scene.well_served().await;
    for peer in &mut peers {
        assert_eq!(peer.closed().await, Some(close::HELLO_TIMEOUT));
        // It does not answer the close frame either.
        peer.ended().await;
    }
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn who_says_hello_and_never_answers_a_ping_is_closed_with_4003() {
    // The witness answers pings only while it is listened to, so there is none in this scene, but a task that does.
    let server = Server::start(Setup::new().limit("ping_interval_ms", 1_000)).await;
    let mut live = Peer::greeted(server.address(), "live").await;
    let (stop, mut stopped) = oneshot::channel();
    let answering = tokio::spawn(async move {
        loop {
            tokio::select! {
                biased;
                heard = live.hear() => match heard {
                    Heard::Ping => assert!(live.send(&frame(PONG, b"")).await),
                    other => panic!("who answers is let go: {other:?}"),
                },
                _ = &mut stopped => return live,
            }
        }
    });
    let mut peers = Vec::new();
    for number in 0..PEERS {
        peers.push(Peer::greeted(server.address(), &format!("mute{number}")).await);
    }
    for peer in &mut peers {
        let mut pings = 0;
        let code = loop {
            match peer.hear().await {
                Heard::Ping => pings += 1,
                Heard::Closed(code) => break code,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(code, close::PING_TIMEOUT);
        assert!((1..=2).contains(&pings), "{pings} pings before it");
        peer.ended().await;
    }
    stop.send(()).expect("the task waits");
    let mut live = answering.await.expect("it was never let go");
    live.send(&text(r#"{"id":1,"op":"rooms"}"#)).await;
    assert_eq!(live.reply().await, (Some(1), Ok(())));
    assert_eq!(http::metric(server.address(), "hubbub_connections").await, 1.0);
    assert_eq!(http::metric(server.address(), "hubbub_evicted_total{reason=\"ping_timeout\"}").await, PEERS as f64);
}
