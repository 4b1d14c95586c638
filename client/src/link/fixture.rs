//! What a made-up server says, for the tests of the link: one shape of each reply, whoever plays the server.

use hubbub_protocol::{
    Event, Nick, RoomName,
    event::{Post, PostKind},
    reply::{Joined, Limits, Resume, Server, User, Welcome},
};

/// A nick.
pub(super) fn nick(name: &str) -> Nick {
    Nick::parse(name).expect("a nick")
}

/// A room.
pub(super) fn room(name: &str) -> RoomName {
    RoomName::parse(name).expect("a room")
}

/// The room that most tests are in.
pub(super) fn lobby() -> RoomName {
    room("lobby")
}

/// The reply to `hello` for user 7, ana.
pub(super) fn welcome(resumed: bool) -> Welcome {
    let limits = Limits {
        frame_bytes_max: 65_536,
        text_chars_max: 4_000,
        topic_chars_max: 400,
        rooms_per_session_max: 256,
        post_burst: 20,
        posts_per_s: 5,
        ping_interval_ms: 25_000,
        session_idle_ms: 86_400_000,
    };
    let server = Server { name: "s".to_owned(), version: "0".to_owned(), protocol: 1 };
    let (session, token) = ("s".to_owned(), "secret".to_owned());
    Welcome { session, token, resumed, user: User { id: 7, nick: nick("ana") }, limits, server }
}

/// The reply to a join of a room whose log ends at `seq`.
pub(super) fn joined(room: RoomName, seq: u64, resume: Resume, events: Vec<Event>) -> Joined {
    let (epoch, topic, members) = ("e".to_owned(), String::new(), Vec::new());
    Joined { room, epoch, seq, topic, resume, member_count: 1, members, events }
}

/// A post of user 7 in the lobby.
pub(super) fn event(seq: u64, nonce: &str) -> Event {
    let (kind, text, nonce) = (PostKind::Text, "hi".to_owned(), nonce.to_owned());
    Event::Post(Post { room: lobby(), seq, at: seq, user: 7, from: nick("ana"), kind, text, nonce })
}
