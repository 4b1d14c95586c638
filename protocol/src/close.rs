//! The codes of WebSocket close frames that a Hubbub server sends (RFC 6455 §7.4).

/// Defines the close codes once, with what a client should do, so that documents can be compared.
macro_rules! close_codes {
    ($($name:ident = $code:literal, $word:literal, $reconnect:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: u16 = $code;)*

        /// The code in one word, for logs and metrics.
        #[must_use]
        pub fn name(code: u16) -> &'static str {
            match code { $($code => $word,)* _ => "other" }
        }

        /// Every code with whether a client should reconnect by itself, and its meaning.
        pub const ALL: &[(u16, bool, &str)] = &[$(($code, $reconnect, $meaning)),*];
    };
}

close_codes! {
    NORMAL = 1000, "normal", false, "The client said `quit` or closed first; the session has ended or goes on elsewhere.";
    GOING_AWAY = 1001, "going_away", true, "The server is shutting down; the `goodbye` before it says when to come back.";
    PROTOCOL = 1002, "protocol", false, "A frame broke RFC 6455: unmasked, a reserved bit or opcode, a bad length.";
    UNSUPPORTED = 1003, "unsupported", false, "A binary frame: this protocol is text.";
    INVALID_UTF8 = 1007, "invalid_utf8", false, "A text frame was not UTF-8.";
    POLICY = 1008, "policy", false, "Too many invalid requests in a row.";
    TOO_BIG = 1009, "too_big", false, "A frame declared more than `frame_bytes_max`; it was refused at its header.";
    INTERNAL = 1011, "internal", true, "Something failed inside the server; its log says what.";
    HELLO_TIMEOUT = 4000, "hello_timeout", true, "No `hello` succeeded in time.";
    REPLACED = 4001, "replaced", false, "The session was resumed on another connection.";
    SLOW = 4002, "slow", true, "Nothing could be written for too long: the reader had stopped.";
    PING_TIMEOUT = 4003, "ping_timeout", true, "Pings went unanswered.";
    SESSION_ENDED = 4004, "session_ended", false, "The session was ended, by `quit` on another connection or by the operator.";
}

/// Whether a client that was closed with `code` should reconnect by itself. Unknown codes: yes.
#[must_use]
pub fn should_reconnect(code: u16) -> bool {
    ALL.iter().find(|(known, _, _)| *known == code).is_none_or(|(_, reconnect, _)| *reconnect)
}
