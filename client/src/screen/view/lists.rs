//! The panels at the sides: the rooms with what waits in them, the members with their state.

use hubbub_protocol::event::MemberState;
use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::screen::{
    state::{State, room::Room},
    text::{fit, width},
};

/// The rows above the first room: the panel's name.
const HEAD_ROWS: u16 = 1;

/// Draws the rooms.
pub(crate) fn draw_rooms(state: &State, frame: &mut Frame<'_>, area: Rect) {
    // the edge and a blank after it
    let inner = Rect { width: area.width - 2, ..area };
    draw_edge(state, frame, Rect { x: area.right() - 2, width: 1, ..area });
    frame.render_widget(Line::from(Span::styled(" Rooms", state.theme.quiet())), Rect { height: 1, ..inner });
    let first = first_room(state, area);
    for (row, (index, room)) in (HEAD_ROWS..area.height).zip(state.rooms.iter().enumerate().skip(first)) {
        let place = Rect { y: area.y + row, height: 1, ..inner };
        let active = index == state.rooms.active_index();
        frame.render_widget(room_line(state, room, index, active, usize::from(inner.width)), place);
    }
}

/// Which room a row of the panel shows.
pub(crate) fn room_at(state: &State, area: Rect, row: u16) -> Option<usize> {
    let index = first_room(state, area) + usize::from(row.checked_sub(area.y + HEAD_ROWS)?);
    (index < state.rooms.len()).then_some(index)
}

/// The first room shown: such that the one in front is visible.
fn first_room(state: &State, area: Rect) -> usize {
    let rows = usize::from(area.height.saturating_sub(HEAD_ROWS));
    (state.rooms.active_index() + 1).saturating_sub(rows)
}

fn room_line(state: &State, room: &Room, index: usize, active: bool, columns: usize) -> Line<'static> {
    let theme = state.theme;
    let unread = room.unread();
    let (count, style) = match (room.mentioned(), unread) {
        (0, 0) => (String::new(), Style::new()),
        (0, unread) => (short(unread), theme.strong()),
        (mentions, _) => (format!("@{}", short(mentions)), theme.mention()),
    };
    let failed = if room.failed() > 0 { "!" } else { "" };
    let number = if index < 9 { (index + 1).to_string() } else { " ".to_owned() };
    let right = format!("{failed}{count} ");
    let name = fit(&format!("#{}", room.name), columns.saturating_sub(width(&right) + 3));
    let pad = " ".repeat(columns.saturating_sub(width(&name) + width(&right) + 2));
    let name_style = match (active, room.joined) {
        (true, _) => theme.selected().patch(theme.strong()),
        (false, false) => theme.quiet(),
        (false, true) => style,
    };
    let base = if active { theme.selected() } else { Style::new() };
    Line::from(vec![
        Span::styled(format!("{number} "), theme.quiet().patch(base)),
        Span::styled(name, name_style),
        Span::styled(pad, base),
        Span::styled(right, if failed.is_empty() { style.patch(base) } else { theme.bad().patch(base) }),
    ])
}

/// A count in at most four cells.
fn short(count: u64) -> String {
    match count {
        0..=999 => count.to_string(),
        1_000..=99_999 => format!("{}k", count / 1_000),
        _ => "99k+".to_owned(),
    }
}

/// Draws the members.
pub(crate) fn draw_members(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let Some(room) = state.room() else { return };
    draw_edge(state, frame, Rect { width: 1, ..area });
    let inner = Rect { x: area.x + 1, width: area.width - 1, ..area };
    let count = room.members.count();
    let title = format!(" {count} {}", if count == 1 { "member" } else { "members" });
    frame.render_widget(Line::from(Span::styled(title, state.theme.quiet())), Rect { height: 1, ..inner });
    let rows = usize::from(inner.height.saturating_sub(1));
    let listed = room.members.list();
    let shown = if listed.len() > rows { rows.saturating_sub(1) } else { listed.len() };
    let mut lines: Vec<Line<'_>> =
        listed.iter().take(shown).map(|member| member_line(state, member, usize::from(inner.width))).collect();
    let more = count.saturating_sub(u64::try_from(shown).unwrap_or(0));
    if more > 0 && lines.len() < rows {
        lines.push(Line::from(Span::styled(format!(" … and {more} more"), state.theme.quiet())));
    }
    for (row, line) in (1..inner.height).zip(lines) {
        frame.render_widget(line, Rect { y: inner.y + row, height: 1, ..inner });
    }
}

fn member_line(state: &State, member: &hubbub_protocol::event::Member, columns: usize) -> Line<'static> {
    let theme = state.theme;
    let (sign, sign_style, style) = match member.state {
        MemberState::Online | MemberState::Unknown => ("●", theme.good(), theme.nick(member.nick.as_str())),
        MemberState::Away => ("◐", theme.warn(), theme.quiet()),
        MemberState::Offline | MemberState::Left => ("○", theme.quiet(), theme.quiet()),
    };
    let nick = fit(member.nick.as_str(), columns.saturating_sub(4));
    Line::from(vec![Span::styled(format!(" {sign} "), sign_style), Span::styled(nick, style)])
}

fn draw_edge(state: &State, frame: &mut Frame<'_>, area: Rect) {
    for y in area.top()..area.bottom() {
        let place = Rect { y, height: 1, ..area };
        frame.render_widget(Line::from(Span::styled("│", state.theme.quiet())), place);
    }
}
