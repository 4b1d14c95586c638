//! When a connection must be pinged, and when it has to go.

use hubbub_protocol::close;

/// The limits that a heartbeat keeps, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// From the upgrade to a successful `hello`.
    pub hello_ms: u64,
    /// Between pings.
    pub ping_interval_ms: u64,
    /// Pings in a row without a sign of life.
    pub pings_missed_max: u64,
    /// How long an outbox may wait for a socket that takes nothing.
    pub unwritable_ms: u64,
    /// How long a room may take to answer a request.
    pub answer_ms: u64,
}

/// What is known about a connection; times are milliseconds of a clock that does not go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulse {
    /// When it was opened.
    pub opened_ms: u64,
    /// Whether `hello` has succeeded.
    pub greeted: bool,
    /// When something was last heard from it.
    pub heard_ms: u64,
    /// When it was last pinged, or opened.
    pub pinged_ms: u64,
    /// Since when its outbox waits without any progress; `None`: nothing waits.
    pub blocked_since_ms: Option<u64>,
    /// Since when a room owes an answer; `None`: none does.
    pub unanswered_since_ms: Option<u64>,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Nothing until this many milliseconds have passed.
    Sleep(u64),
    /// Send a ping, note the time, ask again.
    Ping,
    /// Close with this code and sentence.
    Close(u16, &'static str),
}

impl Heartbeat {
    /// Decides what is due at `now_ms`.
    #[must_use]
    pub fn beat(&self, pulse: &Pulse, now_ms: u64) -> Beat {
        let silence_ms = self.ping_interval_ms.saturating_mul(self.pings_missed_max + 1);
        let mut next_ms = u64::MAX;
        // For each deadline: its time, and what happens when it has come.
        let mut due = |at_ms: u64| {
            next_ms = next_ms.min(at_ms.saturating_sub(now_ms));
            at_ms <= now_ms
        };
        if !pulse.greeted && due(pulse.opened_ms.saturating_add(self.hello_ms)) {
            return Beat::Close(close::HELLO_TIMEOUT, "no hello succeeded in time");
        }
        if let Some(since_ms) = pulse.blocked_since_ms
            && due(since_ms.saturating_add(self.unwritable_ms))
        {
            return Beat::Close(close::SLOW, "nothing could be written for too long");
        }
        if let Some(since_ms) = pulse.unanswered_since_ms
            && due(since_ms.saturating_add(self.answer_ms))
        {
            return Beat::Close(close::INTERNAL, "a room did not answer");
        }
        if due(pulse.heard_ms.saturating_add(silence_ms)) {
            return Beat::Close(close::PING_TIMEOUT, "pings went unanswered");
        }
        if due(pulse.pinged_ms.saturating_add(self.ping_interval_ms)) {
            return Beat::Ping;
        }
        // A block or an unanswered request that begins while this sleeps is seen at most this much later.
        let begins_later_ms = self.unwritable_ms.min(self.answer_ms);
        Beat::Sleep(next_ms.min(begins_later_ms).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARTBEAT: Heartbeat = Heartbeat {
        hello_ms: 10_000,
        ping_interval_ms: 25_000,
        pings_missed_max: 2,
        unwritable_ms: 30_000,
        answer_ms: 60_000,
    };

    fn pulse() -> Pulse {
        Pulse {
            opened_ms: 0,
            greeted: true,
            heard_ms: 0,
            pinged_ms: 0,
            blocked_since_ms: None,
            unanswered_since_ms: None,
        }
    }

    #[test]
    fn who_does_not_say_hello_is_closed() {
        let pulse = Pulse { greeted: false, ..pulse() };
        assert_eq!(HEARTBEAT.beat(&pulse, 4_000), Beat::Sleep(6_000));
        assert!(matches!(HEARTBEAT.beat(&pulse, 10_000), Beat::Close(close::HELLO_TIMEOUT, _)));
    }

    #[test]
    fn a_silent_peer_is_pinged_and_closed_after_two_missed_pings() {
        let mut pulse = pulse();
        let mut now_ms = 0;
        let mut pings = 0;
        loop {
            match HEARTBEAT.beat(&pulse, now_ms) {
                Beat::Sleep(ms) => now_ms += ms,
                Beat::Ping => (pulse.pinged_ms, pings) = (now_ms, pings + 1),
                Beat::Close(code, _) => break assert_eq!((code, now_ms), (close::PING_TIMEOUT, 75_000)),
            }
        }
        assert_eq!(pings, 2);
    }

    #[test]
    fn a_reader_that_stopped_is_closed_before_its_pings_are_missed() {
        let pulse = Pulse { blocked_since_ms: Some(1_000), pinged_ms: 25_000, ..pulse() };
        assert_eq!(HEARTBEAT.beat(&pulse, 26_000), Beat::Sleep(5_000));
        assert!(matches!(HEARTBEAT.beat(&pulse, 31_000), Beat::Close(close::SLOW, _)));
    }
}
