//! Rate limits: a token bucket in whole milliseconds.

/// A bucket that holds `burst` tokens and is refilled with `per_s` a second.
///
/// Kept as the one time at which the bucket would be full again (the "theoretical arrival time" of GCRA,
/// ITU-T I.371), in microseconds, so that it needs 24 bytes and no timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    token_us: u64,
    burst_us: u64,
    full_at_us: u64,
}

impl Bucket {
    /// A full bucket. `burst` and `per_s` are at least 1.
    #[must_use]
    pub fn new(burst: u64, per_s: u64) -> Self {
        let token_us = (1_000_000 / per_s.max(1)).max(1);
        Self { token_us, burst_us: token_us.saturating_mul(burst.max(1)), full_at_us: 0 }
    }

    /// Takes one token at `now_ms` of any clock that does not go back.
    ///
    /// # Errors
    /// The milliseconds, at least 1, after which there will be one.
    pub fn take(&mut self, now_ms: u64) -> Result<(), u64> {
        let now_us = now_ms.saturating_mul(1_000);
        let full_at_us = self.full_at_us.max(now_us).saturating_add(self.token_us);
        let debt_us = full_at_us - now_us;
        if debt_us > self.burst_us {
            return Err((debt_us - self.burst_us).div_ceil(1_000));
        }
        self.full_at_us = full_at_us;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_rules() {
        let mut bucket = Bucket::new(3, 5);
        assert_eq!([bucket.take(0), bucket.take(0), bucket.take(0)], [Ok(()); 3]);
        assert_eq!(bucket.take(0), Err(200));
        assert_eq!(bucket.take(150), Err(50));
        assert_eq!(bucket.take(200), Ok(()));
        assert_eq!(bucket.take(200), Err(200));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_and_waiting_as_told_always_helps(
            burst in 1_u64..50, per_s in 1_u64..1_000, steps in prop::collection::vec(0_u64..300, 1..300),
        ) {
            let mut bucket = Bucket::new(burst, per_s);
            let (mut now, mut taken) = (0, 0);
            for step in steps {
                now += step;
                match bucket.take(now) {
                    Ok(()) => taken += 1,
                    Err(wait) => {
                        prop_assert!(wait >= 1);
                        prop_assert_eq!(bucket.clone().take(now + wait), Ok(()));
                    }
                }
                // `token_us` is rounded down, so up to 0.1 % more than asked for may pass.
                prop_assert!(taken <= burst + now * per_s * 1_001 / 1_000_000 + 1);
            }
        }
    }
}
