//! Dispatch: request → checks → what is to be done.
//!
//! A handler checks a request against the login and the limits, and says what follows as an [`Answer`]. It
//! sends nothing itself: the connection's actor does, in the order of the requests.

mod greet;
mod log;
mod people;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use hubbub_protocol::{ErrorBody, ErrorCode, NameKey, Request, RequestFrame, RoomName};
use tokio::task::JoinError;

use crate::{
    fanout::ConnectionId,
    frame,
    hub::Hub,
    room::{RoomCommand, RoomHandle},
    session::Session,
    turnstile::Pass,
};

/// What a request leads to.
pub enum Answer {
    /// This reply.
    Reply(Bytes),
    /// A room gets this command and answers through the shard.
    Room(Arc<RoomHandle>, RoomCommand),
    /// Something that takes time; no more requests are read until its end is known.
    Later(LocalBoxFuture<'static, Outcome>),
}

/// How something that took time ended.
pub enum Outcome {
    /// With this reply.
    Reply(Bytes),
    /// It is the turn of this request, which is begun only now.
    Admitted(RequestFrame, Option<Pass>),
    /// With a session.
    Greeted(Greeting),
    /// With a room that is open now and gets this command.
    Opened(Arc<RoomHandle>, RoomCommand),
    /// A command was handed to its room after waiting for space; the room answers. When it was a `part`, this is
    /// the room that was left.
    Sent(Option<NameKey>),
    /// The session has ended; the connection says so and closes.
    Quit(Bytes),
}

/// A session that is to be attached to the connection.
pub struct Greeting {
    /// The request's id.
    pub re: u64,
    /// The session.
    pub session: Arc<Session>,
    /// Whether it was begun for this request.
    pub is_new: bool,
    /// The reply that says so.
    pub reply: Bytes,
}

/// Who asks: the login on one connection.
pub struct Login {
    /// The session.
    pub session: Arc<Session>,
    /// The rooms it has joined on this connection, in the order of their keys.
    rooms: Vec<Arc<RoomHandle>>,
    /// Whether the user is away.
    pub away: bool,
}

impl Login {
    /// A login that has joined nothing yet.
    #[must_use]
    pub fn new(session: Arc<Session>) -> Self {
        Self { session, rooms: Vec::new(), away: false }
    }

    fn place(&self, key: &NameKey) -> Result<usize, usize> {
        self.rooms.binary_search_by(|room| room.key().cmp(key))
    }

    /// A room that it has joined.
    fn joined(&self, key: &NameKey) -> Option<&Arc<RoomHandle>> {
        self.place(key).ok().map(|place| &self.rooms[place])
    }

    /// A room was joined.
    pub fn enter(&mut self, room: Arc<RoomHandle>) {
        match self.place(room.key()) {
            Ok(place) => self.rooms[place] = room,
            Err(place) => {
                if self.rooms.is_empty() {
                    // Most are in one room: not the four places that a vector begins with.
                    self.rooms.reserve_exact(1);
                }
                self.rooms.insert(place, room);
            }
        }
    }

    /// A room was left.
    pub fn leave(&mut self, key: &NameKey) {
        if let Ok(place) = self.place(key) {
            self.rooms.remove(place);
        }
    }

    /// The number of rooms it has joined.
    #[must_use]
    pub fn room_count(&self) -> usize {
        self.rooms.len()
    }

    /// The rooms, when the login is over.
    #[must_use]
    pub fn into_rooms(self) -> Vec<Arc<RoomHandle>> {
        self.rooms
    }

    fn room(&self, name: &str) -> Result<&Arc<RoomHandle>, ErrorBody> {
        // Most names are ASCII, and what has the key of a joined room is a name: nothing is to be made or checked.
        if name.is_ascii()
            && let Ok(place) = self.rooms.binary_search_by(|room| room.key().cmp_ascii(name))
        {
            return Ok(&self.rooms[place]);
        }
        let name = room_name(name)?;
        self.joined(&name.key())
            .ok_or_else(|| ErrorBody::new(ErrorCode::NotJoined, format!("you are not in {name}: join it first")))
    }
}

/// What a handler has at hand.
pub struct Asked<'a> {
    /// The request's id.
    pub re: u64,
    /// The connection that asks.
    pub from: ConnectionId,
    /// What all connections share.
    pub hub: &'a Arc<Hub>,
    /// Milliseconds of a clock that does not go back.
    pub now_ms: u64,
}

/// Answers one request.
pub fn dispatch(login: Option<&mut Login>, asked: &Asked<'_>, request: Request) -> Answer {
    let answer = match (login, request) {
        (None, Request::Hello(hello)) => greet::hello(asked, hello),
        (None, request) => Err(ErrorBody::new(
            ErrorCode::HelloRequired,
            format!("say hello first: `{}` needs a session", request.op()),
        )),
        (Some(login), request) => route(login, asked, request),
    };
    answer.unwrap_or_else(|error| Answer::Reply(frame::error(Some(asked.re), &error)))
}

/// The table of requests.
fn route(login: &mut Login, asked: &Asked<'_>, request: Request) -> Result<Answer, ErrorBody> {
    match request {
        Request::Hello(_) => {
            Err(ErrorBody::new(ErrorCode::AlreadyGreeted, "this connection has a session; open another for another"))
        }
        Request::Join(join) => log::join(login, asked, join),
        Request::Part(part) => log::part(login, asked, &part),
        Request::Post(post) => log::post(login, asked, post),
        Request::Topic(topic) => log::topic(login, asked, topic),
        Request::History(history) => log::history(asked, &history),
        Request::Members(members) => people::members(login, asked, &members),
        Request::Rooms(rooms) => people::rooms(asked, &rooms),
        Request::Typing(typing) => people::typing(login, asked, &typing),
        Request::Presence(presence) => Ok(people::presence(login, asked, &presence)),
        Request::Nick(nick) => people::nick(login, asked, &nick),
        Request::Quit(_) => Ok(greet::quit(login, asked)),
    }
}

/// Reads one text frame as a request.
///
/// # Errors
/// The reply to one that is none.
pub fn read(text: &str) -> Result<RequestFrame, Bytes> {
    RequestFrame::decode(text).map_err(|fault| frame::error(fault.id, &fault.error))
}

/// A task of the server's own ended otherwise than by its end.
fn failed(error: &JoinError) -> ErrorBody {
    tracing::error!(%error, "a request could not be finished");
    ErrorBody::new(ErrorCode::Internal, "the server failed to do this").retry_after(1_000)
}

fn room_name(name: &str) -> Result<RoomName, ErrorBody> {
    RoomName::parse(name).map_err(|error| {
        let shown: String = name.chars().take(32).collect();
        ErrorBody::new(ErrorCode::InvalidRoom, format!("{shown:?} is no name for a room: {error}"))
    })
}

/// A page's size: what was asked for, between 1 and the largest, or the default.
fn page_size(asked: Option<u32>, default: u32, max: u32) -> Result<u32, ErrorBody> {
    match asked {
        None => Ok(default),
        Some(limit) if (1..=max).contains(&limit) => Ok(limit),
        Some(limit) => Err(ErrorBody::new(ErrorCode::InvalidArgument, format!("`limit` is 1 to {max}, not {limit}"))),
    }
}
