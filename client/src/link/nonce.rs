//! Nonces: a name for every post that nobody else, and no later run of this program, will ever use.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use hubbub_protocol::id::{Nonce, random_word};

/// Random bytes at the front of every nonce of this process.
const PREFIX_BYTES: usize = 15;

/// A nonce that is unique for the life of every log: 120 random bits of this process, and a counter.
///
/// # Errors
/// When the operating system has no randomness to give; it is asked again at the next call.
pub(super) fn unique() -> Result<Nonce, String> {
    static PREFIX: OnceLock<String> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let prefix = match PREFIX.get() {
        Some(prefix) => prefix,
        None => {
            let word = random_word::<PREFIX_BYTES>().map_err(|error| error.to_string())?;
            PREFIX.get_or_init(|| word)
        }
    };
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Nonce::parse(&format!("{prefix}.{count}")).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_nonces_are_the_same() {
        let mut nonces: Vec<_> = (0..100).map(|_| unique().expect("randomness").as_str().to_owned()).collect();
        nonces.sort();
        nonces.dedup();
        assert_eq!(nonces.len(), 100);
    }
}
