//! The plain HTTP side: a page for people, probes for machines, metrics, and a clear no to the rest.
//!
//! The WebSocket itself is taken over before these routes are asked; `/v1/ws` arrives here only when a
//! request for it lacks the upgrade.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse, Route, guard,
    http::{StatusCode, header},
    web::{self, Data, ServiceConfig},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hubbub_protocol::{ErrorBody, ErrorCode, SUBPROTOCOL, WS_PATH};
use metrics_exporter_prometheus::PrometheusHandle;
use sha2::{Digest, Sha256};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use crate::{metrics, store::Store};

const HTML: &str = include_str!("page/page.html");
const CSS: &str = include_str!("page/page.css");

/// How long `/readyz` waits for the store.
const PROBE_WAIT: Duration = Duration::from_secs(2);

/// How long an answer of the store stands: however often `/readyz` is asked, the store is not asked more often.
const PROBE_STANDS: Duration = Duration::from_millis(500);

/// Nothing may be loaded or run but the page's own style, named by its hash, and its icon.
static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(Sha256::digest(CSS));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

/// What the routes need; one for the whole server, in [`Data`].
pub struct PageState {
    store: Arc<dyn Store>,
    metrics: PrometheusHandle,
    draining: Arc<AtomicBool>,
    server_name: String,
    /// When the store was last asked, and what it said. Whoever holds the lock asks; the others wait for the answer.
    probed: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl PageState {
    /// `draining` is set by whoever drains the server; `server_name` is shown on the page.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        metrics: PrometheusHandle,
        draining: Arc<AtomicBool>,
        server_name: String,
    ) -> Self {
        Self { store, metrics, draining, server_name, probed: Mutex::new(None) }
    }

    /// Whether the server can take clients now; the error is the reason in words.
    async fn readiness(&self) -> Result<(), String> {
        if self.draining.load(Ordering::Relaxed) {
            return Err("the server is shutting down".to_owned());
        }
        timeout(PROBE_WAIT, self.probe()).await.unwrap_or_else(|_| Err("the store does not answer".to_owned()))
    }

    async fn probe(&self) -> Result<(), String> {
        let mut probed = self.probed.lock().await;
        if let Some((at, answer)) = &*probed
            && at.elapsed() < PROBE_STANDS
        {
            return answer.clone();
        }
        let answer = self.store.probe().await.map_err(|error| error.to_string());
        *probed = Some((Instant::now(), answer.clone()));
        answer
    }
}

/// Adds the routes to an application that has a [`Data`] of [`PageState`].
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/").route(read().to(home)).default_service(web::to(read_only)))
        .service(web::resource("/healthz").route(read().to(healthz)).default_service(web::to(read_only)))
        .service(web::resource("/readyz").route(read().to(readyz)).default_service(web::to(read_only)))
        .service(web::resource("/metrics").route(read().to(exposition)).default_service(web::to(read_only)))
        .service(web::resource(WS_PATH).route(web::get().to(upgrade_required)).default_service(web::to(get_only)))
        .default_service(web::to(not_found));
}

/// GET and HEAD; the encoder leaves the body of a HEAD out.
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

async fn home(request: HttpRequest, state: Data<PageState>) -> HttpResponse {
    let body = {
        let info = request.connection_info();
        page(&state.server_name, info.scheme() == "https", info.host())
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY.as_str()))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        // The addresses on it are those that the reader came by.
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(body)
}

/// The page as it is seen by somebody who came by `host`.
fn page(server_name: &str, secure: bool, host: &str) -> String {
    let host = if is_host(host) { host } else { "127.0.0.1:8080" };
    let (http, websocket) = if secure { ("https", "wss") } else { ("http", "ws") };
    // A plain address is what a person would type; only a secure one needs its scheme.
    let server = if secure { format!("{http}://{host}") } else { host.to_owned() };
    let values = [
        ("{{style}}", CSS.to_owned()),
        ("{{server}}", escape(&server)),
        ("{{websocket}}", escape(&format!("{websocket}://{host}{WS_PATH}"))),
        ("{{subprotocol}}", escape(SUBPROTOCOL)),
        ("{{version}}", escape(env!("CARGO_PKG_VERSION"))),
        // The operator's own words come last, so that nothing in them is taken for a place of the page.
        ("{{name}}", escape(server_name)),
    ];
    values.iter().fold(HTML.to_owned(), |page, (place, value)| page.replace(place, value))
}

/// Whether a Host header can be one: it is shown as part of a command that people copy.
fn is_host(host: &str) -> bool {
    (1..=255).contains(&host.len())
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']'))
        && !host.starts_with('-')
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

async fn healthz() -> HttpResponse {
    plain(StatusCode::OK, "ok")
}

async fn readyz(state: Data<PageState>) -> HttpResponse {
    match state.readiness().await {
        Ok(()) => plain(StatusCode::OK, "ok"),
        Err(reason) => plain(StatusCode::SERVICE_UNAVAILABLE, &reason),
    }
}

async fn exposition(state: Data<PageState>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(metrics::render(&state.metrics))
}

fn plain(status: StatusCode, text: &str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(format!("{text}\n"))
}

async fn upgrade_required() -> HttpResponse {
    let message = format!(
        "this is a WebSocket: connect with an upgrade (RFC 6455), version 13, subprotocol {SUBPROTOCOL}; \
         a browser or curl alone cannot talk here"
    );
    let mut response = refusal(StatusCode::UPGRADE_REQUIRED, ErrorCode::UpgradeRequired, message);
    response.headers_mut().insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
    response
}

async fn read_only() -> HttpResponse {
    method_not_allowed("GET, HEAD")
}

async fn get_only() -> HttpResponse {
    method_not_allowed("GET")
}

fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let message = format!("this address takes {allowed} only");
    let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, message);
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allowed));
    response
}

async fn not_found() -> HttpResponse {
    let message = format!("there is nothing here; people start at /, programs at {WS_PATH}");
    refusal(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
}

/// A refusal in the shape that errors have everywhere else: a word for programs, a sentence for people.
fn refusal(status: StatusCode, code: ErrorCode, message: String) -> HttpResponse {
    let body = serde_json::json!({ "error": ErrorBody::new(code, message) });
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(format!("{body}\n"))
}

#[cfg(test)]
mod tests;
