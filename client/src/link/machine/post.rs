//! Posts at the edge of the outbox: which one goes out when, and what the answers mean.

use std::time::Instant;

use hubbub_protocol::{
    ErrorBody, ErrorCode, NameKey, Request, RequestFrame, RoomName,
    id::Nonce,
    reply::Posted,
    request::{Post, Typing},
};

use super::{Action, Machine, request::Purpose};
use crate::link::{
    error::PostFailure,
    outbox::{NewPost, Order, Refusal},
};

impl Machine {
    pub(super) fn queue_post(&mut self, post: NewPost, now: Instant) {
        let key = post.room.key();
        self.outbox.queue(post, &mut self.updates);
        // When the link has ended, `finish` fails it with the better reason.
        if !self.rooms.contains_key(&key) && !self.is_closed() {
            self.outbox.left(&key, None, &mut self.updates);
        }
        self.send_posts(now);
    }

    pub(super) fn retry_post(&mut self, nonce: &Nonce, now: Instant) {
        if let Some(key) = self.outbox.retry(nonce, &mut self.updates)
            && !self.rooms.contains_key(&key)
            && !self.is_closed()
        {
            self.outbox.left(&key, None, &mut self.updates);
        }
        self.send_posts(now);
    }

    /// Sends what may be sent now: room by room in order, not faster than the server takes it.
    pub(super) fn send_posts(&mut self, now: Instant) {
        self.pace_until = None;
        while self.is_online() {
            let rooms = &self.rooms;
            let live = |key: &NameKey| rooms.get(key).is_some_and(super::Room::is_live);
            let Some(order) = self.outbox.next(now, live) else { return };
            match self.pace.take(now) {
                Ok(()) => self.send_post(order, now),
                Err(until) => {
                    self.pace_until = Some(until);
                    return;
                }
            }
        }
    }

    fn send_post(&mut self, order: Order, now: Instant) {
        let (Some(post), Some(session)) = (self.outbox.get(order), &self.session) else { return };
        let (user, frame_max) = (session.user, session.welcome.limits.frame_bytes_max);
        let frame = RequestFrame {
            id: self.next_id,
            request: Request::Post(Post {
                room: post.room.to_string(),
                nonce: post.nonce.as_str().to_owned(),
                text: post.text.clone(),
                kind: post.kind,
            }),
        };
        let fault = match frame.encode() {
            Ok(text) if u64::try_from(text.len()).is_ok_and(|bytes| bytes <= frame_max) => {
                self.step_id();
                self.pending.insert(frame.id, Purpose::Post(order));
                self.outbox.sent(order, user, now);
                self.actions.push_back(Action::Send(text));
                return;
            }
            // Sent all the same, it would cost the connection.
            Ok(text) => format!("the post takes {} bytes, this server takes {frame_max}", text.len()),
            Err(error) => format!("the post cannot be written: {error}"),
        };
        let error = ErrorBody::new(ErrorCode::TextTooLong, fault);
        self.outbox.fail(order, PostFailure::Refused(error), &mut self.updates);
    }

    /// The reply to a post.
    pub(super) fn posted(&mut self, order: Order, outcome: Result<Posted, ErrorBody>, now: Instant) {
        match outcome {
            Ok(posted) => self.outbox.settle(order, posted, &mut self.updates),
            Err(error) => {
                let room = self.outbox.get(order).map(|post| post.room.key());
                match self.outbox.refused(order, error, now, &mut self.updates) {
                    Refusal::Done => {}
                    Refusal::HoldAll(until) => self.pace.hold(until),
                    Refusal::Rejoin => {
                        if let Some(room) = room {
                            self.lagged(&room, now);
                        }
                    }
                }
            }
        }
        self.fail_unwanted();
        self.send_posts(now);
    }

    /// Posts that came back to wait for a room that was left meanwhile will never be sent.
    pub(super) fn fail_unwanted(&mut self) {
        let unwanted: Vec<NameKey> =
            self.outbox.rooms_waiting().filter(|key| !self.rooms.contains_key(key)).cloned().collect();
        for key in unwanted {
            self.outbox.left(&key, None, &mut self.updates);
        }
    }

    pub(super) fn typing(&mut self, room: &RoomName, now: Instant) {
        let online = self.is_online();
        if let Some(room) = self.rooms.get_mut(&room.key())
            && online
            && room.may_type(now)
        {
            let room = room.name().to_string();
            self.send_quietly(Request::Typing(Typing { room }));
        }
    }
}
