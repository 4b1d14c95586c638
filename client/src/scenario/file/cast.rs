//! The cast: named people and populations, how they connect, and their habits.

use std::time::Duration;

use super::{
    Place,
    step::Text,
    unit::{Range, Spread},
};

/// A named person, or a population when `count` is given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Role {
    /// `None`: one person, with this very nick. Else so many, called `NAME-1` … (`--scale` multiplies it).
    pub(crate) count: Option<u32>,
    /// `join:` rooms and groups of rooms that they are in from the start. Of a group each gets one room.
    pub(crate) join: Vec<String>,
    /// `via:` how they speak with the server.
    pub(crate) via: Via,
    /// `connected: false`: they are not there until a step says `connect`.
    pub(crate) connected: bool,
    /// `arrive:` the time over which a population connects, evenly; zero: as fast as it goes.
    pub(crate) arrive: Duration,
    /// `reads:` bytes a second that they read at most; `None`: as fast as it goes.
    pub(crate) reads_bytes_per_s: Option<u64>,
    /// `returns: false`: who loses the connection stays away until a step says `reconnect`.
    /// Else they come back by themselves after a short random while, and again until it works.
    pub(crate) returns: bool,
    /// `talk:` what they do in a step `chat`; `None`: they lurk.
    pub(crate) talk: Option<Talk>,
    /// `reconnects:` that they go and come back by chance during a step `chat`.
    pub(crate) reconnects: Option<Reconnects>,
    pub(crate) place: Place,
}

/// How a connection is made. More dialects plug in here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Via {
    /// Hubbub's own protocol over WebSocket.
    #[default]
    Native,
}

/// How people talk.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Talk {
    /// `share:` of the population that talks at all, 0 to 1; the others lurk.
    pub(crate) share: f64,
    /// `think:` the time between two bursts of one person.
    pub(crate) think: Spread,
    /// `burst:` posts in a row.
    pub(crate) burst: Range,
    /// `pause:` between the posts of a burst.
    pub(crate) pause: Spread,
    /// `types: true`: says that it is typing before each post.
    pub(crate) types: bool,
    /// What is said.
    pub(crate) text: Text,
}

/// Going and coming by chance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reconnects {
    /// The time that one stays.
    pub(crate) every: Spread,
    /// The time that one is away.
    pub(crate) away: Spread,
}
