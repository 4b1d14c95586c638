//! Reading: scrolling into history, unread posts, mentions, what was missed.

use std::sync::Arc;

use hubbub_protocol::{
    Event,
    event::{MemberChange, MemberState, Presence},
    id::Seq,
    reply::History,
};

use super::*;
use crate::{
    link::Signal,
    screen::{
        stage::{NOON, Stage, nick, post, room},
        state::timeline::{Body, Loading},
    },
};

/// A room with a log of which the newest hundred events are here.
fn deep_room(log_end: Seq) -> Stage {
    let mut stage = Stage::talking(80, 24, &["other"], &["bo"]);
    stage.write("/join deep");
    stage.key("Enter");
    let mut snapshot = stage.snapshot("deep", log_end, &["bo"]);
    snapshot.delivered = log_end - 100;
    stage.link(Update::Room(Arc::new(snapshot)));
    let events = (log_end - 99..=log_end).map(|seq| post("deep", seq, NOON, "bo", &format!("post {seq}")));
    stage.events("deep", events.collect());
    stage
}

fn page(first: Seq, last: Seq, more: bool) -> History {
    let events = (first..=last).map(|seq| post("deep", seq, NOON, "bo", &format!("post {seq}"))).collect();
    History { room: room("deep"), epoch: "e".to_owned(), seq: last, events, more }
}

#[test]
fn the_next_unread_room_is_one_that_mentions_the_user_first() {
    let mut stage = Stage::talking(80, 24, &["a", "b", "c"], &["bo"]);
    stage.says("b", "bo", "something");
    stage.says("c", "bo", "ana?");
    stage.key("Alt-A");
    assert_eq!(stage.front(), "c");
    stage.key("Alt-A");
    assert_eq!(stage.front(), "b");
    stage.key("Alt-A");
    assert_eq!(stage.front(), "b");
    assert!(stage.screen().contains("nothing unread"));
}

#[test]
fn a_mention_calls_only_when_nobody_looks() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &["bo"]);
    let calls = |effects: Vec<Effect>| effects.iter().filter(|effect| matches!(effect, Effect::Alert(_))).count();
    assert_eq!(calls(stage.says("lobby", "bo", "ana: hi")), 0);
    stage.input(Input::Focus(false));
    assert_eq!(calls(stage.says("lobby", "bo", "banana")), 0);
    let effects = stage.says("lobby", "bo", "ana: \x1b]0;evil\x07");
    assert!(has(&effects, &Effect::Alert("bo in #lobby: ana: ␛]0;evil␇".to_owned())), "{effects:?}");
    assert!(has(&effects, &Effect::Title("(@1) #lobby — Hubbub".to_owned())), "{effects:?}");
    let effects = stage.input(Input::Focus(true));
    assert!(has(&effects, &Effect::Title("#lobby — Hubbub".to_owned())), "{effects:?}");
}

#[test]
fn scrolling_up_loads_older_pages_and_the_view_keeps_its_place() {
    let mut stage = deep_room(1_000);
    let mut asked = Vec::new();
    for _ in 0..8 {
        asked.extend(stage.key("PageUp"));
    }
    assert_eq!(asked, [Effect::History(room("deep"), Page::Before(901))]);
    let before = stage.screen();
    let row = |screen: &str| screen.lines().position(|line| line.ends_with("post 910"));
    let at = row(&before);
    assert!(at.is_some(), "{before}");
    let answer = Answer::History(room("deep"), Page::Before(901), Ok(page(801, 900, true)));
    stage.input(Input::Answer(answer));
    assert_eq!(row(&stage.screen()), at, "{}", stage.screen());
    stage.key("PageUp");
    assert!(stage.screen().contains("post 89"), "{}", stage.screen());
}

#[test]
fn the_beginning_of_a_room_is_reached_and_said() {
    let mut stage = deep_room(110);
    let mut asked = Vec::new();
    for _ in 0..20 {
        asked.extend(stage.wheel(false));
    }
    assert_eq!(asked, [Effect::History(room("deep"), Page::Before(11))]);
    stage.input(Input::Answer(Answer::History(room("deep"), Page::Before(11), Ok(page(1, 10, false)))));
    for _ in 0..30 {
        assert_eq!(stage.wheel(false), []);
    }
    assert!(stage.screen().contains("beginning of #deep"), "{}", stage.screen());
    stage.key("Esc");
    assert!(stage.screen().contains("post 110"));
}

#[test]
fn a_page_that_did_not_come_is_asked_for_again_on_scrolling() {
    let mut stage = deep_room(1_000);
    stage.key("Ctrl-Home");
    let page = Page::Before(901);
    for _ in 0..8 {
        stage.key("PageUp");
    }
    let failure = Answer::History(room("deep"), page, Err(LinkError::Disconnected));
    assert_eq!(stage.input(Input::Answer(failure)), []);
    assert!(matches!(stage.state.room().expect("a room").timeline.loading, Loading::Failed(_)));
    assert!(stage.screen().contains("older posts did not come"), "{}", stage.screen());
    assert_eq!(stage.key("PageUp"), [Effect::History(room("deep"), page)]);
}

#[test]
fn a_window_far_back_comes_back_to_the_newest_by_one_key() {
    let mut stage = deep_room(5_000);
    let mut first = 4_901;
    stage.key("PageUp");
    while first > 2_500 {
        for _ in 0..3 {
            for _ in 0..3 {
                stage.key("PageUp");
            }
        }
        let page_asked = Page::Before(first);
        stage.input(Input::Answer(Answer::History(room("deep"), page_asked, Ok(page(first - 100, first - 1, true)))));
        first -= 100;
    }
    assert!(!stage.state.room().expect("a room").timeline.has_newest());
    stage.says("deep", "bo", "newest of all");
    let effects = stage.key("Esc");
    assert!(has(&effects, &Effect::History(room("deep"), Page::Before(5_002))), "{effects:?}");
    stage.input(Input::Answer(Answer::History(room("deep"), Page::Before(5_002), Ok(page(4_902, 5_001, true)))));
    assert!(stage.screen().contains("post 5001"), "{}", stage.screen());
    stage.says("deep", "bo", "live again");
    assert!(stage.screen().contains("live again"));
}

#[test]
fn many_unread_posts_are_pointed_at_and_reached_by_one_key() {
    let mut stage = deep_room(110);
    stage.key("Alt-1");
    let events = (111..=180).map(|seq| post("deep", seq, NOON, "bo", &format!("post {seq}")));
    stage.events("deep", events.collect());
    stage.key("Alt-2");
    let screen = stage.screen();
    assert!(screen.contains("post 180") && screen.contains("Alt-U"), "{screen}");
    stage.key("Alt-U");
    let screen = stage.screen();
    let rows: Vec<&str> = screen.lines().collect();
    assert!(rows[1].contains(" new ") && rows[2].ends_with("post 111"), "{screen}");
    stage.key("Esc");
    assert!(!stage.screen().contains("Alt-U"), "it was seen");
}

#[test]
fn an_unread_line_far_back_is_loaded_to_by_one_key() {
    let mut stage = deep_room(1_000);
    stage.state.rooms.get_mut(&room("deep")).expect("is there").marker = Some(750);
    let mut asked = stage.key("Alt-U");
    for (first, last) in [(801, 900), (701, 800)] {
        assert_eq!(asked, [Effect::History(room("deep"), Page::Before(last + 1))]);
        let answer = Answer::History(room("deep"), Page::Before(last + 1), Ok(page(first, last, true)));
        asked = stage.input(Input::Answer(answer));
    }
    assert_eq!(asked, [], "it is there");
    let screen = stage.screen();
    let rows: Vec<&str> = screen.lines().collect();
    assert!(rows[1].contains(" new ") && rows[2].ends_with("post 751"), "{screen}");
}

#[test]
fn a_search_for_the_unread_line_that_fails_is_not_repeated_by_itself() {
    let mut stage = deep_room(1_000);
    stage.state.rooms.get_mut(&room("deep")).expect("is there").marker = Some(750);
    stage.key("Alt-U");
    let failure = Answer::History(room("deep"), Page::Before(901), Err(LinkError::Disconnected));
    assert_eq!(stage.input(Input::Answer(failure)), []);
    assert_eq!(stage.input(Input::Tick), []);
}

#[test]
fn the_members_of_a_lively_room_are_asked_for_now_and_then() {
    let mut stage = Stage::talking(120, 24, &["lobby"], &["bo"]);
    let mut asked = 0;
    for _ in 0..30 {
        let presence = Presence { room: room("lobby"), member_count: 900, changes: Vec::new(), partial: true };
        let mut effects = stage.link(Update::Signal(Signal::Presence(presence)));
        effects.extend(stage.after(500));
        asked += effects.iter().filter(|effect| matches!(effect, Effect::Members(_))).count();
    }
    assert_eq!(asked, 2, "in fifteen seconds");
}

#[test]
fn what_was_missed_beyond_measure_is_left_out_counted_and_searched_for_mentions_within_bounds() {
    let mut stage = deep_room(1_000);
    stage.key("Alt-1");
    stage.link(Update::Gap { room: room("deep"), after: 1_000, before: 3_001 });
    let mut asked = stage.events("deep", vec![post("deep", 3_001, NOON, "bo", "after the gap")]);
    let deep = stage.state.rooms.get_mut(&room("deep")).expect("is there");
    assert_eq!(deep.unread(), 2_001);
    let mut first = 3_001;
    while has(&asked, &Effect::History(room("deep"), Page::Before(first))) {
        let mut events = page(first - 100, first - 1, true).events;
        events[50] = post("deep", first - 50, NOON, "bo", "ana: read this");
        let history = History { events, ..page(first - 100, first - 1, true) };
        asked = stage.input(Input::Answer(Answer::History(room("deep"), Page::Before(first), Ok(history))));
        first -= 100;
    }
    let deep = stage.state.rooms.get_mut(&room("deep")).expect("is there");
    assert_eq!((first, deep.mentioned(), deep.unread()), (2_501, 5, 2_001));
    stage.key("Alt-2");
    assert!(stage.screen().contains("after the gap"), "{}", stage.screen());
}

#[test]
fn a_log_that_is_another_one_is_shown_anew() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    stage.says("lobby", "bo", "of the old log");
    stage.link(Update::Reset { room: room("lobby") });
    let mut snapshot = stage.snapshot("lobby", 1, &[]);
    snapshot.epoch = "another".to_owned();
    stage.link(Update::Room(Arc::new(snapshot)));
    stage.events("lobby", vec![post("lobby", 1, NOON, "bo", "of the new log")]);
    let screen = stage.screen();
    assert!(screen.contains("of the new log") && !screen.contains("of the old log"), "{screen}");
}

#[test]
fn an_event_is_shown_once_however_often_it_comes() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    let event = post("lobby", 1, NOON, "bo", "only once");
    stage.events("lobby", vec![event.clone()]);
    stage.events("lobby", vec![event]);
    assert_eq!(stage.screen().matches("only once").count(), 1);
}

#[test]
fn what_is_behind_the_help_page_or_in_too_small_a_window_is_not_read() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &["bo"]);
    let unread = |stage: &Stage| stage.state.room().expect("a room").unread();
    stage.key("F1");
    stage.says("lobby", "bo", "behind the help");
    assert_eq!(unread(&stage), 1);
    stage.key("F1");
    assert_eq!(unread(&stage), 0);
    stage.input(Input::Resize(Size::new(20, 5)));
    stage.says("lobby", "bo", "no space for it");
    assert_eq!(unread(&stage), 1);
    stage.input(Input::Resize(Size::new(80, 24)));
    assert_eq!(unread(&stage), 0);
}

#[test]
fn a_terminal_that_does_not_tell_its_focus_is_called_for_other_rooms_and_after_a_while() {
    let mut stage = Stage::talking(80, 24, &["lobby", "rust"], &["bo"]);
    let calls = |effects: Vec<Effect>| effects.iter().filter(|effect| matches!(effect, Effect::Alert(_))).count();
    assert_eq!(calls(stage.says("lobby", "bo", "ana: before your eyes")), 0);
    assert_eq!(calls(stage.says("rust", "bo", "ana: elsewhere")), 1);
    stage.after(60_000);
    assert_eq!(calls(stage.says("lobby", "bo", "ana: are you there?")), 1);
    stage.input(Input::Focus(true));
    assert_eq!(calls(stage.says("lobby", "bo", "ana: now it is told")), 0);
}

#[test]
fn events_of_an_unknown_kind_do_not_break_the_log_and_an_empty_page_is_not_asked_for_for_ever() {
    let mut stage = deep_room(1_000);
    let unknown = |seq| {
        let (ev, room) = ("poll".to_owned(), Some(room("deep")));
        Event::Unknown(hubbub_protocol::event::Unknown { ev, room, seq: Some(seq) })
    };
    stage.key("Alt-1");
    stage.events("deep", vec![unknown(1_001)]);
    assert_eq!(stage.state.rooms.get_mut(&room("deep")).expect("is there").unread(), 0, "there is nothing to see");
    stage.events("deep", vec![post("deep", 1_002, NOON, "bo", "after it")]);
    stage.key("Alt-2");
    let screen = stage.screen();
    assert!(screen.contains("post 1000") && screen.contains("after it"), "{screen}");
    stage.key("Ctrl-Home");
    for _ in 0..8 {
        stage.key("PageUp");
    }
    let empty = History { events: Vec::new(), ..page(801, 900, true) };
    let answer = Answer::History(room("deep"), Page::Before(901), Ok(empty));
    assert_eq!(stage.input(Input::Answer(answer)), []);
    assert!(stage.screen().contains("older posts did not come"), "{}", stage.screen());
    let unknown_page = History { events: (801..=900).map(unknown).collect(), ..page(801, 900, true) };
    assert_eq!(stage.key("PageUp"), [Effect::History(room("deep"), Page::Before(901))]);
    let answer = Answer::History(room("deep"), Page::Before(901), Ok(unknown_page));
    assert_eq!(stage.input(Input::Answer(answer)), [Effect::History(room("deep"), Page::Before(801))]);
}

#[test]
fn mentions_are_counted_once_wherever_they_come_from() {
    let mut stage = deep_room(1_000);
    stage.key("PageUp");
    let deep = stage.state.rooms.get_mut(&room("deep")).expect("is there");
    deep.read = 850;
    deep.timeline.loading = Loading::Asked(Page::Before(901));
    let mut events = page(801, 900, true).events;
    for seq in [840, 860, 870] {
        events[seq - 801] = post("deep", seq as Seq, NOON, "bo", "ana: read this");
    }
    let history = History { events, ..page(801, 900, true) };
    let answer = Answer::History(room("deep"), Page::Before(901), Ok(history));
    stage.input(Input::Answer(answer.clone()));
    let mentioned = |stage: &Stage| stage.state.room().expect("a room").mentioned();
    assert_eq!(mentioned(&stage), 2, "840 was read");
    stage.says("deep", "bo", "ana: and this");
    assert_eq!(mentioned(&stage), 3);
    stage.events("deep", vec![post("deep", 1_001, NOON, "bo", "ana: and this")]);
    assert_eq!(mentioned(&stage), 3);
    stage.key("Esc");
    assert_eq!(mentioned(&stage), 0);
}

#[test]
fn without_a_connection_the_way_to_the_newest_gives_nothing_away() {
    let mut stage = deep_room(1_000);
    stage.key("PageUp");
    stage.lost();
    let deep = stage.state.rooms.get_mut(&room("deep")).expect("is there");
    deep.timeline.note_log_end(5_000);
    stage.key("Esc");
    assert!(stage.screen().contains("post 1000"), "{}", stage.screen());
    stage.key("PageUp");
    stage.send("written offline");
    let screen = stage.screen();
    assert!(screen.contains("post 1000") && screen.contains("written offline"), "{screen}");
}

#[test]
fn many_new_nicks_are_one_line_that_says_the_last() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &["bo"]);
    let mut rename = |was: &str, is: &str| {
        let (state, was) = (MemberState::Online, Some(nick(was)));
        let changes = vec![MemberChange { nick: nick(is), state, was }];
        let presence = Presence { room: room("lobby"), member_count: 2, changes, partial: false };
        stage.link(Update::Signal(Signal::Presence(presence)));
        let last = stage.state.room().expect("a room").timeline.entries().back().map(|entry| entry.body.clone());
        match last {
            Some(Body::Moves { renamed, .. }) => renamed,
            _ => Vec::new(),
        }
    };
    let pair = |was: &str, is: &str| vec![(was.to_owned(), is.to_owned())];
    assert_eq!(rename("bo", "b0"), pair("bo", "b0"));
    for step in 1..200 {
        rename(&format!("b{}", step - 1), &format!("b{step}"));
    }
    assert_eq!(rename("b199", "bob"), pair("bo", "bob"));
    assert_eq!(rename("bob", "bo"), [], "as it was before");
}
