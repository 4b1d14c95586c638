//! Events: what a server tells without being asked.
//!
//! **Log events** (`post`, `topic`) have a `seq` and are stored; they arrive in order, none missing.
//! **Signals** (`typing`, `presence`) have none: they are merged, and dropped first when a reader is
//! slow. **Notices** (`lagged`, `goodbye`) are about this connection alone.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

use crate::{
    id::{Nonce, Seq, UnixMs, UserId},
    json,
    name::{Nick, RoomName},
};

/// Everything that a server tells. An `ev` that a client does not know is read as [`Event::Unknown`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub enum Event {
    /// Somebody said something. In the log.
    Post(Post),
    /// Somebody changed the topic. In the log.
    Topic(Topic),
    /// Some are typing.
    Typing(Typing),
    /// Members came, left, changed their state or their nick.
    Presence(Presence),
    /// This connection read too slowly: the room goes on without it until it joins again.
    Lagged(Lagged),
    /// The server is about to close this connection.
    Goodbye(Goodbye),
    /// Something that only a newer server tells; a server never sends this itself.
    Unknown(Unknown),
}

/// An event of a newer server: not to be shown, but if it has a `seq` it has its place in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    /// Its name.
    #[serde(skip_serializing)]
    pub ev: String,
    /// Where, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
    /// Its position in the room's log, if it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Head<'a> {
            #[serde(borrow)]
            ev: Cow<'a, str>,
        }
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let json = json.get();
        let head: Head<'_> = serde_json::from_str(json).map_err(de::Error::custom)?;
        match &*head.ev {
            "post" => serde_json::from_str(json).map(Self::Post),
            "topic" => serde_json::from_str(json).map(Self::Topic),
            "typing" => serde_json::from_str(json).map(Self::Typing),
            "presence" => serde_json::from_str(json).map(Self::Presence),
            "lagged" => serde_json::from_str(json).map(Self::Lagged),
            "goodbye" => serde_json::from_str(json).map(Self::Goodbye),
            _ => serde_json::from_str(json).map(Self::Unknown),
        }
        .map_err(de::Error::custom)
    }
}

impl Event {
    /// Every `ev`, in the order of the documents.
    pub const KINDS: &[&str] = &["post", "topic", "typing", "presence", "lagged", "goodbye"];

    /// The position in the room's log, for events of the log.
    #[must_use]
    pub fn seq(&self) -> Option<Seq> {
        match self {
            Self::Post(post) => Some(post.seq),
            Self::Topic(topic) => Some(topic.seq),
            Self::Unknown(unknown) => unknown.seq,
            Self::Typing(_) | Self::Presence(_) | Self::Lagged(_) | Self::Goodbye(_) => None,
        }
    }

    /// The room that it is about.
    #[must_use]
    pub fn room(&self) -> Option<&RoomName> {
        match self {
            Self::Post(event) => Some(&event.room),
            Self::Topic(event) => Some(&event.room),
            Self::Typing(event) => Some(&event.room),
            Self::Presence(event) => Some(&event.room),
            Self::Lagged(event) => Some(&event.room),
            Self::Unknown(event) => event.room.as_ref(),
            Self::Goodbye(_) => None,
        }
    }
}

/// How a post is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostKind {
    /// Plainly.
    #[default]
    Text,
    /// As an action in the third person: `/me waves`.
    Action,
    /// In a way of a newer server; to be shown as plain text. Not to be sent.
    #[serde(other)]
    Unknown,
}

impl PostKind {
    /// Whether it is plain text, which the wire leaves out.
    #[must_use]
    pub fn is_text(&self) -> bool {
        *self == Self::Text
    }
}

/// `post`: somebody said something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Where.
    pub room: RoomName,
    /// Its position in the room's log.
    pub seq: Seq,
    /// When the server took it; never smaller than that of the event before it.
    pub at: UnixMs,
    /// Whose; together with `nonce` it tells a sender its own posts.
    pub user: UserId,
    /// The nick that the sender had then.
    pub from: Nick,
    /// How it is said.
    #[serde(default, skip_serializing_if = "PostKind::is_text")]
    pub kind: PostKind,
    /// What.
    pub text: String,
    /// The sender's own name for this send.
    pub nonce: String,
}

/// `topic`: somebody changed the topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Where.
    pub room: RoomName,
    /// Its position in the room's log.
    pub seq: Seq,
    /// When the server took it.
    pub at: UnixMs,
    /// Whose change.
    pub user: UserId,
    /// The nick that the changer had then.
    pub from: Nick,
    /// The new topic; empty for none.
    pub topic: String,
    /// The sender's own name for this change.
    pub nonce: String,
}

/// A [`Post`] to be encoded, from parts that belong to others.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "ev", rename = "post")]
#[expect(missing_docs, reason = "each as in the event")]
pub struct PostView<'a> {
    pub room: &'a RoomName,
    pub seq: Seq,
    pub at: UnixMs,
    pub user: UserId,
    pub from: &'a Nick,
    #[serde(skip_serializing_if = "PostKind::is_text")]
    pub kind: PostKind,
    pub text: &'a str,
    pub nonce: &'a Nonce,
}

impl PostView<'_> {
    /// Adds the event's JSON: what the general encoder makes of it.
    pub fn put_json(&self, out: &mut Vec<u8>) {
        let Self { room, seq, at, user, from, kind, text, nonce } = *self;
        put_head(out, b"{\"ev\":\"post\",\"room\":\"", Head { room, seq, at, user, from });
        match kind {
            PostKind::Text => out.extend_from_slice(b"\",\"text\":\""),
            PostKind::Action => out.extend_from_slice(b"\",\"kind\":\"action\",\"text\":\""),
            PostKind::Unknown => out.extend_from_slice(b"\",\"kind\":\"unknown\",\"text\":\""),
        }
        put_tail(out, text, nonce);
    }
}

/// A [`Topic`] to be encoded, from parts that belong to others.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "ev", rename = "topic")]
#[expect(missing_docs, reason = "each as in the event")]
pub struct TopicView<'a> {
    pub room: &'a RoomName,
    pub seq: Seq,
    pub at: UnixMs,
    pub user: UserId,
    pub from: &'a Nick,
    pub topic: &'a str,
    pub nonce: &'a Nonce,
}

impl TopicView<'_> {
    /// Adds the event's JSON: what the general encoder makes of it.
    pub fn put_json(&self, out: &mut Vec<u8>) {
        let Self { room, seq, at, user, from, topic, nonce } = *self;
        put_head(out, b"{\"ev\":\"topic\",\"room\":\"", Head { room, seq, at, user, from });
        out.extend_from_slice(b"\",\"topic\":\"");
        put_tail(out, topic, nonce);
    }
}

/// What all events of the log begin with.
struct Head<'a> {
    room: &'a RoomName,
    seq: Seq,
    at: UnixMs,
    user: UserId,
    from: &'a Nick,
}

fn put_head(out: &mut Vec<u8>, begin: &[u8], Head { room, seq, at, user, from }: Head<'_>) {
    out.extend_from_slice(begin);
    // Names hold nothing that would have to be escaped.
    out.extend_from_slice(room.as_str().as_bytes());
    out.extend_from_slice(b"\",\"seq\":");
    json::put_number(out, seq);
    out.extend_from_slice(b",\"at\":");
    json::put_number(out, at);
    out.extend_from_slice(b",\"user\":");
    json::put_number(out, user);
    out.extend_from_slice(b",\"from\":\"");
    out.extend_from_slice(from.as_str().as_bytes());
}

fn put_tail(out: &mut Vec<u8>, text: &str, nonce: &Nonce) {
    json::put_escaped(out, text);
    out.extend_from_slice(b"\",\"nonce\":\"");
    json::put_escaped(out, nonce.as_str());
    out.extend_from_slice(b"\"}");
}

/// `typing`: these members typed a moment ago. Shown for [`crate::limits::TYPING_SHOWN_MS`], or until they post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// Where.
    pub room: RoomName,
    /// Who, at most [`crate::limits::TYPING_NICKS_MAX`].
    pub nicks: Vec<Nick>,
}

/// Whether a member is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// Connected.
    Online,
    /// Connected, away from the keyboard.
    Away,
    /// Not connected, expected back.
    Offline,
    /// No longer a member. Only in changes, never in lists.
    Left,
    /// A state of a newer server; to be taken for online.
    #[serde(other)]
    Unknown,
}

/// A member of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who, unique in the room.
    pub nick: Nick,
    /// Whether they are there.
    pub state: MemberState,
}

/// One change in a `presence` event: the member's state from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberChange {
    /// Who, by the nick they have now.
    pub nick: Nick,
    /// Whether they are there.
    pub state: MemberState,
    /// The nick they had before, when that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Nick>,
}

/// `presence`: what changed among the members since the last such event, merged.
///
/// In a large room, or when more than [`crate::limits::PRESENCE_CHANGES_MAX`] changed at once, `changes`
/// is empty and `partial` is true: the count is right, and `members` has the list for who needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Where.
    pub room: RoomName,
    /// The number of members now.
    pub member_count: u64,
    /// What changed, in order.
    pub changes: Vec<MemberChange>,
    /// True when there was more to tell than `changes` holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

/// `lagged`: nothing more of this room is sent on this connection until it sends `join` with `since`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lagged {
    /// Where.
    pub room: RoomName,
    /// The last log event that was sent to this connection before the cut.
    pub seq: Seq,
}

/// Why a server says goodbye.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoodbyeReason {
    /// The server is shutting down or restarting.
    Shutdown,
    /// The session was resumed on another connection.
    Replaced,
    /// The session has ended.
    SessionEnded,
    /// A reason of a newer server.
    #[serde(other)]
    Other,
}

/// `goodbye`: the last frame before a close frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goodbye {
    /// Why.
    pub reason: GoodbyeReason,
    /// The same as a sentence for people.
    pub message: String,
    /// When to come back, in milliseconds from now, spread over all clients so that they do not return
    /// at once; `None`: do not come back by yourself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconnect_after_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_hand(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut json = Vec::new();
        put(&mut json);
        String::from_utf8(json).expect("text")
    }

    fn in_general<T: Serialize>(value: &T) -> String {
        serde_json::to_string(value).expect("encodes")
    }

    proptest! {
        #[test]
        fn a_view_is_encoded_by_hand_and_in_general_as_the_event_that_it_is_a_view_of(
            text in prop_oneof!["(?s).{0,60}", "[\\x00-\\x7f]{0,60}"], nonce in "[!-~]{1,64}",
            room in "[a-z0-9äß日][-a-zA-Z0-9_.äß日]{0,20}", from in "[a-z0-9äß日][-a-zA-Z0-9_.äß日]{0,9}",
            (seq, at, user) in any::<(u64, u64, u64)>(), shift in 0..64,
            kind in prop::sample::select(vec![PostKind::Text, PostKind::Action, PostKind::Unknown]),
        ) {
            let (room, from) = (RoomName::parse(&room).expect("a name"), Nick::parse(&from).expect("a nick"));
            let nonce = Nonce::parse(&nonce).expect("a nonce");
            let (seq, user, text) = (seq >> shift, user >> shift, text.as_str());
            let view = PostView { room: &room, seq, at, user, from: &from, kind, text, nonce: &nonce };
            let post = Post {
                room: room.clone(), seq, at, user, from: from.clone(), kind, text: text.to_owned(),
                nonce: nonce.as_str().to_owned(),
            };
            prop_assert_eq!(in_general(&view), in_general(&Event::Post(post)));
            prop_assert_eq!(by_hand(|out| view.put_json(out)), in_general(&view));
            let view = TopicView { room: &room, seq, at, user, from: &from, topic: text, nonce: &nonce };
            let topic = Topic {
                room: room.clone(), seq, at, user, from: from.clone(), topic: text.to_owned(),
                nonce: nonce.as_str().to_owned(),
            };
            prop_assert_eq!(in_general(&view), in_general(&Event::Topic(topic)));
            prop_assert_eq!(by_hand(|out| view.put_json(out)), in_general(&view));
        }
    }
}
