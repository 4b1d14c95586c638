//! The slash commands: one function for each that does more than one thing.

use hubbub_protocol::{
    Nick, RoomName,
    event::{MemberState, PostKind},
};

use crate::{
    link::JoinFrom,
    safe::safe_line,
    screen::{
        slash::Command,
        state::{Overlay, State, status::Connection, timeline::Body},
        update::{ASK_AGAIN_MS, Effect, compose, key, scroll},
    },
};

/// The most nicks that `/who` lists.
const WHO_MAX: usize = 200;

/// Runs a command. `false`: it was refused with a word in the status line, and stays in the composer.
pub(super) fn run(state: &mut State, command: Command, effects: &mut Vec<Effect>) -> bool {
    match command {
        Command::Join(name) => join_named(state, &name, effects),
        Command::Part(name) => part(state, &name, effects),
        Command::Topic(text) if text.is_empty() => show_topic(state),
        Command::Topic(text) => topic(state, text, effects),
        Command::Untopic => topic(state, String::new(), effects),
        Command::Nick(name) => nick(state, &name, effects),
        Command::Me(text) => me(state, text, effects),
        Command::Rooms => key::open_jump(state, effects),
        Command::Who => who(state),
        Command::Away => presence(state, true, effects),
        Command::Back => presence(state, false, effects),
        Command::Reconnect => reconnect(state, effects),
        Command::Help => state.overlay = Some(Overlay::Help { top: 0 }),
        Command::Quit => key::quit(state, effects),
    }
    !state.status.word.as_ref().is_some_and(|word| word.bad)
}

fn parse_room(state: &mut State, text: &str) -> Option<RoomName> {
    RoomName::parse(text.trim().trim_start_matches('#')).map_err(|error| refuse(state, &error.to_string())).ok()
}

fn refuse(state: &mut State, why: &str) {
    state.status.complain(state.now, why);
}

fn join_named(state: &mut State, text: &str, effects: &mut Vec<Effect>) {
    if let Some(name) = parse_room(state, text) {
        enter(state, &name, effects);
    }
}

/// Brings a room to the front; joins it first where needed.
pub(super) fn enter(state: &mut State, name: &RoomName, effects: &mut Vec<Effect>) {
    let index = state.rooms.ensure(name);
    let joined = state.rooms.iter().nth(index).is_some_and(|room| room.joined);
    state.rooms.activate(index);
    if !joined {
        effects.push(Effect::Join(name.clone(), JoinFrom::Newest));
    }
}

fn part(state: &mut State, text: &str, effects: &mut Vec<Effect>) {
    let front = state.room().map(|room| room.name.clone());
    let name = if text.is_empty() { front } else { parse_room(state, text) };
    let Some(name) = name else { return };
    if state.rooms.position(&name).is_none() {
        return refuse(state, &format!("you are not in #{name}"));
    }
    if is_refused_once(state, &name) {
        return;
    }
    let link = state.link;
    if let Some(room) = state.rooms.get_mut(&name) {
        let unsent = room.pending.drain(..).filter(|post| post.is_unsent() && post.link == link);
        effects.extend(unsent.filter_map(|post| post.nonce).map(Effect::Discard));
    }
    effects.push(Effect::Part(name.clone()));
    // what is written stays out of the history of a room that goes
    state.rooms.remove(&name);
    effects.push(Effect::Remember);
}

/// Says what leaving the room would lose, and refuses it then; asked once more soon after, it is done.
fn is_refused_once(state: &mut State, name: &RoomName) -> bool {
    let (now, key) = (state.now, name.key());
    let in_front = state.room().is_some_and(|room| room.key == key);
    let Some(room) = state.rooms.get_mut(name) else { return false };
    let unsent = room.pending.iter().filter(|post| post.is_unsent()).count();
    // in the room in front the composer holds the command itself
    let draft = room.composer.holds_draft(in_front);
    let loss = match (unsent, draft) {
        (0, false) => return false,
        (0, true) => "what you were writing there is".to_owned(),
        (1, _) => "a post that has not been sent is".to_owned(),
        (unsent, _) => format!("{unsent} posts that have not been sent are"),
    };
    let armed = state.part_armed.take().is_some_and(|(armed, until)| armed == key && now < until);
    if !armed {
        state.part_armed = Some((key, now + ASK_AGAIN_MS));
        refuse(state, &format!("{loss} lost with #{name}: Enter once more leaves it"));
    }
    !armed
}

fn show_topic(state: &mut State) {
    let Some(room) = state.room() else { return };
    let text = if room.topic.is_empty() {
        format!("#{} has no topic; /topic TEXT sets one", room.name)
    } else {
        format!("topic of #{}: {}", room.name, room.topic)
    };
    notice(state, &text);
}

fn topic(state: &mut State, text: String, effects: &mut Vec<Effect>) {
    if !state.status.is_online() {
        return refuse(state, "a topic cannot be changed without a connection");
    }
    if let Some(room) = state.room() {
        effects.push(Effect::Topic(room.name.clone(), text.replace('\n', " ")));
    }
}

fn nick(state: &mut State, text: &str, effects: &mut Vec<Effect>) {
    match Nick::parse(text) {
        Ok(_) if !state.status.is_online() => refuse(state, "a nick cannot be changed without a connection"),
        Ok(nick) => effects.push(Effect::Rename(nick)),
        Err(error) => refuse(state, &error.to_string()),
    }
}

fn me(state: &mut State, text: String, effects: &mut Vec<Effect>) {
    if !compose::too_long(state, &text) {
        compose::post(state, PostKind::Action, text, effects);
    }
}

fn who(state: &mut State) {
    let Some(room) = state.room() else { return };
    let names: Vec<String> = room
        .members
        .list()
        .iter()
        .take(WHO_MAX)
        .map(|member| match member.state {
            MemberState::Online | MemberState::Unknown => member.nick.to_string(),
            MemberState::Away => format!("{} (away)", member.nick),
            MemberState::Offline | MemberState::Left => format!("{} (offline)", member.nick),
        })
        .collect();
    let count = room.members.count();
    let more = count.saturating_sub(u64::try_from(names.len()).unwrap_or(0));
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let text = format!("{count} in #{}: {}{rest}", room.name, names.join(", "));
    notice(state, &text);
}

fn presence(state: &mut State, away: bool, effects: &mut Vec<Effect>) {
    if let Some(me) = &mut state.me {
        me.away = away;
    }
    state.status.say(state.now, if away { "you are shown as away; /back ends it" } else { "you are shown as here" });
    effects.push(Effect::Presence(away));
}

fn reconnect(state: &mut State, effects: &mut Vec<Effect>) {
    match &state.status.connection {
        Connection::Closed { .. } => {
            let Some(me) = &state.me else { return };
            effects.push(Effect::Start { server: me.server.clone(), nick: me.nick.clone() });
            state.status.connection = Connection::Connecting { attempt: 1 };
        }
        Connection::Waiting { .. } | Connection::Online => effects.push(Effect::ReconnectNow),
        Connection::Connecting { .. } | Connection::None => {
            state.status.say(state.now, "about to be connected");
        }
    }
}

/// Says something in the room in front, where the user looks.
fn notice(state: &mut State, text: &str) {
    scroll::to_newest(state);
    let now = state.now;
    if let Some(room) = state.rooms.active_mut() {
        room.timeline.push_local(now, Body::Notice { text: safe_line(text).into_owned(), bad: false });
    }
    scroll::to_newest(state);
}
