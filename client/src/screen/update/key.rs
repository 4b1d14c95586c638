//! Keys: which part of the screen they go to, and what they do there.

use ratatui::crossterm::event::{KeyEvent, KeyEventKind};

use crate::screen::{
    keymap::{self, Action, Scroll},
    state::{Overlay, State, editor::Edit, jump::Jump, setup::Setup},
    update::{ASK_AGAIN_MS, Effect, compose, jump, scroll, setup},
    view::help,
};

/// A key was pressed.
pub(super) fn press(state: &mut State, key: KeyEvent, effects: &mut Vec<Effect>) {
    if key.kind == KeyEventKind::Release {
        return;
    }
    let action = keymap::lookup(key);
    match action {
        Some(Action::Quit) => return quit(state, effects),
        Some(Action::Cancel) => return cancel(state, effects),
        Some(Action::Redraw) => return effects.push(Effect::Redraw),
        Some(Action::Suspend) => return effects.push(Effect::Suspend),
        _ => {}
    }
    if state.setup.is_some() {
        return setup_key(state, action, key, effects);
    }
    match (&mut state.overlay, action) {
        (Some(Overlay::Help { .. }), action) => help_key(state, action, keymap::typed(key)),
        (Some(Overlay::Jump(_)), action) => jump::press(state, action, keymap::typed(key), effects),
        (None, Some(action)) => act(state, action, effects),
        (None, None) => {
            if let Some(c) = keymap::typed(key) {
                compose::insert(state, c.encode_utf8(&mut [0; 4]), effects);
            }
        }
    }
}

/// Text was pasted: it goes where keys go.
pub(super) fn paste(state: &mut State, text: &str, effects: &mut Vec<Effect>) {
    let one_line = || text.lines().collect::<Vec<_>>().join(" ");
    if let Some(setup) = &mut state.setup {
        if !setup.busy {
            setup.editor().insert(one_line().trim());
        }
        return;
    }
    match &mut state.overlay {
        Some(Overlay::Jump(jump)) => {
            jump.query.insert(&one_line());
            jump.selected = 0;
        }
        Some(Overlay::Help { .. }) => {}
        None => compose::insert(state, text, effects),
    }
}

/// An action while the rooms are shown and nothing lies over them.
fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Help => state.overlay = Some(Overlay::Help { top: 0 }),
        Action::Jump => open_jump(state, effects),
        Action::NextUnread => next_unread(state),
        Action::RoomUp => step_room(state, false),
        Action::RoomDown => step_room(state, true),
        Action::RoomNumber(number) => state.rooms.activate(number.saturating_sub(1)),
        Action::ToggleMembers => state.panels.members = !state.panels.members,
        Action::ToggleRooms => state.panels.rooms = !state.panels.rooms,
        Action::Page(by) => scroll::scroll(state, by),
        Action::Newest | Action::Escape => scroll::to_newest(state),
        Action::Unread => scroll::to_unread(state),
        Action::Resend => compose::resend(state, effects),
        Action::Discard => compose::discard(state, effects),
        Action::Enter => compose::submit(state, effects),
        Action::NewLine => compose::insert(state, "\n", effects),
        Action::Complete => compose::complete(state, false),
        Action::CompleteBack => compose::complete(state, true),
        Action::Up => compose::up(state),
        Action::Down => compose::down(state),
        Action::End => end(state),
        Action::Edit(edit) => compose::edit(state, edit, effects),
        Action::Quit | Action::Cancel | Action::Redraw | Action::Suspend => {}
    }
}

/// To the end of the line; from there to the newest.
fn end(state: &mut State) {
    let Some(room) = state.rooms.active_mut() else { return };
    if room.composer.editor.at_end() {
        return scroll::to_newest(state);
    }
    room.composer.end_completion();
    room.composer.editor.apply(Edit::LineEnd);
}

/// Opens the list of rooms, and asks the server for its own.
pub(super) fn open_jump(state: &mut State, effects: &mut Vec<Effect>) {
    state.openings += 1;
    let (opening, loading) = (state.openings, state.status.is_online());
    if loading {
        effects.push(Effect::Directory { opening, after: None });
    }
    state.overlay = Some(Overlay::Jump(Box::new(Jump { opening, loading, ..Jump::default() })));
}

fn next_unread(state: &mut State) {
    match state.rooms.next_unread() {
        Some(index) => state.rooms.activate(index),
        None => state.status.say(state.now, "nothing unread"),
    }
}

fn step_room(state: &mut State, down: bool) {
    let count = state.rooms.len();
    if count == 0 {
        return;
    }
    let step = if down { 1 } else { count - 1 };
    state.rooms.activate((state.rooms.active_index() + step) % count);
}

/// Closes what is open, clears what is written, or quits.
fn cancel(state: &mut State, effects: &mut Vec<Effect>) {
    if state.overlay.take().is_some() {
        return;
    }
    if state.setup.as_ref().is_some_and(|setup| setup.busy) {
        return setup::stop(state, effects);
    }
    let in_rooms = state.setup.is_none();
    if let Some(room) = state.rooms.active_mut().filter(|room| in_rooms && !room.composer.editor.is_empty()) {
        // it goes into the history, so that a slip of the finger costs nothing
        room.composer.take();
        state.status.say(state.now, "cleared; Up brings it back, Ctrl-C again quits");
        return;
    }
    quit(state, effects);
}

/// Quits; when posts would be lost, only at the second request.
pub(super) fn quit(state: &mut State, effects: &mut Vec<Effect>) {
    let unsent = state.rooms.iter().flat_map(|room| &room.pending).filter(|post| post.is_unsent()).count();
    if unsent > 0 && state.status.quit_armed_until <= state.now {
        state.status.quit_armed_until = state.now + ASK_AGAIN_MS;
        let noun = if unsent == 1 { "post has" } else { "posts have" };
        state.status.complain(state.now, format!("{unsent} {noun} not been sent: once more quits without"));
        return;
    }
    effects.push(Effect::Quit);
}

fn help_key(state: &mut State, action: Option<Action>, typed: Option<char>) {
    let max = help::top_max(state);
    let page = help::page(state);
    let Some(Overlay::Help { top }) = &mut state.overlay else { return };
    let to = match action {
        Some(Action::Up | Action::Page(Scroll::LineUp)) => top.saturating_sub(1),
        Some(Action::Down | Action::Page(Scroll::LineDown)) => *top + 1,
        Some(Action::Page(Scroll::PageUp)) => top.saturating_sub(page),
        Some(Action::Page(Scroll::PageDown)) => *top + page,
        Some(Action::Page(Scroll::Top) | Action::Edit(Edit::LineStart)) => 0,
        Some(Action::End | Action::Newest) => max,
        Some(Action::Escape | Action::Help | Action::Enter) => return state.overlay = None,
        None if typed == Some('q') => return state.overlay = None,
        None if typed == Some(' ') => *top + page,
        _ => return,
    };
    *top = to.min(max);
}

/// Scrolls the help page by so many lines, for the mouse wheel.
pub(super) fn scroll_help(state: &mut State, down: bool) {
    const LINES: usize = 3;
    let max = help::top_max(state);
    if let Some(Overlay::Help { top }) = &mut state.overlay {
        *top = if down { *top + LINES } else { top.saturating_sub(LINES) }.min(max);
    }
}

fn setup_key(state: &mut State, action: Option<Action>, key: KeyEvent, effects: &mut Vec<Effect>) {
    let Some(setup) = &mut state.setup else { return };
    if setup.busy {
        if action == Some(Action::Escape) {
            setup::stop(state, effects);
        }
        return;
    }
    match action {
        Some(Action::Enter) => setup::submit(state, effects),
        Some(Action::Complete | Action::CompleteBack | Action::Up | Action::Down) => setup.switch(),
        Some(Action::Edit(edit)) => edit_field(setup, |editor| editor.apply(edit)),
        Some(Action::End) => edit_field(setup, |editor| editor.apply(Edit::LineEnd)),
        Some(_) => {}
        None => {
            if let Some(c) = keymap::typed(key) {
                edit_field(setup, |editor| editor.insert(c.encode_utf8(&mut [0; 4])));
            }
        }
    }
}

fn edit_field(setup: &mut Setup, edit: impl FnOnce(&mut crate::screen::state::editor::Editor)) {
    setup.error = None;
    edit(setup.editor());
}
