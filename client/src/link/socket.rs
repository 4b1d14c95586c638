//! The socket: connecting, upgrading, and whole frames in and out without blocking either way.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    task::{Context, Poll},
};

use futures_util::{FutureExt, SinkExt, StreamExt};
use hubbub_protocol::{ErrorBody, ErrorCode, SUBPROTOCOL, ServerFrame};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{
        Error, Message, Utf8Bytes,
        client::IntoClientRequest,
        error::ProtocolError,
        http::{HeaderValue, Response, header},
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{machine::ConnectError, url::ServerUrl};

/// The largest message that is taken from a server. A page of events is limited to a small part of it.
const MESSAGE_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// The code of a close frame that names none (RFC 6455 §7.4.1).
const NO_STATUS: u16 = 1_005;

/// What came from the server.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A text frame.
    Text(Utf8Bytes),
    /// The answer to the ping with this number.
    Pong(u64),
    /// A sign of life.
    Other,
    /// A close frame.
    Closed { code: u16, reason: String },
    /// The connection broke.
    Lost(String),
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What is to be written; bounded by what the machine lets be on its way.
    out: VecDeque<Message>,
    /// Something was given to the stream and not flushed.
    dirty: bool,
}

impl Socket {
    /// Connects and upgrades.
    pub(super) async fn connect(server: ServerUrl, read_buffer_bytes: usize) -> Result<Box<Self>, ConnectError> {
        let network = |error: Error| ConnectError::Network(error.to_string());
        let mut request = server.websocket().into_client_request().map_err(network)?;
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        if server.is_tls() {
            // Without a provider chosen rustls panics; that one is chosen already is as good.
            rustls::crypto::ring::default_provider().install_default().ok();
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(read_buffer_bytes)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        match connect_async_tls_with_config(request, Some(config), true, None).await {
            Ok((stream, _)) => Ok(Box::new(Self { stream, out: VecDeque::new(), dirty: false })),
            Err(error) => Err(explain(error, &server)),
        }
    }

    /// Queues a text frame.
    pub(super) fn send(&mut self, text: String) {
        self.out.push_back(Message::text(text));
    }

    /// Queues a ping.
    pub(super) fn ping(&mut self, number: u64) {
        self.out.push_back(Message::Ping(number.to_be_bytes().to_vec().into()));
    }

    /// Writes what can be written and waits for what comes. With `read` false it only writes. Cancel safe.
    pub(super) async fn next(&mut self, read: bool) -> Incoming {
        poll_fn(|cx| self.poll_next(cx, read)).await
    }

    /// What is there already, if anything.
    pub(super) fn try_next(&mut self) -> Option<Incoming> {
        self.next(true).now_or_never()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<Incoming> {
        if let Err(error) = self.poll_write(cx) {
            // A server that has closed may have said why: that is read first.
            return match self.stream.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(message))) => Poll::Ready(incoming(message)),
                Poll::Ready(_) | Poll::Pending => Poll::Ready(Incoming::Lost(words(&error))),
            };
        }
        if !read {
            return Poll::Pending;
        }
        match self.stream.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(message))) => Poll::Ready(incoming(message)),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Incoming::Lost(words(&error))),
            Poll::Ready(None) => Poll::Ready(Incoming::Lost("the server hung up".to_owned())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        while !self.out.is_empty() {
            match self.stream.poll_ready_unpin(cx) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => return Ok(()),
            }
            if let Some(message) = self.out.pop_front() {
                self.stream.start_send_unpin(message)?;
                self.dirty = true;
            }
        }
        if self.dirty
            && let Poll::Ready(flushed) = self.stream.poll_flush_unpin(cx)
        {
            flushed?;
            self.dirty = false;
        }
        Ok(())
    }

    /// Says goodbye if that can be done without waiting, and lets go.
    pub(super) fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::from_static("") };
        self.out.push_back(Message::Close(Some(frame)));
        if let Some(Err(error)) = poll_fn(|cx| Poll::Ready(self.poll_write(cx))).now_or_never() {
            tracing::debug!(%error, "no close frame was sent");
        }
    }
}

fn incoming(message: Message) -> Incoming {
    match message {
        Message::Text(text) => Incoming::Text(text),
        Message::Pong(payload) => match <[u8; 8]>::try_from(payload.as_ref()) {
            Ok(number) => Incoming::Pong(u64::from_be_bytes(number)),
            Err(_) => Incoming::Other,
        },
        Message::Close(Some(frame)) => {
            Incoming::Closed { code: frame.code.into(), reason: frame.reason.as_str().to_owned() }
        }
        Message::Close(None) => Incoming::Closed { code: NO_STATUS, reason: String::new() },
        Message::Ping(_) | Message::Binary(_) | Message::Frame(_) => Incoming::Other,
    }
}

/// How a connection broke, in few words.
fn words(error: &Error) -> String {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => "the server is gone".to_owned(),
        Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

fn explain(error: Error, server: &ServerUrl) -> ConnectError {
    match error {
        Error::Http(response) => refusal(&response),
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            ConnectError::Network("the connection broke during the handshake".to_owned())
        }
        Error::Protocol(error) => ConnectError::NotHubbub(error.to_string()),
        Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            ConnectError::Network(format!("nothing listens on {}:{}", server.host(), server.port()))
        }
        Error::Io(error) if server.is_tls() && error.kind() == io::ErrorKind::InvalidData => {
            ConnectError::Network(format!("TLS failed ({error}); an unencrypted server is named with ws://"))
        }
        Error::Io(error) => ConnectError::Network(error.to_string()),
        error => ConnectError::Network(error.to_string()),
    }
}

/// What an HTTP answer that is no upgrade means.
fn refusal(response: &Response<Option<Vec<u8>>>) -> ConnectError {
    let status = response.status().as_u16();
    let body = response.body().as_deref().and_then(|body| std::str::from_utf8(body).ok());
    let error = body.and_then(read_error).or_else(|| {
        // The body may come later than the head; the header says how long to wait all the same.
        let after = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse::<u64>().ok()?;
        let code = if status == 429 { ErrorCode::TooManyConnections } else { ErrorCode::ServerFull };
        let refused = ErrorBody::new(code, format!("the server answered HTTP {status}"));
        matches!(status, 429 | 503).then(|| refused.retry_after(after.saturating_mul(1_000)))
    });
    ConnectError::Http { status, error }
}

fn read_error(body: &str) -> Option<ErrorBody> {
    match ServerFrame::decode(body) {
        Ok(ServerFrame::Reply { outcome: Err(error), .. }) => Some(error),
        _ => serde_json::from_str(body).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response<Option<Vec<u8>>> {
        Response::builder().status(status).body(Some(body.as_bytes().to_vec())).expect("a response")
    }

    #[test]
    fn a_refused_upgrade_is_read_with_its_reason_and_when_to_come_back() {
        let full = r#"{"code":"server_full","message":"full","retry_after_ms":700}"#;
        for body in [full.to_owned(), format!(r#"{{"error":{full}}}"#), format!(r#"{{"re":null,"error":{full}}}"#)] {
            let ConnectError::Http { status: 503, error: Some(error) } = refusal(&answer(503, &body)) else {
                panic!("{body}")
            };
            assert_eq!((error.code, error.retry_after_ms), (ErrorCode::ServerFull, Some(700)), "{body}");
        }
        assert_eq!(refusal(&answer(404, "<html>")), ConnectError::Http { status: 404, error: None });
    }
}
