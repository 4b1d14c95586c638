//! Sights: where a flow stands and since when, for others to see without asking it.
//!
//! What is stuck cannot answer. So rooms, shards and the store's writer leave a note whenever they begin to wait or
//! to work: one relaxed store, no lock. Whoever looks sees a state that was true a moment ago.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::monotonic_us;

/// Bits for the time in microseconds: 35 years.
const TIME_BITS: u32 = 50;

/// Bits for which of several it is; as many as there can be shards.
const WHICH_BITS: u32 = 10;

/// A place, which of several such places, and a time, in one word, so that they always belong together.
#[derive(Debug, Default)]
pub struct Standing(AtomicU64);

/// What [`Standing`] held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// The place, below 16; what it means is up to whoever stands there. 0 before the first note.
    pub place: u8,
    /// Which of several, below 1,024.
    pub which: u16,
    /// A time or a duration, as noted, in microseconds.
    pub us: u64,
}

impl Standing {
    /// Notes a place and since when it is stood at (see [`monotonic_us`]), or for how long.
    pub fn note(&self, Stand { place, which, us }: Stand) {
        let which = u64::from(which) & ((1 << WHICH_BITS) - 1);
        let us = us & ((1 << TIME_BITS) - 1);
        self.0.store(u64::from(place) << (TIME_BITS + WHICH_BITS) | which << TIME_BITS | us, Ordering::Relaxed);
    }

    /// What was noted last.
    #[must_use]
    pub fn look(&self) -> Stand {
        let word = self.0.load(Ordering::Relaxed);
        Stand {
            place: u8::try_from(word >> (TIME_BITS + WHICH_BITS)).unwrap_or(0),
            which: u16::try_from((word >> TIME_BITS) & ((1 << WHICH_BITS) - 1)).unwrap_or(0),
            us: word & ((1 << TIME_BITS) - 1),
        }
    }
}

impl Stand {
    /// How long it has stood there when `us` is a time.
    #[must_use]
    pub fn for_us(&self) -> u64 {
        monotonic_us().saturating_sub(self.us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_number_and_time_come_back_as_they_were_noted() {
        let standing = Standing::default();
        assert_eq!(standing.look(), Stand { place: 0, which: 0, us: 0 });
        let stand = Stand { place: 15, which: 1_023, us: (1 << TIME_BITS) - 1 };
        standing.note(stand);
        assert_eq!(standing.look(), stand);
    }
}
