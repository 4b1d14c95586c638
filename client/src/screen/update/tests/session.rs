//! Coming and going: the first screen, rooms, connections lost and made again, quitting.

use hubbub_protocol::{
    ErrorBody, ErrorCode,
    event::{PostKind, Typing},
    id::Position,
    reply::{RoomInfo, RoomsPage},
};

use super::*;
use crate::{
    link::{CloseReason, LinkState, PostFailure, Signal},
    screen::stage::{NOON, Stage, nick, room},
};

#[test]
fn enter_on_the_first_screen_starts_a_link_and_then_enters_the_lobby() {
    let mut stage = Stage::new(80, 24);
    let effects = stage.key("Enter");
    assert!(matches!(&effects[..], [Effect::Start { nick, .. }, ..] if nick.as_str() == "ana"), "{effects:?}");
    stage.input(Input::Started(None));
    assert_eq!(joins(&stage.online()), ["lobby"]);
}

#[test]
fn a_wrong_field_is_said_and_nothing_is_started() {
    let mut stage = Stage::new(80, 24);
    stage.write(" x");
    assert_eq!(stage.key("Enter"), []);
    assert!(stage.screen().contains("a name holds letters"), "{}", stage.screen());
    stage.key("Ctrl-U");
    stage.write("bo");
    stage.key("Tab");
    stage.key("Ctrl-U");
    assert_eq!(stage.key("Enter"), []);
    assert!(stage.screen().contains("address is empty"), "{}", stage.screen());
}

#[test]
fn the_suggested_nick_is_taken_with_one_key() {
    let mut stage = Stage::new(80, 24);
    stage.key("Enter");
    let error = ErrorBody::new(ErrorCode::NickTaken, "taken").suggest("ana2");
    stage.link(Update::State(LinkState::Closed { reason: CloseReason::Refused(error) }));
    let effects = stage.key("Enter");
    assert!(matches!(&effects[..], [Effect::Start { nick, .. }, ..] if nick.as_str() == "ana2"), "{effects:?}");
}

#[test]
fn a_post_of_an_earlier_link_is_posted_anew() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    let name = stage.send("text").expect("is queued");
    let error = PostFailure::Closed { sent: false };
    stage.link(Update::Failed { nonce: name, room: room("lobby"), error, can_retry: true });
    stage.link(Update::State(LinkState::Closed { reason: CloseReason::Goodbye("bye".to_owned()) }));
    stage.write("/reconnect");
    let effects = stage.key("Enter");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Start { .. })), "{effects:?}");
    stage.input(Input::Started(None));
    let effects = stage.online();
    let position = Position { epoch: "e".to_owned(), seq: 0 };
    assert!(has(&effects, &Effect::Join(room("lobby"), JoinFrom::Position(position))), "{effects:?}");
    assert_eq!(posts(&stage.key("Alt-R")), [(PostKind::Text, "text".to_owned())]);
}

#[test]
fn quitting_with_unsent_posts_wants_to_be_asked_twice() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    stage.lost();
    stage.send("waits");
    assert!(!has(&stage.key("Ctrl-Q"), &Effect::Quit));
    assert!(has(&stage.key("Ctrl-Q"), &Effect::Quit));
}

#[test]
fn a_click_selects_a_room() {
    let mut stage = Stage::talking(80, 24, &["lobby", "rust"], &[]);
    stage.click(4, 2);
    assert_eq!(stage.front(), "rust");
    stage.click(4, 20);
    assert_eq!(stage.front(), "rust");
}

#[test]
fn the_list_of_rooms_creates_what_is_typed() {
    let mut stage = Stage::talking(80, 24, &["lobby", "rust"], &[]);
    assert!(has(&stage.key("Ctrl-K"), &Effect::Directory { opening: 1, after: None }));
    stage.write("rus");
    assert_eq!(joins(&stage.key("Enter")), Vec::<String>::new());
    assert_eq!(stage.front(), "rust");
    stage.key("Ctrl-K");
    stage.write("#brand-new");
    assert_eq!(joins(&stage.key("Enter")), ["brand-new"]);
    assert_eq!(stage.front(), "brand-new");
}

#[test]
fn a_refused_room_goes_away_again() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    stage.write("/join full");
    stage.key("Enter");
    assert_eq!(stage.front(), "full");
    let error = LinkError::Refused(ErrorBody::new(ErrorCode::RoomLimit, "no more rooms here"));
    stage.input(Input::Answer(Answer::Join(room("full"), Err(error))));
    assert_eq!(stage.front(), "lobby");
    assert!(stage.screen().contains("#full: no more rooms here"));
}

#[test]
fn time_alone_wakes_the_screen_for_its_countdown() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    assert_eq!(next_wake(&stage.state), Some(NOON + 12 * 3_600_000), "at midnight today is yesterday");
    stage.lost();
    assert_eq!(next_wake(&stage.state), Some(NOON + 1_000));
    stage.after(1_000);
    assert!(stage.screen().contains("again in 3 s"), "{}", stage.screen());
}

#[test]
fn who_has_left_every_room_finds_back_into_one() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    stage.write("/part");
    stage.key("Enter");
    assert!(stage.screen().contains("You are in no room. Ctrl-K finds one."), "{}", stage.screen());
    stage.write("lost");
    stage.key("Ctrl-K");
    stage.write("lobby");
    assert_eq!(joins(&stage.key("Enter")), ["lobby"]);
}

#[test]
fn all_who_type_are_shown_and_each_until_their_time_is_over() {
    let mut stage = Stage::talking(100, 24, &["lobby"], &["bo", "cy"]);
    let typing = |name: &str| {
        let nicks = vec![nick(name)];
        Update::Signal(Signal::Typing(Typing { room: room("lobby"), nicks }))
    };
    stage.link(typing("bo"));
    stage.after(4_000);
    stage.link(typing("cy"));
    let shown = |stage: &Stage| -> Vec<String> {
        stage.state.room().expect("a room").typing.iter().map(|(nick, _)| nick.to_string()).collect()
    };
    assert_eq!(shown(&stage), ["bo", "cy"]);
    stage.after(3_000);
    assert_eq!(shown(&stage), ["cy"]);
    stage.link(typing("cy"));
    stage.after(5_000);
    assert_eq!(shown(&stage), ["cy"]);
}

#[test]
fn rooms_that_come_late_for_an_earlier_opening_of_the_list_are_not_listed_twice() {
    let mut stage = Stage::talking(100, 24, &["lobby"], &[]);
    let page = || {
        let info = RoomInfo { room: room("attic"), topic: String::new(), member_count: 1, seq: 0 };
        RoomsPage { rooms: vec![info], more: false }
    };
    stage.key("Ctrl-K");
    stage.key("Esc");
    stage.key("Ctrl-K");
    stage.input(Input::Answer(Answer::Directory(1, Ok(page()))));
    stage.input(Input::Answer(Answer::Directory(2, Ok(page()))));
    assert_eq!(stage.screen().matches("attic").count(), 1, "{}", stage.screen());
}

#[test]
fn another_connection_can_be_asked_for_while_there_is_one() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    stage.write("/reconnect");
    assert!(has(&stage.key("Enter"), &Effect::ReconnectNow));
}
