//! Promise 1 when the disk is full: what cannot be stored is refused, the rest goes on, and later everything does.
//!
//! The disk is full for this one process: the kernel refuses to let its files grow (`RLIMIT_FSIZE`). The
//! signal that comes with it is ignored, as no real full disk sends one.

use hubbub_protocol::{ErrorBody, ErrorCode, envelope::read_ok, reply::Posted};
use hubbub_tests::{
    eventually::eventually,
    http,
    ledger::Ledger,
    server::{Server, Setup},
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
