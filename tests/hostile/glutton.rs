//! Peers that ask for much and read nothing: each costs an outbox and a reply, and gets everything once it reads.

use hubbub_tests::{eventually::eventually, server::Setup, wire::Wire};

use crate::{
    peer::{Peer, text},
    scene::Scene,
};

const PEERS: usize = 16;

/// How often each asks for everything.
const ROUNDS: u64 = 200;

const OUTBOX_BYTES_MAX: u64 = 65_536;

/// A reply with a full page of text: the limit for its events, and what JSON and members add.
const REPLY_BYTES_MAX: u64 = 2 * 65_536;

#[tokio::test]
async fn who_asks_for_much_and_reads_late_costs_little_and_gets_all_of_it_in_order() {
    let setup = Setup::for_load().limit("outbox_bytes_max", OUTBOX_BYTES_MAX);
    let setup = setup.limit("room_tail_bytes_max", OUTBOX_BYTES_MAX).limit("unwritable_ms", 600_000);
    let mut scene = Scene::start(setup.limit("ping_interval_ms", 600_000)).await;
    let mut writer = Wire::guest(scene.address(), "writer").await.0;
    writer.join("library").await;
    let page = "x".repeat(4_000);
    for number in 0..30 {
        writer.post("library", &number.to_string(), &page).await;
    }
    let before = scene.figures().await;
    let requests: Vec<u8> = (0..ROUNDS)
        .flat_map(|round| {
            let id = round * 3;
            [
                text(&format!(r#"{{"id":{id},"op":"join","room":"library"}}"#)),
                text(&format!(r#"{{"id":{},"op":"history","room":"library","limit":500}}"#, id + 1)),
                text(&format!(r#"{{"id":{},"op":"members","room":"library"}}"#, id + 2)),
            ]
        })
        .flatten()
        .collect();
    let mut peers = Vec::new();
    for number in 0..PEERS {
        let mut peer = Peer::connect_narrow(scene.address()).await.upgrade(scene.address(), b"").await;
        peer.greet(&format!("glutton{number}")).await;
        // All of it fits the sockets' buffers; the server reads what it can answer.
        assert!(peer.send(&requests).await);
        peers.push(peer);
    }
    // Every one of them has filled its outbox, so none is read any more.
    let full = (PEERS as u64 * OUTBOX_BYTES_MAX) as f64;
    eventually("full outboxes", async || (scene.outbox_bytes().await >= full).then_some(())).await;
    for _ in 0..20 {
        scene.well_served().await;
        let now = scene.figures().await;
        let most = (PEERS as u64 * (OUTBOX_BYTES_MAX + 2 * REPLY_BYTES_MAX)) as f64;
        assert!(now.outbox_bytes <= most, "{} bytes wait", now.outbox_bytes);
        let grown = now.resident_bytes.saturating_sub(before.resident_bytes);
        assert!(grown < 48 << 20, "grown by {grown} bytes");
    }
    println!("waiting for {PEERS} gluttons: {} bytes", scene.figures().await.outbox_bytes);
    // Half of them never read. The others get each answer, in order.
    let rest = peers.split_off(PEERS / 2);
    let mut tasks = tokio::task::JoinSet::new();
    for mut peer in peers {
        tasks.spawn(async move { peer.send_and_read(&[], 3 * ROUNDS as usize).await });
    }
    while let Some(ids) = tasks.join_next().await {
        assert!(ids.expect("a reader").into_iter().eq((0..3 * ROUNDS).map(Some)));
    }
    drop(rest);
    drop(writer);
    scene.settles(64 << 20).await;
}
