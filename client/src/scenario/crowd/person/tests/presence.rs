//! Coming and going: greetings, returns, waits, cuts, goodbyes, patience.

use super::*;

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
fn how_somebody_came_back_is_forgotten_with_the_connection_and_not_changed_by_falling_behind_later() {
    let mut scene = Scene::there();
    scene.break_and_return();
    assert_eq!(scene.person.rooms[0].how, None, "they are not back yet");
    scene.welcome(true);
    scene.ok(&joined(0, "complete", &[]));
    scene.says(r#"{"ev":"lagged","room":"lobby","seq":0}"#).expect("it is taken");
    scene.ok(&joined(1, "gap", &[event(1)]));
    assert_eq!(scene.person.rooms[0].how, Some((Resumed::Complete, 0)));
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
fn a_server_that_pings_and_never_reads_is_given_up_before_memory_is() {
    let mut scene = Scene::there();
    let ping = server_frame(0x89, &[b'x'; 125]);
    let pings = ping.repeat(1_000);
    while scene.person.sweep(&mut scene.deck).is_ok() {
        assert_eq!(scene.input(&pings), Ok(pings.len()));
        assert!(scene.person.out.len() < 80 * 1024 * 1024, "there is an end to it");
    }
    let why = scene.person.sweep(&mut scene.deck);
    assert!(matches!(why, Err(Lost::Broken(why)) if why.starts_with("the server does not read: ")));
}
