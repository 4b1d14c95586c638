//! A hall: one room's seats on one shard, what waits to be delivered to them, and how far delivery has come.
//!
//! This is the microthread: [`Pass`] is its whole stack.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::command::{Item, LogChunk, RoomTag};

/// Bytes of log that one pass carries at most, unless a single chunk is larger.
const PASS_BYTES_MAX: usize = 64 * 1024;

/// One walk along the seats.
#[derive(Debug)]
pub(super) struct Pass {
    /// What is delivered.
    pub(super) cargo: Cargo,
    /// The next seat.
    pub(super) cursor: usize,
}

/// What a pass delivers.
#[derive(Debug)]
pub(super) enum Cargo {
    /// Events, in order.
    Log(Vec<LogChunk>),
    /// A signal.
    Signal(Bytes),
}

/// One room on one shard.
#[derive(Debug)]
pub(super) struct Hall {
    pub(super) room: Arc<RoomTag>,
    /// The slots of the connections seated here.
    seats: Vec<u32>,
    pub(super) queue: VecDeque<Item>,
    pub(super) pass: Option<Pass>,
    /// Whether it stands in the shard's queue of halls that have work.
    pub(super) ready: bool,
}

impl Hall {
    pub(super) fn new(room: Arc<RoomTag>) -> Self {
        Self { room, seats: Vec::new(), queue: VecDeque::new(), pass: None, ready: false }
    }

    /// Whether nothing is to be done and nobody would notice that the hall is gone.
    pub(super) fn is_over(&self) -> bool {
        self.seats.is_empty() && self.queue.is_empty() && self.pass.is_none()
    }

    pub(super) fn has_work(&self) -> bool {
        self.pass.is_some() || !self.queue.is_empty()
    }

    /// The number of seats taken.
    pub(super) fn seats(&self) -> usize {
        self.seats.len()
    }

    /// Adds a seat; answers its index.
    pub(super) fn seat(&mut self, slot: u32) -> u32 {
        self.seats.push(slot);
        u32::try_from(self.seats.len() - 1).unwrap_or(u32::MAX)
    }

    /// The slot at an index.
    pub(super) fn slot(&self, index: usize) -> Option<u32> {
        self.seats.get(index).copied()
    }

    /// Takes a seat out, moving at most two others into the gap; answers who moved, with their new indices.
    ///
    /// A pass under way neither skips nor repeats anybody: seats behind its cursor stay behind it.
    pub(super) fn unseat(&mut self, index: u32) -> [Option<(u32, u32)>; 2] {
        let mut moved = [None, None];
        let mut gap = index as usize;
        if gap >= self.seats.len() {
            return moved;
        }
        if let Some(pass) = &mut self.pass
            && gap < pass.cursor
        {
            pass.cursor -= 1;
            self.seats.swap(gap, pass.cursor);
            if gap != pass.cursor {
                moved[0] = Some((self.seats[gap], index));
            }
            gap = pass.cursor;
        }
        self.seats.swap_remove(gap);
        if let Some(&slot) = self.seats.get(gap) {
            moved[1] = u32::try_from(gap).ok().map(|index| (slot, index));
        }
        moved
    }

    /// Begins the next pass if a log chunk or signal is next: consecutive chunks go together.
    pub(super) fn begin_pass(&mut self) -> bool {
        let cargo = match self.queue.front() {
            Some(Item::Signal(_)) => match self.queue.pop_front() {
                Some(Item::Signal(frame)) => Cargo::Signal(frame),
                _ => return false,
            },
            Some(Item::Log(_)) => Cargo::Log(self.take_chunks()),
            _ => return false,
        };
        self.pass = Some(Pass { cargo, cursor: 0 });
        true
    }

    fn take_chunks(&mut self) -> Vec<LogChunk> {
        let mut chunks = Vec::new();
        let mut bytes = 0;
        while let Some(Item::Log(chunk)) = self.queue.front() {
            bytes += chunk.frames.len();
            if bytes > PASS_BYTES_MAX && !chunks.is_empty() {
                break;
            }
            if let Some(Item::Log(chunk)) = self.queue.pop_front() {
                chunks.push(chunk);
            }
        }
        chunks
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use hubbub_protocol::RoomName;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Seats are taken and given up at random while a pass walks along them.
        #[test]
        fn a_pass_meets_everybody_who_stayed_once(
            count in 1_u32..40, leaves in prop::collection::vec((0_usize..40, 0_usize..4), 0..40),
        ) {
            let room = Arc::new(RoomTag { id: 1, name: RoomName::parse("lobby").expect("a name") });
            let mut hall = Hall::new(room);
            let mut index_of: HashMap<u32, u32> = (0..count).map(|slot| (slot, hall.seat(slot))).collect();
            hall.queue.push_back(Item::Signal(Bytes::from_static(b"x")));
            prop_assert!(hall.begin_pass());
            let mut met = Vec::new();
            let mut leaves = leaves.into_iter();
            while let Some(slot) = hall.slot(hall.pass.as_ref().map_or(usize::MAX, |pass| pass.cursor)) {
                met.push(slot);
                if let Some(pass) = &mut hall.pass { pass.cursor += 1 }
                let Some((pick, times)) = leaves.next() else { continue };
                for leaver in (0..times).map(|n| ((pick + n) as u32) % count) {
                    let Some(index) = index_of.remove(&leaver) else { continue };
                    for (slot, index) in hall.unseat(index).into_iter().flatten() {
                        index_of.insert(slot, index);
                    }
                }
                for (slot, index) in &index_of {
                    prop_assert_eq!(hall.slot(*index as usize), Some(*slot));
                }
            }
            let mut once = met.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), met.len(), "met twice");
            prop_assert!(index_of.keys().all(|slot| met.contains(slot)), "stayed but was skipped");
        }
    }
}
