//! What stands in one room's log, as far as this run knows: four bytes for each event, so that all of it can be kept.

use std::collections::VecDeque;

use hubbub_protocol::id::Seq;

use super::Content;
use crate::scenario::id::MessageId;

/// Events of all rooms that are remembered (256 MiB); beyond it a growing room forgets its oldest.
pub(super) const LOG_EVENTS_MAX: usize = 64 << 20;

/// How far beyond the last known event a new one may stand; a larger seq is taken for a lie.
pub(super) const LEAP_MAX: u64 = 1 << 20;

/// Messages with larger numbers cannot be told apart in a log and are not followed.
pub(super) const NUMBER_MAX: u32 = 1 << 30;

/// One event in four bytes: unknown; or ours by its number, only claimed by an acknowledgement or seen; or a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(u32);

/// A code in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Nothing,
    /// An acknowledgement says so; nobody has read it.
    Claimed(MessageId),
    Ours(MessageId),
    Foreign,
}

impl Code {
    const UNKNOWN: Self = Self(u32::MAX);
    const FOREIGN: u32 = 1 << 31;
    const CLAIMED: u32 = 1 << 30;

    /// That of an event that was read.
    pub(super) fn of(content: Content) -> Self {
        match content {
            Content::Ours(MessageId(number)) if number < NUMBER_MAX => Self(number),
            Content::Ours(MessageId(number)) => Self::digest(u64::from(number)),
            Content::Foreign(digest) => Self::digest(digest),
        }
    }

    fn digest(digest: u64) -> Self {
        let folded = (digest ^ (digest >> 32)) as u32 & (Self::FOREIGN - 1);
        Self(Self::FOREIGN | folded.min(Self::FOREIGN - 2))
    }

    fn claim(message: MessageId) -> Self {
        if message.0 < NUMBER_MAX { Self(Self::CLAIMED | message.0) } else { Self::UNKNOWN }
    }

    pub(super) fn known(self) -> Known {
        match self.0 {
            _ if self == Self::UNKNOWN => Known::Nothing,
            code if code & Self::FOREIGN != 0 => Known::Foreign,
            code if code & Self::CLAIMED != 0 => Known::Claimed(MessageId(code & !Self::CLAIMED)),
            code => Known::Ours(MessageId(code)),
        }
    }
}

/// What it meant that somebody read an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// It stands there for all who read it.
    Same,
    /// Nobody had read it before.
    First,
    /// Something else was read there or acknowledged.
    Differs(Known),
    /// It is older than what is remembered.
    Before,
    /// It is further ahead than can be.
    TooFar,
}

/// The events of one room, dense from `base`.
#[derive(Debug, Default)]
pub(super) struct RoomLog {
    /// The first event that this run can know of.
    first: Seq,
    /// The oldest that is remembered.
    base: Seq,
    codes: VecDeque<Code>,
}

impl RoomLog {
    /// An empty log whose next event is `first`.
    pub(super) fn starting_at(first: Seq) -> Self {
        Self { first, base: first, codes: VecDeque::new() }
    }

    pub(super) fn first(&self) -> Seq {
        self.first
    }

    pub(super) fn base(&self) -> Seq {
        self.base
    }

    /// The seq behind the last known event.
    pub(super) fn end(&self) -> Seq {
        self.base + self.codes.len() as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }

    #[inline]
    fn index(&self, seq: Seq) -> Option<usize> {
        usize::try_from(seq.checked_sub(self.base)?).ok()
    }

    #[inline]
    pub(super) fn code(&self, seq: Seq) -> Option<Code> {
        self.codes.get(self.index(seq)?).copied()
    }

    pub(super) fn known(&self, seq: Seq) -> Known {
        self.code(seq).map_or(Known::Nothing, Code::known)
    }

    /// Whether a seq can be written down; makes room up to it. `total` counts the events of all rooms.
    fn reach(&mut self, seq: Seq, total: &mut usize) -> Option<usize> {
        if seq >= self.end().saturating_add(LEAP_MAX) {
            return None;
        }
        while self.end() <= seq {
            self.codes.push_back(Code::UNKNOWN);
            *total += 1;
            if *total > LOG_EVENTS_MAX && self.codes.len() > 1 {
                self.codes.pop_front();
                self.base += 1;
                *total -= 1;
            }
        }
        self.index(seq)
    }

    /// Somebody read it.
    pub(super) fn see(&mut self, seq: Seq, content: Content, total: &mut usize) -> Sight {
        if seq < self.base {
            return Sight::Before;
        }
        let Some(slot) = self.reach(seq, total).and_then(|index| self.codes.get_mut(index)) else {
            return Sight::TooFar;
        };
        let code = Code::of(content);
        match slot.known() {
            _ if *slot == code => Sight::Same,
            Known::Nothing => {
                *slot = code;
                Sight::First
            }
            Known::Claimed(message) => {
                *slot = code;
                if Content::Ours(message) == content { Sight::First } else { Sight::Differs(Known::Claimed(message)) }
            }
            other => Sight::Differs(other),
        }
    }

    /// An acknowledgement says that it stands there.
    pub(super) fn claim(&mut self, seq: Seq, message: MessageId, total: &mut usize) -> Sight {
        if seq < self.base {
            return Sight::Before;
        }
        let Some(slot) = self.reach(seq, total).and_then(|index| self.codes.get_mut(index)) else {
            return Sight::TooFar;
        };
        match slot.known() {
            Known::Nothing => {
                *slot = Code::claim(message);
                Sight::First
            }
            Known::Claimed(there) | Known::Ours(there) if there == message => Sight::Same,
            other => Sight::Differs(other),
        }
    }

    /// The acknowledgement was wrong: nothing is known of that seq, unless somebody read it.
    pub(super) fn unclaim(&mut self, seq: Seq, message: MessageId, total: &mut usize) {
        if self.known(seq) != Known::Claimed(message) {
            return;
        }
        if let Some(slot) = self.index(seq).and_then(|index| self.codes.get_mut(index)) {
            *slot = Code::UNKNOWN;
        }
        while self.codes.back() == Some(&Code::UNKNOWN) {
            self.codes.pop_back();
            *total -= 1;
        }
    }

    /// Our messages from `from` to before `to`, with their seq.
    pub(super) fn ours(&self, from: Seq, to: Seq) -> impl Iterator<Item = (Seq, MessageId)> {
        let (from, to) = (from.max(self.base), to.min(self.end()));
        (from..to).filter_map(|seq| match self.known(seq) {
            Known::Ours(message) => Some((seq, message)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_a_log_forgets_its_oldest() {
        let (mut log, mut total) = (RoomLog::starting_at(1), LOG_EVENTS_MAX - 10);
        for seq in 1..=15 {
            assert_eq!(log.see(seq, Content::Foreign(seq), &mut total), Sight::First);
        }
        assert_eq!((total, log.first(), log.base(), log.end()), (LOG_EVENTS_MAX, 1, 6, 16));
        assert_eq!(log.see(5, Content::Foreign(99), &mut total), Sight::Before);
        assert_eq!(log.see(6, Content::Foreign(99), &mut total), Sight::Differs(Known::Foreign));
    }

    #[test]
    fn numbers_that_cannot_be_told_apart_are_taken_for_those_of_others() {
        let (mut log, mut total) = (RoomLog::starting_at(1), 0);
        for (seq, number) in [(1, NUMBER_MAX - 1), (2, NUMBER_MAX), (3, u32::MAX)] {
            let content = Content::Ours(MessageId(number));
            assert_eq!(log.see(seq, content, &mut total), Sight::First);
            assert_eq!(log.see(seq, content, &mut total), Sight::Same);
        }
        assert_eq!(log.known(1), Known::Ours(MessageId(NUMBER_MAX - 1)));
        assert_eq!((log.known(2), log.known(3)), (Known::Foreign, Known::Foreign));
        assert_eq!(log.see(4, Content::Foreign(u64::from(u32::MAX)), &mut total), Sight::First);
    }

    #[test]
    fn a_claim_that_was_wrong_leaves_nothing_behind() {
        let (mut log, mut total) = (RoomLog::starting_at(1), 0);
        assert_eq!(log.claim(9, MessageId(1), &mut total), Sight::First);
        assert_eq!((log.end(), total), (10, 9));
        log.unclaim(9, MessageId(2), &mut total);
        assert_eq!(log.end(), 10);
        log.unclaim(9, MessageId(1), &mut total);
        assert_eq!((log.end(), total), (1, 0));
        assert_eq!(log.claim(LEAP_MAX + 1, MessageId(1), &mut total), Sight::TooFar);
    }
}
