//! Rates: what is allowed at once passes, what comes faster is refused, and waiting as told helps the first time.

use std::time::Duration;

use hubbub_protocol::ErrorCode::RateLimited;
use hubbub_tests::server::{Server, Setup};
use tokio::time::{Instant, sleep};

use crate::peer::{Peer, text};

/// Sends requests in one segment; answers how many of them passed, the longest wait that others were told, and how
/// many may have passed: those at once, and those for which there was time.
async fn burst(peer: &mut Peer, requests: Vec<Vec<u8>>, at_once: u64, per_s: u64) -> (u64, Option<u64>, u64) {
    let begun = Instant::now();
    assert!(peer.send(&requests.concat()).await);
    let (mut passed, mut wait_ms) = (0, None);
    for _ in &requests {
        match peer.reply_body().await.1 {
            Ok(()) => passed += 1,
            Err(error) => {
                assert_eq!(error.code, RateLimited);
                wait_ms = wait_ms.max(error.retry_after_ms);
            }
        }
    }
    let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).expect("a short time") + 1;
    (passed, wait_ms, at_once + elapsed_ms * per_s / 1_000 + 1)
}

#[tokio::test]
async fn posts_pass_as_many_as_allowed_at_once_on_whichever_connection_and_later_as_told() {
    let server = Server::start(Setup::new().limit("post_burst", 7).limit("posts_per_s", 1)).await;
    let mut peer = Peer::upgraded(server.address()).await;
    let mut wire = hubbub_tests::wire::Wire::connect(server.address()).await;
    let token = wire.hello_guest("poster").await.token;
    let hello = serde_json::json!({"id": 0, "op": "hello", "token": token}).to_string();
    let join = r#"{"id":0,"op":"join","room":"lobby"}"#;
    let posts = |first: u64, count: u64| {
        let post = |number| format!(r#"{{"id":1,"op":"post","room":"lobby","nonce":"{number}","text":"x"}}"#);
        (first..first + count).map(|number| text(&post(number))).collect::<Vec<_>>()
    };
    for request in [&hello, join] {
        assert!(peer.send(&text(request)).await);
        assert_eq!(peer.reply().await, (Some(0), Ok(())));
    }
    let begun = Instant::now();
    let (passed, wait_ms, most) = burst(&mut peer, posts(0, 40), 7, 1).await;
    assert!((7..=most).contains(&passed), "{passed} of {most}");
    let wait_ms = wait_ms.expect("some were refused");
    assert!((1..=1_000).contains(&wait_ms), "one a second: {wait_ms}");
    // Another connection of the same session brings no new burst.
    let mut other = Peer::upgraded(server.address()).await;
    for request in [&hello, join] {
        assert!(other.send(&text(request)).await);
        assert_eq!(other.reply().await, (Some(0), Ok(())));
    }
    let (more, ..) = burst(&mut other, posts(100, 40), 0, 1).await;
    let most = 7 + u64::try_from(begun.elapsed().as_millis()).expect("a short time") / 1_000 + 1;
    assert!(passed + more <= most, "{passed} and {more} of {most}");
    for number in 200..203 {
        let (_, wait_ms, _) = burst(&mut other, posts(number * 10, 10), 0, 1).await;
        sleep(Duration::from_millis(wait_ms.expect("some were refused"))).await;
        assert_eq!(burst(&mut other, posts(number * 1_000, 1), 0, 1).await.0, 1, "it was waited as told");
    }
}

#[tokio::test]
async fn requests_pass_as_many_as_allowed_at_once_and_later_as_told() {
    let setup = Setup::new().limit("request_burst", 30).limit("requests_per_s", 2).limit("invalid_requests_max", 1_000);
    let server = Server::start(setup).await;
    let mut peer = Peer::greeted(server.address(), "asker").await;
    let rooms = |count| vec![text(r#"{"id":1,"op":"rooms"}"#); count];
    // The hello counts, too.
    let (passed, wait_ms, most) = burst(&mut peer, rooms(100), 29, 2).await;
    assert!((29..=most).contains(&passed), "{passed} of {most}");
    assert!((1..=500).contains(&wait_ms.expect("some were refused")));
    for _ in 0..3 {
        let (_, wait_ms, _) = burst(&mut peer, rooms(10), 0, 2).await;
        sleep(Duration::from_millis(wait_ms.expect("some were refused"))).await;
        assert_eq!(burst(&mut peer, rooms(1), 0, 2).await.0, 1, "it was waited as told");
    }
    // A new connection begins anew: the rate is a connection's.
    let mut other = Peer::greeted(server.address(), "another").await;
    assert!(burst(&mut other, rooms(29), 29, 2).await.0 == 29);
}
