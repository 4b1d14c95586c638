//! Scrolling: through what is in memory, and beyond.

use crate::screen::{
    keymap::Scroll,
    state::{State, timeline::View},
    update::settle,
    view::timeline::Layout,
};

/// Scrolls the room in front.
pub(super) fn scroll(state: &mut State, by: Scroll) {
    let Some(layout) = Layout::of(state) else { return };
    let view = match by {
        Scroll::PageUp => layout.scrolled(-layout.page()),
        Scroll::PageDown => layout.scrolled(layout.page()),
        Scroll::LineUp => layout.scrolled(-1),
        Scroll::LineDown => layout.scrolled(1),
        Scroll::Top => layout.oldest(),
    };
    set_view(state, view);
}

/// Scrolls by so many lines; negative is towards the old.
pub(super) fn scroll_lines(state: &mut State, lines: isize) {
    let Some(view) = Layout::of(state).map(|layout| layout.scrolled(lines)) else { return };
    set_view(state, view);
}

/// Shows the newest of the room in front.
pub(super) fn to_newest(state: &mut State) {
    if !state.status.is_online()
        && state.room().is_some_and(|room| !room.timeline.has_newest() && !room.timeline.follows())
    {
        // the newest cannot be loaded now: what is there is not given away for it
        return scroll_lines(state, isize::MAX);
    }
    let Some(room) = state.rooms.active_mut() else { return };
    let timeline = &mut room.timeline;
    if !timeline.has_newest() && !timeline.follows() {
        // the window is far back: a new one begins at the end and is filled from the server
        timeline.restart(timeline.log_end(), timeline.log_end());
    }
    timeline.view = View::Follow;
    room.seeks_marker = false;
}

/// Shows the line where reading stopped; where it is not in memory, page after page is loaded until it is.
pub(super) fn to_unread(state: &mut State) {
    let Some(marker) = state.room().and_then(|room| room.marker) else {
        return state.status.say(state.now, "everything here was read");
    };
    let Some(view) = Layout::of(state).map(|layout| layout.at_unread(marker)) else { return };
    set_view(state, view);
    if let Some(room) = state.rooms.active_mut() {
        room.seeks_marker = marker + 1 < room.timeline.start();
    }
}

fn set_view(state: &mut State, view: View) {
    if let Some(room) = state.rooms.active_mut() {
        room.seeks_marker = false;
        room.timeline.view = view;
        settle::retry_loading(&mut room.timeline.loading);
    }
}
