//! The figures that are compared: value, unit, which way is better, and what is known of their noise.

use super::{
    super::{
        facts::Facts,
        figure,
        number::{bytes, large, rate, time_us},
    },
    noise::{self, Piece},
};
use crate::scenario::ledger::account::Latency;

/// Which way a figure should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    Less,
    More,
}

/// One figure of two runs.
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) better: Better,
    pub(super) show: fn(f64) -> String,
    pub(super) a: Option<f64>,
    pub(super) b: Option<f64>,
    /// What the difference may be without anything having changed, as a share; `None`: not known.
    pub(super) noise: Option<f64>,
}

impl Figure {
    /// By how much of A the figure of B is more.
    pub(super) fn change(&self) -> Option<f64> {
        let (a, b) = self.a.zip(self.b)?;
        (a > 0.0).then(|| b / a - 1.0).filter(|change| change.is_finite())
    }
}

/// All of them that any of the runs has.
pub(super) fn figures(a: &Facts, b: &Facts) -> Vec<Figure> {
    let mut all = latencies(a, b);
    all.push(measured("posts/s", Better::More, rate, [a, b], figure::posts_per_s, |_, piece| {
        noise::per_s(piece, |interval| interval.posts_accepted)
    }));
    all.push(measured("deliveries/s", Better::More, rate, [a, b], figure::deliveries_per_s, |_, piece| {
        noise::per_s(piece, |interval| interval.delivered)
    }));
    all.push(measured(
        "server CPU a delivery",
        Better::Less,
        |us| format!("{}\u{a0}µs", large(us)),
        [a, b],
        |facts| facts.server.cost.as_ref()?.cpu_us_per_delivery,
        noise::server_us_per_delivery,
    ));
    all.push(measured(
        "server memory at most",
        Better::Less,
        bytes,
        [a, b],
        |facts| Some(facts.server.cost.as_ref()?.memory_max_bytes as f64),
        |_, _| None,
    ));
    all.push(measured(
        "load: deliveries/CPU s",
        Better::More,
        large,
        [a, b],
        |facts| Some(facts.account.load.deliveries_per_cpu_s),
        |_, piece| noise::deliveries_per_cpu_s(piece),
    ));
    all.retain(|figure| figure.a.is_some() || figure.b.is_some());
    all
}

/// A figure of the whole run, with the swing of the same figure over the pieces of both.
fn measured(
    name: &str,
    better: Better,
    show: fn(f64) -> String,
    runs: [&Facts; 2],
    whole: impl Fn(&Facts) -> Option<f64>,
    piece: impl Fn(&Facts, Piece<'_>) -> Option<f64>,
) -> Figure {
    let value = |facts: &Facts| whole(facts).filter(|value| value.is_finite() && *value > 0.0);
    let swing = |facts: &Facts| {
        let values: Vec<_> = noise::pieces(facts).into_iter().map(|part| piece(facts, part)).collect();
        noise::swing(&values)
    };
    let [a, b] = runs;
    // two deviations of a difference of two
    let noise = swing(a).zip(swing(b)).map(|(a, b)| 2.0 * a.hypot(b));
    Figure { name: name.to_owned(), better, show, a: value(a), b: value(b), noise }
}

/// One of the latencies.
type Of = fn(&Facts) -> &Latency;
/// A quantile: its name, its share, and where it stands.
type Quantile = (&'static str, f64, fn(&Latency) -> u64);

fn latencies(a: &Facts, b: &Facts) -> Vec<Figure> {
    let shares: [Quantile; 4] = [
        ("p50", 0.5, |latency| latency.p50_us),
        ("p90", 0.9, |latency| latency.p90_us),
        ("p99", 0.99, |latency| latency.p99_us),
        ("p99.9", 0.999, |latency| latency.p999_us),
    ];
    let whole = |of: Of, quantile: fn(&Latency) -> u64| {
        move |facts: &Facts| Some(of(facts)).filter(|latency| latency.count > 0).map(|latency| quantile(latency) as f64)
    };
    let delivery: Of = |facts| &facts.account.delivery;
    let mut all: Vec<Figure> = shares
        .into_iter()
        .map(|(name, share, of)| {
            let piece = move |_: &Facts, piece: Piece<'_>| noise::quantile_us(piece, share);
            measured(&format!("delivery {name}"), Better::Less, time_us, [a, b], whole(delivery, of), piece)
        })
        .collect();
    let max = whole(delivery, |latency| latency.max_us);
    all.push(measured("delivery max", Better::Less, time_us, [a, b], max, |_, piece| noise::max_us(piece)));
    // no pieces are kept of these
    let others: [(&str, Of); 3] = [
        ("acceptance", |facts| &facts.account.acceptance),
        ("connect", |facts| &facts.account.connecting),
        ("resume", |facts| &facts.account.resuming),
    ];
    for (kind, of) in others {
        for (name, quantile) in
            [("p50", (|latency| latency.p50_us) as fn(&Latency) -> u64), ("p99", |latency| latency.p99_us)]
        {
            let name = format!("{kind} {name}");
            all.push(measured(&name, Better::Less, time_us, [a, b], whole(of, quantile), |_, _| None));
        }
    }
    all
}

/// A count of two runs.
pub(super) struct Count {
    pub(super) name: &'static str,
    pub(super) a: u64,
    pub(super) b: u64,
    /// Whether chance has a part in it; else one more is one more.
    pub(super) by_chance: bool,
}

/// What may go wrong, where it did in any of the runs.
pub(super) fn counts(a: &Facts, b: &Facts) -> Vec<Count> {
    let (x, y) = (&a.account.totals, &b.account.totals);
    let exact = |name, a, b| Count { name, a, b, by_chance: false };
    let chance = |name, a, b| Count { name, a, b, by_chance: true };
    let mut all = vec![
        exact("lost", x.lost, y.lost),
        exact("doubled", x.doubled, y.doubled),
        exact("reordered", x.reordered, y.reordered),
        exact("disagreeing", x.disagreeing, y.disagreeing),
        exact("leaked", x.leaked, y.leaked),
        exact("unsettled", x.unsettled, y.unsettled),
        chance("refused", figure::refused(a), figure::refused(b)),
        chance("fell behind", x.lagged, y.lagged),
        chance("attempts failed", x.connect_failed, y.connect_failed),
        chance("connections lost", x.connections_lost, y.connections_lost),
    ];
    all.retain(|count| count.a > 0 || count.b > 0);
    all
}
