//! The log as lines: what is visible, how scrolling moves it, what was clicked.
//!
//! Only what is visible is laid out, from the place where the view is anchored; so the cost is that of a
//! page, however long the log.

use ratatui::{
    Frame,
    layout::{Alignment, Rect},
    style::Modifier,
    text::{Line, Span},
};

use crate::screen::{
    state::{
        State,
        room::Room,
        timeline::{Key, Loading, View},
    },
    text::width,
    view::{
        frame::areas,
        post::{self, Look},
        time,
    },
};

/// A line of the timeline and what it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What it belongs to.
    pub(crate) key: Key,
    /// What is drawn.
    pub(crate) line: Line<'static>,
}

/// A place in the timeline: an item (0 is the line above the oldest entry) and a line in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    item: usize,
    line: usize,
}

/// What of the timeline is visible, in items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visible {
    /// The items above the first visible one.
    pub(crate) above: usize,
    /// The items below the last visible one.
    pub(crate) below: usize,
}

/// A timeline laid out in an area.
pub(crate) struct Layout<'a> {
    room: &'a Room,
    look: Look<'a>,
    height: usize,
}

impl<'a> Layout<'a> {
    /// The timeline of the room in front, as the screen is now.
    pub(crate) fn of(state: &'a State) -> Option<Self> {
        let area = areas(state).timeline;
        let look = Look {
            theme: state.theme,
            zone: &state.zone,
            now: state.now,
            // a cell stays free between text and edge
            width: usize::from(area.width.saturating_sub(1)),
            nick: state.nick(),
        };
        state.room().map(|room| Self { room, look, height: usize::from(area.height) })
    }

    fn items(&self) -> usize {
        1 + self.room.timeline.entries().len() + self.room.pending.len()
    }

    fn key(&self, item: usize) -> Key {
        let entries = self.room.timeline.entries();
        let Some(index) = item.checked_sub(1) else { return Key::Top };
        match entries.get(index) {
            Some(entry) => entry.key,
            None => self.room.pending.get(index - entries.len()).map_or(Key::Top, |post| Key::Pending(post.id)),
        }
    }

    fn find(&self, key: Key) -> Option<usize> {
        match key {
            Key::Top => Some(0),
            Key::Pending(id) => {
                let at = self.room.pending.iter().position(|post| post.id == id)?;
                Some(1 + self.room.timeline.entries().len() + at)
            }
            Key::Event(_) | Key::Local(_) => self.room.timeline.find(key).map(|at| at + 1),
        }
    }

    /// The lines of an item, with the day and the unread line where they come before it.
    fn block(&self, item: usize) -> Vec<Line<'static>> {
        let entries = self.room.timeline.entries();
        let Some(index) = item.checked_sub(1) else { return self.top() };
        let Some(entry) = entries.get(index) else { return self.pending(index - entries.len()) };
        let before = index.checked_sub(1).and_then(|at| entries.get(at));
        let mut lines = Vec::new();
        let day = time::day(entry.at, self.look.zone);
        if before.is_none_or(|before| time::day(before.at, self.look.zone) != day) {
            let name = time::day_name(day, time::day(self.look.now, self.look.zone));
            lines.push(post::rule_line(&self.look, &name, self.look.theme.quiet()));
        }
        if self.is_unread_line(index, entry.key) {
            lines.push(post::rule_line(&self.look, "new", self.look.theme.unread_line()));
        }
        let speaker = before.filter(|_| lines.is_empty()).and_then(post::speaker);
        let grouped = post::speaker(entry).is_some_and(|(nick, at)| post::continues(speaker, nick, at));
        lines.extend(post::entry_lines(&self.look, entry, grouped));
        lines
    }

    fn pending(&self, at: usize) -> Vec<Line<'static>> {
        use hubbub_protocol::event::PostKind::Text;
        let Some(post) = self.room.pending.get(at) else { return Vec::new() };
        let speaker = match at.checked_sub(1).and_then(|at| self.room.pending.get(at)) {
            Some(before) => Some((self.look.nick, before.at)).filter(|_| before.kind == Text),
            None => self.room.timeline.entries().back().and_then(post::speaker),
        };
        let grouped = post.kind == Text && post::continues(speaker, self.look.nick, post.at);
        post::pending_lines(&self.look, post, grouped)
    }

    /// The line above the oldest entry.
    fn top(&self) -> Vec<Line<'static>> {
        let timeline = &self.room.timeline;
        let quiet = self.look.theme.quiet();
        let centered = |text: String| Line::from(Span::styled(text, quiet)).alignment(Alignment::Center);
        if self.room.epoch.is_none() {
            return vec![centered(format!("joining #{}…", self.room.name))];
        }
        match &timeline.loading {
            _ if timeline.has_beginning() => vec![centered(format!("beginning of #{}", self.room.name))],
            Loading::Failed(why) => vec![centered(format!("older posts did not come: {why}"))],
            Loading::Asked(_) | Loading::Idle => vec![centered("loading…".to_owned())],
        }
    }

    /// Whether reading stopped right before this entry.
    fn is_unread_line(&self, index: usize, key: Key) -> bool {
        let (Some(marker), Key::Event(seq)) = (self.room.marker, key) else { return false };
        let mut before = self.room.timeline.entries().range(..index).rev();
        let before = before.find_map(|entry| if let Key::Event(seq) = entry.key { Some(seq) } else { None });
        seq > marker && before.map_or(seq == marker + 1, |before| before <= marker)
    }

    /// The first visible place when the view is at the newest.
    fn last_page(&self) -> Place {
        let mut free = self.height;
        for item in (0..self.items()).rev() {
            let lines = self.block(item).len();
            if lines >= free {
                return Place { item, line: lines - free };
            }
            free -= lines;
        }
        Place { item: 0, line: 0 }
    }

    /// The first visible place.
    fn top_place(&self) -> Place {
        let last = self.last_page();
        match self.room.timeline.view {
            View::Follow => last,
            View::At { key, line } => self.find(key).map_or(last, |item| {
                let line = line.min(self.block(item).len().saturating_sub(1));
                Place { item, line }.min(last)
            }),
        }
    }

    /// The visible rows from the first on; fewer than the height when there are no more.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let top = self.top_place();
        let mut rows = Vec::with_capacity(self.height);
        for item in top.item..self.items() {
            let skip = if item == top.item { top.line } else { 0 };
            let key = self.key(item);
            rows.extend(self.block(item).into_iter().skip(skip).map(|line| Row { key, line }));
            if rows.len() >= self.height {
                break;
            }
        }
        rows.truncate(self.height);
        rows
    }

    /// What is above and below.
    pub(crate) fn visible(&self) -> Visible {
        let top = self.top_place();
        let mut used = 0;
        let mut item = top.item;
        while item < self.items() && used < self.height {
            used += self.block(item).len() - if item == top.item { top.line } else { 0 };
            item += 1;
        }
        Visible { above: top.item, below: self.items() - item }
    }

    /// Where the view is after scrolling by so many lines; negative is towards the old.
    pub(crate) fn scrolled(&self, lines: isize) -> View {
        let top = self.top_place();
        self.view_at(if lines < 0 { self.up(top, lines.unsigned_abs()) } else { self.down(top, lines.unsigned_abs()) })
    }

    /// The last visible line, as long as there is a full page; to come back to it by [`Layout::with_bottom`].
    pub(crate) fn bottom(&self) -> Option<(Key, usize)> {
        let place = self.down(self.top_place(), self.height.saturating_sub(1));
        (self.rows().len() == self.height).then(|| (self.key(place.item), place.line))
    }

    /// The view that has this line as its last one.
    pub(crate) fn with_bottom(&self, (key, line): (Key, usize)) -> Option<View> {
        let item = self.find(key)?;
        Some(self.view_at(self.up(Place { item, line }, self.height.saturating_sub(1))))
    }

    fn up(&self, mut place: Place, lines: usize) -> Place {
        let mut left = lines;
        while left > place.line && place.item > 0 {
            left -= place.line + 1;
            place.item -= 1;
            place.line = self.block(place.item).len().saturating_sub(1);
        }
        Place { line: place.line.saturating_sub(left), ..place }
    }

    fn down(&self, mut place: Place, lines: usize) -> Place {
        let mut left = lines;
        let mut length = self.block(place.item).len();
        while left > 0 && place.line + left >= length && place.item + 1 < self.items() {
            left -= length - place.line;
            place = Place { item: place.item + 1, line: 0 };
            length = self.block(place.item).len();
        }
        Place { line: (place.line + left).min(length.saturating_sub(1)), ..place }
    }

    /// The view that begins with the unread line, or with the oldest line where that is not in memory.
    pub(crate) fn at_unread(&self, marker: u64) -> View {
        let here = marker + 1 >= self.room.timeline.start();
        let item = self.find(Key::Event(marker + 1)).filter(|_| here).unwrap_or_default();
        self.view_at(Place { item, line: 0 })
    }

    /// Whether the unread line is above what is visible.
    pub(crate) fn unread_is_above(&self) -> bool {
        let Some(marker) = self.room.marker.filter(|marker| *marker < self.room.timeline.end()) else { return false };
        let top = self.top_place();
        marker + 1 < self.room.timeline.start()
            || self.find(Key::Event(marker + 1)).is_some_and(|item| Place { item, line: 0 } < top)
    }

    /// The view at the oldest line in memory.
    pub(crate) fn oldest(&self) -> View {
        self.view_at(Place { item: 0, line: 0 })
    }

    fn view_at(&self, place: Place) -> View {
        let last = self.last_page();
        if place >= last && self.room.timeline.has_newest() {
            return View::Follow;
        }
        let place = place.min(last);
        View::At { key: self.key(place.item), line: place.line }
    }

    /// The lines of a page.
    pub(crate) fn page(&self) -> isize {
        isize::try_from(self.height.saturating_sub(2).max(1)).unwrap_or(1)
    }
}

/// What is at a row of the timeline's area.
pub(crate) fn key_at(state: &State, row: u16) -> Option<Key> {
    let layout = Layout::of(state)?;
    let rows = layout.rows();
    let blank = layout.height.saturating_sub(rows.len());
    rows.get(usize::from(row).checked_sub(blank)?).map(|row| row.key)
}

/// How many events came below what is visible.
pub(crate) fn new_below(room: &Room) -> u64 {
    if room.timeline.follows() { 0 } else { room.unread() }
}

/// Draws the timeline; what is less than a page stands at the bottom, by the composer.
pub(crate) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let Some(layout) = Layout::of(state) else {
        let text = Line::from(Span::styled("You are in no room. Ctrl-K finds one.", state.theme.quiet()));
        let middle = Rect { y: area.y + area.height / 2, height: 1, ..area };
        return frame.render_widget(text.alignment(Alignment::Center), middle);
    };
    let rows = layout.rows();
    let blank = area.height.saturating_sub(u16::try_from(rows.len()).unwrap_or(u16::MAX));
    for (index, row) in (0..).zip(rows) {
        let place = Rect { y: area.y + blank + index, height: 1, ..area };
        frame.render_widget(row.line, place);
    }
    if layout.unread_is_above() && !layout.room.marker_seen {
        draw_hint(state, frame, Rect { height: 1, ..area }, " ↑ new since you left: Alt-U ");
    }
    draw_below(state, frame, area);
}

/// The reminder that the view is not at the newest.
fn draw_below(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let Some(room) = state.room().filter(|room| !room.timeline.follows()) else { return };
    let text = match new_below(room) {
        0 => " ↓ newest: Esc ".to_owned(),
        count => format!(" ↓ {count} new below: Esc "),
    };
    draw_hint(state, frame, Rect { y: area.bottom() - 1, height: 1, ..area }, &text);
}

/// Words at the right end of a line of the timeline, over what is there.
fn draw_hint(state: &State, frame: &mut Frame<'_>, line: Rect, text: &str) {
    let wide = u16::try_from(width(text)).unwrap_or(line.width).min(line.width);
    let place = Rect { x: line.right() - wide, width: wide, ..line };
    let style = state.theme.accent().add_modifier(Modifier::REVERSED);
    frame.render_widget(Line::from(Span::styled(text.to_owned(), style)), place);
}
