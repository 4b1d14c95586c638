//! Chance with a purpose: when to come back, and made-up names.

use std::time::Duration;

use hubbub_protocol::Nick;
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::config::Backoff;

/// Letters and digits that are not mistaken for each other.
const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A source of chance, repeatable when seeded. Nothing secret is made from it.
#[derive(Debug)]
pub(super) struct Jitter(SmallRng);

impl Jitter {
    /// `None`: a seed from the system.
    pub(super) fn new(seed: Option<u64>) -> Self {
        Self(seed.map_or_else(rand::make_rng, SmallRng::seed_from_u64))
    }

    /// A wait before the `attempt`th attempt, counted from 1: full jitter, so that clients that were cut
    /// off together do not come back together.
    pub(super) fn wait(&mut self, backoff: &Backoff, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let most = backoff.base.saturating_mul(1 << doublings).min(backoff.cap);
        most.mul_f64(self.0.random_range(0.0..=1.0))
    }

    /// A wait of at least `least`, and up to a tenth more.
    pub(super) fn at_least(&mut self, least: Duration) -> Duration {
        least + least.div_f64(10.0).mul_f64(self.0.random_range(0.0..=1.0))
    }

    /// A name like `guest-k3v9`; longer after `refused` names were taken.
    pub(super) fn guest(&mut self, refused: u32) -> Nick {
        let letters = 4 + usize::try_from(refused).unwrap_or(8).min(8);
        let mut name = "guest-".to_owned();
        for _ in 0..letters {
            name.push(char::from(LETTERS[self.0.random_range(0..LETTERS.len())]));
        }
        Nick::parse(&name).unwrap_or_else(|_| unreachable!("letters and digits are a nick"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_are_spread() {
        let backoff = Backoff::default();
        let mut jitter = Jitter::new(Some(1));
        for attempt in [1, 2, 5, 9, u32::MAX] {
            let most = (backoff.base * 2_u32.pow((attempt - 1).min(6))).min(backoff.cap);
            let waits: Vec<_> = (0..200).map(|_| jitter.wait(&backoff, attempt)).collect();
            assert!(waits.iter().all(|wait| *wait <= most), "attempt {attempt}");
            assert!(waits.iter().any(|wait| *wait > most.mul_f64(0.8)), "attempt {attempt}");
            assert!(waits.iter().any(|wait| *wait < most.mul_f64(0.2)), "attempt {attempt}");
        }
    }

    #[test]
    fn a_made_up_name_is_a_nick_and_grows_when_refused() {
        let mut jitter = Jitter::new(Some(7));
        assert_eq!(jitter.guest(0).as_str().len(), "guest-k3v9".len());
        assert_eq!(jitter.guest(3).as_str().len(), "guest-k3v9".len() + 3);
        assert_ne!(jitter.guest(0), jitter.guest(0));
    }
}
