//! Reading a room's log page by page, for the player or for the audit, and sending garbage.

use hubbub_protocol::{ErrorBody, Event, Request, error::Retry, limits::HISTORY_EVENTS_MAX, request::History};
use rand::RngExt;
use serde_json::value::RawValue;

use super::{Lost, Person, State, What, room::nonsense};
use crate::scenario::{
    crowd::{
        command::tell,
        deck::{Deck, Sink},
        incoming::{self, Page},
        memo::Said,
        order::Failure,
        timer::Due,
        websocket::frame::{self, Opcode},
    },
    file::step::Garbage,
};

/// Bytes of garbage.
const GARBAGE_BYTES: usize = 64;

impl Person {
    /// Asks for the next page of a reading.
    pub(in super::super) fn ask_read(&mut self, key: usize, deck: &mut Deck) {
        let Some(reading) = deck.readings.get(key) else { return };
        if self.state != State::Online {
            let failure = self.last_failure.as_deref().cloned();
            let failure = failure.unwrap_or_else(|| Failure::Disconnected("there is no connection".to_owned()));
            return self.reading_failed(key, failure, deck);
        }
        let room = deck.room_name(reading.room).to_owned();
        let history = History { room, after: Some(reading.after), before: None, limit: Some(HISTORY_EVENTS_MAX) };
        self.ask(Request::History(history), What::Read(key), deck);
    }

    /// A page.
    pub(super) fn read(&mut self, key: usize, ok: &RawValue, deck: &mut Deck) -> Result<(), Lost> {
        let page: Page<'_> = serde_json::from_str(ok.get()).map_err(|error| nonsense("page of history", &error))?;
        let Some(reading) = deck.readings.get_mut(key) else { return Ok(()) };
        let (room, before) = (reading.room, reading.after);
        reading.put_off = None;
        if let Sink::Player { history, .. } = &mut reading.sink {
            page.epoch.as_ref().clone_into(&mut history.epoch);
            for event in &page.events {
                let event: Event = serde_json::from_str(event.get()).map_err(|error| nonsense("event", &error))?;
                let Some(seq) = event.seq() else { continue };
                reading.after = seq;
                history.events.push((seq, incoming::digest(&event)));
            }
        } else {
            for event in &page.events {
                let Some(Said::Entry { seq, content, .. }) = deck.said(event.get().as_bytes(), Some(room)) else {
                    continue;
                };
                deck.ledger.audited(room, seq, content);
                deck.readings[key].after = seq;
            }
        }
        // a page that brings nothing new would be asked for again and again
        if page.more && deck.readings[key].after > before {
            self.ask_read(key, deck);
        } else {
            let reading = deck.readings.remove(key);
            match reading.sink {
                Sink::Audit => deck.ledger.audit_ended(room, page.seq.max(reading.after)),
                Sink::Player { history, answer } => tell(answer, Ok(history)),
            }
        }
        deck.stirred = true;
        Ok(())
    }

    /// A page was refused: later, or never.
    pub(super) fn not_read(&mut self, key: usize, error: ErrorBody, deck: &mut Deck) {
        let Some(reading) = deck.readings.get_mut(key) else { return };
        let since = *reading.put_off.get_or_insert(deck.now);
        if error.code.retry() == Retry::Later && since.after(deck.config.patience) >= deck.now {
            let wait = std::time::Duration::from_millis(error.retry_after_ms.unwrap_or(1_000));
            return deck.timers.add(deck.now.after(wait), Due::Reread(self.id, key));
        }
        self.reading_failed(key, Failure::Refused(error), deck);
    }

    pub(super) fn reading_failed(&mut self, key: usize, failure: Failure, deck: &mut Deck) {
        let Some(reading) = deck.readings.try_remove(key) else { return };
        deck.stirred = true;
        match reading.sink {
            Sink::Player { answer, .. } => tell(answer, Err(failure)),
            // the ledger knows that this room was not read to its end
            Sink::Audit => {}
        }
    }

    /// Sends what no client should; false when there is no connection.
    pub(in super::super) fn garbage(&mut self, what: Garbage, deck: &mut Deck) -> bool {
        if self.state != State::Online {
            return false;
        }
        self.mischief = true;
        match what {
            Garbage::Bytes => {
                self.writes(deck);
                // reserved bits in its first byte: no luck makes a frame of it
                let mut bytes: [u8; GARBAGE_BYTES] = deck.chance.random();
                bytes[0] |= 0x70;
                self.out.extend_from_slice(&bytes);
            }
            Garbage::Text => self.frame(Opcode::Text, b"{ this is no JSON", deck),
            Garbage::Json => self.frame(Opcode::Text, br#"{"tea":["green","black"],"cups":2}"#, deck),
            Garbage::Oversized => {
                self.writes(deck);
                let length = usize::try_from(deck.frame_bytes_max).unwrap_or(usize::MAX).saturating_add(1);
                frame::head(&mut self.out, Opcode::Text, length, deck.chance.random());
            }
        }
        true
    }
}
