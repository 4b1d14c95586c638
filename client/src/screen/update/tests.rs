//! What inputs do to the state, and which effects they ask for.

use std::sync::Arc;

use hubbub_protocol::{
    ErrorBody, ErrorCode, Event,
    event::{MemberState, PostKind},
    id::{Position, Seq},
    reply::History,
};
use proptest::prelude::*;
use ratatui::{
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind},
    layout::Size,
};

use super::*;
use crate::{
    link::{CloseReason, LinkState, PostFailure, Signal},
    screen::{
        stage::{NOON, Stage, nick, nonce, post, room},
        state::timeline::Loading,
    },
};

fn has(effects: &[Effect], wanted: &Effect) -> bool {
    effects.contains(wanted)
}

fn joins(effects: &[Effect]) -> Vec<String> {
    let join = |effect: &Effect| match effect {
        Effect::Join(room, _) => Some(room.to_string()),
        _ => None,
    };
    effects.iter().filter_map(join).collect()
}

fn posts(effects: &[Effect]) -> Vec<(PostKind, String)> {
    let post = |effect: &Effect| match effect {
        Effect::Post { kind, text, .. } => Some((*kind, text.clone())),
        _ => None,
    };
    effects.iter().filter_map(post).collect()
}

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
    assert!(has(&run("/part"), &Effect::Part(room("lobby"))));
    assert_eq!(joins(&run("/join #new")), ["new"]);
    assert!(has(&run("/rooms"), &Effect::Directory(None)));
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
fn a_failed_post_is_sent_again_by_its_name_or_given_up() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    let name = stage.send("text").expect("is queued");
    let fail = |stage: &mut Stage| {
        let error = PostFailure::NotJoined;
        stage.link(Update::Failed { nonce: name.clone(), room: room("lobby"), error, can_retry: true });
    };
    fail(&mut stage);
    assert!(has(&stage.key("Alt-R"), &Effect::Retry(name.clone())));
    assert!(!has(&stage.key("Alt-R"), &Effect::Retry(name.clone())), "it is on its way");
    fail(&mut stage);
    let screen = stage.screen();
    let row = screen.lines().position(|line| line.contains("│ text")).expect("is shown");
    assert!(has(&stage.click(40, u16::try_from(row).expect("small")), &Effect::Retry(name.clone())));
    fail(&mut stage);
    assert!(has(&stage.key("Alt-X"), &Effect::Discard(name.clone())));
    assert!(stage.state.room().expect("a room").pending.is_empty());
    assert_eq!(stage.written(), "text", "its text can be edited and sent");
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
fn what_was_missed_beyond_measure_is_left_out_and_counted() {
    let mut stage = deep_room(1_000);
    stage.key("Alt-1");
    stage.link(Update::Gap { room: room("deep"), after: 1_000, before: 3_001 });
    stage.events("deep", vec![post("deep", 3_001, NOON, "bo", "after the gap")]);
    let deep = stage.state.rooms.get_mut(&room("deep")).expect("is there");
    assert_eq!(deep.unread(), 2_001);
    let effects = stage.key("Alt-2");
    assert!(stage.screen().contains("after the gap"));
    assert!(has(&effects, &Effect::History(room("deep"), Page::Before(3_001))), "{effects:?}");
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
    assert!(has(&stage.key("Ctrl-K"), &Effect::Directory(None)));
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
fn time_alone_wakes_the_screen_for_its_countdown() {
    let mut stage = Stage::talking(80, 24, &["lobby"], &[]);
    assert_eq!(next_wake(&stage.state), None);
    stage.lost();
    assert_eq!(next_wake(&stage.state), Some(NOON + 1_000));
    stage.after(1_000);
    assert!(stage.screen().contains("again in 3 s"), "{}", stage.screen());
}

fn any_key() -> impl Strategy<Value = Input> {
    let code = prop_oneof![
        6 => prop_oneof![any::<char>(), "[ab/#日👍]".prop_map(|text| text.chars().next().unwrap_or('x'))].prop_map(KeyCode::Char),
        3 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Tab, KeyCode::BackTab, KeyCode::Esc, KeyCode::Up, KeyCode::Down, KeyCode::Left,
            KeyCode::Right, KeyCode::Home, KeyCode::End, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Backspace,
            KeyCode::Delete, KeyCode::F(1),
        ]),
        2 => "[akmlrxwuydfbn1-9_]".prop_map(|text| KeyCode::Char(text.chars().next().unwrap_or('a'))),
    ];
    let mods = prop::sample::select(vec![
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::CONTROL,
        KeyModifiers::ALT,
        KeyModifiers::SHIFT,
    ]);
    (code, mods).prop_map(|(code, mods)| Input::Key(KeyEvent::new(code, mods)))
}

fn any_event() -> impl Strategy<Value = Event> {
    let text = prop_oneof![".{0,60}", "[a日👍\n \u{301}\u{202e}]{0,80}", "ana.{0,9}"];
    (1_u64..400, text, prop::sample::select(vec!["ana", "bo", "日本"]), 0_u64..u64::MAX)
        .prop_map(|(seq, text, from, at)| post("lobby", seq, NOON.wrapping_add(at % 100_000_000_000), from, &text))
}

fn any_input() -> impl Strategy<Value = Input> {
    let mouse = (any::<(u16, u16)>(), 0_u8..3).prop_map(|((column, row), kind)| {
        let kind = match kind {
            0 => MouseEventKind::ScrollUp,
            1 => MouseEventKind::ScrollDown,
            _ => MouseEventKind::Down(MouseButton::Left),
        };
        Input::Mouse(MouseEvent { kind, column: column % 130, row: row % 50, modifiers: KeyModifiers::NONE })
    });
    let history =
        (1_u64..400, any::<bool>(), prop::collection::vec(any_event(), 0..5)).prop_map(|(seq, more, events)| {
            let history = History { room: room("lobby"), epoch: "e".to_owned(), seq, events, more };
            Input::Answer(Answer::History(room("lobby"), Page::Before(seq), Ok(history)))
        });
    let presence = prop::sample::select(vec!["bo", "cy"]).prop_map(|name| {
        let change = |state| hubbub_protocol::event::MemberChange { nick: nick(name), state, was: None };
        let changes = vec![change(MemberState::Online), change(MemberState::Left)];
        let presence =
            hubbub_protocol::event::Presence { room: room("lobby"), member_count: 3, changes, partial: true };
        Input::Link(Update::Signal(Signal::Presence(presence)))
    });
    prop_oneof![
        20 => any_key(),
        4 => mouse,
        2 => ".{0,40}".prop_map(Input::Paste),
        4 => (0_u16..130, 0_u16..50).prop_map(|(width, height)| Input::Resize(Size::new(width, height))),
        1 => any::<bool>().prop_map(Input::Focus),
        6 => prop::collection::vec(any_event(), 1..4)
            .prop_map(|events| Input::Link(Update::Events { room: room("lobby"), events })),
        2 => history,
        1 => presence,
        1 => Just(Input::Link(Update::Reset { room: room("lobby") })),
        1 => Just(Input::Link(Update::Failed {
            nonce: nonce("n1"), room: room("lobby"), error: PostFailure::NotJoined, can_retry: true,
        })),
        1 => Just(Input::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_inputs_and_sizes_breaks_the_screen(
        connected in any::<bool>(),
        inputs in prop::collection::vec(any_input(), 1..60),
    ) {
        let mut stage = if connected { Stage::talking(90, 30, &["lobby", "rust"], &["bo"]) } else { Stage::new(90, 30) };
        for input in inputs {
            let effects = stage.input(input);
            stage.queue(&effects);
            let rows = stage.screen().matches('\n').count() + 1;
            prop_assert_eq!(rows, usize::from(stage.state.size.height).max(1));
        }
    }
}
