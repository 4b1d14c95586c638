//! Coming and going: thousands of connections one after another, and thousands at once that say nothing.

use std::net::SocketAddr;

use hubbub_tests::server::Setup;
use tokio::task::JoinSet;

use crate::{
    peer::{Peer, close, text},
    scene::{GROWTH_BYTES_MAX, Scene, raise_sockets_max},
};

const CYCLES: usize = 5_000;

/// How many come and go at once.
const AT_ONCE: usize = 50;

/// How many are idle at once, where the system lets the test have so many sockets.
const IDLE: u64 = 2_000;

/// Connects in one of several ways, and goes in one of several.
async fn come_and_go(address: SocketAddr, number: usize) {
    let mut peer = Peer::connect(address).await;
    match number % 10 {
        0 => return peer.reset(),
        1 => return,
        2 => {
            peer.send(b"GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgr").await;
            return;
        }
        _ => peer = peer.upgrade(address, b"").await,
    }
    match number % 10 {
        3 => peer.reset(),
        4 => {
            assert!(peer.send(&close(1000, b"")).await);
            assert_eq!(peer.closed().await, Some(1000));
        }
        5 => {
            peer.finish().await;
            peer.ended().await;
        }
        6 | 7 => {
            peer.greet(&format!("guest{number}")).await;
            let rest = [text(r#"{"id":1,"op":"join","room":"hall"}"#), text(r#"{"id":2,"op":"quit"}"#)].concat();
            assert!(peer.send(&rest).await);
            assert_eq!(peer.closed().await, Some(1000));
        }
        _ => {}
    }
}

#[tokio::test]
async fn thousands_that_come_and_go_leave_nothing() {
    raise_sockets_max();
    let mut scene = Scene::over_shards(2, Setup::new()).await;
    let address = scene.address();
    // What is allocated once, and names of metrics that appear with the first of their kind.
    (0..20).map(|number| come_and_go(address, number)).collect::<JoinSet<()>>().join_all().await;
    scene.settles(GROWTH_BYTES_MAX).await;
    let warm = scene.figures().await.resident_bytes;
    for round in 1..=CYCLES / AT_ONCE {
        let numbers = (round * AT_ONCE)..((round + 1) * AT_ONCE);
        numbers.map(|number| come_and_go(address, number)).collect::<JoinSet<()>>().join_all().await;
        if round % 10 == 0 {
            scene.well_served().await;
        }
    }
    scene.settles(GROWTH_BYTES_MAX).await;
    let grown = scene.figures().await.resident_bytes.saturating_sub(warm);
    println!("{CYCLES} cycles: grown by {} KiB", grown / 1_024);
    assert_eq!(scene.metric("hubbub_sessions").await, 1.0, "who quits is forgotten");
}

#[tokio::test]
async fn thousands_that_are_idle_cost_little_each() {
    // Each has a socket here and one in the server; both inherit the same limit.
    let idle = IDLE.min(raise_sockets_max().saturating_sub(200));
    let setup = Setup::new().limit("ping_interval_ms", 600_000).limit("hello_ms", 600_000);
    let mut scene = Scene::over_shards(2, setup).await;
    let address = scene.address();
    let before = scene.figures().await.resident_bytes;
    let mut peers = Vec::new();
    for round in 0..idle / 50 {
        let greeted = (0..50).map(|number| async move {
            let mut peer = Peer::greeted(address, &format!("idler{round}-{number}")).await;
            assert!(peer.send(&text(r#"{"id":1,"op":"rooms","limit":1}"#)).await);
            assert_eq!(peer.reply().await, (Some(1), Ok(())));
            peer
        });
        peers.extend(greeted.collect::<JoinSet<Peer>>().join_all().await);
    }
    let grown = scene.figures().await.resident_bytes.saturating_sub(before);
    let each = grown / peers.len() as u64;
    println!(
        "{} idle connections, each with a session: {each} bytes each (debug: {})",
        peers.len(),
        cfg!(debug_assertions)
    );
    assert!(each < 64 * 1_024, "{each} bytes a connection");
    scene.well_served().await;
    drop(peers);
    scene.settles(grown + GROWTH_BYTES_MAX).await;
}
