//! Writing: sending, commands, completion, drafts, failed posts.

use hubbub_protocol::{
    ErrorBody, ErrorCode,
    event::PostKind,
    reply::{RoomInfo, RoomsPage},
};

use super::*;
use crate::{
    link::PostFailure,
    screen::stage::{Stage, nick, post, room},
};

#[test]
fn a_text_is_posted_and_an_empty_one_is_not() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    assert_eq!(posts(&stage.key("Enter")), []);
    stage.write("hi");
    assert_eq!(posts(&stage.key("Enter")), [(PostKind::Text, "hi".to_owned())]);
    assert_eq!(stage.written(), "");
    stage.write("one");
    stage.key("Alt-Enter");
    stage.write("two");
    assert_eq!(posts(&stage.key("Enter")), [(PostKind::Text, "one\ntwo".to_owned())]);
}

#[test]
fn a_pasted_text_keeps_its_lines_and_is_not_sent() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    let effects = stage.input(Input::Paste("a\nb\n".to_owned()));
    assert_eq!(posts(&effects), []);
    assert_eq!(stage.written(), "a\nb\n");
}

#[test]
fn a_text_over_the_limit_stays_and_says_by_how_much() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    stage.write(&"x".repeat(103));
    assert_eq!(posts(&stage.key("Enter")), []);
    assert!(stage.screen().contains("too long by 3 characters"));
    assert_eq!(stage.written().len(), 103);
}

#[test]
fn a_topic_that_is_refused_comes_back_to_an_empty_line_of_its_room() {
    let refused = |stage: &mut Stage| {
        let body = ErrorBody::new(ErrorCode::TextTooLong, "a topic has at most 50 characters");
        let answer = Answer::Topic(room("lobby"), "too long".to_owned(), Err(LinkError::Refused(body)));
        stage.input(Input::Answer(answer));
    };
    let mut stage = Stage::talking(80, 24, &["lobby", "rust"], &["bo"]);
    stage.write("/topic too long");
    stage.key("Enter");
    assert_eq!(stage.written(), "");
    refused(&mut stage);
    assert_eq!(stage.written(), "/topic too long");
    assert!(stage.screen().contains("the topic of #lobby: a topic has at most 50 characters"));
    stage.key("Enter");
    stage.write("meanwhile");
    refused(&mut stage);
    assert_eq!(stage.written(), "meanwhile");
}

#[test]
fn each_command_asks_for_what_it_says() {
    let mut stage = Stage::talking(80, 24, &["lobby", "rust"], &["bo"]);
    let mut run = |text: &str| {
        stage.write(text);
        stage.key("Enter")
    };
    assert_eq!(posts(&run("/me waves")), [(PostKind::Action, "waves".to_owned())]);
    assert_eq!(posts(&run("//etc")), [(PostKind::Text, "/etc".to_owned())]);
    assert!(has(&run("/topic a new one"), &Effect::Topic(room("lobby"), "a new one".to_owned())));
    assert!(has(&run("/nick anna"), &Effect::Rename(nick("anna"))));
    assert!(has(&run("/away"), &Effect::Presence(true)));
    assert!(has(&run("/back"), &Effect::Presence(false)));
    assert!(has(&run("/part rust"), &Effect::Part(room("rust"))));
    assert_eq!(joins(&run("/join #new")), ["new"]);
    assert!(has(&run("/rooms"), &Effect::Directory { opening: 1, after: None }));
}

#[test]
fn a_command_that_leads_elsewhere_leaves_no_draft_behind() {
    let mut stage = Stage::talking(80, 24, &["lobby", "rust"], &["bo"]);
    stage.write("/join rust");
    stage.key("Enter");
    stage.write("/join lobby");
    stage.key("Enter");
    assert_eq!(stage.written(), "");
}

#[test]
fn a_wrong_command_stays_in_the_composer() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    stage.write("/jion x");
    assert_eq!(stage.key("Enter"), []);
    assert_eq!(stage.written(), "/jion x");
    assert!(stage.screen().contains("did you mean /join?"));
    stage.key("Ctrl-U");
    stage.write("/join x");
    stage.key("Enter");
    assert_eq!(stage.written(), "", "what was said before does not hold back what is right");
}

#[test]
fn tab_completes_nicks_rooms_and_commands() {
    let mut stage = Stage::talking(80, 24, &["lobby", "rust"], &["bob", "bea"]);
    stage.says("lobby", "bob", "I spoke last");
    let mut tab = |text: &str| {
        stage.key("Ctrl-U");
        stage.write(text);
        stage.key("Tab");
        stage.written()
    };
    assert_eq!(tab("b"), "bob: ");
    assert_eq!(tab("hi b"), "hi bob ");
    assert_eq!(tab("see #ru"), "see #rust ");
    assert_eq!(tab("/to"), "/topic ");
    assert_eq!(tab("/join ru"), "/join rust ");
    assert_eq!(tab("/part #ru"), "/part #rust ");
    assert_eq!(tab("zzz"), "zzz");
    stage.key("Ctrl-U");
    stage.write("b");
    stage.key("Tab");
    stage.key("Tab");
    assert_eq!(stage.written(), "bea: ");
    stage.key("Shift-Tab");
    assert_eq!(stage.written(), "bob: ");
}

#[test]
fn drafts_are_kept_per_room() {
    let mut stage = Stage::talking(80, 24, &["lobby", "rust"], &[]);
    stage.write("half a sen");
    stage.key("Alt-Down");
    assert_eq!((stage.front().as_str(), stage.written().as_str()), ("rust", ""));
    stage.key("Alt-Up");
    assert_eq!(stage.written(), "half a sen");
}

#[test]
fn a_failed_post_is_sent_again_by_its_name_or_given_up() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    let name = stage.send("text").expect("is queued");
    let fail = |stage: &mut Stage| {
        let error = PostFailure::NotJoined;
        stage.link(Update::Failed { nonce: name.clone(), room: room("lobby"), error, can_retry: true });
    };
    let retry = Effect::Retry { id: 1, room: room("lobby"), nonce: name.clone() };
    fail(&mut stage);
    assert!(has(&stage.key("Alt-R"), &retry));
    assert!(!has(&stage.key("Alt-R"), &retry), "it is on its way");
    fail(&mut stage);
    let screen = stage.screen();
    let row = screen.lines().position(|line| line.contains("│ text")).expect("is shown");
    assert!(has(&stage.click(40, u16::try_from(row).expect("small")), &retry));
    fail(&mut stage);
    assert!(has(&stage.key("Alt-X"), &Effect::Discard(name.clone())));
    assert!(stage.state.room().expect("a room").pending.is_empty());
    assert_eq!(stage.written(), "text", "its text can be edited and sent");
}

#[test]
fn ctrl_c_clears_first_and_quits_then() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    stage.write("a slip");
    stage.key("F1");
    assert!(!has(&stage.key("Ctrl-C"), &Effect::Quit), "closes the help page");
    assert!(!has(&stage.key("Ctrl-C"), &Effect::Quit), "clears the text");
    assert_eq!(stage.written(), "");
    stage.key("Up");
    assert_eq!(stage.written(), "a slip");
    stage.key("Ctrl-C");
    assert!(has(&stage.key("Ctrl-C"), &Effect::Quit));
}

#[test]
fn typing_is_told_now_and_then_and_not_for_commands() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    let typing = |effects: Vec<Effect>| effects.iter().filter(|effect| matches!(effect, Effect::Typing(_))).count();
    assert_eq!(typing(stage.write("/topic x")), 0);
    stage.key("Ctrl-U");
    assert_eq!(typing(stage.write("hello")), 1);
    stage.after(3_001);
    assert_eq!(typing(stage.write(" you")), 1);
}

#[test]
fn a_failed_post_that_the_link_does_not_take_back_stays_failed() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    let name = stage.send("text").expect("is queued");
    let error = PostFailure::NotJoined;
    stage.link(Update::Failed { nonce: name.clone(), room: room("lobby"), error, can_retry: true });
    let retry = Effect::Retry { id: 1, room: room("lobby"), nonce: name };
    assert!(has(&stage.key("Alt-R"), &retry));
    stage.input(Input::Answer(Answer::Retried(1, room("lobby"), Err(PostError::Full { max: 256 }))));
    assert!(stage.screen().contains("not sent: 256 posts are waiting"), "{}", stage.screen());
    assert!(has(&stage.key("Alt-R"), &retry), "and can be sent again by its name");
}

#[test]
fn a_stored_post_is_shown_once_even_when_its_event_is_not_known_as_own() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &["bo"]);
    let name = stage.send("only once").expect("is queued");
    // the session was lost meanwhile: the event has the number of the user of before
    stage.says("lobby", "bo", "only once");
    stage.link(Update::Settled { nonce: name, room: room("lobby"), seq: 1, at: stage.now });
    assert_eq!(stage.screen().matches("only once").count(), 1, "{}", stage.screen());
    let name = stage.send("left out").expect("is queued");
    stage.link(Update::Settled { nonce: name, room: room("lobby"), seq: 700, at: stage.now });
    assert_eq!(stage.state.room().expect("a room").pending.len(), 1, "its event is still to come");
    stage.link(Update::Gap { room: room("lobby"), after: 1, before: 900 });
    stage.events("lobby", vec![post("lobby", 900, stage.now, "bo", "after the gap")]);
    assert!(stage.state.room().expect("a room").pending.is_empty());
}

#[test]
fn leaving_a_room_with_unsent_posts_or_a_draft_wants_to_be_asked_twice() {
    let mut stage = Stage::talking(80, 24, &["lobby", "rust", "go"], &[]);
    stage.key("Alt-2");
    stage.write("half a sen");
    stage.key("Alt-1");
    stage.lost();
    let name = stage.send("waits").expect("is queued");
    for (line, left, lost) in [("/part rust", "rust", "writing"), ("/part", "lobby", "a post that has not been sent")] {
        stage.write(line);
        assert_eq!(stage.key("Enter"), [], "{line}");
        assert!(stage.screen().contains(lost), "{}", stage.screen());
        let effects = stage.key("Enter");
        assert!(has(&effects, &Effect::Part(room(left))), "{effects:?}");
        assert_eq!(has(&effects, &Effect::Discard(name.clone())), left == "lobby");
    }
    stage.write("/part");
    assert!(has(&stage.key("Enter"), &Effect::Part(room("go"))), "nothing is lost there");
    let failed =
        Update::Failed { nonce: name.clone(), room: room("lobby"), error: PostFailure::NotJoined, can_retry: true };
    assert!(has(&stage.link(failed), &Effect::Discard(name)), "it was on its way, and is forgotten by the link too");
}

#[test]
fn tab_knows_the_rooms_that_the_server_listed() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    stage.key("Ctrl-K");
    let info = |name| RoomInfo { room: room(name), topic: String::new(), member_count: 1, seq: 0 };
    let page = RoomsPage { rooms: vec![info("lobby"), info("attic")], more: false };
    stage.input(Input::Answer(Answer::Directory(1, Ok(page))));
    stage.key("Esc");
    let mut tab = |text: &str| {
        stage.key("Ctrl-U");
        stage.write(text);
        stage.key("Tab");
        stage.written()
    };
    assert_eq!(tab("/join at"), "/join attic ");
    assert_eq!(tab("see #at"), "see #attic ");
    assert_eq!(tab("/part at"), "/part at", "what is not joined cannot be left");
}
