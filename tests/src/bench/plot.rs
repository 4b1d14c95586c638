//! A line plot as SVG text: one line a series, ticks with numbers that can be read, a legend, its own background.
//!
//! Colours tell eight series apart, also for who sees fewer of them, and each has its own mark. The picture brings a
//! white ground, so that it looks the same on a light page and on a dark one.

use std::fmt::Write;

use super::svg::{Head, escaped, picture};

/// The picture's size, and the part of it that is inside the axes.
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 590.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 380.0;

/// Eight colours that stay apart with any kind of colour vision, dark enough for white ground.
const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9", "#000000", "#8c510a"];

/// One line of a plot.
#[derive(Debug, Clone)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Its points (x, y), drawn in this order. What a scale cannot show (0 on a logarithmic one) is left out.
    pub points: Vec<(f64, f64)>,
}

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps; begins at 0 unless a value is negative.
    Linear,
    /// Equal factors.
    Log,
}

/// One axis.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What is drawn along it, with the unit.
    pub label: String,
    /// How it is divided.
    pub scale: Scale,
}

/// A whole picture.
#[derive(Debug, Clone)]
pub struct Plot {
    /// Stands above it, and is what a screen reader says first.
    pub title: String,
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
    /// The lines, in the order of the legend.
    pub series: Vec<Series>,
}

/// An axis with the range that its values need.
struct Ruler {
    scale: Scale,
    low: f64,
    high: f64,
    ticks: Vec<f64>,
    from: f64,
    to: f64,
}

impl Ruler {
    /// Fits a range to values, from a place in the picture to another.
    fn fit(scale: Scale, values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let shown = values.filter(|value| value.is_finite() && (scale == Scale::Linear || *value > 0.0));
        let (low, high) = shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low > high { (1.0, 10.0) } else { (low, high) };
        let ticks = match scale {
            Scale::Linear => linear_ticks(low.min(0.0), high),
            Scale::Log => log_ticks(low, high),
        };
        let (first, last) = (ticks.first().copied().unwrap_or(low), ticks.last().copied().unwrap_or(high));
        Self { scale, low: first.min(low), high: last.max(high), ticks, from, to }
    }

    /// Where a value stands; `None`: it cannot be shown.
    fn place(&self, value: f64) -> Option<f64> {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log if value > 0.0 => (value / self.low).ln() / (self.high / self.low).ln(),
            Scale::Log => return None,
        };
        share.is_finite().then_some(self.from + share * (self.to - self.from))
    }
}

/// Five or so steps of 1, 2 or 5 times a power of ten, from below `low` to above `high`.
fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let range = if high > low { high - low } else { 1.0 };
    let rough = range / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let (first, last) = ((low / step).floor() as i64, ((low + range) / step).ceil() as i64);
    (first..=last).map(|number| number as f64 * step).collect()
}

/// Powers of ten around a range; within two powers also 2 and 5 times them.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let last = last.max(first + 1);
    let powers = first..=last;
    if last - first > 2 {
        // So many powers that their names would touch: only some.
        let every = (last - first) as usize / 9 + 1;
        return powers.step_by(every).map(|power| 10f64.powi(power)).collect();
    }
    let fine = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * 10f64.powi(power)));
    let fine: Vec<f64> = fine.collect();
    let begin = fine.iter().rposition(|tick| *tick <= low * 1.000_001).unwrap_or(0);
    let end = fine.iter().position(|tick| *tick >= high * 0.999_999).unwrap_or(fine.len() - 1);
    fine[begin..=end.max(begin + 1)].to_vec()
}

/// A number as short as it is exact enough: 0.01, 1, 500, 20k, 3M, 1G.
#[must_use]
pub fn short(value: f64) -> String {
    let size = value.abs();
    let (value, unit) = match size {
        size if size >= 1e9 => (value / 1e9, "G"),
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    // Three digits that count, wherever the point is.
    let decimals = (2 - size.log10().floor() as i32).clamp(0, 9) as usize;
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

/// The mark of a series around a place.
fn mark(number: usize, x: f64, y: f64, colour: &str) -> String {
    let polygon = |corners: &[(f64, f64)]| {
        let corners: Vec<String> = corners.iter().map(|(dx, dy)| format!("{:.1},{:.1}", x + dx, y + dy)).collect();
        format!(r#"<polygon points="{}" fill="{colour}"/>"#, corners.join(" "))
    };
    match number % 5 {
        0 => format!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="4" fill="{colour}"/>"#),
        1 => polygon(&[(-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)]),
        2 => polygon(&[(0.0, -4.8), (4.6, 3.4), (-4.6, 3.4)]),
        3 => polygon(&[(0.0, -5.2), (5.2, 0.0), (0.0, 5.2), (-5.2, 0.0)]),
        _ => polygon(&[(0.0, 4.8), (4.6, -3.4), (-4.6, -3.4)]),
    }
}

impl Plot {
    /// The picture.
    #[must_use]
    pub fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|series| series.points.iter().copied());
        let x = Ruler::fit(self.x.scale, points().map(|(x, _)| x), LEFT, RIGHT);
        let y = Ruler::fit(self.y.scale, points().map(|(_, y)| y), BOTTOM, TOP);
        let mut lines = self.axes(&x, &y);
        for (number, series) in self.series.iter().enumerate() {
            lines.extend(drawn(number, series, &x, &y));
        }
        let head = Head {
            size: [WIDTH, HEIGHT],
            font: ["system-ui, sans-serif", "13"],
            title: &self.title,
            title_at: [LEFT, 28.0, 16.0],
            description: &self.description(),
        };
        picture(&head, &lines)
    }

    /// What the picture shows, in words and figures.
    fn description(&self) -> String {
        let mut text = format!("{} over {}.", self.y.label, self.x.label);
        for series in &self.series {
            let points = series.points.iter().map(|(x, y)| format!("{} at {}", short(*y), short(*x)));
            let points: Vec<String> = points.collect();
            // Writing to a String cannot fail.
            write!(text, " {}: {}.", series.name, points.join(", ")).ok();
        }
        text
    }

    fn axes(&self, x: &Ruler, y: &Ruler) -> Vec<String> {
        let line = |x1: f64, y1: f64, x2: f64, y2: f64| {
            format!(r##"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="#e2e2e2"/>"##)
        };
        let mut lines = Vec::new();
        for tick in &x.ticks {
            let Some(at) = x.place(*tick) else { continue };
            lines.push(line(at, TOP, at, BOTTOM));
            let below = BOTTOM + 18.0;
            lines.push(format!(r#"<text x="{at:.1}" y="{below}" text-anchor="middle">{}</text>"#, short(*tick)));
        }
        for tick in &y.ticks {
            let Some(at) = y.place(*tick) else { continue };
            lines.push(line(LEFT, at, RIGHT, at));
            let (left, middle) = (LEFT - 8.0, at + 4.5);
            lines.push(format!(r#"<text x="{left}" y="{middle:.1}" text-anchor="end">{}</text>"#, short(*tick)));
        }
        lines.push(format!(r##"<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke="#555"/>"##));
        let (centre, under) = ((LEFT + RIGHT) / 2.0, BOTTOM + 42.0);
        let label = escaped(&self.x.label);
        lines.push(format!(r#"<text x="{centre}" y="{under}" text-anchor="middle">{label}</text>"#));
        let (middle, label) = ((TOP + BOTTOM) / 2.0, escaped(&self.y.label));
        lines.push(format!(
            r#"<text transform="translate(20 {middle}) rotate(-90)" text-anchor="middle">{label}</text>"#
        ));
        lines
    }
}

/// A series' line, marks and place in the legend.
fn drawn(number: usize, series: &Series, x: &Ruler, y: &Ruler) -> Vec<String> {
    let colour = COLOURS[number % COLOURS.len()];
    let place = |(px, py): &(f64, f64)| Some((x.place(*px)?, y.place(*py)?));
    let places: Vec<(f64, f64)> = series.points.iter().filter_map(place).collect();
    let corners: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let mut lines = vec![format!(
        r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>"#,
        corners.join(" ")
    )];
    lines.extend(places.iter().map(|(x, y)| mark(number, *x, *y, colour)));
    let (left, at) = (RIGHT + 20.0, TOP + 12.0 + 22.0 * number as f64);
    let (right, centre, text, base) = (left + 24.0, left + 12.0, left + 32.0, at + 4.5);
    lines.push(format!(r#"<line x1="{left}" y1="{at}" x2="{right}" y2="{at}" stroke="{colour}" stroke-width="2"/>"#));
    lines.push(mark(number, centre, at, colour));
    lines.push(format!(r#"<text x="{text}" y="{base}">{}</text>"#, escaped(&series.name)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact_enough() {
        let numbers = [0.0, 0.001, 0.25, 1.0, 12.5, 999.4, 1_000.0, 1_500.0, 20_000.0, 3e6, 2.5e9, -4.0];
        let shorts = numbers.map(short);
        assert_eq!(shorts, ["0", "0.001", "0.25", "1", "12.5", "999", "1k", "1.5k", "20k", "3M", "2.5G", "-4"]);
    }

    #[test]
    fn ticks_hold_the_whole_range() {
        assert_eq!(linear_ticks(0.0, 9.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(linear_ticks(0.0, 0.0).len(), 6);
        assert_eq!(log_ticks(1.0, 10_000.0), [1.0, 10.0, 100.0, 1_000.0, 10_000.0]);
        assert_eq!(log_ticks(3.0, 40.0), [2.0, 5.0, 10.0, 20.0, 50.0]);
        assert_eq!(log_ticks(1.0, 1.0), [1.0, 2.0]);
        assert!(log_ticks(1e-9, 1e12).len() < 12);
    }

    #[test]
    fn a_plot_has_every_series_and_no_number_that_is_none() {
        let axis = |label: &str, scale| Axis { label: label.to_owned(), scale };
        let series = |name: &str, points| Series { name: name.to_owned(), points };
        let plot = Plot {
            title: "A <b> & c".to_owned(),
            x: axis("members", Scale::Log),
            y: axis("µs", Scale::Linear),
            series: vec![series("one", vec![(0.0, 1.0), (1.0, 2.0), (10.0, 3.0)]), series("none", Vec::new())],
        };
        let svg = plot.svg();
        assert!(svg.contains("A &lt;b&gt; &amp; c") && svg.contains(">one<") && svg.contains(">none<"), "{svg}");
        assert!(svg.contains("<desc") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        // Three points, one of which no logarithm can show, and one mark in the legend.
        assert_eq!(svg.matches("<circle").count(), 3);
    }
}
