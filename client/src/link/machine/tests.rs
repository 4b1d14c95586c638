//! The machine's single decisions: who it becomes, when it comes back, when it gives up.

use std::time::{Duration, Instant};

use hubbub_protocol::{
    ErrorBody, ErrorCode, Event, Request, RequestFrame,
    envelope::{encode_error, encode_ok},
    event::{Goodbye, GoodbyeReason, PostKind},
    id::Nonce,
    reply::{Done, Posted, Resume},
    request,
};
use serde::Serialize;
use tokio::sync::oneshot;

use super::{Action, ConnectError, Machine};
use crate::link::{
    CloseReason, Identity, JoinFrom, LinkConfig, LinkError, LinkState, Outage, PostFailure, ServerUrl, Update,
    command::{Call, Command},
    fixture::{joined, lobby, nick, welcome},
    outbox::NewPost,
};

/// A machine, the time, and what a server would send.
struct Bench {
    machine: Machine,
    now: Instant,
}

impl Bench {
    fn new(identity: Identity) -> Self {
        let now = Instant::now();
        let mut config = LinkConfig::new(ServerUrl::parse("localhost").expect("a url"), identity);
        config.seed = Some(1);
        let mut machine = Machine::new(config, now);
        machine.connect(now);
        assert_eq!(machine.action(), Some(Action::Connect));
        Self { machine, now }
    }

    fn online(identity: Identity) -> Self {
        let mut bench = Self::new(identity);
        bench.machine.connected(bench.now);
        bench.ok(&welcome(false));
        bench.quiet();
        bench
    }

    /// The next request that the machine sends.
    fn request(&mut self) -> RequestFrame {
        loop {
            match self.machine.action() {
                Some(Action::Send(text)) => return RequestFrame::decode(&text).expect("a request"),
                Some(_) => {}
                None => panic!("no request"),
            }
        }
    }

    /// Answers the next request.
    fn ok(&mut self, ok: &impl Serialize) -> Request {
        let RequestFrame { id, request } = self.request();
        self.machine.frame(&encode_ok(id, ok).expect("encodes"), self.now);
        request
    }

    fn refuse(&mut self, error: &ErrorBody) -> Request {
        let RequestFrame { id, request } = self.request();
        self.machine.frame(&encode_error(Some(id), error).expect("encodes"), self.now);
        request
    }

    fn hello(request: Request) -> request::Hello {
        match request {
            Request::Hello(hello) => hello,
            other => panic!("no hello: {other:?}"),
        }
    }

    fn quiet(&mut self) {
        while self.machine.action().is_some() {}
        self.machine.take_updates();
    }

    /// What was told last about the state.
    fn state(&mut self) -> LinkState {
        let state = |update| if let Update::State(state) = update { Some(state) } else { None };
        self.machine.finish();
        self.machine.take_updates().into_iter().filter_map(state).next_back().expect("a state")
    }

    fn closed(&mut self) -> CloseReason {
        match self.state() {
            LinkState::Closed { reason } => reason,
            other => panic!("not closed: {other:?}"),
        }
    }

    fn join(&mut self) {
        let (reply, _) = oneshot::channel();
        self.machine.command(Command::Join { room: lobby(), from: JoinFrom::Newest, reply }, self.now);
        self.ok(&joined(lobby(), 0, Resume::Fresh, Vec::new()));
        self.quiet();
    }

    fn post(&mut self, nonce: &str, text: &str) {
        let nonce = Nonce::parse(nonce).expect("a nonce");
        let (text, kind) = (text.to_owned(), PostKind::Text);
        let post = NewPost { nonce, room: lobby(), text, kind, _permit: None, waiter: None };
        self.machine.command(Command::Post(post), self.now);
    }

    fn failures(&mut self) -> Vec<(String, PostFailure, bool)> {
        let failure = |update| match update {
            Update::Failed { nonce, error, can_retry, .. } => Some((nonce.as_str().to_owned(), error, can_retry)),
            _ => None,
        };
        self.machine.take_updates().into_iter().filter_map(failure).collect()
    }
}

#[test]
fn a_made_up_nick_that_is_taken_becomes_another_one() {
    let mut bench = Bench::new(Identity::made_up());
    bench.machine.connected(bench.now);
    let first = Bench::hello(bench.refuse(&ErrorBody::new(ErrorCode::NickTaken, "taken"))).guest;
    let second = Bench::hello(bench.ok(&welcome(false))).guest;
    assert!(first.is_some() && second.is_some() && first != second, "{first:?} {second:?}");
    assert!(matches!(bench.state(), LinkState::Online { .. }));
}

#[test]
fn a_chosen_nick_that_is_taken_closes_with_the_suggestion_or_takes_it() {
    let taken = ErrorBody::new(ErrorCode::NickTaken, "taken").suggest("ana2");
    let mut bench = Bench::new(Identity::guest(nick("ana")));
    bench.machine.connected(bench.now);
    bench.refuse(&taken);
    assert_eq!(bench.closed(), CloseReason::Refused(taken.clone()));
    let mut bench = Bench::new(Identity::guest_or_suggestion(nick("ana")));
    bench.machine.connected(bench.now);
    bench.refuse(&taken);
    assert_eq!(Bench::hello(bench.ok(&welcome(false))).guest.as_deref(), Some("ana2"));
}

#[test]
fn a_saved_token_whose_session_has_ended_begins_a_new_one_on_the_same_connection() {
    let mut bench = Bench::new(Identity::guest(nick("ana")).with_token("old"));
    bench.machine.connected(bench.now);
    let hello = Bench::hello(bench.refuse(&ErrorBody::new(ErrorCode::UnknownSession, "gone")));
    assert_eq!((hello.token.as_deref(), hello.guest), (Some("old"), None));
    let hello = Bench::hello(bench.ok(&welcome(false)));
    assert_eq!((hello.token, hello.guest.as_deref()), (None, Some("ana")));
}

#[test]
fn a_goodbye_says_when_to_come_back_and_without_a_time_it_is_for_good() {
    let goodbye = |reconnect_after_ms| {
        let (reason, message) = (GoodbyeReason::Shutdown, "restarting".to_owned());
        serde_json::to_string(&Event::Goodbye(Goodbye { reason, message, reconnect_after_ms })).expect("encodes")
    };
    let mut bench = Bench::online(Identity::made_up());
    bench.machine.frame(&goodbye(Some(4_321)), bench.now);
    let retry_in = Duration::from_millis(4_321);
    let reason = Outage::Goodbye("restarting".to_owned());
    assert_eq!(bench.state(), LinkState::Waiting { attempt: 2, retry_in, reason });
    assert_eq!(bench.machine.deadline(bench.now), Some(bench.now + retry_in));
    let mut bench = Bench::online(Identity::made_up());
    bench.machine.frame(&goodbye(None), bench.now);
    assert_eq!(bench.closed(), CloseReason::Goodbye("restarting".to_owned()));
}

#[test]
fn a_refused_upgrade_is_waited_out_for_as_long_as_the_server_says() {
    let mut bench = Bench::new(Identity::made_up());
    let full = ErrorBody::new(ErrorCode::ServerFull, "full").retry_after(2_000);
    bench.machine.connect_failed(ConnectError::Http { status: 503, error: Some(full) }, bench.now);
    let LinkState::Waiting { retry_in, .. } = bench.state() else { panic!("not waiting") };
    assert!((2_000..=2_200).contains(&retry_in.as_millis()), "{retry_in:?}");
    let mut bench = Bench::new(Identity::made_up());
    let origin = ErrorBody::new(ErrorCode::ForbiddenOrigin, "no");
    bench.machine.connect_failed(ConnectError::Http { status: 403, error: Some(origin.clone()) }, bench.now);
    assert_eq!(bench.closed(), CloseReason::Refused(origin));
}

#[test]
fn what_is_no_hubbub_server_ends_it_but_not_once_one_was_there() {
    let mut bench = Bench::new(Identity::made_up());
    bench.machine.connect_failed(ConnectError::Http { status: 404, error: None }, bench.now);
    assert!(matches!(bench.closed(), CloseReason::NotHubbub(_)));
    let mut bench = Bench::online(Identity::made_up());
    bench.machine.lost(Outage::Lost("cut".to_owned()), None, bench.now);
    bench.machine.reconnect_now(bench.now);
    bench.machine.connect_failed(ConnectError::Http { status: 404, error: None }, bench.now);
    assert!(matches!(bench.state(), LinkState::Waiting { .. }));
}

#[test]
fn a_close_code_decides_whether_it_comes_back() {
    let mut bench = Bench::online(Identity::made_up());
    bench.machine.closed_by_server(4_001, "elsewhere".to_owned(), bench.now);
    assert_eq!(bench.closed(), CloseReason::ClosedByServer { code: 4_001, reason: "elsewhere".to_owned() });
    let mut bench = Bench::online(Identity::made_up());
    bench.machine.closed_by_server(4_003, String::new(), bench.now);
    assert!(matches!(bench.state(), LinkState::Waiting { .. }));
}

#[test]
fn a_silent_server_is_given_up_unless_it_is_us_who_do_not_read() {
    let after = Duration::from_secs(35);
    let mut bench = Bench::online(Identity::made_up());
    bench.now += after - Duration::from_secs(1);
    bench.machine.tick(bench.now);
    bench.machine.pause(true, bench.now);
    bench.now += Duration::from_secs(600);
    bench.machine.tick(bench.now);
    bench.machine.pause(false, bench.now);
    bench.machine.tick(bench.now);
    assert!(bench.machine.is_online());
    bench.now += after;
    bench.machine.tick(bench.now);
    let LinkState::Waiting { reason, .. } = bench.state() else { panic!("not waiting") };
    assert_eq!(reason, Outage::Silent { after });
}

#[test]
fn an_unanswered_post_costs_the_connection_and_is_sent_again() {
    let mut bench = Bench::online(Identity::made_up());
    bench.join();
    bench.post("n1", "hi");
    let first = bench.request().request;
    for _ in 0..4 {
        bench.now += Duration::from_secs(8);
        bench.machine.heard(bench.now);
        bench.machine.tick(bench.now);
    }
    assert!(!bench.machine.is_online());
    bench.quiet();
    bench.machine.reconnect_now(bench.now);
    bench.machine.connected(bench.now);
    bench.ok(&welcome(true));
    bench.ok(&joined(lobby(), 0, Resume::Complete, Vec::new()));
    assert_eq!(bench.ok(&Posted { seq: 1, at: 5, duplicate: false }), first);
    let settled = |update: &Update| matches!(update, Update::Settled { seq: 1, .. });
    assert!(bench.machine.take_updates().iter().any(settled));
}

#[test]
fn posts_that_cannot_be_sent_fail_with_their_reason() {
    let mut bench = Bench::online(Identity::made_up());
    bench.post("n1", "hi");
    assert_eq!(bench.failures(), [("n1".to_owned(), PostFailure::NotJoined, true)]);
    bench.join();
    bench.post("n2", &"x".repeat(70_000));
    let failures = bench.failures();
    assert!(
        matches!(&failures[..], [(_, PostFailure::Refused(error), false)] if error.code == ErrorCode::TextTooLong),
        "{failures:?}"
    );
}

#[test]
fn when_the_link_ends_every_post_and_call_is_told() {
    let mut bench = Bench::online(Identity::made_up());
    bench.join();
    bench.post("n1", "on its way");
    bench.post("n2", "behind it");
    let (reply, mut answer) = oneshot::channel();
    let request = Request::Rooms(request::Rooms::default());
    bench.machine.command(Command::Call(Call { request, patient: true, reply }), bench.now);
    let (done, mut ended) = oneshot::channel();
    bench.machine.command(Command::Quit(done), bench.now);
    bench.machine.lost(Outage::Lost("cut".to_owned()), None, bench.now);
    assert!(bench.machine.is_closed());
    bench.machine.finish();
    let failed = |nonce: &str, sent| (nonce.to_owned(), PostFailure::Closed { sent }, false);
    assert_eq!(bench.failures(), [failed("n1", true), failed("n2", false)]);
    assert!(matches!(answer.try_recv(), Ok(Err(LinkError::Closed))));
    assert!(ended.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
}

#[test]
fn a_patient_call_is_asked_again_and_another_one_fails() {
    let mut bench = Bench::online(Identity::made_up());
    let mut ask = |patient| {
        let (reply, answer) = oneshot::channel();
        let request = Request::Rooms(request::Rooms::default());
        bench.machine.command(Command::Call(Call { request, patient, reply }), bench.now);
        answer
    };
    let (mut patient, mut other) = (ask(true), ask(false));
    bench.machine.lost(Outage::Lost("cut".to_owned()), None, bench.now);
    assert!(matches!(other.try_recv(), Ok(Err(LinkError::Disconnected))));
    bench.quiet();
    bench.machine.reconnect_now(bench.now);
    bench.machine.connected(bench.now);
    assert_eq!(Bench::hello(bench.ok(&welcome(true))).token.as_deref(), Some("secret"));
    bench.ok(&Done {});
    assert!(matches!(patient.try_recv(), Ok(Ok(_))));
}

#[test]
fn away_is_told_again_on_every_new_connection() {
    let mut bench = Bench::online(Identity::made_up());
    bench.machine.wish_away(true);
    assert_eq!(bench.ok(&Done {}), Request::Presence(request::Presence { away: true }));
    for resumed in [true, false] {
        bench.machine.lost(Outage::Lost("cut".to_owned()), None, bench.now);
        bench.quiet();
        bench.machine.reconnect_now(bench.now);
        bench.machine.connected(bench.now);
        bench.ok(&welcome(resumed));
        let told = std::iter::from_fn(|| bench.machine.action())
            .any(|action| matches!(action, Action::Send(text) if text.contains("presence")));
        assert!(told, "resumed: {resumed}");
    }
}

#[test]
fn a_post_refused_after_a_cut_is_still_doubtful_when_the_session_is_lost() {
    let mut bench = Bench::online(Identity::made_up());
    bench.join();
    bench.post("n1", "stored, but the answer was lost");
    bench.quiet();
    let back = |resumed: bool, bench: &mut Bench| {
        bench.machine.lost(Outage::Lost("cut".to_owned()), None, bench.now);
        bench.quiet();
        bench.machine.reconnect_now(bench.now);
        bench.machine.connected(bench.now);
        bench.ok(&welcome(resumed));
        bench.ok(&joined(lobby(), 0, Resume::Complete, Vec::new()));
    };
    back(true, &mut bench);
    let refused = ErrorBody::new(ErrorCode::RateLimited, "slowly").retry_after(60_000);
    assert!(matches!(bench.refuse(&refused), Request::Post(_)));
    back(false, &mut bench);
    assert_eq!(bench.failures(), [("n1".to_owned(), PostFailure::Doubtful, true)]);
}

#[test]
fn a_room_is_left_at_once_without_a_connection() {
    let mut bench = Bench::online(Identity::made_up());
    bench.join();
    let part = |bench: &mut Bench| {
        let (reply, answer) = oneshot::channel();
        let request = Request::Part(request::Part { room: "lobby".to_owned() });
        let call = Call { request, patient: false, reply };
        bench.machine.command(Command::Part { room: lobby(), call }, bench.now);
        answer
    };
    let mut on_its_way = part(&mut bench);
    bench.machine.lost(Outage::Lost("cut".to_owned()), None, bench.now);
    assert!(matches!(on_its_way.try_recv(), Ok(Ok(_))));
    assert!(matches!(part(&mut bench).try_recv(), Ok(Ok(_))));
}

#[test]
fn a_connection_can_be_given_up_for_another_one() {
    let mut bench = Bench::online(Identity::made_up());
    bench.join();
    bench.machine.reconnect_now(bench.now);
    let actions: Vec<Action> = std::iter::from_fn(|| bench.machine.action()).collect();
    assert_eq!(actions, [Action::Disconnect, Action::Connect]);
    bench.machine.connected(bench.now);
    assert_eq!(Bench::hello(bench.ok(&welcome(true))).token.as_deref(), Some("secret"));
    assert!(bench.machine.is_online());
}

#[test]
fn a_place_that_no_log_has_is_a_fault_of_the_server() {
    let frame = |seq: u64| format!(r#"{{"ev":"poll","room":"lobby","seq":{seq}}}"#);
    let mut bench = Bench::online(Identity::made_up());
    bench.join();
    bench.machine.frame(&frame((1 << 53) - 1), bench.now);
    assert!(bench.machine.is_online());
    for seq in [1 << 53, u64::MAX] {
        let mut bench = Bench::online(Identity::made_up());
        bench.join();
        bench.machine.frame(&frame(seq), bench.now);
        let LinkState::Waiting { reason, .. } = bench.state() else { panic!("not waiting") };
        assert!(matches!(reason, Outage::Protocol(_)), "{reason}");
    }
    let mut bench = Bench::online(Identity::made_up());
    bench.join();
    bench.post("n1", "hi");
    bench.ok(&Posted { seq: u64::MAX, at: 1, duplicate: false });
    assert!(!bench.machine.is_online());
}

#[test]
fn a_server_that_says_nothing_sensible_of_its_pings_has_the_time_to_answer_ours() {
    let mut bench = Bench::new(Identity::made_up());
    bench.machine.connected(bench.now);
    let mut welcome = welcome(false);
    welcome.limits.ping_interval_ms = 0;
    bench.ok(&welcome);
    bench.now += Duration::from_secs(20);
    bench.machine.tick(bench.now);
    assert!(bench.machine.is_online());
}
