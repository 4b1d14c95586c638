//! Spares: lists and buffers that a thread keeps for whoever needs one next.
//!
//! What is needed for a moment, many times a turn, would be cold each time if it came from the allocator, which goes
//! through a page of memory before it gives back what was freed. What was kept last is given first.

use std::{cell::RefCell, thread::LocalKey};

/// How many of a kind a thread keeps.
const SPARES_MAX: usize = 256;

/// Spares of one kind, of one thread.
pub struct Spares<T>(RefCell<Vec<T>>);

impl<T> Default for Spares<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Spares<T> {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }
}

/// What the spares of a thread are asked for.
pub trait Kept<T> {
    /// A spare one, or one that needs no memory yet.
    fn take(&'static self) -> T;

    /// Keeps one that is empty and not too large to be kept, if there are not enough.
    fn keep(&'static self, spare: T);
}

impl<T: Default> Kept<T> for LocalKey<Spares<T>> {
    fn take(&'static self) -> T {
        self.try_with(|spares| spares.0.borrow_mut().pop()).ok().flatten().unwrap_or_default()
    }

    fn keep(&'static self, spare: T) {
        // A thread that is ending keeps nothing.
        self.try_with(|spares| {
            let mut spares = spares.0.borrow_mut();
            if spares.len() < SPARES_MAX {
                spares.push(spare);
            }
        })
        .unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static NUMBERS: Spares<u32> = const { Spares::new() };
    }

    #[test]
    fn what_was_kept_last_is_given_first_and_there_is_a_limit() {
        assert_eq!(NUMBERS.take(), 0);
        (1..1_000).for_each(|number| NUMBERS.keep(number));
        assert_eq!(NUMBERS.take(), u32::try_from(SPARES_MAX).expect("small"));
        assert_eq!((0..1_000).filter(|_| NUMBERS.take() > 0).count(), SPARES_MAX - 1);
    }
}
