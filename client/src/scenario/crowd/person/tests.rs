//! The person against a scripted server, in virtual time: every promise of a client, without a socket.

use std::time::Duration;

use hubbub_protocol::{ErrorCode, RoomName};

use super::{Deed, Kind, Lost, Owner, Pending, Person, Place, State};
use crate::scenario::{
    crowd::{
        deck::{Deck, Notice, PostEnd},
        order::{CrowdConfig, Failure, Parting, Recruit},
        timer::Due,
        websocket::upgrade,
    },
    file::{cast::Via, expectation::Resumed, step::Garbage},
    id::{PersonId, RoomId},
    ledger::account::Account,
};

/// A reply to `hello`.
const WELCOME: &str = r#"{"session":"s","token":"secret","resumed":RESUMED,"user":{"id":7,"nick":"ana"},
    "limits":{"frame_bytes_max":65536,"text_chars_max":4000,"topic_chars_max":400,"rooms_per_session_max":256,
    "post_burst":20,"posts_per_s":5,"ping_interval_ms":25000,"session_idle_ms":86400000},
    "server":{"name":"s","version":"0","protocol":1}}"#;

/// One person with everything around them made up.
struct Scene {
    person: Person,
    deck: Deck,
    lobby: RoomId,
}

impl Scene {
    /// Ana, of the lobby, not connected.
    fn new() -> Self {
        let address = "127.0.0.1:1".parse().expect("an address");
        let (host, run, patience) = ("here:1".to_owned(), "run".to_owned(), Duration::from_secs(10));
        let config = CrowdConfig { addresses: vec![address], host, seed: 1, run, connecting_max: 8, patience };
        let mut deck = Deck::new(config);
        deck.ledger.person(PersonId(0), "ana");
        let lobby = deck.room(&RoomName::parse("lobby").expect("a room"));
        let recruit = Recruit { name: "ana".to_owned(), via: Via::Native, reads_bytes_per_s: None, returns: true };
        let mut person = Person::new(PersonId(0), recruit);
        assert!(!person.join(lobby, &mut deck), "without a connection there is nothing to wait for");
        Self { person, deck, lobby }
    }

    /// The same, greeted and in the empty lobby.
    fn there() -> Self {
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
    fn says(&mut self, text: &str) -> Result<(), Lost> {
        let frame = server_frame(0x81, text.as_bytes());
        self.input(&frame).map(|taken| assert_eq!(taken, frame.len()))
    }

    /// The server answers the oldest request with `ok`.
    fn ok(&mut self, ok: &str) {
        let re = self.person.asked.front().expect("something was asked").id;
        self.says(&format!(r#"{{"re":{re},"ok":{ok}}}"#)).expect("it is taken");
    }

    fn refuse(&mut self, error: &str) -> Result<(), Lost> {
        let re = self.person.asked.front().expect("something was asked").id;
        self.says(&format!(r#"{{"re":{re},"error":{error}}}"#))
    }

    /// What was written since the last time: the texts, each without its `id`.
    fn written(&mut self) -> Vec<String> {
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

    fn notices(&mut self) -> Vec<Notice> {
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

    fn later(&mut self, time: Duration) {
        self.deck.now = self.deck.now.after(time);
    }

    /// Ana says hi.
    fn post(&mut self, sight: bool) {
        let pending = Pending {
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
        };
        self.person.post(pending, &mut self.deck);
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
fn own(seq: u64, number: u32) -> String {
    format!(
        r#"{{"ev":"post","room":"lobby","seq":{seq},"at":{seq},"user":7,"from":"ana","text":"hi","nonce":"run.{number}"}}"#
    )
}

#[test]
fn a_first_connect_greets_as_guest_and_joins_with_nothing_to_go_on_from() {
    let mut scene = Scene::new();
    scene.person.await_deed(3, Deed::Connect, &scene.deck);
    scene.connect();
    let hello =
        concat!(r#"{"op":"hello","client":"hubbub-scenario/"#, env!("CARGO_PKG_VERSION"), r#"","guest":"ana"}"#);
    assert_eq!(scene.written(), [hello]);
    scene.welcome(false);
    assert_eq!(scene.written(), [r#"{"op":"join","room":"lobby"}"#]);
    assert_eq!((scene.deck.connecting, scene.deck.online, scene.notices().len()), (1, 1, 0));
    scene.ok(&joined(2, "fresh", &[event(1), event(2)]));
    assert!(matches!(scene.notices()[..], [Notice::Done { order: 3, outcome: Ok(()), .. }]));
    assert_eq!(scene.deck.connecting, 0);
    assert_eq!(scene.person.rooms[0].how, Some((Resumed::Fresh, 0)), "who had nothing missed nothing");
}

#[test]
fn who_wants_a_nick_that_is_taken_takes_the_one_that_the_server_suggests() {
    let mut scene = Scene::new();
    scene.connect();
    scene.written();
    scene.refuse(r#"{"code":"nick_taken","message":"","suggestion":"ana2"}"#).expect("the connection lives");
    assert!(scene.written()[0].contains(r#""guest":"ana2""#));
    scene.refuse(r#"{"code":"nick_taken","message":""}"#).expect("the connection lives");
    assert!(scene.written()[0].contains(r#""guest":"ana-"#));
    let full = scene.refuse(r#"{"code":"server_full","message":"","retry_after_ms":5000}"#);
    assert!(matches!(&full, Err(Lost::Refused(error)) if error.code == ErrorCode::ServerFull));
    scene.person.lost(full.expect_err("is refused"), &mut scene.deck);
    assert_eq!(scene.deck.timers.next().map(|at| at.since(scene.deck.now)), Some(Duration::from_secs(5)));
}

#[test]
fn who_comes_back_goes_on_with_session_and_rooms_from_what_they_have() {
    let mut scene = Scene::there();
    scene.says(&event(1)).expect("it is taken");
    scene.written();
    scene.break_and_return();
    assert!(scene.written()[0].ends_with(r#""token":"secret"}"#));
    scene.welcome(true);
    assert_eq!(scene.written(), [r#"{"op":"join","room":"lobby","since":{"epoch":"e","seq":1}}"#]);
    scene.ok(&joined(3, "complete", &[event(2), event(3)]));
    assert_eq!(scene.person.rooms[0].how, Some((Resumed::Complete, 2)));
    let totals = scene.account().totals;
    assert_eq!((totals.connected, totals.resumed, totals.rooms_complete, totals.connections_lost), (1, 1, 1, 1));
    assert_eq!((totals.foreign, totals.lost, totals.doubled), (3, 0, 0));
}

#[test]
fn a_post_without_its_answer_is_sent_again_with_its_nonce_and_one_with_it_is_not() {
    let mut scene = Scene::there();
    scene.written();
    scene.post(false);
    scene.post(false);
    let posts = scene.written();
    assert_eq!(posts[0], r#"{"op":"post","room":"lobby","nonce":"run.0","text":"hi"}"#);
    scene.ok(r#"{"seq":1,"at":1}"#);
    assert_eq!(scene.ends(), ["sent", "sent", "accepted", "left"]);
    scene.break_and_return();
    scene.welcome(true);
    assert!(!scene.written().iter().any(|text| text.contains("nonce")), "not before the room is joined");
    scene.ok(&joined(2, "complete", &[own(1, 0), own(2, 1)]));
    assert_eq!(scene.written(), posts[1..], "the same, once more");
    scene.ok(r#"{"seq":2,"at":2,"duplicate":true}"#);
    assert_eq!(scene.ends(), ["accepted", "left"]);
    let account = scene.account();
    assert_eq!((account.totals.accepted, account.totals.sent_again, account.totals.duplicates), (2, 1, 1));
    assert_eq!(account.found, Default::default(), "{:?}", account.breaches);
}

#[test]
fn a_post_leaves_a_window_when_its_sender_has_answer_and_event_in_either_order() {
    let mut scene = Scene::there();
    scene.post(true);
    scene.ok(r#"{"seq":1,"at":1}"#);
    assert_eq!(scene.ends(), ["sent", "accepted"]);
    scene.says(&own(1, 0)).expect("it is taken");
    assert_eq!(scene.ends(), ["left"]);
    scene.post(true);
    scene.says(&own(2, 1)).expect("it is taken");
    assert_eq!(scene.ends(), ["sent"]);
    scene.ok(r#"{"seq":2,"at":2}"#);
    assert_eq!(scene.ends(), ["accepted", "left"]);
    scene.post(true);
    scene.ok(r#"{"seq":3,"at":3}"#);
    scene.break_and_return();
    scene.welcome(true);
    scene.ok(&joined(3, "complete", &[own(3, 2)]));
    assert_eq!(scene.ends(), ["sent", "accepted", "left"], "the event may come with the return");
}

#[test]
fn a_refused_post_is_refused_and_not_sent_again() {
    let mut scene = Scene::there();
    scene.post(true);
    scene.refuse(r#"{"code":"rate_limited","message":"","retry_after_ms":200}"#).expect("the connection lives");
    assert_eq!(scene.ends(), ["sent", "refused", "left"]);
    assert_eq!((scene.person.posts.len(), scene.deck.timers.next()), (0, None));
    assert_eq!(scene.account().totals.refused.get("rate_limited"), Some(&1));
}

#[test]
fn a_post_for_one_who_is_away_waits_for_them_and_not_for_ever() {
    let mut scene = Scene::new();
    scene.post(false);
    assert_eq!(scene.person.unanswered(), 1);
    scene.later(Duration::from_secs(9));
    scene.person.sweep(&mut scene.deck).expect("nothing is wrong");
    assert_eq!(scene.ends(), [""; 0]);
    scene.later(Duration::from_secs(2));
    scene.person.sweep(&mut scene.deck).expect("nothing is wrong");
    assert_eq!(scene.ends(), ["unsent", "left"]);
    scene.post(false);
    scene.connect();
    scene.welcome(false);
    scene.ok(&joined(0, "fresh", &[]));
    assert_eq!(scene.ends(), ["sent"]);
    scene.later(Duration::from_secs(11));
    scene.person.sweep(&mut scene.deck).expect("a post without an answer is no reason to go");
    assert_eq!(scene.ends(), ["given up", "left"]);
    scene.ok(r#"{"seq":1,"at":1}"#);
    assert_eq!(scene.ends(), [""; 0], "too late to count");
}

#[test]
fn a_gap_is_filled_page_by_page_while_live_events_go_on_arriving() {
    let mut scene = Scene::there();
    scene.says(&event(1)).expect("it is taken");
    scene.break_and_return();
    scene.welcome(true);
    scene.written();
    scene.ok(&joined(7, "gap", &[event(6), event(7)]));
    let ask = r#"{"op":"history","room":"lobby","after":1,"limit":500}"#;
    assert_eq!(scene.written(), [ask]);
    assert!(!scene.person.arrived);
    scene.says(&event(8)).expect("it is taken");
    let page = |events: &[String], more: bool| {
        format!(r#"{{"room":"lobby","epoch":"e","seq":8,"events":[{}],"more":{more}}}"#, events.join(","))
    };
    scene.ok(&page(&[event(2), event(3)], true));
    assert_eq!(scene.written(), [ask.replace(":1,", ":3,")]);
    scene.ok(&page(&[event(4), event(5), event(6)], true));
    assert!(scene.person.arrived && scene.written().is_empty());
    assert_eq!(scene.person.rooms[0].how, Some((Resumed::Gap, 6)));
    let account = scene.account();
    assert_eq!((account.totals.foreign, account.totals.rooms_gap), (8, 1));
    assert_eq!(account.found, Default::default(), "{:?}", account.breaches);
}

#[test]
fn who_fell_behind_joins_again_from_what_they_have() {
    let mut scene = Scene::there();
    scene.says(&event(1)).expect("it is taken");
    scene.written();
    scene.says(r#"{"ev":"lagged","room":"lobby","seq":1}"#).expect("it is taken");
    assert_eq!(scene.written(), [r#"{"op":"join","room":"lobby","since":{"epoch":"e","seq":1}}"#]);
    scene.says(r#"{"ev":"lagged","room":"lobby","seq":1}"#).expect("it is taken");
    assert!(scene.written().is_empty(), "once is enough");
    scene.ok(&joined(2, "complete", &[event(2)]));
    assert_eq!(scene.person.rooms[0].place, Place::In);
    assert_eq!(scene.account().totals.lagged, 2);
}

#[test]
fn a_session_that_is_gone_is_begun_anew_and_what_was_sent_in_it_is_open() {
    let mut scene = Scene::there();
    scene.post(false);
    scene.break_and_return();
    scene.post(false);
    scene.written();
    scene.refuse(r#"{"code":"unknown_session","message":""}"#).expect("the connection lives");
    assert!(scene.written()[0].contains(r#""guest":"ana""#));
    assert_eq!(scene.ends(), ["sent", "given up", "left"], "the second was never sent");
    scene.welcome(false);
    scene.ok(&joined(0, "complete", &[]));
    assert_eq!(scene.ends(), ["sent"]);
    let totals = scene.account().totals;
    assert_eq!((totals.connected, totals.resumed, totals.unsettled), (2, 0, 2));
}

#[test]
fn a_join_that_is_to_wait_is_asked_again_and_one_that_is_refused_is_said() {
    let mut scene = Scene::new();
    scene.connect();
    scene.welcome(false);
    scene.written();
    scene.refuse(r#"{"code":"overloaded","message":"","retry_after_ms":300}"#).expect("the connection lives");
    assert!(scene.written().is_empty());
    scene.wait();
    assert_eq!((scene.deck.now.0, scene.written()), (300_000_000, vec![r#"{"op":"join","room":"lobby"}"#.to_owned()]));
    scene.person.await_deed(1, Deed::Connect, &scene.deck);
    scene.refuse(r#"{"code":"too_many_rooms","message":"no"}"#).expect("the connection lives");
    let [Notice::Done { order: 1, outcome: Err(Failure::Refused(error)), .. }] = &scene.notices()[..] else {
        panic!("the order is told so");
    };
    assert_eq!(error.code, ErrorCode::TooManyRooms);
}

#[test]
fn waits_double_to_their_end_are_jittered_and_begin_anew_after_an_arrival() {
    let mut scene = Scene::there();
    let wait = |scene: &mut Scene| {
        scene.person.lost(Lost::Broken("reset".to_owned()), &mut scene.deck);
        let wait = scene.deck.timers.next().expect("they come back").since(scene.deck.now);
        scene.wait();
        wait.as_millis()
    };
    let mut most = 100;
    for _ in 0..9 {
        let waited = wait(&mut scene);
        assert!((most / 2..=most).contains(&waited), "{waited} of {most}");
        most = (most * 2).min(5_000);
    }
    assert_eq!(most, 5_000);
    scene.upgrade();
    scene.welcome(true);
    scene.ok(&joined(0, "complete", &[]));
    assert!(wait(&mut scene) <= 100);
}

#[test]
fn who_is_told_when_to_come_back_comes_back_then_and_who_is_told_not_to_stays_away() {
    let mut scene = Scene::there();
    let goodbye = r#"{"ev":"goodbye","reason":"shutdown","message":"","reconnect_after_ms":3590}"#;
    scene.says(goodbye).expect("it is taken");
    let closed = scene.input(&server_frame(0x88, &1001_u16.to_be_bytes())).expect_err("it is over");
    assert_eq!(closed, Lost::Closed { code: 1001, reason: String::new() });
    scene.person.lost(closed, &mut scene.deck);
    assert_eq!(scene.deck.timers.next().map(|at| at.since(scene.deck.now)), Some(Duration::from_millis(3_590)));
    for code in [1002_u16, 1009, 4001, 4004] {
        let mut scene = Scene::there();
        let closed = scene.input(&server_frame(0x88, &code.to_be_bytes())).expect_err("it is over");
        scene.person.lost(closed, &mut scene.deck);
        assert_eq!((scene.person.state, scene.person.wish, scene.person.closed), (State::Away, false, Some(code)));
        assert_eq!((scene.deck.timers.next(), scene.deck.online), (None, 0));
    }
}

#[test]
fn a_cut_is_a_reset_and_they_come_back_if_it_is_their_way() {
    for returns in [true, false] {
        let mut scene = Scene::there();
        scene.person.returns = returns;
        scene.person.await_deed(5, Deed::Leave, &scene.deck);
        scene.person.leave(Parting::Cut, &mut scene.deck);
        let notices = scene.notices();
        assert!(notices.iter().any(|notice| matches!(notice, Notice::HangUp { reset: true, .. })));
        assert!(notices.iter().any(|notice| matches!(notice, Notice::Done { order: 5, outcome: Ok(()), .. })));
        assert_eq!(scene.person.state, if returns { State::Waiting } else { State::Away });
        scene.says(&event(1)).expect("it is not heard any more");
        let totals = scene.account().totals;
        assert_eq!((totals.connections_lost, totals.leaked), (0, 0), "it was the story's wish");
    }
}

#[test]
fn who_closes_waits_for_the_servers_word_and_who_connects_meanwhile_comes_back() {
    let mut scene = Scene::there();
    scene.person.await_deed(5, Deed::Leave, &scene.deck);
    scene.written();
    scene.person.leave(Parting::Close, &mut scene.deck);
    assert_eq!(client_frames(&scene.person.out), [(0x8, 1000_u16.to_be_bytes().to_vec())]);
    assert_eq!((scene.notices().len(), scene.deck.online), (0, 0));
    scene.person.connect(&mut scene.deck);
    let closed = scene.input(&server_frame(0x88, &1000_u16.to_be_bytes())).expect_err("it is over");
    scene.person.lost(closed, &mut scene.deck);
    assert!(matches!(scene.notices()[..], [Notice::Done { order: 5, outcome: Ok(()), .. }]));
    assert_eq!((scene.person.state, scene.person.closed), (State::Waiting, None));
}

#[test]
fn who_parts_while_a_join_is_under_way_is_out_in_the_end() {
    let mut scene = Scene::new();
    scene.connect();
    scene.welcome(false);
    scene.written();
    assert!(scene.person.part(scene.lobby, &mut scene.deck));
    assert_eq!(scene.written(), [r#"{"op":"part","room":"lobby"}"#]);
    scene.ok(&joined(1, "fresh", &[event(1)]));
    scene.ok("{}");
    assert_eq!((scene.person.rooms[0].place, scene.person.rooms[0].entered), (Place::Out, false));
    assert!(scene.person.arrived);
    scene.says(&event(2)).expect("it is taken");
    assert_eq!(scene.account().totals.leaked, 1, "nothing of the room may come any more");
}

#[test]
fn a_server_that_does_not_answer_is_given_up_but_not_by_who_does_not_read() {
    let mut scene = Scene::new();
    scene.person.await_deed(2, Deed::Connect, &scene.deck);
    scene.person.connect(&mut scene.deck);
    scene.person.dialing(&mut scene.deck);
    scene.later(Duration::from_secs(11));
    assert_eq!(scene.person.sweep(&mut scene.deck), Err(Lost::TimedOut));
    scene.person.lost(Lost::TimedOut, &mut scene.deck);
    scene.person.sweep(&mut scene.deck).expect("there is nothing to lose");
    assert!(matches!(scene.notices()[..], [Notice::Done { order: 2, outcome: Err(Failure::TimedOut), .. }]));

    let mut scene = Scene::there();
    scene.person.typing(scene.lobby, None, &mut scene.deck);
    scene.person.paused = true;
    scene.later(Duration::from_secs(11));
    assert_eq!(scene.person.sweep(&mut scene.deck), Ok(()));
    scene.person.paused = false;
    assert_eq!(scene.person.sweep(&mut scene.deck), Err(Lost::TimedOut));
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    let mut scene = Scene::there();
    scene.written();
    scene.input(&server_frame(0x89, b"are you there")).expect("it is taken");
    assert_eq!(client_frames(&scene.person.out), [(0xA, b"are you there".to_vec())]);
}

#[test]
fn what_a_server_may_not_say_ends_the_connection_with_the_reason() {
    let broken = |first: u8, payload: &[u8]| match Scene::there().input(&server_frame(first, payload)) {
        Err(Lost::Broken(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(broken(0x82, b"x"), "a frame is binary");
    assert_eq!(broken(0x01, b"x"), "a message comes in fragments");
    assert_eq!(broken(0x81, b"\xff"), "a text frame of the server is not UTF-8");
    assert_eq!(broken(0x81, br#"{"re":77,"ok":{}}"#), "the server answers request 77, which is none");
    assert!(broken(0x81, b"tea?").starts_with("the server's frame cannot be read: "));
    let mut scene = Scene::new();
    scene.connect();
    let hello = scene.says(r#"{"re":1,"ok":{"tea":1}}"#);
    assert!(matches!(hello, Err(Lost::Broken(why)) if why.starts_with("the server's reply to hello cannot be read: ")));
}

#[test]
fn an_answer_to_the_upgrade_is_final_or_not_by_its_status() {
    for (status, comes_back) in [(503, true), (429, true), (404, false), (403, false)] {
        let mut scene = Scene::new();
        scene.person.connect(&mut scene.deck);
        scene.person.dialing(&mut scene.deck);
        scene.person.dialed(&mut scene.deck);
        let answer = format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n");
        let lost = scene.input(answer.as_bytes()).expect_err("it is refused");
        assert_eq!(lost, Lost::Upgrade(upgrade::UpgradeError::Refused { status, error: None }));
        scene.person.lost(lost, &mut scene.deck);
        assert_eq!((scene.person.wish, scene.person.state == State::Waiting), (comes_back, comes_back), "{status}");
        assert_eq!(scene.account().totals.connect_failed, 1);
    }
}

#[test]
fn garbage_is_what_no_client_sends() {
    let mut scene = Scene::there();
    scene.written();
    assert!(scene.person.garbage(Garbage::Bytes, &mut scene.deck));
    assert_ne!(std::mem::take(&mut scene.person.out)[0] & 0x70, 0, "reserved bits");
    assert!(scene.person.garbage(Garbage::Oversized, &mut scene.deck));
    let declared = std::mem::take(&mut scene.person.out);
    assert_eq!((declared.len(), u64::from_be_bytes(declared[2..10].try_into().expect("eight"))), (14, 65_537));
    for (what, is_json) in [(Garbage::Text, false), (Garbage::Json, true)] {
        scene.person.garbage(what, &mut scene.deck);
        let text = scene.written().remove(0);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), is_json, "{text}");
    }
    scene
        .says(r#"{"re":null,"error":{"code":"malformed","message":""}}"#)
        .expect("the answer to garbage is none of ours");
    scene.person.lost(Lost::Broken("reset".to_owned()), &mut scene.deck);
    assert_eq!(scene.account().totals.connections_lost, 0, "it was provoked");
}
