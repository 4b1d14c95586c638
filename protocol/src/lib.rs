//! The wire of Hubbub: everything that two programs must agree on to talk, and nothing else.
//!
//! JSON text frames over WebSocket at [`WS_PATH`], subprotocol [`SUBPROTOCOL`]. A client sends
//! **requests**, each with an `id` of its own choice; the server answers each with one **reply** that
//! names the `id`, and sends **events** whenever something happened:
//!
//! ```text
//! → {"id":1,"op":"hello","guest":"ana"}
//! ← {"re":1,"ok":{"session":"…","token":"…",…}}
//! → {"id":2,"op":"join","room":"lobby"}
//! ← {"re":2,"ok":{"room":"lobby","epoch":"…","seq":41,"events":[…],…}}
//! → {"id":3,"op":"post","room":"lobby","nonce":"c1-7","text":"hi"}
//! ← {"re":3,"ok":{"seq":42,"at":1790000000000}}
//! ← {"ev":"post","room":"lobby","seq":42,"at":1790000000000,"user":7,"from":"ana","text":"hi","nonce":"c1-7"}
//! ```
//!
//! Unknown fields are ignored, unknown ops are answered with an error, unknown events are skipped, so
//! that old and new programs can talk. `docs/PROTOCOL.md` is the contract for people; a test compares
//! the two. This crate is pure: no I/O, no clock, no async.

pub mod close;
pub mod envelope;
pub mod error;
pub mod event;
pub mod id;
pub mod json;
pub mod limits;
pub mod name;
pub mod reply;
pub mod request;

pub use envelope::{RequestError, RequestFrame, ServerFrame};
pub use error::{ErrorBody, ErrorCode};
pub use event::Event;
pub use name::{NameError, NameKey, Nick, RoomName};
pub use request::Request;

/// The HTTP path at which a server takes WebSocket upgrades of this protocol.
pub const WS_PATH: &str = "/v1/ws";

/// The WebSocket subprotocol (RFC 6455 §1.9) of this version; a client offers it, the server picks it.
pub const SUBPROTOCOL: &str = "hubbub.v1";

/// The protocol's version, as `hello` reports it.
pub const VERSION: u32 = 1;
