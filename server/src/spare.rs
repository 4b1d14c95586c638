//! Spares: lists and buffers that a thread keeps for whoever needs one next.
//!
//! What is needed for a moment, many times a turn, would be cold each time if it came from the allocator, which goes
//! through a page of memory before it gives back what was freed. What was kept last is given first.

use std::{cell::RefCell, collections::VecDeque, mem, thread::LocalKey};

/// How many of a kind a thread keeps.
const SPARES_MAX: usize = 256;

/// Spares of one kind, of one thread.
pub struct Spares<T> {
    space_max: usize,
    kept: RefCell<Vec<T>>,
}

impl<T> Spares<T> {
    /// None yet; those that will be kept have space for `space_max` things at most.
    #[must_use]
    pub const fn of(space_max: usize) -> Self {
        Self { space_max, kept: RefCell::new(Vec::new()) }
    }
}

/// What can be used again.
pub trait List: Default {
    /// For how many things it has space.
    fn space(&self) -> usize;

    /// Drops what is in it, and keeps the space.
    fn empty(&mut self);
}

impl<T> List for Vec<T> {
    fn space(&self) -> usize {
        self.capacity()
    }

    fn empty(&mut self) {
        self.clear();
    }
}

impl<T> List for VecDeque<T> {
    fn space(&self) -> usize {
        self.capacity()
    }

    fn empty(&mut self) {
        self.clear();
    }
}

/// What the spares of a thread are asked for.
pub trait Kept<T> {
    /// Gives one that has no memory a spare one's, if there is one.
    fn lend(&'static self, to: &mut T);

    /// Takes the memory of one that is not needed any more, and keeps it if it is not too large and there are not enough.
    fn take_back(&'static self, from: &mut T);
}

impl<T: List> Kept<T> for LocalKey<Spares<T>> {
    fn lend(&'static self, to: &mut T) {
        if to.space() == 0
            && let Ok(Some(spare)) = self.try_with(|spares| spares.kept.borrow_mut().pop())
        {
            *to = spare;
        }
    }

    fn take_back(&'static self, from: &mut T) {
        let mut spare = mem::take(from);
        // A thread that is ending keeps nothing.
        self.try_with(|spares| {
            if (1..=spares.space_max).contains(&spare.space()) && spares.kept.borrow().len() < SPARES_MAX {
                spare.empty();
                spares.kept.borrow_mut().push(spare);
            }
        })
        .unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static NUMBERS: Spares<Vec<u8>> = const { Spares::of(1_000) };
    }

    fn lent() -> Vec<u8> {
        let mut list = Vec::new();
        NUMBERS.lend(&mut list);
        list
    }

    #[test]
    fn what_was_kept_last_is_given_first_and_there_is_a_limit() {
        assert_eq!(lent().capacity(), 0);
        (1..1_000).for_each(|space| NUMBERS.take_back(&mut Vec::with_capacity(space)));
        assert_eq!(lent().capacity(), SPARES_MAX);
        assert_eq!((0..1_000).filter(|_| lent().capacity() > 0).count(), SPARES_MAX - 1);
    }

    #[test]
    fn what_is_too_large_or_has_no_memory_is_not_kept_and_what_has_some_needs_none() {
        NUMBERS.take_back(&mut Vec::with_capacity(1_001));
        NUMBERS.take_back(&mut Vec::new());
        assert_eq!(lent().capacity(), 0);
        let mut list = vec![1, 2, 3];
        NUMBERS.take_back(&mut list);
        assert_eq!(list.capacity(), 0);
        let mut other = vec![4];
        NUMBERS.lend(&mut other);
        assert_eq!((other, lent()), (vec![4], Vec::new()), "and nothing of what was in it");
    }
}
