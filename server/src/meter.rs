//! Meters of the hot paths: handles of metrics that are looked up once, and counted up once a turn.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::metrics as names;

/// One poll in so many of the rooms' tasks on a thread is timed: two looks at the clock for each would be felt in a post.
pub const ROOM_POLLS_PER_SAMPLE: u32 = 16;

thread_local! {
    static ROOM_POLLS: Cell<u32> = const { Cell::new(0) };
}

/// What rooms measure, all of them together.
pub struct RoomMeter {
    poll_seconds: Histogram,
    inbox_depth: Histogram,
    batch_events: Histogram,
    posts_total: Counter,
    duplicates_total: Counter,
}

impl Default for RoomMeter {
    fn default() -> Self {
        Self::new()
    }
}

impl RoomMeter {
    /// The meter of all rooms of a server.
    #[must_use]
    pub fn new() -> Self {
        Self {
            poll_seconds: histogram!(names::ROOM_POLL_SECONDS),
            inbox_depth: histogram!(names::ROOM_INBOX_DEPTH),
            batch_events: histogram!(names::ROOM_BATCH_EVENTS),
            posts_total: counter!(names::POSTS_TOTAL),
            duplicates_total: counter!(names::POST_DUPLICATES_TOTAL),
        }
    }

    /// Polls a room's task, and times that if it is its turn.
    pub fn poll<T>(&self, poll: impl FnOnce() -> T) -> T {
        let polls = ROOM_POLLS.get().wrapping_add(1);
        ROOM_POLLS.set(polls);
        if !polls.is_multiple_of(ROOM_POLLS_PER_SAMPLE) {
            return poll();
        }
        let begun = Instant::now();
        let polled = poll();
        self.poll_seconds.record(begun.elapsed());
        polled
    }

    /// The commands that stood in the inbox when a turn began.
    pub fn inbox(&self, depth: usize) {
        self.inbox_depth.record(depth as f64);
    }

    /// Events are appended together.
    pub fn batch(&self, events: usize) {
        self.batch_events.record(events as f64);
    }

    /// A post was acknowledged.
    pub fn settled(&self, duplicate: bool) {
        if duplicate { &self.duplicates_total } else { &self.posts_total }.increment(1);
    }
}

/// What the connections of a thread measure of their input.
pub struct InputMeter {
    frames_total: Counter,
    bytes_total: Counter,
}

impl Default for InputMeter {
    fn default() -> Self {
        Self::new()
    }
}

impl InputMeter {
    /// The meter of one thread.
    #[must_use]
    pub fn new() -> Self {
        Self { frames_total: counter!(names::FRAMES_IN_TOTAL), bytes_total: counter!(names::BYTES_IN_TOTAL) }
    }

    /// Bytes were read.
    pub fn bytes(&self, count: usize) {
        self.bytes_total.increment(count as u64);
    }

    /// A frame was read.
    pub fn frame(&self) {
        self.frames_total.increment(1);
    }
}

/// What a shard measures. Counted in plain fields during a turn, given to the recorder at its end.
pub struct FanoutMeter {
    deliveries: u64,
    bytes: u64,
    writes: u64,
    lagged: u64,
    signals_dropped: u64,
    deliveries_total: Counter,
    bytes_total: Counter,
    writes_total: Counter,
    lagged_total: Counter,
    signals_dropped_total: Counter,
    outbox_bytes: Gauge,
    turn_seconds: Histogram,
    inbox_depth: Histogram,
}

impl FanoutMeter {
    /// The meter of one shard.
    #[must_use]
    pub fn new(shard: u16) -> Self {
        let shard = shard.to_string();
        let label = || [("shard", shard.clone())];
        Self {
            deliveries: 0,
            bytes: 0,
            writes: 0,
            lagged: 0,
            signals_dropped: 0,
            deliveries_total: counter!(names::DELIVERIES_TOTAL, &label()),
            bytes_total: counter!(names::DELIVERED_BYTES_TOTAL, &label()),
            writes_total: counter!(names::SOCKET_WRITES_TOTAL, &label()),
            lagged_total: counter!(names::LAGGED_TOTAL),
            signals_dropped_total: counter!(names::SIGNALS_DROPPED_TOTAL),
            outbox_bytes: gauge!(names::OUTBOX_BYTES, &label()),
            turn_seconds: histogram!(names::FANOUT_PASS_SECONDS, &label()),
            inbox_depth: histogram!(names::SHARD_INBOX_DEPTH, &label()),
        }
    }

    /// Events were put into one outbox.
    pub fn delivered(&mut self, events: u32, bytes: usize) {
        self.deliveries += u64::from(events);
        self.bytes += bytes as u64;
    }

    /// Sockets were written to.
    pub fn writes(&mut self, writes: u64) {
        self.writes += writes;
    }

    /// A connection fell behind in a room.
    pub fn lagged(&mut self) {
        self.lagged += 1;
    }

    /// A signal was dropped for a slow connection.
    pub fn signal_dropped(&mut self) {
        self.signals_dropped += 1;
    }

    /// The commands that stood in the inbox when a turn began.
    pub fn inbox(&mut self, depth: usize) {
        if depth > 0 {
            self.inbox_depth.record(depth as f64);
        }
    }

    /// What waits in this shard's outboxes.
    pub fn outboxes(&mut self, bytes: usize) {
        self.outbox_bytes.set(bytes as f64);
    }

    /// A turn has ended.
    pub fn turn(&mut self, took: Duration) {
        let totals = [
            (&mut self.deliveries, &self.deliveries_total),
            (&mut self.bytes, &self.bytes_total),
            (&mut self.writes, &self.writes_total),
            (&mut self.lagged, &self.lagged_total),
            (&mut self.signals_dropped, &self.signals_dropped_total),
        ];
        for (count, total) in totals {
            if *count > 0 {
                total.increment(std::mem::take(count));
            }
        }
        self.turn_seconds.record(took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_poll_in_so_many_is_timed_and_all_are_made() {
        let handle = names::install();
        let meter = RoomMeter::new();
        let made: Vec<u32> = (0..4 * ROOM_POLLS_PER_SAMPLE).map(|number| meter.poll(|| number)).collect();
        assert!(made.into_iter().eq(0..4 * ROOM_POLLS_PER_SAMPLE));
        let text = names::render(&handle);
        let count = text.lines().find_map(|line| line.strip_prefix("hubbub_room_poll_seconds_count "));
        assert_eq!(count, Some("4"), "{text}");
        let told = names::TABLE.iter().find(|info| info.name == names::ROOM_POLL_SECONDS).map(|info| info.help);
        let in_so_many = format!("One poll in {ROOM_POLLS_PER_SAMPLE} is timed.");
        assert!(told.is_some_and(|help| help.ends_with(&in_so_many)), "the metric tells how many");
    }
}
