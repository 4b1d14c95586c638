//! Frames from the server: JSON in unmasked WebSocket frames (RFC 6455 §5), encoded once for all who get them.

use std::{cell::RefCell, convert::Infallible};

use bytes::Bytes;
use hubbub_protocol::{
    ErrorBody, Event,
    envelope::{ErrorReply, OkReply},
    reply::{Joined, Posted},
};
use serde::Serialize;

use crate::metrics as names;

const FIN_TEXT: u8 = 0x81;
const FIN_CLOSE: u8 = 0x88;
const FIN_PING: u8 = 0x89;
const FIN_PONG: u8 = 0x8a;

/// What a scratch area may keep. A page of a log or of members can be more, and is rare.
const SCRATCH_BYTES_KEPT: usize = 64 * 1024;

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

thread_local! {
    /// Where this thread encodes what is then copied to a place of its own, of exactly its size.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Encodes in the thread's scratch area, which is empty, and answers what `take` makes of it.
fn in_scratch<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        let made = work(scratch);
        if scratch.capacity() > SCRATCH_BYTES_KEPT {
            *scratch = Vec::new();
        }
        made
    })
}

/// A text frame with the JSON that `put` adds: the header's place is kept free until the length is known.
fn text<E>(put: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Bytes, E> {
    in_scratch(|out| {
        out.resize(HEADER_BYTES_MAX, 0);
        put(out)?;
        let (header, size) = header(FIN_TEXT, out.len() - HEADER_BYTES_MAX);
        let begin = HEADER_BYTES_MAX - size;
        out[begin..HEADER_BYTES_MAX].copy_from_slice(&header[..size]);
        Ok(Bytes::copy_from_slice(&out[begin..]))
    })
}

/// The same with the JSON of a value.
fn text_of<T: Serialize>(value: &T) -> serde_json::Result<Bytes> {
    text(|out| serde_json::to_writer(out, value))
}

/// An event's JSON, which `put` adds, for `take` to copy.
pub fn with_json<T>(put: impl FnOnce(&mut Vec<u8>), take: impl FnOnce(&[u8]) -> T) -> T {
    in_scratch(|json| {
        put(json);
        take(json)
    })
}

/// The JSON of anything of the wire. That this fails is impossible: the types hold no maps with odd keys.
pub fn json<T: Serialize>(value: &T) -> Bytes {
    in_scratch(|json| match serde_json::to_writer(&mut *json, value) {
        Ok(()) => Bytes::copy_from_slice(json),
        Err(error) => {
            debug_assert!(false, "the wire's types can be encoded: {error}");
            tracing::error!(%error, "a frame could not be encoded");
            Bytes::from_static(b"null")
        }
    })
}

/// A frame with one event.
#[must_use]
pub fn event(event: &Event) -> Bytes {
    text_of(event).unwrap_or_else(|error| {
        debug_assert!(false, "the wire's types can be encoded: {error}");
        tracing::error!(%error, "an event could not be encoded");
        let mut null = Vec::new();
        put_text(&mut null, b"null");
        null.into()
    })
}

/// A frame with a reply that says `ok`.
pub fn ok<T: Serialize>(re: u64, ok: &T) -> Bytes {
    match text_of(&OkReply { re, ok }) {
        Ok(reply) => reply,
        Err(error) => {
            debug_assert!(false, "the wire's types can be encoded: {error}");
            tracing::error!(%error, "a reply could not be encoded");
            let error = ErrorBody::new(hubbub_protocol::ErrorCode::Internal, "the reply could not be encoded");
            self::error(Some(re), &error.retry_after(1_000))
        }
    }
}

/// A frame with the reply to a post.
#[must_use]
pub fn posted(re: u64, posted: &Posted) -> Bytes {
    by_hand(|out| posted.put_reply(out, re))
}

/// A frame with the reply to a join, whose members and events were encoded before.
pub fn joined<E: AsRef<[u8]>, M: AsRef<[u8]>>(re: u64, joined: &Joined<E, M>) -> Bytes {
    by_hand(|out| joined.put_reply(out, re))
}

fn by_hand(put: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let Ok(frame) = text(|out| {
        put(out);
        Ok::<_, Infallible>(())
    });
    frame
}

/// A frame with a reply that says `error`.
#[must_use]
pub fn error(re: Option<u64>, error: &ErrorBody) -> Bytes {
    metrics::counter!(names::REFUSALS_TOTAL, "code" => error.code.as_str()).increment(1);
    text_of(&ErrorReply { re, error }).unwrap_or_default()
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
