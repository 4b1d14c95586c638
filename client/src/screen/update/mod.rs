//! What happens changes the state and asks for effects: the one place where both are decided.
//!
//! Pure: the time is an argument, and what must be done outside is returned as [`Effect`]s.

mod answer;
mod command;
mod compose;
mod jump;
mod key;
mod link;
mod mouse;
mod scroll;
mod settle;
mod setup;

#[cfg(test)]
mod tests;

use hubbub_protocol::{
    Nick, RoomName,
    event::PostKind,
    id::UnixMs,
    reply::{History, MembersPage, RoomsPage},
};
use ratatui::{
    crossterm::event::{KeyEvent, MouseEvent},
    layout::Size,
};

pub(crate) use settle::next_wake;

use crate::{
    link::{JoinFrom, LinkError, Nonce, Page, PostError, ServerUrl, Update},
    screen::{memory::Profile, state::State},
};

/// How long a second request to quit, or to leave a room, counts as one, in milliseconds.
const ASK_AGAIN_MS: u64 = 5_000;

/// Everything that can happen.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal got or lost the focus.
    Focus(bool),
    /// The terminal has another size.
    Resize(Size),
    /// Time has passed, see [`next_wake`].
    Tick,
    /// Connect with what the first screen holds, without waiting for a key.
    Begin,
    /// The link was started; what is remembered of this nick on this server.
    Started(Option<Profile>),
    /// The link tells something.
    Link(Update),
    /// The answer to an effect.
    Answer(Answer),
}

/// What became of an effect.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Of a [`Effect::Join`].
    Join(RoomName, Result<(), LinkError>),
    /// Of a [`Effect::Part`].
    Part(RoomName, Result<(), LinkError>),
    /// Of a [`Effect::Topic`].
    Topic(RoomName, String, Result<(), LinkError>),
    /// Of a [`Effect::Rename`].
    Rename(Nick, Result<(), LinkError>),
    /// Of a [`Effect::History`].
    History(RoomName, Page, Result<History, LinkError>),
    /// Of a [`Effect::Members`].
    Members(RoomName, Result<MembersPage, LinkError>),
    /// Of a [`Effect::Directory`].
    Directory(u64, Result<RoomsPage, LinkError>),
    /// Of a [`Effect::Post`].
    Queued(u64, RoomName, Result<Nonce, PostError>),
    /// Of a [`Effect::Retry`].
    Retried(u64, RoomName, Result<(), PostError>),
    /// Something could not be remembered.
    NotRemembered(String),
}

/// What is to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Start a link; [`Input::Started`] follows at once.
    Start {
        /// Where.
        server: ServerUrl,
        /// As whom.
        nick: Nick,
    },
    /// Give the link up.
    Stop,
    /// Enter a room.
    Join(RoomName, JoinFrom),
    /// Leave a room.
    Part(RoomName),
    /// Change a topic; empty takes it away.
    Topic(RoomName, String),
    /// Take another nick.
    Rename(Nick),
    /// Read a page of a log.
    History(RoomName, Page),
    /// Read the members.
    Members(RoomName),
    /// Read the server's rooms.
    Directory {
        /// Which opening of the list they are for.
        opening: u64,
        /// Those after this one.
        after: Option<RoomName>,
    },
    /// Tell that the user is typing.
    Typing(RoomName),
    /// Tell whether the user is away.
    Presence(bool),
    /// Post; [`Answer::Queued`] follows at once.
    Post {
        /// The screen's number for it.
        id: u64,
        /// Where.
        room: RoomName,
        /// How.
        kind: PostKind,
        /// What.
        text: String,
    },
    /// Send a failed post again; [`Answer::Retried`] follows at once.
    Retry {
        /// The screen's number for it.
        id: u64,
        /// Where.
        room: RoomName,
        /// The link's name for it.
        nonce: Nonce,
    },
    /// Give a failed post up.
    Discard(Nonce),
    /// Connect now instead of later.
    ReconnectNow,
    /// Keep what is to be remembered.
    Remember,
    /// Set the terminal's title.
    Title(String),
    /// Call the user: these words, and a bell.
    Alert(String),
    /// Draw everything anew.
    Redraw,
    /// Stop until the shell continues the program.
    Suspend,
    /// Leave.
    Quit,
}

/// Takes in what happened; says what is to be done.
pub(crate) fn update(state: &mut State, input: Input, now: UnixMs) -> Vec<Effect> {
    state.now = now;
    let mut effects = Vec::new();
    if matches!(input, Input::Key(_) | Input::Mouse(_) | Input::Paste(_)) {
        // whatever the terminal said about its focus: who types is there
        state.focused = true;
        state.acted_at = now;
    }
    match input {
        Input::Key(key) => key::press(state, key, &mut effects),
        Input::Mouse(event) => mouse::act(state, event, &mut effects),
        Input::Paste(text) => key::paste(state, &text, &mut effects),
        Input::Focus(focused) => (state.focused, state.tells_focus) = (focused, true),
        Input::Resize(size) => state.size = size,
        Input::Tick => {}
        Input::Begin => setup::submit(state, &mut effects),
        Input::Started(profile) => setup::started(state, profile),
        Input::Link(update) => link::take(state, update, &mut effects),
        Input::Answer(answer) => answer::take(state, answer, &mut effects),
    }
    settle::settle(state, &mut effects);
    effects
}
