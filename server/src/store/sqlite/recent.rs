//! What stands in the journal and not in the tables yet.
//!
//! A post is on the disk when its line of the journal is. Where it belongs, it is put later, many of a room at once: two
//! posts to different rooms share no page of the tables, but a hundred of them share one of the journal. Until then it is
//! also here, where the writer finds a room's last seq and what is sent twice, and readers the end of a log.
//!
//! - **Role**: one list of events a room, and one of nonces, behind a lock that is held for moments only.
//! - **Written** by the writer's thread alone: staged while a commit is under way, which readers do not see; then
//!   settled or discarded; taken out when it stands in the tables.
//! - **Bounded** by `store_journal_events_max` and `store_journal_bytes_max`: at half of either the writer begins to put
//!   events into the tables, and at the whole it does so before it commits anything else.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hashbrown::HashTable;
use hubbub_protocol::id::{Seq, UnixMs};
use rusqlite::Connection;

use super::{
    super::{Appended, EventBody, NewEvent, Page, RoomId},
    nonce::{Key, Known},
    run::Runs,
};
use crate::domain::number::ByNumber;

/// What an event is counted as beside its texts, in bytes.
const EVENT_BYTES: usize = 200;

/// How much may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// An event, and its place in a room's log.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) room: RoomId,
    pub(super) seq: Seq,
    key: Key,
    event: Arc<NewEvent>,
}

impl Held {
    /// The event itself.
    pub(super) fn event(&self) -> &NewEvent {
        &self.event
    }

    /// Of its nonce.
    pub(super) fn key(&self) -> Key {
        self.key
    }

    fn bytes(&self) -> usize {
        let (EventBody::Post { text, .. } | EventBody::Topic { topic: text }) = &self.event().body;
        EVENT_BYTES + text.len()
    }
}

/// The end of a room's log, as far as it is not in the tables.
#[derive(Debug)]
pub(super) struct End {
    /// The seq from which on a reader must not ask the tables.
    pub(super) first: Seq,
    /// Of the last event.
    pub(super) last: (Seq, UnixMs),
    /// What belongs to the page that was asked for, ascending.
    pub(super) events: Vec<Held>,
}

/// Whether an event was sent before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// Yes, and it got this.
    Before(Appended),
    /// No: neither here nor in the tables.
    Never,
    /// Not here; perhaps there.
    AskTables,
}

/// Where an event stands whose nonce is asked for: with its room's others, which the seq finds.
#[derive(Debug)]
struct Place {
    key: Key,
    room: RoomId,
    seq: Seq,
}

/// Events that are to be put into the tables next.
#[derive(Debug)]
pub(super) struct Slice {
    /// By room, ascending.
    pub(super) events: Vec<Held>,
    /// With them everything up to this line of the journal stands in the tables.
    pub(super) clears: Option<i64>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Recent {
    state: Mutex<State>,
    bounds: Bounds,
    /// The nonces that stand in the tables: what tells which may, and where they are.
    known: Arc<Known>,
    runs: Mutex<Option<Runs>>,
}

#[derive(Debug, Default)]
struct State {
    runs: HashMap<RoomId, Run, ByNumber>,
    nonces: HashTable<Place>,
    /// Of the commit that is under way, in order.
    staged: Vec<Held>,
    /// Settled events, and their bytes.
    events: usize,
    bytes: usize,
    /// The last line of the journal.
    line: i64,
    round: Option<Round>,
}

/// The events of one room: dense seqs, those that are only staged last.
#[derive(Debug, Default)]
struct Run {
    events: VecDeque<Held>,
    staged: usize,
}

impl Run {
    fn settled(&self) -> impl DoubleEndedIterator<Item = &Held> {
        self.events.range(..self.events.len() - self.staged)
    }

    /// The event with a seq.
    fn at(&self, seq: Seq) -> Option<&Held> {
        let first = self.events.front()?.seq;
        self.events.get(usize::try_from(seq.checked_sub(first)?).ok()?)
    }
}

/// All that was there at one moment, on its way into the tables.
#[derive(Debug)]
struct Round {
    /// Rooms with the last seq that is meant.
    rooms: VecDeque<(RoomId, Seq)>,
    /// The journal's last line at that moment.
    line: i64,
}

impl Recent {
    /// Nothing yet; what goes into the tables is said to `known`.
    pub(super) fn new(bounds: Bounds, known: Arc<Known>) -> Self {
        Self { state: Mutex::default(), bounds, known, runs: Mutex::default() }
    }

    /// How much may be here.
    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last seq and time of a room, staged ones included. For the writer.
    pub(super) fn last(&self, room: RoomId) -> Option<(Seq, UnixMs)> {
        let state = self.lock();
        let held = state.runs.get(&room)?.events.back()?;
        Some((held.seq, held.event().at))
    }

    /// The key of an event's nonce.
    pub(super) fn key(&self, room: RoomId, event: &NewEvent) -> Key {
        self.known.keyring().key(room, event.user, event.nonce.as_str())
    }

    /// Whether an event with this key was sent before; staged ones are included. For the writer.
    pub(super) fn find(&self, room: RoomId, event: &NewEvent, key: Key) -> Sent {
        if let Some(first) = self.lock().find(room, event, key) {
            return Sent::Before(first);
        }
        // What leaves the memory is known before it does, and only the writer takes it out.
        if self.known.may_have(key) { Sent::AskTables } else { Sent::Never }
    }

    /// Changes the tables, and the runs of nonces with them; when that fails, these are listed anew. For the writer.
    pub(super) fn with_runs<T>(
        &self,
        connection: &mut Connection,
        work: impl FnOnce(&mut Connection, &mut Runs) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut kept = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut runs = kept.take().map_or_else(|| Runs::list(connection), Ok)?;
        let done = work(connection, &mut runs)?;
        *kept = Some(runs);
        Ok(done)
    }

    /// The seqs that a key got according to the tables. For the writer.
    pub(super) fn ask_tables(&self, connection: &Connection, key: Key) -> rusqlite::Result<Vec<Seq>> {
        match &mut *self.runs.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(runs) => runs.find(connection, key),
            none => none.insert(Runs::list(connection)?).find(connection, key),
        }
    }

    /// Takes an event in, for the commit that is under way.
    pub(super) fn stage(&self, room: RoomId, seq: Seq, key: Key, event: Arc<NewEvent>) {
        self.lock().stage(Held { room, seq, key, event });
    }

    /// Has what is staged written, if anything is; nobody waits for that.
    pub(super) fn write_staged<E>(&self, write: impl FnOnce(&[Held]) -> Result<i64, E>) -> Result<Option<i64>, E> {
        let staged = std::mem::take(&mut self.lock().staged);
        let line = (!staged.is_empty()).then(|| write(&staged)).transpose();
        self.lock().staged = staged;
        line
    }

    /// The commit was made, with this line of the journal: everybody may see what was staged.
    pub(super) fn settle(&self, line: i64) {
        self.lock().settle(line);
    }

    /// The commit was not made; answers whether anything had been staged.
    pub(super) fn discard(&self) -> bool {
        self.lock().discard()
    }

    /// The end of a room's log that belongs to a page; `None`: all of it stands in the tables.
    ///
    /// Whoever reads the tables too must have looked here **before** its view of them began: what is taken out here
    /// stands there first.
    pub(super) fn end(&self, room: RoomId, page: Page, count_max: usize) -> Option<End> {
        let state = self.lock();
        let run = state.runs.get(&room)?;
        let first = run.settled().next()?.seq;
        let last = run.settled().next_back()?;
        let last = (last.seq, last.event().at);
        let events = match page {
            Page::After(seq) => run.settled().filter(|held| held.seq > seq).take(count_max).cloned().collect(),
            Page::Before(seq) => {
                let mut newest: Vec<Held> =
                    run.settled().rev().skip_while(|held| held.seq >= seq).take(count_max).cloned().collect();
                newest.reverse();
                newest
            }
        };
        Some(End { first, last, events })
    }

    /// The last seq and time of every room that has something here. To be asked before the tables, too.
    pub(super) fn lasts(&self) -> HashMap<RoomId, (Seq, UnixMs)> {
        let state = self.lock();
        let lasts = state.runs.iter().filter_map(|(room, run)| {
            let held = run.settled().next_back()?;
            Some((*room, (held.seq, held.event().at)))
        });
        lasts.collect()
    }

    /// How many settled events are here.
    pub(super) fn events(&self) -> usize {
        self.lock().events
    }

    /// Whether no commit may be made before something was taken out.
    pub(super) fn is_full(&self) -> bool {
        let state = self.lock();
        state.events >= self.bounds.events || state.bytes >= self.bounds.bytes
    }

    /// What is to be put into the tables now: at most about `count_max` events; `None`: it is not time to.
    pub(super) fn slice(&self, count_max: usize) -> Option<Slice> {
        let mut state = self.lock();
        let is_due = state.events >= self.bounds.events / 2 || state.bytes >= self.bounds.bytes / 2;
        if state.round.is_none() && !is_due {
            return None;
        }
        state.slice(count_max)
    }

    /// The same, whether it is time to or not; `None`: nothing is left.
    pub(super) fn rest(&self, count_max: usize) -> Option<Slice> {
        self.lock().slice(count_max)
    }

    /// A slice stands in the tables.
    pub(super) fn folded(&self, slice: &Slice) {
        slice.events.iter().for_each(|held| self.known.add(held.key));
        self.lock().folded(slice);
    }
}

impl State {
    fn find(&self, room: RoomId, event: &NewEvent, key: Key) -> Option<Appended> {
        let held_at = |place: &Place| self.runs.get(&place.room)?.at(place.seq);
        let is_it = |place: &Place| {
            let known = held_at(place).map(Held::event);
            place.room == room && known.is_some_and(|known| known.user == event.user && known.nonce == event.nonce)
        };
        let place = self.nonces.find(key.hash(), |place| place.key == key && is_it(place))?;
        Some(Appended { seq: place.seq, at: held_at(place)?.event().at, duplicate: true })
    }

    fn stage(&mut self, held: Held) {
        let place = Place { key: held.key, room: held.room, seq: held.seq };
        self.nonces.insert_unique(held.key.hash(), place, |place| place.key.hash());
        let run = self.runs.entry(held.room).or_default();
        run.events.push_back(held.clone());
        run.staged += 1;
        self.staged.push(held);
    }

    fn settle(&mut self, line: i64) {
        self.line = line;
        for held in self.staged.drain(..) {
            self.events += 1;
            self.bytes += held.bytes();
            if let Some(run) = self.runs.get_mut(&held.room) {
                run.staged = 0;
            }
        }
    }

    fn discard(&mut self) -> bool {
        let staged = std::mem::take(&mut self.staged);
        for held in staged.iter().rev() {
            if let Some(run) = self.runs.get_mut(&held.room) {
                run.events.pop_back();
                run.staged -= 1;
            }
            self.forget_nonce(held);
            self.close_run(held.room);
        }
        !staged.is_empty()
    }

    fn forget_nonce(&mut self, held: &Held) {
        let is_it = |place: &Place| place.room == held.room && place.seq == held.seq;
        if let Ok(found) = self.nonces.find_entry(held.key.hash(), is_it) {
            found.remove();
        }
    }

    /// A room that has nothing here any more takes no space.
    fn close_run(&mut self, room: RoomId) {
        if self.runs.get(&room).is_some_and(|run| run.events.is_empty()) {
            self.runs.remove(&room);
        }
    }

    fn slice(&mut self, count_max: usize) -> Option<Slice> {
        let Self { runs, round, line, .. } = self;
        let round = match round {
            Some(round) => round,
            none => {
                let mut rooms: Vec<_> = runs
                    .iter()
                    .filter_map(|(room, run)| run.settled().next_back().map(|held| (*room, held.seq)))
                    .collect();
                if rooms.is_empty() {
                    return None;
                }
                // Neighbours in the tables go there together.
                rooms.sort_unstable();
                none.insert(Round { rooms: rooms.into(), line: *line })
            }
        };
        let meant = round.rooms.iter().flat_map(|(room, last)| {
            let events = runs.get(room).into_iter().flat_map(Run::settled);
            events.take_while(move |held| held.seq <= *last)
        });
        let mut meant = meant.peekable();
        let events: Vec<Held> = meant.by_ref().take(count_max).cloned().collect();
        let clears = meant.peek().is_none().then_some(round.line);
        Some(Slice { events, clears })
    }

    fn folded(&mut self, slice: &Slice) {
        for of_room in slice.events.chunk_by(|one, next| one.room == next.room) {
            for held in of_room {
                self.bytes -= held.bytes();
                self.forget_nonce(held);
            }
            self.events -= of_room.len();
            if let Some(run) = self.runs.get_mut(&of_room[0].room) {
                run.events.drain(..of_room.len());
            }
            self.close_run(of_room[0].room);
        }
        let Self { runs, round, .. } = self;
        let Some(Round { rooms, .. }) = round else { return };
        let is_done = |(room, last): &(RoomId, Seq)| {
            runs.get(room).and_then(|run| run.events.front()).is_none_or(|held| held.seq > *last)
        };
        while rooms.front().is_some_and(is_done) {
            rooms.pop_front();
        }
        if slice.clears.is_some() {
            *round = None;
        }
    }
}

#[cfg(test)]
mod tests;
