//! A room's newest events, encoded, for those who come back: most of them are served without the store.

use std::collections::VecDeque;

use hubbub_protocol::id::Seq;

/// One event of the tail.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry<T> {
    seq: Seq,
    json: T,
}

/// The newest events of a log, dense up to its last seq, limited in number and bytes.
///
/// `T` is the encoded event.
#[derive(Debug, Clone)]
pub struct Tail<T> {
    entries: VecDeque<Entry<T>>,
    bytes: usize,
    events_max: usize,
    bytes_max: usize,
}

impl<T: AsRef<[u8]>> Tail<T> {
    /// An empty tail with its limits; it always keeps at least the newest event.
    #[must_use]
    pub fn new(events_max: usize, bytes_max: usize) -> Self {
        Self { entries: VecDeque::new(), bytes: 0, events_max, bytes_max }
    }

    /// Adds the next event and forgets the oldest ones beyond the limits. `false`: it is not the next one, as in a log
    /// that was damaged, and the tail begins anew with it.
    pub fn push(&mut self, seq: Seq, json: T) -> bool {
        let is_next = self.entries.back().is_none_or(|last| last.seq + 1 == seq);
        if !is_next {
            self.entries.clear();
            self.bytes = 0;
        }
        self.bytes += json.as_ref().len();
        self.entries.push_back(Entry { seq, json });
        while self.entries.len() > 1 && (self.entries.len() > self.events_max || self.bytes > self.bytes_max) {
            if let Some(oldest) = self.entries.pop_front() {
                self.bytes -= oldest.json.as_ref().len();
            }
        }
        is_next
    }

    /// The events after `seq`; `None` when some of them are no longer here.
    #[must_use]
    pub fn after(&self, seq: Seq, last: Seq) -> Option<Vec<&T>> {
        if seq >= last {
            return Some(Vec::new());
        }
        let oldest = self.entries.front()?.seq;
        let skip = usize::try_from((seq + 1).checked_sub(oldest)?).ok()?;
        Some(self.entries.iter().skip(skip).map(|entry| &entry.json).collect())
    }

    /// The newest `count` events, or as many as there are.
    #[must_use]
    pub fn newest(&self, count: usize) -> Vec<&T> {
        let skip = self.entries.len().saturating_sub(count);
        self.entries.iter().skip(skip).map(|entry| &entry.json).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(events_max: usize, bytes_max: usize, seqs: std::ops::RangeInclusive<Seq>) -> Tail<String> {
        let mut tail = Tail::new(events_max, bytes_max);
        seqs.for_each(|seq| assert!(tail.push(seq, format!("{seq:04}"))));
        tail
    }

    #[test]
    fn behind_a_hole_it_begins_anew() {
        let mut tail = tail(10, 30, 1..=3);
        assert!(!tail.push(5, "0005".to_owned()));
        assert_eq!(tail.after(3, 5), None, "event 4 is missing");
        assert!((6..=11).all(|seq| tail.push(seq, format!("{seq:04}"))));
        assert_eq!(tail.after(4, 11).map(|events| events.len()), Some(7), "the bytes before the hole do not count");
    }

    #[test]
    fn all_after_a_position_or_nothing() {
        let tail = tail(3, 1_000, 1..=10);
        assert_eq!(tail.after(10, 10), Some(vec![]));
        assert_eq!(tail.after(9, 10), Some(vec![&"0010".to_owned()]));
        assert_eq!(tail.after(7, 10).map(|events| events.len()), Some(3));
        assert_eq!(tail.after(6, 10), None);
        assert_eq!(tail.after(0, 10), None);
        assert_eq!(tail.newest(2), ["0009", "0010"]);
        assert_eq!(tail.newest(9).len(), 3);
    }

    #[test]
    fn bytes_are_limited_too_but_the_newest_always_stays() {
        assert_eq!(tail(100, 9, 1..=10).newest(100), ["0009", "0010"]);
        assert_eq!(tail(100, 1, 1..=10).newest(100), ["0010"]);
    }

    #[test]
    fn an_empty_log_is_complete_from_nothing_and_an_empty_tail_is_not() {
        let empty = Tail::<String>::new(3, 100);
        assert_eq!(empty.after(0, 0), Some(vec![]));
        assert_eq!(empty.after(0, 5), None);
    }
}
