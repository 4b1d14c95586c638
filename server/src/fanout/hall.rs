//! A hall: one room's seats on one shard, and the stream that is carried round to them.
//!
//! This is the microthread: a cursor that goes round the seats and gives each one everything that it has not
//! had yet. Its whole stack is `cursor`; it runs for a slice, and goes on later where it stood.
//!
//! Because each seat knows its own place in the stream, what is published while the cursor is on its way goes
//! to the seats still ahead together with what they were about to get, in the same write. The busier the room,
//! the more a write carries; in a quiet room everything goes out at once.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::sync::OwnedSemaphorePermit;

use super::command::{LogChunk, RoomTag};
use crate::{
    domain::number::ByNumber,
    spare::{Kept, Spares},
    store::RoomId,
};

/// Cargo behind which a signal is not worth carrying any more.
const SIGNALS_BEHIND_MAX: usize = 32;

/// What is carried round.
#[derive(Debug)]
pub(super) enum Cargo {
    /// Events.
    Log(LogChunk),
    /// A signal.
    Signal(Bytes),
}

#[derive(Debug)]
pub(super) struct Entry {
    cargo: Cargo,
    /// Goes back to the room when everybody has the cargo.
    /// More than one when several batches wait, each perhaps of another life of the room.
    credits: SmallVec<[OwnedSemaphorePermit; 1]>,
}

/// What is carried round in one hall.
type Stream = VecDeque<Entry>;

/// Cargo for which a stream that is lent may have space; a larger one is freed.
const STREAM_LENT_MAX: usize = 64;

thread_local! {
    static STREAMS: Spares<Stream> = const { Spares::of(STREAM_LENT_MAX) };
}

/// A connection that is seated here.
#[derive(Debug)]
struct Seat {
    slot: u32,
    /// The number of the first cargo that it has not had.
    next: u64,
}

/// One room on one shard.
#[derive(Debug)]
pub(super) struct Hall {
    pub(super) room: Arc<RoomTag>,
    seats: Vec<Seat>,
    stream: Stream,
    /// The number of the oldest cargo in the stream.
    oldest: u64,
    /// Where the next visit is.
    cursor: usize,
    /// The seats that have not had everything.
    behind: usize,
    /// The stream's end when the cursor last began a round.
    round_end: u64,
    /// Whether it stands in the shard's queue of halls that have work.
    pub(super) ready: bool,
}

/// The rooms of one shard. Boxed, because they are taken out and put back all the time.
pub(super) type Halls = HashMap<RoomId, Box<Hall>, ByNumber>;

impl Cargo {
    /// Its frames, headers included.
    pub(super) fn frames(&self) -> &Bytes {
        match self {
            Self::Log(chunk) => &chunk.frames,
            Self::Signal(frame) => frame,
        }
    }
}

impl Hall {
    pub(super) fn new(room: Arc<RoomTag>) -> Self {
        Self {
            room,
            seats: Vec::new(),
            stream: VecDeque::new(),
            oldest: 0,
            cursor: 0,
            behind: 0,
            round_end: 0,
            ready: false,
        }
    }

    /// Whether nobody is seated.
    pub(super) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// How many have not had everything.
    pub(super) fn behind(&self) -> usize {
        self.behind
    }

    /// Whether somebody has not had everything.
    pub(super) fn has_work(&self) -> bool {
        self.behind > 0
    }

    fn end(&self) -> u64 {
        self.oldest + self.stream.len() as u64
    }

    /// Adds cargo for everybody seated now; answers whether it was taken.
    pub(super) fn push(&mut self, cargo: Cargo) -> bool {
        let is_late = matches!(cargo, Cargo::Signal(_)) && self.stream.len() >= SIGNALS_BEHIND_MAX;
        if is_late || self.seats.is_empty() {
            return !is_late;
        }
        self.stream.push_back(Entry { cargo, credits: SmallVec::new() });
        self.behind = self.seats.len();
        true
    }

    /// Keeps a credit until everything pushed before has been had by everybody.
    pub(super) fn keep(&mut self, credit: OwnedSemaphorePermit) {
        if let Some(entry) = self.stream.back_mut() {
            entry.credits.push(credit);
        }
    }

    /// Adds a seat, which gets what is pushed from now on; answers its index.
    pub(super) fn seat(&mut self, slot: u32) -> u32 {
        let next = self.end();
        self.seats.push(Seat { slot, next });
        u32::try_from(self.seats.len() - 1).unwrap_or(u32::MAX)
    }

    /// Takes a seat out, moving at most two others into the gap; answers who moved, with their new indices.
    ///
    /// Those who were visited in this round stay behind the cursor, the others before it.
    pub(super) fn unseat(&mut self, index: u32) -> [Option<(u32, u32)>; 2] {
        let mut moved = [None, None];
        let mut gap = index as usize;
        let Some(seat) = self.seats.get(gap) else { return moved };
        self.behind -= usize::from(seat.next < self.end());
        if gap < self.cursor {
            self.cursor -= 1;
            self.seats.swap(gap, self.cursor);
            if gap != self.cursor {
                moved[0] = Some((self.seats[gap].slot, index));
            }
            gap = self.cursor;
        }
        self.seats.swap_remove(gap);
        if let Some(seat) = self.seats.get(gap) {
            moved[1] = u32::try_from(gap).ok().map(|index| (seat.slot, index));
        }
        self.rest();
        moved
    }

    /// The next seat to be visited: its index and slot. `None`: everybody has had everything.
    pub(super) fn next_visit(&mut self) -> Option<(u32, u32)> {
        while self.behind > 0 {
            if self.cursor >= self.seats.len() {
                self.begin_round();
            }
            let seat = self.seats.get(self.cursor)?;
            if seat.next < self.end() {
                return Some((u32::try_from(self.cursor).ok()?, seat.slot));
            }
            self.cursor += 1;
        }
        None
    }

    /// What the seat at an index has not had.
    pub(super) fn missing(&self, index: u32) -> impl Iterator<Item = &Cargo> + Clone {
        let next = self.seats.get(index as usize).map_or(u64::MAX, |seat| seat.next);
        debug_assert!(next >= self.oldest, "cargo was dropped before everybody had it");
        let skip = usize::try_from(next.saturating_sub(self.oldest)).unwrap_or(usize::MAX);
        self.stream.iter().skip(skip).map(|entry| &entry.cargo)
    }

    /// The seat at an index has had everything.
    pub(super) fn visited(&mut self, index: u32) {
        let end = self.end();
        let Some(seat) = self.seats.get_mut(index as usize) else { return };
        if seat.next < end {
            seat.next = end;
            self.behind -= 1;
        }
        if index as usize == self.cursor {
            self.cursor += 1;
        }
        self.rest();
    }

    /// Everybody was visited since the last round began, so all have had what was in the stream then.
    fn begin_round(&mut self) {
        while self.oldest < self.round_end && self.stream.pop_front().is_some() {
            self.oldest += 1;
        }
        self.round_end = self.end();
        self.cursor = 0;
    }

    /// Drops what everybody has had.
    fn rest(&mut self) {
        if self.behind == 0 {
            self.oldest = self.end();
            self.round_end = self.oldest;
            self.stream.clear();
        }
    }

    /// Has memory for a stream while it is at work.
    pub(super) fn borrow_stream(&mut self) {
        STREAMS.lend(&mut self.stream);
    }

    /// Gives the memory of a stream back that has become empty: a hall at rest holds none.
    pub(super) fn return_stream(&mut self) {
        if self.stream.is_empty() {
            STREAMS.take_back(&mut self.stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hubbub_protocol::RoomName;
    use proptest::prelude::*;

    use super::*;

    /// A hall, what each slot got, and what it should have got.
    struct Model {
        hall: Hall,
        index_of: BTreeMap<u32, u32>,
        got: BTreeMap<u32, Vec<u8>>,
        due: BTreeMap<u32, Vec<u8>>,
        slots: u32,
        pushed: u8,
    }

    impl Model {
        fn new() -> Self {
            let room = Arc::new(RoomTag { id: 1, name: RoomName::parse("lobby").expect("a name") });
            let hall = Hall::new(room);
            let (index_of, got, due) = Default::default();
            Self { hall, index_of, got, due, slots: 0, pushed: 0 }
        }

        fn push(&mut self) {
            let frames = Bytes::from(vec![self.pushed]);
            assert!(self.hall.push(Cargo::Log(LogChunk { frames, first_seq: 1, events: 1 })));
            for slot in self.index_of.keys() {
                self.due.entry(*slot).or_default().push(self.pushed);
            }
            self.pushed += 1;
        }

        fn seat(&mut self) {
            let index = self.hall.seat(self.slots);
            self.index_of.insert(self.slots, index);
            self.slots += 1;
        }

        fn unseat(&mut self, pick: usize) {
            let Some(slot) = self.index_of.keys().nth(pick % self.index_of.len().max(1)).copied() else { return };
            let index = self.index_of.remove(&slot).expect("seated");
            for (slot, index) in self.hall.unseat(index).into_iter().flatten() {
                self.index_of.insert(slot, index);
            }
            // Who leaves early need not get everything, but nothing twice and nothing out of order.
            let due = self.due.remove(&slot).unwrap_or_default();
            assert!(due.starts_with(&self.got.remove(&slot).unwrap_or_default()));
        }

        fn visit(&mut self) -> bool {
            let Some((index, slot)) = self.hall.next_visit() else { return false };
            assert_eq!(self.index_of.get(&slot), Some(&index), "the seat's index is known");
            for cargo in self.hall.missing(index) {
                let Cargo::Log(chunk) = cargo else { continue };
                self.got.entry(slot).or_default().extend_from_slice(&chunk.frames);
            }
            self.hall.visited(index);
            true
        }
    }

    proptest! {
        #[test]
        fn everybody_gets_everything_once_in_order_whoever_comes_and_goes(
            steps in prop::collection::vec((0_u8..8, any::<usize>()), 0..200),
        ) {
            let mut model = Model::new();
            for (step, pick) in steps {
                match step {
                    0 | 1 => model.seat(),
                    2 => model.unseat(pick),
                    3 | 4 if model.pushed < u8::MAX => model.push(),
                    _ => _ = model.visit(),
                }
            }
            while model.visit() {}
            prop_assert_eq!(&model.got, &model.due);
            prop_assert!(!model.hall.has_work());
            prop_assert!(model.hall.stream.is_empty(), "nothing is kept that everybody has had");
        }
    }

    #[test]
    fn what_comes_while_the_cursor_is_on_its_way_goes_along_with_it() {
        let mut model = Model::new();
        (0..10).for_each(|_| model.seat());
        model.push();
        assert!((0..3).all(|_| model.visit()));
        model.push();
        let mut visits = 3;
        while model.visit() {
            visits += 1;
        }
        assert_eq!(visits, 13, "seven seats got both at once, three had one before");
        assert_eq!(model.got, model.due);
    }

    #[test]
    fn a_busy_stream_does_not_grow_beyond_two_rounds() {
        let mut model = Model::new();
        (0..10).for_each(|_| model.seat());
        for _ in 0..200 {
            model.push();
            model.visit();
            assert!(model.hall.stream.len() <= 20, "{}", model.hall.stream.len());
        }
    }
}
