//! The first screen: from two fields to a link, and from a link to rooms.

use hubbub_protocol::{ErrorBody, ErrorCode, Nick, RoomName, id::Position};

use crate::{
    link::{CloseReason, JoinFrom, ServerUrl},
    screen::{
        memory::Profile,
        state::{
            Me, State,
            setup::{Field, Setup},
            status::Connection,
        },
        update::Effect,
    },
};

/// The room that is entered when none is named or remembered.
const FIRST_ROOM: &str = "lobby";

/// Connects with what the fields hold, or says what is wrong with them.
pub(super) fn submit(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(setup) = state.setup.as_mut().filter(|setup| !setup.busy) else { return };
    let server = match ServerUrl::parse(&setup.server.text()) {
        Ok(server) => server,
        Err(error) => return setup.refuse(Field::Server, error.to_string()),
    };
    let nick = match Nick::parse(setup.nick.text().trim()) {
        Ok(nick) => nick,
        Err(error) => return setup.refuse(Field::Nick, error.to_string()),
    };
    setup.busy = true;
    setup.error = None;
    state.status.connection = Connection::Connecting { attempt: 1 };
    state.me = Some(Me { server: server.clone(), nick: nick.clone(), user: None, token: None, away: false });
    effects.push(Effect::Start { server, nick });
}

/// Gives an attempt up and lets the fields be edited.
pub(super) fn stop(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(setup) = state.setup.as_mut().filter(|setup| setup.busy) {
        setup.busy = false;
        state.status.connection = Connection::None;
        effects.push(Effect::Stop);
    }
}

/// The link was started.
pub(super) fn started(state: &mut State, profile: Option<Profile>) {
    state.link += 1;
    let Some(profile) = profile else {
        state.is_first_time = true;
        return;
    };
    if let Some(me) = &mut state.me {
        me.token = profile.token;
    }
    state.recalled = profile.rooms;
    state.recalled_active = profile.active;
}

/// There is a connection: the rooms are shown, and entered where the link does not know them yet.
pub(super) fn online(state: &mut State, effects: &mut Vec<Effect>) {
    state.setup = None;
    if state.link_with_rooms == state.link {
        return;
    }
    state.link_with_rooms = state.link;
    if std::mem::take(&mut state.is_first_time) {
        let text = format!("welcome, {}! F1 lists all keys, Ctrl-K finds rooms", state.nick());
        state.status.say(state.now, text);
    }
    open_rooms(state);
    for room in state.rooms.iter() {
        let position = |epoch: &String| Position { epoch: epoch.clone(), seq: room.timeline.end() };
        let from = room.epoch.as_ref().map(position).filter(|_| room.timeline.has_newest());
        effects.push(Effect::Join(room.name.clone(), from.map_or(JoinFrom::Newest, JoinFrom::Position)));
    }
    if state.me.as_ref().is_some_and(|me| me.away) {
        effects.push(Effect::Presence(true));
    }
}

/// Fills the list: the rooms of the command line, those remembered, or the first one.
fn open_rooms(state: &mut State) {
    let front = state.wanted.first().cloned();
    for name in std::mem::take(&mut state.wanted) {
        state.rooms.ensure(&name);
    }
    for memory in std::mem::take(&mut state.recalled) {
        let Ok(name) = RoomName::parse(&memory.name) else { continue };
        state.rooms.ensure(&name);
        if let Some(room) = state.rooms.get_mut(&name).filter(|room| room.epoch.is_none()) {
            room.remembered = memory.epoch.map(|epoch| (epoch, memory.read));
        }
    }
    if state.rooms.len() == 0
        && let Ok(first) = RoomName::parse(FIRST_ROOM)
    {
        state.rooms.ensure(&first);
    }
    let recalled = state.recalled_active.take().and_then(|name| RoomName::parse(&name).ok());
    if let Some(index) = front.or(recalled).and_then(|name| state.rooms.position(&name)) {
        state.rooms.activate(index);
    }
}

/// The link has ended for good: back to the first screen where another answer there helps.
pub(super) fn closed(state: &mut State, reason: &CloseReason) {
    let refused = |codes: &[ErrorCode]| match reason {
        CloseReason::Refused(error) if codes.contains(&error.code) => Some(error.clone()),
        _ => None,
    };
    if let Some(error) = refused(&[ErrorCode::NickTaken, ErrorCode::InvalidNick]) {
        return ask_nick(state, &error);
    }
    if let Some(setup) = &mut state.setup {
        setup.refuse(Field::Server, reason.to_string());
        state.status.connection = Connection::None;
        return;
    }
    state.status.connection = Connection::Closed { reason: reason.to_string() };
}

/// Asks for another nick, with the free one filled in.
fn ask_nick(state: &mut State, error: &ErrorBody) {
    let server = state.me.as_ref().map(|me| me.server.to_string()).unwrap_or_default();
    let wanted = state.nick().to_owned();
    state.status.connection = Connection::None;
    let setup = state.setup.get_or_insert_with(|| Setup::new(&server, &wanted));
    let text = match &error.suggestion {
        Some(free) => {
            setup.nick.set(free);
            format!("{wanted} is taken here. {free} is free: Enter takes it, or type another.")
        }
        None => error.message.clone(),
    };
    setup.refuse(Field::Nick, text);
}
