//! The upgrade: HTTP/1.1 request in, connection actor out (RFC 6455 §4).

use std::{rc::Rc, sync::Arc};

use actix_codec::Framed;
use actix_http::{
    HttpMessage, Request, Response, StatusCode, Version,
    body::{BodySize, MessageBody},
    h1,
    header::{self, HeaderValue},
    ws,
};
use actix_rt::net::TcpStream;
use bytes::BytesMut;
use futures_util::SinkExt;
use hubbub_protocol::{ErrorBody, ErrorCode, SUBPROTOCOL, WS_PATH};
use metrics::counter;
use tokio::io::AsyncWriteExt;

use super::admission::{Admission, Permit};
use crate::{
    connection::{ConnectionActor, ConnectionParts, Desk},
    hub::Hub,
    metrics as names,
};

/// What the door of one thread needs.
#[derive(Clone)]
pub struct Door {
    /// What all connections share.
    pub hub: Arc<Hub>,
    /// What this thread's connections share; `None` when the thread has no shard and can take no connections.
    pub desk: Option<Rc<Desk>>,
    /// Counts connections.
    pub admission: Arc<Admission>,
    /// Origins of browser pages that may connect, besides the server's own.
    pub allowed_origins: Rc<[String]>,
}

type Socket = Framed<TcpStream, h1::Codec>;

/// Takes one upgrade. Returns at once: what follows is spawned, so that the HTTP dispatcher is freed.
///
/// # Errors
/// Never; an error of the peer's is answered here.
pub async fn service(door: Door, request: Request, socket: Socket) -> Result<(), actix_http::Error> {
    actix_rt::spawn(async move {
        match door.check(&request) {
            Ok(permit) => door.open(&request, socket, permit).await,
            Err(refusal) => refuse(socket, refusal).await,
        }
    });
    Ok(())
}

/// An HTTP status with the error that its body holds.
type Refusal = (StatusCode, ErrorBody);

impl Door {
    fn check(&self, request: &Request) -> Result<Permit, Refusal> {
        let refuse = |status, code, message: &str| Err((status, ErrorBody::new(code, message)));
        if request.path() != WS_PATH {
            let message = format!("WebSocket connections are taken at {WS_PATH}, and no other upgrade anywhere");
            return refuse(StatusCode::NOT_FOUND, ErrorCode::NotFound, &message);
        }
        if request.version() < Version::HTTP_11 {
            return refuse(StatusCode::BAD_REQUEST, ErrorCode::Malformed, "an upgrade takes HTTP/1.1");
        }
        if head_bytes(request) > self.hub.limits.http_head_bytes_max {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return refuse(status, ErrorCode::Malformed, "the head of this request is too large");
        }
        if let Err(error) = ws::verify_handshake(request.head()) {
            let (status, code) = match error {
                ws::HandshakeError::GetMethodRequired => (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed),
                ws::HandshakeError::UnsupportedVersion | ws::HandshakeError::NoVersionHeader => {
                    (StatusCode::UPGRADE_REQUIRED, ErrorCode::UpgradeRequired)
                }
                _ => (StatusCode::BAD_REQUEST, ErrorCode::Malformed),
            };
            return refuse(status, code, &format!("this is no WebSocket handshake: {error}"));
        }
        if let Some(origin) = self.foreign_origin(request) {
            let message = format!("pages of {origin} may not connect; the operator lists those that may");
            return Err((StatusCode::FORBIDDEN, ErrorBody::new(ErrorCode::ForbiddenOrigin, message)));
        }
        if self.desk.is_none() {
            let message = "this part of the server has failed; reconnecting may lead to another";
            let error = ErrorBody::new(ErrorCode::Internal, message).retry_after(1_000);
            return Err((StatusCode::SERVICE_UNAVAILABLE, error));
        }
        if self.hub.is_draining() {
            let message = "the server is shutting down; reconnect later";
            let error = ErrorBody::new(ErrorCode::ShuttingDown, message).retry_after(5_000);
            return Err((StatusCode::SERVICE_UNAVAILABLE, error));
        }
        let ip = request.peer_addr().map(|address| address.ip());
        self.admission.enter(ip).map_err(|error| match error.code {
            ErrorCode::TooManyConnections => (StatusCode::TOO_MANY_REQUESTS, error),
            _ => (StatusCode::SERVICE_UNAVAILABLE, error),
        })
    }

    /// The origin of the page that connects, if it is neither this server's nor allowed (RFC 6455 §10.2).
    /// Programs other than browsers send none.
    fn foreign_origin(&self, request: &Request) -> Option<String> {
        let origin = request.headers().get(header::ORIGIN)?;
        let origin = String::from_utf8_lossy(origin.as_bytes());
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let own = origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        let allowed =
            self.allowed_origins.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(&origin));
        (!own && !allowed).then(|| origin.chars().take(200).collect())
    }

    /// Answers 101 and hands the socket to its actor.
    async fn open(self, request: &Request, mut socket: Socket, permit: Permit) {
        let Some(desk) = self.desk else { return };
        let mut response = ws::handshake_response(request.head());
        if offers_subprotocol(request) {
            response.insert_header((header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL)));
        }
        let response = response.finish().drop_body();
        if let Err(error) = socket.send(h1::Message::Item((response, BodySize::None))).await {
            return tracing::debug!(%error, "the peer was gone before the upgrade");
        }
        let parts = socket.into_parts();
        if let Err(error) = parts.io.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        counter!(names::UPGRADES_TOTAL, "outcome" => "accepted").increment(1);
        let read: BytesMut = parts.read_buf;
        ConnectionActor::launch(ConnectionParts { socket: parts.io, read, desk, permit });
    }
}

/// The request's head as it was sent, give or take white space.
fn head_bytes(request: &Request) -> u64 {
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    (request.uri().to_string().len() + 16 + fields.sum::<usize>()) as u64
}

fn offers_subprotocol(request: &Request) -> bool {
    let offers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    offers
        .filter_map(|offer| offer.to_str().ok())
        .flat_map(|offer| offer.split(','))
        .any(|offer| offer.trim() == SUBPROTOCOL)
}

/// Answers with a status and the error as JSON, then closes.
async fn refuse(mut socket: Socket, (status, error): Refusal) {
    counter!(names::UPGRADES_TOTAL, "outcome" => error.code.as_str()).increment(1);
    tracing::debug!(%status, code = %error.code, "upgrade refused");
    let body = crate::frame::json(&serde_json::json!({ "error": error }));
    let mut response = Response::build(status);
    response.content_type("application/json").force_close();
    if let Some(ms) = error.retry_after_ms {
        response.insert_header((header::RETRY_AFTER, ms.div_ceil(1_000).to_string()));
    }
    if status == StatusCode::UPGRADE_REQUIRED {
        response.insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
    }
    let response = response.body(body.clone());
    let size = response.body().size();
    let head = h1::Message::Item((response.drop_body(), size));
    let sent = async {
        // In one write: some clients read no further than the packet that holds the head.
        socket.feed(head).await?;
        socket.send(h1::Message::Chunk(Some(body))).await?;
        socket.into_parts().io.shutdown().await
    };
    if let Err(error) = sent.await {
        tracing::debug!(%error, "the peer was gone before it was refused");
    }
}
