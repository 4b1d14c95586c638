//! What the link tells: one function for each kind.

use std::sync::Arc;

use hubbub_protocol::{
    ErrorBody, Event, RoomName,
    event::{Presence, Typing},
    limits::TYPING_SHOWN_MS,
    reply::Resume,
};

use crate::{
    link::{CloseReason, Held, LinkState, Nonce, PostFailure, RoomSnapshot, SessionIdentity, Signal, Update},
    safe::safe_line,
    screen::{
        state::{
            State,
            pending::{Fate, Pending},
            status::Connection,
            timeline::{self, Body},
        },
        update::{Effect, settle, setup},
    },
};

/// In rooms with more members than this, coming and going is not told.
const MOVES_TOLD_MEMBERS_MAX: u64 = 50;

/// The most nicks of a kind that one line about coming and going holds; those of before go.
const MOVES_HELD_MAX: usize = 50;

/// How long after coming back it is not told who else comes back, in milliseconds.
const QUIET_AFTER_REJOIN_MS: u64 = 15_000;

/// How long a user who does nothing may be taken to look at a terminal that does not tell its focus, in milliseconds.
const IDLE_MS: u64 = 60_000;

/// The most people of a room that are remembered as typing.
const TYPING_MAX: usize = 64;

/// Takes an update in.
pub(super) fn take(state: &mut State, update: Update, effects: &mut Vec<Effect>) {
    match update {
        Update::State(link) => connection(state, link, effects),
        Update::Identity(identity) => identified(state, identity, effects),
        Update::Room(snapshot) => snapshot_taken(state, &snapshot, effects),
        Update::Events { room, events } => events_told(state, &room, &events, effects),
        Update::Reset { room } => reset(state, &room),
        // the window begins anew behind the gap with the next event; what is missing is loaded on scrolling
        Update::Gap { .. } => {}
        Update::Signal(Signal::Typing(typing)) => typing_told(state, &typing),
        Update::Signal(Signal::Presence(presence)) => presence_told(state, &presence),
        Update::Left { room, error } => left(state, &room, error, effects),
        Update::Pending { nonce, room, held } => held_back(state, &room, &nonce, held),
        Update::Settled { nonce, room, seq, .. } => set_fate(state, &room, &nonce, Fate::Stored { seq }),
        Update::Failed { nonce, room, error, .. } => failed(state, &room, &nonce, &error, effects),
        Update::Latency(latency) => {
            state.status.latency_ms = Some(u64::try_from(latency.as_millis()).unwrap_or(u64::MAX));
        }
        Update::Notice(text) => state.status.say(state.now, text),
        // the state that follows says the same, for as long as it is true
        Update::Goodbye(_) => {}
    }
}

fn connection(state: &mut State, link: LinkState, effects: &mut Vec<Effect>) {
    let was_online = state.status.is_online();
    let now = state.now;
    match link {
        LinkState::Connecting { attempt } => state.status.connection = Connection::Connecting { attempt },
        LinkState::Online { welcome } => {
            state.status.connection = Connection::Online;
            state.status.lost_at = None;
            state.text_chars_max = welcome.limits.text_chars_max;
            for room in state.rooms.iter_mut() {
                settle::retry_loading(&mut room.timeline.loading);
            }
            setup::online(state, effects);
            effects.push(Effect::Remember);
        }
        LinkState::Waiting { retry_in, reason, .. } => {
            let wait = u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX);
            let retry_at = now.saturating_add(wait);
            state.status.connection = Connection::Waiting { retry_at, reason: reason.to_string() };
        }
        LinkState::Closed { reason: CloseReason::Dropped | CloseReason::Quit } => {}
        LinkState::Closed { reason } => setup::closed(state, &reason),
    }
    if was_online && !state.status.is_online() {
        state.status.lost_at = Some(now);
        state.status.latency_ms = None;
        state.rooms.iter_mut().for_each(|room| room.typing.clear());
    }
}

fn identified(state: &mut State, identity: SessionIdentity, effects: &mut Vec<Effect>) {
    if let Some(me) = &mut state.me {
        me.nick = identity.nick;
        me.user = Some(identity.user);
        me.token = Some(identity.token);
    }
    effects.push(Effect::Remember);
}

/// A room was joined, or joined again.
fn snapshot_taken(state: &mut State, snapshot: &Arc<RoomSnapshot>, effects: &mut Vec<Effect>) {
    let index = state.rooms.ensure(&snapshot.room);
    let now = state.now;
    let Some(room) = state.rooms.iter_mut().nth(index) else { return };
    room.name = snapshot.room.clone();
    room.joined = true;
    room.topic = snapshot.topic.clone();
    room.members.replace(snapshot.member_count, snapshot.members.clone());
    let timeline = &mut room.timeline;
    settle::retry_loading(&mut timeline.loading);
    let first_time = room.epoch.is_none();
    let another_log = room.epoch.as_ref().is_some_and(|epoch| *epoch != snapshot.epoch);
    room.epoch = Some(snapshot.epoch.clone());
    room.quiet_until = if first_time { 0 } else { now + QUIET_AFTER_REJOIN_MS };
    if first_time || another_log {
        timeline.restart(snapshot.delivered, snapshot.seq);
        let remembered = room.remembered.take().filter(|(epoch, _)| *epoch == snapshot.epoch);
        room.read = remembered.map_or(snapshot.seq, |(_, read)| read.min(snapshot.seq));
        room.marker = (room.read < snapshot.seq).then_some(room.read);
        room.marker_seen = false;
        effects.push(Effect::Remember);
    } else if snapshot.resume == Resume::Fresh && timeline.has_newest() && timeline.end() < snapshot.delivered {
        timeline.restart(snapshot.delivered, snapshot.seq);
    } else {
        let before = timeline.log_end();
        timeline.note_log_end(snapshot.seq);
        if snapshot.seq > before && room.read < snapshot.seq {
            room.mark_unread(before);
        }
    }
}

fn events_told(state: &mut State, name: &RoomName, events: &[Event], effects: &mut Vec<Effect>) {
    let me = state.me.as_ref().and_then(|me| me.user);
    let nick = state.nick().to_owned();
    let index = state.rooms.ensure(name);
    let in_front = index == state.rooms.active_index();
    let reads = settle::is_reading(state) && in_front;
    let calls = is_called_for(state, in_front);
    let Some(room) = state.rooms.iter_mut().nth(index) else { return };
    let mut alert = None;
    for event in events {
        let Some((seq, entry)) = timeline::entry(event, me, &nick) else { continue };
        if let Event::Topic(topic) = event {
            room.topic = topic.topic.clone();
        }
        let own = own_nonce(event, me);
        if let Some(nonce) = own {
            room.pending.retain(|post| post.nonce.as_ref().is_none_or(|known| known.as_str() != nonce));
        }
        if let Event::Post(post) = event {
            room.typing.retain(|(typing, _)| *typing != post.from);
        }
        let before = room.timeline.log_end();
        // what the user said, and what cannot be shown, is nothing new
        let is_new = own.is_none() && entry.is_some();
        if seq > before && is_new && !reads {
            room.mark_unread(before);
        }
        if let Some(Body::Post { from, text, .. }) = entry.as_ref().and_then(|entry| room.note_mention(entry)) {
            alert = Some(format!("{from} in #{name}: {text}"));
        }
        let all_read = room.read >= before;
        room.timeline.append(entry, seq);
        if !is_new && all_read {
            room.read = room.timeline.log_end();
        }
    }
    if let Some(text) = alert.filter(|_| calls) {
        effects.push(Effect::Alert(safe_line(&text).chars().take(200).collect()));
    }
}

/// Whether a mention is to call the user, who does not see it by themself.
fn is_called_for(state: &State, in_front: bool) -> bool {
    let is_idle = state.now >= state.acted_at.saturating_add(IDLE_MS);
    // a terminal that does not tell its focus may well be out of sight
    if state.tells_focus { !state.focused } else { !state.focused || !in_front || is_idle }
}

/// The nonce of an event that is the user's own.
fn own_nonce(event: &Event, me: Option<u64>) -> Option<&str> {
    match event {
        Event::Post(post) if Some(post.user) == me => Some(&post.nonce),
        Event::Topic(topic) if Some(topic.user) == me => Some(&topic.nonce),
        _ => None,
    }
}

/// What is known of the room's log is worth nothing: a new one follows.
fn reset(state: &mut State, name: &RoomName) {
    if let Some(room) = state.rooms.get_mut(name) {
        room.epoch = None;
        room.remembered = None;
        room.marker = None;
        room.mentions.clear();
        room.read = 0;
        // what was stored was stored in the old log
        room.pending.retain(Pending::is_unsent);
        room.timeline.restart(0, 0);
    }
}

fn typing_told(state: &mut State, typing: &Typing) {
    let until = state.now + TYPING_SHOWN_MS;
    let me = state.me.as_ref().map(|me| me.nick.clone());
    if let Some(room) = state.rooms.get_mut(&typing.room) {
        for nick in typing.nicks.iter().filter(|nick| Some(*nick) != me.as_ref()) {
            // an event names those who typed since the one before: the others are shown until their time is over
            if let Some((_, shown_until)) = room.typing.iter_mut().find(|(known, _)| known == nick) {
                *shown_until = until;
            } else if room.typing.len() < TYPING_MAX {
                room.typing.push((nick.clone(), until));
            }
        }
    }
}

fn presence_told(state: &mut State, presence: &Presence) {
    let now = state.now;
    let me = state.me.as_ref().map(|me| me.nick.clone());
    let Some(room) = state.rooms.get_mut(&presence.room) else { return };
    let mut moves = room.members.apply(presence);
    moves.came.retain(|nick| Some(nick) != me.as_ref());
    let none = moves.is_empty();
    room.typing.retain(|(nick, _)| !moves.left.contains(nick));
    let told = now >= room.quiet_until;
    if none || !told || presence.member_count > MOVES_TOLD_MEMBERS_MAX || !room.timeline.has_newest() {
        return;
    }
    let (mut came, mut left, mut renamed) = match room.timeline.take_moves() {
        Some(Body::Moves { came, left, renamed }) => (came, left, renamed),
        _ => (Vec::new(), Vec::new(), Vec::new()),
    };
    // who left and came back meanwhile has not moved, and the other way round
    for nick in moves.came {
        meet(&mut left, &mut came, nick.to_string());
    }
    for (was, is) in moves.renamed {
        rename(&mut came, &mut renamed, was.to_string(), is.to_string());
    }
    for nick in moves.left {
        meet(&mut came, &mut left, nick.to_string());
    }
    for list in [&mut came, &mut left] {
        list.drain(..list.len().saturating_sub(MOVES_HELD_MAX));
    }
    renamed.drain(..renamed.len().saturating_sub(MOVES_HELD_MAX));
    if !(came.is_empty() && left.is_empty() && renamed.is_empty()) {
        room.timeline.push_local(now, Body::Moves { came, left, renamed });
    }
}

/// Takes a new nick down: of somebody who has just come, as the end of a chain of them, or as it is.
fn rename(came: &mut [String], renamed: &mut Vec<(String, String)>, was: String, is: String) {
    if let Some(known) = came.iter_mut().find(|known| **known == was) {
        *known = is;
    } else if let Some(index) = renamed.iter().position(|(_, known)| *known == was) {
        if renamed[index].0 == is {
            renamed.remove(index);
        } else {
            renamed[index].1 = is;
        }
    } else {
        renamed.push((was, is));
    }
}

/// Takes a nick out of one list, or puts it into the other.
fn meet(out_of: &mut Vec<String>, into: &mut Vec<String>, nick: String) {
    match out_of.iter().position(|known| *known == nick) {
        Some(index) => drop(out_of.remove(index)),
        None => into.push(nick),
    }
}

fn left(state: &mut State, name: &RoomName, error: Option<ErrorBody>, effects: &mut Vec<Effect>) {
    let now = state.now;
    match error {
        None => state.rooms.remove(name),
        Some(error) => {
            if let Some(room) = state.rooms.get_mut(name) {
                room.joined = false;
                let text = format!("you are no longer in #{name}: {} — /join #{name}", error.message);
                room.timeline.push_local(now, Body::Notice { text: safe_line(&text).into_owned(), bad: true });
            }
        }
    }
    effects.push(Effect::Remember);
}

fn held_back(state: &mut State, name: &RoomName, nonce: &Nonce, held: Option<Held>) {
    let held = held.map(|held| held.error.message);
    set_fate(state, name, nonce, Fate::Waiting { held });
}

fn failed(state: &mut State, name: &RoomName, nonce: &Nonce, error: &PostFailure, effects: &mut Vec<Effect>) {
    // a refusal is shown in the server's words, without its code
    let reason = match error {
        PostFailure::Refused(error) => error.message.clone(),
        other => other.to_string(),
    };
    let hidden = state.room().is_none_or(|room| room.key != name.key());
    if hidden {
        state.status.complain(state.now, format!("a post in #{name} was not sent"));
    }
    if state.rooms.position(name).is_none() {
        // the room was left with this post on its way: nobody can send it again from here
        effects.push(Effect::Discard(nonce.clone()));
    }
    set_fate(state, name, nonce, Fate::Failed { reason });
}

fn set_fate(state: &mut State, name: &RoomName, nonce: &Nonce, fate: Fate) {
    let Some(room) = state.rooms.get_mut(name) else { return };
    if let Some(post) = room.pending.iter_mut().find(|post| post.nonce.as_ref() == Some(nonce)) {
        post.fate = fate;
    }
}
