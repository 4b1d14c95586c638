//! The first screen: a greeting and two fields.

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use crate::safe::safe_line;
use crate::screen::{
    state::{
        State,
        editor::Editor,
        setup::{Field, Setup},
        status::Connection,
    },
    view::{composer::draw_text, time},
};

/// The cells of the names of the fields.
const LABEL_COLUMNS: u16 = 8;

/// Where the fields are: server, nick.
pub(crate) fn fields(state: &State) -> [Rect; 2] {
    let area = area(state);
    [3, 5].map(|row| Rect::new(area.x + LABEL_COLUMNS, area.y + row, area.width - LABEL_COLUMNS, 1))
}

fn area(state: &State) -> Rect {
    let (columns, rows) = (state.size.width, state.size.height);
    let width = columns.saturating_sub(4).clamp(20, 60);
    let y = rows.saturating_sub(12) / 3;
    Rect::new(columns.saturating_sub(width) / 2, y, width, rows.saturating_sub(y))
}

/// Draws it.
pub(crate) fn draw(state: &State, setup: &Setup, frame: &mut Frame<'_>) {
    let area = area(state).intersection(frame.area());
    let theme = state.theme;
    let line = |row: u16, line: Line<'static>, frame: &mut Frame<'_>| {
        let place = Rect { y: area.y + row, height: 1, ..area }.intersection(frame.area());
        frame.render_widget(line, place);
    };
    line(0, Line::from(Span::styled("Welcome to Hubbub", theme.accent())), frame);
    line(1, Line::from(Span::styled("Where do you want to talk, and as whom?", theme.quiet())), frame);
    let [server, nick] = fields(state);
    field(state, setup, Field::Server, &setup.server, server, frame);
    field(state, setup, Field::Nick, &setup.nick, nick, frame);
    line(7, Line::from(Span::styled("Enter: connect   Tab: other field   Ctrl-Q: quit", theme.quiet())), frame);
    let (text, style) = message(state, setup);
    let place = Rect { y: area.y + 9, height: area.height.saturating_sub(9), ..area }.intersection(frame.area());
    frame.render_widget(Paragraph::new(Span::styled(text, style)).wrap(Wrap { trim: true }), place);
}

fn field(state: &State, setup: &Setup, which: Field, editor: &Editor, place: Rect, frame: &mut Frame<'_>) {
    let theme = state.theme;
    let active = setup.field == which;
    let (label, style) = match which {
        Field::Server => ("Server", if active { theme.accent() } else { theme.quiet() }),
        Field::Nick => ("Nick", if active { theme.accent() } else { theme.quiet() }),
    };
    let head = Rect { x: place.x - LABEL_COLUMNS, width: LABEL_COLUMNS, ..place };
    frame.render_widget(Line::from(Span::styled(label, style)), head);
    let cursor = draw_text(editor, frame, place, usize::from(place.width - 1));
    let under = Rect { y: place.y + 1, ..place };
    let rule = "─".repeat(usize::from(place.width));
    frame.render_widget(Line::from(Span::styled(rule, if active { theme.accent() } else { theme.quiet() })), under);
    if active && !setup.busy {
        frame.set_cursor_position(cursor);
    }
}

/// How it stands with connecting.
fn message(state: &State, setup: &Setup) -> (String, Style) {
    let theme = state.theme;
    if let Some(error) = &setup.error {
        return (safe_line(error).into_owned(), theme.bad());
    }
    match &state.status.connection {
        Connection::Waiting { reason, retry_at } if setup.busy => {
            let wait = time::span(retry_at.saturating_sub(state.now));
            (format!("{} — trying again in {wait}. Esc: change the address", safe_line(reason)), theme.bad())
        }
        _ if setup.busy => ("Connecting… Esc: stop".to_owned(), theme.warn()),
        _ => (String::new(), theme.quiet()),
    }
}
