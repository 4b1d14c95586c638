//! Frames: how requests, replies and events are put into and taken out of one text frame each.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    error::{ErrorBody, ErrorCode},
    event::Event,
    json,
    limits::REQUEST_ID_MAX,
    request::{Post, Request},
};

/// A request with the number that its reply will name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestFrame {
    /// The client's number for it, 0 to [`REQUEST_ID_MAX`]; need not be unique, though it is wise.
    pub id: u64,
    /// What is asked.
    #[serde(flatten)]
    pub request: Request,
}

/// A frame that holds no request, with the error that it is answered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct RequestError {
    /// The request's id, as far as it could be read.
    pub id: Option<u64>,
    /// The error, [`ErrorCode::Malformed`] or [`ErrorCode::UnknownOp`].
    pub error: ErrorBody,
}

#[derive(Deserialize)]
struct Head<'a> {
    id: Option<u64>,
    /// Read later, so that a wrong one does not hide the id.
    #[serde(borrow)]
    op: Option<&'a RawValue>,
}

/// The most characters of the JSON reader's sentence that are passed on: it quotes what it was given.
const FAULT_CHARS_MAX: usize = 200;

fn shorten(error: &serde_json::Error) -> String {
    error.to_string().chars().take(FAULT_CHARS_MAX).collect()
}

impl RequestFrame {
    /// Reads a request from one text frame.
    ///
    /// # Errors
    /// When the text is not one JSON object, has no proper `id` or `op`, or its fields do not fit the `op`.
    pub fn decode(text: &str) -> Result<Self, RequestError> {
        Self::decode_post(text).map_or_else(|| Self::decode_any(text), Ok)
    }

    /// A post whose JSON holds neither escapes nor white space nor anything else, as nearly all requests are: one look at
    /// each byte. `None` for everything else and for all that is wrong, which [`RequestFrame::decode_any`] finds out.
    fn decode_post(text: &str) -> Option<Self> {
        let (mut id, mut op, mut room, mut nonce, mut said) = (None, None, None, None, None);
        let mut rest = text.strip_prefix('{')?;
        loop {
            let (member, (value, after)) = if let Some(value) = rest.strip_prefix(r#""id":"#) {
                (&mut id, value.split_at(value.bytes().take_while(u8::is_ascii_digit).count()))
            } else if let Some(value) = rest.strip_prefix(r#""op":"#) {
                (&mut op, plain_string(value)?)
            } else if let Some(value) = rest.strip_prefix(r#""room":"#) {
                (&mut room, plain_string(value)?)
            } else if let Some(value) = rest.strip_prefix(r#""nonce":"#) {
                (&mut nonce, plain_string(value)?)
            } else {
                (&mut said, plain_string(rest.strip_prefix(r#""text":"#)?)?)
            };
            if member.replace(value).is_some() {
                return None;
            }
            match after.strip_prefix(',') {
                Some(after) => rest = after,
                None if after == "}" => break,
                None => return None,
            }
        }
        let id = id.filter(|id| *id == "0" || !id.starts_with('0'))?.parse().ok().filter(|id| *id <= REQUEST_ID_MAX)?;
        let [room, nonce, text] = [room?, nonce?, said?].map(str::to_owned);
        (op == Some("post")).then(|| Self { id, request: Request::Post(Post { room, nonce, text, ..Post::default() }) })
    }

    fn decode_any(text: &str) -> Result<Self, RequestError> {
        let malformed = |id, message| RequestError { id, error: ErrorBody::new(ErrorCode::Malformed, message) };
        let head: Head<'_> = serde_json::from_str(text)
            .map_err(|error| malformed(None, format!("this is no request: {}", shorten(&error))))?;
        let id = match head.id {
            Some(id) if id <= REQUEST_ID_MAX => id,
            Some(_) => return Err(malformed(None, format!("`id` is at most {REQUEST_ID_MAX}"))),
            None => return Err(malformed(None, "a request needs an `id`, a number of your choice".to_owned())),
        };
        let Some(op) = head.op else {
            return Err(malformed(Some(id), "a request needs an `op`, such as \"hello\"".to_owned()));
        };
        let op: Cow<'_, str> = serde_json::from_str(op.get())
            .map_err(|_| malformed(Some(id), "`op` is a string, such as \"hello\"".to_owned()))?;
        match body(&op, text) {
            Some(Ok(request)) => Ok(Self { id, request }),
            Some(Err(error)) => Err(malformed(Some(id), format!("`{op}` does not fit: {}", shorten(&error)))),
            None => Err(RequestError { id: Some(id), error: unknown_op(&op) }),
        }
    }

    /// The request as the text of one frame.
    ///
    /// # Errors
    /// Never for the types of this crate; the encoder's own error is passed on.
    pub fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// What a JSON string at the begin of `text` says, and what comes behind it; `None` if it is not written as it is said
/// (RFC 8259 §7).
fn plain_string(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let end = json::first_special(inner.as_bytes())?;
    Some((&inner[..end], inner[end..].strip_prefix('"')?))
}

fn unknown_op(op: &str) -> ErrorBody {
    let shown: String = op.chars().take(32).collect();
    ErrorBody::new(ErrorCode::UnknownOp, format!("this server does not know the op {shown:?}"))
}

/// The table of ops; `None` for one that is not in it.
fn body(op: &str, text: &str) -> Option<Result<Request, serde_json::Error>> {
    fn read<T: DeserializeOwned>(text: &str, wrap: fn(T) -> Request) -> Option<Result<Request, serde_json::Error>> {
        Some(serde_json::from_str(text).map(wrap))
    }
    match op {
        "hello" => read(text, Request::Hello),
        "join" => read(text, Request::Join),
        "part" => read(text, Request::Part),
        "post" => read(text, Request::Post),
        "topic" => read(text, Request::Topic),
        "history" => read(text, Request::History),
        "members" => read(text, Request::Members),
        "rooms" => read(text, Request::Rooms),
        "typing" => read(text, Request::Typing),
        "presence" => read(text, Request::Presence),
        "nick" => read(text, Request::Nick),
        "quit" => read(text, Request::Quit),
        _ => None,
    }
}

/// A frame from the server.
#[derive(Debug, Clone)]
pub enum ServerFrame {
    /// The answer to a request.
    Reply {
        /// The request's id; `None` when the server could not read one.
        re: Option<u64>,
        /// The `ok`, to be read with [`read_ok`], or the `error`.
        outcome: Result<Box<RawValue>, ErrorBody>,
    },
    /// Something happened.
    Event(Event),
}

#[derive(Deserialize)]
struct ServerHead<'a> {
    #[serde(default)]
    re: Option<u64>,
    #[serde(default)]
    ok: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<ErrorBody>,
    #[serde(default, borrow)]
    ev: Option<Cow<'a, str>>,
}

impl ServerFrame {
    /// Reads a frame that a server sent.
    ///
    /// # Errors
    /// When the text is neither a reply nor an event.
    pub fn decode(text: &str) -> Result<Self, serde_json::Error> {
        let head: ServerHead<'_> = serde_json::from_str(text)?;
        match (head.ev, head.ok, head.error) {
            (Some(_), _, _) => serde_json::from_str(text).map(Self::Event),
            (None, Some(ok), None) => Ok(Self::Reply { re: head.re, outcome: Ok(ok) }),
            (None, None, Some(error)) => Ok(Self::Reply { re: head.re, outcome: Err(error) }),
            (None, _, _) => Err(serde::de::Error::custom("neither a reply nor an event")),
        }
    }
}

/// Reads the `ok` of a reply as the type that the request's documentation names.
///
/// # Errors
/// When it is of another shape.
pub fn read_ok<T: DeserializeOwned>(ok: &RawValue) -> Result<T, serde_json::Error> {
    serde_json::from_str(ok.get())
}

/// A reply that says `ok`, to be encoded.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct OkReply<'a, T> {
    /// The request's id.
    pub re: u64,
    /// What the request's documentation names.
    pub ok: &'a T,
}

/// A reply that says `error`, to be encoded.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ErrorReply<'a> {
    /// The request's id; `None` when it could not be read.
    pub re: Option<u64>,
    /// The error.
    pub error: &'a ErrorBody,
}

/// The text of a reply that says `ok`.
///
/// # Errors
/// Never for the types of this crate; the encoder's own error is passed on.
pub fn encode_ok<T: Serialize>(re: u64, ok: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(&OkReply { re, ok })
}

/// The text of a reply that says `error`.
///
/// # Errors
/// Never for the types of this crate; the encoder's own error is passed on.
pub fn encode_error(re: Option<u64>, error: &ErrorBody) -> Result<String, serde_json::Error> {
    serde_json::to_string(&ErrorReply { re, error })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{id::Position, request};

    #[test]
    fn every_op_is_in_the_table_and_comes_back_as_itself() {
        let requests = [
            Request::Hello(request::Hello { guest: Some("ana".into()), ..Default::default() }),
            Request::Join(request::Join { room: "lobby".into(), since: Some(Position { epoch: "e".into(), seq: 7 }) }),
            Request::Part(request::Part { room: "lobby".into() }),
            Request::Post(request::Post {
                room: "lobby".into(),
                nonce: "n".into(),
                text: "hi".into(),
                ..Default::default()
            }),
            Request::Topic(request::Topic { room: "lobby".into(), nonce: "n".into(), topic: String::new() }),
            Request::History(request::History { room: "lobby".into(), before: Some(9), ..Default::default() }),
            Request::Members(request::Members { room: "lobby".into(), ..Default::default() }),
            Request::Rooms(request::Rooms { limit: Some(3), ..Default::default() }),
            Request::Typing(request::Typing { room: "lobby".into() }),
            Request::Presence(request::Presence { away: true }),
            Request::Nick(request::Nick { nick: "bo".into() }),
            Request::Quit(request::Quit {}),
        ];
        assert_eq!(requests.iter().map(Request::op).collect::<Vec<_>>(), Request::OPS);
        for request in requests {
            let frame = RequestFrame { id: 5, request };
            let text = frame.encode().expect("encodes");
            assert_eq!(RequestFrame::decode(&text), Ok(frame), "{text}");
        }
    }

    #[test]
    fn what_is_no_request_names_its_fault_and_its_id() {
        let fault = |text: &str| RequestFrame::decode(text).expect_err(text);
        assert_eq!(fault("").id, None);
        assert_eq!(fault("[]").error.code, ErrorCode::Malformed);
        assert_eq!(fault(r#"{"op":"hello"}"#).error.message, "a request needs an `id`, a number of your choice");
        assert_eq!(fault(r#"{"id":-1,"op":"hello"}"#).error.code, ErrorCode::Malformed);
        assert_eq!(fault(r#"{"id":9007199254740992,"op":"hello"}"#).id, None);
        assert_eq!(fault(r#"{"id":3}"#).id, Some(3));
        assert_eq!(fault(r#"{"id":3,"op":"dance"}"#).error.code, ErrorCode::UnknownOp);
        assert_eq!(fault(r#"{"id":3,"op":5}"#).id, Some(3));
        let long = format!(r#"{{"id":3,"op":"join","room":{{"{}":1}}}}"#, "x".repeat(60_000));
        assert!(fault(&long).error.message.len() < 300, "what was sent is not sent back");
        let missing = fault(r#"{"id":3,"op":"post","room":"lobby"}"#);
        assert_eq!((missing.id, missing.error.code), (Some(3), ErrorCode::Malformed));
        assert!(missing.error.message.contains("nonce"), "{}", missing.error.message);
    }

    /// Requests by members in any order, some of them twice, wrong or missing, each written in one of its ways.
    fn written() -> impl Strategy<Value = String> {
        let member = prop_oneof![
            4 => prop::sample::select(vec![r#""id":7"#, r#""op":"post""#, r#""room":"lobby""#, r#""nonce":"n-1""#]),
            3 => prop::sample::select(vec![r#""text":"hi""#, r#" "text" : "\u00e4\n\ud83d\ude00""#, r#""kind":"action""#]),
            2 => prop::sample::select(vec![r#""op":"topic""#, r#""\u006fp":"post""#, r#""topic":"post""#, r#""x":[{"op":"post"}]"#]),
            1 => prop::sample::select(vec![r#""id":null"#, r#""id":9007199254740992"#, r#""id":-1"#, r#""id":7.0"#]),
            1 => prop::sample::select(vec![r#""op":"p\u006fst""#, r#""op":["post"]"#, r#""kind":{"text":null}"#, r#""kind":"post""#]),
            1 => prop::sample::select(vec![r#""room":"\ud800""#, r#""text":5"#, r#""x":"\ud800""#, "\"text\":\"\t\"", "\"x\":\"\u{7f}\""]),
        ];
        let members = prop::collection::vec(member, 0..8).prop_map(|members| members.join(","));
        (members, prop::sample::select(vec![("{", "}"), ("[", "]"), (" {", "} "), ("{", "}x"), ("{", "")]))
            .prop_map(|(members, (begin, end))| format!("{begin}{members}{end}"))
    }

    proptest! {
        #[test]
        fn a_post_read_at_once_is_what_it_is_otherwise(
            text in prop_oneof![written(), ".{0,40}", r#"\{"id":1,"op":"post","room":"a","nonce":"b","text":".{0,9}"\}"#],
        ) {
            if let Some(frame) = RequestFrame::decode_post(&text) {
                prop_assert_eq!(RequestFrame::decode_any(&text), Ok(frame));
            }
        }

        #[test]
        fn a_post_as_it_is_encoded_is_read_at_once(id in 0..=REQUEST_ID_MAX, text in "[^\\\\\"\\x00-\\x1f]{0,40}") {
            let post = request::Post { room: "lobby".into(), nonce: "n".into(), text, ..Default::default() };
            let frame = RequestFrame { id, request: Request::Post(post) };
            prop_assert_eq!(RequestFrame::decode_post(&frame.encode().expect("encodes")), Some(frame));
        }
    }

    #[test]
    fn a_server_frame_is_a_reply_or_an_event_and_new_events_are_skipped() {
        let decode = |text: &str| ServerFrame::decode(text).expect(text);
        assert!(matches!(decode(r#"{"re":1,"ok":{}}"#), ServerFrame::Reply { re: Some(1), outcome: Ok(_) }));
        assert!(matches!(
            decode(r#"{"re":null,"error":{"code":"from_the_future","message":"?"}}"#),
            ServerFrame::Reply { re: None, outcome: Err(ErrorBody { code: ErrorCode::Unknown, .. }) }
        ));
        assert!(matches!(decode(r#"{"ev":"typing","room":"a","nicks":["b"]}"#), ServerFrame::Event(Event::Typing(_))));
        let hologram = decode(r#"{"ev":"hologram","room":"a","seq":7}"#);
        assert!(matches!(hologram, ServerFrame::Event(event @ Event::Unknown(_)) if event.seq() == Some(7)));
        assert!(ServerFrame::decode(r#"{"re":1}"#).is_err());
        assert!(ServerFrame::decode("null").is_err());
    }
}

#[cfg(test)]
mod newer_servers {
    use super::*;
    use crate::{
        event::{MemberState, PostKind},
        reply::{History, Joined, Resume},
    };

    #[test]
    fn words_of_a_newer_server_do_not_make_a_reply_unreadable() {
        let joined = r#"{"room":"a","epoch":"e","seq":2,"topic":"","resume":"better","member_count":1,
            "members":[{"nick":"ana","state":"dreaming"}],
            "events":[{"ev":"post","room":"a","seq":1,"at":1,"user":1,"from":"ana","kind":"sticker","text":"hi","nonce":"n"},
                      {"ev":"hologram","room":"a","seq":2,"at":1,"shape":[1,2]}]}"#;
        let joined: Joined = serde_json::from_str(joined).expect("readable");
        assert_eq!((joined.resume, joined.members[0].state), (Resume::Unknown, MemberState::Unknown));
        assert!(matches!(&joined.events[0], Event::Post(post) if post.kind == PostKind::Unknown));
        assert_eq!(joined.events.iter().map(Event::seq).collect::<Vec<_>>(), [Some(1), Some(2)]);
        let page = r#"{"room":"a","epoch":"e","seq":2,"events":[{"ev":"hologram","seq":2}],"more":false}"#;
        assert!(serde_json::from_str::<History>(page).is_ok());
    }
}
