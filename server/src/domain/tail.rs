//! A room's newest events, encoded, for those who come back: most of them are served without the store.

use std::collections::VecDeque;

use hubbub_protocol::id::Seq;

/// The least and the most space of a segment, but for an event that is larger: of small rooms there are many, and of a
/// large one's first segment only the end may be of use.
const SEGMENT_BYTES: std::ops::RangeInclusive<usize> = 512..=8_192;

/// The part of a segment that may stay unused when the next event does not fit.
const UNUSED_DIVISOR: usize = 8;

/// The newest events of a log, dense up to its last seq, limited in number and bytes.
///
/// They stand one behind the other in segments, each of which is as large as all before it, within limits. So none has
/// memory of its own, nothing is copied when one comes (but where much of a segment would stay unused), and one that is
/// forgotten is not even looked at.
#[derive(Debug, Clone)]
pub struct Tail {
    segments: VecDeque<Vec<u8>>,
    /// Where the oldest event begins in the first segment.
    begin: usize,
    /// How many bytes each event has.
    lens: VecDeque<u32>,
    /// The bytes of all of them.
    bytes: usize,
    last: Seq,
    events_max: usize,
    bytes_max: usize,
}

impl Tail {
    /// An empty tail with its limits; it always keeps at least the newest event.
    #[must_use]
    pub fn new(events_max: usize, bytes_max: usize) -> Self {
        let (segments, lens) = (VecDeque::new(), VecDeque::new());
        Self { segments, begin: 0, lens, bytes: 0, last: 0, events_max, bytes_max }
    }

    /// Adds the next event, encoded, and forgets the oldest ones beyond the limits. `false`: it is not the next one, as in
    /// a log that was damaged, and the tail begins anew with it.
    pub fn push(&mut self, seq: Seq, json: &[u8]) -> bool {
        let is_next = self.lens.is_empty() || self.last + 1 == seq;
        if !is_next {
            *self = Self::new(self.events_max, self.bytes_max);
        }
        self.append(json);
        self.last = seq;
        while self.lens.len() > 1 && (self.lens.len() > self.events_max || self.bytes > self.bytes_max) {
            self.forget_oldest();
        }
        is_next
    }

    fn append(&mut self, json: &[u8]) {
        self.lens.push_back(u32::try_from(json.len()).unwrap_or(u32::MAX));
        match self.segments.back_mut() {
            Some(last) if last.capacity() - last.len() >= json.len() => last.extend_from_slice(json),
            last => {
                if let Some(last) = last
                    && last.capacity() - last.len() > last.capacity() / UNUSED_DIVISOR
                {
                    last.shrink_to_fit();
                }
                let space = self.bytes.clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end());
                let mut segment = Vec::with_capacity(space.max(json.len()));
                segment.extend_from_slice(json);
                self.segments.push_back(segment);
            }
        }
        self.bytes += json.len();
    }

    fn forget_oldest(&mut self) {
        let Some(len) = self.lens.pop_front() else { return };
        self.bytes -= len as usize;
        self.begin += len as usize;
        if self.segments.front().is_some_and(|first| self.begin >= first.len()) {
            self.segments.pop_front();
            self.begin = 0;
        }
    }

    /// How many events there are after `seq`, in a log that ends with `last`; `None` when some of them are no longer here.
    #[must_use]
    pub fn count_after(&self, seq: Seq, last: Seq) -> Option<usize> {
        if seq >= last {
            return Some(0);
        }
        let count = usize::try_from(last - seq).ok()?;
        (last == self.last && count <= self.lens.len()).then_some(count)
    }

    /// The newest `count` events, or as many as there are.
    #[must_use]
    pub fn newest(&self, count: usize) -> Vec<&[u8]> {
        let mut segments = self.segments.iter().enumerate().rev().map(|(number, segment)| match number {
            0 => segment.get(self.begin..).unwrap_or_default(),
            _ => segment,
        });
        let mut rest = &[][..];
        let events = self.lens.iter().rev().take(count).map(|len| {
            if rest.is_empty() {
                rest = segments.next().unwrap_or_default();
            }
            let begin = rest.len().saturating_sub(*len as usize);
            rest.split_off(begin..).unwrap_or_default()
        });
        let mut events: Vec<_> = events.collect();
        events.reverse();
        events
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tail(events_max: usize, bytes_max: usize, seqs: std::ops::RangeInclusive<Seq>) -> Tail {
        let mut tail = Tail::new(events_max, bytes_max);
        seqs.for_each(|seq| assert!(tail.push(seq, format!("{seq:04}").as_bytes())));
        tail
    }

    #[test]
    fn behind_a_hole_it_begins_anew() {
        let mut tail = tail(10, 30, 1..=3);
        assert!(!tail.push(5, b"0005"));
        assert_eq!(tail.count_after(3, 5), None, "event 4 is missing");
        assert!((6..=11).all(|seq| tail.push(seq, format!("{seq:04}").as_bytes())));
        assert_eq!(tail.count_after(4, 11), Some(7), "the bytes before the hole do not count");
    }

    #[test]
    fn all_after_a_position_or_nothing() {
        let tail = tail(3, 1_000, 1..=10);
        assert_eq!(tail.count_after(10, 10), Some(0));
        assert_eq!(tail.count_after(9, 10), Some(1));
        assert_eq!(tail.count_after(7, 10), Some(3));
        assert_eq!(tail.count_after(6, 10), None);
        assert_eq!(tail.count_after(0, 10), None);
        assert_eq!(tail.newest(2), [b"0009", b"0010"]);
        assert_eq!(tail.newest(9).len(), 3);
    }

    #[test]
    fn bytes_are_limited_too_but_the_newest_always_stays() {
        assert_eq!(tail(100, 9, 1..=10).newest(100), [b"0009", b"0010"]);
        assert_eq!(tail(100, 1, 1..=10).newest(100), [b"0010"]);
    }

    #[test]
    fn an_empty_log_is_complete_from_nothing_and_an_empty_tail_is_not() {
        let empty = Tail::new(3, 100);
        assert_eq!(empty.count_after(0, 0), Some(0));
        assert_eq!(empty.count_after(0, 5), None);
    }

    #[test]
    fn memory_is_not_much_more_than_the_events() {
        let memory = |tail: &Tail| tail.segments.iter().map(Vec::capacity).sum::<usize>();
        let small = tail(1_000, 100_000, 1..=10);
        assert_eq!(memory(&small), *SEGMENT_BYTES.start());
        for sizes in [[4, 4], [170, 170], [1_000, 1_000], [2_800, 2_800], [4_150, 4_150], [100, 8_100], [9_000, 20]] {
            let mut full = Tail::new(100_000, 100_000);
            for (seq, size) in (1..100_000).zip(sizes.iter().cycle()) {
                full.push(seq, &vec![b'x'; *size]);
                let most = 100_000 + 100_000 / (UNUSED_DIVISOR - 1) + 2 * SEGMENT_BYTES.end();
                assert!(memory(&full) <= most, "{} bytes for events of {sizes:?}", memory(&full));
            }
            assert!(full.bytes > 90_000);
        }
    }

    proptest! {
        #[test]
        fn it_has_the_newest_within_its_limits(
            lens in prop::collection::vec(prop_oneof![9 => 0_usize..40, 1 => 400_usize..2_000], 0..200),
            events_max in 1_usize..20,
            bytes_max in prop_oneof![1_usize..300, 300_usize..10_000],
            wanted in 0_usize..30,
        ) {
            let mut tail = Tail::new(events_max, bytes_max);
            let mut model: VecDeque<Vec<u8>> = VecDeque::new();
            for ((seq, number), len) in (1_000..).zip(0_u8..).zip(lens) {
                model.push_back(vec![number; len]);
                while model.len() > 1 && (model.len() > events_max || model.iter().map(Vec::len).sum::<usize>() > bytes_max) {
                    model.pop_front();
                }
                prop_assert!(tail.push(seq, &vec![number; len]));
                let newest: Vec<Vec<u8>> = tail.newest(wanted).into_iter().map(<[u8]>::to_vec).collect();
                prop_assert_eq!(newest, Vec::from_iter(model.range(model.len().saturating_sub(wanted)..).cloned()));
                let counted = tail.count_after(seq - u64::try_from(wanted).expect("small"), seq);
                prop_assert_eq!(counted, (wanted <= model.len()).then_some(wanted));
            }
        }
    }
}
