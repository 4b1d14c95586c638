//! One of the crowd: the native protocol's client side as a machine without socket or clock.
//!
//! Bytes and the time go in; bytes to be written gather in `out`, and what others must know is noticed on the
//! [`Deck`]. The ledger is told at the very place where something is seen.
//!
//! ```text
//! Away ─▶ Waiting ─▶ Queued ─▶ Dialing ─▶ Upgrading ─▶ Greeting ─▶ Online ─▶ Leaving ─▶ Away
//!            ▲                    └──────────┴── lost ────┴──────────┘
//!            └──── who is to come back ──────────┘
//! ```

mod input;
mod post;
mod presence;
mod reading;
mod room;
#[cfg(test)]
pub(super) mod tests;

use std::collections::VecDeque;

use hubbub_protocol::{Request, RequestFrame, id::Seq};
use rand::RngExt;

use super::{
    deck::{Deck, Notice},
    order::{Failure, Recruit},
    websocket::frame::{self, Opcode},
};
use crate::scenario::{
    file::{cast::Via, expectation::Resumed},
    id::{MessageId, Moment, PersonId, RoomId, SeatId},
};
pub(super) use post::{Kind, Owner, Pending};
pub(super) use presence::Lost;
pub(super) use room::Place;

/// Where a person stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Without a connection, and without the wish for one.
    Away,
    /// Until the time of the next attempt.
    Waiting,
    /// Until there is room for one more handshake.
    Queued,
    Dialing,
    Upgrading,
    Greeting,
    Online,
    /// A close frame or `quit` is on its way.
    Leaving,
}

/// A room as one person has it. It stays when they part: what comes of it after that is a leak.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) room: RoomId,
    pub(super) seat: SeatId,
    /// They are to be in it.
    pub(super) wanted: bool,
    pub(super) place: Place,
    /// The reply to `join` came on this connection, and none to `part` since.
    pub(super) entered: bool,
    /// How it came back with this connection, and how much was missed.
    pub(super) how: Option<(Resumed, u64)>,
    /// The seq of the position that the last join named.
    since: Option<Seq>,
}

/// A request without its reply.
#[derive(Debug)]
struct Asked {
    id: u64,
    at: Moment,
    what: What,
}

/// Which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Hello {
        token: bool,
    },
    Join(RoomId),
    Part(RoomId),
    Post(MessageId),
    /// A page that fills the hole before this seq.
    Page {
        room: RoomId,
        before: Seq,
    },
    Read(usize),
    /// With the order that waits for it, if one does.
    Typing(Option<usize>),
    Quit,
}

/// What an order waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Connect,
    Join(RoomId),
    Part(RoomId),
    Leave,
}

/// An order that waits for a deed of this person.
#[derive(Debug)]
struct Awaiting {
    order: usize,
    deed: Deed,
    /// Counted from the first attempt.
    deadline: Option<Moment>,
}

/// One of the crowd.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) id: PersonId,
    pub(super) name: Box<str>,
    nick: Box<str>,
    pub(super) reads_bytes_per_s: Option<u64>,
    pub(super) returns: bool,
    /// Not of the cast: reads the rooms back at the end.
    pub(super) is_auditor: bool,
    pub(super) state: State,
    /// They are to be connected.
    pub(super) wish: bool,
    /// In all their rooms with every gap filled, on this connection.
    pub(super) arrived: bool,
    pub(super) paused: bool,
    /// They sent garbage on this connection: its end is no surprise.
    mischief: bool,
    /// This connection resumed a session.
    resumed: bool,
    holds_slot: bool,
    /// Attempts since the last arrival.
    pub(super) attempt: u32,
    /// When the attempt began, or the leaving.
    began: Moment,
    /// How long the server wants them to stay away, from its goodbye or refusal.
    stay_away_ms: Option<u64>,
    token: Option<Box<str>>,
    key: Option<Box<str>>,
    /// What the server closed the last connection with.
    pub(super) closed: Option<u16>,
    last_failure: Option<Box<Failure>>,
    /// By room number.
    pub(super) rooms: Vec<Membership>,
    asked: VecDeque<Asked>,
    pub(super) posts: VecDeque<Pending>,
    /// How many of them have not been written on this connection.
    unsent: usize,
    /// How many of them wait for their own event.
    sights: usize,
    awaiting: Vec<Awaiting>,
    next_id: u64,
    /// For rooms in turn.
    turn: usize,
    /// What is to be written; it ends with the connection, see [`Person::sweep`].
    pub(super) out: Vec<u8>,
}

impl Person {
    pub(super) fn new(id: PersonId, recruit: Recruit) -> Self {
        // the one way so far: this machine speaks it
        let Via::Native = recruit.via;
        Self {
            id,
            nick: recruit.name.as_str().into(),
            name: recruit.name.into(),
            reads_bytes_per_s: recruit.reads_bytes_per_s,
            returns: recruit.returns,
            is_auditor: false,
            state: State::Away,
            wish: false,
            arrived: false,
            paused: false,
            mischief: false,
            resumed: false,
            holds_slot: false,
            attempt: 0,
            began: Moment::default(),
            stay_away_ms: None,
            token: None,
            key: None,
            closed: None,
            last_failure: None,
            rooms: Vec::new(),
            asked: VecDeque::new(),
            posts: VecDeque::new(),
            unsent: 0,
            sights: 0,
            awaiting: Vec::new(),
            next_id: 0,
            turn: 0,
            out: Vec::new(),
        }
    }

    /// The seat in this room, if there ever was one.
    #[inline]
    fn place(&self, room: RoomId) -> Option<usize> {
        self.rooms.binary_search_by_key(&room, |membership| membership.room).ok()
    }

    /// Sends a request.
    fn ask(&mut self, request: Request, what: What, deck: &mut Deck) {
        self.next_id += 1;
        let frame = RequestFrame { id: self.next_id, request };
        match frame.encode() {
            Ok(text) => self.frame(Opcode::Text, text.as_bytes(), deck),
            // then no answer comes, and patience ends
            Err(error) => tracing::error!(%error, "a request could not be made"),
        }
        self.asked.push_back(Asked { id: self.next_id, at: deck.now, what });
    }

    /// Puts a frame behind what is to be written.
    fn frame(&mut self, opcode: Opcode, payload: &[u8], deck: &mut Deck) {
        self.writes(deck);
        frame::write(&mut self.out, opcode, payload, deck.chance.random());
    }

    /// Something is about to be put into `out`.
    fn writes(&mut self, deck: &mut Deck) {
        if self.out.is_empty() {
            deck.notices.push_back(Notice::Write(self.id));
        }
    }

    /// Lets an order wait for a deed.
    pub(super) fn await_deed(&mut self, order: usize, deed: Deed, deck: &Deck) {
        // who waits for a place in the queue is not impatient yet
        let is_begun = !matches!(self.state, State::Away | State::Waiting | State::Queued);
        let deadline = (is_begun && deed != Deed::Leave).then(|| deck.now.after(deck.config.patience));
        self.awaiting.push(Awaiting { order, deed, deadline });
    }

    /// The deed is done, or never will be.
    fn done(&mut self, deed: Deed, outcome: &Result<(), Failure>, deck: &mut Deck) {
        let person = self.id;
        let done = self.awaiting.extract_if(.., |awaiting| awaiting.deed == deed);
        deck.notices.extend(done.map(|Awaiting { order, .. }| Notice::Done {
            order,
            person,
            outcome: outcome.clone(),
        }));
    }
}
