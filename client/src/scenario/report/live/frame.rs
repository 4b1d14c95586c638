//! The frame of the view: what a person wants to know while it runs, in ten lines.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, BorderType, Paragraph, Sparkline, Widget as _},
};

use super::{
    super::{
        number::{bytes, count, percent, rate, time_ms, time_us},
        progress::Progress,
        sample::Sample,
        text::{cells, cut, left},
    },
    plain::elapsed_ms,
};

/// Lines of the frame.
pub(super) const HEIGHT: u16 = 10;
/// Narrower terminals get plain lines.
pub(super) const WIDTH_MIN: u16 = 50;
/// Wider ones leave the rest empty.
const WIDTH_MAX: u16 = 110;
/// Seconds of the past that are kept.
const PAST_MAX: usize = 120;
/// Cells of the names at the left side.
const LABEL_CELLS: usize = 13;
/// Cells of the figures, before the curve of the past.
const FIGURE_CELLS: u16 = 45;

/// The view's own memory: the last two minutes, a value a second.
#[derive(Debug)]
pub(super) struct Frame {
    colour: bool,
    second: Option<u64>,
    posts: Vec<u64>,
    deliveries: Vec<u64>,
    p99_us: Vec<u64>,
}

impl Frame {
    pub(super) fn new(colour: bool) -> Self {
        Self { colour, second: None, posts: Vec::new(), deliveries: Vec::new(), p99_us: Vec::new() }
    }

    /// Remembers what the curves show.
    pub(super) fn take(&mut self, sample: &Sample) {
        let second = sample.at.0 / 1_000_000_000;
        if self.second == Some(second) {
            return;
        }
        self.second = Some(second);
        let values = [sample.posts_per_s as u64, sample.deliveries_per_s as u64, sample.p99_us];
        for (past, value) in [&mut self.posts, &mut self.deliveries, &mut self.p99_us].into_iter().zip(values) {
            if past.len() == PAST_MAX {
                past.remove(0);
            }
            past.push(value);
        }
    }

    /// The lines for a terminal of that width, each with its cells.
    pub(super) fn draw(&self, sample: &Sample, progress: &Progress, width: u16) -> Vec<(String, usize)> {
        // one column stays free: a line that fills the last one may be broken
        let area = Rect::new(0, 0, width.saturating_sub(1).clamp(1, WIDTH_MAX), HEIGHT);
        let mut buffer = Buffer::empty(area);
        self.render(sample, progress, &mut buffer);
        (0..area.height).map(|y| line(&buffer, y)).collect()
    }

    fn render(&self, sample: &Sample, progress: &Progress, buffer: &mut Buffer) {
        let area = buffer.area;
        let elapsed = format!(" {} ", time_ms(elapsed_ms(sample)));
        let room = usize::from(area.width).saturating_sub(cells(&elapsed) + 6);
        let title = format!(" {} ", cut(&progress.name, room));
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(self.quiet())
            .title(Line::styled(title, self.strong()))
            .title(Line::styled(elapsed, self.quiet()).right_aligned());
        let inner = block.inner(area);
        block.render(area, buffer);
        let lines = self.lines(sample, progress, usize::from(inner.width));
        Paragraph::new(lines).render(inner, buffer);
        for (row, past) in [(3, &self.posts), (4, &self.deliveries), (5, &self.p99_us)] {
            self.curve(buffer, inner, row, past);
        }
    }

    /// What stands inside, one line for each matter.
    fn lines(&self, sample: &Sample, progress: &Progress, width: usize) -> Vec<Line<'static>> {
        let room = width.saturating_sub(LABEL_CELLS + 2);
        let failed = progress.findings.iter().filter(|finding| !finding.held).count() as u64;
        let held = progress.findings.len() as u64 - failed;
        let online = format!("{} of {} online", count(sample.online), count(sample.people.max(progress.people)));
        let mut checks = vec![Span::raw(format!("{} held", count(held)))];
        let bad = |n: u64, what: &str| {
            let style = if n > 0 { self.bad() } else { self.quiet() };
            Span::styled(format!(" · {} {what}", count(n)), style)
        };
        checks.extend([bad(failed, "failed"), bad(sample.breaches, "breaches")]);
        vec![
            self.line("Phase", vec![Span::raw(cut(&phase(progress), room))]),
            self.line("Step", vec![Span::raw(cut(&progress.steps.join(" · "), room))]),
            self.line("Clients", vec![Span::raw(cut(&format!("{online}{}", troubles(sample)), room))]),
            self.line("Posts", vec![self.lead(&rate(sample.posts_per_s)), Span::raw(posts(sample))]),
            self.line(
                "Receipts",
                vec![self.lead(&rate(sample.deliveries_per_s)), Span::raw(count(sample.totals.delivered))],
            ),
            self.line("Latency", vec![Span::raw(cut(&latency(sample), room))]),
            self.line("CPU, memory", vec![Span::raw(cut(&costs(sample, progress), room))]),
            self.line("Checks", checks),
        ]
    }

    fn line(&self, label: &str, spans: Vec<Span<'static>>) -> Line<'static> {
        let mut all = vec![Span::styled(format!(" {}", left(label, LABEL_CELLS)), self.quiet())];
        all.extend(spans);
        Line::from(all)
    }

    /// A figure that is looked at first.
    fn lead(&self, text: &str) -> Span<'static> {
        Span::styled(left(text, 12), self.strong())
    }

    /// The past at the right side, where there is room.
    fn curve(&self, buffer: &mut Buffer, inner: Rect, row: u16, past: &[u64]) {
        let begin = u16::try_from(LABEL_CELLS).unwrap_or(0) + 1 + FIGURE_CELLS;
        let Some(width) = inner.width.checked_sub(begin + 1).filter(|width| *width >= 8) else {
            return;
        };
        let newest = past.get(past.len().saturating_sub(usize::from(width))..).unwrap_or_default();
        let style = if self.colour { Style::new().fg(Color::Cyan) } else { Style::new() };
        let area = Rect::new(inner.x + begin, inner.y + row, width, 1);
        Sparkline::default().data(newest).style(style).render(area, buffer);
    }

    fn quiet(&self) -> Style {
        if self.colour { Style::new().add_modifier(Modifier::DIM) } else { Style::new() }
    }

    fn strong(&self) -> Style {
        if self.colour { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() }
    }

    fn bad(&self) -> Style {
        if self.colour { Style::new().fg(Color::Red).add_modifier(Modifier::BOLD) } else { Style::new() }
    }
}

fn phase(progress: &Progress) -> String {
    match progress.ending {
        Some(ending) => ending.words().to_owned(),
        None => progress.phase.clone().unwrap_or_else(|| "–".to_owned()),
    }
}

fn troubles(sample: &Sample) -> String {
    let totals = &sample.totals;
    let all =
        [(totals.resumed, "resumed"), (totals.connections_lost, "lost"), (totals.connect_failed, "attempts failed")];
    all.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(" · {} {what}", count(n))).collect()
}

fn posts(sample: &Sample) -> String {
    let totals = &sample.totals;
    let refused = totals.refused.values().fold(0, |sum: u64, n| sum.saturating_add(*n));
    let refused = if refused > 0 { format!(" · {} refused", count(refused)) } else { String::new() };
    format!("{} accepted{refused}", count(totals.accepted))
}

fn latency(sample: &Sample) -> String {
    if sample.max_us == 0 {
        return "–".to_owned();
    }
    let times = [("p50", sample.p50_us), ("p99", sample.p99_us), ("max", sample.max_us)];
    times.map(|(name, us)| left(&format!("{name} {}", time_us(us as f64)), 14)).concat().trim_end().to_owned()
}

/// Of the server, where it can be watched, and of the load side.
fn costs(sample: &Sample, progress: &Progress) -> String {
    let server =
        progress.server.map(|look| format!("server {:.2} cores, {} · ", look.cores, bytes(look.memory_bytes as f64)));
    format!("{}load side {} of a core", server.unwrap_or_default(), percent(sample.busy_share))
}

/// One row as text with colours, and its cells.
fn line(buffer: &Buffer, y: u16) -> (String, usize) {
    let mut text = String::new();
    let mut current = Style::new().fg(Color::Reset);
    let mut skip = 0;
    for x in 0..buffer.area.width {
        let Some(cell) = buffer.cell((x, y)) else {
            continue;
        };
        // the second cell of a wide character is drawn by the first
        if skip > 0 {
            skip -= 1;
            continue;
        }
        let style = Style::new().fg(cell.fg).add_modifier(cell.modifier);
        if style != current {
            text.push_str(&sgr(style));
            current = style;
        }
        skip = cells(cell.symbol()).saturating_sub(1);
        text.push_str(if cell.symbol() == "\u{a0}" { " " } else { cell.symbol() });
    }
    if current != Style::new().fg(Color::Reset) {
        text.push_str("\x1b[0m");
    }
    (text, usize::from(buffer.area.width))
}

/// The few looks that the frame has.
fn sgr(style: Style) -> String {
    let mut codes = String::from("\x1b[0");
    for (modifier, code) in [(Modifier::BOLD, ";1"), (Modifier::DIM, ";2")] {
        if style.add_modifier.contains(modifier) {
            codes.push_str(code);
        }
    }
    match style.fg {
        Some(Color::Red) => codes.push_str(";31"),
        Some(Color::Cyan) => codes.push_str(";36"),
        _ => {}
    }
    codes.push('m');
    codes
}
