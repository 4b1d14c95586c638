//! Sessions: one is resumed by its token, lives on one connection at a time, and owns its nick until it ends.

use hubbub_protocol::{
    ErrorCode, Request,
    event::GoodbyeReason,
    reply::{Done, NickChanged},
    request,
};
use hubbub_tests::{
    eventually::eventually,
    http,
    server::{Server, Setup},
    wire::{Wire, hello_guest, hello_token, join, post},
};
use rand::{RngExt, seq::IndexedRandom};

fn nick(nick: &str) -> Request {
    Request::Nick(request::Nick { nick: nick.to_owned() })
}

#[tokio::test]
async fn a_session_is_resumed_with_its_user_and_nick_over_a_kill_and_a_drain() {
    let mut server = Server::start(Setup::new()).await;
    let (mut ana, first) = Wire::guest(server.address(), "ana").await;
    assert!(!first.resumed);
    let changed: NickChanged = ana.ask(nick("Ana-Maria")).await;
    assert_eq!(changed.nick.as_str(), "Ana-Maria");
    for drained in [false, true] {
        if drained {
            server.terminate();
            server.exit().await;
        } else {
            server.kill().await;
        }
        server.restart().await;
        let mut again = Wire::connect(server.address()).await;
        let resumed = again.hello_token(&first.token).await;
        assert!(resumed.resumed);
        assert_eq!((resumed.session, resumed.user.id), (first.session.clone(), first.user.id));
        assert_eq!(resumed.user.nick.as_str(), "Ana-Maria");
        let error = again.refused(join("no room", None)).await;
        assert_eq!(error.code, ErrorCode::InvalidRoom);
        assert_eq!(again.refused(post("lobby", "n", "hi")).await.code, ErrorCode::NotJoined, "rooms are joined anew");
    }
}

#[tokio::test]
async fn a_session_resumed_elsewhere_says_goodbye_to_its_old_connection() {
    let server = Server::start(Setup::new().shards(2)).await;
    let (mut old, welcome) = Wire::guest(server.address(), "ana").await;
    old.join("lobby").await;
    for _ in 0..4 {
        let mut new = Wire::connect(server.address()).await;
        assert!(new.hello_token(&welcome.token).await.resumed);
        let (goodbye, code) = old.ending().await;
        let goodbye = goodbye.expect("a goodbye before the close frame");
        assert_eq!((goodbye.reason, goodbye.reconnect_after_ms), (GoodbyeReason::Replaced, None));
        assert_eq!(code, 4001);
        let joined = new.join("lobby").await;
        assert_eq!(joined.member_count, 1, "still one and the same member");
        old = new;
    }
    assert_eq!(old.post("lobby", "n", "hi").await.seq, 1);
}

#[tokio::test]
async fn a_nick_is_kept_while_its_owner_is_away_and_freed_by_quit() {
    let server = Server::start(Setup::new()).await;
    let address = server.address();
    let (ana, welcome) = Wire::guest(address, "ana").await;
    ana.finish().await;
    let mut other = Wire::connect(address).await;
    let error = other.refused(hello_guest("Ana")).await;
    assert_eq!((error.code, error.suggestion.as_deref()), (ErrorCode::NickTaken, Some("Ana2")));
    let mut ana = Wire::connect(address).await;
    ana.hello_token(&welcome.token).await;
    ana.quit().await;
    assert_eq!(other.hello_guest("Ana").await.user.nick.as_str(), "Ana", "the same connection may try again");
    let mut late = Wire::connect(address).await;
    assert_eq!(late.refused(hello_token(&welcome.token)).await.code, ErrorCode::UnknownSession, "the token has ended");
}

#[tokio::test]
async fn a_nick_is_freed_by_taking_another_and_nobody_takes_that_of_another() {
    let server = Server::start(Setup::new()).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    let mut bo = Wire::guest(server.address(), "bo").await.0;
    assert_eq!(bo.refused(nick("ANA")).await.code, ErrorCode::NickTaken);
    let cased: NickChanged = ana.ask(nick("ANA")).await;
    assert_eq!(cased.nick.as_str(), "ANA", "one's own nick in other letters");
    ana.ask::<NickChanged>(nick("eve")).await;
    let freed: NickChanged = bo.ask(nick("ana")).await;
    assert_eq!(freed.nick.as_str(), "ana");
    assert_eq!(ana.refused(nick("bo two")).await.code, ErrorCode::InvalidNick);
}

#[tokio::test]
async fn quitting_on_one_connection_leaves_nothing_behind() {
    let server = Server::start(Setup::new()).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    let mut bo = Wire::guest(server.address(), "bo").await.0;
    ana.join("lobby").await;
    bo.join("lobby").await;
    ana.quit().await;
    let members = eventually("the room to know", async || {
        let joined = bo.join("lobby").await;
        (joined.member_count == 1).then_some(joined.members)
    })
    .await;
    assert_eq!(members[0].nick.as_str(), "bo");
}

#[tokio::test]
async fn replies_come_in_the_order_of_the_requests_whatever_they_are() {
    let mut random = hubbub_tests::seed::random("replies_in_order");
    let server = Server::start(Setup::for_load().shards(2)).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    for room in ["a", "b", "c"] {
        ana.join(room).await;
    }
    for round in 0..20 {
        let mut sent = Vec::new();
        for number in 0..random.random_range(1..60) {
            let room = (*["a", "b", "c", "not-joined"].choose(&mut random).expect("some")).to_owned();
            let request = match random.random_range(0..9) {
                0 => join(["a", "b", "c"].choose(&mut random).expect("some"), None),
                1..=3 => post(&room, &format!("{round}-{number}"), "hi"),
                4 => Request::History(request::History { room, limit: Some(5), ..Default::default() }),
                5 => Request::Members(request::Members { room, ..Default::default() }),
                6 => Request::Rooms(request::Rooms::default()),
                7 => Request::Typing(request::Typing { room }),
                _ => Request::Presence(request::Presence { away: random.random_bool(0.5) }),
            };
            sent.push(ana.feed(request).await.expect("fed"));
        }
        ana.flush().await.expect("sent");
        let mut answered = Vec::new();
        while answered.len() < sent.len() {
            match ana.hear().await {
                hubbub_tests::wire::Heard::Reply(Some(re), _) => answered.push(re),
                hubbub_tests::wire::Heard::Event(_) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(answered, sent, "round {round}");
    }
}

#[tokio::test]
async fn an_end_of_the_session_elsewhere_ends_every_request_under_way_with_an_answer_or_a_close() {
    let server = Server::start(Setup::for_load()).await;
    let (mut ana, welcome) = Wire::guest(server.address(), "ana").await;
    ana.join("lobby").await;
    let mut ids = Vec::new();
    for number in 0..200 {
        ids.push(ana.feed(post("lobby", &number.to_string(), "hi")).await.expect("fed"));
    }
    ana.flush().await.expect("sent");
    let mut again = Wire::connect(server.address()).await;
    again.hello_token(&welcome.token).await;
    // What was answered on the old connection is in the log, dense from the first.
    let mut answered = 0;
    for id in ids {
        match ana.try_reply(id).await {
            Ok(outcome) => {
                assert!(outcome.is_ok(), "{outcome:?}");
                answered += 1;
            }
            Err(lost) => {
                println!("{answered} answered, then {lost}");
                break;
            }
        }
    }
    assert!(again.whole_log("lobby").await.len() >= answered);
    let _: Done = again.ask(Request::Presence(request::Presence { away: true })).await;
}

#[tokio::test]
async fn a_session_is_written_once_and_then_when_its_connection_goes_and_comes() {
    let server = Server::start(Setup::new()).await;
    let written = async || http::metric(server.address(), "hubbub_store_commit_events_sum").await;
    let before = written().await;
    let (mut ana, welcome) = Wire::guest(server.address(), "ana").await;
    // The store does in order what it is asked: what else is written for a guest comes before the room.
    ana.join("lobby").await;
    assert_eq!(written().await - before, 2.0, "the guest and the room");
    drop(ana);
    eventually("the end to be stored", async || (written().await - before == 3.0).then_some(())).await;
    let mut again = Wire::connect(server.address()).await;
    assert!(again.hello_token(&welcome.token).await.resumed);
    eventually("the return to be stored", async || (written().await - before == 4.0).then_some(())).await;
}
