//! Promise 1 when the disk is full: what cannot be stored is refused, the rest goes on, and later everything does.
//!
//! One test has the kernel refuse that the files of this one process grow (`RLIMIT_FSIZE`); the signal that comes
//! with it is ignored, as no full disk sends one. The other fills a small disk, where the machine lets us have one.

use hubbub_protocol::{ErrorBody, ErrorCode, envelope::read_ok, reply::Posted};
use hubbub_tests::{
    eventually::eventually,
    http,
    ledger::Ledger,
    server::{Server, Setup, small_disks_are_to_be_had},
    wire::{Wire, post},
};

/// Posts until the disk is full; answers the nonces that were refused, and notes the others.
async fn fill(ana: &mut Wire, user: u64, ledger: &mut Ledger) -> (Vec<String>, ErrorBody) {
    let text = "x".repeat(4_000);
    for round in 0..200 {
        let nonces: Vec<String> = (0..20).map(|number| format!("fill-{round}-{number}")).collect();
        let mut ids = Vec::new();
        for nonce in &nonces {
            ids.push(ana.send(post("lobby", nonce, &text)).await);
        }
        let (mut refused, mut reason) = (Vec::new(), None);
        for (nonce, id) in nonces.into_iter().zip(ids) {
            match ana.reply(id).await {
                Ok(ok) => ledger.acknowledged("lobby", user, &nonce, read_ok::<Posted>(&ok).expect("a place")),
                Err(error) => {
                    refused.push(nonce);
                    reason = Some(error);
                }
            }
        }
        if let Some(reason) = reason {
            return (refused, reason);
        }
    }
    panic!("the disk is never full");
}

#[tokio::test]
async fn a_full_disk_refuses_posts_keeps_reading_and_recovers() {
    let mut server = Server::start(Setup::for_load().ignoring("XFSZ")).await;
    let (mut ana, welcome) = Wire::guest(server.address(), "ana").await;
    let user = welcome.user.id;
    let mut ledger = Ledger::new();
    ana.join("lobby").await;
    let first = ana.post("lobby", "first", "before the disk is full").await;
    ledger.acknowledged("lobby", user, "first", first);

    server.limit_file_bytes(Some(server.largest_file_bytes() + 64 * 1_024));
    let (refused, reason) = fill(&mut ana, user, &mut ledger).await;
    assert_eq!(reason.code, ErrorCode::StoreUnavailable, "{reason}");
    assert!(reason.retry_after_ms.is_some_and(|ms| ms > 0), "{reason:?}");
    // A small one may still have fitted in; until nothing does.
    for number in 0.. {
        let nonce = format!("small-{number}");
        let id = ana.send(post("lobby", &nonce, "y")).await;
        match ana.reply(id).await {
            Ok(ok) => ledger.acknowledged("lobby", user, &nonce, read_ok::<Posted>(&ok).expect("a place")),
            Err(error) => {
                assert_eq!(error.code, ErrorCode::StoreUnavailable, "{error}");
                break;
            }
        }
    }
    let address = server.address();
    eventually("/readyz to say so", async || (http::get(address, "/readyz").await.status == 503).then_some(())).await;
    assert_eq!(http::get(address, "/healthz").await.status, 200);

    // Reading goes on, for those who are here and those who come back.
    assert_eq!(ana.whole_log("lobby").await.len(), ledger.acknowledgements());
    let (mut again, joined) = (Wire::connect(address).await, ledger.acknowledgements() as u64);
    again.hello_token(&welcome.token).await;
    assert_eq!(again.join("lobby").await.seq, joined);
    assert_eq!(ana.ending().await.1, 4001, "the session goes on elsewhere");

    server.limit_file_bytes(None);
    eventually("/readyz to recover", async || (http::get(address, "/readyz").await.status == 200).then_some(())).await;
    for nonce in &refused {
        let posted = again.post("lobby", nonce, "once more").await;
        assert!(!posted.duplicate, "{nonce} was refused, but it was stored");
        ledger.acknowledged("lobby", user, nonce, posted);
    }
    server.kill().await;
    server.restart().await;
    let mut reader = Wire::guest(server.address(), "reader").await.0;
    ledger.got_all("reader", &reader.whole_log("lobby").await);
    ledger.must_be_whole("reader", "lobby");
    ledger.assert_kept();
    println!("{} refused, {} acknowledged", refused.len(), ledger.acknowledgements());
}

#[tokio::test]
async fn what_was_refused_is_not_stored_after_a_kill_either() {
    let mut server = Server::start(Setup::for_load().ignoring("XFSZ")).await;
    let (mut ana, welcome) = Wire::guest(server.address(), "ana").await;
    let user = welcome.user.id;
    let mut ledger = Ledger::new();
    let mut said = 0;
    for round in 0..6 {
        ana.join("lobby").await;
        // Each time the disk is full at another place of a commit.
        server.limit_file_bytes(Some(server.largest_file_bytes() + 4_096 * round + 137 * round));
        let mut refused = Vec::new();
        while refused.is_empty() {
            let (number, text) = (said, "x".repeat(300 * round as usize + 1));
            said += 1;
            let id = ana.send(post("lobby", &format!("s-{number}"), &text)).await;
            match ana.reply(id).await {
                Ok(ok) => ledger.acknowledged("lobby", user, &format!("s-{number}"), read_ok(&ok).expect("a place")),
                Err(error) => {
                    assert_eq!(error.code, ErrorCode::StoreUnavailable, "{error}");
                    refused.push(format!("s-{number}"));
                }
            }
        }
        server.kill().await;
        server.restart().await;
        ana = Wire::connect(server.address()).await;
        ana.hello_token(&welcome.token).await;
        let log = ana.whole_log("lobby").await;
        assert_eq!(log.len(), ledger.acknowledgements(), "round {round}: more in the log than was acknowledged");
    }
    ledger.got_all("ana", &ana.whole_log("lobby").await);
    ledger.must_be_whole("ana", "lobby");
    ledger.assert_kept();
}

#[tokio::test]
async fn a_disk_without_space_refuses_posts_keeps_reading_and_recovers() {
    if !small_disks_are_to_be_had() {
        println!("this machine lets nobody mount a disk: only the other test of this file was made");
        return;
    }
    let server = Server::start(Setup::for_load().disk_bytes(16 * 1_024 * 1_024)).await;
    let address = server.address();
    let ballast = server.data_within().join("ballast");
    std::fs::write(&ballast, vec![0; 8 * 1_024 * 1_024]).expect("there is space yet");
    let (mut ana, welcome) = Wire::guest(address, "ana").await;
    let user = welcome.user.id;
    let mut ledger = Ledger::new();
    ana.join("lobby").await;
    let (refused, reason) = fill(&mut ana, user, &mut ledger).await;
    assert_eq!(reason.code, ErrorCode::StoreUnavailable, "{reason}");
    assert_eq!(ana.whole_log("lobby").await.len(), ledger.acknowledgements(), "reading goes on");
    let mut late = Wire::connect(address).await;
    late.hello_token(&welcome.token).await;
    assert_eq!(late.join("lobby").await.seq, ledger.acknowledgements() as u64);

    std::fs::remove_file(&ballast).expect("the ballast");
    eventually("/readyz to recover", async || (http::get(address, "/readyz").await.status == 200).then_some(())).await;
    for nonce in &refused {
        let posted = late.post("lobby", nonce, "once more").await;
        assert!(!posted.duplicate, "{nonce} was refused, but it was stored");
        ledger.acknowledged("lobby", user, nonce, posted);
    }
    ledger.got_all("late", &late.whole_log("lobby").await);
    ledger.must_be_whole("late", "lobby");
    ledger.assert_kept();
}

#[tokio::test]
async fn a_log_that_cannot_be_written_stops_nothing() {
    // Every write to this device fails as on a full disk.
    let setup = Setup::for_load().variable("HUBBUB_LOG_FILTER", "debug").log_to("/dev/full");
    let mut server = Server::start(setup).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    ana.join("lobby").await;
    assert_eq!(ana.post("lobby", "n", "hi").await.seq, 1);
    server.terminate();
    assert_eq!(ana.ending().await.1, 1001);
    assert_eq!(server.exit().await.code(), Some(0));
}
