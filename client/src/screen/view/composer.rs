//! The composer: what is being written, with the terminal's own cursor in it.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    text::{Line, Span},
};

use crate::{
    safe::safe_line,
    screen::{
        state::{State, editor::Editor},
        text::{fit, wrap},
        view::frame::{PROMPT_COLUMNS, composer_columns},
    },
};

/// Draws it.
pub(crate) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let prompt = Rect { width: PROMPT_COLUMNS, height: 1, ..area };
    frame.render_widget(Line::from(Span::styled("› ", state.theme.accent())), prompt);
    let Some(room) = state.room() else { return };
    let text = Rect { x: area.x + PROMPT_COLUMNS, width: area.width.saturating_sub(PROMPT_COLUMNS), ..area };
    let editor = &room.composer.editor;
    if editor.is_empty() {
        let hint = format!("Message #{} — F1: help", room.name);
        let hint = fit(&hint, usize::from(text.width));
        frame.render_widget(Line::from(Span::styled(hint, state.theme.quiet())), text);
    }
    let cursor = draw_text(editor, frame, text, composer_columns(state.size));
    if state.overlay.is_none() {
        frame.set_cursor_position(cursor);
    }
}

/// Draws a text that is being edited, scrolled such that the cursor is visible; says where the cursor is.
pub(crate) fn draw_text(editor: &Editor, frame: &mut Frame<'_>, area: Rect, columns: usize) -> Position {
    let place = editor.place(columns);
    let first = first_row(editor, area.height, columns);
    let lines = editor.lines().iter().flat_map(|line| wrap(line, columns).into_iter().map(|range| &line[range]));
    for (row, line) in (0..area.height).zip(lines.skip(first)) {
        let shown = safe_line(line).into_owned();
        frame.render_widget(Line::from(shown), Rect { y: area.y + row, height: 1, ..area });
    }
    let cell = |n: usize, max: u16| u16::try_from(n).unwrap_or(u16::MAX).min(max.saturating_sub(1));
    Position::new(area.x + cell(place.col, area.width), area.y + cell(place.row - first, area.height))
}

/// The first visible line of a text that is being edited.
pub(crate) fn first_row(editor: &Editor, height: u16, columns: usize) -> usize {
    (editor.place(columns).row + 1).saturating_sub(usize::from(height.max(1)))
}
