//! Requests: what a client asks for. One struct an `op`.
//!
//! Names, nonces and texts are plain strings here: the server checks them when it handles the request,
//! so that a bad one gets its own error code instead of `malformed`.

use serde::{Deserialize, Serialize};

use crate::{
    event::PostKind,
    id::{Position, Seq},
};

/// Everything that a client can ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// Begin a session or go on with one.
    Hello(Hello),
    /// Enter a room, or come back to it.
    Join(Join),
    /// Leave a room.
    Part(Part),
    /// Say something in a room.
    Post(Post),
    /// Change a room's topic.
    Topic(Topic),
    /// Read a room's log.
    History(History),
    /// Who is in a room.
    Members(Members),
    /// Which rooms there are.
    Rooms(Rooms),
    /// The user is typing.
    Typing(Typing),
    /// The user is here or away.
    Presence(Presence),
    /// Change one's nick.
    Nick(Nick),
    /// End the session: its rooms are left, its nick is free, its token worthless.
    Quit(Quit),
}

impl Request {
    /// Every `op`, in the order of the documents.
    pub const OPS: &[&str] = &[
        "hello", "join", "part", "post", "topic", "history", "members", "rooms", "typing", "presence", "nick", "quit",
    ];

    /// The request's `op`.
    #[must_use]
    pub fn op(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Join(_) => "join",
            Self::Part(_) => "part",
            Self::Post(_) => "post",
            Self::Topic(_) => "topic",
            Self::History(_) => "history",
            Self::Members(_) => "members",
            Self::Rooms(_) => "rooms",
            Self::Typing(_) => "typing",
            Self::Presence(_) => "presence",
            Self::Nick(_) => "nick",
            Self::Quit(_) => "quit",
        }
    }
}

/// `hello`: exactly one of `guest` and `token`. Answered with [`crate::reply::Welcome`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The program that speaks, as `name/version`; for the server's logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Begin a session as a guest with this nick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<String>,
    /// Go on with the session that this token names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// `join`: answered with [`crate::reply::Joined`]. Joining a room twice is no error: it asks for its state anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The room; created when absent.
    pub room: String,
    /// What the client has of it: the reply then holds what came after. `None`: the newest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Position>,
}

/// `part`: answered with [`crate::reply::Done`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The room, joined before.
    pub room: String,
}

/// `post`: answered with [`crate::reply::Posted`] once the event is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// The room, joined before.
    pub room: String,
    /// The sender's own name for this send, see [`crate::id::Nonce`].
    pub nonce: String,
    /// What is said: 1 to `text_chars_max` characters; line feeds and tabs are allowed, other control characters are not.
    pub text: String,
    /// How it is said.
    #[serde(default, skip_serializing_if = "PostKind::is_text")]
    pub kind: PostKind,
}

/// `topic`: answered with [`crate::reply::Posted`]: a change of topic is an event of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// The room, joined before.
    pub room: String,
    /// As for a post.
    pub nonce: String,
    /// The new topic: 0 to `topic_chars_max` characters, no control characters. Empty: none.
    pub topic: String,
}

/// `history`: answered with [`crate::reply::History`]. The room need not be joined.
///
/// At most one of `after` and `before`; with neither, the newest events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The room.
    pub room: String,
    /// The oldest events with a larger seq than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    /// The newest events with a smaller seq than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    /// The most events wanted, 1 to [`crate::limits::HISTORY_EVENTS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `members`: answered with [`crate::reply::MembersPage`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// The room, joined before.
    pub room: String,
    /// Those whose nick sorts after this one; `None`: from the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The most members wanted, 1 to [`crate::limits::MEMBERS_PAGE_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `rooms`: answered with [`crate::reply::RoomsPage`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rooms {
    /// Those whose name sorts after this one; `None`: from the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The most rooms wanted, 1 to [`crate::limits::ROOMS_PAGE_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `typing`: answered with [`crate::reply::Done`]; to be repeated while the user types, every three seconds at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// The room, joined before.
    pub room: String,
}

/// `presence`: answered with [`crate::reply::Done`]; tells the members of the session's rooms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Whether the user is away from the keyboard.
    pub away: bool,
}

/// `nick`: answered with [`crate::reply::NickChanged`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nick {
    /// The new one.
    pub nick: String,
}

/// `quit`: answered with [`crate::reply::Done`], then the connection is closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quit {}
