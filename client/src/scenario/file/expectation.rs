//! Expectations: what must be true at a point of the story, about several people together.

use std::time::Duration;

use hubbub_protocol::ErrorCode;

use super::who::Who;

/// Something that holds or does not. Each waits for what it needs with bounded patience.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expectation {
    /// `{who: everyone in lobby except eve, receives: m1, times: 1, within: 50 ms, at: p99}`: each of them gets each of the captured
    /// messages so many times (0: never; then `within` is how long to look). Without `within`: within the patience of the run.
    Receives { who: Who, what: Vec<String>, times: u32, within: Option<Within> },
    /// `{who: eve, receives: nothing, for: 1 s}`: no event of any log in that time.
    ReceivesNothing { who: Who, time: Duration },
    /// `{who: bo, history_of: lobby, equals: ana}`: both read it now, and it is the same.
    SameHistory { who: Who, room: String, other: Who },
    /// `{who: cy, resumed: complete}`: how the rooms of the last reconnect came back.
    Resumed { who: Who, how: Resumed },
    /// `{accepted: m2, as_duplicate_of: m1}`, or without the latter: every captured post was acknowledged.
    Accepted { what: String, duplicate_of: Option<String> },
    /// `{refused: flood, code: rate_limited, at_least: 1}`
    Refused { what: String, code: ErrorCode, at_least: u32 },
    /// `{who: eve, closed: 1009}`, or `closed: any`: the server ended the connection.
    Closed { who: Who, code: Option<u16> },
    /// `{that: m1.seq < m2.seq}`
    That { left: Operand, relation: Relation, right: Operand, text: String },
}

/// In what time, for which share of the receipts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Within {
    pub(crate) limit: Duration,
    /// 0.99 for `at: p99`; 1 for all of them (`at: max`, the default).
    pub(crate) quantile: f64,
}

/// As in the reply to `join`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumed {
    Complete,
    Gap,
    Reset,
    Fresh,
}

/// A side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Number(f64),
    /// Of what was captured under this name.
    Capture {
        name: String,
        field: Field,
    },
}

/// What a capture has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// Of posts: the seq of the last accepted one. Of a history: of its last event.
    Seq,
    /// Of posts: how many were accepted. Of a history: its events.
    Count,
    /// Of posts: how many were refused.
    Refused,
}

/// How two numbers relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

impl Relation {
    /// As it is written.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::GreaterOrEqual => ">=",
            Self::Greater => ">",
        }
    }
}
