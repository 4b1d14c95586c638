//! What a link is told at its start: where, as whom, and how much it may hold.

use std::time::Duration;

use hubbub_protocol::Nick;

use super::ServerUrl;

/// Everything that [`super::Link::start`] needs. Made once, then read only.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// Where.
    pub server: ServerUrl,
    /// As whom.
    pub identity: Identity,
    /// The program that speaks, as `name/version`, at most [`hubbub_protocol::limits::CLIENT_NAME_BYTES_MAX`] bytes.
    pub client: String,
    /// What to do when events are missing.
    pub gap_policy: GapPolicy,
    /// How much is held.
    pub capacity: Capacity,
    /// How long things may take.
    pub patience: Patience,
    /// When to come back.
    pub backoff: Backoff,
    /// Makes jitter and made-up names repeatable. Nonces are never made from it. `None`: random.
    pub seed: Option<u64>,
}

impl LinkConfig {
    /// A link with the defaults: fills every gap, reconnects for ever.
    #[must_use]
    pub fn new(server: ServerUrl, identity: Identity) -> Self {
        Self {
            server,
            identity,
            client: concat!("hubbub/", env!("CARGO_PKG_VERSION")).to_owned(),
            gap_policy: GapPolicy::Fill,
            capacity: Capacity::default(),
            patience: Patience::default(),
            backoff: Backoff::default(),
            seed: None,
        }
    }
}

/// Who the user wants to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// A token saved from [`super::Update::Identity`]: tried first. When its session has ended, `nick` begins a new one.
    pub token: Option<String>,
    /// The nick of a new session.
    pub nick: NickChoice,
}

/// The nick of a new session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NickChoice {
    /// The user's own choice.
    Chosen {
        /// The nick.
        nick: Nick,
        /// What to do when somebody has it.
        if_taken: IfTaken,
    },
    /// Any: a name like `guest-k3v9` is made up, and another one when somebody has it.
    MadeUp,
}

/// What to do when the chosen nick is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfTaken {
    /// Close the link with the server's error, which holds a suggestion.
    Close,
    /// Take the free nick that the server suggests.
    TakeSuggestion,
}

impl Identity {
    /// A guest with this nick; the link closes when somebody has it.
    #[must_use]
    pub fn guest(nick: Nick) -> Self {
        Self { token: None, nick: NickChoice::Chosen { nick, if_taken: IfTaken::Close } }
    }

    /// A guest with this nick or, when somebody has it, the one that the server suggests.
    #[must_use]
    pub fn guest_or_suggestion(nick: Nick) -> Self {
        Self { token: None, nick: NickChoice::Chosen { nick, if_taken: IfTaken::TakeSuggestion } }
    }

    /// A guest with a made-up nick.
    #[must_use]
    pub fn made_up() -> Self {
        Self { token: None, nick: NickChoice::MadeUp }
    }

    /// The same, going on with a saved session as long as that exists.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }
}

/// What to do when events of a room are missing: after an absence, or because this reader was slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapPolicy {
    /// Read all of them from the room's history, in order: for `tail` and bots.
    Fill,
    /// Skip them when there are more than this many, and say so by [`super::Update::Gap`]: for a screen, which
    /// loads them by `history` when the user scrolls there. Fewer are filled.
    SkipOver(u64),
}

/// How much a link holds. Every queue has its bound and its outcome when full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Updates that wait for the reader. When full: the socket is not read until there is space.
    pub updates_max: usize,
    /// Commands from handles that wait for the link. When full: async calls wait, `post` is refused.
    pub commands_max: usize,
    /// Posts not settled yet, failed ones that were not discarded included. When full: `post` is refused.
    pub posts_max: usize,
    /// Requests that wait for their reply. When full: [`super::LinkError::Busy`].
    pub requests_max: usize,
    /// Rooms wanted. When full: [`super::LinkError::Busy`].
    pub rooms_max: usize,
    /// Posts of one room that are on their way at once. With 1 the order of a room's posts is kept whatever
    /// happens; with more it is kept unless the server refuses one of them for a while.
    pub posts_in_flight_max: usize,
    /// The socket's read buffer, in bytes.
    pub read_buffer_bytes: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            updates_max: 64,
            commands_max: 256,
            posts_max: 1_024,
            requests_max: 256,
            rooms_max: 1_024,
            posts_in_flight_max: 1,
            read_buffer_bytes: 16 * 1_024,
        }
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the first packet to the reply to `hello`.
    pub connect: Duration,
    /// A handle's request, from the call to its reply.
    pub request: Duration,
    /// The link's own requests and posts: after this long without an answer the connection is given up for another.
    pub answer: Duration,
    /// The time between two pings while online; each one measures [`super::Update::Latency`].
    pub ping: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(15),
            answer: Duration::from_secs(30),
            ping: Duration::from_secs(10),
        }
    }
}

/// When to come back after a lost connection: full jitter between 0 and `base` · 2ⁿ, never more than `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait before the first attempt.
    pub base: Duration,
    /// The longest wait before any attempt.
    pub cap: Duration,
    /// Being online for this long starts the count anew.
    pub stable_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(250), cap: Duration::from_secs(15), stable_after: Duration::from_secs(2) }
    }
}
