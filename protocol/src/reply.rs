//! Replies: what a server answers, in the `ok` of the reply to the request that the struct names.

use serde::{Deserialize, Serialize};

use crate::{
    event::{Event, Member},
    id::{Seq, UnixMs, UserId},
    json,
    name::{Nick, RoomName},
};

/// To `hello`: who you are here, and what this server allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The session's public name, for logs and support; no secret.
    pub session: String,
    /// The secret with which `hello` goes on with this session; 256 random bits.
    pub token: String,
    /// True when a session was resumed. Its rooms must still be joined, each with `since`.
    pub resumed: bool,
    /// Who the server takes you for.
    pub user: User,
    /// What this server allows.
    pub limits: Limits,
    /// What this server is.
    pub server: Server,
}

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The number that events carry in `user`.
    pub id: UserId,
    /// The nick, unique among the server's sessions.
    pub nick: Nick,
}

/// What this server allows; every number is the operator's choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The largest frame a client may send, in bytes of payload.
    pub frame_bytes_max: u64,
    /// The longest text of a post, in Unicode scalar values.
    pub text_chars_max: u64,
    /// The longest topic, in Unicode scalar values.
    pub topic_chars_max: u64,
    /// The most rooms one session may be in.
    pub rooms_per_session_max: u64,
    /// Posts that may be sent at once.
    pub post_burst: u64,
    /// Posts that may be sent each second after that.
    pub posts_per_s: u64,
    /// How often the server pings, in milliseconds.
    pub ping_interval_ms: u64,
    /// How long a session without a connection can be resumed, in milliseconds.
    pub session_idle_ms: u64,
}

/// What a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its name, chosen by the operator.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// The protocol's version, [`crate::VERSION`].
    pub protocol: u32,
}

/// How the events of a [`Joined`] relate to what the client said it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resume {
    /// The client named no position: the newest events.
    Fresh,
    /// Every event after the client's position is here.
    Complete,
    /// Some between the client's position and the first one here are missing: `history` has them.
    Gap,
    /// The client's position is not of this log: what it has of this room is worth nothing. The newest events.
    Reset,
    /// A word of a newer server; to be taken for [`Resume::Reset`].
    #[serde(other)]
    Unknown,
}

impl Resume {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Complete => "complete",
            Self::Gap => "gap",
            Self::Reset => "reset",
            Self::Unknown => "unknown",
        }
    }
}

/// To `join`: the room's state and the position at which it is true, in one frame.
///
/// Every event with a larger `seq` follows on this connection, none is missing and none comes twice.
/// `E` and `M` are [`Event`] and a list of [`Member`] for who reads; a server may put in what it encoded before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined<E = Event, M = Vec<Member>> {
    /// The room's name as its creator wrote it.
    pub room: RoomName,
    /// The log's name.
    pub epoch: String,
    /// The last event's position; 0 when nothing was said yet.
    pub seq: Seq,
    /// The topic; empty for none.
    pub topic: String,
    /// How `events` relate to `since`.
    pub resume: Resume,
    /// The number of members, this session included.
    pub member_count: u64,
    /// The members by nick, at most [`crate::limits::MEMBERS_PAGE_MAX`]; `members` has the rest.
    pub members: M,
    /// Events in ascending order; the last one's seq is `seq`, unless there is none to send.
    pub events: Vec<E>,
}

impl<E: AsRef<[u8]>, M: AsRef<[u8]>> Joined<E, M> {
    /// Adds the whole reply's JSON, with members and events that are JSON already: what the general encoder makes of it.
    pub fn put_reply(&self, out: &mut Vec<u8>, re: u64) {
        let Self { room, epoch, seq, topic, resume, member_count, members, events } = self;
        out.extend_from_slice(b"{\"re\":");
        json::put_number(out, re);
        out.extend_from_slice(b",\"ok\":{\"room\":\"");
        json::put_escaped(out, room.as_str());
        out.extend_from_slice(b"\",\"epoch\":\"");
        json::put_escaped(out, epoch);
        out.extend_from_slice(b"\",\"seq\":");
        json::put_number(out, *seq);
        out.extend_from_slice(b",\"topic\":\"");
        json::put_escaped(out, topic);
        out.extend_from_slice(b"\",\"resume\":\"");
        out.extend_from_slice(resume.as_str().as_bytes());
        out.extend_from_slice(b"\",\"member_count\":");
        json::put_number(out, *member_count);
        out.extend_from_slice(b",\"members\":");
        out.extend_from_slice(members.as_ref());
        out.extend_from_slice(b",\"events\":[");
        for (index, event) in events.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(event.as_ref());
        }
        out.extend_from_slice(b"]}}");
    }
}

/// To `post` and `topic`: it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Its position in the room's log.
    pub seq: Seq,
    /// When the server took it.
    pub at: UnixMs,
    /// True when this nonce had been posted before: `seq` and `at` are the first one's, nothing was added.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub duplicate: bool,
}

impl Posted {
    /// Adds the whole reply's JSON: what the general encoder makes of it.
    pub fn put_reply(&self, out: &mut Vec<u8>, re: u64) {
        out.extend_from_slice(b"{\"re\":");
        json::put_number(out, re);
        out.extend_from_slice(b",\"ok\":{\"seq\":");
        json::put_number(out, self.seq);
        out.extend_from_slice(b",\"at\":");
        json::put_number(out, self.at);
        out.extend_from_slice(if self.duplicate { b",\"duplicate\":true}}" } else { b"}}" });
    }
}

/// To `history`: a page of a log in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History<E = Event> {
    /// The room's name as its creator wrote it.
    pub room: RoomName,
    /// The log's name.
    pub epoch: String,
    /// The last position of the whole log.
    pub seq: Seq,
    /// The events, in ascending order. Fewer than `limit` when the page would grow too large.
    pub events: Vec<E>,
    /// Whether the log goes on beyond this page in the direction asked for.
    pub more: bool,
}

/// To `members`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembersPage {
    /// The room's name as its creator wrote it.
    pub room: RoomName,
    /// All its members.
    pub member_count: u64,
    /// This page, by nick.
    pub members: Vec<Member>,
    /// Whether more follow; ask again with `after` = the last nick here.
    pub more: bool,
}

/// One line of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomInfo {
    /// The room's name as its creator wrote it.
    pub room: RoomName,
    /// The topic; empty for none.
    pub topic: String,
    /// The members now.
    pub member_count: u64,
    /// The last position of its log.
    pub seq: Seq,
}

/// To `rooms`: a page of the directory, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomsPage {
    /// This page.
    pub rooms: Vec<RoomInfo>,
    /// Whether more follow; ask again with `after` = the last room here.
    pub more: bool,
}

/// To `nick`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NickChanged {
    /// The new nick.
    pub nick: Nick,
}

/// To `part`, `typing`, `presence` and `quit`: nothing to say but that it is done. An empty object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        envelope::encode_ok,
        event::{self, MemberState},
    };

    #[test]
    fn the_reply_to_a_join_is_encoded_by_hand_as_in_general() {
        let member = |nick: &str| Member { nick: Nick::parse(nick).expect("a nick"), state: MemberState::Online };
        let topic = |seq| {
            Event::Topic(event::Topic {
                room: RoomName::parse("lobby").expect("a name"),
                seq,
                at: 8,
                user: 9,
                from: Nick::parse("ana").expect("a nick"),
                topic: "a \"topic\"".to_owned(),
                nonce: "n".to_owned(),
            })
        };
        for (resume, count) in
            [(Resume::Fresh, 0), (Resume::Complete, 1), (Resume::Gap, 2), (Resume::Reset, 3), (Resume::Unknown, 0)]
        {
            let joined = Joined {
                room: RoomName::parse("Straße").expect("a name"),
                epoch: "e\\".to_owned(),
                seq: count,
                topic: "two\tand \u{1f600}".to_owned(),
                resume,
                member_count: 2,
                members: vec![member("ana"), member("bo")],
                events: (0..count).map(topic).collect::<Vec<_>>(),
            };
            let events = joined.events.iter().map(|event| serde_json::to_vec(event).expect("encodes"));
            let encoded = Joined {
                room: joined.room.clone(),
                epoch: joined.epoch.clone(),
                seq: joined.seq,
                topic: joined.topic.clone(),
                resume,
                member_count: joined.member_count,
                members: serde_json::to_vec(&joined.members).expect("encodes"),
                events: events.collect::<Vec<_>>(),
            };
            let mut json = Vec::new();
            encoded.put_reply(&mut json, 7);
            assert_eq!(String::from_utf8(json).expect("text"), encode_ok(7, &joined).expect("encodes"));
        }
    }

    proptest! {
        #[test]
        fn the_reply_to_a_post_is_encoded_by_hand_as_in_general(
            re: u64, seq: u64, at: u64, duplicate: bool, shift in 0..64,
        ) {
            let posted = Posted { seq: seq >> shift, at, duplicate };
            let mut json = Vec::new();
            posted.put_reply(&mut json, re >> shift);
            prop_assert_eq!(String::from_utf8(json).expect("text"), encode_ok(re >> shift, &posted).expect("encodes"));
        }
    }
}
