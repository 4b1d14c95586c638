//! Recent frames and what they said: an event that comes to a thousand sockets is the same bytes each time, so it is
//! read as JSON once, and compared after that.

use crate::scenario::{id::RoomId, ledger::Content};
use hubbub_protocol::id::Seq;

/// Frames that are remembered; a newer one takes the place of the one in its slot.
const SLOTS: usize = 2_048;

/// The longest frame that is remembered, in bytes.
const FRAME_BYTES_MAX: usize = 8 * 1024;

/// What a frame said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// An event of a room's log.
    Entry { room: RoomId, seq: Seq, content: Content },
    /// A signal, which nothing depends on.
    Signal,
}

/// The memo, at most [`SLOTS`] × [`FRAME_BYTES_MAX`] bytes.
#[derive(Debug)]
pub(super) struct Memo {
    slots: Vec<(Vec<u8>, Said)>,
}

impl Memo {
    pub(super) fn new() -> Self {
        Self { slots: vec![(Vec::new(), Said::Signal); SLOTS] }
    }

    /// What these very bytes said.
    #[inline]
    pub(super) fn recall(&self, frame: &[u8]) -> Option<Said> {
        let (bytes, said) = &self.slots[slot(frame)];
        (bytes == frame).then_some(*said)
    }

    /// Remembers it.
    pub(super) fn remember(&mut self, frame: &[u8], said: Said) {
        if frame.is_empty() || frame.len() > FRAME_BYTES_MAX {
            return;
        }
        let (bytes, place) = &mut self.slots[slot(frame)];
        bytes.clear();
        bytes.extend_from_slice(frame);
        *place = said;
    }
}

/// Where a frame is remembered: by its length and its last bytes, which are those of its nonce. A wrong guess costs
/// a comparison that fails.
#[inline]
fn slot(frame: &[u8]) -> usize {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let (front, tail) = match frame.last_chunk::<16>() {
        Some([a, b, c, d, e, f, g, h, tail @ ..]) => {
            (u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), u64::from_le_bytes(*tail))
        }
        None => (0, frame.iter().fold(0, |sum, byte| (sum << 8) ^ u64::from(*byte))),
    };
    let mixed = (front ^ (frame.len() as u64).rotate_left(48)).wrapping_mul(ODD) ^ tail;
    let mixed = mixed.wrapping_mul(ODD);
    (mixed >> 40) as usize % SLOTS
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
        (0..256).for_each(|number| memo.remember(&frame(number), said(number)));
        let kept = (0..256).filter(|number| memo.recall(&frame(*number)).is_some()).count();
        assert!(kept > 200, "{kept} of 256");
    }
}
