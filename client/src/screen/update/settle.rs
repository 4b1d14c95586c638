//! What follows from the state after every input: what was read, what must be loaded, what has passed.

use hubbub_protocol::id::UnixMs;

use crate::{
    link::Page,
    screen::{
        state::{State, room::Room, status::Connection, timeline::Loading},
        update::Effect,
        view::{
            frame::{areas, fits},
            time,
            timeline::Layout,
        },
    },
};

/// Pages are asked for when fewer items than this are left in their direction.
const PREFETCH_ITEMS: usize = 25;

/// In rooms that are not in front, what was missed is read back until so many entries are here.
const READ_BACK_ENTRIES_MAX: usize = 500;

/// The least time between two requests for the members of a room, in milliseconds.
const MEMBERS_INTERVAL_MS: u64 = 10_000;

/// Brings everything that follows into line.
pub(super) fn settle(state: &mut State, effects: &mut Vec<Effect>) {
    expire(state);
    for room in state.rooms.iter_mut() {
        // its event may have come under another session's user, or lie in what was left out
        let log_end = room.timeline.log_end();
        room.pending.retain(|post| !post.is_in_log(log_end));
        room.timeline.find_view_again(&room.pending);
    }
    if is_reading(state)
        && let Some(room) = state.rooms.active_mut()
    {
        room.mark_read();
    }
    note_unread_line(state);
    load(state, effects);
    read_back(state, effects);
    refresh_members(state, effects);
    title(state, effects);
}

/// Whether the newest of the room in front is before somebody's eyes.
pub(super) fn is_reading(state: &State) -> bool {
    sees_rooms(state) && state.room().is_some_and(|room| room.timeline.follows())
}

/// Whether the rooms are before somebody's eyes, with nothing over them.
fn sees_rooms(state: &State) -> bool {
    state.focused && state.setup.is_none() && state.overlay.is_none() && fits(state.size)
}

/// When time alone changes what is shown.
pub(crate) fn next_wake(state: &State) -> Option<UnixMs> {
    let word = state.status.word.as_ref().map(|word| word.until);
    let typing = state.room().and_then(|room| room.typing.iter().map(|(_, until)| *until).min());
    let countdown = match &state.status.connection {
        Connection::Waiting { retry_at, .. } if *retry_at > state.now => {
            // the seconds are counted down: wake when the next one is over
            Some(state.now + ((*retry_at - state.now - 1) % 1_000) + 1)
        }
        _ => None,
    };
    let midnight = time::next_midnight(state.now, &state.zone);
    [word, typing, countdown, midnight].into_iter().flatten().min()
}

fn expire(state: &mut State) {
    let now = state.now;
    if state.status.word.as_ref().is_some_and(|word| word.until <= now) {
        state.status.word = None;
    }
    for room in state.rooms.iter_mut() {
        room.typing.retain(|(_, until)| *until > now);
    }
}

/// The unread line was on the screen: it needs no pointer to it any more.
fn note_unread_line(state: &mut State) {
    let pending = state.room().is_some_and(|room| room.marker.is_some() && !room.marker_seen);
    if !pending || !sees_rooms(state) {
        return;
    }
    let above = Layout::of(state).is_some_and(|layout| layout.unread_is_above());
    if let Some(room) = state.rooms.active_mut().filter(|room| !above && room.timeline.has_newest()) {
        room.marker_seen = room.marker.is_some_and(|marker| marker < room.timeline.end());
    }
}

/// Asks for the page of the log that the view is coming to.
fn load(state: &mut State, effects: &mut Vec<Effect>) {
    if !state.status.is_online() || state.setup.is_some() {
        return;
    }
    let Some(visible) = Layout::of(state).map(|layout| layout.visible()) else { return };
    let Some(room) = state.rooms.active_mut() else { return };
    let timeline = &mut room.timeline;
    if !room.joined || timeline.loading != Loading::Idle {
        return;
    }
    if timeline.follows() && !timeline.has_newest() {
        // the newest events are on their way by themselves
        return;
    }
    let page = if visible.above < PREFETCH_ITEMS && !timeline.has_beginning() {
        timeline.page_before()
    } else if visible.below < PREFETCH_ITEMS && !timeline.has_newest() {
        timeline.page_after()
    } else {
        return;
    };
    timeline.loading = Loading::Asked(page);
    effects.push(Effect::History(room.name.clone(), page));
}

/// Asks for what was missed in a room before the part of its log that is here, so that mentions there are counted:
/// page after page up to a bound, one room at a time.
fn read_back(state: &mut State, effects: &mut Vec<Effect>) {
    let is_asking = state.rooms.iter().any(|room| matches!(room.timeline.loading, Loading::Asked(_)));
    if is_asking || !state.status.is_online() || state.setup.is_some() {
        return;
    }
    let misses = |room: &&mut Room| {
        let timeline = &room.timeline;
        let is_whole = timeline.follows() && timeline.has_newest() && timeline.loading == Loading::Idle;
        let missed = room.unread() > 0 && room.read + 1 < timeline.start() && !timeline.has_beginning();
        room.joined && is_whole && missed && timeline.entries().len() < READ_BACK_ENTRIES_MAX
    };
    if let Some(room) = state.rooms.iter_mut().find(misses) {
        let page = room.timeline.page_before();
        room.timeline.loading = Loading::Asked(page);
        effects.push(Effect::History(room.name.clone(), page));
    }
}

/// Asks for the members where the server only told that they changed.
fn refresh_members(state: &mut State, effects: &mut Vec<Effect>) {
    if !state.status.is_online() || !fits(state.size) || areas(state).members.is_none() {
        return;
    }
    let now = state.now;
    if let Some(room) = state.rooms.active_mut().filter(|room| room.joined)
        && room.members.stale
        && now >= room.members.asked_at + MEMBERS_INTERVAL_MS
    {
        room.members.asked_at = now;
        effects.push(Effect::Members(room.name.clone()));
    }
}

fn title(state: &mut State, effects: &mut Vec<Effect>) {
    let (unread, mentions) = state.rooms.waiting();
    let waiting = match (unread, mentions) {
        (0, 0) => String::new(),
        (unread, 0) => format!("({unread}) "),
        (_, mentions) => format!("(@{mentions}) "),
    };
    let room = state.room().map(|room| format!("#{} — ", room.name)).unwrap_or_default();
    let title = format!("{waiting}{room}Hubbub");
    if title != state.title {
        effects.push(Effect::Title(title.clone()));
        state.title = title;
    }
}

/// A page can be asked for again: the view moved, or the connection is back.
pub(super) fn retry_loading(loading: &mut Loading) {
    if let Loading::Failed(_) = loading {
        *loading = Loading::Idle;
    }
}

/// Whether a page that came is the one that was asked for.
pub(super) fn is_awaited(loading: &Loading, page: Page) -> bool {
    *loading == Loading::Asked(page)
}
