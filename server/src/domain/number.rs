//! Maps by numbers that the store gives one after the other: nobody can choose them so that they collide.

use std::hash::{BuildHasherDefault, Hasher};

/// For a map whose keys are such numbers, of rooms or of users, and never what a peer sends.
pub type ByNumber = BuildHasherDefault<NumberHasher>;

/// Hashes one such number.
#[derive(Debug, Default)]
pub struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        // Fibonacci hashing: neighbours are spread over the whole word, of which the table uses both ends.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
