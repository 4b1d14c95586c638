//! The made-up server: rooms as lists, sessions as a map, and one connection as two queues.

use std::collections::{HashMap, HashSet, VecDeque};

use hubbub_protocol::{
    ErrorBody, ErrorCode, Event, Request, RequestFrame, RoomName,
    envelope::{encode_error, encode_ok},
    event::{self, PostKind},
    reply::{Done, History, Posted, Resume, User, Welcome},
    request,
};

use crate::link::fixture::{self, nick};

pub(super) const ROOMS: [&str; 2] = ["one", "two"];

#[derive(Default)]
pub(super) struct Connection {
    pub(super) user: Option<u64>,
    pub(super) joined: HashSet<usize>,
    pub(super) to_server: VecDeque<String>,
    pub(super) to_client: VecDeque<String>,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) logs: [Vec<event::Post>; 2],
    pub(super) stored: HashMap<(usize, u64, String), u64>,
    pub(super) sessions: HashMap<String, u64>,
    pub(super) users: u64,
    pub(super) connection: Option<Connection>,
    pub(super) refuse: Option<ErrorCode>,
    pub(super) drop_next: bool,
    pub(super) double_next: bool,
    pub(super) late_ack: bool,
}

pub(super) fn room_name(room: usize) -> RoomName {
    fixture::room(ROOMS[room])
}

impl World {
    pub(super) fn append(&mut self, room: usize, user: u64, nonce: &str, text: &str) -> u64 {
        let seq = self.logs[room].len() as u64 + 1;
        let from = nick("ana");
        let (kind, text, nonce) = (PostKind::Text, text.to_owned(), nonce.to_owned());
        self.logs[room].push(event::Post { room: room_name(room), seq, at: seq, user, from, kind, text, nonce });
        seq
    }

    pub(super) fn publish(&mut self, room: usize, seq: u64) {
        let event = Event::Post(self.logs[room][seq as usize - 1].clone());
        let Some(connection) = self.connection.as_mut().filter(|connection| connection.joined.contains(&room)) else {
            return;
        };
        if std::mem::take(&mut self.drop_next) {
            return;
        }
        let text = serde_json::to_string(&event).expect("encodes");
        for _ in 0..=usize::from(std::mem::take(&mut self.double_next)) {
            connection.to_client.push_back(text.clone());
        }
    }

    pub(super) fn answer(&mut self, text: String) {
        self.connection.as_mut().expect("connected").to_client.push_back(text);
    }

    pub(super) fn serve(&mut self) -> bool {
        let Some(text) = self.connection.as_mut().and_then(|connection| connection.to_server.pop_front()) else {
            return false;
        };
        let RequestFrame { id, request } = RequestFrame::decode(&text).expect("a request");
        match request {
            Request::Hello(hello) => self.hello(id, &hello),
            Request::Join(join) => self.join(id, &join),
            Request::History(history) => {
                let room = ROOMS.iter().position(|name| *name == history.room).expect("a room");
                let after = history.after.expect("after") as usize;
                let log = &self.logs[room];
                let to = (after + 4).min(log.len());
                let events = log[after..to].iter().cloned().map(Event::Post).collect();
                let (epoch, seq, more) = ("e".to_owned(), log.len() as u64, to < log.len());
                let reply = History { room: room_name(room), epoch, seq, events, more };
                self.answer(encode_ok(id, &reply).expect("encodes"));
            }
            Request::Post(post) => self.post(id, &post),
            _ => self.answer(encode_ok(id, &Done {}).expect("encodes")),
        }
        true
    }

    pub(super) fn hello(&mut self, id: u64, hello: &request::Hello) {
        let (token, user, resumed) = match &hello.token {
            Some(token) => match self.sessions.get(token) {
                Some(user) => (token.clone(), *user, true),
                None => {
                    let error = ErrorBody::new(ErrorCode::UnknownSession, "no such session");
                    return self.answer(encode_error(Some(id), &error).expect("encodes"));
                }
            },
            None => {
                self.users += 1;
                let token = format!("t{}", self.users);
                self.sessions.insert(token.clone(), self.users);
                (token, self.users, false)
            }
        };
        self.connection.as_mut().expect("connected").user = Some(user);
        let user = User { id: user, nick: nick("ana") };
        let welcome = Welcome { token, user, ..fixture::welcome(resumed) };
        self.answer(encode_ok(id, &welcome).expect("encodes"));
    }

    pub(super) fn join(&mut self, id: u64, join: &request::Join) {
        let room = ROOMS.iter().position(|name| *name == join.room).expect("a room");
        self.connection.as_mut().expect("connected").joined.insert(room);
        let log = &self.logs[room];
        let last = log.len();
        let (resume, from) = match &join.since {
            None => (Resume::Fresh, last.saturating_sub(3)),
            Some(since) if last - since.seq as usize <= 5 => (Resume::Complete, since.seq as usize),
            Some(_) => (Resume::Gap, last - 3),
        };
        let events = log[from..].iter().cloned().map(Event::Post).collect();
        let reply = fixture::joined(room_name(room), last as u64, resume, events);
        self.answer(encode_ok(id, &reply).expect("encodes"));
    }

    pub(super) fn post(&mut self, id: u64, post: &request::Post) {
        if let Some(code) = self.refuse.take() {
            let error = ErrorBody::new(code, "not now").retry_after(300);
            return self.answer(encode_error(Some(id), &error).expect("encodes"));
        }
        let room = ROOMS.iter().position(|name| *name == post.room).expect("a room");
        let user = self.connection.as_ref().and_then(|connection| connection.user).expect("greeted");
        let key = (room, user, post.nonce.clone());
        let before = self.stored.get(&key).copied();
        let seq = before.unwrap_or_else(|| self.append(room, user, &post.nonce, &post.text));
        self.stored.insert(key, seq);
        let reply = encode_ok(id, &Posted { seq, at: seq, duplicate: before.is_some() }).expect("encodes");
        let late = std::mem::take(&mut self.late_ack);
        if late {
            self.publish(room, seq);
        }
        self.answer(reply);
        if !late && before.is_none() {
            self.publish(room, seq);
        }
    }
}
