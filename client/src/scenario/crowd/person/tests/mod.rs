//! The person against a scripted server, in virtual time: every promise of a client, without a socket.

mod post;
mod presence;
mod room;
mod wire;

use std::time::Duration;

use hubbub_protocol::{ErrorCode, RoomName};

use super::{Deed, Kind, Lost, Owner, Pending, Person, Place, State};
use crate::scenario::{
    crowd::{
        deck::{Deck, Notice, PostEnd},
        incoming,
        order::{CrowdConfig, Failure, Parting, Recruit},
        timer::Due,
        websocket::upgrade,
    },
    file::{cast::Via, expectation::Resumed, step::Garbage},
    id::{MessageId, PersonId, RoomId},
    ledger::account::Account,
};

/// A reply to `hello`.
const WELCOME: &str = r#"{"session":"s","token":"secret","resumed":RESUMED,"user":{"id":7,"nick":"ana"},
    "limits":{"frame_bytes_max":65536,"text_chars_max":4000,"topic_chars_max":400,"rooms_per_session_max":256,
    "post_burst":20,"posts_per_s":5,"ping_interval_ms":25000,"session_idle_ms":86400000},
    "server":{"name":"s","version":"0","protocol":1}}"#;

/// One person with everything around them made up.
pub(in super::super) struct Scene {
    pub(in super::super) person: Person,
    pub(in super::super) deck: Deck,
    pub(in super::super) lobby: RoomId,
}

impl Scene {
    /// Ana, of the lobby, not connected.
    fn new() -> Self {
        let address = "127.0.0.1:1".parse().expect("an address");
        let (host, run, patience) = ("here:1".to_owned(), "run".to_owned(), Duration::from_secs(10));
        let config = CrowdConfig { addresses: vec![address], host, seed: 1, run, connecting_max: 8, patience };
        let mut deck = Deck::new(config).expect("a deck");
        deck.ledger.person(PersonId(0), "ana");
        let lobby = deck.room(&RoomName::parse("lobby").expect("a room"));
        let recruit = Recruit { name: "ana".to_owned(), via: Via::Native, reads_bytes_per_s: None, returns: true };
        let mut person = Person::new(PersonId(0), recruit);
        assert!(!person.join(lobby, &mut deck), "without a connection there is nothing to wait for");
        Self { person, deck, lobby }
    }

    /// The same, greeted and in the empty lobby.
    pub(in super::super) fn there() -> Self {
        let mut scene = Self::new();
        scene.connect();
        scene.welcome(false);
        scene.ok(&joined(0, "fresh", &[]));
        assert!(scene.person.arrived);
        scene
    }

    /// Up to the WebSocket.
    fn connect(&mut self) {
        self.person.connect(&mut self.deck);
        self.upgrade();
    }

    fn upgrade(&mut self) {
        assert_eq!(self.person.state, State::Queued);
        self.person.dialing(&mut self.deck);
        self.person.dialed(&mut self.deck);
        let request = String::from_utf8(std::mem::take(&mut self.person.out)).expect("text");
        let (_, key) = request.split_once("Sec-WebSocket-Key: ").expect("a key");
        let key = key.split_once("\r\n").expect("a line").0;
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: hubbub.v1\r\n\r\n"
        );
        assert_eq!(self.input(answer.as_bytes()), Ok(answer.len()));
    }

    fn welcome(&mut self, resumed: bool) {
        self.ok(&WELCOME.replace("RESUMED", if resumed { "true" } else { "false" }));
    }

    fn input(&mut self, bytes: &[u8]) -> Result<usize, Lost> {
        self.person.input(bytes, &mut self.deck)
    }

    /// The server says this.
    pub(in super::super) fn says(&mut self, text: &str) -> Result<(), Lost> {
        let frame = server_frame(0x81, text.as_bytes());
        self.input(&frame).map(|taken| assert_eq!(taken, frame.len()))
    }

    /// The server answers the oldest request with `ok`.
    pub(in super::super) fn ok(&mut self, ok: &str) {
        let re = self.person.asked.front().expect("something was asked").id;
        self.says(&format!(r#"{{"re":{re},"ok":{ok}}}"#)).expect("it is taken");
    }

    pub(in super::super) fn refuse(&mut self, error: &str) -> Result<(), Lost> {
        let re = self.person.asked.front().expect("something was asked").id;
        self.says(&format!(r#"{{"re":{re},"error":{error}}}"#))
    }

    /// What was written since the last time: the texts, each without its `id`.
    pub(in super::super) fn written(&mut self) -> Vec<String> {
        let out = std::mem::take(&mut self.person.out);
        client_frames(&out)
            .into_iter()
            .map(|(_, payload)| {
                let text = String::from_utf8(payload).expect("text");
                match text.strip_prefix(r#"{"id":"#).and_then(|rest| rest.split_once(',')) {
                    Some((_, rest)) => format!("{{{rest}"),
                    None => text,
                }
            })
            .collect()
    }

    pub(in super::super) fn notices(&mut self) -> Vec<Notice> {
        self.deck.notices.drain(..).filter(|notice| !matches!(notice, Notice::Write(_) | Notice::Dial(_))).collect()
    }

    /// The connection breaks; the time to come back is waited for.
    fn break_and_return(&mut self) {
        self.person.lost(Lost::Broken("reset".to_owned()), &mut self.deck);
        self.wait();
        self.upgrade();
    }

    /// Lets the time go on to the next timer, and heeds it.
    fn wait(&mut self) {
        let at = self.deck.timers.next().expect("there is something to wait for");
        self.deck.now = at;
        match self.deck.timers.due(at) {
            Some((_, Due::Retry(_, attempt))) => self.person.retry(attempt, &mut self.deck),
            Some((_, Due::Rejoin(_, room))) => self.person.rejoin(room, &mut self.deck),
            other => panic!("{other:?}"),
        }
    }

    pub(in super::super) fn later(&mut self, time: Duration) {
        self.deck.now = self.deck.now.after(time);
    }

    /// Ana says hi.
    fn post(&mut self, sight: bool) {
        let pending = self.pending(sight);
        self.person.post(pending, &mut self.deck);
    }

    fn pending(&self, sight: bool) -> Pending {
        Pending {
            owner: Owner::Flow { flow: 0, slot: 0 },
            message: None,
            room: self.lobby,
            intended: self.deck.now,
            overdue: self.deck.now.after(self.deck.config.patience),
            group: None,
            text: "hi".into(),
            kind: Kind::Text,
            sight,
            sent: false,
            accepted: false,
            seen: false,
        }
    }

    /// What became of the posts, in one word each.
    fn ends(&mut self) -> Vec<&'static str> {
        let ends = self.notices().into_iter().filter_map(|notice| match notice {
            Notice::Post { end, .. } => Some(end),
            _ => None,
        });
        let word = |end| match end {
            PostEnd::Sent => "sent",
            PostEnd::Accepted => "accepted",
            PostEnd::Refused(_) => "refused",
            PostEnd::GivenUp => "given up",
            PostEnd::Unsent => "unsent",
            PostEnd::Left => "left",
        };
        ends.map(word).collect()
    }

    fn account(mut self) -> Account {
        self.deck.close_ledger()
    }
}

/// As a server sends it.
fn server_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("short enough");
    let header =
        if length < 126 { vec![first, length as u8] } else { [&[first, 126][..], &length.to_be_bytes()].concat() };
    [&header, payload].concat()
}

/// Opcode and payload of each frame that a client wrote.
fn client_frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert_eq!(second & 0x80, 0x80, "it is masked");
        let (length, rest) = match second & 0x7F {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            length => (usize::from(length), rest),
        };
        let (mask, rest) = rest.split_at(4);
        let payload = rest[..length].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        frames.push((first & 0x0F, payload));
        bytes = &rest[length..];
    }
    frames
}

fn joined(seq: u64, resume: &str, events: &[String]) -> String {
    format!(
        r#"{{"room":"lobby","epoch":"e","seq":{seq},"topic":"","resume":"{resume}","member_count":1,"members":[],"events":[{}]}}"#,
        events.join(",")
    )
}

/// An event of somebody who is not of this run.
fn event(seq: u64) -> String {
    format!(
        r#"{{"ev":"post","room":"lobby","seq":{seq},"at":{seq},"user":9,"from":"zoe","text":"hey","nonce":"z-{seq}"}}"#
    )
}

/// Ana's own event of this number.
pub(in super::super) fn own(seq: u64, number: u32) -> String {
    let nonce = nonce(number, "hi");
    format!(
        r#"{{"ev":"post","room":"lobby","seq":{seq},"at":{seq},"user":7,"from":"ana","text":"hi","nonce":"{nonce}"}}"#
    )
}

/// The nonce of ana's own post of this number.
pub(in super::super) fn nonce(number: u32, text: &str) -> String {
    incoming::nonce("run", MessageId(number), incoming::words("ana", Kind::Text, text))
}
