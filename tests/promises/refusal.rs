//! Promise 6, what is refused is said: every code is provoked over real sockets, with its sentence and its wait.

use std::collections::HashMap;

use hubbub_protocol::{ErrorBody, ErrorCode, Request, error::Retry, request};
use hubbub_tests::{
    eventually::eventually,
    http,
    server::{Server, Setup},
    wire::{Heard, Wire, hello_guest, hello_token, join, post},
};
use tokio::net::TcpStream;

/// Codes that no client can provoke, each with the reason. None at present.
const NOT_PROVOKED: &[(ErrorCode, &str)] = &[];

/// What was provoked.
#[derive(Default)]
struct Refusals(HashMap<ErrorCode, ErrorBody>);

impl Refusals {
    /// Notes an error, which must be this one and keep the rules for all.
    fn note(&mut self, code: ErrorCode, error: ErrorBody) {
        assert_eq!(error.code, code, "{error:?}");
        assert!(error.message.len() > 10 && !error.message.ends_with('.'), "no sentence for people: {error:?}");
        assert_eq!(error.retry_after_ms.is_some(), code.retry() == Retry::Later, "when to come back: {error:?}");
        assert_eq!(error.suggestion.is_some(), code == ErrorCode::NickTaken, "{error:?}");
        self.0.insert(code, error);
    }

    /// Sends a request that must be refused so.
    async fn ask(&mut self, code: ErrorCode, wire: &mut Wire, request: Request) {
        self.note(code, wire.refused(request).await);
    }
}

fn history(history: request::History) -> Request {
    Request::History(request::History { room: "lobby".to_owned(), ..history })
}

async fn provoke_with_defaults(refusals: &mut Refusals) {
    let server = Server::start(Setup::new()).await;
    let address = server.address();
    let mut wire = Wire::connect(address).await;
    for (text, code) in
        [("{", ErrorCode::Malformed), ("[1]", ErrorCode::Malformed), (r#"{"id":9,"op":"dance"}"#, ErrorCode::UnknownOp)]
    {
        wire.send_text(text).await;
        match wire.hear().await {
            Heard::Reply(re, Err(error)) => {
                assert_eq!(re, (code == ErrorCode::UnknownOp).then_some(9));
                refusals.note(code, error);
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    refusals.ask(ErrorCode::HelloRequired, &mut wire, join("lobby", None)).await;
    refusals.ask(ErrorCode::InvalidNick, &mut wire, hello_guest("two words")).await;
    refusals.ask(ErrorCode::UnknownSession, &mut wire, hello_token("of-nobody")).await;
    refusals.ask(ErrorCode::InvalidArgument, &mut wire, Request::Hello(request::Hello::default())).await;
    wire.hello_guest("ana").await;
    refusals.ask(ErrorCode::AlreadyGreeted, &mut wire, hello_guest("bo")).await;
    let mut other = Wire::connect(address).await;
    refusals.ask(ErrorCode::NickTaken, &mut other, hello_guest("ANA")).await;
    other.hello_guest(refusals.0[&ErrorCode::NickTaken].suggestion.as_deref().expect("noted")).await;

    refusals.ask(ErrorCode::InvalidRoom, &mut wire, join("no room", None)).await;
    refusals.ask(ErrorCode::NoSuchRoom, &mut wire, history(request::History::default())).await;
    refusals.ask(ErrorCode::NotJoined, &mut wire, post("lobby", "n", "hi")).await;
    wire.join("lobby").await;
    refusals.ask(ErrorCode::TextEmpty, &mut wire, post("lobby", "n", " \n")).await;
    refusals.ask(ErrorCode::TextTooLong, &mut wire, post("lobby", "n", &"ä".repeat(4_001))).await;
    refusals.ask(ErrorCode::InvalidNonce, &mut wire, post("lobby", "two words", "hi")).await;
    refusals.ask(ErrorCode::InvalidArgument, &mut wire, post("lobby", "n", "\u{1b}[2J")).await;
    let none = request::History { limit: Some(0), ..Default::default() };
    refusals.ask(ErrorCode::InvalidArgument, &mut wire, history(none)).await;
    let both = request::History { after: Some(1), before: Some(2), ..Default::default() };
    refusals.ask(ErrorCode::InvalidArgument, &mut wire, history(both)).await;
    assert_eq!(wire.whole_log("lobby").await, [], "nothing of all that was posted");
    let error = eventually("the rate to be met", async || {
        let id = wire.send(post("lobby", "n", "hi")).await;
        wire.reply(id).await.err()
    })
    .await;
    refusals.note(ErrorCode::RateLimited, error);
}

async fn provoke_with_small_limits(refusals: &mut Refusals) {
    let setup = Setup::for_load().limit("rooms_per_session_max", 2).limit("rooms_max", 3);
    let server = Server::start(setup.limit("connections_max", 3).limit("sessions_max", 3)).await;
    let address = server.address();
    let mut ana = Wire::guest(address, "ana").await.0;
    ana.join("one").await;
    ana.join("two").await;
    refusals.ask(ErrorCode::TooManyRooms, &mut ana, join("three", None)).await;
    ana.join("one").await;
    let mut bo = Wire::guest(address, "bo").await.0;
    bo.join("three").await;
    refusals.ask(ErrorCode::RoomLimit, &mut bo, join("four", None)).await;
    bo.join("two").await;

    // Full of sessions: that of the third lives on without its connection.
    Wire::guest(address, "cy").await.0.finish().await;
    let mut fourth = eventually("the third's place", async || Wire::try_connect(address).await.ok()).await;
    refusals.ask(ErrorCode::ServerFull, &mut fourth, hello_guest("di")).await;
    // Full of connections: said at the door.
    let answer = http::upgrade(address, "").await;
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("5")), "{answer:?}");
    refusals.note(ErrorCode::ServerFull, answer.error());
}

async fn provoke_at_the_door(refusals: &mut Refusals) {
    let server = Server::start(Setup::new().limit("connections_per_ip_max", 1).host("0.0.0.0")).await;
    let local = std::net::SocketAddr::from(([127, 0, 0, 1], server.address().port()));
    let answer = http::upgrade(local, "Origin: https://elsewhere.example\r\n").await;
    assert_eq!(answer.status, 403);
    refusals.note(ErrorCode::ForbiddenOrigin, answer.error());
    let own = http::upgrade(local, &format!("Origin: http://{local}\r\n")).await;
    assert_eq!(own.status, 101, "the server's own page may connect: {own:?}");

    refusals.note(ErrorCode::UpgradeRequired, http::get(local, "/v1/ws").await.error());
    refusals.note(ErrorCode::NotFound, http::get(local, "/nothing").await.error());
    let post = format!("POST /v1/ws HTTP/1.1\r\nHost: {local}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    refusals.note(ErrorCode::MethodNotAllowed, http::exchange(local, post.as_bytes()).await.error());

    // Loopback is exempt, so the machine's own address is used; that needs a route, and leaves nothing.
    let Some(ip) = own_address() else {
        println!("this machine has no address but loopback: too_many_connections is not provoked");
        return;
    };
    let outside = std::net::SocketAddr::new(ip, server.address().port());
    let first = Wire::connect(outside).await;
    let answer = http::upgrade(outside, "").await;
    assert_eq!((answer.status, answer.field("retry-after")), (429, Some("5")), "{answer:?}");
    refusals.note(ErrorCode::TooManyConnections, answer.error());
    assert_eq!(http::upgrade(local, "").await.status, 101, "loopback is not counted");
    drop(first);
}

/// An address of this machine that is not loopback; asking for it sends nothing.
fn own_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.254:9").ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

async fn provoke_with_a_failing_store(refusals: &mut Refusals) {
    let setup = Setup::for_load().limit("store_readers", 1).limit("store_reader_inbox_max", 1);
    let mut server = Server::start(setup.ignoring("XFSZ")).await;
    let address = server.address();
    let (mut ana, welcome) = Wire::guest(address, "ana").await;
    ana.join("lobby").await;
    for number in 0..400 {
        ana.post("lobby", &format!("spoil-{number}"), &"x".repeat(200)).await;
    }
    // One reader, one place behind it, and many who read at once.
    let mut crowd = Vec::new();
    for number in 0..16 {
        crowd.push(Wire::guest(address, &format!("reader{number}")).await.0);
    }
    let all = request::History { limit: Some(500), ..Default::default() };
    let error = eventually("the readers to be overloaded", async || {
        let mut ids = Vec::new();
        for wire in &mut crowd {
            ids.push(wire.send(history(all.clone())).await);
        }
        let mut refused = None;
        for (wire, id) in crowd.iter_mut().zip(ids) {
            refused = wire.reply(id).await.err().or(refused);
        }
        refused
    })
    .await;
    refusals.note(ErrorCode::Overloaded, error);

    server.limit_file_bytes(Some(0));
    refusals.ask(ErrorCode::StoreUnavailable, &mut ana, post("lobby", "n", "hi")).await;
    let mut late = Wire::connect(address).await;
    refusals.ask(ErrorCode::StoreUnavailable, &mut late, hello_guest("late")).await;
    refusals.ask(ErrorCode::StoreUnavailable, &mut ana, join("another", None)).await;
    server.limit_file_bytes(None);

    // Something that was stored is made unreadable: a nonce with a space in it.
    server.terminate();
    assert_eq!(server.exit().await.code(), Some(0));
    let path = server.data().join("hubbub.db");
    let mut bytes = std::fs::read(&path).expect("the database");
    let places: Vec<usize> =
        bytes.windows(9).enumerate().filter(|(_, window)| window == b"spoil-399").map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "the nonce stands in the file as it is");
    places.into_iter().for_each(|at| bytes[at + 5] = b' ');
    std::fs::write(&path, bytes).expect("the database");
    server.restart().await;
    let mut again = Wire::connect(address).await;
    again.hello_token(&welcome.token).await;
    refusals.ask(ErrorCode::Internal, &mut again, history(request::History::default())).await;
}

async fn provoke_while_draining(refusals: &mut Refusals) {
    let mut server = Server::start(Setup::new()).await;
    let early = TcpStream::connect(server.address()).await.expect("the server listens");
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    server.terminate();
    // Ana does not answer the close frame, so the drain goes on for a moment.
    ana.event_that(|event| matches!(event, hubbub_protocol::Event::Goodbye(_))).await;
    let request = format!("{}\r\n", http::upgrade_head(server.address()));
    let answer = http::exchange_over(early, request.as_bytes()).await;
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("5")), "{answer:?}");
    refusals.note(ErrorCode::ShuttingDown, answer.error());
    drop(ana);
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn every_code_can_be_provoked_and_says_what_to_do() {
    let mut refusals = Refusals::default();
    provoke_with_defaults(&mut refusals).await;
    provoke_with_small_limits(&mut refusals).await;
    provoke_at_the_door(&mut refusals).await;
    provoke_with_a_failing_store(&mut refusals).await;
    provoke_while_draining(&mut refusals).await;
    for code in ErrorCode::ALL {
        let excused = NOT_PROVOKED.iter().any(|(excused, _)| excused == code)
            || (*code == ErrorCode::TooManyConnections && own_address().is_none());
        assert!(excused != refusals.0.contains_key(code), "{code}: provoke it here, or say why that cannot be");
    }
}

#[tokio::test]
async fn http_requests_that_are_no_websocket_are_told_what_to_do() {
    let server = Server::start(Setup::new().limit("http_head_bytes_max", 2_048)).await;
    let address = server.address();
    let get = http::get(address, "/v1/ws").await;
    assert_eq!((get.status, get.field("upgrade")), (426, Some("websocket")), "{get:?}");
    assert!(get.body.contains("hubbub.v1"), "{get:?}");
    assert_eq!(http::get(address, "/nothing").await.status, 404);
    let post = format!("POST /v1/ws HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let post = http::exchange(address, post.as_bytes()).await;
    assert_eq!((post.status, post.field("allow")), (405, Some("GET")), "{post:?}");

    let elsewhere = format!("{}\r\n", http::upgrade_head(address).replace("/v1/ws", "/v2/ws"));
    let elsewhere = http::exchange(address, elsewhere.as_bytes()).await;
    assert_eq!(elsewhere.status, 404, "{elsewhere:?}");
    assert!(elsewhere.error().message.contains("/v1/ws"), "{elsewhere:?}");
    let old = format!("{}\r\n", http::upgrade_head(address).replace("Version: 13", "Version: 8"));
    let old = http::exchange(address, old.as_bytes()).await;
    assert_eq!((old.status, old.field("sec-websocket-version")), (426, Some("13")), "{old:?}");
    let large = http::upgrade(address, &format!("X-Padding: {}\r\n", "x".repeat(2_048))).await;
    assert_eq!(large.status, 431, "{large:?}");
    let keyless = http::upgrade_head(address).replace("Sec-WebSocket-Key", "X-Key");
    let keyless = http::exchange(address, format!("{keyless}\r\n").as_bytes()).await;
    assert_eq!(keyless.status, 400, "{keyless:?}");
    assert!(!keyless.error().message.is_empty());
}

#[tokio::test]
async fn a_refusal_ends_nothing_until_there_are_too_many_in_a_row() {
    let server = Server::start(Setup::for_load().limit("invalid_requests_max", 5)).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    ana.join("lobby").await;
    for round in 0..3 {
        for _ in 0..4 {
            ana.send_text("nonsense").await;
            assert!(matches!(ana.hear().await, Heard::Event(_) | Heard::Reply(None, Err(_))));
        }
        ana.post("lobby", &round.to_string(), "a proper one between").await;
    }
    for _ in 0..5 {
        ana.send_text("nonsense").await;
    }
    assert_eq!(ana.ending().await.1, 1008);
}

#[tokio::test]
async fn waiting_as_long_as_told_helps() {
    let server = Server::start(Setup::new().limit("post_burst", 2).limit("posts_per_s", 5)).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    ana.join("lobby").await;
    let mut refused = 0;
    for number in 0..6 {
        let nonce = number.to_string();
        let id = ana.send(post("lobby", &nonce, "hi")).await;
        if let Err(error) = ana.reply(id).await {
            assert_eq!(error.code, ErrorCode::RateLimited);
            refused += 1;
            let wait_ms = error.retry_after_ms.expect("when to come back");
            tokio::time::sleep(std::time::Duration::from_millis(wait_ms)).await;
            assert!(!ana.post("lobby", &nonce, "hi").await.duplicate, "what was refused was not posted");
        }
    }
    assert!(refused > 0, "the rate was never met");
    assert_eq!(ana.whole_log("lobby").await.len(), 6);
}
