//! The seed of a run, and the sources of chance that are grown from it, one for each purpose.
//!
//! A draw depends on the seed and on the name of its purpose alone: a step that is added to a file changes no other
//! draw.

use rand::{SeedableRng, rngs::StdRng};

/// Where all chance of a run comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    /// A new one, short enough to be typed again.
    pub(crate) fn new() -> Self {
        Self(u64::from(rand::random::<u32>()))
    }

    /// The chance for one purpose; the same each time.
    pub(super) fn chance(self, purpose: &str) -> StdRng {
        StdRng::seed_from_u64(self.mixed(purpose))
    }

    /// FNV-1a over the seed and the purpose: stable on every machine, which a hasher of the library is not.
    fn mixed(self, purpose: &str) -> u64 {
        let bytes = self.0.to_le_bytes().into_iter().chain(purpose.bytes());
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn a_purpose_has_the_same_chance_each_time_and_another_than_others() {
        let draws = |seed: u64, purpose: &str| -> Vec<u64> {
            let mut chance = Seed(seed).chance(purpose);
            (0..4).map(|_| chance.random()).collect()
        };
        assert_eq!(draws(1, "10% of crowd"), draws(1, "10% of crowd"));
        assert_ne!(draws(1, "10% of crowd"), draws(1, "11% of crowd"));
        assert_ne!(draws(1, "10% of crowd"), draws(2, "10% of crowd"));
    }
}
