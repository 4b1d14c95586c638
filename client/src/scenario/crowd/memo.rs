//! Recent frames and what they said: an event that comes to a thousand sockets is the same bytes each time, so it is
//! read as JSON once, and compared after that.

use crate::scenario::{id::RoomId, ledger::Content};
use hubbub_protocol::id::Seq;

/// Frames whose places begin at the same slot, and find room side by side: where only one did, two posts under way that
/// meet there would be read anew for every reader.
const WAYS: usize = 4;

/// Sets of [`WAYS`] for frames up to [`SMALL_BYTES_MAX`].
const SMALL_SETS: usize = 1_024;

/// The longest frame that counts as small, in bytes; posts of people are.
const SMALL_BYTES_MAX: usize = 1_024;

/// The same for larger ones, of which there are fewer: long posts, lists of members.
const LARGE_SETS: usize = 16;

/// The longest frame that is remembered, in bytes.
const LARGE_BYTES_MAX: usize = 8 * 1_024;

/// What a frame said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// An event of a room's log.
    Entry { room: RoomId, seq: Seq, content: Content },
    /// A signal, which nothing depends on.
    Signal,
}

/// A frame that is remembered.
#[derive(Debug, Clone)]
struct Way {
    tag: u32,
    said: Said,
    bytes: Vec<u8>,
}

/// The frames of one slot; the oldest makes room.
#[derive(Debug, Clone)]
struct Set {
    ways: [Way; WAYS],
    oldest: usize,
}

/// The memo: at most `SETS × WAYS × BYTES_MAX` of each size, 4.5 MiB in all.
#[derive(Debug)]
pub(super) struct Memo {
    small: Vec<Set>,
    large: Vec<Set>,
}

impl Memo {
    pub(super) fn new() -> Self {
        let empty = Way { tag: 0, said: Said::Signal, bytes: Vec::new() };
        let set = Set { ways: std::array::from_fn(|_| empty.clone()), oldest: 0 };
        Self { small: vec![set.clone(); SMALL_SETS], large: vec![set; LARGE_SETS] }
    }

    /// What these very bytes said.
    #[inline]
    pub(super) fn recall(&self, frame: &[u8]) -> Option<Said> {
        let mark = mark(frame);
        let sets = if frame.len() <= SMALL_BYTES_MAX { &self.small } else { &self.large };
        let set = &sets[slot(mark, sets.len())];
        let tag = tag(mark);
        set.ways.iter().find(|way| way.tag == tag && way.bytes == frame).map(|way| way.said)
    }

    /// Remembers it.
    pub(super) fn remember(&mut self, frame: &[u8], said: Said) {
        if frame.is_empty() || frame.len() > LARGE_BYTES_MAX {
            return;
        }
        let mark = mark(frame);
        let sets = if frame.len() <= SMALL_BYTES_MAX { &mut self.small } else { &mut self.large };
        let slot = slot(mark, sets.len());
        let set = &mut sets[slot];
        let way = &mut set.ways[set.oldest];
        set.oldest = (set.oldest + 1) % WAYS;
        (way.tag, way.said) = (tag(mark), said);
        way.bytes.clear();
        way.bytes.extend_from_slice(frame);
    }
}

/// A number for a frame: of its length and its last bytes, which are those of its nonce. That two share it costs a
/// comparison that fails.
#[inline]
fn mark(frame: &[u8]) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let (front, tail) = match frame.last_chunk::<24>() {
        Some([a, b, c, d, e, f, g, h, middle @ .., s, t, u, v, w, x, y, z]) => (
            u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) ^ u64::from_le_bytes(*middle).rotate_left(23),
            u64::from_le_bytes([*s, *t, *u, *v, *w, *x, *y, *z]),
        ),
        None => (0, frame.iter().fold(0, |sum, byte| (sum << 8) ^ u64::from(*byte))),
    };
    let mixed = (front ^ (frame.len() as u64).rotate_left(48)).wrapping_mul(ODD) ^ tail;
    mixed.wrapping_mul(ODD)
}

/// Where a frame with this mark is remembered.
#[inline]
fn slot(mark: u64, sets: usize) -> usize {
    (mark >> 40) as usize % sets
}

/// What is compared before the bytes are.
#[inline]
fn tag(mark: u64) -> u32 {
    (mark >> 8) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::id::MessageId;

    fn frame(number: u32) -> Vec<u8> {
        format!(r#"{{"ev":"post","room":"lobby","seq":{number},"text":"hello","nonce":"f3a9.{number}"}}"#).into_bytes()
    }

    fn said(number: u32) -> Said {
        Said::Entry { room: RoomId(0), seq: u64::from(number), content: Content::Ours(MessageId(number)) }
    }

    #[test]
    fn only_the_very_same_bytes_are_recalled() {
        let mut memo = Memo::new();
        for number in 0..100_000 {
            assert_eq!(memo.recall(&frame(number)), None);
            memo.remember(&frame(number), said(number));
            assert_eq!(memo.recall(&frame(number)), Some(said(number)));
        }
        let mut other = frame(99_999);
        other[30] ^= 1;
        assert_eq!(memo.recall(&other), None, "the same slot, other bytes");
        assert_eq!(memo.recall(b""), None);
    }

    #[test]
    fn the_frames_of_a_busy_moment_find_room_side_by_side() {
        let mut memo = Memo::new();
        (0..1_024).for_each(|number| memo.remember(&frame(number), said(number)));
        let kept = (0..1_024).filter(|number| memo.recall(&frame(*number)) == Some(said(*number))).count();
        assert!(kept > 1_000, "{kept} of 1,024");
    }

    #[test]
    fn a_long_frame_is_remembered_and_one_beyond_the_limit_is_not() {
        let mut memo = Memo::new();
        for (bytes, is_kept) in [(SMALL_BYTES_MAX, true), (SMALL_BYTES_MAX + 1, true), (LARGE_BYTES_MAX + 1, false)] {
            let frame = vec![b'x'; bytes];
            memo.remember(&frame, said(7));
            assert_eq!(memo.recall(&frame), is_kept.then(|| said(7)), "{bytes}");
        }
    }
}
