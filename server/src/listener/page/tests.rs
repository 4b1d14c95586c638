//! What the HTTP side promises, over the routes themselves and once over a real socket.

use std::sync::atomic::AtomicUsize;

use actix_web::{App, HttpServer, http::Method, test};
use hubbub_protocol::{NameKey, RoomName, id::UnixMs, id::UserId};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::store::{
    Events, LogPage, NewSession, Outcomes, Page, RoomId, SessionChange, StoreError, StoreFuture, StoredRoom,
    StoredSession,
};

/// How the store of a test answers a probe.
#[derive(Clone, Copy)]
enum Mood {
    Well,
    Full,
    Silent,
}

/// A store that can be probed and nothing else.
struct MoodyStore {
    mood: Mood,
    probes: AtomicUsize,
}

fn closed<T: 'static>() -> StoreFuture<T> {
    StoreFuture::steps(async { Err(StoreError::Closed) })
}

impl Store for MoodyStore {
    fn open_room(&self, _: RoomName, _: UnixMs, _: u64) -> StoreFuture<StoredRoom> {
        closed()
    }
    fn append(&self, _: RoomId, _: Events) -> StoreFuture<Outcomes> {
        closed()
    }
    fn read_log(&self, _: NameKey, _: Page, _: u32, _: u64) -> StoreFuture<Option<LogPage>> {
        closed()
    }
    fn list_rooms(&self, _: Option<NameKey>, _: u32) -> StoreFuture<Vec<StoredRoom>> {
        closed()
    }
    fn create_session(&self, _: NewSession) -> StoreFuture<UserId> {
        closed()
    }
    fn change_session(&self, _: String, _: SessionChange) -> StoreFuture<()> {
        closed()
    }
    fn recover_sessions(&self, _: UnixMs, _: UnixMs) -> StoreFuture<Vec<StoredSession>> {
        closed()
    }
    fn probe(&self) -> StoreFuture<()> {
        self.probes.fetch_add(1, Ordering::Relaxed);
        match self.mood {
            Mood::Well => StoreFuture::steps(async { Ok(()) }),
            Mood::Full => StoreFuture::steps(async { Err(StoreError::Unavailable("disk full".to_owned())) }),
            Mood::Silent => StoreFuture::steps(std::future::pending()),
        }
    }
    fn close(&self) -> StoreFuture<()> {
        closed()
    }
}

struct Fixture {
    state: Data<PageState>,
    store: Arc<MoodyStore>,
    draining: Arc<AtomicBool>,
}

fn fixture(mood: Mood) -> Fixture {
    let store = Arc::new(MoodyStore { mood, probes: AtomicUsize::new(0) });
    let draining = Arc::new(AtomicBool::new(false));
    let name = "Ana & <b>Bob</b>".to_owned();
    let state = Data::new(PageState::new(store.clone(), metrics::install(), draining.clone(), name));
    Fixture { state, store, draining }
}

struct Answer {
    status: u16,
    headers: header::HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

async fn ask(state: &Data<PageState>, method: Method, path: &str, host: &str) -> Answer {
    let app = test::init_service(App::new().app_data(state.clone()).configure(routes)).await;
    let request = test::TestRequest::with_uri(path).method(method).insert_header(("Host", host)).to_request();
    let response = test::call_service(&app, request).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = String::from_utf8(test::read_body(response).await.to_vec()).expect("UTF-8");
    Answer { status, headers, body }
}

async fn get(state: &Data<PageState>, path: &str) -> Answer {
    ask(state, Method::GET, path, "chat.example:8080").await
}

#[actix_web::test]
async fn the_page_says_how_to_connect_to_the_address_it_was_reached_by() {
    let page = get(&fixture(Mood::Well).state, "/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("--bin hubbub -- --server chat.example:8080<"), "{}", page.body);
    assert!(page.body.contains("ws://chat.example:8080/v1/ws"));
    assert!(!page.body.contains("{{"), "a place was left empty");
}

#[actix_web::test]
async fn the_page_escapes_the_name_and_ignores_a_host_that_is_none() {
    let state = fixture(Mood::Well).state;
    let page = ask(&state, Method::GET, "/", "x<script>alert(1)</script>").await;
    assert!(page.body.contains("Ana &amp; &lt;b&gt;Bob&lt;/b&gt;"));
    assert!(!page.body.contains("<script"), "{}", page.body);
    for host in ["a;rm", "a b", "--help", "", "a`b`", "a$(b)"] {
        assert!(super::page("x", false, host).contains("--server 127.0.0.1:8080<"), "{host}");
    }
}

#[actix_web::test]
async fn behind_a_proxy_with_tls_the_addresses_are_secure() {
    let page = super::page("x", true, "chat.example");
    assert!(page.contains("--server https://chat.example<"));
    assert!(page.contains("wss://chat.example/v1/ws"));
}

#[actix_web::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let page = get(&fixture(Mood::Well).state, "/").await;
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let style = page.body.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).expect("a style");
    assert!(
        policy.contains(&BASE64_STANDARD.encode(Sha256::digest(style))),
        "the policy names the style as it is sent"
    );
    for tag in ["<script", "<img", "@import", "url(", "style=\"", "onload"] {
        assert!(!page.body.contains(tag), "{tag}");
    }
}

#[actix_web::test]
async fn health_is_ok_whatever_the_store_does() {
    let answer = get(&fixture(Mood::Full).state, "/healthz").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
}

#[actix_web::test]
async fn ready_is_ok_when_the_store_can_write() {
    let answer = get(&fixture(Mood::Well).state, "/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
}

#[actix_web::test]
async fn ready_is_refused_with_the_store_s_reason() {
    let answer = get(&fixture(Mood::Full).state, "/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "the store cannot do this now: disk full\n"));
}

#[actix_web::test]
async fn ready_is_refused_in_bounded_time_when_the_store_is_silent() {
    let state = fixture(Mood::Silent).state;
    tokio::time::pause();
    let answer = get(&state, "/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "the store does not answer\n"));
}

#[actix_web::test]
async fn ready_is_refused_while_draining() {
    let fixture = fixture(Mood::Well);
    assert_eq!(get(&fixture.state, "/readyz").await.status, 200);
    fixture.draining.store(true, Ordering::Relaxed);
    let answer = get(&fixture.state, "/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "the server is shutting down\n"));
}

#[actix_web::test]
async fn asking_often_does_not_burden_the_store() {
    let fixture = fixture(Mood::Well);
    tokio::time::pause();
    for _ in 0..100 {
        assert_eq!(get(&fixture.state, "/readyz").await.status, 200);
    }
    assert_eq!(fixture.store.probes.load(Ordering::Relaxed), 1);
    tokio::time::advance(PROBE_STANDS).await;
    assert_eq!(get(&fixture.state, "/readyz").await.status, 200);
    assert_eq!(fixture.store.probes.load(Ordering::Relaxed), 2, "an old answer is asked for anew");
}

#[actix_web::test]
async fn metrics_are_in_the_format_of_prometheus() {
    let answer = get(&fixture(Mood::Well).state, "/metrics").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"));
    assert!(answer.body.contains("# TYPE hubbub_connections gauge\n"), "{}", answer.body);
}

#[actix_web::test]
async fn what_is_not_there_is_refused_in_json() {
    let state = fixture(Mood::Well).state;
    for path in ["/nothing", "/v1", "/v1/ws/", "/metrics/x", "/%00", "//", "/../etc/passwd"] {
        let answer = get(&state, path).await;
        assert_eq!((answer.status, answer.header("content-type")), (404, "application/json"), "{path}");
        let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(body["error"]["code"], "not_found", "{path}");
    }
}

#[actix_web::test]
async fn other_methods_are_refused_with_those_allowed() {
    let state = fixture(Mood::Well).state;
    for (path, allowed) in [
        ("/", "GET, HEAD"),
        ("/healthz", "GET, HEAD"),
        ("/readyz", "GET, HEAD"),
        ("/metrics", "GET, HEAD"),
        (WS_PATH, "GET"),
    ] {
        let answer = ask(&state, Method::POST, path, "chat.example").await;
        assert_eq!((answer.status, answer.header("allow")), (405, allowed), "{path}");
        assert!(answer.body.contains("\"method_not_allowed\""), "{path}");
    }
}

#[actix_web::test]
async fn the_websocket_s_address_without_an_upgrade_says_what_it_is() {
    let answer = get(&fixture(Mood::Well).state, WS_PATH).await;
    assert_eq!((answer.status, answer.header("upgrade")), (426, "websocket"));
    assert!(answer.body.contains("\"upgrade_required\"") && answer.body.contains(SUBPROTOCOL), "{}", answer.body);
}

#[actix_web::test]
async fn head_gets_the_head_alone_over_a_real_socket() {
    let state = fixture(Mood::Well).state;
    let server = HttpServer::new(move || App::new().app_data(state.clone()).configure(routes)).workers(1);
    let server = server.disable_signals().bind(("127.0.0.1", 0)).expect("a free port");
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    let running = actix_rt::spawn(server);
    for path in ["/", "/healthz", "/readyz", "/metrics"] {
        let mut socket = TcpStream::connect(address).await.expect("a connection");
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
        assert!(head.contains("content-length: ") && !head.contains("content-length: 0\r\n"), "{path}: {head}");
        assert_eq!(body, "", "{path}");
    }
    handle.stop(false).await;
    running.await.expect("no panic").expect("no error");
}
