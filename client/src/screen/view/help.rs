//! The help page: made from the tables of keys and commands.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use crate::screen::{
    keymap::{GROUPS, name},
    slash::COMMANDS,
    state::State,
    text::{width, wrap},
    theme::Theme,
};

/// The cells of the column with the keys.
const KEY_COLUMNS: usize = 24;
/// The same on a narrow screen.
const KEY_COLUMNS_NARROW: usize = 14;

/// The page as lines.
pub(crate) fn lines(theme: Theme, columns: usize) -> Vec<Line<'static>> {
    let mut out = vec![
        Line::from(Span::styled("Hubbub: keys and commands", theme.accent())),
        Line::from(Span::styled("↑ ↓ PageUp PageDown: scroll   Esc: close", theme.quiet())),
        Line::from(Span::styled("Shift with the mouse: select text, open links", theme.quiet())),
    ];
    for group in GROUPS {
        out.push(Line::default());
        out.push(Line::from(Span::styled(group.title, theme.strong())));
        for binding in group.bindings {
            let mut keys: Vec<String> = binding.keys.iter().map(|chord| name(*chord)).collect();
            keys.dedup();
            row(theme, columns, &keys.join(" "), binding.what, &mut out);
        }
    }
    out.push(Line::default());
    out.push(Line::from(Span::styled("Commands", theme.strong())));
    for command in COMMANDS {
        row(theme, columns, format!("{} {}", command.name, command.usage).trim_end(), command.what, &mut out);
    }
    row(theme, columns, "//text", "post a text that begins with a slash", &mut out);
    out
}

/// One row: keys at the left, what they do at the right, each wrapped in its column.
fn row(theme: Theme, columns: usize, keys: &str, what: &str, out: &mut Vec<Line<'static>>) {
    let left = if columns < 60 { KEY_COLUMNS_NARROW } else { KEY_COLUMNS };
    let keys: Vec<&str> = wrap(keys, left).into_iter().map(|range| keys[range].trim_end()).collect();
    let whats: Vec<&str> =
        wrap(what, columns.saturating_sub(left + 3)).into_iter().map(|range| what[range].trim_end()).collect();
    for index in 0..keys.len().max(whats.len()) {
        let key = keys.get(index).copied().unwrap_or_default();
        let pad = " ".repeat((left + 1).saturating_sub(width(key)));
        out.push(Line::from(vec![
            Span::raw("  "),
            Span::styled(key.to_owned(), theme.accent()),
            Span::raw(format!("{pad}{}", whats.get(index).copied().unwrap_or_default())),
        ]));
    }
}

/// The last line that can be the first visible one.
pub(crate) fn top_max(state: &State) -> usize {
    let area = area(state);
    lines(state.theme, usize::from(area.width)).len().saturating_sub(usize::from(area.height))
}

/// The lines of a page.
pub(crate) fn page(state: &State) -> usize {
    usize::from(area(state).height.saturating_sub(2).max(1))
}

fn area(state: &State) -> Rect {
    let width = state.size.width.saturating_sub(2).min(100);
    Rect::new((state.size.width - width) / 2, 0, width, state.size.height)
}

/// Draws it over everything.
pub(crate) fn draw(state: &State, top: usize, frame: &mut Frame<'_>) {
    super::clear(frame, frame.area());
    let area = area(state).intersection(frame.area());
    let lines = lines(state.theme, usize::from(area.width));
    let top = top.min(top_max(state));
    for (row, line) in (0..area.height).zip(lines.into_iter().skip(top)) {
        frame.render_widget(line, Rect { y: area.y + row, height: 1, ..area });
    }
}
