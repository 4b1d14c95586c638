//! Rooms that are wanted: joined, joined again after every loss, and read without a hole.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hubbub_protocol::{
    ErrorBody, ErrorCode, Event, NameKey, Request, RoomName,
    error::Retry,
    limits::HISTORY_EVENTS_MAX,
    reply,
    request::{History, Join},
};

use serde_json::value::RawValue;

use super::{EVENTS_MAX, Machine, request::Purpose};
use crate::link::{
    command::{Call, JoinReply},
    error::{LinkError, Outage},
    reader::{Reader, Step},
    update::{JoinFrom, RoomSnapshot, Update},
};

/// The wait after a refusal that names none.
const REFUSED_WAIT: Duration = Duration::from_secs(1);

/// The least time between two `typing` of a room.
pub const TYPING_INTERVAL: Duration = Duration::from_secs(3);

/// A request of the link's own for a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Ask {
    #[default]
    Nothing,
    /// On its way.
    Asked { id: u64, since: Instant },
    /// Refused for now.
    Later { at: Instant },
}

impl Ask {
    fn is(self, reply: u64) -> bool {
        matches!(self, Self::Asked { id, .. } if id == reply)
    }

    fn since(self) -> Option<Instant> {
        if let Self::Asked { since, .. } = self { Some(since) } else { None }
    }

    fn due(self) -> Option<Instant> {
        if let Self::Later { at } = self { Some(at) } else { None }
    }
}

/// A room that is wanted.
#[derive(Debug)]
pub(super) struct Room {
    name: RoomName,
    reader: Reader,
    /// Whether the server has answered a join on this connection and has not cut the room off since.
    live: bool,
    join: Ask,
    fill: Ask,
    waiters: Vec<JoinReply>,
    typed: Option<Instant>,
}

impl Room {
    pub(super) fn name(&self) -> &RoomName {
        &self.name
    }

    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    pub(super) fn cut(&mut self) {
        self.live = false;
        self.join = Ask::Nothing;
        self.fill = Ask::Nothing;
        self.reader.cut();
    }

    /// Since when an own request waits for its answer.
    pub(super) fn asked_since(&self) -> Option<Instant> {
        self.join.since().into_iter().chain(self.fill.since()).min()
    }

    pub(super) fn may_type(&mut self, now: Instant) -> bool {
        let may = self.live && self.typed.is_none_or(|then| then + TYPING_INTERVAL <= now);
        if may {
            self.typed = Some(now);
        }
        may
    }

    /// Answers everyone who waits for the join.
    pub(super) fn answer(&mut self, outcome: Result<Arc<RoomSnapshot>, LinkError>) {
        for waiter in self.waiters.drain(..) {
            // A caller that has given up is gone.
            waiter.send(outcome.clone()).ok();
        }
    }
}

fn later(error: &ErrorBody, now: Instant) -> Ask {
    Ask::Later { at: now + error.retry_after_ms.map_or(REFUSED_WAIT, Duration::from_millis) }
}

impl Machine {
    pub(super) fn want_room(&mut self, name: RoomName, from: JoinFrom, reply: JoinReply, now: Instant) {
        let key = name.key();
        let capacity = self.config.capacity;
        let policy = self.config.gap_policy;
        if !self.rooms.contains_key(&key) && self.rooms.len() >= capacity.rooms_max {
            reply.send(Err(LinkError::Busy { max: capacity.rooms_max })).ok();
            return;
        }
        let room = self.rooms.entry(key.clone()).or_insert_with(|| Room {
            name,
            reader: Reader::new(policy, from),
            live: false,
            join: Ask::Nothing,
            fill: Ask::Nothing,
            waiters: Vec::new(),
            typed: None,
        });
        room.waiters.retain(|waiter| !waiter.is_closed());
        if room.waiters.len() >= capacity.requests_max {
            reply.send(Err(LinkError::Busy { max: capacity.requests_max })).ok();
            return;
        }
        room.waiters.push(reply);
        self.send_join(&key, now);
    }

    /// Asks for the room's state, unless that is on its way.
    fn send_join(&mut self, key: &NameKey, now: Instant) {
        let online = self.is_online();
        let Some(room) = self.rooms.get(key).filter(|room| online && room.join.since().is_none()) else { return };
        let request = Request::Join(Join { room: room.name.to_string(), since: room.reader.since() });
        let id = self.send(request, Purpose::Join(key.clone()), now);
        if let (Some(room), Some(id)) = (self.rooms.get_mut(key), id) {
            room.join = Ask::Asked { id, since: now };
        }
    }

    fn send_fill(&mut self, key: &NameKey, after: u64, now: Instant) {
        let Some(room) = self.rooms.get(key) else { return };
        let limit = Some(HISTORY_EVENTS_MAX);
        let request =
            Request::History(History { room: room.name.to_string(), after: Some(after), before: None, limit });
        let id = self.send(request, Purpose::Fill(key.clone()), now);
        if let (Some(room), Some(id)) = (self.rooms.get_mut(key), id) {
            room.fill = Ask::Asked { id, since: now };
        }
    }

    /// A new connection: every wanted room is joined.
    pub(super) fn rejoin_rooms(&mut self, now: Instant) {
        let keys: Vec<NameKey> = self.rooms.keys().cloned().collect();
        for key in keys {
            self.send_join(&key, now);
        }
    }

    /// When the first refused request of a room is to be sent again.
    pub(super) fn rooms_due(&self) -> Option<Instant> {
        self.rooms.values().filter_map(|room| room.join.due().into_iter().chain(room.fill.due()).min()).min()
    }

    /// Sends refused requests again whose time has come.
    pub(super) fn retry_rooms(&mut self, now: Instant) {
        let is_due = |ask: Ask| ask.due().is_some_and(|at| at <= now);
        let due = |(key, room): (&NameKey, &Room)| {
            (is_due(room.join) || is_due(room.fill)).then(|| (key.clone(), is_due(room.join)))
        };
        let due: Vec<(NameKey, bool)> = self.rooms.iter().filter_map(due).collect();
        for (key, join) in due {
            let after = self.rooms.get(&key).map(|room| room.reader.delivered());
            if join {
                self.send_join(&key, now);
            } else if let Some(after) = after {
                self.send_fill(&key, after, now);
            }
        }
    }

    /// The reply to a join.
    pub(super) fn joined(&mut self, key: &NameKey, id: u64, outcome: Result<reply::Joined, ErrorBody>, now: Instant) {
        let Some(room) = self.rooms.get_mut(key).filter(|room| room.join.is(id)) else { return };
        room.join = Ask::Nothing;
        let mut reply = match outcome {
            Ok(reply) => reply,
            Err(error) if error.code.retry() == Retry::Later => {
                room.join = later(&error, now);
                let notice = format!("cannot join #{} yet: {error}", room.name);
                return self.updates.push(Update::Notice(notice));
            }
            Err(error) => return self.refused_room(key, error),
        };
        room.name = reply.room.clone();
        room.live = true;
        let mut steps = Vec::new();
        room.reader.joined(&mut reply, &mut steps);
        self.apply(key, Some(reply), steps, now);
        self.send_posts(now);
    }

    /// The server does not let us in, and waiting does not help.
    fn refused_room(&mut self, key: &NameKey, error: ErrorBody) {
        let Some(mut room) = self.rooms.remove(key) else { return };
        self.outbox.left(key, Some(&error), &mut self.updates);
        self.updates.push(Update::Left { room: room.name.clone(), error: Some(error.clone()) });
        room.answer(Err(LinkError::Refused(error)));
    }

    /// A page of history for a hole.
    pub(super) fn filled(&mut self, key: &NameKey, id: u64, outcome: Result<reply::History, ErrorBody>, now: Instant) {
        let Some(room) = self.rooms.get_mut(key).filter(|room| room.fill.is(id)) else { return };
        room.fill = Ask::Nothing;
        let mut steps = Vec::new();
        match outcome {
            Ok(page) => match room.reader.page(page, &mut steps) {
                Ok(()) => self.apply(key, None, steps, now),
                Err(error) => self.lost(Outage::Protocol(format!("#{key}: {error}", key = key.as_str())), None, now),
            },
            Err(error) if error.code.retry() == Retry::Later => room.fill = later(&error, now),
            Err(error) => self.lost(Outage::Refused(error), None, now),
        }
    }

    /// An event of a log came live.
    pub(super) fn log_event(&mut self, event: Event, now: Instant) {
        let Some(key) = event.room().map(RoomName::key) else { return };
        let Some(room) = self.rooms.get_mut(&key).filter(|room| room.live) else { return };
        let mut steps = Vec::new();
        room.reader.event(event, &mut steps);
        self.apply(&key, None, steps, now);
    }

    /// The room goes on without this connection until it is joined again.
    pub(super) fn lagged(&mut self, key: &NameKey, now: Instant) {
        if let Some(room) = self.rooms.get_mut(key) {
            room.cut();
            self.send_join(key, now);
        }
    }

    fn apply(&mut self, key: &NameKey, mut reply: Option<reply::Joined>, steps: Vec<Step>, now: Instant) {
        let Some(name) = self.rooms.get(key).map(|room| room.name.clone()) else { return };
        for step in steps {
            match step {
                Step::Reset => self.updates.push(Update::Reset { room: name.clone() }),
                Step::Snapshot { delivered } => {
                    if let Some(reply) = reply.take() {
                        self.tell_room(key, reply, delivered);
                    }
                }
                Step::Deliver(event) => self.deliver(&name, event),
                Step::Gap { after, before } => {
                    self.updates.push(Update::Gap { room: name.clone(), after, before });
                }
                Step::Fill { after } => self.send_fill(key, after, now),
                Step::Rejoin => self.lagged(key, now),
            }
        }
        let caught_up = self.rooms.get(key).is_some_and(|room| room.live && !room.reader.is_filling());
        if caught_up {
            self.outbox.caught_up(key, &mut self.updates);
        }
    }

    fn tell_room(&mut self, key: &NameKey, reply: reply::Joined, delivered: u64) {
        let snapshot = Arc::new(RoomSnapshot {
            room: reply.room,
            epoch: reply.epoch,
            seq: reply.seq,
            delivered,
            topic: reply.topic,
            member_count: reply.member_count,
            members: reply.members,
            resume: reply.resume,
        });
        self.updates.push(Update::Room(Arc::clone(&snapshot)));
        if let Some(room) = self.rooms.get_mut(key) {
            room.answer(Ok(snapshot));
        }
    }

    fn deliver(&mut self, name: &RoomName, event: Event) {
        let mut settled = Vec::new();
        self.outbox.observe(&event, &mut settled);
        match self.updates.last_mut() {
            Some(Update::Events { room, events }) if room == name && events.len() < EVENTS_MAX => events.push(event),
            _ => self.updates.push(Update::Events { room: name.clone(), events: vec![event] }),
        }
        self.updates.append(&mut settled);
    }

    pub(super) fn part_room(&mut self, name: &RoomName, call: Call, now: Instant) {
        let key = name.key();
        if let Some(mut room) = self.rooms.remove(&key) {
            let left = ErrorBody::new(ErrorCode::NotJoined, "the room was left again");
            room.answer(Err(LinkError::Refused(left)));
            self.outbox.left(&key, None, &mut self.updates);
            self.updates.push(Update::Left { room: room.name, error: None });
        }
        if self.is_online() || self.is_closed() {
            self.call(call, now);
        } else {
            // without a connection nobody is in a room, and it is not joined again
            Self::answer_left(call);
        }
    }

    /// A room is left when the connection is: the server forgets it, and so did we.
    pub(super) fn answer_left(call: Call) {
        let done = encode_done().map_err(|error| LinkError::Unreadable(error.to_string()));
        // A caller that has given up is gone.
        call.reply.send(done).ok();
    }
}

fn encode_done() -> Result<Box<RawValue>, serde_json::Error> {
    serde_json::value::to_raw_value(&reply::Done {})
}
