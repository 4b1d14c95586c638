//! The line between log and composer: the connection, the nick, who is typing, passing words.

use ratatui::{
    Frame,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use crate::{
    safe::safe_line,
    screen::{
        state::{State, status::Connection},
        text::{fit, width},
        view::time,
    },
};

/// From this part of the limit on, the number of characters is shown.
const COUNTER_FROM_PERCENT: u64 = 80;
/// The most nicks that are named as typing.
const TYPING_NAMED_MAX: usize = 3;

/// Draws it.
pub(crate) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let space = usize::from(area.width);
    let (left, left_style, alarm) = connection(state);
    let base = if alarm { state.theme.alarm() } else { Style::new() };
    let right = right(state);
    let right_columns = right.as_ref().map_or(0, |(text, _)| width(text) + 2);
    // passing words matter more than the details of the connection, as long as there is one
    let left_min = if alarm { space / 3 } else { 1 };
    let left_space = space.saturating_sub(right_columns + 4).max(left_min);
    // too narrow for both: the sign alone says how it stands
    let left =
        if alarm || width(&left) <= left_space { fit(&left, left_space) } else { left.chars().take(1).collect() };
    let mut spans = vec![
        Span::styled("── ", state.theme.quiet().patch(base)),
        Span::styled(left.clone(), left_style),
        Span::styled(" ", base),
    ];
    let mut used = 4 + width(&left);
    let mut tail = Vec::new();
    if let Some((text, style)) = right {
        let text = fit(&text, space.saturating_sub(used + 2));
        used += width(&text) + 2;
        tail.push(Span::styled(format!(" {text} "), style.patch(base)));
    }
    let rule = "─".repeat(space.saturating_sub(used));
    spans.push(Span::styled(rule, state.theme.quiet().patch(base)));
    spans.append(&mut tail);
    frame.render_widget(Line::from(spans), area);
}

/// What is said about the connection, how, and whether the whole line warns.
fn connection(state: &State) -> (String, Style, bool) {
    let theme = state.theme;
    let since = |text: &str| {
        let lost = state.status.lost_at.map(|at| format!(" since {}", time::clock(at, &state.zone)));
        format!("{text}{}", lost.unwrap_or_default())
    };
    let away = if state.me.as_ref().is_some_and(|me| me.away) { " (away)" } else { "" };
    match &state.status.connection {
        Connection::None => ("○ not connected".to_owned(), theme.quiet(), false),
        Connection::Connecting { attempt: 1 } if state.status.lost_at.is_none() => {
            ("◌ connecting…".to_owned(), theme.warn(), false)
        }
        Connection::Connecting { .. } => (since("◌ offline"), theme.alarm(), true),
        Connection::Online => {
            let latency = match state.status.latency_ms {
                None => String::new(),
                Some(0) => " <1 ms".to_owned(),
                Some(ms) => format!(" {ms} ms"),
            };
            (format!("● {}{away}{latency}", state.nick()), theme.good(), false)
        }
        Connection::Waiting { retry_at, reason } => {
            let wait = time::span(retry_at.saturating_sub(state.now));
            let text = format!("{}, again in {wait}: {}", since("✗ offline"), safe_line(reason));
            (text, theme.alarm(), true)
        }
        Connection::Closed { reason } => {
            (format!("✗ disconnected: {} — /reconnect", safe_line(reason)), theme.alarm(), true)
        }
    }
}

/// What stands at the right, the most pressing first.
fn right(state: &State) -> Option<(String, Style)> {
    let theme = state.theme;
    if let Some(word) = &state.status.word {
        let style = if word.bad { theme.bad() } else { theme.strong() };
        return Some((safe_line(&word.text).into_owned(), style));
    }
    counter(state).or_else(|| unsent(state)).or_else(|| typing(state))
}

fn counter(state: &State) -> Option<(String, Style)> {
    let chars = u64::try_from(state.room()?.composer.editor.chars()).unwrap_or(u64::MAX);
    let max = state.text_chars_max;
    if chars * 100 < max * COUNTER_FROM_PERCENT {
        return None;
    }
    let style = if chars > max { state.theme.bad() } else { state.theme.warn() };
    Some((format!("{chars} of {max} characters"), style))
}

/// While there is no connection: what waits for it.
fn unsent(state: &State) -> Option<(String, Style)> {
    if state.status.is_online() {
        return None;
    }
    let waiting = state.rooms.iter().flat_map(|room| &room.pending).filter(|post| post.failure().is_none()).count();
    let noun = if waiting == 1 { "post waits" } else { "posts wait" };
    (waiting > 0).then(|| (format!("{waiting} {noun}"), state.theme.warn()))
}

fn typing(state: &State) -> Option<(String, Style)> {
    let room = state.room()?;
    let nicks: Vec<&str> = room.typing.iter().map(|(nick, _)| nick.as_str()).collect();
    let text = match nicks.as_slice() {
        [] => return None,
        [one] => format!("{one} is typing…"),
        some if some.len() <= TYPING_NAMED_MAX => format!("{} are typing…", some.join(", ")),
        many => format!("{} are typing…", many.len()),
    };
    Some((text, state.theme.quiet().add_modifier(Modifier::ITALIC)))
}
