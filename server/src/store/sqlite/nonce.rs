//! Which nonces may stand in the tables.
//!
//! Sending twice posts once, for ever: so each post asks whether its nonce was there before, and all but a few were not.
//! To ask the tables is a look into each run of them (`run`). This is a Bloom filter in front of them: it says for
//! sure that a nonce is not there, and where it cannot, the tables are asked.
//!
//! - **Written** by the writer, for what it puts into the tables; and once at the start, beside all else, by a thread that
//!   reads what is there. Until that has ended, everything may be there.
//! - **Bounded** by `store_nonce_filter_bytes`: when more nonces are there than it tells apart, the tables are asked more
//!   often; nothing else changes.

use std::{
    convert::Infallible,
    hash::Hasher,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, TryRecvError},
    },
};

use hubbub_protocol::id::UserId;
use rusqlite::{Connection, params};
use siphasher::sip::SipHasher13;

use super::{super::RoomId, run};

/// One cache line: all bits of a key are in one.
type Line = [AtomicU64; 8];

/// Bits of each key.
const BITS: u32 = 6;

/// Bits of the filter for a nonce, below which it tells too little apart to be worth filling.
const BITS_PER_NONCE_MIN: u64 = 4;

/// Bytes of the filter for a nonce with which it tells nearly all apart.
const BYTES_PER_NONCE: usize = 2;

/// Bytes of the filter of a store with few nonces.
const BYTES_MIN: usize = 4 << 20;

/// Parts of runs that are read at once, at the start.
const FILL_PARTS: u32 = 16;

/// A room, a user and a nonce, as one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u64);

impl Key {
    /// What was told by [`hash`](Self::hash).
    pub(super) fn of_hash(hash: u64) -> Self {
        Self(hash)
    }

    /// For a table of them.
    pub(super) fn hash(self) -> u64 {
        self.0
    }
}

/// Makes keys. It is the database's own, and secret: nobody outside can choose what collides.
#[derive(Clone, Copy)]
pub(super) struct Keyring([u8; 16]);

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(…)")
    }
}

impl Keyring {
    /// With a secret.
    pub(super) fn new(secret: [u8; 16]) -> Self {
        Self(secret)
    }

    /// That of a database.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        connection.query_row("SELECT key FROM nonce_key", [], |row| row.get(0)).map(Self::new)
    }

    /// The key of a nonce. It must never be another: runs are cut by it.
    pub(super) fn key(&self, room: RoomId, user: UserId, nonce: &str) -> Key {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(&room.to_le_bytes());
        hasher.write(&user.to_le_bytes());
        hasher.write(nonce.as_bytes());
        Key(hasher.finish())
    }
}

/// See the module.
pub(super) struct Known {
    lines: Box<[Line]>,
    keyring: Keyring,
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
    pub(super) fn new(bytes: usize, keyring: Keyring) -> Self {
        let lines = (bytes / size_of::<Line>()).max(1);
        let lines = std::iter::repeat_with(Line::default).take(lines).collect();
        Self { lines, keyring, is_filled: AtomicBool::new(false) }
    }

    /// The same, for a store that has at most so many nonces now, in at most so many bytes. The number is mostly told twice
    /// as large as it is, so there is space for as many again.
    pub(super) fn for_nonces(nonces: u64, bytes_max: usize, keyring: Keyring) -> Self {
        let bytes = usize::try_from(nonces).unwrap_or(usize::MAX).saturating_mul(BYTES_PER_NONCE);
        Self::new(bytes.max(BYTES_MIN).min(bytes_max), keyring)
    }

    /// How many nonces it tells apart well enough.
    pub(super) fn nonces_max(&self) -> u64 {
        self.lines.len() as u64 * u64::from(Line::default().len() as u32 * u64::BITS) / BITS_PER_NONCE_MIN
    }

    /// What makes the keys.
    pub(super) fn keyring(&self) -> Keyring {
        self.keyring
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

    /// Adds all that stands in the tables, a few parts of runs at a time, unless it is more than is worth it, or the
    /// store closes.
    ///
    /// What the writer puts there meanwhile it adds by itself, and what it merges it moves to a run that is read later; so
    /// nothing is missed.
    ///
    /// # Errors
    /// What SQLite says; then everything may be there, as before.
    pub(super) fn fill(&self, connection: &Connection, store_lives: &Receiver<Infallible>) -> rusqlite::Result<()> {
        let sql = "SELECT id, entries FROM nonces WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut statement = connection.prepare(sql)?;
        let (mut after, mut count) = (-1_i64, 0);
        while store_lives.try_recv() != Err(TryRecvError::Disconnected) {
            let mut rows = statement.query(params![after, FILL_PARTS])?;
            let mut parts = 0;
            while let Some(row) = rows.next()? {
                after = row.get(0)?;
                for sent in run::entries(row.get_ref(1)?.as_blob()?) {
                    self.add(sent.key());
                    count += 1;
                }
                parts += 1;
            }
            if parts < FILL_PARTS {
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
            // Where there is one core, the server starts and answers on it meanwhile.
            std::thread::yield_now();
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

    use super::{super::run::Runs, *};

    fn known(bytes: usize) -> Known {
        Known::new(bytes, Keyring::new([7; 16]))
    }

    fn key(known: &Known, n: u64) -> Key {
        known.keyring().key(n % 7, n % 3, &format!("n{n}"))
    }

    /// Runs of a thousand nonces each.
    fn table(known: &Known, thousands: u64) -> Connection {
        let connection = Connection::open_in_memory().expect("opened");
        let table = "CREATE TABLE nonces (id INTEGER PRIMARY KEY, entries BLOB)";
        connection.execute_batch(table).expect("created");
        let mut runs = Runs::list(&connection).expect("listed");
        for thousand in 0..thousands {
            let sent: Vec<_> = (1..=1_000).map(|n| run::Sent::new(key(known, thousand * 1_000 + n), n)).collect();
            runs.add(&connection, &sent).expect("written");
        }
        connection
    }

    #[test]
    fn a_key_is_the_same_for_ever() {
        let keyring = Keyring::new(*b"0123456789abcdef");
        let keys = [keyring.key(1, 2, "n-3").hash(), keyring.key(1, 2, "n-4").hash(), keyring.key(2, 1, "n-3").hash()];
        assert_eq!(keys, [11_522_930_799_615_499_687, 18_180_002_177_081_161_821, 1_384_814_043_933_859_358]);
    }

    #[test]
    fn before_it_is_filled_everything_may_be_there() {
        let known = known(1 << 16);
        assert!(known.may_have(key(&known, 1)));
    }

    #[test]
    fn what_is_there_is_never_denied_and_what_is_not_mostly_is() {
        let known = known(1 << 17);
        let (_lives, store_lives) = sync_channel(0);
        known.fill(&table(&known, 12), &store_lives).expect("read");
        assert!((1..=12_000).all(|n| known.may_have(key(&known, n))));
        let late = key(&known, 1_000_000);
        known.add(late);
        assert!(known.may_have(late));
        // About 85 bits for each: a chance of less than one in 10,000 each.
        let wrong = (12_001..=22_000).filter(|n| known.may_have(key(&known, *n))).count();
        assert!(wrong < 100, "{wrong} of 10,000");
    }

    #[test]
    fn a_store_that_closes_is_not_waited_for_and_one_that_is_too_large_is_left_alone() {
        let large = known(1 << 17);
        let (lives, store_lives) = sync_channel(0);
        drop(lives);
        large.fill(&table(&large, 1), &store_lives).expect("nothing read");
        assert!(large.may_have(key(&large, 1_000_000)), "not filled");

        let (small, (_lives, store_lives)) = (known(64), sync_channel(0));
        small.fill(&table(&small, 10), &store_lives).expect("read");
        assert!(small.nonces_max() < 1_000 && small.may_have(key(&small, 1_000_000)), "not filled");
    }
}
