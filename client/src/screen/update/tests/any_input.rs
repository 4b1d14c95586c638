//! Any sequence of inputs and sizes: nothing breaks the screen.

use hubbub_protocol::{Event, event::MemberState, reply::History};
use proptest::prelude::*;
use ratatui::{
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind},
    layout::Size,
};

use super::*;
use crate::{
    link::{PostFailure, Signal},
    screen::{
        stage::{NOON, Stage, nick, nonce, post, room},
        state::{room::Room, timeline::Key},
    },
};

/// Whether the window of the log ascends, without repeats.
fn in_order(room: &Room) -> bool {
    let seqs = room.timeline.entries().iter().filter_map(|entry| match entry.key {
        Key::Event(seq) => Some(seq),
        _ => None,
    });
    seqs.clone().zip(seqs.skip(1)).all(|(seq, next)| seq < next)
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
            for room in stage.state.rooms.iter() {
                prop_assert!(in_order(room), "the log is out of order in #{}", room.name);
                prop_assert!(room.read <= room.timeline.log_end());
            }
        }
    }
}
