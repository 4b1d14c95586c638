//! Runs: which nonces were ever sent, and what seq each got.
//!
//! An index of nonces is a page written for almost every post, because nonces are chance; and it is asked only for what was
//! sent twice. So it is written like a log, and put in order little by little:
//!
//! - Every slice that goes into the tables leaves a **run** of level 0: for each of its events a hash of room, user and
//!   nonce, and the seq.
//! - Sixteen runs of a level become one of the next, which is cut by the hash into sixteen times as many **parts**: a part
//!   is a row, of one or two pages, on each level. So every nonce is written once a level, and is looked for in one part
//!   of each run.
//! - **Merging moves**: the transaction that writes the parts of the new run deletes those that they were made of. At any
//!   moment, after a crash, too, each nonce is in one run, and in which does not matter.

use std::collections::{BTreeMap, BTreeSet};

use hubbub_protocol::id::Seq;
use rusqlite::{Connection, OptionalExtension};

use super::nonce::Key;

/// Runs of a level that become one of the next; and how many parts that has for each of one of theirs.
const FAN: usize = 1 << FAN_BITS;
const FAN_BITS: u32 = 4;

/// Entries of a run of level 0, which has one part.
const LEVEL_0: usize = 512;

/// The level that is never merged: its runs have 2^28 parts, and what fills one of them is no chat any more.
const LEVEL_MAX: u32 = 7;

/// No seq is as large: an entry has five bytes for it.
pub(super) const SEQ_END: Seq = 1 << 40;

/// Entries that are moved for each new one: as many as there are levels below 500 million, and one.
const MOVED_FOR_EACH: usize = 6;

/// A part's number is its run's above these bits, and below them its place in the run.
const PART_BITS: u32 = 32;

/// A run's number is its level above these bits.
const LEVEL_BITS: u32 = 24;

/// A nonce that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sent {
    hash: u64,
    seq: Seq,
}

/// Bytes of one in a part: eight of the hash and five of the seq, which is in both the lowest first.
const SENT_BYTES: usize = 13;

impl Sent {
    /// By this key, and it got this seq.
    pub(super) fn new(key: Key, seq: Seq) -> Self {
        Self { hash: key.hash(), seq }
    }

    /// The key.
    pub(super) fn key(self) -> Key {
        Key::of_hash(self.hash)
    }

    fn put(self, part: &mut Vec<u8>) {
        part.extend_from_slice(&self.hash.to_le_bytes());
        part.extend_from_slice(&self.seq.to_le_bytes()[..SENT_BYTES - 8]);
    }
}

/// The entries of a part. What is not whole is none: a part that somebody shortened says what it still can.
pub(super) fn entries(part: &[u8]) -> impl Iterator<Item = Sent> {
    let (whole, _) = part.as_chunks::<SENT_BYTES>();
    whole.iter().map(|entry| {
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Sent { hash: number(&entry[..8]), seq: number(&entry[8..]) }
    })
}

/// A run: its level, and what tells it from others of that level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    level: u32,
    number: i64,
}

impl Run {
    /// The row of its part for a hash.
    fn row(self, hash: u64) -> i64 {
        self.row_at(part_of(self.level, hash))
    }

    fn row_at(self, part: usize) -> i64 {
        (i64::from(self.level) << LEVEL_BITS | self.number) << PART_BITS | part as i64
    }

    /// How many parts it has.
    fn parts(self) -> usize {
        1 << (FAN_BITS * self.level)
    }

    /// Whose part a row is.
    fn of(row: i64) -> Self {
        let run = row >> PART_BITS;
        Self { level: u32::try_from(run >> LEVEL_BITS).unwrap_or(LEVEL_MAX), number: run & ((1 << LEVEL_BITS) - 1) }
    }
}

/// The part for a hash: on each level four more of its upper bits count.
fn part_of(level: u32, hash: u64) -> usize {
    hash.checked_shr(u64::BITS - FAN_BITS * level).unwrap_or(0) as usize
}

/// The level of a run of so many entries.
fn level(entries: usize) -> u32 {
    (0..LEVEL_MAX).find(|level| entries <= LEVEL_0 << (FAN_BITS * level)).unwrap_or(LEVEL_MAX)
}

/// Runs that become one, a part at a time.
#[derive(Debug)]
struct Merge {
    sources: Vec<Run>,
    target: Run,
    /// The next part of the sources.
    part: usize,
}

impl Merge {
    /// Moves a part of each source; answers how many entries that were.
    fn step(&mut self, connection: &Connection) -> rusqlite::Result<usize> {
        let mut moved: Vec<Sent> = Vec::with_capacity(FAN * LEVEL_0);
        for source in &self.sources {
            let row = source.row_at(self.part);
            let take = "DELETE FROM nonces WHERE id = ?1 RETURNING entries";
            let mut take = connection.prepare_cached(take)?;
            let mut taken = take.query([row])?;
            while let Some(part) = taken.next()? {
                // What is in the wrong part is damaged, and is not found where it is either.
                let is_here = |sent: &Sent| part_of(source.level, sent.hash) == self.part;
                moved.extend(entries(part.get_ref(0)?.as_blob()?).filter(is_here));
            }
        }
        write(connection, self.target, &moved)?;
        if moved.is_empty() {
            self.skip(connection)?
        } else {
            self.part += 1
        }
        Ok(moved.len())
    }

    /// Goes on to the next part that is there: before a restart many may have been moved.
    fn skip(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "SELECT id FROM nonces WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT 1";
        let mut after = connection.prepare_cached(sql)?;
        let end = self.sources.first().map_or(0, |source| source.parts());
        let mut next = end;
        for source in &self.sources {
            let rows = [source.row_at(self.part), source.row_at(end - 1)];
            let found: Option<i64> = after.query_row(rows, |row| row.get(0)).optional()?;
            next = next.min(found.map_or(end, |row| (row & ((1 << PART_BITS) - 1)) as usize));
        }
        self.part = next;
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.sources.first().is_none_or(|source| self.part >= source.parts())
    }
}

/// Writes parts of a run.
fn write(connection: &Connection, run: Run, sent: &[Sent]) -> rusqlite::Result<()> {
    let mut parts = BTreeMap::<i64, Vec<u8>>::new();
    for sent in sent {
        sent.put(parts.entry(run.row(sent.hash)).or_default());
    }
    let mut insert = connection.prepare_cached("INSERT INTO nonces (id, entries) VALUES (?1, ?2)")?;
    for (row, entries) in parts {
        insert.execute((row, entries))?;
    }
    Ok(())
}

/// All runs. After a transaction that was taken back, they are to be listed again.
#[derive(Debug)]
pub(super) struct Runs {
    /// By level, those that are in no merge.
    levels: BTreeMap<u32, Vec<Run>>,
    /// By the level of what is merged.
    merges: BTreeMap<u32, Merge>,
}

impl Runs {
    /// Lists them.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn list(connection: &Connection) -> rusqlite::Result<Self> {
        let mut runs = Self { levels: BTreeMap::new(), merges: BTreeMap::new() };
        // A row beyond the last level is none of ours: the file is damaged.
        let end = i64::from(LEVEL_MAX + 1) << (LEVEL_BITS + PART_BITS);
        let sql = "SELECT id FROM nonces WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1";
        let mut next = connection.prepare_cached(sql)?;
        let mut from = 0;
        while let Some(row) = next.query_row([from, end], |row| row.get(0)).optional()? {
            let run = Run::of(row);
            runs.levels.entry(run.level).or_default().push(run);
            from = ((row >> PART_BITS) + 1) << PART_BITS;
        }
        Ok(runs)
    }

    /// The seqs that a key got: mostly one or none, more where hashes collide.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn find(&self, connection: &Connection, key: Key) -> rusqlite::Result<Vec<Seq>> {
        let hash = key.hash();
        let mut ask = connection.prepare_cached("SELECT entries FROM nonces WHERE id = ?1")?;
        let mut seqs = Vec::new();
        for run in self.all() {
            let mut rows = ask.query([run.row(hash)])?;
            while let Some(row) = rows.next()? {
                let part = row.get_ref(0)?.as_blob()?;
                seqs.extend(entries(part).filter(|sent| sent.hash == hash).map(|sent| sent.seq));
            }
        }
        Ok(seqs)
    }

    /// About how many nonces there are, told by the levels of the runs: the most that there could be.
    pub(super) fn nonces_max(&self) -> u64 {
        self.all().map(|run| (LEVEL_0 as u64) << (FAN_BITS * run.level)).sum()
    }

    /// Writes what was sent and is new in the tables, and puts a little of what there was in order.
    ///
    /// # Errors
    /// What SQLite says; then the transaction is to be taken back.
    pub(super) fn add(&mut self, connection: &Connection, sent: &[Sent]) -> rusqlite::Result<()> {
        if sent.is_empty() {
            return Ok(());
        }
        let run = self.new_run(level(sent.len()));
        write(connection, run, sent)?;
        self.levels.entry(run.level).or_default().push(run);
        self.merge(connection, sent.len() * MOVED_FOR_EACH)
    }

    fn all(&self) -> impl Iterator<Item = Run> {
        let merged = self.merges.values().flat_map(|merge| merge.sources.iter().chain([&merge.target]));
        self.levels.values().flatten().chain(merged).copied()
    }

    /// With the least number that no run of its level has.
    fn new_run(&self, level: u32) -> Run {
        let taken: BTreeSet<i64> = self.all().filter(|run| run.level == level).map(|run| run.number).collect();
        let number =
            (0..).zip(&taken).find(|(free, taken)| free != *taken).map_or(taken.len() as i64, |(free, _)| free);
        Run { level, number }
    }

    /// Moves as many entries or a few more, on the lowest levels first, where most comes in.
    fn merge(&mut self, connection: &Connection, count: usize) -> rusqlite::Result<()> {
        let mut owed = count;
        while owed > 0 {
            let Some(level) = self.next_merge() else { break };
            let Some(merge) = self.merges.get_mut(&level) else { break };
            let moved = merge.step(connection)?;
            if merge.is_done() {
                self.levels.entry(level + 1).or_default().push(merge.target);
                self.merges.remove(&level);
            }
            // A look at parts that are not there is some work, too.
            owed = owed.saturating_sub(moved.max(FAN));
        }
        Ok(())
    }

    /// The lowest level that has something to merge, which is begun if need be.
    fn next_merge(&mut self) -> Option<u32> {
        let is_full = |(level, runs): (&u32, &Vec<Run>)| (runs.len() >= FAN && *level < LEVEL_MAX).then_some(*level);
        let full = self.levels.iter().find_map(is_full);
        let begun = self.merges.keys().next().copied();
        let level = [full, begun].into_iter().flatten().min()?;
        if !self.merges.contains_key(&level) {
            let target = self.new_run(level + 1);
            let runs = self.levels.entry(level).or_default();
            let sources = runs.drain(..FAN.min(runs.len())).collect();
            self.merges.insert(level, Merge { sources, target, part: 0 });
        }
        Some(level)
    }
}

#[cfg(test)]
mod tests;
