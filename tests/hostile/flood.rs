//! Floods of tiny frames, with their answers read and not read: refused where that is documented, else borne, and
//! never at the expense of memory or of others.

use hubbub_protocol::close;
use hubbub_tests::{eventually::within, server::Setup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    peer::{PING, PONG, Peer, frame, text},
    scene::{GROWTH_BYTES_MAX, Scene},
};

/// How many frames a flood has.
const FRAMES: usize = 100_000;

/// How many go out in one write.
const FRAMES_A_WRITE: usize = 1_000;

/// Sends a flood; whether it is read meanwhile what comes back. Answers whether the server took all of it.
async fn flood(peer: &mut Peer, frame: &[u8], reads: bool) -> bool {
    let bytes = frame.repeat(FRAMES_A_WRITE);
    let (from, to) = peer.halves();
    let send = async move {
        for _ in 0..FRAMES / FRAMES_A_WRITE {
            if to.write_all(&bytes).await.is_err() {
                return false;
            }
        }
        true
    };
    let read = async {
        let mut sink = vec![0; 65_536];
        while reads && from.read(&mut sink).await.is_ok_and(|count| count > 0) {}
        std::future::pending().await
    };
    let sent = async {
        tokio::select! { biased; () = read => false, sent = send => sent }
    };
    within("a flood to end", sent).await
}

#[tokio::test]
async fn a_flood_of_what_is_no_request_is_closed_with_1008() {
    let mut scene = Scene::start(Setup::new()).await;
    let long = format!("[{}]", "0,".repeat(2_000));
    for (number, json) in ["", "{}", "x", r#"{"id":1,"op":"dance"}"#, &long].into_iter().enumerate() {
        for greets in [false, true] {
            let mut peer = Peer::upgraded(scene.address()).await;
            if greets {
                peer.greet(&format!("flooder{number}")).await;
            }
            let bytes = text(json).repeat(FRAMES_A_WRITE);
            let mut sent = 0;
            while sent < FRAMES && peer.send(&bytes).await {
                sent += FRAMES_A_WRITE;
            }
            assert_eq!(peer.closed().await, Some(close::POLICY), "{json:.20}, greeted: {greets}");
        }
        scene.well_served().await;
    }
    assert_eq!(scene.metric("hubbub_evicted_total{reason=\"policy\"}").await, 10.0);
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn a_flood_of_requests_beyond_the_rate_is_closed_with_1008() {
    let mut scene = Scene::start(Setup::new()).await;
    // Proper requests that are refused, and such that are not: both count.
    for (number, json) in [r#"{"id":1,"op":"hello"}"#, r#"{"id":1,"op":"presence","away":false}"#].iter().enumerate() {
        let mut peer = Peer::greeted(scene.address(), &format!("hasty{number}")).await;
        flood(&mut peer, &text(json), true).await;
        peer.closed().await;
    }
    scene.well_served().await;
    assert_eq!(scene.metric("hubbub_evicted_total{reason=\"policy\"}").await, 2.0);
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn a_flood_of_pings_and_pongs_is_borne_read_or_not() {
    let mut scene = Scene::start(Setup::new()).await;
    let frames = [frame(PING, b""), frame(PING, &[b'p'; 125]), frame(PONG, b""), frame(PONG, &[b'p'; 125])];
    for (number, bytes) in frames.iter().enumerate() {
        for reads in [true, false] {
            let mut peer = Peer::connect_narrow(scene.address()).await.upgrade(scene.address(), b"").await;
            peer.greet(&format!("pinger{number}{reads}")).await;
            assert!(flood(&mut peer, bytes, reads).await, "all of it is read");
            scene.well_served().await;
            let grown = scene.figures().await.resident_bytes.saturating_sub(scene.before().resident_bytes);
            assert!(grown < GROWTH_BYTES_MAX, "grown by {grown} bytes");
            if !reads {
                // What was not read in time was left out, not stored up, and the connection lives.
                peer.send(&text(r#"{"id":9,"op":"rooms"}"#)).await;
                assert_eq!(peer.reply().await, (Some(9), Ok(())));
            }
            drop(peer);
        }
    }
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn many_floods_at_once_leave_others_served() {
    let mut scene = Scene::start(Setup::for_load()).await;
    let mut tasks = tokio::task::JoinSet::new();
    let address = scene.address();
    for number in 0..8 {
        tasks.spawn(async move {
            let mut peer = Peer::greeted(address, &format!("one{number}")).await;
            // Answered one by one, and never over the rate here.
            let bytes = text(r#"{"id":1,"op":"typing","room":"nowhere"}"#);
            flood(&mut peer, &bytes[..], true).await
        });
    }
    let mut taken = 0;
    while let Some(all) = {
        scene.well_served().await;
        tasks.join_next().await
    } {
        taken += usize::from(all.expect("a flood"));
    }
    assert_eq!(taken, 8, "all of it was read");
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn a_flooder_that_does_not_read_is_not_read_either_and_gets_its_answers_later() {
    let limit = 32_768;
    let setup = Setup::for_load().limit("outbox_bytes_max", limit).limit("room_tail_bytes_max", limit);
    let mut scene = Scene::start(setup.limit("unwritable_ms", 600_000).limit("ping_interval_ms", 600_000)).await;
    let mut peer = Peer::connect_narrow(scene.address()).await.upgrade(scene.address(), b"").await;
    peer.greet("deaf").await;
    let request = text(r#"{"id":1,"op":"typing","room":"nowhere"}"#);
    // Sent until the server has stopped to read what it cannot answer.
    let mut sent = 0;
    let mut begun: &[u8] = &[];
    while scene.outbox_bytes().await < limit as f64 {
        assert!(sent < 1_000_000, "the server reads without end");
        let (_, to) = peer.halves();
        for _ in 0..1_000 {
            begun = if begun.is_empty() { &request } else { begun };
            match to.try_write(begun) {
                Ok(count) => begun = &begun[count..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
            sent += usize::from(begun.is_empty());
        }
    }
    let most = scene.outbox_bytes().await;
    assert!(most < limit as f64 + 1_000.0, "{most} bytes wait, more than the limit and one reply");
    scene.well_served().await;
    let rest = begun.to_vec();
    let ids = peer.send_and_read(&rest, sent + usize::from(!rest.is_empty())).await;
    assert!(ids.iter().all(|id| *id == Some(1)));
    drop(peer);
    scene.settles(GROWTH_BYTES_MAX).await;
}
