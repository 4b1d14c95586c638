//! Figures over the time of the run: receipts, posts, connections, CPU, memory.

use maud::{Markup, html};

use super::{
    super::{
        facts::{Facts, ServerSample},
        number::{bytes, large, plain, rate, time_ms},
    },
    axis::Axis,
    plot::{BOTTOM, HEIGHT, HITS_MAX, Hit, Key, Plot, px},
};
use crate::scenario::ledger::account::Interval;

/// Points of a line; beyond it neighbours become one, the largest of them.
const POINTS_MAX: usize = 600;

/// CPU time is shown over pieces of about this length.
const CPU_PIECE_MS: f64 = 500.0;

/// One line.
struct Line {
    key: Key,
    /// Time in milliseconds, value.
    points: Vec<(f64, f64)>,
}

/// How a plot of lines is made.
struct Wish<'a> {
    title: &'static str,
    facts: &'a Facts,
    end_ms: f64,
    lines: Vec<Line>,
    /// The vertical axis up to that value.
    axis: fn(f64) -> Axis,
    /// A value in words.
    value: fn(f64) -> String,
}

/// Receipts a second.
pub(super) fn deliveries(facts: &Facts, end_ms: f64) -> Option<Markup> {
    let lines = vec![of(facts, "c1", "receipts", |interval| per_s(interval, interval.delivered))];
    let axis = |max| Axis::amount(max, |value| if value == 0.0 { "0".to_owned() } else { rate(value) });
    draw(Wish { title: "Receipts a second", facts, end_ms, lines, axis, value: rate })
}

/// Posts a second: what was meant, what was taken, what was not.
pub(super) fn posts(facts: &Facts, end_ms: f64) -> Option<Markup> {
    let mut lines = vec![
        of(facts, "c2", "intended", |interval| per_s(interval, interval.posts_intended)),
        of(facts, "c1", "accepted", |interval| per_s(interval, interval.posts_accepted)),
    ];
    if facts.account.timeline.iter().any(|interval| interval.refused > 0) {
        lines.push(of(facts, "c5", "refused", |interval| per_s(interval, interval.refused)));
    }
    let axis = |max| Axis::amount(max, |value| if value == 0.0 { "0".to_owned() } else { rate(value) });
    draw(Wish { title: "Posts a second", facts, end_ms, lines, axis, value: rate })
}

/// Connections at the end of each interval.
pub(super) fn connections(facts: &Facts, end_ms: f64) -> Option<Markup> {
    let lines = vec![of(facts, "c3", "connections", |interval| interval.connected as f64)];
    let axis = |max| Axis::whole(max, large);
    draw(Wish { title: "Connections", facts, end_ms, lines, axis, value: large })
}

/// Cores in use: of the server where it can be watched, and of the load side.
pub(super) fn cpu(facts: &Facts, end_ms: f64) -> Option<Markup> {
    let mut lines = Vec::new();
    if let Some(cost) = &facts.server.cost {
        lines.push(Line {
            key: Key { class: "c1", name: "server" },
            points: thinned(server_cores(&cost.samples).into_iter()),
        });
    }
    lines.push(Line {
        key: Key { class: "c2", name: "load side" },
        points: thinned(load_cores(&facts.account.timeline).into_iter()),
    });
    let axis = |max| Axis::amount(max, |cores| plain((cores * 1e6).round() / 1e6));
    draw(Wish { title: "CPU in cores", facts, end_ms, lines, axis, value: |cores| format!("{cores:.2}\u{a0}cores") })
}

/// The server's memory.
pub(super) fn memory(facts: &Facts, end_ms: f64) -> Option<Markup> {
    let cost = facts.server.cost.as_ref()?;
    let lines = vec![watched(&cost.samples, "c4", "server", |sample| sample.memory_bytes as f64)];
    draw(Wish { title: "Memory of the server", facts, end_ms, lines, axis: Axis::memory, value: bytes })
}

/// Cores that the server used. Looks that follow each other closely are one: the system counts CPU time in large steps.
fn server_cores(samples: &[ServerSample]) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let (mut begin, mut before, mut cpu_ms): (f64, f64, f64) = (0.0, 0.0, 0.0);
    for sample in samples {
        cpu_ms += (sample.at_ms - before).max(0.0) * sample.cores;
        before = sample.at_ms;
        if before - begin >= CPU_PIECE_MS * 0.6 {
            points.push((before, cpu_ms / (before - begin)));
            (begin, cpu_ms) = (before, 0.0);
        }
    }
    points
}

/// Cores that the load side used, over pieces as long as those of the server's process: its time is told in steps, too.
fn load_cores(timeline: &[Interval]) -> Vec<(f64, f64)> {
    let length_ms = timeline.first().map_or(1.0, |interval| interval.length_ms).max(1.0);
    let piece = (CPU_PIECE_MS / length_ms).ceil().max(1.0) as usize;
    let cores = |piece: &[Interval]| {
        let (first, last) = (piece.first()?, piece.last()?);
        let end_ms = last.at_ms + last.length_ms;
        let cpu_ms: f64 = piece.iter().map(|interval| interval.load_cpu_ms).sum();
        Some(((first.at_ms + end_ms) / 2.0, cpu_ms / (end_ms - first.at_ms)))
    };
    timeline.chunks(piece).filter_map(cores).collect()
}

fn per_s(interval: &Interval, n: u64) -> f64 {
    n as f64 / (interval.length_ms / 1e3)
}

fn of(facts: &Facts, class: &'static str, name: &'static str, value: fn(&Interval) -> f64) -> Line {
    let points =
        facts.account.timeline.iter().map(|interval| (interval.at_ms + interval.length_ms / 2.0, value(interval)));
    Line { key: Key { class, name }, points: thinned(points) }
}

fn watched(samples: &[ServerSample], class: &'static str, name: &'static str, value: fn(&ServerSample) -> f64) -> Line {
    Line { key: Key { class, name }, points: thinned(samples.iter().map(|sample| (sample.at_ms, value(sample)))) }
}

/// At most [`POINTS_MAX`], all of them numbers.
fn thinned(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let points: Vec<_> = points.filter(|(at, value)| at.is_finite() && value.is_finite()).collect();
    let piece = points.len().div_ceil(POINTS_MAX).max(1);
    let largest = |piece: &[(f64, f64)]| piece.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
    points.chunks(piece).filter_map(largest).collect()
}

fn draw(wish: Wish<'_>) -> Option<Markup> {
    let values = || wish.lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
    let most = values().reduce(f64::max)?;
    let hits = hits(&wish.lines, wish.value);
    let is_one = wish.lines.len() == 1;
    let mut plot = Plot {
        title: wish.title,
        description: format!("Over the time of the run; at most {}.", (wish.value)(most)),
        x: Axis::time(wish.end_ms),
        y: (wish.axis)(most),
        marks: &wish.facts.marks,
        keys: Vec::new(),
        scale: None,
    };
    let drawing = html! {
        @for line in &wish.lines {
            @let path = plot.line(line.points.iter().map(|(at, value)| (*at, Some(*value))));
            @if let (true, Some((first, _))) = (is_one, line.points.first()) {
                path.area.(line.key.class) d=(format!("{path}V{bottom}H{}z", px(plot.x(*first)), bottom = px(HEIGHT - BOTTOM))) {}
            }
            path.line.(line.key.class) d=(path) {}
        }
    };
    plot.keys = if is_one { Vec::new() } else { wish.lines.into_iter().map(|line| line.key).collect() };
    Some(plot.figure(&drawing, &hits))
}

/// What each line is at a place: the value that is nearest in time.
fn hits(lines: &[Line], value: fn(f64) -> String) -> Vec<Hit> {
    let Some(first) = lines.iter().max_by_key(|line| line.points.len()) else {
        return Vec::new();
    };
    let piece = first.points.len().div_ceil(HITS_MAX).max(1);
    let middles: Vec<f64> =
        first.points.chunks(piece).filter_map(|piece| piece.get(piece.len() / 2)).map(|(at, _)| *at).collect();
    let nearest = |line: &Line, at: f64| {
        let by_distance = |a: &&(f64, f64), b: &&(f64, f64)| (a.0 - at).abs().total_cmp(&(b.0 - at).abs());
        line.points.iter().min_by(by_distance).map(|(_, value)| *value)
    };
    let text = |at: f64| {
        let values = lines.iter().filter_map(|line| {
            let shown = value(nearest(line, at)?);
            Some(if lines.len() == 1 { shown } else { format!("{} {shown}", line.key.name) })
        });
        format!("at {}: {}", time_ms(at), values.collect::<Vec<_>>().join(", "))
    };
    let length = middles.last().zip(middles.first()).map_or(0.0, |(last, first)| last - first);
    let half = (length / middles.len().saturating_sub(1).max(1) as f64 / 2.0).max(0.5);
    middles.into_iter().map(|at| Hit { from: at - half, to: at + half, text: text(at) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_looks_in_one_moment_make_no_peak() {
        let look = |at_ms, cores| ServerSample { at_ms, cores, memory_bytes: 0 };
        let points = server_cores(&[look(500.0, 0.2), look(505.0, 2.0), look(1_000.0, 0.2)]);
        assert_eq!(points.first(), Some(&(500.0, 0.2)));
        let peak = points.iter().map(|(_, cores)| *cores).fold(0.0, f64::max);
        assert!((0.2..0.25).contains(&peak), "{points:?}");
    }

    #[test]
    fn cpu_time_that_is_told_in_steps_is_spread_over_its_piece() {
        let interval = |n: u32| Interval {
            at_ms: f64::from(n) * 100.0,
            length_ms: 100.0,
            load_cpu_ms: if n % 5 == 4 { 250.0 } else { 0.0 },
            ..Interval::default()
        };
        let timeline: Vec<_> = (0..10).map(interval).collect();
        assert_eq!(load_cores(&timeline), [(250.0, 0.5), (750.0, 0.5)]);
    }
}
