//! The link over real sockets, against a server that a test scripts frame by frame.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hubbub_protocol::{
    ErrorCode, Event, Request, RequestFrame, SUBPROTOCOL,
    envelope::encode_ok,
    event::PostKind,
    reply::{Done, Posted, Resume},
};
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request as HttpRequest, Response as HttpResponse},
        http::HeaderValue,
    },
};

use super::{
    fixture::{event, joined, lobby, welcome},
    *,
};

/// More than anything here takes; only a test that would hang for ever meets it.
const PATIENCE: Duration = Duration::from_secs(30);

struct Listener(TcpListener);

/// The server's end of one connection.
struct Peer(WebSocketStream<TcpStream>);

impl Listener {
    async fn new() -> (Self, LinkConfig) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let mut config = LinkConfig::new(ServerUrl::parse(&address).expect("a url"), Identity::made_up());
        config.backoff.base = Duration::from_millis(10);
        (Self(listener), config)
    }

    #[expect(clippy::result_large_err, reason = "the callback's type is the library's")]
    async fn accept(&self) -> Peer {
        let (socket, _) = timeout(PATIENCE, self.0.accept()).await.expect("in time").expect("a connection");
        let pick = |_: &HttpRequest, mut response: HttpResponse| {
            response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
            Ok(response)
        };
        Peer(accept_hdr_async(socket, pick).await.expect("an upgrade"))
    }
}

impl Peer {
    /// The next request; `None` when the client has closed.
    async fn request(&mut self) -> Option<RequestFrame> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("in time")? {
                Ok(Message::Text(text)) => return Some(RequestFrame::decode(&text).expect("a request")),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    async fn send(&mut self, text: String) {
        self.0.send(Message::text(text)).await.expect("sent");
    }

    async fn answer(&mut self, ok: &impl Serialize) -> Request {
        let RequestFrame { id, request } = self.request().await.expect("a request");
        self.send(encode_ok(id, ok).expect("encodes")).await;
        request
    }

    async fn event(&mut self, event: &Event) {
        self.send(serde_json::to_string(event).expect("encodes")).await;
    }
}

/// Reads updates until one is what is wanted, and returns what `pick` made of it.
async fn until<T>(updates: &mut LinkUpdates, mut pick: impl FnMut(Update) -> Option<T>) -> T {
    let find = async {
        loop {
            let update = updates.next().await.expect("the link goes on");
            if let Some(found) = pick(update) {
                return found;
            }
        }
    };
    timeout(PATIENCE, find).await.expect("in time")
}

#[tokio::test]
async fn a_cut_connection_goes_on_where_it_was_and_the_post_is_not_sent_twice() {
    let (listener, config) = Listener::new().await;
    let (link, mut updates) = Link::start(config);
    let wanted = link.clone();
    let join = tokio::spawn(async move { wanted.join(&lobby(), JoinFrom::Newest).await });
    let mut peer = listener.accept().await;
    assert!(matches!(peer.answer(&welcome(false)).await, Request::Hello(hello) if hello.token.is_none()));
    peer.answer(&joined(lobby(), 0, Resume::Fresh, Vec::new())).await;
    until(&mut updates, |update| matches!(update, Update::Room(_)).then_some(())).await;
    assert_eq!(join.await.expect("no panic").expect("joined").room, lobby());
    let nonce = link.post(&lobby(), "hi", PostKind::Text).expect("queued");
    assert!(
        matches!(peer.request().await.expect("a post").request, Request::Post(post) if post.nonce == nonce.as_str())
    );
    drop(peer);

    let mut peer = listener.accept().await;
    assert!(
        matches!(peer.answer(&welcome(true)).await, Request::Hello(hello) if hello.token.as_deref() == Some("secret"))
    );
    let events = vec![event(1, nonce.as_str())];
    let Request::Join(join) = peer.answer(&joined(lobby(), 1, Resume::Complete, events)).await else {
        panic!("no join")
    };
    assert_eq!(join.since.map(|since| since.seq), Some(0));
    peer.event(&event(2, "other")).await;
    let mut given = Vec::new();
    let mut settled = None;
    until(&mut updates, |update| {
        match update {
            Update::Events { events, .. } => given.extend(events.iter().filter_map(Event::seq)),
            Update::Settled { nonce, seq, .. } => settled = Some((nonce, seq)),
            _ => {}
        }
        (given.len() >= 2 && settled.is_some()).then_some(())
    })
    .await;
    assert_eq!((given, settled), (vec![1, 2], Some((nonce, 1))));
    // The next thing that the server hears is the end, not the post again.
    let leaving = link.clone();
    let quit = tokio::spawn(async move { leaving.quit().await });
    assert!(matches!(peer.answer(&Done {}).await, Request::Quit(_)));
    until(&mut updates, |update| {
        matches!(update, Update::State(LinkState::Closed { reason: CloseReason::Quit })).then_some(())
    })
    .await;
    assert_eq!(updates.next().await, None);
    quit.await.expect("no panic");
    assert_eq!(link.post(&lobby(), "late", PostKind::Text), Err(PostError::Closed));
}

#[tokio::test]
async fn a_slow_reader_gets_every_event_in_order() {
    const EVENTS: u64 = 20_000;
    let (listener, mut config) = Listener::new().await;
    config.capacity.updates_max = 4;
    let (link, mut updates) = Link::start(config);
    let wanted = link.clone();
    tokio::spawn(async move { wanted.join(&lobby(), JoinFrom::Newest).await });
    let mut peer = listener.accept().await;
    peer.answer(&welcome(false)).await;
    peer.answer(&joined(lobby(), 0, Resume::Fresh, Vec::new())).await;
    let sending = tokio::spawn(async move {
        for seq in 1..=EVENTS {
            peer.event(&event(seq, "n")).await;
        }
        peer
    });
    let mut last = 0;
    until(&mut updates, |update| {
        if let Update::Events { events, .. } = update {
            for event in events {
                assert_eq!(event.seq(), Some(last + 1));
                last += 1;
            }
        }
        (last == EVENTS).then_some(())
    })
    .await;
    drop((sending.await, link));
}

#[tokio::test]
async fn a_ping_measures_the_way_there_and_back() {
    let (listener, config) = Listener::new().await;
    let (_link, mut updates) = Link::start(config);
    let mut peer = listener.accept().await;
    peer.answer(&welcome(false)).await;
    let answering = tokio::spawn(async move { peer.request().await });
    until(&mut updates, |update| matches!(update, Update::Latency(_)).then_some(())).await;
    drop((_link, updates));
    assert!(answering.await.expect("no panic").is_none());
}

#[tokio::test]
async fn when_the_last_handle_is_gone_the_link_says_goodbye_and_ends() {
    let (listener, config) = Listener::new().await;
    let (link, mut updates) = Link::start(config);
    let mut peer = listener.accept().await;
    peer.answer(&welcome(false)).await;
    drop(link);
    assert!(peer.request().await.is_none());
    let closed = |update| if let Update::State(LinkState::Closed { reason }) = update { Some(reason) } else { None };
    assert_eq!(until(&mut updates, closed).await, CloseReason::Dropped);
    assert_eq!(updates.next().await, None);
}

#[tokio::test]
async fn a_full_server_is_told_with_its_words_and_tried_again() {
    let (listener, config) = Listener::new().await;
    let (_link, mut updates) = Link::start(config);
    let (mut socket, _) = timeout(PATIENCE, listener.0.accept()).await.expect("in time").expect("a connection");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.expect("a request"));
    }
    let body = r#"{"re":null,"error":{"code":"server_full","message":"full","retry_after_ms":20}}"#;
    let answer = format!("HTTP/1.1 503 Service Unavailable\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    socket.write_all(answer.as_bytes()).await.expect("answered");
    let reason = |update| match update {
        Update::State(LinkState::Waiting { reason: Outage::Refused(error), .. }) => Some(error),
        _ => None,
    };
    assert_eq!(until(&mut updates, reason).await.code, ErrorCode::ServerFull);
    listener.accept().await.answer(&welcome(false)).await;
    until(&mut updates, |update| matches!(update, Update::State(LinkState::Online { .. })).then_some(())).await;
}

#[tokio::test]
async fn posts_are_bounded_and_wait_for_the_connection() {
    let (listener, mut config) = Listener::new().await;
    config.capacity.posts_max = 2;
    let (link, mut updates) = Link::start(config);
    let wanted = link.clone();
    tokio::spawn(async move { wanted.join(&lobby(), JoinFrom::Newest).await });
    tokio::task::yield_now().await;
    let nonces = ["one", "two"].map(|text| link.post(&lobby(), text, PostKind::Text).expect("queued"));
    assert_eq!(link.post(&lobby(), "three", PostKind::Text), Err(PostError::Full { max: 2 }));
    let waiting = link.clone();
    let third = tokio::spawn(async move { waiting.post_and_wait(&lobby(), "three", PostKind::Text).await });
    let server = tokio::spawn(async move {
        let mut peer = listener.accept().await;
        peer.answer(&welcome(false)).await;
        peer.answer(&joined(lobby(), 0, Resume::Fresh, Vec::new())).await;
        let mut texts = Vec::new();
        for seq in 1..=3 {
            let Request::Post(post) = peer.answer(&Posted { seq, at: seq, duplicate: false }).await else {
                panic!("no post")
            };
            texts.push(post.text);
        }
        (peer, texts)
    });
    let mut settled = Vec::new();
    until(&mut updates, |update| {
        if let Update::Settled { nonce, seq, .. } = update {
            settled.push((nonce, seq));
        }
        (settled.len() == 3).then_some(())
    })
    .await;
    assert_eq!(settled[..2], [(nonces[0].clone(), 1), (nonces[1].clone(), 2)]);
    assert_eq!(third.await.expect("no panic").expect("stored").posted.seq, 3);
    assert_eq!(server.await.expect("no panic").1, ["one", "two", "three"]);
}
