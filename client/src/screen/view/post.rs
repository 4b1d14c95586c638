//! One entry of the timeline as lines: where the nick stands, where the text wraps, what is marked in it.

use std::ops::Range;

use hubbub_protocol::{event::PostKind, id::UnixMs};
use jiff::tz::TimeZone;
use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use crate::{
    safe::safe_line,
    screen::{
        state::{
            mention::named,
            pending::{Fate, Pending},
            timeline::{Body, Entry},
        },
        text::{fit, width, wrap},
        theme::Theme,
        view::time,
    },
};

/// From this width on nicks stand in a column of their own, below on a line of their own.
const COLUMNS_FROM: usize = 44;
/// Names of those who came or left that are listed.
const MOVES_LISTED_MAX: usize = 6;

/// How a timeline looks.
#[derive(Debug, Clone)]
pub(crate) struct Look<'a> {
    /// Its styles.
    pub(crate) theme: Theme,
    /// Its clock.
    pub(crate) zone: &'a TimeZone,
    /// The time now, for the names of days.
    pub(crate) now: UnixMs,
    /// Its width in cells.
    pub(crate) width: usize,
    /// The user's nick.
    pub(crate) nick: &'a str,
}

/// What stands before the text of an entry.
struct Head<'a> {
    time: String,
    nick: String,
    nick_style: Style,
    /// Drawn without nick, below one by the same person.
    grouped: bool,
    look: &'a Look<'a>,
}

impl Look<'_> {
    fn nick_columns(&self) -> usize {
        match self.width {
            0..COLUMNS_FROM => 0,
            COLUMNS_FROM..56 => 8,
            56..80 => 10,
            80..120 => 14,
            _ => 18,
        }
    }

    /// The cells that a text may take.
    pub(crate) fn text_columns(&self) -> usize {
        let nick = self.nick_columns();
        // time, space, nick, space, rule, space
        if nick == 0 { self.width.saturating_sub(1) } else { self.width.saturating_sub(nick + 9) }
    }
}

/// Whether an entry continues the one before: same person, same minute or nearly.
pub(crate) fn continues(before: Option<(&str, UnixMs)>, nick: &str, at: UnixMs) -> bool {
    const GROUP_MS: u64 = 300_000;
    before.is_some_and(|(from, then)| from == nick && at.saturating_sub(then) < GROUP_MS)
}

/// Who said an entry, if it is one that the next may continue.
pub(crate) fn speaker(entry: &Entry) -> Option<(&str, UnixMs)> {
    match &entry.body {
        Body::Post { from, kind: PostKind::Text, .. } => Some((from.as_str(), entry.at)),
        _ => None,
    }
}

/// The lines of an entry.
pub(crate) fn entry_lines(look: &Look<'_>, entry: &Entry, grouped: bool) -> Vec<Line<'static>> {
    let theme = look.theme;
    let clock = time::clock(entry.at, look.zone);
    match &entry.body {
        Body::Post { from, kind, text, mention } => {
            let style = theme.nick(from.as_str());
            let rule = if *mention { theme.mention() } else { theme.quiet() };
            said(
                look,
                Said { at: clock, from: from.as_str(), kind: *kind, text, style, base: Style::new(), rule, grouped },
            )
        }
        Body::Topic { from, topic } => {
            let text = if topic.is_empty() {
                format!("{from} took the topic away")
            } else {
                format!("{from} changed the topic to: {topic}")
            };
            aside(look, clock, "--", &text, theme.quiet())
        }
        Body::Moves { came, left, renamed } => {
            aside(look, clock, "--", &moves_text(came, left, renamed), theme.quiet())
        }
        Body::Notice { text, bad } => aside(look, clock, "--", text, if *bad { theme.bad() } else { Style::new() }),
    }
}

/// The lines of a post that is not in the log yet.
pub(crate) fn pending_lines(look: &Look<'_>, post: &Pending, grouped: bool) -> Vec<Line<'static>> {
    let theme = look.theme;
    let text = crate::safe::safe(&post.text);
    let (base, mark) = match &post.fate {
        Fate::Waiting { .. } => (theme.quiet(), "  …  "),
        Fate::Stored { .. } => (Style::new(), "     "),
        Fate::Failed { .. } => (theme.quiet(), "  ✗  "),
    };
    let style = theme.nick(look.nick).patch(base);
    let from = look.nick;
    let mut lines = said(
        look,
        Said { at: mark.to_owned(), from, kind: post.kind, text: &text, style, base, rule: theme.quiet(), grouped },
    );
    match &post.fate {
        Fate::Waiting { held: Some(reason) } => {
            lines.extend(aside(look, String::new(), "", &format!("waits: {}", safe_line(reason)), theme.warn()));
        }
        Fate::Failed { reason } => {
            let text = format!("✗ {} — Alt-R or click: send again, Alt-X: discard", safe_line(reason));
            lines.extend(aside(look, String::new(), "", &text, theme.bad()));
        }
        Fate::Waiting { held: None } | Fate::Stored { .. } => {}
    }
    lines
}

/// A line across the timeline with words in its middle.
pub(crate) fn rule_line(look: &Look<'_>, words: &str, style: Style) -> Line<'static> {
    let words = fit(words, look.width.saturating_sub(4));
    let free = look.width.saturating_sub(width(&words) + 2);
    let (left, right) = (free / 2, free - free / 2);
    Line::from(Span::styled(format!("{} {words} {}", "─".repeat(left), "─".repeat(right)), style))
}

/// Something that was said.
struct Said<'a> {
    at: String,
    from: &'a str,
    kind: PostKind,
    text: &'a str,
    style: Style,
    base: Style,
    rule: Style,
    grouped: bool,
}

fn said(look: &Look<'_>, said: Said<'_>) -> Vec<Line<'static>> {
    let from = safe_line(said.from).into_owned();
    if said.kind == PostKind::Action {
        let text = format!("{from} {}", said.text);
        let mut marks = marks(&text, look);
        marks.insert(0, (0..from.len(), said.style));
        let head = Head { time: said.at, nick: "*".to_owned(), nick_style: said.style, grouped: false, look };
        return laid(&head, &text, said.base.add_modifier(Modifier::ITALIC), said.rule, &marks);
    }
    let head = Head { time: said.at, nick: from, nick_style: said.style, grouped: said.grouped, look };
    laid(&head, said.text, said.base, said.rule, &marks(said.text, look))
}

/// Something that is not said by anybody.
fn aside(look: &Look<'_>, at: String, sign: &str, text: &str, style: Style) -> Vec<Line<'static>> {
    let quiet = look.theme.quiet();
    let head = Head { time: at, nick: sign.to_owned(), nick_style: quiet, grouped: sign.is_empty(), look };
    laid(&head, text, style, quiet, &marks(text, look))
}

/// Puts a text beside its head, or below it where that is narrow.
fn laid(head: &Head<'_>, text: &str, style: Style, rule: Style, marks: &[(Range<usize>, Style)]) -> Vec<Line<'static>> {
    let look = head.look;
    let mut out: Vec<Line<'static>> = Vec::new();
    let nick_columns = look.nick_columns();
    let short = matches!(head.nick.as_str(), "*" | "--" | "");
    if nick_columns == 0 && !head.grouped && !short {
        let nick = fit(&head.nick, look.width.saturating_sub(8));
        let time = format!(" {}", head.time);
        out.push(Line::from(vec![Span::styled(nick, head.nick_style), Span::styled(time, look.theme.quiet())]));
    }
    let mut offset = 0;
    for line in text.split('\n') {
        let shift = if nick_columns == 0 && short && !head.nick.is_empty() { head.nick.len() + 1 } else { 0 };
        for range in wrap(line, look.text_columns().saturating_sub(shift)) {
            let first = out.is_empty();
            let mut spans = margin(head, nick_columns, shift, first, rule);
            let shown = line[range.clone()].trim_end().len();
            let shown = offset + range.start..offset + range.start + shown;
            spans.extend(marked(text, shown, style, marks));
            out.push(Line::from(spans));
        }
        offset += line.len() + 1;
    }
    out
}

/// What stands left of a line of text.
fn margin(head: &Head<'_>, nick_columns: usize, shift: usize, first: bool, rule: Style) -> Vec<Span<'static>> {
    if nick_columns == 0 {
        let sign = if first && shift > 0 { format!("{} ", head.nick) } else { " ".repeat(shift) };
        return vec![Span::styled(sign, head.nick_style)];
    }
    let (time, nick) = if first {
        (format!("{:>5} ", head.time), if head.grouped { String::new() } else { fit(&head.nick, nick_columns) })
    } else {
        (" ".repeat(6), String::new())
    };
    let pad = " ".repeat(nick_columns.saturating_sub(width(&nick)));
    let theme = head.look.theme;
    vec![
        Span::styled(time, theme.quiet()),
        Span::raw(pad),
        Span::styled(nick, head.nick_style),
        Span::styled(" │ ", rule),
    ]
}

/// A part of a text with its marks.
fn marked(text: &str, part: Range<usize>, style: Style, marks: &[(Range<usize>, Style)]) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let mut at = part.start;
    for (range, mark) in marks {
        let (start, end) = (range.start.clamp(at, part.end.max(at)), range.end.min(part.end));
        if start >= end {
            continue;
        }
        spans.push(Span::styled(text[at..start].to_owned(), style));
        spans.push(Span::styled(text[start..end].to_owned(), style.patch(*mark)));
        at = end;
    }
    spans.push(Span::styled(text[at..part.end].to_owned(), style));
    spans.retain(|span| !span.content.is_empty());
    spans
}

/// What is marked in a text: addresses of pages and the user's nick, in order.
fn marks(text: &str, look: &Look<'_>) -> Vec<(Range<usize>, Style)> {
    let mut marks = Vec::new();
    let mut offset = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        if let Some(at) = bare.find("https://").or_else(|| bare.find("http://")) {
            marks.push((offset + at..offset + bare.len(), look.theme.link()));
        } else {
            let named = named(bare, look.nick).into_iter();
            marks.extend(named.map(|range| (offset + range.start..offset + range.end, look.theme.mention())));
        }
        offset += word.len();
    }
    marks
}

fn moves_text(came: &[String], left: &[String], renamed: &[(String, String)]) -> String {
    let list = |names: &[String], verb: &str| {
        let shown: Vec<&str> = names.iter().take(MOVES_LISTED_MAX).map(String::as_str).collect();
        let more = names.len().saturating_sub(MOVES_LISTED_MAX);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!names.is_empty()).then(|| format!("{}{rest} {verb}", shown.join(", ")))
    };
    let renamed = renamed.iter().take(MOVES_LISTED_MAX).map(|(was, is)| format!("{was} is now {is}"));
    [list(came, "came"), list(left, "left")].into_iter().flatten().chain(renamed).collect::<Vec<_>>().join(" · ")
}
