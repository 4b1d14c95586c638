//! The mouse: the wheel scrolls, a click selects a room or sends a failed post again.

use ratatui::{
    crossterm::event::{MouseButton, MouseEvent, MouseEventKind},
    layout::Position,
};

use crate::screen::{
    state::{Overlay, State, editor::Place, setup::Field, timeline::Key},
    update::{Effect, compose, jump, key, scroll},
    view::{
        composer::first_row,
        frame::{PROMPT_COLUMNS, areas, composer_columns, fits},
        jump as jump_view, lists, setup as setup_view, timeline,
    },
};

/// The lines that a notch of the wheel scrolls.
const WHEEL_LINES: isize = 3;

/// The mouse did something.
pub(super) fn act(state: &mut State, event: MouseEvent, effects: &mut Vec<Effect>) {
    let at = Position::new(event.column, event.row);
    if !fits(state.size) {
        return;
    }
    match event.kind {
        MouseEventKind::ScrollUp => wheel(state, at, false),
        MouseEventKind::ScrollDown => wheel(state, at, true),
        MouseEventKind::Down(MouseButton::Left) => click(state, at, effects),
        _ => {}
    }
}

fn wheel(state: &mut State, at: Position, down: bool) {
    if state.setup.is_some() {
        return;
    }
    match &state.overlay {
        Some(Overlay::Help { .. }) => key::scroll_help(state, down),
        Some(Overlay::Jump(_)) => jump::step(state, down),
        None if areas(state).rooms.is_some_and(|area| area.contains(at)) => {}
        None => scroll::scroll_lines(state, if down { WHEEL_LINES } else { -WHEEL_LINES }),
    }
}

fn click(state: &mut State, at: Position, effects: &mut Vec<Effect>) {
    if state.setup.is_some() {
        return click_setup(state, at);
    }
    match &state.overlay {
        Some(Overlay::Help { .. }) => {}
        Some(Overlay::Jump(jump)) => match jump_view::choice_at(state, jump, at) {
            Some(index) => jump::choose(state, index, effects),
            None if jump_view::contains(state, at) => {}
            None => state.overlay = None,
        },
        None => click_rooms(state, at, effects),
    }
}

fn click_rooms(state: &mut State, at: Position, effects: &mut Vec<Effect>) {
    let areas = areas(state);
    if let Some(area) = areas.rooms.filter(|area| area.contains(at)) {
        if let Some(index) = lists::room_at(state, area, at.y) {
            state.rooms.activate(index);
        }
        return;
    }
    if areas.composer.contains(at) {
        return click_composer(state, at);
    }
    if !areas.timeline.contains(at) {
        return;
    }
    let follows = state.room().is_none_or(|room| room.timeline.follows());
    if !follows && at.y + 1 == areas.timeline.bottom() {
        return scroll::to_newest(state);
    }
    if let Some(Key::Pending(id)) = timeline::key_at(state, at.y - areas.timeline.y) {
        compose::resend_one(state, id, effects);
    }
}

fn click_composer(state: &mut State, at: Position) {
    let area = areas(state).composer;
    let columns = composer_columns(state.size);
    let Some(room) = state.rooms.active_mut() else { return };
    let first = first_row(&room.composer.editor, area.height, columns);
    let row = first + usize::from(at.y - area.y);
    let col = usize::from(at.x.saturating_sub(area.x + PROMPT_COLUMNS));
    room.composer.end_completion();
    room.composer.editor.go_to(Place { row, col }, columns);
}

fn click_setup(state: &mut State, at: Position) {
    let [server, nick] = setup_view::fields(state);
    let Some(setup) = state.setup.as_mut().filter(|setup| !setup.busy) else { return };
    if at.y == server.y {
        setup.field = Field::Server;
    } else if at.y == nick.y {
        setup.field = Field::Nick;
    }
}
