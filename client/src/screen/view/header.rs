//! The line at the top: which room, what it is about, how many are here.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    safe::safe_line,
    screen::{
        state::State,
        text::{fit, width},
        view::frame::areas,
    },
};

/// Draws it.
pub(crate) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let Some(room) = state.room() else {
        frame.render_widget(Line::from(Span::styled("Hubbub", state.theme.strong())), area);
        return;
    };
    let space = usize::from(area.width);
    let right = aside(state);
    let name = fit(&format!("#{}", room.name), space.saturating_sub(width(&right) + 1));
    let mut left = vec![Span::styled(name.clone(), state.theme.accent())];
    let free = space.saturating_sub(width(&name) + width(&right) + 1);
    if !room.topic.is_empty() && free > 6 {
        let topic = fit(&safe_line(&room.topic), free - 3);
        left.push(Span::styled("  ", state.theme.quiet()));
        left.push(Span::raw(topic));
    }
    frame.render_widget(Line::from(left), area);
    let wide = u16::try_from(width(&right)).unwrap_or(area.width).min(area.width);
    let place = Rect { x: area.right() - wide, width: wide, ..area };
    frame.render_widget(Line::from(Span::styled(right, state.theme.quiet())), place);
}

/// What stands at the right: what the folded panels would show.
fn aside(state: &State) -> String {
    let areas = areas(state);
    let mut parts = Vec::new();
    if areas.rooms.is_none() {
        let (unread, mentions) = waiting_elsewhere(state);
        match (unread, mentions) {
            (0, 0) => {}
            (unread, 0) => parts.push(format!("{unread} elsewhere")),
            (_, mentions) => parts.push(format!("@{mentions} elsewhere")),
        }
    }
    if areas.members.is_none() {
        let count = state.room().map_or(0, |room| room.members.count());
        if count > 0 {
            parts.push(format!("{count} here"));
        }
    }
    parts.iter().map(|part| format!("{part} ")).collect::<Vec<_>>().join("· ")
}

fn waiting_elsewhere(state: &State) -> (u64, u64) {
    let (unread, mentions) = state.rooms.waiting();
    let here = state.room().map_or((0, 0), |room| (room.unread(), room.mentioned()));
    (unread.saturating_sub(here.0), mentions.saturating_sub(here.1))
}
