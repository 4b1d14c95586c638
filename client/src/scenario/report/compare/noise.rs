//! How much a figure swings by itself: what neighbouring pieces of one run differ by, though nothing was changed.
//!
//! A run is cut into pieces with the same number of receipts, as each receipt weighs the same in the figures of the whole.
//! Pieces that follow each other have the same load, save where the story changes it; so the median of their differences
//! tells the swing of the machine and not the shape of the story. It is not divided by the number of pieces: what makes
//! a machine swing often lasts longer than a piece.

use super::super::{facts::Facts, figure::server_cpu_ms};
use crate::scenario::ledger::account::Interval;

/// Pieces that a run is cut into.
const PIECES: usize = 20;
/// Fewer differences tell nothing.
const DIFFERENCES_MIN: usize = 5;
/// The median of absolute differences of normal values is so much of their deviation, and a difference has two of them.
const DEVIATIONS: f64 = 0.6745 * std::f64::consts::SQRT_2;

/// A piece of a run.
pub(super) type Piece<'a> = &'a [Interval];

/// The run from its first to its last receipt, in pieces: what is idle before and after says nothing.
pub(super) fn pieces(facts: &Facts) -> Vec<Piece<'_>> {
    let timeline = &facts.account.timeline;
    let is_busy = |interval: &Interval| interval.delivered > 0;
    let (Some(first), Some(last)) = (timeline.iter().position(is_busy), timeline.iter().rposition(is_busy)) else {
        return Vec::new();
    };
    let busy = timeline.get(first..=last).unwrap_or_default();
    let all: f64 = delivered(busy);
    let mut pieces = Vec::new();
    let (mut begin, mut before) = (0, 0.0);
    for (at, interval) in busy.iter().enumerate() {
        before += interval.delivered as f64;
        if before * PIECES as f64 >= all * (pieces.len() + 1) as f64 {
            pieces.extend(busy.get(begin..=at));
            begin = at + 1;
        }
    }
    pieces.extend(busy.get(begin..).filter(|rest| !rest.is_empty()));
    pieces
}

/// The relative swing of a figure over the pieces; `None` when there are too few to tell.
pub(super) fn swing(values: &[Option<f64>]) -> Option<f64> {
    let logs: Vec<Option<f64>> = values.iter().map(|value| value.filter(|value| *value > 0.0).map(f64::ln)).collect();
    let mut differences: Vec<f64> = logs
        .windows(2)
        .filter_map(|pair| match pair {
            [Some(a), Some(b)] => Some((a - b).abs()).filter(|difference| difference.is_finite()),
            _ => None,
        })
        .collect();
    if differences.len() < DIFFERENCES_MIN {
        return None;
    }
    differences.sort_by(f64::total_cmp);
    Some((differences.get(differences.len() / 2)? / DEVIATIONS).exp_m1())
}

/// A quantile of the receipts of a piece, in microseconds, read from its buckets.
pub(super) fn quantile_us(piece: Piece<'_>, share: f64) -> Option<f64> {
    let buckets = piece.iter().map(|interval| interval.buckets.len()).max()?;
    let in_bucket = |bucket| piece.iter().filter_map(|interval| interval.buckets.get(bucket)).map(|n| *n as f64).sum();
    let counts: Vec<f64> = (0..buckets).map(in_bucket).collect();
    let all: f64 = counts.iter().sum();
    let mut before = 0.0;
    for (bucket, count) in counts.into_iter().enumerate() {
        if count > 0.0 && before + count >= all * share {
            // within a bucket as if receipts were spread evenly over the logarithm
            return Some((bucket as f64 + ((all * share - before) / count).clamp(0.0, 1.0)).exp2());
        }
        before += count;
    }
    None
}

/// The longest latency of a piece.
pub(super) fn max_us(piece: Piece<'_>) -> Option<f64> {
    piece.iter().map(|interval| interval.max_us as f64).reduce(f64::max)
}

/// Something a second.
pub(super) fn per_s(piece: Piece<'_>, of: impl Fn(&Interval) -> u64) -> Option<f64> {
    let seconds: f64 = piece.iter().map(|interval| interval.length_ms / 1e3).sum();
    (seconds > 0.0).then(|| piece.iter().map(|interval| of(interval) as f64).sum::<f64>() / seconds)
}

/// The server's CPU time for a receipt, in microseconds.
pub(super) fn server_us_per_delivery(facts: &Facts, piece: Piece<'_>) -> Option<f64> {
    let samples = &facts.server.cost.as_ref()?.samples;
    let (first, last) = (piece.first()?, piece.last()?);
    let cpu_ms = server_cpu_ms(samples, first.at_ms, last.at_ms + last.length_ms);
    ratio(cpu_ms * 1e3, delivered(piece))
}

/// Receipts for a second of the load side's CPU time.
pub(super) fn deliveries_per_cpu_s(piece: Piece<'_>) -> Option<f64> {
    ratio(delivered(piece), piece.iter().map(|interval| interval.load_cpu_ms / 1e3).sum())
}

fn delivered(piece: Piece<'_>) -> f64 {
    piece.iter().map(|interval| interval.delivered as f64).sum()
}

fn ratio(a: f64, b: f64) -> Option<f64> {
    (b > 0.0).then(|| a / b).filter(|ratio| ratio.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_in_the_story_is_no_swing() {
        let steady: Vec<_> = (0..20).map(|n| Some(if n < 10 { 100.0 } else { 900.0 })).collect();
        assert_eq!(swing(&steady), Some(0.0));
        let swinging: Vec<_> = (0..20).map(|n| Some(if n % 2 == 0 { 100.0 } else { 110.0 })).collect();
        let found = swing(&swinging).expect("enough pieces");
        assert!((0.05..0.15).contains(&found), "{found}");
    }

    #[test]
    fn pieces_have_the_same_number_of_receipts_and_leave_no_interval_out() {
        let mut facts = super::super::super::example::small();
        let interval = |delivered| Interval { length_ms: 100.0, delivered, ..Interval::default() };
        facts.account.timeline = [0, 1, 1, 1].into_iter().chain([100; 60]).chain([0, 1, 0]).map(interval).collect();
        let pieces = pieces(&facts);
        assert_eq!(pieces.iter().map(|piece| piece.len()).sum::<usize>(), 65, "idle ends are left out");
        assert!((18..=21).contains(&pieces.len()), "{}", pieces.len());
        let full = pieces.iter().filter(|piece| (200.0..=500.0).contains(&delivered(piece))).count();
        assert!(full >= pieces.len() - 1, "{full}");
    }

    #[test]
    fn too_few_pieces_tell_nothing() {
        assert_eq!(swing(&[Some(1.0), Some(2.0), Some(3.0)]), None);
        assert_eq!(swing(&[None; 20]), None);
        assert_eq!(swing(&[Some(0.0); 20]), None);
    }

    #[test]
    fn quantiles_of_a_piece_come_from_its_buckets() {
        let interval = |buckets: &[u64]| Interval { buckets: buckets.to_vec(), ..Interval::default() };
        let piece = [interval(&[0, 0, 50]), interval(&[0, 0, 0, 50])];
        assert_eq!(quantile_us(&piece, 0.5), Some(8.0));
        assert_eq!(quantile_us(&piece, 1.0), Some(16.0));
        assert_eq!(quantile_us(&[interval(&[])], 0.5), None);
        assert_eq!(quantile_us(&[], 0.5), None);
    }
}
