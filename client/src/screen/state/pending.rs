//! A post that is not in the log yet: shown at once, settled or failed later.

use hubbub_protocol::{
    event::PostKind,
    id::{Seq, UnixMs},
};

use crate::link::Nonce;

/// What became of it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// With the link, or on its way.
    Waiting {
        /// Why the server lets it wait longer; `None`: it does not.
        held: Option<String>,
    },
    /// Stored; shown until the log that is known here has reached its event.
    Stored {
        /// Its place in the log.
        seq: Seq,
    },
    /// Not stored, or not known to be.
    Failed {
        /// Why, for people.
        reason: String,
    },
}

/// A post that is not in the log yet.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    /// The screen's number for it.
    pub(crate) id: u64,
    /// The link's name for it; `None` until it was queued.
    pub(crate) nonce: Option<Nonce>,
    /// Which link has it.
    pub(crate) link: u32,
    /// When it was written.
    pub(crate) at: UnixMs,
    /// How it is said.
    pub(crate) kind: PostKind,
    /// What.
    pub(crate) text: String,
    /// What became of it so far.
    pub(crate) fate: Fate,
}

impl Pending {
    /// Why it failed; `None`: it has not.
    pub(crate) fn failure(&self) -> Option<&str> {
        match &self.fate {
            Fate::Failed { reason } => Some(reason),
            Fate::Waiting { .. } | Fate::Stored { .. } => None,
        }
    }

    /// Whether its event is in a log that reaches up to here, so that it must not be shown a second time.
    pub(crate) fn is_in_log(&self, log_end: Seq) -> bool {
        matches!(self.fate, Fate::Stored { seq } if seq <= log_end)
    }

    /// Whether quitting now would lose it.
    pub(crate) fn is_unsent(&self) -> bool {
        !matches!(self.fate, Fate::Stored { .. })
    }
}
