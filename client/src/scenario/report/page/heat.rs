//! The heat map: how many receipts had which latency at which time.

use maud::{Markup, html};

use super::{
    super::{
        facts::Facts,
        number::{count, time_ms, time_us},
    },
    axis::Axis,
    plot::{HITS_MAX, Hit, Key, Plot, px},
};
use crate::scenario::ledger::account::Interval;

/// Degrees of colour.
const DEGREES: usize = 6;
/// Buckets from here on are more than a century.
const BUCKETS_MAX: usize = 52;

/// The plot; `None` when nothing was received.
pub(super) fn heat(facts: &Facts, end_ms: f64) -> Option<Markup> {
    let timeline =
        || facts.account.timeline.iter().filter(|interval| interval.at_ms.is_finite() && interval.length_ms > 0.0);
    let filled = |interval: &Interval| {
        let buckets = interval.buckets.iter().take(BUCKETS_MAX).enumerate();
        buckets.filter(|(_, n)| **n > 0).map(|(bucket, _)| bucket).collect::<Vec<_>>()
    };
    let rows: Vec<usize> = timeline().flat_map(filled).collect();
    let (first, last) = (*rows.iter().min()?, *rows.iter().max()?);
    let most = timeline().flat_map(|interval| interval.buckets.iter().take(BUCKETS_MAX)).max().copied().unwrap_or(1);
    let plot = Plot {
        title: "Delivery latency over time",
        description: format!(
            "Heat map. Horizontal: time of the run. Vertical: latency, logarithmic, each row twice the one below. The stronger the colour the more receipts, at most {} in one field. Lines: p50 and p99.",
            count(most)
        ),
        x: Axis::time(end_ms),
        y: Axis::latency(edge(first), edge(last + 1)),
        marks: &facts.marks,
        keys: vec![Key { class: "p50", name: "p50" }, Key { class: "p99", name: "p99" }],
        scale: Some(scale(most)),
    };
    let fields = fields(&plot, timeline(), most);
    let line = |of: fn(&Interval) -> u64| {
        plot.line(timeline().map(|interval| {
            let us = Some(of(interval) as f64).filter(|_| interval.delivered > 0);
            (interval.at_ms + interval.length_ms / 2.0, us)
        }))
    };
    let (p50, p99) = (line(|interval| interval.p50_us), line(|interval| interval.p99_us));
    let drawing = html! {
        @for (degree, path) in fields.iter().enumerate() {
            @if !path.is_empty() { path class=(format!("heat h{}", degree + 1)) d=(path) {} }
        }
        path.halo d=(p50) {}
        path.halo d=(p99) {}
        path.line.p50 d=(p50) {}
        path.line.p99 d=(p99) {}
    };
    Some(plot.figure(&drawing, &hits(timeline().collect())))
}

/// The colours from the least to the most.
fn scale(most: u64) -> Markup {
    html! {
        span.key.degrees {
            "1" @for degree in 1..=DEGREES { svg.degree viewBox="0 0 8 8" aria-hidden="true" { rect class=(format!("h{degree}")) width="8" height="8" {} } } (count(most)) " receipts"
        }
    }
}

fn edge(bucket: usize) -> f64 {
    (bucket as f64).exp2()
}

/// A path for each degree; fields of one degree that touch in a row are one.
fn fields<'a>(plot: &Plot<'_>, timeline: impl Iterator<Item = &'a Interval>, most: u64) -> [String; DEGREES] {
    let mut paths: [String; DEGREES] = Default::default();
    // for each row: the degree that is being drawn, and from where to where
    let mut open: Vec<Option<(usize, f64, f64)>> = vec![None; BUCKETS_MAX];
    let mut close = |row: usize, (degree, from, to): (usize, f64, f64)| {
        let (top, bottom) = (plot.y(edge(row + 1)), plot.y(edge(row)));
        if let Some(path) = paths.get_mut(degree) {
            path.push_str(&format!("M{} {}H{}V{}H{}z", px(from), px(top), px(to), px(bottom), px(from)));
        }
    };
    for interval in timeline {
        let (from, to) = (plot.x(interval.at_ms), plot.x(interval.at_ms + interval.length_ms));
        for (row, open) in open.iter_mut().enumerate() {
            let n = interval.buckets.get(row).copied().unwrap_or(0);
            let degree = (n > 0).then(|| degree(n, most));
            match (*open, degree) {
                (Some((old, begin, end)), Some(new)) if old == new && (from - end).abs() < 0.2 => {
                    *open = Some((old, begin, to))
                }
                (before, degree) => {
                    if let Some(before) = before {
                        close(row, before);
                    }
                    *open = degree.map(|degree| (degree, from, to));
                }
            }
        }
    }
    for (row, open) in open.into_iter().enumerate() {
        if let Some(open) = open {
            close(row, open);
        }
    }
    paths
}

/// From 0: counts are spread logarithmically over the degrees, so that one receipt alone is seen.
fn degree(n: u64, most: u64) -> usize {
    let share = (n as f64).ln_1p() / (most as f64).ln_1p();
    ((share * DEGREES as f64).ceil() as usize).clamp(1, DEGREES) - 1
}

fn hits(timeline: Vec<&Interval>) -> Vec<Hit> {
    let piece = timeline.len().div_ceil(HITS_MAX).max(1);
    let hit = |piece: &[&Interval]| {
        let (first, last) = (piece.first()?, piece.last()?);
        let receipts = piece.iter().fold(0u64, |sum, interval| sum.saturating_add(interval.delivered));
        let most = |of: fn(&Interval) -> u64| piece.iter().map(|interval| of(interval)).max().unwrap_or(0) as f64;
        let text = match receipts {
            0 => format!("at {}: no receipts", time_ms(first.at_ms)),
            n => format!(
                "at {}: {} receipts, p50 {}, p99 {}, max {}",
                time_ms(first.at_ms),
                count(n),
                time_us(most(|interval| interval.p50_us)),
                time_us(most(|interval| interval.p99_us)),
                time_us(most(|interval| interval.max_us))
            ),
        };
        Some(Hit { from: first.at_ms, to: last.at_ms + last.length_ms, text })
    };
    timeline.chunks(piece).filter_map(hit).collect()
}
