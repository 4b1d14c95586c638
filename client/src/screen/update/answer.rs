//! What became of the effects that have an answer.

use hubbub_protocol::{
    RoomName,
    reply::{History, MembersPage, RoomsPage},
};

use crate::{
    link::{LinkError, Nonce, Page, PostError},
    safe::safe_line,
    screen::{
        state::{
            Overlay, State,
            jump::DIRECTORY_ROOMS_MAX,
            pending::Fate,
            timeline::{self, Loading},
        },
        update::{Answer, Effect, scroll, settle},
        view::timeline::Layout,
    },
};

/// Takes an answer in.
pub(super) fn take(state: &mut State, answer: Answer, effects: &mut Vec<Effect>) {
    match answer {
        Answer::Join(room, result) => joined(state, &room, result, effects),
        Answer::Part(room, result) => complain(state, &format!("leaving #{room}"), result),
        Answer::Topic(room, topic, result) => changed_topic(state, &room, &topic, result),
        Answer::Rename(nick, result) => complain(state, &format!("the nick {nick}"), result),
        Answer::History(room, page, result) => history(state, &room, page, result),
        Answer::Members(room, result) => members(state, &room, result),
        Answer::Directory(opening, result) => directory(state, opening, result, effects),
        Answer::Queued(id, room, result) => queued(state, id, &room, result),
        Answer::Retried(id, room, result) => retried(state, id, &room, result),
        Answer::NotRemembered(error) => state.status.complain(state.now, format!("not remembered: {error}")),
    }
}

/// An error for people: the server's words without their code.
fn words(error: &LinkError) -> String {
    match error {
        LinkError::Refused(body) => match &body.suggestion {
            Some(free) => format!("{} ({free} is free)", body.message),
            None => body.message.clone(),
        },
        other => other.to_string(),
    }
}

fn complain(state: &mut State, what: &str, result: Result<(), LinkError>) {
    if let Err(error) = result {
        state.status.complain(state.now, format!("{what}: {}", words(&error)));
    }
}

/// What was not taken goes back to where it was written, if nothing else is written there.
fn changed_topic(state: &mut State, name: &RoomName, topic: &str, result: Result<(), LinkError>) {
    let composer = state.rooms.get_mut(name).map(|room| &mut room.composer);
    if let Some(composer) = composer.filter(|composer| result.is_err() && composer.editor.is_empty())
        && !topic.is_empty()
    {
        composer.editor.set(&format!("/topic {topic}"));
    }
    complain(state, &format!("the topic of #{name}"), result);
}

/// A refused room is not wanted any more; after another error the link goes on trying.
fn joined(state: &mut State, name: &RoomName, result: Result<(), LinkError>, effects: &mut Vec<Effect>) {
    let Err(LinkError::Refused(error)) = result else { return };
    state.status.complain(state.now, format!("#{name}: {}", error.message));
    let never_joined = state.rooms.get_mut(name).is_some_and(|room| {
        room.joined = false;
        room.epoch.is_none()
    });
    if never_joined {
        state.rooms.remove(name);
        effects.push(Effect::Remember);
    }
}

fn history(state: &mut State, name: &RoomName, page: Page, result: Result<History, LinkError>) {
    let me = state.me.as_ref().and_then(|me| me.user);
    let nick = state.nick().to_owned();
    // the last visible line stays where it is, whatever comes above and changes there
    let in_front = state.room().is_some_and(|room| room.key == name.key() && !room.timeline.follows());
    let bottom = Layout::of(state).filter(|_| in_front).and_then(|layout| layout.bottom());
    let Some(room) = state.rooms.get_mut(name) else { return };
    if !settle::is_awaited(&room.timeline.loading, page) {
        return;
    }
    // what fails is not asked for again and again
    room.seeks_marker &= result.is_ok();
    match result {
        Ok(history) if room.epoch.as_ref() == Some(&history.epoch) => {
            let entries: Vec<_> = history.events.iter().filter_map(|event| timeline::entry(event, me, &nick)).collect();
            for entry in entries.iter().filter_map(|(_, entry)| entry.as_ref()) {
                room.note_mention(entry);
            }
            let brought = room.timeline.take_page(page, entries, history.more);
            room.timeline.loading = if brought {
                Loading::Idle
            } else {
                room.seeks_marker = false;
                Loading::Failed("the server's page of them is empty".to_owned())
            };
        }
        Ok(_) => room.timeline.loading = Loading::Failed("the room's log is another one now".to_owned()),
        Err(error) => room.timeline.loading = Loading::Failed(safe_line(&words(&error)).into_owned()),
    }
    if room.seeks_marker && in_front {
        return scroll::to_unread(state);
    }
    let view = bottom.and_then(|bottom| Layout::of(state)?.with_bottom(bottom));
    if let (Some(view), Some(room)) = (view, state.rooms.active_mut()) {
        room.timeline.view = view;
    }
}

fn members(state: &mut State, name: &RoomName, result: Result<MembersPage, LinkError>) {
    let Some(room) = state.rooms.get_mut(name) else { return };
    // what did not come is asked for again after a while: a failing server is not to be pressed
    if let Ok(page) = result {
        room.members.replace(page.member_count, page.members);
    }
}

fn directory(state: &mut State, opening: u64, result: Result<RoomsPage, LinkError>, effects: &mut Vec<Effect>) {
    let Some(Overlay::Jump(jump)) = &mut state.overlay else { return };
    if jump.opening != opening {
        // the list was closed and opened again meanwhile: that opening has answers of its own
        return;
    }
    jump.loading = false;
    match result {
        Ok(page) => {
            let last = page.rooms.last().map(|info| info.room.clone());
            jump.directory.extend(page.rooms);
            state.directory = jump.directory.iter().map(|info| info.room.clone()).collect();
            if page.more && jump.directory.len() < DIRECTORY_ROOMS_MAX && last.is_some() {
                jump.loading = true;
                effects.push(Effect::Directory { opening, after: last });
            }
        }
        Err(error) => jump.error = Some(words(&error)),
    }
}

fn queued(state: &mut State, id: u64, name: &RoomName, result: Result<Nonce, PostError>) {
    let link = state.link;
    let Some(room) = state.rooms.get_mut(name) else { return };
    let Some(post) = room.pending.iter_mut().find(|post| post.id == id) else { return };
    post.link = link;
    match result {
        Ok(nonce) => post.nonce = Some(nonce),
        Err(error) => {
            post.nonce = None;
            post.fate = Fate::Failed { reason: format!("not sent: {error}") };
        }
    }
}

/// What the link did not take back has failed again. It keeps its name, by which it can be tried once more.
fn retried(state: &mut State, id: u64, name: &RoomName, result: Result<(), PostError>) {
    let Err(error) = result else { return };
    let Some(room) = state.rooms.get_mut(name) else { return };
    if let Some(post) = room.pending.iter_mut().find(|post| post.id == id) {
        post.fate = Fate::Failed { reason: format!("not sent: {error}") };
    }
}
