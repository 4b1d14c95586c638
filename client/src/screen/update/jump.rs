//! The list of rooms to jump to: typing narrows it, Enter goes.

use crate::screen::{
    keymap::{Action, Scroll},
    state::{Overlay, State, editor::Edit, jump::Choice},
    update::{Effect, command},
    view::jump::joined,
};

/// A key while the list is open.
pub(super) fn press(state: &mut State, action: Option<Action>, typed: Option<char>, effects: &mut Vec<Effect>) {
    let choices = choices(state);
    let last = choices.len().saturating_sub(1);
    let Some(Overlay::Jump(jump)) = &mut state.overlay else { return };
    match action {
        Some(Action::Escape | Action::Jump) => state.overlay = None,
        Some(Action::Enter) => go(state, &choices, effects),
        Some(Action::Up | Action::CompleteBack | Action::RoomUp) => {
            jump.selected = if jump.selected == 0 { last } else { jump.selected - 1 };
        }
        Some(Action::Down | Action::Complete | Action::RoomDown) => {
            jump.selected = if jump.selected >= last { 0 } else { jump.selected + 1 };
        }
        Some(Action::Page(Scroll::PageUp)) => jump.selected = jump.selected.saturating_sub(10),
        Some(Action::Page(Scroll::PageDown)) => jump.selected = (jump.selected + 10).min(last),
        Some(Action::End) => jump.query.apply(Edit::LineEnd),
        Some(Action::Edit(edit)) => {
            jump.query.apply(edit);
            jump.selected = 0;
        }
        Some(_) => {}
        None => {
            if let Some(c) = typed {
                jump.query.insert(c.encode_utf8(&mut [0; 4]));
                jump.selected = 0;
            }
        }
    }
}

/// Selects the choice before or after, for the mouse wheel.
pub(super) fn step(state: &mut State, down: bool) {
    let last = choices(state).len().saturating_sub(1);
    if let Some(Overlay::Jump(jump)) = &mut state.overlay {
        jump.selected = if down { (jump.selected + 1).min(last) } else { jump.selected.saturating_sub(1) };
    }
}

/// Goes to the choice of this number.
pub(super) fn choose(state: &mut State, index: usize, effects: &mut Vec<Effect>) {
    let choices = choices(state);
    if let Some(Overlay::Jump(jump)) = &mut state.overlay {
        jump.selected = index;
        go(state, &choices, effects);
    }
}

fn choices(state: &State) -> Vec<Choice> {
    match &state.overlay {
        Some(Overlay::Jump(jump)) => jump.choices(&joined(state)),
        _ => Vec::new(),
    }
}

fn go(state: &mut State, choices: &[Choice], effects: &mut Vec<Effect>) {
    let Some(Overlay::Jump(jump)) = &state.overlay else { return };
    // the list can have become shorter since the selection was made
    let Some(choice) = choices.get(jump.selected).or(choices.last()) else { return };
    let name = choice.name.clone();
    state.overlay = None;
    command::enter(state, &name, effects);
}
