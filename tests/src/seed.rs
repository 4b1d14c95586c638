//! Randomness that can be had again: every seed is printed, and `HUBBUB_TEST_SEED` brings it back.

use rand::{SeedableRng, rngs::StdRng};

/// The variable that sets the seed of all tests.
const VARIABLE: &str = "HUBBUB_TEST_SEED";

/// A random source for the test called `name`; its seed is printed, which a failed test shows.
#[must_use]
pub fn random(name: &str) -> StdRng {
    let seed = match std::env::var(VARIABLE) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{VARIABLE}={text}: {error}")),
        Err(_) => rand::random(),
    };
    println!("{name}: {VARIABLE}={seed}");
    StdRng::seed_from_u64(seed)
}
