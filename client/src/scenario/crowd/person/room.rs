//! Rooms: joining with what one has, filling holes, falling behind, parting.

use hubbub_protocol::{
    ErrorBody, Request,
    error::Retry,
    id::Seq,
    limits::HISTORY_EVENTS_MAX,
    reply::Resume,
    request::{History, Join, Part, Typing},
};
use serde_json::value::RawValue;

use super::{Deed, Lost, Membership, Person, State, What};
use crate::scenario::{
    crowd::{
        deck::Deck,
        incoming::{JoinedReply, Page},
        memo::Said,
        order::Failure,
        timer::Due,
    },
    file::expectation::Resumed,
    id::RoomId,
    ledger::{AfterJoin, JoinedView, Way},
};

/// How far a person is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Place {
    Out,
    /// `join` is asked.
    Asked,
    /// `join` is to be asked again later.
    Later,
    /// Pages of history are being read.
    Filling,
    In,
    /// The server does not let them in.
    Refused,
}

/// What is not JSON of the shape that the protocol promises.
pub(super) fn nonsense(what: &str, error: &serde_json::Error) -> Lost {
    Lost::Broken(format!("the server's {what} cannot be read: {error}"))
}

impl Person {
    /// They are to be in this room from now on; true when there is something to wait for.
    pub(in super::super) fn join(&mut self, room: RoomId, deck: &mut Deck) -> bool {
        let index = self.rooms.binary_search_by_key(&room, |membership| membership.room);
        let index = index.unwrap_or_else(|index| {
            let seat = deck.ledger.seat(self.id, room);
            let (wanted, place, entered, how, since) = (false, Place::Out, false, None, None);
            self.rooms.insert(index, Membership { room, seat, wanted, place, entered, how, since });
            index
        });
        self.rooms[index].wanted = true;
        if self.state != State::Online || self.rooms[index].place == Place::In {
            return false;
        }
        if matches!(self.rooms[index].place, Place::Out | Place::Refused) {
            self.ask_join(index, deck);
        }
        true
    }

    pub(super) fn ask_join(&mut self, index: usize, deck: &mut Deck) {
        let membership = &mut self.rooms[index];
        let since = deck.ledger.position(membership.seat);
        deck.ledger.join_asked(membership.seat);
        membership.since = since.as_ref().map(|since| since.seq);
        membership.place = Place::Asked;
        let room = membership.room;
        let name = deck.room_name(room).to_owned();
        self.ask(Request::Join(Join { room: name, since }), What::Join(room), deck);
    }

    /// The time to ask again has come.
    pub(in super::super) fn rejoin(&mut self, room: RoomId, deck: &mut Deck) {
        let Some(index) = self.place(room) else { return };
        if self.state == State::Online && self.rooms[index].place == Place::Later {
            self.ask_join(index, deck);
        }
    }

    /// The reply to `join`.
    pub(super) fn joined(&mut self, room: RoomId, ok: &RawValue, deck: &mut Deck) -> Result<(), Lost> {
        let reply: JoinedReply<'_> =
            serde_json::from_str(ok.get()).map_err(|error| nonsense("reply to join", &error))?;
        let Some(index) = self.place(room) else { return Ok(()) };
        let mut entries = Vec::with_capacity(reply.events.len());
        for event in &reply.events {
            match deck.said(event.get().as_bytes(), Some(room)) {
                Some(Said::Entry { seq, content, .. }) => entries.push((seq, content)),
                Some(Said::Signal) | None => {
                    return Err(Lost::Broken("the server's reply to join has an event that is in no log".to_owned()));
                }
            }
        }
        let ends = entries.first().zip(entries.last()).map(|(first, last)| (first.0, last.0, entries.len()));
        let membership = &mut self.rooms[index];
        membership.entered = true;
        let how = match reply.resume {
            Resume::Fresh => Resumed::Fresh,
            Resume::Complete => Resumed::Complete,
            Resume::Gap | Resume::Unknown => Resumed::Gap,
            Resume::Reset => Resumed::Reset,
        };
        // who falls behind later joins anew, which says nothing about how they came back
        membership.how.get_or_insert((how, membership.since.map_or(0, |since| reply.seq.saturating_sub(since))));
        let seat = membership.seat;
        let view = JoinedView { epoch: &reply.epoch, seq: reply.seq, resume: reply.resume, events: ends };
        let after = deck.ledger.joined(seat, view, deck.now);
        for (seq, content) in entries {
            deck.ledger.event(seat, seq, content, Way::Joined, deck.now);
            self.saw(content, deck);
        }
        deck.stirred = true;
        self.send_waiting(deck);
        match after {
            AfterJoin::Fill { after, before } => self.ask_page(index, after, before, deck),
            AfterJoin::Nothing => self.entered(index, deck),
        }
        Ok(())
    }

    fn ask_page(&mut self, index: usize, after: Seq, before: Seq, deck: &mut Deck) {
        self.rooms[index].place = Place::Filling;
        let room = self.rooms[index].room;
        let name = deck.room_name(room).to_owned();
        let history = History { room: name, after: Some(after), before: None, limit: Some(HISTORY_EVENTS_MAX) };
        self.ask(Request::History(history), What::Page { room, before }, deck);
    }

    /// A page that fills a hole.
    pub(super) fn page(&mut self, room: RoomId, before: Seq, ok: &RawValue, deck: &mut Deck) -> Result<(), Lost> {
        let page: Page<'_> = serde_json::from_str(ok.get()).map_err(|error| nonsense("page of history", &error))?;
        let Some(index) = self.place(room) else { return Ok(()) };
        if !self.rooms[index].entered || self.rooms[index].place != Place::Filling {
            return Ok(()); // parted, or fell behind again, since it was asked for
        }
        let seat = self.rooms[index].seat;
        let mut last = None;
        for event in &page.events {
            let Some(Said::Entry { seq, content, .. }) = deck.said(event.get().as_bytes(), Some(room)) else {
                continue;
            };
            last = Some(seq);
            if seq < before {
                deck.ledger.event(seat, seq, content, Way::Page, deck.now);
                self.saw(content, deck);
            }
        }
        deck.stirred = true;
        match last {
            Some(last) if last.saturating_add(1) < before && page.more => self.ask_page(index, last, before, deck),
            _ => self.entered(index, deck),
        }
        Ok(())
    }

    /// In the room, with nothing missing.
    fn entered(&mut self, index: usize, deck: &mut Deck) {
        self.rooms[index].place = Place::In;
        self.done(Deed::Join(self.rooms[index].room), &Ok(()), deck);
        self.arrive(deck);
    }

    /// `join`, or a page after it, was refused.
    pub(super) fn not_joined(&mut self, room: RoomId, error: ErrorBody, deck: &mut Deck) {
        let Some(index) = self.place(room) else { return };
        if error.code.retry() == Retry::Later {
            // a hole is filled from its begin: the ledger knows what there is
            self.rooms[index].place = Place::Later;
            let wait = std::time::Duration::from_millis(error.retry_after_ms.unwrap_or(1_000));
            return deck.timers.add(deck.now.after(wait), Due::Rejoin(self.id, room));
        }
        self.rooms[index].place = Place::Refused;
        deck.ledger.parted(self.rooms[index].seat);
        let failure = Failure::Refused(error);
        self.last_failure = Some(Box::new(failure.clone()));
        self.done(Deed::Join(room), &Err(failure), deck);
        self.arrive(deck);
    }

    /// The server said that this reader fell behind: ask anew from what there is.
    pub(super) fn lagged(&mut self, room: RoomId, seq: Seq, deck: &mut Deck) {
        let Some(index) = self.place(room) else { return };
        let membership = &self.rooms[index];
        deck.ledger.lagged(membership.seat, seq, deck.now);
        // a join that is under way does as well: its reply comes after this
        if membership.wanted && matches!(membership.place, Place::In | Place::Filling) {
            self.ask_join(index, deck);
        }
    }

    /// They are not to be in this room any more; true when there is something to wait for.
    pub(in super::super) fn part(&mut self, room: RoomId, deck: &mut Deck) -> bool {
        let Some(index) = self.place(room) else { return false };
        self.rooms[index].wanted = false;
        let is_asked = self.rooms[index].entered || self.rooms[index].place == Place::Asked;
        if self.state != State::Online || !is_asked {
            self.parted(room, deck);
            return false;
        }
        let name = deck.room_name(room).to_owned();
        self.ask(Request::Part(Part { room: name }), What::Part(room), deck);
        true
    }

    /// The reply to `part`, or the end of the connection on which it was asked.
    pub(super) fn parted(&mut self, room: RoomId, deck: &mut Deck) {
        if let Some(index) = self.place(room) {
            let membership = &mut self.rooms[index];
            (membership.place, membership.entered, membership.how) = (Place::Out, false, None);
            if !deck.over {
                deck.ledger.parted(membership.seat);
            }
        }
        self.done(Deed::Part(room), &Ok(()), deck);
        self.arrive(deck);
    }

    /// `part` was refused: they are still in.
    pub(super) fn not_parted(&mut self, room: RoomId, error: ErrorBody, deck: &mut Deck) {
        if let Some(index) = self.place(room) {
            self.rooms[index].wanted = true;
        }
        self.done(Deed::Part(room), &Err(Failure::Refused(error)), deck);
    }

    /// Says that they type; false when they are not there.
    pub(in super::super) fn typing(&mut self, room: RoomId, order: Option<usize>, deck: &mut Deck) -> bool {
        if self.state != State::Online {
            return false;
        }
        let name = deck.room_name(room).to_owned();
        self.ask(Request::Typing(Typing { room: name }), What::Typing(order), deck);
        true
    }
}
