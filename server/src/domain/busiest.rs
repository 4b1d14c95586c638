//! The few of many that matter most, found in one pass and in bounded memory.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

/// What is kept: the rank decides, the rest is carried along.
#[derive(Debug)]
struct Ranked<K, T> {
    rank: K,
    what: T,
}

impl<K: Ord, T> PartialEq for Ranked<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl<K: Ord, T> Eq for Ranked<K, T> {}

impl<K: Ord, T> PartialOrd for Ranked<K, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord, T> Ord for Ranked<K, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// Keeps those of the highest rank, `max` at most.
#[derive(Debug)]
pub struct Busiest<K, T> {
    max: usize,
    kept: BinaryHeap<Reverse<Ranked<K, T>>>,
}

impl<K: Ord, T> Busiest<K, T> {
    /// Nobody yet.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, kept: BinaryHeap::new() }
    }

    /// Offers one; `what` is made only for one that is kept.
    pub fn offer(&mut self, rank: K, what: impl FnOnce() -> T) {
        if self.kept.len() >= self.max {
            if self.kept.peek().is_none_or(|Reverse(least)| least.rank >= rank) {
                return;
            }
            self.kept.pop();
        }
        self.kept.push(Reverse(Ranked { rank, what: what() }));
    }

    /// Those that were kept, the highest rank first.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.kept.into_sorted_vec().into_iter().map(|Reverse(ranked)| ranked.what).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_ranks_are_kept_in_order() {
        let mut busiest = Busiest::new(3);
        for number in [5, 1, 9, 7, 3, 8] {
            busiest.offer(number, || number);
        }
        assert_eq!(busiest.into_vec(), [9, 8, 7]);
        let mut none = Busiest::new(0);
        none.offer(1, || 1);
        assert!(none.into_vec().is_empty());
    }
}
