//! Writing: edits, history, completion, and what happens when a text is sent.

use hubbub_protocol::{RoomName, event::PostKind};

use crate::link::TYPING_INTERVAL;
use crate::screen::{
    slash::{self, COMMANDS, Line},
    state::{
        State,
        composer::Stem,
        editor::Edit,
        pending::{Fate, Pending},
    },
    update::{Effect, command, scroll},
    view::frame::composer_columns,
};

/// The most candidates that completion goes through.
const CANDIDATES_MAX: usize = 50;

/// Puts text in at the cursor.
pub(super) fn insert(state: &mut State, text: &str, effects: &mut Vec<Effect>) {
    let Some(room) = state.rooms.active_mut() else { return };
    room.composer.reset();
    room.composer.editor.insert(text);
    tell_typing(state, effects);
}

/// Does one step of editing.
pub(super) fn edit(state: &mut State, edit: Edit, effects: &mut Vec<Effect>) {
    let Some(room) = state.rooms.active_mut() else { return };
    room.composer.end_completion();
    let before = room.composer.editor.chars();
    room.composer.editor.apply(edit);
    if room.composer.editor.chars() > before {
        tell_typing(state, effects);
    }
}

/// Tells the room that the user is typing: not too often, and not for commands.
fn tell_typing(state: &mut State, effects: &mut Vec<Effect>) {
    let (now, online) = (state.now, state.status.is_online());
    let interval_ms = u64::try_from(TYPING_INTERVAL.as_millis()).unwrap_or(u64::MAX);
    let Some(room) = state.rooms.active_mut().filter(|room| online && room.joined) else { return };
    let first = room.composer.editor.lines().first().map_or("", String::as_str);
    let is_command = first.starts_with('/') && !first.starts_with("//") && !first.starts_with("/me ");
    if room.composer.editor.is_empty() || is_command || now < room.typing_told.saturating_add(interval_ms) {
        return;
    }
    room.typing_told = now;
    effects.push(Effect::Typing(room.name.clone()));
}

/// A line up; from the first one what was sent before.
pub(super) fn up(state: &mut State) {
    let columns = composer_columns(state.size);
    let Some(room) = state.rooms.active_mut() else { return };
    room.composer.end_completion();
    if !room.composer.editor.step_line(false, columns) {
        room.composer.recall_older();
    }
}

/// A line down; from the last one what was sent after.
pub(super) fn down(state: &mut State) {
    let columns = composer_columns(state.size);
    let Some(room) = state.rooms.active_mut() else { return };
    room.composer.end_completion();
    if !room.composer.editor.step_line(true, columns) {
        room.composer.recall_newer();
    }
}

/// Sends what is written, or does what it says.
pub(super) fn submit(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(room) = state.rooms.active_mut() else { return };
    let (name, text) = (room.name.clone(), room.composer.editor.text());
    if text.trim().is_empty() {
        return;
    }
    // what was said about an earlier line is over
    state.status.word = None;
    match slash::read(&text) {
        Line::Text(post_text) => {
            if too_long(state, &post_text) {
                return;
            }
            take(state, &name);
            // line feeds that a paste brought along at its ends are not meant
            let post_text = post_text.trim_end().trim_start_matches('\n').to_owned();
            post(state, PostKind::Text, post_text, effects);
        }
        Line::Command(command) => {
            // the command may lead to another room: its line stands in this one
            if command::run(state, command, effects) {
                take(state, &name);
            }
        }
        Line::Wrong(why) => state.status.complain(state.now, why),
    }
}

fn take(state: &mut State, room: &RoomName) {
    if let Some(room) = state.rooms.get_mut(room) {
        room.composer.take();
        room.typing_told = 0;
    }
}

/// Says by how much a text is too long; it stays in the composer.
pub(super) fn too_long(state: &mut State, text: &str) -> bool {
    let chars = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    let over = chars.saturating_sub(state.text_chars_max);
    if over > 0 {
        state.status.complain(state.now, format!("too long by {over} characters"));
    }
    over > 0
}

/// Posts in the room in front; the post is shown at once.
pub(super) fn post(state: &mut State, kind: PostKind, text: String, effects: &mut Vec<Effect>) {
    state.last_post += 1;
    let (id, now, link) = (state.last_post, state.now, state.link);
    let Some(room) = state.rooms.active_mut() else { return };
    let fate = Fate::Waiting { held: None };
    room.pending.push(Pending { id, nonce: None, link, at: now, kind, text: text.clone(), fate });
    effects.push(Effect::Post { id, room: room.name.clone(), kind, text });
    // behind the newest that is there, this one included
    scroll::to_newest(state);
}

/// Sends all failed posts of the room in front again.
pub(super) fn resend(state: &mut State, effects: &mut Vec<Effect>) {
    let failed: Vec<u64> = failed(state);
    if failed.is_empty() {
        return state.status.say(state.now, "nothing has failed here");
    }
    for id in failed {
        resend_one(state, id, effects);
    }
}

/// Sends one failed post again: by its name where the link still has it, so that it is not there twice.
pub(super) fn resend_one(state: &mut State, id: u64, effects: &mut Vec<Effect>) {
    let link = state.link;
    let Some(room) = state.rooms.active_mut() else { return };
    let name: RoomName = room.name.clone();
    let Some(post) = room.pending.iter_mut().find(|post| post.id == id && post.failure().is_some()) else { return };
    post.fate = Fate::Waiting { held: None };
    effects.push(match post.nonce.clone().filter(|_| post.link == link) {
        Some(nonce) => Effect::Retry { id, room: name, nonce },
        None => Effect::Post { id, room: name, kind: post.kind, text: post.text.clone() },
    });
}

/// Drops all failed posts of the room in front; the last one's text goes back into an empty composer.
pub(super) fn discard(state: &mut State, effects: &mut Vec<Effect>) {
    let failed = failed(state);
    let (now, link) = (state.now, state.link);
    let Some(room) = state.rooms.active_mut() else { return };
    if failed.is_empty() {
        return state.status.say(now, "nothing has failed here");
    }
    let (dropped, kept) = std::mem::take(&mut room.pending).into_iter().partition(|post| failed.contains(&post.id));
    room.pending = kept;
    let dropped: Vec<Pending> = dropped;
    if let Some(post) = dropped.last().filter(|_| room.composer.editor.is_empty()) {
        room.composer.editor.set(&post.text);
    }
    let nonces = dropped.into_iter().filter(|post| post.link == link).filter_map(|post| post.nonce);
    effects.extend(nonces.map(Effect::Discard));
}

fn failed(state: &State) -> Vec<u64> {
    let posts = state.room().map_or(&[][..], |room| &room.pending);
    posts.iter().filter(|post| post.failure().is_some()).map(|post| post.id).collect()
}

/// Completes the word before the cursor, or puts the next candidate in its place.
pub(super) fn complete(state: &mut State, back: bool) {
    let stem = state.room().and_then(|room| room.composer.stem());
    let candidates = stem.as_ref().map(|stem| candidates(state, stem)).unwrap_or_default();
    let Some(room) = state.rooms.active_mut() else { return };
    if let Some(stem) = stem {
        room.composer.begin_completion(&stem, candidates);
    }
    room.composer.turn(back);
}

fn candidates(state: &State, stem: &Stem) -> Vec<String> {
    let lower = stem.word.to_lowercase();
    let begins = |name: &str| name.to_lowercase().starts_with(&lower);
    if stem.first && lower.starts_with('/') {
        return COMMANDS.iter().filter(|info| begins(info.name)).map(|info| format!("{} ", info.name)).collect();
    }
    let line = state.room().and_then(|room| room.composer.editor.lines().first()).map_or("", String::as_str);
    let command = line.split_whitespace().next().filter(|_| stem.second && line.starts_with('/'));
    let wants_room = matches!(command, Some("/join" | "/part"));
    if lower.starts_with('#') || wants_room {
        let sign = if lower.starts_with('#') { "#" } else { "" };
        // what is not joined cannot be left
        let listed = state.directory.iter().filter(|_| command != Some("/part"));
        let listed = listed.filter(|name| state.rooms.position(name).is_none());
        let rooms = state.rooms.iter().map(|room| &room.name).chain(listed).map(|name| format!("{sign}{name}"));
        return rooms.filter(|name| begins(name)).map(|name| format!("{name} ")).take(CANDIDATES_MAX).collect();
    }
    let end = if stem.first { ": " } else { " " };
    let at = if lower.starts_with('@') { "@" } else { "" };
    let mut nicks = recent_nicks(state);
    nicks.retain(|nick| begins(&format!("{at}{nick}")));
    nicks.truncate(CANDIDATES_MAX);
    nicks.into_iter().map(|nick| format!("{at}{nick}{end}")).collect()
}

/// The nicks of the room in front: those who spoke last first, then the other members.
fn recent_nicks(state: &State) -> Vec<String> {
    use crate::screen::state::timeline::Body;
    let Some(room) = state.room() else { return Vec::new() };
    let spoke = room.timeline.entries().iter().rev().take(200).filter_map(|entry| match &entry.body {
        Body::Post { from, .. } => Some(from),
        _ => None,
    });
    let members = room.members.list().iter().map(|member| &member.nick);
    let mut nicks: Vec<String> = Vec::new();
    for nick in spoke.chain(members) {
        if nick.as_str() != state.nick() && !nicks.iter().any(|known| known == nick.as_str()) {
            nicks.push(nick.to_string());
        }
    }
    nicks
}
