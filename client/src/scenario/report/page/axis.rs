//! Axes: where a value stands between two ends, and round values to be written beside it.

use super::super::number::{bytes, percent, time_ms, time_us};

/// Round steps for time, in milliseconds.
const TIME_STEPS_MS: [f64; 29] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3,
    900e3, 1_800e3, 3_600e3, 7_200e3, 14_400e3, 21_600e3, 43_200e3, 86_400e3, 172_800e3, 604_800e3,
];
/// Ticks on one axis, about.
const TICKS_MAX: f64 = 6.0;

/// A round value and what is written beside it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// How values are spread over an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Spread {
    Even,
    /// Each tenfold the same way.
    Log,
    /// Shares: the wider the nearer to all, so that 90 %, 99 % and 99.9 % stand apart.
    Nines,
}

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    spread: Spread,
    min: f64,
    max: f64,
    pub(super) ticks: Vec<Tick>,
}

impl Axis {
    /// Time of the run, from its begin.
    pub(super) fn time(end_ms: f64) -> Self {
        let end_ms = if end_ms.is_finite() { end_ms.max(1.0) } else { 1.0 };
        let fits = |step: &&f64| end_ms / **step <= TICKS_MAX + 1.0;
        let step = TIME_STEPS_MS.iter().find(fits).copied().unwrap_or(end_ms / TICKS_MAX);
        let ticks = steps(end_ms, step).map(|value| Tick { value, label: time_label(value, step) });
        Self { spread: Spread::Even, min: 0.0, max: end_ms, ticks: ticks.collect() }
    }

    /// From zero to the next round value above `max`.
    pub(super) fn amount(max: f64, label: impl Fn(f64) -> String) -> Self {
        let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
        Self::stepped(max, round_up(max / (TICKS_MAX - 1.0)), label)
    }

    /// The same for whole things: no tick between one and the next.
    pub(super) fn whole(max: f64, label: impl Fn(f64) -> String) -> Self {
        let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
        Self::stepped(max, round_up(max / (TICKS_MAX - 1.0)).max(1.0), label)
    }

    /// The same for bytes, in powers of two.
    pub(super) fn memory(max_bytes: f64) -> Self {
        let max = if max_bytes.is_finite() && max_bytes > 1.0 { max_bytes } else { 1024.0 };
        Self::stepped(max, (max / (TICKS_MAX - 1.0)).log2().ceil().exp2().max(1.0), bytes)
    }

    fn stepped(max: f64, step: f64, label: impl Fn(f64) -> String) -> Self {
        let top = (max / step).ceil() * step;
        let ticks = steps(top, step).map(|value| Tick { value, label: label(value) }).collect();
        Self { spread: Spread::Even, min: 0.0, max: top, ticks }
    }

    /// Times in microseconds between these two, both above zero.
    pub(super) fn latency(min_us: f64, max_us: f64) -> Self {
        let min = if min_us.is_finite() { min_us.max(1.0) } else { 1.0 };
        let max = if max_us.is_finite() { max_us.max(min * 2.0) } else { min * 10.0 };
        let decades = max.log10().ceil() as i32;
        let multiples: &[f64] = match max / min {
            ratio if ratio <= 60.0 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let all = (0..=decades).flat_map(|power| multiples.iter().map(move |multiple| multiple * 10f64.powi(power)));
        let ticks = all.filter(|value| (min * 0.999..=max * 1.001).contains(value));
        let label = |value: f64| round_time(value);
        let ticks = ticks.map(|value| Tick { value, label: label(value) }).collect();
        Self { spread: Spread::Log, min, max, ticks }
    }

    /// Shares of so many things, from none to all but one.
    pub(super) fn nines(count: u64) -> Self {
        let last = 1.0 - 1.0 / (count.max(20) as f64 * 2.0);
        let shares = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999];
        let ticks = shares.into_iter().filter(|share| *share <= last);
        let label = |share: f64| match share {
            _ if share > 0.9 => format!("{}\u{a0}%", trimmed(share * 100.0)),
            _ => percent(share),
        };
        let ticks = ticks.map(|value| Tick { value, label: label(value) }).collect();
        Self { spread: Spread::Nines, min: 0.0, max: last, ticks }
    }

    /// Where the value stands: 0 at the begin, 1 at the end; what is outside stands at the nearer end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let place = |value: f64| match self.spread {
            Spread::Even => value,
            Spread::Log => value.max(f64::MIN_POSITIVE).ln(),
            // the root leaves the lower half some height, too
            Spread::Nines => (-(1.0 - value.clamp(0.0, self.max)).ln()).max(0.0).powf(0.6),
        };
        let (min, max) = (place(self.min), place(self.max));
        let at = (place(value) - min) / (max - min);
        if at.is_finite() { at.clamp(0.0, 1.0) } else { 0.0 }
    }
}

fn steps(max: f64, step: f64) -> impl Iterator<Item = f64> {
    let count = (max / step + 1e-9).floor().clamp(0.0, 50.0) as u32;
    (0..=count).map(move |n| f64::from(n) * step)
}

/// The next of 1, 2, 5 times a power of ten.
pub(super) fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.max(f64::MIN_POSITIVE).log10().floor());
    let multiple = [1.0, 2.0, 5.0, 10.0].into_iter().find(|multiple| multiple * power >= value * 0.999_999);
    multiple.unwrap_or(10.0) * power
}

/// The one of 1, 2, 5 times a power of ten before it.
pub(super) fn round_down(value: f64) -> f64 {
    let power = 10f64.powf(value.max(f64::MIN_POSITIVE).log10().floor());
    let multiple = [5.0, 2.0, 1.0].into_iter().find(|multiple| multiple * power <= value * 1.000_001);
    multiple.unwrap_or(1.0) * power
}

fn time_label(ms: f64, step_ms: f64) -> String {
    match ms {
        0.0 => "0".to_owned(),
        _ if step_ms < 1e3 && ms < 1e3 => format!("{ms:.0}\u{a0}ms"),
        _ if step_ms < 60e3 && ms < 120e3 => format!("{}\u{a0}s", trimmed(ms / 1e3)),
        _ if step_ms < 3_600e3 && ms < 7_200e3 => format!("{}\u{a0}min", trimmed(ms / 60e3)),
        _ if step_ms < 172_800e3 => format!("{}\u{a0}h", trimmed(ms / 3_600e3)),
        _ => time_ms(ms),
    }
}

/// A round time without zeros behind the point.
fn round_time(us: f64) -> String {
    match us {
        _ if us < 999.0 => format!("{us:.0}\u{a0}µs"),
        _ if us < 999_000.0 => format!("{:.0}\u{a0}ms", us / 1e3),
        _ if us < 60e6 => format!("{:.0}\u{a0}s", us / 1e6),
        _ => time_us(us),
    }
}

/// As many digits as it has, at most four behind the point.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|tick| tick.label.replace('\u{a0}', " ")).collect()
    }

    #[test]
    fn ticks_are_round_and_have_units() {
        assert_eq!(labels(&Axis::time(31_000.0)), ["0", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]);
        assert_eq!(labels(&Axis::time(1_234.0)), ["0", "200 ms", "400 ms", "600 ms", "800 ms", "1 s", "1.2 s"]);
        assert_eq!(labels(&Axis::time(300e3)), ["0", "1 min", "2 min", "3 min", "4 min", "5 min"]);
        assert_eq!(labels(&Axis::latency(200.0, 2e6)), ["1 ms", "10 ms", "100 ms", "1 s"]);
        assert_eq!(labels(&Axis::latency(500.0, 5_000.0)), ["500 µs", "1 ms", "2 ms", "5 ms"]);
        assert_eq!(labels(&Axis::memory(45e6)), ["0 B", "16 MiB", "32 MiB", "48 MiB"]);
        assert_eq!(labels(&Axis::nines(1_000)), ["0 %", "50 %", "90 %", "99 %", "99.9 %"]);
    }

    #[test]
    fn every_value_has_a_place_even_those_that_are_none() {
        let axes = [
            Axis::time(0.0),
            Axis::time(f64::NAN),
            Axis::amount(0.0, percent),
            Axis::latency(0.0, 0.0),
            Axis::nines(0),
        ];
        for axis in axes {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1e300] {
                assert!((0.0..=1.0).contains(&axis.at(value)), "{axis:?} {value}");
            }
            assert!(!axis.ticks.is_empty() && axis.ticks.len() < 20, "{axis:?}");
        }
    }

    #[test]
    fn round_values_are_found_on_both_sides() {
        assert_eq!((round_up(0.31), round_up(1.0), round_up(51.0)), (0.5, 1.0, 100.0));
        assert_eq!((round_down(0.31), round_down(1.0), round_down(49.0)), (0.2, 1.0, 20.0));
    }
}
