//! Where things are on the screen, and which panels fold away when it is narrow.

use ratatui::layout::{Rect, Size};

use crate::screen::{state::State, text::wrap};

/// Below this width there is only a sentence.
pub(crate) const COLUMNS_MIN: u16 = 40;
/// Below this height there is only a sentence.
pub(crate) const ROWS_MIN: u16 = 12;

/// From this width on there is space for the rooms.
const ROOMS_FROM: u16 = 64;
/// From this width on there is space for the members too: they fold first.
const MEMBERS_FROM: u16 = 92;
/// The composer grows to this many lines, and to a third of the screen.
const COMPOSER_ROWS_MAX: u16 = 10;

/// The cells that the composer's prompt takes.
pub(crate) const PROMPT_COLUMNS: u16 = 2;

/// The parts of the screen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Areas {
    /// The room's name and topic.
    pub(crate) header: Rect,
    /// The rooms, where there is space.
    pub(crate) rooms: Option<Rect>,
    /// The log.
    pub(crate) timeline: Rect,
    /// The members, where there is space.
    pub(crate) members: Option<Rect>,
    /// The connection.
    pub(crate) status: Rect,
    /// What is being written.
    pub(crate) composer: Rect,
}

/// Whether the screen is large enough to show anything.
pub(crate) fn fits(size: Size) -> bool {
    size.width >= COLUMNS_MIN && size.height >= ROWS_MIN
}

/// The parts of the screen as it is now.
pub(crate) fn areas(state: &State) -> Areas {
    let size = Size::new(state.size.width.max(COLUMNS_MIN), state.size.height.max(ROWS_MIN));
    let rooms_width = if state.panels.rooms && size.width >= ROOMS_FROM { rooms_width(state, size) } else { 0 };
    let members_width = if state.panels.members && size.width >= MEMBERS_FROM { members_width(size) } else { 0 };
    let middle = size.width - rooms_width - members_width;
    let composer_height = composer_rows(state, size);
    let timeline_height = size.height - 2 - composer_height;
    let status_y = 1 + timeline_height;
    let panel = |x, width| (width > 0).then_some(Rect::new(x, 0, width, status_y));
    Areas {
        header: Rect::new(rooms_width, 0, middle, 1),
        rooms: panel(0, rooms_width),
        timeline: Rect::new(rooms_width, 1, middle, timeline_height),
        members: panel(rooms_width + middle, members_width),
        status: Rect::new(0, status_y, size.width, 1),
        composer: Rect::new(0, status_y + 1, size.width, composer_height),
    }
}

/// The width in which the composer's text is wrapped; a cell at the end stays free for the cursor.
pub(crate) fn composer_columns(size: Size) -> usize {
    usize::from(size.width.max(COLUMNS_MIN) - PROMPT_COLUMNS - 1)
}

fn composer_rows(state: &State, size: Size) -> u16 {
    let Some(room) = state.room() else { return 1 };
    let columns = composer_columns(size);
    let rows: usize = room.composer.editor.lines().iter().map(|line| wrap(line, columns).len()).sum();
    u16::try_from(rows).unwrap_or(u16::MAX).clamp(1, COMPOSER_ROWS_MAX.min(size.height / 3))
}

/// Wide enough for the longest name, within bounds.
fn rooms_width(state: &State, size: Size) -> u16 {
    let longest = state.rooms.iter().map(|room| crate::screen::text::width(room.name.as_str())).max().unwrap_or(0);
    let wanted = u16::try_from(longest).unwrap_or(u16::MAX).saturating_add(11);
    wanted.clamp(16, (size.width / 4).max(16))
}

fn members_width(size: Size) -> u16 {
    (size.width / 6).clamp(16, 24)
}
