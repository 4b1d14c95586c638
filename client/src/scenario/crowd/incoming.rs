//! What a server's text frame says, as far as a crowd wants to know it.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash, Hasher},
};

use hubbub_protocol::{ErrorBody, Event, RoomName, event::PostKind, id::Seq, reply::Resume};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::person::Kind;
use crate::scenario::{id::MessageId, ledger::Content};

/// One text frame.
#[derive(Debug)]
pub(super) enum Incoming<'a> {
    /// The answer to a request; without `re` to something that was none.
    Reply {
        re: Option<u64>,
        outcome: Result<&'a RawValue, ErrorBody>,
    },
    Event(Event),
}

/// Reads a text frame.
///
/// # Errors
/// When it is neither a reply nor an event.
pub(super) fn read(text: &str) -> Result<Incoming<'_>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(default)]
        re: Option<u64>,
        #[serde(default, borrow)]
        ok: Option<&'a RawValue>,
        #[serde(default)]
        error: Option<ErrorBody>,
        #[serde(default, borrow)]
        ev: Option<Cow<'a, str>>,
    }
    let head: Head<'_> = serde_json::from_str(text)?;
    match (head.ev, head.ok, head.error) {
        (Some(_), _, _) => serde_json::from_str(text).map(Incoming::Event),
        (None, Some(ok), None) => Ok(Incoming::Reply { re: head.re, outcome: Ok(ok) }),
        (None, None, Some(error)) => Ok(Incoming::Reply { re: head.re, outcome: Err(error) }),
        (None, _, _) => Err(serde::de::Error::custom("neither a reply nor an event")),
    }
}

/// The reply to `join` without its members, each event as it stands there.
#[derive(Debug, Deserialize)]
pub(super) struct JoinedReply<'a> {
    #[serde(borrow)]
    pub(super) epoch: Cow<'a, str>,
    pub(super) seq: Seq,
    pub(super) resume: Resume,
    #[serde(borrow)]
    pub(super) events: Vec<&'a RawValue>,
}

/// The reply to `history`, each event as it stands there.
#[derive(Debug, Deserialize)]
pub(super) struct Page<'a> {
    #[serde(borrow)]
    pub(super) epoch: Cow<'a, str>,
    pub(super) seq: Seq,
    #[serde(borrow)]
    pub(super) events: Vec<&'a RawValue>,
    pub(super) more: bool,
}

/// An event that has its place in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// `None`: an event of a newer server that does not name one.
    pub(super) room: Option<RoomName>,
    pub(super) seq: Seq,
    pub(super) content: Content,
}

/// The event's place and whose it is; `None` for what is in no log. `run` is the begin of this run's nonces.
pub(super) fn entry(event: &Event, run: &str) -> Option<Entry> {
    let seq = event.seq()?;
    let nonce = match event {
        Event::Post(post) => Some(&post.nonce),
        Event::Topic(topic) => Some(&topic.nonce),
        _ => None,
    };
    // only what says what was posted, in the very form in which we write it, is ours
    let content =
        nonce.and_then(|nonce| ours(nonce, run, event)).map_or_else(|| Content::Foreign(digest(event)), Content::Ours);
    Some(Entry { room: event.room().cloned(), seq, content })
}

/// The nonce of a message: the run's word, the message's number, and a digest of what it says, so that every copy of it
/// bears witness to itself.
pub(super) fn nonce(run: &str, message: MessageId, words: u32) -> String {
    format!("{run}.{}.{words:08x}", message.0)
}

/// A digest of what a post or a topic says, and who says it.
pub(super) fn words(from: &str, kind: Kind, text: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    (from, kind, text).hash(&mut hasher);
    let hash = hasher.finish();
    (hash ^ (hash >> 32)) as u32
}

/// Which of our messages this is; `None` for somebody else's, and for one of ours that says something else by now.
fn ours(of: &str, run: &str, event: &Event) -> Option<MessageId> {
    let (number, _) = of.strip_prefix(run)?.strip_prefix('.')?.split_once('.')?;
    let message = MessageId(number.parse().ok()?);
    let words = match event {
        Event::Post(post) => {
            let kind = if post.kind == PostKind::Action { Kind::Action } else { Kind::Text };
            words(post.from.as_str(), kind, &post.text)
        }
        Event::Topic(topic) => words(topic.from.as_str(), Kind::Topic, &topic.topic),
        _ => return None,
    };
    (nonce(run, message, words) == of).then_some(message)
}

/// A digest of everything that an event says, the same in every run.
pub(super) fn digest(event: &Event) -> u64 {
    let mut hasher = DefaultHasher::new();
    match event {
        Event::Post(post) => {
            (0_u8, post.seq, post.at, post.user, post.from.as_str()).hash(&mut hasher);
            (post.kind, &post.text, &post.nonce).hash(&mut hasher);
        }
        Event::Topic(topic) => {
            (1_u8, topic.seq, topic.at, topic.user, topic.from.as_str()).hash(&mut hasher);
            (&topic.topic, &topic.nonce).hash(&mut hasher);
        }
        Event::Unknown(unknown) => (2_u8, unknown.seq, &unknown.ev).hash(&mut hasher),
        Event::Typing(_) | Event::Presence(_) | Event::Lagged(_) | Event::Goodbye(_) => {}
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Event {
        match read(text) {
            Ok(Incoming::Event(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    /// A post of this run.
    fn post() -> String {
        let nonce = nonce("run", MessageId(42), words("ana", Kind::Text, "hi"));
        format!(
            r#"{{"ev":"post","room":"lobby","seq":7,"at":1,"user":1,"from":"ana","kind":"text","text":"hi","nonce":"{nonce}"}}"#
        )
    }

    #[test]
    fn our_own_are_told_by_their_nonce_and_others_by_all_that_they_say() {
        let post = post();
        let ours = entry(&event(&post), "run").expect("is in the log");
        assert_eq!((ours.seq, ours.content), (7, Content::Ours(MessageId(42))));
        let foreign = |text: &str| match entry(&event(text), "run") {
            Some(Entry { content: Content::Foreign(digest), .. }) => digest,
            other => panic!("{other:?}"),
        };
        let other = foreign(&post.replace("run.", "run2."));
        assert_eq!(other, foreign(&post.replace("run.", "run2.")));
        for (from, to) in [("hi", "ho"), ("ana", "bo"), (r#""at":1"#, r#""at":2"#), (r#""user":1"#, r#""user":3"#)] {
            assert_ne!(other, foreign(&post.replace("run.", "run2.").replace(from, to)), "{from}");
        }
        for changed in [("run.42", "run.x"), ("run.42", "run.042"), ("42.", "42.0")] {
            foreign(&post.replace(changed.0, changed.1));
        }
        assert_eq!(entry(&event(r#"{"ev":"typing","room":"a","nicks":["b"]}"#), "run"), None);
    }

    #[test]
    fn a_message_that_says_something_else_than_was_posted_is_not_ours_any_more() {
        let post = post();
        for (from, to) in
            [(r#""hi""#, r#""ho""#), (r#""from":"ana""#, r#""from":"bo""#), (r#""kind":"text""#, r#""kind":"action""#)]
        {
            let altered = entry(&event(&post.replace(from, to)), "run").expect("is in the log");
            assert!(matches!(altered.content, Content::Foreign(_)), "{to}");
        }
    }

    #[test]
    fn a_reply_is_told_from_an_event_and_nonsense_from_both() {
        assert!(matches!(read(r#"{"re":3,"ok":{}}"#), Ok(Incoming::Reply { re: Some(3), outcome: Ok(_) })));
        assert!(matches!(
            read(r#"{"re":null,"error":{"code":"x","message":""}}"#),
            Ok(Incoming::Reply { re: None, outcome: Err(_) })
        ));
        for nonsense in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"re":1}"#,
            r#"{"ev":"post"}"#,
            r#"{"re":1,"ok":{},"error":{"code":"x","message":""}}"#,
        ] {
            assert!(read(nonsense).is_err(), "{nonsense}");
        }
    }
}
