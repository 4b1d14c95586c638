//! What can be wrong with a delivery, each with a name and a sentence.

use serde::{Deserialize, Serialize};

/// The kinds, as reports and thresholds name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BreachKind {
    /// Acknowledged, and not where it was said to be; or a reader who was there never got it.
    Lost,
    /// A reader got it twice, or it stands in the log twice.
    Doubled,
    /// A reader got it before one with a smaller seq.
    Reordered,
    /// Two readers, or a reader and an acknowledgement or the log, have different events at one seq.
    Disagreement,
    /// Somebody got it who is not in the room.
    Leaked,
    /// A sender who was there did not get its own post.
    OwnUnseen,
    /// The server's count of unread events is not the model's.
    Unread,
}

/// One finding. At most [`BREACHES_SHOWN_MAX`] of a kind are kept, all are counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Breach {
    pub(crate) kind: BreachKind,
    /// One sentence for a person: which message (its name, sender, seq), which room, who, and what was wrong.
    pub(crate) text: String,
    pub(crate) at_ms: f64,
}

/// Findings of one kind that are kept.
pub(crate) const BREACHES_SHOWN_MAX: usize = 20;
