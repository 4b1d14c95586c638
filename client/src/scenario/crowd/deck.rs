//! What everybody in the crowd shares, one at a time: the clock's time, the ledger, the timers, what was noticed.

use std::collections::VecDeque;

use hubbub_protocol::{Event, RoomName, id::Seq};
use rand::{SeedableRng, rngs::SmallRng};
use slab::Slab;
use tokio::sync::oneshot;

use super::{
    incoming,
    memo::{Memo, Said},
    meter::Meter,
    order::{CrowdConfig, Failure, ReadHistory},
    timer::Timers,
};
use crate::scenario::{
    id::{Moment, PersonId, RoomId},
    ledger::{Ledger, account::Account},
};
use hubbub_protocol::ErrorBody;

/// Rooms that are told apart though nobody of this run is in them.
const STRANGE_ROOMS_MAX: usize = 1_000;

/// Something that a person tells the loop.
#[derive(Debug)]
pub(super) enum Notice {
    /// They want a connection.
    Dial(PersonId),
    /// Theirs is to be ended: with what was written, or with a reset.
    HangUp { person: PersonId, reset: bool },
    /// Something was written for them.
    Write(PersonId),
    /// An order is done for this person, or is not.
    Done { order: usize, person: PersonId, outcome: Result<(), Failure> },
    /// A post of a flow came to an end.
    Post { flow: usize, slot: u32, end: PostEnd },
}

/// What came of a post.
#[derive(Debug)]
pub(super) enum PostEnd {
    /// It was written for the first time.
    Sent,
    Accepted,
    Refused(ErrorBody),
    /// No answer came in time.
    GivenUp,
    /// It was never written, for its sender was not there in time.
    Unsent,
    /// It needs its flow no longer: the last word about it.
    Left,
}

/// A room that is being read back.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) room: RoomId,
    /// The last event that is there.
    pub(super) after: Seq,
    /// Since when nothing but "later" was answered.
    pub(super) put_off: Option<Moment>,
    pub(super) sink: Sink,
}

/// For whom.
#[derive(Debug)]
pub(super) enum Sink {
    /// For the player.
    Player { history: ReadHistory, answer: oneshot::Sender<Result<ReadHistory, Failure>> },
    /// For the ledger, at the end of the run.
    Audit,
}

/// The shared things.
#[derive(Debug)]
pub(super) struct Deck {
    pub(super) config: CrowdConfig,
    pub(super) now: Moment,
    pub(super) ledger: Ledger,
    /// The rooms' names by their number.
    pub(super) rooms: Vec<RoomName>,
    pub(super) memo: Memo,
    pub(super) timers: Timers,
    pub(super) meter: Meter,
    pub(super) notices: VecDeque<Notice>,
    /// For masks, waits and names; the words of flows have their own.
    pub(super) chance: SmallRng,
    /// Somebody of this run reached the server at least once.
    pub(super) reached: bool,
    /// Handshakes under way.
    pub(super) connecting: usize,
    /// People of the cast who were greeted and are connected.
    pub(super) online: u64,
    /// The largest frame that the server takes, as it said itself.
    pub(super) frame_bytes_max: u64,
    pub(super) readings: Slab<Reading>,
    /// The account is closed: what comes now is not looked at.
    pub(super) over: bool,
    /// Something came that somebody may wait for.
    pub(super) stirred: bool,
    /// Rooms that only the server has named, and the last of them.
    strange_rooms: usize,
    strange_room: Option<RoomId>,
}

impl Deck {
    /// # Errors
    /// When the meter cannot be set up.
    pub(super) fn new(config: CrowdConfig) -> std::io::Result<Self> {
        Ok(Self {
            now: Moment::default(),
            ledger: Ledger::new(config.run.clone()),
            rooms: Vec::new(),
            memo: Memo::new(),
            timers: Timers::default(),
            meter: Meter::new()?,
            notices: VecDeque::new(),
            chance: SmallRng::seed_from_u64(config.seed),
            reached: false,
            connecting: 0,
            online: 0,
            frame_bytes_max: 65_536,
            readings: Slab::new(),
            over: false,
            stirred: false,
            strange_rooms: 0,
            strange_room: None,
            config,
        })
    }

    /// The room of this name, as a server says it. Of rooms that nobody asked for only so many are told apart: the last
    /// one stands for all that follow, so that no server can make this process grow.
    fn room_said(&mut self, name: &RoomName) -> RoomId {
        if let Some(room) = self.ledger.known_room(name) {
            return room;
        }
        if self.strange_rooms >= STRANGE_ROOMS_MAX
            && let Some(last) = self.strange_room
        {
            return last;
        }
        let room = self.room(name);
        self.strange_rooms += 1;
        self.strange_room = Some(room);
        room
    }

    /// The room of this name.
    pub(super) fn room(&mut self, name: &RoomName) -> RoomId {
        let room = self.ledger.room(name);
        if room.0 as usize == self.rooms.len() {
            self.rooms.push(name.clone());
        }
        room
    }

    /// A room's name on the wire.
    pub(super) fn room_name(&self, room: RoomId) -> &str {
        self.rooms.get(room.0 as usize).map_or("", RoomName::as_str)
    }

    /// What an event of these bytes says; `within` is its room when it does not say.
    #[inline]
    pub(super) fn said(&mut self, bytes: &[u8], within: Option<RoomId>) -> Option<Said> {
        self.memo.recall(bytes).or_else(|| {
            let event = serde_json::from_slice(bytes).ok()?;
            self.learn(bytes, &event, within)
        })
    }

    /// The same of an event that was read already; it is remembered. `None` for notices.
    pub(super) fn learn(&mut self, bytes: &[u8], event: &Event, within: Option<RoomId>) -> Option<Said> {
        let said = match incoming::entry(event, &self.config.run) {
            Some(entry) => {
                let room = entry.room.as_ref().map(|room| self.room_said(room)).or(within)?;
                Said::Entry { room, seq: entry.seq, content: entry.content }
            }
            None if matches!(event, Event::Lagged(_) | Event::Goodbye(_)) => return None,
            None => Said::Signal,
        };
        self.memo.remember(bytes, said);
        Some(said)
    }

    /// Closes the account; nothing is written into it any more.
    pub(super) fn close_ledger(&mut self) -> Account {
        self.over = true;
        let ledger = std::mem::replace(&mut self.ledger, Ledger::new(self.config.run.clone()));
        let mut account = ledger.close(self.now);
        account.load = self.meter.close(account.totals.delivered, account.delivery.p99_us);
        account
    }
}
