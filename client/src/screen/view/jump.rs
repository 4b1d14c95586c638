//! The list of rooms to jump to, over the rooms.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    text::{Line, Span},
    widgets::{Block, BorderType},
};

use crate::{
    safe::safe_line,
    screen::{
        state::{
            State,
            jump::{Choice, ChoiceKind, Jump},
            room::Room,
        },
        text::{fit, width},
        view::composer::draw_text,
    },
};

/// Rows of the box that are not choices: edges, what is typed, a rule.
const FRAME_ROWS: u16 = 4;

/// The joined rooms as choices: those that wait for the user first, the one in front last.
pub(crate) fn joined(state: &State) -> Vec<Choice> {
    let choice = |room: &Room| Choice {
        name: room.name.clone(),
        kind: ChoiceKind::Joined { unread: room.unread(), mentions: room.mentioned() },
    };
    let front = state.room().map(|room| &room.key);
    let mut rooms: Vec<&Room> = state.rooms.iter().collect();
    rooms.sort_by_key(|room| (Some(&room.key) == front, room.mentions.is_empty(), room.unread() == 0));
    rooms.into_iter().map(choice).collect()
}

/// The box.
fn area(state: &State) -> Rect {
    let size = state.size;
    let width = size.width.saturating_sub(4).min(72);
    let height = size.height.saturating_sub(4).min(22);
    Rect::new((size.width - width) / 2, 1 + (size.height - height) / 6, width, height)
}

/// Which choice is at a place on the screen.
pub(crate) fn choice_at(state: &State, jump: &Jump, at: Position) -> Option<usize> {
    let area = area(state);
    if !area.contains(at) {
        return None;
    }
    let row = usize::from(at.y.checked_sub(area.y + 3)?);
    let index = first(jump, area) + row;
    (row < rows(area) && index < jump.choices(&joined(state)).len()).then_some(index)
}

/// Whether a place is in the box.
pub(crate) fn contains(state: &State, at: Position) -> bool {
    area(state).contains(at)
}

fn rows(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(FRAME_ROWS))
}

/// The first choice shown: such that the selected one is visible.
fn first(jump: &Jump, area: Rect) -> usize {
    (jump.selected + 1).saturating_sub(rows(area))
}

/// Draws it.
pub(crate) fn draw(state: &State, jump: &Jump, frame: &mut Frame<'_>) {
    let area = area(state).intersection(frame.area());
    super::clear(frame, area);
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(state.theme.quiet())
        .title(Span::styled(" Go to room ", state.theme.accent()))
        .title_bottom(Span::styled(" ↑ ↓ Enter Esc ", state.theme.quiet()));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    frame.render_widget(Line::from(Span::styled("› ", state.theme.accent())), Rect { height: 1, ..inner });
    let query = Rect { x: inner.x + 2, width: inner.width.saturating_sub(2), height: 1, ..inner };
    let cursor = draw_text(&jump.query, frame, query, usize::from(query.width.saturating_sub(1)));
    frame.set_cursor_position(cursor);
    let choices = jump.choices(&joined(state));
    let rule = Rect { y: inner.y + 1, height: 1, ..inner };
    frame.render_widget(Line::from(Span::styled(rule_text(jump, choices.len()), state.theme.quiet())), rule);
    let first = first(jump, area);
    for (row, (index, choice)) in (2..inner.height).zip(choices.iter().enumerate().skip(first)) {
        let place = Rect { y: inner.y + row, height: 1, ..inner };
        let line = choice_line(state, choice, usize::from(inner.width));
        let style = if index == jump.selected { state.theme.selected() } else { ratatui::style::Style::new() };
        frame.render_widget(line.style(style), place);
    }
}

fn rule_text(jump: &Jump, found: usize) -> String {
    match &jump.error {
        Some(error) => format!("the server's rooms did not come: {}", safe_line(error)),
        None if jump.loading => "asking the server for its rooms…".to_owned(),
        None if found == 0 => "type the name of a room".to_owned(),
        None => format!("{found} {}", if found == 1 { "room" } else { "rooms" }),
    }
}

fn choice_line(state: &State, choice: &Choice, columns: usize) -> Line<'static> {
    let theme = state.theme;
    let name = format!(" #{}", choice.name);
    let (right, style) = match &choice.kind {
        ChoiceKind::Joined { mentions: 0, unread: 0 } => (String::new(), theme.quiet()),
        ChoiceKind::Joined { mentions: 0, unread } => (format!("{unread} new"), theme.strong()),
        ChoiceKind::Joined { mentions, .. } => (format!("@{mentions}"), theme.mention()),
        ChoiceKind::Listed { members, topic } => {
            let topic = fit(&safe_line(topic), columns.saturating_sub(width(&name) + 16));
            (format!("{topic}  {members} here"), theme.quiet())
        }
        ChoiceKind::New => ("create".to_owned(), theme.accent()),
    };
    let name = fit(&name, columns.saturating_sub(width(&right) + 2));
    let pad = " ".repeat(columns.saturating_sub(width(&name) + width(&right) + 1));
    Line::from(vec![Span::raw(name), Span::raw(pad), Span::styled(right, style), Span::raw(" ")])
}
