//! What comes from the server: bytes to frames, frames to what they mean, each to its place.

use hubbub_protocol::{
    ErrorBody, Event,
    reply::{Posted, Welcome},
};
use serde_json::value::RawValue;

use super::{Lost, Person, State, What, room::nonsense};
use crate::scenario::{
    crowd::{
        deck::{Deck, Notice},
        incoming::{self, Incoming},
        memo::Said,
        order::Failure,
        websocket::{
            frame::{self, Frame, Opcode},
            upgrade::{self, UpgradeError},
        },
    },
    ledger::Way,
};

impl Person {
    /// Takes what can be taken of `bytes` and tells how many they were; the rest is to be given again with what follows it.
    ///
    /// # Errors
    /// When the connection is over, whoever's fault it is.
    pub(in super::super) fn input(&mut self, bytes: &[u8], deck: &mut Deck) -> Result<usize, Lost> {
        let mut taken = 0;
        if matches!(self.state, State::Away | State::Waiting | State::Queued) {
            // who was cut a moment ago hears nothing more, though the socket is not closed yet
            return Ok(bytes.len());
        }
        if self.state == State::Upgrading {
            let key = self.key.as_deref().unwrap_or_default();
            match upgrade::answer(bytes, key, false).map_err(Lost::Upgrade)? {
                Some(answer) => taken = answer,
                None => return Ok(0),
            }
            self.greet(deck);
        }
        while let Some(frame) = frame::read(&bytes[taken..]).map_err(|error| Lost::Broken(error.to_string()))? {
            taken += frame.bytes;
            self.take(frame, deck)?;
        }
        Ok(taken)
    }

    /// Nothing follows `rest`: the server ended the stream. Why, as far as it can be told.
    pub(in super::super) fn ended(&self, rest: &[u8]) -> Lost {
        match self.state {
            State::Upgrading if rest.is_empty() => {
                Lost::Broken("the server ended the connection in the handshake".to_owned())
            }
            State::Upgrading => match upgrade::answer(rest, self.key.as_deref().unwrap_or_default(), true) {
                Err(error) => Lost::Upgrade(error),
                Ok(_) => Lost::Upgrade(UpgradeError::Nonsense("its answer breaks off")),
            },
            _ if rest.is_empty() => Lost::Broken("the server ended the connection without a close frame".to_owned()),
            _ => Lost::Broken("the server ended the connection in the middle of a frame".to_owned()),
        }
    }

    fn take(&mut self, frame: Frame<'_>, deck: &mut Deck) -> Result<(), Lost> {
        match frame.opcode {
            Opcode::Text => self.text(frame.payload, deck),
            Opcode::Ping => {
                self.frame(Opcode::Pong, frame.payload, deck);
                Ok(())
            }
            Opcode::Pong => Ok(()),
            Opcode::Close => {
                let (code, reason) = frame::close_reason(frame.payload);
                if self.state != State::Leaving {
                    self.frame(Opcode::Close, frame.payload.get(..2).unwrap_or_default(), deck);
                }
                Err(Lost::Closed { code, reason })
            }
        }
    }

    #[inline]
    fn text(&mut self, text: &[u8], deck: &mut Deck) -> Result<(), Lost> {
        match deck.memo.recall(text) {
            Some(said) => {
                self.heard(said, deck);
                Ok(())
            }
            None => self.new_text(text, deck),
        }
    }

    /// The hot path: something that somebody got before.
    #[inline]
    fn heard(&mut self, said: Said, deck: &mut Deck) {
        let Said::Entry { room, seq, content } = said else { return };
        if deck.over {
            return;
        }
        deck.stirred = true;
        match self.place(room) {
            Some(index) => deck.ledger.event(self.rooms[index].seat, seq, content, Way::Live, deck.now),
            None => deck.ledger.leaked(self.id, room, seq, content, deck.now),
        }
        self.saw(content, deck);
    }

    fn new_text(&mut self, text: &[u8], deck: &mut Deck) -> Result<(), Lost> {
        let text =
            str::from_utf8(text).map_err(|_| Lost::Broken("a text frame of the server is not UTF-8".to_owned()))?;
        let frame = incoming::read(text).map_err(|error| nonsense("frame", &error))?;
        match frame {
            Incoming::Event(event) => {
                match deck.learn(text.as_bytes(), &event, None) {
                    Some(said) => self.heard(said, deck),
                    None => self.noticed(&event, deck),
                }
                Ok(())
            }
            // something that was no request: garbage was answered
            Incoming::Reply { re: None, .. } => Ok(()),
            Incoming::Reply { re: Some(re), outcome } => self.reply(re, outcome, deck),
        }
    }

    fn noticed(&mut self, event: &Event, deck: &mut Deck) {
        match event {
            Event::Lagged(lagged) if !deck.over => {
                if let Some(room) = deck.ledger.known_room(&lagged.room) {
                    self.lagged(room, lagged.seq, deck);
                }
            }
            Event::Goodbye(goodbye) => self.goodbye(goodbye.reconnect_after_ms),
            _ => {}
        }
    }

    /// Replies come in the order of the requests; one that answers none of them breaks the protocol.
    fn reply(&mut self, re: u64, outcome: Result<&RawValue, ErrorBody>, deck: &mut Deck) -> Result<(), Lost> {
        let Some(at) = self.asked.iter().position(|asked| asked.id == re) else {
            return Err(Lost::Broken(format!("the server answers request {re}, which is none")));
        };
        let Some(asked) = self.asked.remove(at) else { return Ok(()) };
        match outcome {
            Ok(ok) => self.agreed(asked.what, ok, deck),
            Err(error) => self.refused(asked.what, error, deck),
        }
    }

    fn agreed(&mut self, what: What, ok: &RawValue, deck: &mut Deck) -> Result<(), Lost> {
        match what {
            What::Hello { .. } => {
                let welcome: Welcome =
                    serde_json::from_str(ok.get()).map_err(|error| nonsense("reply to hello", &error))?;
                self.welcome(welcome, deck);
            }
            What::Quit => self.quitted(deck),
            _ if deck.over => {}
            What::Join(room) => return self.joined(room, ok, deck),
            What::Page { room, before } => return self.page(room, before, ok, deck),
            What::Read(key) => return self.read(key, ok, deck),
            What::Part(room) => self.parted(room, deck),
            What::Post(message) => {
                let posted: Posted =
                    serde_json::from_str(ok.get()).map_err(|error| nonsense("reply to post", &error))?;
                self.posted(message, Ok((posted.seq, posted.duplicate)), deck);
            }
            What::Typing(order) => self.typed(order, Ok(()), deck),
        }
        Ok(())
    }

    fn refused(&mut self, what: What, error: ErrorBody, deck: &mut Deck) -> Result<(), Lost> {
        match what {
            What::Hello { token } => return self.not_welcome(error, token, deck),
            What::Quit => return Err(Lost::Wished),
            _ if deck.over => {}
            What::Join(room) | What::Page { room, .. } => self.not_joined(room, error, deck),
            What::Read(key) => self.not_read(key, error, deck),
            What::Part(room) => self.not_parted(room, error, deck),
            What::Post(message) => self.posted(message, Err(error), deck),
            What::Typing(order) => self.typed(order, Err(Failure::Refused(error)), deck),
        }
        Ok(())
    }

    fn typed(&mut self, order: Option<usize>, outcome: Result<(), Failure>, deck: &mut Deck) {
        if let Some(order) = order {
            deck.notices.push_back(Notice::Done { order, person: self.id, outcome });
        }
    }
}
