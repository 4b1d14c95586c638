//! Every close code is provoked over a real socket, with the goodbye before it where there is one.

use std::net::SocketAddr;

use hubbub_protocol::{ErrorCode, Request, close, event::GoodbyeReason, reply::Posted, request};
use hubbub_tests::{
    eventually::eventually,
    http,
    server::{Server, Setup},
    wire::{Heard, Wire, hello_token, post},
};
use tokio_tungstenite::tungstenite::Message;

/// Codes that are provoked by a test of another file.
const ELSEWHERE: &[(u16, &str)] = &[(close::SLOW, "slow::who_takes_nothing_for_too_long_is_closed_with_4002")];

/// A masked text frame of this declared length with these bytes; the mask is of zeros.
fn text_frame(declared: u64, bytes: &[u8]) -> Vec<u8> {
    [&[0x81, 0xff][..], &declared.to_be_bytes(), &[0; 4], bytes].concat()
}

async fn guest(address: SocketAddr, nick: &str) -> Wire {
    Wire::guest(address, nick).await.0
}

/// What peers that break the rules of WebSocket or of the protocol are closed with.
async fn broken_rules(address: SocketAddr) -> Vec<u16> {
    let frames = [vec![0x81, 0x02, b'h', b'i'], vec![0x81, 0x82, 0, 0, 0, 0, 0xff, 0xff], text_frame(1 << 40, b"")];
    let mut codes = Vec::new();
    for (number, bytes) in frames.into_iter().enumerate() {
        let mut wire = guest(address, &format!("breaker{number}")).await;
        wire.send_bytes(&bytes).await.expect("sent");
        codes.push(wire.ending().await.1);
    }
    let mut wire = guest(address, "binary").await;
    wire.send_message(Message::binary(vec![1])).await;
    codes.push(wire.ending().await.1);
    let mut wire = guest(address, "babbler").await;
    for _ in 0..8 {
        wire.send_text("nonsense").await;
    }
    codes.push(wire.ending().await.1);
    codes
}

/// What peers that do nothing are closed with.
async fn silence() -> Vec<u16> {
    let setup = Setup::new().limit("hello_ms", 1_500).limit("ping_interval_ms", 1_000).limit("pings_missed_max", 1);
    let server = Server::start(setup).await;
    let address = server.address();
    let mut nameless = Wire::connect(address).await;
    let unnamed = nameless.ending().await.1;
    // A client answers pings when it reads; this one reads only when it is over.
    let mut deaf = guest(address, "deaf").await;
    eventually("the deaf one to be closed", async || {
        let outcome = "hubbub_evicted_total{reason=\"ping_timeout\"}";
        (http::metric(address, outcome).await > 0.0).then_some(())
    })
    .await;
    vec![unnamed, deaf.ending().await.1]
}

/// The frames that a server has read.
async fn frames(server: &Server) -> f64 {
    http::metric(server.address(), "hubbub_frames_in_total").await
}

/// A session that is resumed elsewhere while its quit is under way ends there, too.
async fn session_ended() -> u16 {
    let server = Server::start(Setup::for_load().limit("room_inbox_max", 1)).await;
    let mut bo = guest(server.address(), "bo").await;
    bo.join("lobby").await;
    for round in 0..50 {
        let (mut old, welcome) = Wire::guest(server.address(), &format!("quitter{round}")).await;
        old.join("lobby").await;
        let mut new = Wire::connect(server.address()).await;
        // The room waits for the store and its inbox fills up, so that the quit has to wait for space in it.
        let held = server.hold_store();
        let before = frames(&server).await;
        for number in 0..2 {
            bo.send(post("lobby", &format!("{round}-{number}"), "hi")).await;
        }
        eventually("the posts to be read", async || (frames(&server).await >= before + 2.0).then_some(())).await;
        old.send(Request::Quit(request::Quit {})).await;
        eventually("the quit to be read", async || (frames(&server).await >= before + 3.0).then_some(())).await;
        let resumed = new.send(hello_token(&welcome.token)).await;
        let resumed = new.reply(resumed).await;
        drop(held);
        match resumed {
            // The quit was faster than the posts.
            Err(error) => assert_eq!(error.code, ErrorCode::UnknownSession),
            Ok(_) => {
                let (goodbye, code) = new.ending().await;
                assert_eq!(goodbye.map(|goodbye| goodbye.reason), Some(GoodbyeReason::SessionEnded));
                return code;
            }
        }
    }
    panic!("every quit was done before the session could be resumed")
}

#[tokio::test]
async fn every_close_code_can_be_provoked() {
    let mut server = Server::start(Setup::for_load().limit("invalid_requests_max", 8)).await;
    let address = server.address();
    let mut seen = broken_rules(address).await;
    assert_eq!(seen, [close::PROTOCOL, close::INVALID_UTF8, close::TOO_BIG, close::UNSUPPORTED, close::POLICY]);
    let silent = silence().await;
    assert_eq!(silent, [close::HELLO_TIMEOUT, close::PING_TIMEOUT]);
    seen.extend(silent);
    seen.push(session_ended().await);
    guest(address, "quitter").await.quit().await;
    seen.push(close::NORMAL);
    let (mut old, welcome) = Wire::guest(address, "ana").await;
    let mut new = Wire::connect(address).await;
    new.hello_token(&welcome.token).await;
    seen.push(old.ending().await.1);
    server.terminate();
    seen.push(new.ending().await.1);
    server.exit().await;
    seen.push(a_room_does_not_answer().await);
    for (code, _, meaning) in close::ALL {
        let elsewhere = ELSEWHERE.iter().any(|(known, _)| known == code);
        assert!(elsewhere != seen.contains(code), "{code} {meaning}: provoke it here, or say where that is done");
    }
}

/// Another program holds the database: the rooms wait, longer than a room may take. Sending again is safe.
async fn a_room_does_not_answer() -> u16 {
    let server = Server::start(Setup::for_load().limit("room_answer_ms", 1_000)).await;
    let (mut ana, welcome) = Wire::guest(server.address(), "ana").await;
    let mut bo = guest(server.address(), "bo").await;
    ana.join("lobby").await;
    bo.join("kitchen").await;
    let held = server.hold_store();
    // The store is busy with this one in vain, while the next waits for its turn.
    bo.send(post("kitchen", "first", "hi")).await;
    eventually("the store to be busy with it", async || {
        let shown = server.inspect(&[]);
        String::from_utf8_lossy(&shown.stdout).contains("The writer is in a transaction").then_some(())
    })
    .await;
    ana.send(post("lobby", "second", "hi")).await;
    let code = loop {
        match ana.hear().await {
            Heard::Closed(code, _) => break code,
            Heard::Event(_) => {}
            other => panic!("{other:?}"),
        }
    };
    drop(held);
    let mut again = Wire::connect(server.address()).await;
    again.hello_token(&welcome.token).await;
    again.join("lobby").await;
    let posted: Posted = again.post("lobby", "second", "hi").await;
    assert_eq!((posted.seq, again.whole_log("lobby").await.len()), (1, 1), "once, whichever of the two it was");
    code
}
