//! A session as it is found by the hash of its token.
//!
//! The set of sessions holds pointers alone: the hash itself is in the session and nowhere else.

use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::Session;

/// The SHA-256 of a token.
pub(super) type TokenHash = [u8; 32];

/// A session that is equal to any other with the same token.
pub(super) struct ByToken(pub(super) Arc<Session>);

impl Borrow<TokenHash> for ByToken {
    fn borrow(&self) -> &TokenHash {
        &self.0.token_hash
    }
}

impl Hash for ByToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.token_hash.hash(state);
    }
}

impl PartialEq for ByToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.token_hash == other.0.token_hash
    }
}

impl Eq for ByToken {}
