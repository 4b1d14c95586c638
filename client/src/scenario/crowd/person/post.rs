//! Posts: each is sent until it is answered, after a lost connection again with the same nonce.

use hubbub_protocol::{ErrorBody, id::Seq};
use serde::Serialize;

use super::{Asked, Person, State, What};
use crate::scenario::{
    crowd::{
        deck::{Deck, Notice, PostEnd},
        incoming,
        order::Failure,
        websocket::frame::Opcode,
    },
    id::{GroupId, MessageId, Moment, RoomId},
    ledger::Content,
};

/// Who wants to know what becomes of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Owner {
    /// A flow, and the poster's place in it.
    Flow { flow: usize, slot: u32 },
    /// An order that this person's post fulfils.
    Order(usize),
}

/// A post that is not over.
#[derive(Debug)]
pub(in super::super) struct Pending {
    pub(in super::super) owner: Owner,
    /// Its name in the ledger, from the first time that it is written.
    pub(in super::super) message: Option<MessageId>,
    pub(in super::super) room: RoomId,
    pub(in super::super) intended: Moment,
    /// When nobody waits for it any more.
    pub(in super::super) overdue: Moment,
    pub(in super::super) group: Option<GroupId>,
    pub(in super::super) text: Box<str>,
    pub(in super::super) kind: Kind,
    /// Its sender's own event is waited for, too.
    pub(in super::super) sight: bool,
    /// Written on this connection.
    pub(in super::super) sent: bool,
    pub(in super::super) accepted: bool,
    pub(in super::super) seen: bool,
}

/// What it is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) enum Kind {
    Text,
    Action,
    Topic,
}

/// `post` and `topic`, without a copy of the text.
#[derive(Serialize)]
struct Wire<'a> {
    id: u64,
    op: &'static str,
    room: &'a str,
    nonce: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
}

impl Person {
    /// Posts it, now or as soon as the person is in the room.
    pub(in super::super) fn post(&mut self, pending: Pending, deck: &mut Deck) {
        self.sights += usize::from(pending.sight);
        self.unsent += 1;
        self.posts.push_back(pending);
        // an earlier one that still waits goes first
        if self.unsent == 1 {
            self.send(self.posts.len() - 1, deck);
        } else {
            self.send_waiting(deck);
        }
    }

    /// Whether a post to this room would be taken: in it, or not wanting to be, so that the server may say no.
    fn can_post(&self, room: RoomId) -> bool {
        let entered = |index: usize| self.rooms[index].entered || !self.rooms[index].wanted;
        self.state == State::Online && self.place(room).is_none_or(entered)
    }

    /// The person's rooms, in turn: the next one; `None` for one who has none.
    pub(in super::super) fn next_room(&mut self) -> Option<RoomId> {
        let room = self.coming_room();
        self.turn = self.turn.wrapping_add(1);
        room
    }

    /// The same, without taking it.
    pub(in super::super) fn coming_room(&self) -> Option<RoomId> {
        let wanted = || self.rooms.iter().filter(|membership| membership.wanted);
        let nth = self.turn.checked_rem(wanted().count())?;
        wanted().nth(nth).map(|membership| membership.room)
    }

    /// Sends what waited for a room or a connection, oldest first.
    pub(super) fn send_waiting(&mut self, deck: &mut Deck) {
        // a long outage under load leaves many: they are not looked at again with each that joins them
        if self.state != State::Online {
            return;
        }
        let mut index = 0;
        while self.unsent > 0 && index < self.posts.len() {
            if !self.posts[index].sent {
                self.send(index, deck);
            }
            index += 1;
        }
    }

    fn send(&mut self, index: usize, deck: &mut Deck) {
        let Some(pending) = self.posts.get(index) else { return };
        if !self.can_post(pending.room) {
            return;
        }
        let (room, owner, is_first) = (pending.room, pending.owner, pending.message.is_none());
        let message =
            pending.message.unwrap_or_else(|| deck.ledger.intend(self.id, room, pending.intended, pending.group));
        if let (true, Owner::Flow { flow, slot }) = (is_first, owner) {
            deck.notices.push_back(Notice::Post { flow, slot, end: PostEnd::Sent });
        }
        self.next_id += 1;
        let words = incoming::words(&self.nick, pending.kind, &pending.text);
        let nonce = incoming::nonce(&deck.config.run, message, deck.ledger.worded(message, words));
        let (text, topic) = match pending.kind {
            Kind::Topic => (None, Some(&*pending.text)),
            Kind::Text | Kind::Action => (Some(&*pending.text), None),
        };
        let op = if topic.is_some() { "topic" } else { "post" };
        let kind = (pending.kind == Kind::Action).then_some("action");
        let wire = Wire { id: self.next_id, op, room: deck.room_name(room), nonce: &nonce, text, kind, topic };
        match serde_json::to_vec(&wire) {
            Ok(frame) => self.frame(Opcode::Text, &frame, deck),
            // then no answer comes, and patience ends
            Err(error) => tracing::error!(%error, "a post could not be made"),
        }
        self.asked.push_back(Asked { id: self.next_id, at: deck.now, what: What::Post(message) });
        deck.ledger.sent(message, deck.now);
        let pending = &mut self.posts[index];
        (pending.message, pending.sent) = (Some(message), true);
        self.unsent -= 1;
    }

    /// The reply.
    pub(super) fn posted(&mut self, message: MessageId, outcome: Result<(Seq, bool), ErrorBody>, deck: &mut Deck) {
        deck.stirred = true;
        let Some(index) = self.posts.iter().position(|pending| pending.message == Some(message)) else {
            // nobody waits for it any more, but what is acknowledged must be stored
            return match outcome {
                Ok((seq, duplicate)) => deck.ledger.accepted(message, seq, duplicate, deck.now),
                Err(error) => deck.ledger.refused(message, &error, deck.now),
            };
        };
        match outcome {
            Ok((seq, duplicate)) => {
                deck.ledger.accepted(message, seq, duplicate, deck.now);
                let pending = &mut self.posts[index];
                pending.accepted = true;
                let (owner, is_over) = (pending.owner, pending.seen || !pending.sight);
                self.tell(owner, PostEnd::Accepted, deck);
                if is_over {
                    self.over(index, deck);
                }
            }
            Err(error) => {
                deck.ledger.refused(message, &error, deck.now);
                self.tell(self.posts[index].owner, PostEnd::Refused(error), deck);
                self.over(index, deck);
            }
        }
    }

    /// An event came; if it is one's own that is waited for, the wait is over.
    #[inline]
    pub(super) fn saw(&mut self, content: Content, deck: &mut Deck) {
        if self.sights == 0 {
            return;
        }
        let Content::Ours(message) = content else { return };
        let Some(index) = self.posts.iter().position(|pending| pending.message == Some(message)) else { return };
        self.posts[index].seen = true;
        if self.posts[index].accepted {
            self.over(index, deck);
        }
    }

    /// Tells the owner what became of it.
    fn tell(&self, owner: Owner, end: PostEnd, deck: &mut Deck) {
        match owner {
            Owner::Flow { flow, slot } => deck.notices.push_back(Notice::Post { flow, slot, end }),
            Owner::Order(order) => {
                let outcome = match end {
                    PostEnd::Accepted => Ok(()),
                    PostEnd::Refused(error) => Err(Failure::Refused(error)),
                    PostEnd::GivenUp => Err(Failure::TimedOut),
                    PostEnd::Unsent => Err(Failure::Disconnected("there was no connection in time".to_owned())),
                    PostEnd::Sent | PostEnd::Left => return,
                };
                deck.notices.push_back(Notice::Done { order, person: self.id, outcome });
            }
        }
    }

    fn over(&mut self, index: usize, deck: &mut Deck) {
        let Some(pending) = self.posts.remove(index) else { return };
        self.sights -= usize::from(pending.sight);
        self.unsent -= usize::from(!pending.sent);
        self.tell(pending.owner, PostEnd::Left, deck);
    }

    /// The connection is gone: what is not answered is to be sent again.
    pub(super) fn unsend(&mut self) {
        self.unsent = 0;
        for pending in &mut self.posts {
            // who has the answer needs only the event, which comes with the log
            pending.sent = pending.accepted;
            self.unsent += usize::from(!pending.sent);
        }
    }

    /// The session is gone, and with it what a nonce means: what was sent before may or may not be in the log.
    pub(super) fn abandon_sent(&mut self, deck: &mut Deck) {
        self.end_posts(deck, |pending| pending.message.is_some());
    }

    pub(super) fn sweep_posts(&mut self, deck: &mut Deck) {
        let now = deck.now;
        if !self.paused && self.posts.front().is_some_and(|pending| pending.overdue < now) {
            self.end_posts(deck, |pending| pending.overdue < now);
        }
    }

    /// Ends posts without an answer.
    fn end_posts(&mut self, deck: &mut Deck, which: impl Fn(&Pending) -> bool) {
        let mut index = 0;
        while let Some(pending) = self.posts.get(index) {
            if !which(pending) {
                index += 1;
                continue;
            }
            match (pending.message, pending.accepted) {
                (Some(_), true) => {}
                (Some(message), false) => {
                    deck.ledger.given_up(message);
                    self.tell(pending.owner, PostEnd::GivenUp, deck);
                }
                (None, _) => self.tell(pending.owner, PostEnd::Unsent, deck),
            }
            self.over(index, deck);
        }
        deck.stirred = true;
    }

    /// Posts without an answer.
    pub(in super::super) fn unanswered(&self) -> usize {
        self.posts.iter().filter(|pending| !pending.accepted).count()
    }
}
