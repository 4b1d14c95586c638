//! Frames from the server: JSON in unmasked WebSocket frames (RFC 6455 §5), encoded once for all who get them.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use hubbub_protocol::{
    ErrorBody, Event,
    envelope::{ErrorReply, OkReply},
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::metrics as names;

const FIN_TEXT: u8 = 0x81;
const FIN_CLOSE: u8 = 0x88;
const FIN_PING: u8 = 0x89;
const FIN_PONG: u8 = 0x8a;

/// What is enough for most replies, header included.
const TEXT_BYTES_MOSTLY: usize = 128;

/// The most bytes of payload that a control frame holds (RFC 6455 §5.5).
const CONTROL_BYTES_MAX: usize = 125;

/// The most bytes of header that a frame without a mask has (§5.2).
const HEADER_BYTES_MAX: usize = 10;

/// A header, and how many bytes of it there are.
fn header(opcode: u8, len: usize) -> ([u8; HEADER_BYTES_MAX], usize) {
    let mut header = [0; HEADER_BYTES_MAX];
    header[0] = opcode;
    let size = match len {
        0..=125 => {
            header[1] = len as u8;
            2
        }
        126..=65_535 => {
            header[1] = 126;
            header[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            4
        }
        _ => {
            header[1] = 127;
            header[2..10].copy_from_slice(&(len as u64).to_be_bytes());
            10
        }
    };
    (header, size)
}

fn put(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    let (header, size) = header(opcode, payload.len());
    out.reserve(size + payload.len());
    out.extend_from_slice(&header[..size]);
    out.extend_from_slice(payload);
}

/// Adds a text frame to others.
pub fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put(out, FIN_TEXT, text);
}

/// A text frame with the JSON of a value, in one buffer: the header's place is kept free until the length is known.
fn text<T: Serialize>(value: &T) -> serde_json::Result<Bytes> {
    let mut out = Vec::with_capacity(TEXT_BYTES_MOSTLY);
    out.resize(HEADER_BYTES_MAX, 0);
    serde_json::to_writer(&mut out, value)?;
    let (header, size) = header(FIN_TEXT, out.len() - HEADER_BYTES_MAX);
    let begin = HEADER_BYTES_MAX - size;
    out[begin..HEADER_BYTES_MAX].copy_from_slice(&header[..size]);
    // Without the space that is left, so that it is one allocation for as long as it has one owner.
    let mut frame = Bytes::from(out.into_boxed_slice());
    frame.advance(begin);
    Ok(frame)
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
    text(event).unwrap_or_else(|error| {
        debug_assert!(false, "the wire's types can be encoded: {error}");
        tracing::error!(%error, "an event could not be encoded");
        let mut null = Vec::new();
        put_text(&mut null, b"null");
        null.into()
    })
}

/// A frame with a reply that says `ok`.
pub fn ok<T: Serialize>(re: u64, ok: &T) -> Bytes {
    match text(&OkReply { re, ok }) {
        Ok(reply) => reply,
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
    text(&ErrorReply { re, error }).unwrap_or_default()
}

/// A close frame. The reason is cut to what fits.
#[must_use]
pub fn close(code: u16, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_BYTES_MAX - 2)];
    let mut out = Vec::new();
    put(&mut out, FIN_CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat());
    out.into()
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
    let mut out = Vec::new();
    put(&mut out, FIN_PONG, payload);
    out.into()
}
