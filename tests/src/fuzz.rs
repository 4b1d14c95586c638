//! What must hold for any input whatever: one function a reader of untrusted bytes, each panics when it does not.
//!
//! The hostile tests call these with mutated examples, `tests/fuzz` with what libFuzzer finds.

use std::fmt;

use hubbub_protocol::{
    ErrorCode, Event, NameKey, Nick, RequestFrame, RoomName, ServerFrame,
    envelope::{encode_error, encode_ok},
    id::Nonce,
    limits::{NICK_BYTES_MAX, REQUEST_ID_MAX, ROOM_NAME_BYTES_MAX},
};
use hubbub_server::connection::websocket::{ClientFrame, Decoder, FrameError};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

/// The largest message that the decoders here take; small, so that inputs beyond it are short.
const FRAME_BYTES_MAX: usize = 300;

/// The largest piece that a decoder is fed here.
const PIECE_BYTES_MAX: usize = 64;

/// The longest sentence about a request that is none, however long that was.
const MESSAGE_BYTES_MAX: usize = 1_000;

/// What a decoder made of some bytes.
type Decoded = (Vec<ClientFrame>, Option<FrameError>);

/// Feeds bytes in pieces and takes out what there is after each.
fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>, mut look: impl FnMut(&Decoder)) -> Decoded {
    let mut decoder = Decoder::new(FRAME_BYTES_MAX as u64);
    let (mut frames, mut error) = (Vec::new(), None);
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(found) => {
                    assert_eq!(error.replace(found), None, "nothing more is taken after an error");
                    break;
                }
            }
        }
        look(&decoder);
    }
    (frames, error)
}

/// The WebSocket decoder: it never panics, holds no more than one message and what it is fed, and makes the same
/// of the bytes however they are cut. The first byte seeds the cuts.
pub fn frame(data: &[u8]) {
    let [seed, bytes @ ..] = data else { return };
    let whole = decode(std::iter::once(bytes), |_| {});
    let by_byte = decode(bytes.chunks(1), |_| {});
    assert_eq!(whole, by_byte, "byte by byte");
    let mut rest = bytes;
    let mut state = u32::from(*seed) | 1;
    let pieces = std::iter::from_fn(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = (state >> 16) as usize % PIECE_BYTES_MAX + 1;
        let (piece, later) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        rest = later;
        (!piece.is_empty()).then_some(piece)
    });
    // A vector that grows may take twice what it needs: for the unfinished frame, and for its fragments.
    let held_max = 2 * (FRAME_BYTES_MAX + 14 + PIECE_BYTES_MAX) + 2 * FRAME_BYTES_MAX;
    let cut = decode(pieces, |decoder| assert!(decoder.held() <= held_max, "{} bytes are held", decoder.held()));
    assert_eq!(whole, cut, "in pieces");
    for frame in &whole.0 {
        match frame {
            ClientFrame::Text(text) => assert!(text.len() <= FRAME_BYTES_MAX),
            ClientFrame::Ping(payload) => assert!(payload.len() <= 125),
            ClientFrame::Pong | ClientFrame::Close(_) => {}
        }
    }
    let closes = whole.0.iter().position(|frame| matches!(frame, ClientFrame::Close(_)));
    assert!(closes.is_none_or(|at| at + 1 == whole.0.len() && whole.1.is_none()), "nothing follows a close frame");
}

/// The keys of a JSON object, in their order; repeats stand twice.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// The id of a frame that has exactly one proper `id` and at most one `op`.
fn readable_id(text: &str) -> Option<u64> {
    let Keys(keys) = serde_json::from_str(text).ok()?;
    let count = |name| keys.iter().filter(|key| *key == name).count();
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let id = value.get("id")?.as_u64().filter(|id| *id <= REQUEST_ID_MAX)?;
    (count("id") == 1 && count("op") <= 1).then_some(id)
}

/// A request: what is read is written and read as the same again; what is refused has a code, a sentence that does
/// not send back what was sent, and the id where one could be read.
pub fn request(text: &str) {
    match RequestFrame::decode(text) {
        Ok(frame) => {
            assert!(frame.id <= REQUEST_ID_MAX);
            assert!(serde_json::from_str::<Keys>(text).is_ok(), "a request is an object");
            let again = frame.encode().expect("a request can be encoded");
            assert_eq!(RequestFrame::decode(&again).as_ref(), Ok(&frame), "{again}");
        }
        Err(error) => {
            assert!(matches!(error.error.code, ErrorCode::Malformed | ErrorCode::UnknownOp), "{error:?}");
            assert!(!error.error.message.is_empty() && error.error.message.len() <= MESSAGE_BYTES_MAX, "{error:?}");
            if let Some(id) = readable_id(text) {
                assert_eq!(error.id, Some(id), "{error:?}");
            }
            let reply = encode_error(error.id, &error.error).expect("an error can be encoded");
            match ServerFrame::decode(&reply) {
                Ok(ServerFrame::Reply { re, outcome: Err(read) }) => assert_eq!((re, read), (error.id, error.error)),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A server's frame, as clients read it: what is read is written and read as the same again.
pub fn server_frame(text: &str) {
    match ServerFrame::decode(text) {
        Ok(ServerFrame::Event(event)) => {
            let again = serde_json::to_string(&event).expect("an event can be encoded");
            match (ServerFrame::decode(&again), &event) {
                // Of an event of a newer server, only its place is kept.
                (Ok(ServerFrame::Event(read)), Event::Unknown(_)) => {
                    assert_eq!((read.seq(), read.room()), (event.seq(), event.room()), "{again}");
                }
                (Ok(ServerFrame::Event(read)), event) => assert_eq!(read, *event, "{again}"),
                (other, _) => panic!("{again}: {other:?}"),
            }
        }
        Ok(ServerFrame::Reply { re: Some(re), outcome: Ok(ok) }) => {
            let again = encode_ok(re, &ok).expect("a reply can be encoded");
            match ServerFrame::decode(&again) {
                Ok(ServerFrame::Reply { re: Some(same), outcome: Ok(read) }) => {
                    assert_eq!((same, read.get()), (re, ok.get()), "{again}");
                }
                other => panic!("{again}: {other:?}"),
            }
        }
        Ok(ServerFrame::Reply { re, outcome: Err(error) }) => {
            let again = encode_error(re, &error).expect("an error can be encoded");
            match ServerFrame::decode(&again) {
                Ok(ServerFrame::Reply { re: same, outcome: Err(read) }) => assert_eq!((same, read), (re, error)),
                other => panic!("{again}: {other:?}"),
            }
        }
        Ok(ServerFrame::Reply { re: None, outcome: Ok(_) }) | Err(_) => {}
    }
}

/// Names and nonces: any text has a key, which is its own key; a name keeps the rules and its spelling.
pub fn name(text: &str) {
    let key = NameKey::of(text);
    assert_eq!(NameKey::of(key.as_str()), key, "the key of a key");
    let room = RoomName::parse(text);
    if let Ok(room) = &room {
        assert!((1..=ROOM_NAME_BYTES_MAX).contains(&text.len()));
        assert_eq!((room.as_str(), room.key()), (text, key));
        let is_odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '/' | '#' | '\u{202a}'..='\u{202e}');
        assert!(!text.contains(is_odd), "{text:?}");
    }
    assert_eq!(Nick::parse(text).is_ok(), room.is_ok() && text.len() <= NICK_BYTES_MAX, "{text:?}");
    if let Ok(nonce) = Nonce::parse(text) {
        assert!(nonce.as_str() == text && (1..=64).contains(&text.len()) && text.is_ascii());
    }
}
