//! The limits that are part of the protocol itself: every server keeps them, none is configurable.
//!
//! What an operator may change (frame size, text length, rates …) is told to each client in the reply
//! to `hello`, see [`crate::reply::Limits`].

/// The longest room name, in bytes of UTF-8.
pub const ROOM_NAME_BYTES_MAX: usize = 64;

/// The longest nick, in bytes of UTF-8.
pub const NICK_BYTES_MAX: usize = 32;

/// The longest nonce, in bytes.
pub const NONCE_BYTES_MAX: usize = 64;

/// The longest `client` string in `hello`, in bytes; what is longer is refused.
pub const CLIENT_NAME_BYTES_MAX: usize = 64;

/// The largest request id: the largest integer that every JSON reader holds exactly (2⁵³ − 1).
pub const REQUEST_ID_MAX: u64 = (1 << 53) - 1;

/// The most events that one page of `history` holds.
pub const HISTORY_EVENTS_MAX: u32 = 500;

/// The events in a page of `history` when the request does not say.
pub const HISTORY_EVENTS_DEFAULT: u32 = 100;

/// The most members that one page of `members` holds, and that a reply to `join` lists.
pub const MEMBERS_PAGE_MAX: u32 = 500;

/// The most rooms that one page of `rooms` holds.
pub const ROOMS_PAGE_MAX: u32 = 200;

/// The most changes that one `presence` event lists; see [`crate::event::Presence`].
pub const PRESENCE_CHANGES_MAX: usize = 100;

/// The most nicks that one `typing` event lists.
pub const TYPING_NICKS_MAX: usize = 16;

/// How long a client shows a `typing` signal that is not renewed, in milliseconds.
pub const TYPING_SHOWN_MS: u64 = 6_000;

const _: () = assert!(HISTORY_EVENTS_DEFAULT <= HISTORY_EVENTS_MAX);
const _: () = assert!(NICK_BYTES_MAX <= ROOM_NAME_BYTES_MAX);
