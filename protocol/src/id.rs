//! Identifiers: positions and the random words that name logs, sessions and sends.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::limits::NONCE_BYTES_MAX;

/// A position in a room's log: 1 for the first event, dense, increasing. 0 stands for "before the first".
pub type Seq = u64;

/// Milliseconds since 1970-01-01T00:00:00Z, by the server's clock.
pub type UnixMs = u64;

/// A user's number on one server; guests get one with each session.
pub type UserId = u64;

/// Random bytes as URL-safe base64 without padding.
///
/// # Errors
/// When the operating system has no randomness to give.
pub fn random_word<const BYTES: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A place in one particular log of a room: what a client says it has when it comes back.
///
/// `epoch` names the log: it changes when the log is no longer the continuation of what was there
/// before (restored from a backup, say), and then the client's copy is worth nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The log's name, opaque.
    pub epoch: String,
    /// The last event that the client has; 0 for none.
    pub seq: Seq,
}

/// Why a nonce was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is 1 to {NONCE_BYTES_MAX} bytes of printable ASCII without spaces")]
pub struct NonceError;

/// The sender's own name for one send: a repeat of it gets the first one's `seq`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Nonce(Box<str>);

impl Nonce {
    /// Checks that `text` is 1 to 64 bytes of printable ASCII without spaces.
    ///
    /// # Errors
    /// When it is not.
    pub fn parse(text: &str) -> Result<Self, NonceError> {
        Self::check(text).map(|()| Self(text.into()))
    }

    fn check(text: &str) -> Result<(), NonceError> {
        let fits = (1..=NONCE_BYTES_MAX).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(()) } else { Err(NonceError) }
    }

    /// The nonce as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Nonce {
    type Error = NonceError;

    /// As [`Nonce::parse`], without a copy.
    fn try_from(text: String) -> Result<Self, NonceError> {
        Self::check(&text).map(|()| Self(text.into()))
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
