//! What people see, as text: one snapshot for each situation.

use std::sync::Arc;

use hubbub_protocol::{
    ErrorBody, ErrorCode, Event,
    event::{self, MemberChange, MemberState, PostKind, Presence, Typing},
    reply::{RoomInfo, RoomsPage},
};
use insta::assert_snapshot;

use crate::{
    link::{CloseReason, LinkState, PostFailure, Signal, Update},
    screen::{
        memory::{Profile, RoomMemory},
        stage::{NOON, Stage, nick, post, room},
        update::{Answer, Input},
    },
};

const MINUTE: u64 = 60_000;
const DAY: u64 = 86_400_000;

/// Two rooms and a conversation.
fn conversation(width: u16, height: u16) -> Stage {
    let mut stage = Stage::talking(width, height, &["lobby", "rust"], &["bo", "cy"]);
    let wave = Event::Post(event::Post {
        room: room("lobby"),
        seq: 5,
        at: NOON - 20 * MINUTE,
        user: 2,
        from: nick("cy"),
        kind: PostKind::Action,
        text: "waves".to_owned(),
        nonce: "c".to_owned(),
    });
    let topic = Event::Topic(event::Topic {
        room: room("lobby"),
        seq: 6,
        at: NOON - 10 * MINUTE,
        user: 2,
        from: nick("bo"),
        topic: "Release on Friday".to_owned(),
        nonce: "t".to_owned(),
    });
    stage.events(
        "lobby",
        vec![
            post("lobby", 1, NOON - DAY, "bo", "Has anybody tried the new build?"),
            post("lobby", 2, NOON - DAY + MINUTE, "bo", "It starts in no time."),
            post("lobby", 3, NOON - DAY + 3 * MINUTE, "cy", "Yes, on two machines. Notes: https://example.org/notes"),
            post("lobby", 4, NOON - 30 * MINUTE, "ana", "Good morning!\nTwo lines in one post."),
            wave,
            topic,
            post("lobby", 7, NOON - MINUTE, "bo", "ana: can you look at the failing test? It is the one that never failed before, in the part that nobody has touched for a year."),
        ],
    );
    stage
}

#[test]
fn the_first_start_asks_for_server_and_nick() {
    let stage = Stage::new(80, 20);
    assert_snapshot!(stage.screen());
}

#[test]
fn a_taken_nick_is_answered_with_one_that_is_free() {
    let mut stage = Stage::new(60, 18);
    stage.key("Enter");
    stage.input(Input::Started(None));
    let error = ErrorBody::new(ErrorCode::NickTaken, "somebody has this nick").suggest("ana2");
    stage.link(Update::State(LinkState::Closed { reason: CloseReason::Refused(error) }));
    assert_snapshot!(stage.screen());
}

#[test]
fn a_server_that_cannot_be_reached_is_said_on_the_first_screen() {
    let mut stage = Stage::new(60, 18);
    stage.key("Enter");
    stage.input(Input::Started(None));
    stage.lost();
    assert_snapshot!(stage.screen());
}

#[test]
fn a_newcomer_is_greeted_and_told_where_the_keys_are() {
    let mut stage = Stage::new(60, 12);
    stage.key("Enter");
    stage.input(Input::Started(None));
    stage.online();
    stage.joined("lobby", 0, &[]);
    assert_snapshot!(stage.screen());
}

#[test]
fn a_room_that_was_just_joined_is_empty_and_says_so() {
    let stage = Stage::talking(80, 16, &["lobby"], &[]);
    assert_snapshot!(stage.screen());
}

#[test]
fn a_conversation_on_a_wide_screen_has_rooms_days_groups_and_members() {
    let stage = conversation(110, 24);
    assert_snapshot!(stage.screen());
}

#[test]
fn on_a_middling_screen_the_members_fold_away_first() {
    let stage = conversation(72, 18);
    assert_snapshot!(stage.screen());
}

#[test]
fn on_the_smallest_screen_everything_can_still_be_read() {
    let mut stage = conversation(40, 12);
    stage.says("rust", "cy", "hello, ana");
    assert_snapshot!(stage.screen());
}

#[test]
fn below_the_smallest_screen_there_is_a_sentence() {
    let stage = conversation(30, 6);
    assert_snapshot!(stage.screen());
}

#[test]
fn the_unread_line_stays_where_reading_stopped() {
    let mut stage = conversation(72, 18);
    stage.key("Alt-2");
    stage.says("lobby", "cy", "You missed this,");
    stage.says("lobby", "bo", "and this, ana.");
    assert_snapshot!("unread_counts_in_the_list", stage.screen());
    stage.key("Alt-1");
    stage.says("lobby", "cy", "But not this.");
    assert_snapshot!("unread_line_in_the_room", stage.screen());
}

#[test]
fn what_was_not_read_the_last_time_begins_with_the_unread_line() {
    let mut stage = Stage::new(72, 14);
    stage.key("Enter");
    let rooms = vec![RoomMemory { name: "lobby".to_owned(), epoch: Some("e".to_owned()), read: 1 }];
    let (server, nick) = ("ws://127.0.0.1:8080".to_owned(), "ana".to_owned());
    stage.input(Input::Started(Some(Profile { server, nick, token: None, active: None, rooms })));
    stage.online();
    stage.joined("lobby", 2, &["bo"]);
    stage.events("lobby", vec![post("lobby", 1, NOON, "bo", "read"), post("lobby", 2, NOON, "bo", "not read")]);
    assert_snapshot!(stage.screen());
}

#[test]
fn a_post_is_there_at_once_and_a_failed_one_says_why() {
    let mut stage = Stage::talking(80, 14, &["lobby"], &["bo"]);
    stage.says("lobby", "bo", "hi");
    let failed = stage.send("this one fails").expect("is queued");
    let waiting = stage.send("this one waits").expect("is queued");
    let error = PostFailure::Refused(ErrorBody::new(ErrorCode::RateLimited, "too fast"));
    stage.link(Update::Failed { nonce: failed, room: room("lobby"), error, can_retry: true });
    assert_snapshot!("pending_and_failed", stage.screen());
    stage.link(Update::Settled { nonce: waiting.clone(), room: room("lobby"), seq: 2, at: NOON });
    let Event::Post(mut stored) = post("lobby", 2, NOON, "ana", "this one waits") else { unreachable!() };
    stored.nonce = waiting.as_str().to_owned();
    stage.events("lobby", vec![Event::Post(stored)]);
    assert_snapshot!("settled", stage.screen());
}

#[test]
fn a_lost_connection_is_seen_and_posts_wait() {
    let mut stage = conversation(80, 16);
    stage.lost();
    stage.after(1_500);
    stage.send("I go on writing");
    stage.write("and on");
    assert_snapshot!(stage.screen());
}

#[test]
fn the_help_page_lists_every_key_and_command() {
    let mut stage = conversation(100, 76);
    stage.key("F1");
    assert_snapshot!(stage.screen());
}

#[test]
fn the_help_page_scrolls_on_a_narrow_screen() {
    let mut stage = conversation(40, 12);
    stage.key("F1");
    stage.key("PageDown");
    assert_snapshot!(stage.screen());
}

#[test]
fn the_list_of_rooms_finds_joined_listed_and_new_ones() {
    let mut stage = conversation(80, 20);
    stage.says("rust", "cy", "one");
    stage.key("Ctrl-K");
    let info = |name: &str, count| RoomInfo {
        room: room(name),
        topic: "borrowing and lending".to_owned(),
        member_count: count,
        seq: 9,
    };
    let rooms = vec![info("lobby", 3), info("rustaceans", 12), info("garden", 4)];
    stage.input(Input::Answer(Answer::Directory(stage.state.openings, Ok(RoomsPage { rooms, more: false }))));
    stage.write("ru");
    assert_snapshot!(stage.screen());
}

#[test]
fn wide_characters_long_words_and_hostile_texts_stay_in_their_place() {
    let mut stage = Stage::talking(64, 20, &["lobby"], &["bo"]);
    stage.says("lobby", "bo", "日本語のとても長い文章はどこでも改行できますから、幅を超えません。");
    stage.says("lobby", "bo", "👨‍👩‍👧‍👦 👍🏽 flags 🇩🇪🇫🇷 e\u{301}");
    stage.says("lobby", "bo", &format!("https://example.org/{}", "long/".repeat(14)));
    stage.says("lobby", "cy", "red\x1b[31m bell\x07 back\u{202e}wards");
    stage.write("日本語を書く");
    assert_snapshot!(stage.screen());
}

#[test]
fn coming_going_and_typing_are_told_in_one_quiet_line() {
    let mut stage = Stage::talking(80, 14, &["lobby"], &["bo"]);
    let change = |name: &str, state| MemberChange { nick: nick(name), state, was: None };
    for changes in [
        vec![change("cy", MemberState::Online), change("dee", MemberState::Online)],
        vec![change("bo", MemberState::Left), change("dee", MemberState::Left)],
    ] {
        let presence = Presence { room: room("lobby"), member_count: 2, changes, partial: false };
        stage.link(Update::Signal(Signal::Presence(presence)));
    }
    let typing = Typing { room: room("lobby"), nicks: vec![nick("ana"), nick("cy")] };
    stage.link(Update::Signal(Signal::Typing(typing)));
    assert_snapshot!(stage.screen());
}

#[test]
fn scrolled_up_the_view_stays_and_tells_what_came_below() {
    let mut stage = Stage::talking(64, 14, &["lobby"], &["bo"]);
    let posts = (1..=40).map(|seq| post("lobby", seq, NOON, "bo", &format!("line {seq}")));
    stage.events("lobby", posts.collect());
    stage.key("PageUp");
    let before = stage.screen();
    stage.says("lobby", "bo", "below");
    stage.says("lobby", "bo", "and below");
    assert_eq!(before.lines().nth(3), stage.screen().lines().nth(3), "the view has moved");
    assert_snapshot!(stage.screen());
}

#[test]
fn a_long_text_grows_the_composer_and_shows_the_limit() {
    let mut stage = Stage::talking(50, 16, &["lobby"], &[]);
    stage.write(&"many words ".repeat(10));
    assert_snapshot!(stage.screen());
}

#[test]
fn a_session_that_ended_says_how_to_come_back() {
    let mut stage = conversation(80, 14);
    let reason = CloseReason::Goodbye("the session goes on elsewhere".to_owned());
    stage.link(Update::State(LinkState::Closed { reason }));
    assert_snapshot!(stage.screen());
}

#[test]
fn a_pending_post_settles_without_moving_anything() {
    let mut stage = Stage::talking(64, 14, &["lobby"], &["bo"]);
    stage.says("lobby", "ana", "before");
    let name = stage.send("a post").expect("is queued");
    let rows = |screen: String| screen.lines().position(|line| line.ends_with("a post"));
    let pending = rows(stage.screen());
    let snapshot = stage.snapshot("lobby", 1, &["bo"]);
    stage.link(Update::Room(Arc::new(snapshot)));
    let Event::Post(mut stored) = post("lobby", 2, NOON, "ana", "a post") else { unreachable!() };
    stored.nonce = name.as_str().to_owned();
    stage.events("lobby", vec![Event::Post(stored)]);
    assert!(pending.is_some());
    assert_eq!(rows(stage.screen()), pending);
    assert_eq!(stage.screen().matches("a post").count(), 1, "shown twice");
}
