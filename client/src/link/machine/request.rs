//! Requests and their replies: who waits for what, and what becomes of them when the connection breaks.

use std::time::Instant;

use hubbub_protocol::{
    ErrorBody, Event, NameKey, Nick, Request, RequestFrame,
    envelope::read_ok,
    id::Seq,
    limits::REQUEST_ID_MAX,
    reply::{History, Joined, NickChanged, Posted, Welcome},
};
use serde::de::{DeserializeOwned, Error as _};
use serde_json::value::RawValue;

use super::{Action, Machine, SEQ_MAX};
use crate::link::{
    command::Call,
    error::{CloseReason, LinkError, Outage},
    outbox::Order,
};

/// What a reply is for.
#[derive(Debug)]
pub(super) enum Purpose {
    Hello,
    Quit,
    Join(NameKey),
    Fill(NameKey),
    Post(Order),
    Call(Call),
}

impl Machine {
    /// The id of the last request is used: the next one has another.
    pub(super) fn step_id(&mut self) {
        self.next_id = if self.next_id >= REQUEST_ID_MAX { 1 } else { self.next_id + 1 };
    }

    /// Sends a request and notes what its reply is for. Returns its id; `None`: it could not be put into a frame.
    pub(super) fn send(&mut self, request: Request, purpose: Purpose, now: Instant) -> Option<u64> {
        let frame = RequestFrame { id: self.next_id, request };
        match frame.encode() {
            Ok(text) => {
                let id = frame.id;
                self.step_id();
                self.pending.insert(id, purpose);
                self.actions.push_back(Action::Send(text));
                Some(id)
            }
            Err(error) => {
                self.lost(Outage::Protocol(format!("a request cannot be written: {error}")), None, now);
                None
            }
        }
    }

    /// Sends a request whose answer does not matter; one that cannot be written is left out.
    pub(super) fn send_quietly(&mut self, request: Request) {
        let frame = RequestFrame { id: self.next_id, request };
        if let Ok(text) = frame.encode() {
            self.step_id();
            self.actions.push_back(Action::Send(text));
        }
    }

    /// A reply came.
    pub(super) fn reply(&mut self, id: u64, outcome: Result<Box<RawValue>, ErrorBody>, now: Instant) {
        // To what was sent quietly there are replies that nobody waits for.
        let Some(purpose) = self.pending.remove(&id) else { return };
        let read = match purpose {
            Purpose::Hello => typed::<Welcome>(outcome).map(|outcome| self.greeted(outcome, now)),
            Purpose::Quit => {
                self.close(CloseReason::Quit);
                Ok(())
            }
            Purpose::Join(room) => typed::<Joined>(outcome)
                .and_then(|outcome| checked(outcome, |joined| largest(joined.seq, &joined.events)))
                .map(|outcome| self.joined(&room, id, outcome, now)),
            Purpose::Fill(room) => typed::<History>(outcome)
                .and_then(|outcome| checked(outcome, |page| largest(page.seq, &page.events)))
                .map(|outcome| self.filled(&room, id, outcome, now)),
            Purpose::Post(order) => typed::<Posted>(outcome)
                .and_then(|outcome| checked(outcome, |posted| posted.seq))
                .map(|outcome| self.posted(order, outcome, now)),
            Purpose::Call(call) => {
                self.answer_call(call, outcome);
                Ok(())
            }
        };
        if let Err(error) = read {
            self.lost(Outage::Protocol(format!("a reply cannot be read: {error}")), None, now);
        }
    }

    fn answer_call(&mut self, call: Call, outcome: Result<Box<RawValue>, ErrorBody>) {
        if let (Request::Nick(_), Ok(ok)) = (&call.request, &outcome)
            && let Ok(NickChanged { nick }) = read_ok(ok)
        {
            self.renamed(nick);
        }
        // A caller that has given up is gone: its answer is of use to nobody.
        call.reply.send(outcome.map_err(LinkError::Refused)).ok();
    }

    fn renamed(&mut self, nick: Nick) {
        if let Some(session) = &mut self.session {
            session.nick = nick.clone();
        }
        self.nick = Some(nick);
        self.tell_identity();
    }

    /// A handle's request.
    pub(super) fn call(&mut self, call: Call, now: Instant) {
        let max = self.config.capacity.requests_max;
        if self.pending.len() + self.calls.len() >= max {
            self.calls.retain(|call| !call.reply.is_closed());
            self.pending.retain(|_, purpose| !matches!(purpose, Purpose::Call(call) if call.reply.is_closed()));
        }
        let waiting = self.pending.values().filter(|purpose| matches!(purpose, Purpose::Call(_))).count();
        if waiting + self.calls.len() >= max {
            call.reply.send(Err(LinkError::Busy { max })).ok();
        } else if self.is_online() {
            self.send_call(call, now);
        } else if call.patient || self.is_closed() {
            self.calls.push_back(call);
        } else {
            call.reply.send(Err(LinkError::Disconnected)).ok();
        }
    }

    fn send_call(&mut self, call: Call, now: Instant) {
        if call.reply.is_closed() {
            return;
        }
        if matches!(call.request, Request::Topic(_)) {
            // Topics share the server's rate with posts; whether this one is let through, the server says.
            self.pace.take(now).ok();
        }
        self.send(call.request.clone(), Purpose::Call(call), now);
    }

    /// The connection is back: patient calls are asked.
    pub(super) fn resume_calls(&mut self, now: Instant) {
        while self.is_online()
            && let Some(call) = self.calls.pop_front()
        {
            self.send_call(call, now);
        }
    }

    /// The connection was lost: patient calls wait for the next one, the others fail.
    pub(super) fn cut_calls(&mut self) {
        let mut calls: Vec<(u64, Call)> = Vec::new();
        for (id, purpose) in self.pending.drain() {
            if let Purpose::Call(call) = purpose {
                calls.push((id, call));
            }
        }
        calls.sort_by_key(|(id, _)| *id);
        for (_, call) in calls.into_iter().rev() {
            if matches!(call.request, Request::Part(_)) {
                Self::answer_left(call);
            } else if call.patient {
                self.calls.push_front(call);
            } else {
                call.reply.send(Err(LinkError::Disconnected)).ok();
            }
        }
    }

    /// The link has ended.
    pub(super) fn fail_calls(&mut self, error: &LinkError) {
        self.cut_calls();
        for call in self.calls.drain(..) {
            call.reply.send(Err(error.clone())).ok();
        }
    }
}

fn typed<T: DeserializeOwned>(
    outcome: Result<Box<RawValue>, ErrorBody>,
) -> Result<Result<T, ErrorBody>, serde_json::Error> {
    match outcome {
        Ok(ok) => read_ok(&ok).map(Ok),
        Err(error) => Ok(Err(error)),
    }
}

/// Refuses a reply with a place that no log has: what is counted from it would overflow.
fn checked<T>(
    outcome: Result<T, ErrorBody>,
    largest: impl FnOnce(&T) -> Seq,
) -> Result<Result<T, ErrorBody>, serde_json::Error> {
    match outcome.as_ref().map(largest) {
        Ok(seq) if seq > SEQ_MAX => Err(serde_json::Error::custom(format!("{seq} is no place in a log"))),
        Ok(_) | Err(_) => Ok(outcome),
    }
}

/// The largest place that a reply names.
pub(in crate::link) fn largest(seq: Seq, events: &[Event]) -> Seq {
    events.iter().filter_map(Event::seq).fold(seq, Seq::max)
}
