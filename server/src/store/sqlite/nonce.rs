//! Which nonces may stand in the tables.
//!
//! Sending twice posts once, for ever: so each post asks whether its nonce was there before, and all but a few were not.
//! To ask the tables is a search in a tree that grows with the log. This is a Bloom filter in front of them: it says for
//! sure that a nonce is not there, and where it cannot, the tables are asked.
//!
//! - **Written** by the writer, for what it puts into the tables; and once at the start, beside all else, by a thread that
//!   reads what is there. Until that has ended, everything may be there.
//! - **Bounded** by `store_nonce_filter_bytes`: when more nonces are there than it tells apart, the tables are asked more
//!   often; nothing else changes.

use std::{
    convert::Infallible,
    hash::{BuildHasher, RandomState},
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, TryRecvError},
    },
};

use hubbub_protocol::id::{Nonce, UserId};
use rusqlite::{Connection, params};

use super::super::RoomId;

/// One cache line: all bits of a key are in one.
type Line = [AtomicU64; 8];

/// Bits of each key.
const BITS: u32 = 6;

/// Bits of the filter for a nonce, below which it tells too little apart to be worth filling.
const BITS_PER_NONCE_MIN: u64 = 4;

/// Nonces that are read at once, at the start.
const FILL_ROWS: u32 = 4_096;

/// A room, a user and a nonce, as one number. Nobody outside can choose what collides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u64);

impl Key {
    /// For a table of them.
    pub(super) fn hash(self) -> u64 {
        self.0
    }
}

/// See the module.
pub(super) struct Known {
    lines: Box<[Line]>,
    hasher: RandomState,
    /// Everything that stood in the tables at the start is in it.
    is_filled: AtomicBool,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("lines", &self.lines.len()).field("is_filled", &self.is_filled).finish()
    }
}

impl Known {
    /// An empty one, that says nothing for sure before it is [filled](Self::filled).
    pub(super) fn new(bytes: usize) -> Self {
        let lines = (bytes / size_of::<Line>()).max(1);
        let lines = std::iter::repeat_with(Line::default).take(lines).collect();
        Self { lines, hasher: RandomState::new(), is_filled: AtomicBool::new(false) }
    }

    /// How many nonces it tells apart well enough.
    pub(super) fn nonces_max(&self) -> u64 {
        self.lines.len() as u64 * u64::from(Line::default().len() as u32 * u64::BITS) / BITS_PER_NONCE_MIN
    }

    /// The key of a nonce.
    pub(super) fn key(&self, room: RoomId, user: UserId, nonce: &Nonce) -> Key {
        self.key_of(room, user, nonce.as_str())
    }

    /// The same of a nonce as the tables have it.
    pub(super) fn key_of(&self, room: RoomId, user: UserId, nonce: &str) -> Key {
        Key(self.hasher.hash_one((room, user, nonce)))
    }

    /// The line of a key, and its bits there.
    fn bits(&self, Key(key): Key) -> (&Line, impl Iterator<Item = (usize, u64)>) {
        // The upper half chooses the line, without a division; the lower half has nine bits for each place in it, told
        // apart by an odd multiplier.
        let line = (u128::from(key) * self.lines.len() as u128) >> 64;
        let mut places = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bits = (0..BITS).map(move |_| {
            places = places.rotate_left(9);
            ((places & 7) as usize, 1 << ((places >> 3) & 63))
        });
        (&self.lines[line as usize], bits)
    }

    /// It stands in the tables from now on.
    pub(super) fn add(&self, key: Key) {
        let (line, bits) = self.bits(key);
        for (word, bit) in bits {
            line[word].fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Adds all that stands in the tables, a page at a time, unless it is more than is worth it, or the store closes.
    ///
    /// What the writer puts there meanwhile it adds by itself, so nothing is missed between two pages.
    ///
    /// # Errors
    /// What SQLite says; then everything may be there, as before.
    pub(super) fn fill(&self, connection: &Connection, store_lives: &Receiver<Infallible>) -> rusqlite::Result<()> {
        let mut statement = connection.prepare(
            "SELECT room_id, user_id, nonce FROM events WHERE (room_id, user_id, nonce) > (?1, ?2, ?3)
             ORDER BY room_id, user_id, nonce LIMIT ?4",
        )?;
        let (mut after, mut count) = ((0, 0, String::new()), 0);
        while store_lives.try_recv() != Err(TryRecvError::Disconnected) {
            let mut rows = statement.query(params![after.0, after.1, after.2, FILL_ROWS])?;
            let mut page = 0;
            while let Some(row) = rows.next()? {
                after = (row.get(0)?, row.get(1)?, row.get(2)?);
                self.add(self.key_of(after.0, after.1, &after.2));
                page += 1;
            }
            count += u64::from(page);
            if page < FILL_ROWS {
                self.filled();
                tracing::debug!(nonces = count, "the nonces of the tables are known");
                break;
            }
            if count > self.nonces_max() {
                tracing::info!(
                    "more than {count} posts are stored: with a larger limits.store_nonce_filter_bytes posting costs less"
                );
                break;
            }
        }
        Ok(())
    }

    /// From now on it says for sure what is not there: all that is was added.
    pub(super) fn filled(&self) {
        self.is_filled.store(true, Ordering::Release);
    }

    /// `false`: it is not in the tables.
    pub(super) fn may_have(&self, key: Key) -> bool {
        let (line, mut bits) = self.bits(key);
        !self.is_filled.load(Ordering::Acquire) || bits.all(|(word, bit)| line[word].load(Ordering::Relaxed) & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    const TABLE: &str =
        "CREATE TABLE events (room_id INTEGER, user_id INTEGER, nonce TEXT, UNIQUE (room_id, user_id, nonce))";

    fn table(rows: u32) -> Connection {
        let connection = Connection::open_in_memory().expect("opened");
        connection.execute_batch(TABLE).expect("created");
        let sql = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
                   INSERT INTO events SELECT n % 7, n % 3, 'n' || n FROM n";
        connection.execute(sql, [rows]).expect("filled");
        connection
    }

    fn key(known: &Known, n: u32) -> Key {
        known.key_of(u64::from(n % 7), u64::from(n % 3), &format!("n{n}"))
    }

    #[test]
    fn before_it_is_filled_everything_may_be_there() {
        let known = Known::new(1 << 16);
        assert!(known.may_have(key(&known, 1)));
    }

    #[test]
    fn what_is_there_is_never_denied_and_what_is_not_mostly_is() {
        let (known, rows) = (Known::new(1 << 17), 3 * FILL_ROWS + 5);
        let (_lives, store_lives) = sync_channel(0);
        known.fill(&table(rows), &store_lives).expect("read");
        assert!((1..=rows).all(|n| known.may_have(key(&known, n))));
        let late = key(&known, 1_000_000);
        known.add(late);
        assert!(known.may_have(late));
        // About 85 bits for each: a chance of less than one in 10,000 each.
        let wrong = (rows + 1..=rows + 10_000).filter(|n| known.may_have(key(&known, *n))).count();
        assert!(wrong < 100, "{wrong} of 10,000");
    }

    #[test]
    fn a_store_that_closes_is_not_waited_for_and_one_that_is_too_large_is_left_alone() {
        let known = Known::new(1 << 17);
        let (lives, store_lives) = sync_channel(0);
        drop(lives);
        known.fill(&table(10), &store_lives).expect("nothing read");
        assert!(known.may_have(key(&known, 1_000)), "not filled");

        let (small, (_lives, store_lives)) = (Known::new(64), sync_channel(0));
        small.fill(&table(FILL_ROWS + 1), &store_lives).expect("read");
        assert!(small.nonces_max() < u64::from(FILL_ROWS) && small.may_have(key(&small, 1_000_000)), "not filled");
    }
}
