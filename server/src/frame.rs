//! Frames from the server: JSON in unmasked WebSocket frames (RFC 6455 §5), encoded once for all who get them.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use hubbub_protocol::{ErrorBody, Event, envelope};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::metrics as names;

const FIN_TEXT: u8 = 0x81;
const FIN_CLOSE: u8 = 0x88;
const FIN_PING: u8 = 0x89;
const FIN_PONG: u8 = 0x8a;

/// The most bytes of payload that a control frame holds (RFC 6455 §5.5).
const CONTROL_BYTES_MAX: usize = 125;

fn put_header(out: &mut BytesMut, opcode: u8, len: usize) {
    out.put_u8(opcode);
    match len {
        0..=125 => out.put_u8(len as u8),
        126..=65_535 => {
            out.put_u8(126);
            out.put_u16(len as u16);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(len as u64);
        }
    }
}

/// Adds a text frame to others.
pub fn put_text(out: &mut BytesMut, text: &[u8]) {
    out.reserve(text.len() + 10);
    put_header(out, FIN_TEXT, text.len());
    out.put_slice(text);
}

fn text(text: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    put_text(&mut out, text);
    out.freeze()
}

/// The JSON of anything of the wire. That this fails is impossible: the types hold no maps with odd keys.
pub fn json<T: Serialize>(value: &T) -> Bytes {
    match serde_json::to_vec(value) {
        Ok(json) => json.into(),
        Err(error) => {
            debug_assert!(false, "the wire's types can be encoded: {error}");
            tracing::error!(%error, "a frame could not be encoded");
            Bytes::from_static(b"null")
        }
    }
}

/// One value of the wire, encoded once; a clone costs a count.
#[derive(Debug, Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// Encodes a value. That this fails is impossible, as for [`json`].
    pub fn of<T: Serialize>(value: &T) -> Self {
        let raw = to_raw_value(value).unwrap_or_else(|error| {
            debug_assert!(false, "the wire's types can be encoded: {error}");
            tracing::error!(%error, "an event could not be encoded");
            RawValue::NULL.to_owned()
        });
        Self(raw.into())
    }

    /// The value as a part of another.
    #[must_use]
    pub fn raw(&self) -> &RawValue {
        &self.0
    }
}

impl AsRef<[u8]> for Json {
    fn as_ref(&self) -> &[u8] {
        self.0.get().as_bytes()
    }
}

/// A frame with one event.
#[must_use]
pub fn event(event: &Event) -> Bytes {
    text(&json(event))
}

/// A frame with a reply that says `ok`.
pub fn ok<T: Serialize>(re: u64, ok: &T) -> Bytes {
    match envelope::encode_ok(re, ok) {
        Ok(reply) => text(reply.as_bytes()),
        Err(error) => {
            debug_assert!(false, "the wire's types can be encoded: {error}");
            tracing::error!(%error, "a reply could not be encoded");
            let error = ErrorBody::new(hubbub_protocol::ErrorCode::Internal, "the reply could not be encoded");
            self::error(Some(re), &error.retry_after(1_000))
        }
    }
}

/// A frame with a reply that says `error`.
#[must_use]
pub fn error(re: Option<u64>, error: &ErrorBody) -> Bytes {
    metrics::counter!(names::REFUSALS_TOTAL, "code" => error.code.as_str()).increment(1);
    text(envelope::encode_error(re, error).unwrap_or_default().as_bytes())
}

/// A close frame. The reason is cut to what fits.
#[must_use]
pub fn close(code: u16, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_BYTES_MAX - 2)];
    let mut out = BytesMut::new();
    put_header(&mut out, FIN_CLOSE, reason.len() + 2);
    out.put_u16(code);
    out.put_slice(reason.as_bytes());
    out.freeze()
}

/// A ping.
#[must_use]
pub fn ping() -> Bytes {
    Bytes::from_static(&[FIN_PING, 0])
}

/// The answer to a ping.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    let payload = &payload[..payload.len().min(CONTROL_BYTES_MAX)];
    let mut out = BytesMut::new();
    put_header(&mut out, FIN_PONG, payload.len());
    out.put_slice(payload);
    out.freeze()
}
