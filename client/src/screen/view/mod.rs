//! What the state looks like: pure functions from the state to cells, and from cells back to what they show.

pub(crate) mod composer;
pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod help;
pub(crate) mod jump;
pub(crate) mod lists;
pub(crate) mod post;
pub(crate) mod setup;
pub(crate) mod status;
pub(crate) mod time;
pub(crate) mod timeline;

use ratatui::{
    Frame,
    buffer::{Buffer, CellDiffOption},
    layout::Rect,
    text::Line,
    widgets::{Clear, Paragraph, Wrap},
};

use crate::screen::{
    state::{Overlay, State},
    view::frame::{COLUMNS_MIN, ROWS_MIN, areas, fits},
};

/// Draws everything.
pub(crate) fn draw(state: &State, frame: &mut Frame<'_>) {
    draw_parts(state, frame);
    secure_sequences(frame.buffer_mut());
}

/// Terminals disagree about the width of emoji that consist of several code points, and draw beside their place.
/// What follows one in its row is therefore written anew every time, at its own position.
fn secure_sequences(buffer: &mut Buffer) {
    let area = buffer.area;
    for y in area.top()..area.bottom() {
        let mut after = false;
        for x in area.left()..area.right() {
            let cell = &mut buffer[(x, y)];
            if after {
                cell.set_diff_option(CellDiffOption::AlwaysUpdate);
            }
            let mut chars = cell.symbol().chars();
            after |= chars.next().is_some_and(|c| !c.is_ascii()) && chars.next().is_some();
        }
    }
}

fn draw_parts(state: &State, frame: &mut Frame<'_>) {
    let area = frame.area();
    if !fits(area.as_size()) {
        return too_small(frame, area);
    }
    if let Some(setup) = &state.setup {
        return setup::draw(state, setup, frame);
    }
    let areas = areas(state);
    header::draw(state, frame, areas.header);
    if let Some(rooms) = areas.rooms {
        lists::draw_rooms(state, frame, rooms);
    }
    if let Some(members) = areas.members {
        lists::draw_members(state, frame, members);
    }
    timeline::draw(state, frame, areas.timeline);
    status::draw(state, frame, areas.status);
    composer::draw(state, frame, areas.composer);
    match &state.overlay {
        Some(Overlay::Help { top }) => help::draw(state, *top, frame),
        Some(Overlay::Jump(jump)) => jump::draw(state, jump, frame),
        None => {}
    }
}

/// Clears an area that lies over others.
fn clear(frame: &mut Frame<'_>, area: Rect) {
    frame.render_widget(Clear, area);
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let text = format!("Hubbub needs {COLUMNS_MIN}×{ROWS_MIN}, this is {}×{}.", area.width, area.height);
    frame.render_widget(Paragraph::new(Line::from(text)).wrap(Wrap { trim: true }), area);
}
