//! Rate limits: a token bucket in whole milliseconds.

/// How many tokens a bucket holds and how fast it is refilled. A limit, the same for many buckets: they do not
/// keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The tokens in a full bucket, at least 1.
    pub burst: u64,
    /// The tokens that come back in a second, at least 1.
    pub per_s: u64,
}

/// A bucket of tokens, full at first.
///
/// Kept as the one time at which the bucket would be full again (the "theoretical arrival time" of GCRA,
/// ITU-T I.371), in microseconds, so that it needs 8 bytes and no timer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bucket {
    full_at_us: u64,
}

impl Bucket {
    /// Takes one token at `now_ms` of any clock that does not go back; the rate is always the same.
    ///
    /// # Errors
    /// The milliseconds, at least 1, after which there will be one.
    pub fn take(&mut self, rate: Rate, now_ms: u64) -> Result<(), u64> {
        let token_us = (1_000_000 / rate.per_s.max(1)).max(1);
        let burst_us = token_us.saturating_mul(rate.burst.max(1));
        let now_us = now_ms.saturating_mul(1_000);
        let full_at_us = self.full_at_us.max(now_us).saturating_add(token_us);
        let debt_us = full_at_us - now_us;
        if debt_us > burst_us {
            return Err((debt_us - burst_us).div_ceil(1_000));
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
        let mut bucket = Bucket::default();
        let mut take = |now_ms| bucket.take(Rate { burst: 3, per_s: 5 }, now_ms);
        assert_eq!([take(0), take(0), take(0)], [Ok(()); 3]);
        assert_eq!(take(0), Err(200));
        assert_eq!(take(150), Err(50));
        assert_eq!(take(200), Ok(()));
        assert_eq!(take(200), Err(200));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_and_waiting_as_told_always_helps(
            burst in 1_u64..50, per_s in 1_u64..1_000, steps in prop::collection::vec(0_u64..300, 1..300),
        ) {
            let (mut bucket, rate) = (Bucket::default(), Rate { burst, per_s });
            let (mut now, mut taken) = (0, 0);
            for step in steps {
                now += step;
                match bucket.take(rate, now) {
                    Ok(()) => taken += 1,
                    Err(wait) => {
                        prop_assert!(wait >= 1);
                        prop_assert_eq!(bucket.clone().take(rate, now + wait), Ok(()));
                    }
                }
                // `token_us` is rounded down, so up to 0.1 % more than asked for may pass.
                prop_assert!(taken <= burst + now * per_s * 1_001 / 1_000_000 + 1);
            }
        }
    }
}
