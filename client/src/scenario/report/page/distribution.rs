//! The curve of all latencies: which share of them took at most how long.

use maud::{Markup, html};

use super::{
    super::{
        facts::Facts,
        number::{count, percent, time_us},
    },
    axis::{Axis, round_down, round_up},
    plot::{HITS_MAX, Hit, Key, Plot},
};
use crate::scenario::ledger::account::Latency;

/// The plot; `None` when nothing was measured.
pub(super) fn distribution(facts: &Facts) -> Option<Markup> {
    let account = &facts.account;
    let kinds = [
        (Key { class: "c1", name: "delivery" }, &account.delivery),
        (Key { class: "c2", name: "acceptance" }, &account.acceptance),
        (Key { class: "c3", name: "connect" }, &account.connecting),
        (Key { class: "c4", name: "resume" }, &account.resuming),
    ];
    let seen: Vec<_> = kinds.into_iter().filter(|(_, latency)| points(latency).next().is_some()).collect();
    let all = || seen.iter().flat_map(|(_, latency)| points(latency)).map(|(_, us)| us);
    let least = all().reduce(f64::min)?;
    let most = all().reduce(f64::max)?;
    let largest = seen.iter().map(|(_, latency)| latency.count).max().unwrap_or(1);
    let mut plot = Plot {
        title: "Latency distribution",
        description: format!(
            "Horizontal: time, logarithmic. Vertical: the share that took at most so long; the wider the nearer to all. {}",
            described(&account.delivery)
        ),
        x: Axis::latency(round_down(least), round_up(most)),
        y: Axis::nines(largest),
        marks: &[],
        keys: Vec::new(),
        scale: None,
    };
    let curves = html! {
        @for (key, latency) in &seen {
            path.line.(key.class) d=(plot.line(points(latency).map(|(share, us)| (us, Some(share))))) {}
        }
    };
    let hits = hits(&plot, &account.delivery, round_down(least), round_up(most));
    plot.keys = seen.into_iter().map(|(key, _)| key).collect();
    Some(plot.figure(&curves, &hits))
}

/// The curve without what is no share and no time. It ends half a receipt before all of them: so few cannot tell more.
fn points(latency: &Latency) -> impl Iterator<Item = (f64, f64)> + '_ {
    let last = 1.0 - 0.5 / latency.count.max(1) as f64;
    let valid = latency.curve.iter().filter(|(share, _)| share.is_finite() && (0.0..=1.0).contains(share));
    valid.map(move |(share, us)| (share.min(last), (*us as f64).max(1.0)))
}

fn described(latency: &Latency) -> String {
    format!(
        "Delivery: p50 {}, p99 {}, p99.9 {}, max {}, of {} receipts.",
        time_us(latency.p50_us as f64),
        time_us(latency.p99_us as f64),
        time_us(latency.p999_us as f64),
        time_us(latency.max_us as f64),
        count(latency.count)
    )
}

/// Delivery under the pointer: at each time, which share had come.
fn hits(plot: &Plot<'_>, latency: &Latency, min_us: f64, max_us: f64) -> Vec<Hit> {
    let at = |n: usize| min_us * (max_us / min_us).powf(n as f64 / HITS_MAX as f64);
    let curve: Vec<_> = points(latency).collect();
    let within = |us: f64| curve.iter().filter(|(_, took)| *took <= us).map(|(share, _)| *share).fold(0.0, f64::max);
    let text = |us: f64| format!("{} of deliveries within {}", share_text(within(us)), time_us(us));
    if curve.is_empty() || plot.x.ticks.is_empty() {
        return Vec::new();
    }
    (0..HITS_MAX).map(|n| Hit { from: at(n), to: at(n + 1), text: text((at(n) * at(n + 1)).sqrt()) }).collect()
}

/// A share with as many digits as its nines need.
fn share_text(share: f64) -> String {
    match 1.0 - share {
        rest if rest <= 0.0 => "all".to_owned(),
        rest if rest < 0.001 => format!("{:.3}\u{a0}%", (share * 100.0).min(99.999)),
        rest if rest < 0.1 => format!("{:.1}\u{a0}%", (share * 100.0).min(99.9)),
        _ => percent(share),
    }
}
