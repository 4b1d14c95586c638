//! The connection as the user sees it, and passing words.

use hubbub_protocol::id::UnixMs;

/// How long a passing word is shown, in milliseconds.
const WORD_SHOWN_MS: u64 = 8_000;

/// The connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Connection {
    /// None was asked for.
    #[default]
    None,
    /// Being made.
    Connecting {
        /// 1 for the first attempt.
        attempt: u32,
    },
    /// There.
    Online,
    /// Lost; tried again.
    Waiting {
        /// When it is tried again.
        retry_at: UnixMs,
        /// Why.
        reason: String,
    },
    /// Ended for good.
    Closed {
        /// Why.
        reason: String,
    },
}

/// A passing word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// What.
    pub(crate) text: String,
    /// Whether something went wrong.
    pub(crate) bad: bool,
    /// Until when it is shown.
    pub(crate) until: UnixMs,
}

/// The connection and passing words.
#[derive(Debug, Default)]
pub(crate) struct Status {
    /// The connection.
    pub(crate) connection: Connection,
    /// Since when there is none, if there was one before.
    pub(crate) lost_at: Option<UnixMs>,
    /// The time of a ping there and back, in milliseconds.
    pub(crate) latency_ms: Option<u64>,
    /// What is to be said for a moment.
    pub(crate) word: Option<Word>,
    /// Until when a second request to quit quits in spite of unsent posts.
    pub(crate) quit_armed_until: UnixMs,
}

impl Status {
    /// Says something for a moment.
    pub(crate) fn say(&mut self, now: UnixMs, text: impl Into<String>) {
        self.word = Some(Word { text: text.into(), bad: false, until: now + WORD_SHOWN_MS });
    }

    /// Says for a moment that something went wrong.
    pub(crate) fn complain(&mut self, now: UnixMs, text: impl Into<String>) {
        self.word = Some(Word { text: text.into(), bad: true, until: now + WORD_SHOWN_MS });
    }

    /// Whether there is a connection.
    pub(crate) fn is_online(&self) -> bool {
        self.connection == Connection::Online
    }
}
