//! What a crowd is asked for, and what it answers.

use std::{net::SocketAddr, ops::RangeInclusive, time::Duration};

use hubbub_protocol::{ErrorBody, id::Seq};

use crate::scenario::{
    file::{
        cast::{Reconnects, Talk, Via},
        unit::Range,
    },
    id::{GroupId, MessageId, Moment, PersonId, RoomId, SeatId},
};

/// What a crowd needs to know from the start.
#[derive(Debug, Clone)]
pub(crate) struct CrowdConfig {
    /// Where the server listens: all addresses that its name has; the first that answers is used.
    pub(crate) addresses: Vec<SocketAddr>,
    /// For the `Host` header.
    pub(crate) host: String,
    /// Every draw of chance comes from it.
    pub(crate) seed: u64,
    /// A word that no other run has: the begin of every nonce.
    pub(crate) run: String,
    /// Handshakes under way at once; a server's backlog has an end.
    pub(crate) connecting_max: usize,
    /// How long an answer may take before it counts as none.
    pub(crate) patience: Duration,
}

/// One of the cast, as the crowd needs to know them.
#[derive(Debug, Clone)]
pub(crate) struct Recruit {
    /// The name in the story, wanted as nick; when it is taken the server's suggestion is used.
    pub(crate) name: String,
    pub(crate) via: Via,
    pub(crate) reads_bytes_per_s: Option<u64>,
    /// Whether they come back by themselves after a lost connection.
    pub(crate) returns: bool,
}

/// Why something was not done for one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server refused, with its reason.
    Refused(ErrorBody),
    /// The upgrade was refused, or what answers is no Hubbub server.
    Http { status: u16, error: Option<ErrorBody> },
    /// No connection, or it was lost before the answer.
    Disconnected(String),
    /// No answer within the patience of the run.
    TimedOut,
    /// The server closed the connection with this code.
    Closed { code: u16, reason: String },
}

/// How an order for many went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// For how many it was done.
    pub(crate) done: usize,
    /// For whom it was not.
    pub(crate) failed: Vec<(PersonId, Failure)>,
}

/// How a person goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parting {
    /// With a close frame; stays away until told to connect.
    Close,
    /// With a reset; comes back if it is their way.
    Cut,
    /// With `quit`: the session ends and the nick is free.
    Quit,
}

/// Which rooms a flow posts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoomChoice {
    One(RoomId),
    /// Each poster's joined rooms, in turn.
    Own,
}

/// What a flow says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Words {
    /// With `{who}`, `{n}` and `{random}` to be filled in; nothing else in braces.
    Template(String),
    /// So many bytes.
    Bytes(Range),
}

/// How fast a flow goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Beat {
    /// Each poster so many times, the next after the answer to the one before.
    Times(u32),
    /// So many a second, going evenly from one rate to the other, for that time.
    Open { from_per_s: f64, to_per_s: f64, time: Duration, poisson: bool },
    /// So many under way, until the time is over or so many are sent, whichever is given.
    Closed { window: u32, time: Option<Duration>, posts: Option<u64> },
}

/// Posts by some people.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Flow {
    pub(crate) posters: Vec<PersonId>,
    pub(crate) room: RoomChoice,
    pub(crate) words: Words,
    pub(crate) action: bool,
    pub(crate) beat: Beat,
    pub(crate) group: Option<GroupId>,
}

/// How a flow went: over when every post of it is settled, or given up after the patience of the run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FlowEnd {
    pub(crate) sent: u64,
    pub(crate) accepted: u64,
    pub(crate) unsettled: u64,
    /// The refusals, by code, each with one body.
    pub(crate) refused: Vec<(ErrorBody, u64)>,
    /// Posts that could not be sent, for nobody who was to send them was connected in time.
    pub(crate) unsent: u64,
}

/// Habits to be played.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Habit {
    pub(crate) who: Vec<PersonId>,
    pub(crate) talk: Option<(Talk, Words)>,
    pub(crate) reconnects: Option<Reconnects>,
}

/// What one captured message came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) message: MessageId,
    pub(crate) sender: PersonId,
    pub(crate) room: RoomId,
    pub(crate) intended: Moment,
    /// Where it stands in the log, and whether the server said that it was there already: the newest answer.
    pub(crate) accepted: Option<(Seq, bool)>,
    /// How often it was acknowledged.
    pub(crate) acknowledgements: u32,
    pub(crate) refused: Option<ErrorBody>,
}

/// What was asked of receivers, and what they got, at the moment of the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reception {
    /// Receipts that were expected: receivers × messages.
    pub(crate) expected: u64,
    /// For every receipt that came: from the intended time to its (first) coming; ascending.
    pub(crate) latencies: Vec<Duration>,
    /// Who lacks what.
    pub(crate) missing: Vec<(PersonId, MessageId)>,
    /// Who got what how many times, where that is more than was wanted.
    pub(crate) too_often: Vec<(PersonId, MessageId, u32)>,
}

/// One room as one person read it just now, page by page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadHistory {
    pub(crate) epoch: String,
    /// Each event's seq and a digest of everything it says.
    pub(crate) events: Vec<(Seq, u64)>,
}

/// How one room came back with the last reconnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Return {
    pub(crate) person: PersonId,
    pub(crate) room: RoomId,
    pub(crate) seat: SeatId,
    pub(crate) how: crate::scenario::file::expectation::Resumed,
    /// How many events were missed.
    pub(crate) missed: u64,
}

/// Who is still behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unsettled {
    /// People in rooms that lack events, and how many.
    pub(crate) behind: Vec<(PersonId, RoomId, u64)>,
    /// People who should be there, and are not.
    pub(crate) absent: Vec<PersonId>,
    /// Posts without an answer.
    pub(crate) unanswered: u64,
}

/// Ports that a run may take from each source address.
pub(crate) const SOURCE_PORTS: RangeInclusive<u16> = 32_768..=60_999;
