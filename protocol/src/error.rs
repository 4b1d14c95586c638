//! Error replies: a stable code for programs, a sentence for people, and when to try again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether sending the same request again can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Never as it is: the request must be changed.
    No,
    /// Later, at the earliest after `retry_after_ms`.
    Later,
    /// After another request succeeded first (`hello`, `join`).
    After,
}

impl Retry {
    /// The word that the documents use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Later => "later",
            Self::After => "after",
        }
    }
}

/// Defines the codes once: name, wire form, retry, meaning.
macro_rules! error_codes {
    ($($variant:ident, $wire:literal, $retry:ident, $meaning:literal;)*) => {
        /// What went wrong, in one stable word. A client meets unknown words as [`ErrorCode::Unknown`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $(#[doc = $meaning] #[serde(rename = $wire)] $variant,)*
            /// A code of a newer server. Treat it as not retryable and show the message.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl ErrorCode {
            /// Every code that a server sends.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$variant),*];

            /// The code as it stands on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire,)* Self::Unknown => "unknown" }
            }

            /// What the code means, in one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* Self::Unknown => "A code of a newer server." }
            }

            /// Whether the same request can succeed later.
            #[must_use]
            pub fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry,)* Self::Unknown => Retry::No }
            }
        }
    };
}

error_codes! {
    Malformed, "malformed", No, "The frame is not a request: not JSON, no `id` or `op`, a field missing or of the wrong type.";
    UnknownOp, "unknown_op", No, "This server does not know the `op`.";
    HelloRequired, "hello_required", After, "Nothing but `hello` is answered before a `hello` succeeded.";
    AlreadyGreeted, "already_greeted", No, "This connection has a session already.";
    InvalidNick, "invalid_nick", No, "The nick breaks the rules for names; the message says which.";
    NickTaken, "nick_taken", No, "Somebody has this nick; `suggestion` is a free one.";
    UnknownSession, "unknown_session", No, "The token belongs to no session: it expired, or its session has ended. Say `hello` as a guest.";
    InvalidRoom, "invalid_room", No, "The room's name breaks the rules for names; the message says which.";
    NoSuchRoom, "no_such_room", No, "No room of this name exists; `join` would create it.";
    NotJoined, "not_joined", After, "The request needs a room that this session has joined.";
    TooManyRooms, "too_many_rooms", No, "This session is in as many rooms as one may be; `part` one first.";
    RoomLimit, "room_limit", No, "The server has as many rooms as its operator allows.";
    TextEmpty, "text_empty", No, "A post needs text.";
    TextTooLong, "text_too_long", No, "The text or topic has more characters than `text_chars_max` or `topic_chars_max`.";
    InvalidNonce, "invalid_nonce", No, "A nonce is 1 to 64 bytes of printable ASCII without spaces.";
    InvalidArgument, "invalid_argument", No, "A value is out of its range; the message says which and what the range is.";
    RateLimited, "rate_limited", Later, "Requests come faster than allowed; wait `retry_after_ms`.";
    Overloaded, "overloaded", Later, "A bounded queue in the server is full; wait `retry_after_ms`.";
    StoreUnavailable, "store_unavailable", Later, "The server cannot store now (disk full or failing); nothing was posted. Send it again with the same nonce.";
    ServerFull, "server_full", Later, "The server has as many connections or sessions as its operator allows.";
    TooManyConnections, "too_many_connections", Later, "This address has as many connections as one may have.";
    ForbiddenOrigin, "forbidden_origin", No, "A browser page of this origin may not connect; the operator lists those that may.";
    NotFound, "not_found", No, "HTTP only: there is nothing at this path.";
    MethodNotAllowed, "method_not_allowed", No, "HTTP only: this path does not take this method.";
    UpgradeRequired, "upgrade_required", No, "HTTP only: this path takes a WebSocket handshake of RFC 6455, version 13.";
    ShuttingDown, "shutting_down", Later, "The server is shutting down; reconnect later.";
    Internal, "internal", Later, "Something failed inside the server; its log says what.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The `error` of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct ErrorBody {
    /// The stable word.
    pub code: ErrorCode,
    /// A sentence in English that says what happened and what to do.
    pub message: String,
    /// How long to wait before trying again, in milliseconds; absent where waiting does not help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// With `nick_taken`: a nick that was free a moment ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl ErrorBody {
    /// An error with a code and a sentence.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after_ms: None, suggestion: None }
    }

    /// The same, to be tried again after `ms` milliseconds.
    #[must_use]
    pub fn retry_after(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    /// The same, with a nick that is free.
    #[must_use]
    pub fn suggest(mut self, nick: impl Into<String>) -> Self {
        self.suggestion = Some(nick.into());
        self
    }
}
