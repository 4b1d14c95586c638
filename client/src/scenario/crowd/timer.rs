//! What is to be done at a time of the run: a heap, earliest first. What is no longer wanted is found out when it is due.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::scenario::id::{Moment, PersonId, RoomId};

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A person begins to connect, for an order that spreads them over a time.
    Connect(PersonId),
    /// A person who lost the connection tries again, if this is still the attempt.
    Retry(PersonId, u32),
    /// A join that was to be asked again later.
    Rejoin(PersonId, RoomId),
    /// A page of history that was to be asked again later.
    Reread(PersonId, usize),
    /// A person may read again, who reads slowly.
    Read(PersonId),
    /// The next posts of an open flow, or the end of a closed one.
    Flow(usize),
    /// The next post of one who chats.
    Talk(usize, u32),
    /// One who chats goes, or comes back.
    Go(usize, u32),
    Return(usize, u32),
    /// Patience is looked at.
    Sweep,
    /// A sample is taken.
    Sample,
    /// The ledger is told the time.
    Tick,
}

/// The heap.
#[derive(Debug, Default)]
pub(super) struct Timers(BinaryHeap<Reverse<(Moment, Due)>>);

impl Timers {
    pub(super) fn add(&mut self, at: Moment, due: Due) {
        self.0.push(Reverse((at, due)));
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Moment> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// The next one that is due by now, with the time at which it was.
    pub(super) fn due(&mut self, now: Moment) -> Option<(Moment, Due)> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(due)| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_the_order_of_its_time_and_not_before() {
        let mut timers = Timers::default();
        timers.add(Moment(30), Due::Sweep);
        timers.add(Moment(10), Due::Sample);
        timers.add(Moment(20), Due::Flow(1));
        assert_eq!(timers.due(Moment(9)), None);
        assert_eq!(timers.due(Moment(20)), Some((Moment(10), Due::Sample)));
        assert_eq!(timers.due(Moment(20)), Some((Moment(20), Due::Flow(1))));
        assert_eq!((timers.due(Moment(20)), timers.next()), (None, Some(Moment(30))));
    }
}
