//! Whether what a connection is to be sent still fits what already waits for it.

/// What is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Events of a room's log: when they do not fit, the room goes on without this connection.
    Log,
    /// A signal without a seq: when it does not fit, it is dropped.
    Signal,
    /// A reply, notice or control frame: always taken. Their number is bounded elsewhere: requests are not
    /// read while the outbox is over its limit, and notices come once a room.
    Direct,
}

/// What to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Put it into the outbox.
    Take,
    /// Leave it out and say nothing.
    Drop,
    /// Leave it out, take the connection out of the room and tell it so.
    Lag,
}

/// Decides for something of `len` bytes when `queued` bytes wait and `max` may.
///
/// Signals get only the first half of the outbox, so that they are dropped before anything is lagged.
#[must_use]
pub fn admit(kind: Kind, queued: usize, len: usize, max: usize) -> Verdict {
    let after = queued.saturating_add(len);
    match kind {
        Kind::Direct => Verdict::Take,
        Kind::Signal if after <= max / 2 => Verdict::Take,
        Kind::Signal => Verdict::Drop,
        // Whatever its size, something fits into an empty outbox: a log must be able to go on.
        Kind::Log if after <= max || queued == 0 => Verdict::Take,
        Kind::Log => Verdict::Lag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_dropped_before_a_log_is_cut() {
        assert_eq!(admit(Kind::Signal, 400, 100, 1_000), Verdict::Take);
        assert_eq!(admit(Kind::Signal, 401, 100, 1_000), Verdict::Drop);
        assert_eq!(admit(Kind::Log, 900, 100, 1_000), Verdict::Take);
        assert_eq!(admit(Kind::Log, 901, 100, 1_000), Verdict::Lag);
        assert_eq!(admit(Kind::Direct, 1_000, 100, 1_000), Verdict::Take);
    }

    #[test]
    fn an_empty_outbox_takes_even_what_is_larger_than_its_limit() {
        assert_eq!(admit(Kind::Log, 0, 5_000, 1_000), Verdict::Take);
    }
}
