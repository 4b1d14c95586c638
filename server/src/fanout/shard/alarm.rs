//! Alarms: when a connection of this thread is to look at the time. One timer for all of them.
//!
//! A connection sets one alarm at a time. One whose connection has gone stays here until it is due, for
//! `ping_interval_ms` at most, and then rings for nobody: 16 bytes, fewer than what would find it earlier.

use std::{cell::RefCell, cmp::Reverse, collections::BinaryHeap, rc::Rc, time::Duration};

use tokio::{sync::Notify, time::sleep};

use super::{ConnectionId, LocalShard};
use crate::clock::monotonic_ms;

/// Alarms ring at multiples of this, so that many connections are looked after in one go, and their answers come together:
/// to be woken for each would cost more than the answer.
const GRID_MS: u64 = 64;

/// One connection's next look at the time; ordered by the moment.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Alarm {
    at_ms: u64,
    slot: u32,
    generation: u32,
}

/// The alarms of one thread.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    due: RefCell<BinaryHeap<Reverse<Alarm>>>,
    /// Told when an alarm is set that comes before all others.
    sooner: Notify,
}

impl LocalShard {
    /// Wakes a connection at `at_ms` of [`monotonic_ms`], or a little later, if it is still here.
    pub fn set_alarm(&self, id: ConnectionId, at_ms: u64) {
        self.0.borrow().alarms.set(id, at_ms);
    }

    /// Rings what is due, for as long as this thread runs.
    pub(super) async fn ring(self) {
        let alarms: Rc<Alarms> = self.0.borrow().alarms.clone();
        loop {
            alarms.wait().await;
            let mut shard = self.0.borrow_mut();
            while let Some((slot, generation)) = alarms.take(monotonic_ms()) {
                let id = ConnectionId { shard: shard.id, slot, generation };
                if let Some(entry) = shard.entry(id) {
                    entry.outbox.ring();
                }
            }
        }
    }
}

impl Alarms {
    fn set(&self, id: ConnectionId, at_ms: u64) {
        let at_ms = at_ms.checked_next_multiple_of(GRID_MS).unwrap_or(at_ms);
        let mut due = self.due.borrow_mut();
        let is_first = due.peek().is_none_or(|Reverse(first)| at_ms < first.at_ms);
        due.push(Reverse(Alarm { at_ms, slot: id.slot, generation: id.generation }));
        if is_first {
            self.sooner.notify_one();
        }
    }

    /// Takes out one that is due: whose slot, and which of its users.
    fn take(&self, now_ms: u64) -> Option<(u32, u32)> {
        let mut due = self.due.borrow_mut();
        let is_due = due.peek().is_some_and(|Reverse(first)| first.at_ms <= now_ms);
        is_due.then(|| due.pop()).flatten().map(|Reverse(alarm)| (alarm.slot, alarm.generation))
    }

    /// Waits until one is due.
    async fn wait(&self) {
        loop {
            let first_ms = self.due.borrow().peek().map(|Reverse(first)| first.at_ms);
            let Some(first_ms) = first_ms else {
                self.sooner.notified().await;
                continue;
            };
            let ms = first_ms.saturating_sub(monotonic_ms());
            if ms == 0 {
                return;
            }
            tokio::select! {
                () = sleep(Duration::from_millis(ms)) => return,
                () = self.sooner.notified() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(slot: u32, generation: u32) -> ConnectionId {
        ConnectionId { shard: 0, slot, generation }
    }

    #[test]
    fn alarms_ring_in_the_order_of_their_moments_and_never_early() {
        let alarms = Alarms::default();
        alarms.set(id(1, 1), 100);
        alarms.set(id(2, 2), 40);
        alarms.set(id(3, 3), 41);
        assert_eq!(alarms.take(40), None, "on the grid, at 64");
        assert_eq!([alarms.take(64), alarms.take(64)], [Some((2, 2)), Some((3, 3))]);
        assert_eq!([alarms.take(64), alarms.take(127)], [None, None]);
        assert_eq!([alarms.take(128), alarms.take(u64::MAX)], [Some((1, 1)), None]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_that_is_set_while_another_is_waited_for_rings_first() {
        let alarms = Rc::new(Alarms::default());
        let now_ms = monotonic_ms();
        alarms.set(id(1, 1), now_ms + 3_600_000);
        let waiting = alarms.wait();
        let sooner = async { alarms.set(id(2, 2), now_ms) };
        tokio::join!(waiting, sooner);
        // On the grid, and the clock itself is not paused.
        while monotonic_ms() < now_ms + GRID_MS {
            std::thread::yield_now();
        }
        assert_eq!(alarms.take(monotonic_ms()), Some((2, 2)));
    }
}
