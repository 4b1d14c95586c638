//! Handshakes that are slow, large, old or something else: each gets its documented status, and is let go.

use std::{net::SocketAddr, time::Duration};

use hubbub_tests::{eventually::within, http, server::Setup};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::interval,
};

use crate::{
    peer::{Heard, PING, Peer, frame, text},
    scene::{GROWTH_BYTES_MAX, Scene},
};

/// The status of the answer to a head; `None` when the server hangs up without one.
async fn status(address: SocketAddr, head: &str) -> Option<u16> {
    let mut peer = Peer::connect(address).await;
    // The server may have hung up before it was all sent.
    peer.send(head.as_bytes()).await;
    let answer = peer.head().await;
    answer.split(' ').nth(1)?.parse().ok()
}

#[tokio::test]
async fn handshakes_that_are_none_get_their_status() {
    let mut scene = Scene::start(Setup::new()).await;
    let address = scene.address();
    let good = format!("{}\r\n", http::upgrade_head(address));
    assert_eq!(status(address, &good).await, Some(101));
    let wrong = [
        ("an old version", good.replace("Version: 13", "Version: 8"), 426),
        ("no version", good.replace("Sec-WebSocket-Version: 13\r\n", ""), 426),
        ("a version of the future", good.replace("Version: 13", "Version: 14"), 426),
        ("a key that is none", good.replace("dGhlIHNhbXBsZSBub25jZQ==", "x"), 400),
        ("a key that is too short", good.replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ=="), 400),
        ("HTTP/1.0", good.replace("HTTP/1.1", "HTTP/1.0"), 400),
        ("no host", good.replace("Host:", "X-Host:"), 400),
        ("no key", good.replace("Sec-WebSocket-Key", "X-Key"), 400),
        ("another upgrade", good.replace("Upgrade: websocket", "Upgrade: h2c"), 426),
        ("elsewhere", good.replace("/v1/ws", "/v2/ws"), 404),
        ("at the page", good.replace("/v1/ws", "/"), 404),
        ("below", good.replace("/v1/ws", "/v1/ws/x"), 404),
        ("a climb", good.replace("/v1/ws", "/v1/../v1/ws"), 404),
        ("POST", good.replace("GET", "POST"), 405),
        ("PUT", good.replace("GET", "PUT"), 405),
        ("no upgrade", good.replace("Upgrade: websocket\r\n", "").replace("Connection: Upgrade\r\n", ""), 426),
        ("a foreign page", good.replace("\r\n\r\n", "\r\nOrigin: https://evil.example\r\n\r\n"), 403),
        ("no page at all", good.replace("\r\n\r\n", "\r\nOrigin: null\r\n\r\n"), 403),
        (
            "a page of the same port",
            good.replace("\r\n\r\n", &format!("\r\nOrigin: http://evil:{}\r\n\r\n", address.port())),
            403,
        ),
        ("no HTTP", "hello there\r\n\r\n".to_owned(), 400),
        ("HTTP of the future", good.replace("HTTP/1.1", "HTTP/9.9"), 400),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n".to_owned(), 400),
        ("a NUL in a field", good.replace("websocket", "web\0socket"), 400),
        ("a field without a colon", good.replace("Host: ", "Host "), 400),
        (
            "two lengths",
            good.replace("GET", "POST").replace("Upgrade: websocket\r\n", "Content-Length: 1\r\nContent-Length: 2\r\n"),
            400,
        ),
        ("a length that is none", good.replace("Upgrade: websocket\r\n", "Content-Length: -1\r\n"), 400),
    ];
    let mut others = Vec::new();
    for (name, head, expected) in wrong {
        let found = status(address, &head).await;
        if found != Some(expected) {
            others.push(format!("{name}: {found:?}, not {expected}"));
        }
    }
    assert!(others.is_empty(), "{others:#?}");
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_one_without_end_is_cut_off() {
    let mut scene = Scene::start(Setup::new()).await;
    let address = scene.address();
    let padded = |bytes: usize| format!("{}X-Padding: {}\r\n\r\n", http::upgrade_head(address), "x".repeat(bytes));
    assert_eq!(status(address, &padded(7_000)).await, Some(101));
    assert_eq!(status(address, &padded(9_000)).await, Some(431));
    let fields: String = (0..90).map(|number| format!("X-{number}: {}\r\n", "y".repeat(100))).collect();
    assert_eq!(status(address, &format!("{}{fields}\r\n", http::upgrade_head(address))).await, Some(431));
    let many: String = (0..500).map(|number| format!("X-{number}: y\r\n")).collect();
    let many = status(address, &format!("{}{many}\r\n", http::upgrade_head(address))).await;
    assert!(matches!(many, Some(400 | 431)), "more fields than HTTP here takes: {many:?}");
    for endless in ["GET /v1/ws HTTP/1.1\r\nX: ", "GET /", "GET / HTTP/1.1\r\nX: y\r\n"] {
        let mut peer = Peer::connect(address).await;
        assert!(peer.send(endless.as_bytes()).await);
        let mut sent = 0;
        while peer.send(&[b'x'; 16_384]).await {
            sent += 16_384;
            assert!(sent < 64 << 20, "the server reads a head without end");
        }
        let answer = peer.head().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        scene.well_served().await;
    }
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn a_slow_handshake_gets_408_and_is_let_go() {
    let mut scene = Scene::start(Setup::new().limit("http_head_ms", 1_000)).await;
    let head = format!("{}\r\n", http::upgrade_head(scene.address()));
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(Peer::connect(scene.address()).await);
    }
    let drip = slow.iter_mut().map(|peer| {
        let head = head.as_bytes();
        async move {
            let (from, to) = peer.halves();
            let mut pace = interval(Duration::from_millis(100));
            let mut answer = Vec::new();
            for byte in head {
                tokio::select! {
                    count = from.read_buf(&mut answer) => if count.unwrap_or(0) == 0 { break },
                    _ = pace.tick() => if to.write_all(&[*byte]).await.is_err() { break },
                }
            }
            // What is left to read behind the last byte that was taken.
            while from.read_buf(&mut answer).await.is_ok_and(|count| count > 0) {}
            String::from_utf8_lossy(&answer).into_owned()
        }
    });
    let answers = within("slow handshakes to end", futures_util::future::join_all(drip)).await;
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    }
    drop(slow);
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn frames_in_one_segment_with_the_upgrade_are_taken() {
    let mut scene = Scene::start(Setup::new()).await;
    let address = scene.address();
    let behind = [
        frame(PING, b"at once"),
        text(r#"{"id":1,"op":"hello","guest":"quick"}"#),
        text(r#"{"id":2,"op":"join","room":"lobby"}"#),
        text(r#"{"id":3,"op":"post","room":"lobby","nonce":"n","text":"first"}"#),
    ];
    let mut peer = Peer::connect(address).await.upgrade(address, &behind.concat()).await;
    assert_eq!(peer.hear().await, Heard::Pong(b"at once".to_vec()));
    for id in 1..=3 {
        assert_eq!(peer.reply().await, (Some(id), Ok(())));
    }
    // Cut in the middle of a frame.
    let cut = text(r#"{"id":1,"op":"hello","guest":"cut"}"#);
    let mut other = Peer::connect(address).await.upgrade(address, &cut[..20]).await;
    assert!(other.send(&cut[20..]).await);
    assert_eq!(other.reply().await, (Some(1), Ok(())));
    // Behind another request on the same connection.
    let mut third = Peer::connect(address).await;
    let page = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n");
    assert!(third.send(format!("{page}{}\r\n", http::upgrade_head(address)).as_bytes()).await);
    assert!(third.head().await.starts_with("HTTP/1.1 200 "));
    let upgraded = third.head().await;
    assert!(upgraded.contains("HTTP/1.1 101 "), "{upgraded}");
    third.greet("third").await;
    // As much as a server reads at once, and more.
    let many = text(r#"{"id":7,"op":"rooms"}"#).repeat(500);
    let hello = text(r#"{"id":0,"op":"hello","guest":"many"}"#);
    let mut fourth = Peer::connect(address).await.upgrade(address, &[hello, many].concat()).await;
    assert_eq!(fourth.reply().await, (Some(0), Ok(())));
    for _ in 0..500 {
        assert_eq!(fourth.reply().await, (Some(7), Ok(())));
    }
    drop((peer, other, third, fourth));
    scene.settles(GROWTH_BYTES_MAX).await;
}

#[tokio::test]
async fn a_body_that_nobody_asked_for_takes_no_memory() {
    let mut scene = Scene::start(Setup::new()).await;
    let address = scene.address();
    for head in ["Content-Length: 1099511627776\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n"] {
        for path in ["/", "/v1/ws", "/metrics", "/nothing"] {
            let mut peer = Peer::connect(address).await;
            assert!(peer.send(format!("POST {path} HTTP/1.1\r\nHost: {address}\r\n{head}").as_bytes()).await);
            for _ in 0..256 {
                if !peer.send(&[b'x'; 65_536]).await {
                    break;
                }
            }
            let answer = peer.head().await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
        }
    }
    scene.settles(GROWTH_BYTES_MAX).await;
}
