//! A plot: the frame that all of them share, with grid, axes, phases, faults, and values that show under the pointer.

use maud::{Markup, html};

use super::{
    super::{
        facts::{Mark, MarkKind},
        number::time_ms,
    },
    axis::Axis,
};
use crate::safe::safe_line;

pub(super) const WIDTH: f64 = 640.0;
pub(super) const HEIGHT: f64 = 290.0;
pub(super) const LEFT: f64 = 88.0;
pub(super) const RIGHT: f64 = 22.0;
pub(super) const TOP: f64 = 40.0;
pub(super) const BOTTOM: f64 = 36.0;
/// Places under the pointer that show a value of their own.
pub(super) const HITS_MAX: usize = 100;
/// Marks of a kind that are drawn.
pub(super) const MARKS_MAX: usize = 60;

/// A number of the drawing: one digit behind the point is a tenth of a pixel.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// What a line or field means.
pub(super) struct Key {
    /// The class that gives it its colour and dashes: `c1` to `c4`.
    pub(super) class: &'static str,
    pub(super) name: &'static str,
}

/// A value that shows under the pointer.
pub(super) struct Hit {
    /// Along the horizontal axis, from and to.
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) text: String,
}

/// The frame.
pub(super) struct Plot<'a> {
    pub(super) title: &'static str,
    /// In words, for those who do not see it: what the axes are and what is most remarkable.
    pub(super) description: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) marks: &'a [Mark],
    pub(super) keys: Vec<Key>,
    /// What the colours of its fields mean, where it has fields.
    pub(super) scale: Option<Markup>,
}

impl Plot<'_> {
    pub(super) fn x(&self, value: f64) -> f64 {
        LEFT + self.x.at(value) * (WIDTH - LEFT - RIGHT)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.at(value) * (HEIGHT - TOP - BOTTOM)
    }

    /// A line through the points; where there is none it is interrupted.
    pub(super) fn line(&self, points: impl IntoIterator<Item = (f64, Option<f64>)>) -> String {
        let mut path = String::new();
        let mut pen_down = false;
        for (x, y) in points {
            let Some(y) = y.filter(|y| y.is_finite() && x.is_finite()) else {
                pen_down = false;
                continue;
            };
            path.push(if pen_down { 'L' } else { 'M' });
            path.push_str(&format!("{} {}", px(self.x(x)), px(self.y(y))));
            if !pen_down {
                // so that a point alone is seen, too
                path.push_str("h.1");
            }
            pen_down = true;
        }
        path
    }

    /// The whole figure around what is drawn in it.
    pub(super) fn figure(&self, drawing: &Markup, hits: &[Hit]) -> Markup {
        html! {
            figure.panel {
                figcaption {
                    h3 { (self.title) }
                    @if !self.keys.is_empty() {
                        span.keys {
                            @for key in &self.keys { span.key { svg.swatch.(key.class) viewBox="0 0 24 8" aria-hidden="true" { path d="M0 4H24" {} } (key.name) } }
                            @if let Some(scale) = &self.scale { (scale) }
                        }
                    }
                }
                div.scroll {
                    svg.plot viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(format!("{}. {}", self.title, self.description)) {
                        (self.phases())
                        (self.grid())
                        (drawing)
                        (self.faults())
                        (self.hits(hits))
                    }
                }
            }
        }
    }

    fn grid(&self) -> Markup {
        let bottom = px(HEIGHT - BOTTOM);
        html! {
            g.grid {
                @for tick in &self.y.ticks {
                    @let y = self.y(tick.value);
                    line x1=(px(LEFT)) x2=(px(WIDTH - RIGHT)) y1=(px(y)) y2=(px(y)) {}
                    text.end x=(px(LEFT - 9.0)) y=(px(y)) dy=".35em" { (tick.label) }
                }
                @for tick in &self.x.ticks {
                    @let x = px(self.x(tick.value));
                    line.tick x1=(x) x2=(x) y1=(bottom) y2=(px(HEIGHT - BOTTOM + 5.0)) {}
                    text.middle x=(x) y=(px(HEIGHT - 10.0)) { (tick.label) }
                }
                line.base x1=(px(LEFT)) x2=(px(WIDTH - RIGHT)) y1=(bottom) y2=(bottom) {}
            }
        }
    }

    /// Named pieces of the time, every second one shaded, each with its name above.
    fn phases(&self) -> Markup {
        let phases = shown(self.marks, MarkKind::Phase);
        html! {
            @for (at, mark) in phases.enumerate() {
                @let from = self.x(mark.from_ms);
                @let width = (self.x(mark.to_ms.unwrap_or(f64::MAX)) - from).max(1.0);
                g.phase {
                    title { (safe_line(&mark.text)) }
                    rect.band.odd[at % 2 == 1] x=(px(from)) width=(px(width)) y="0" height=(px(HEIGHT - BOTTOM)) {}
                    // a drawing of its own, so that a long name ends at the end of its phase
                    @if width > 24.0 { svg x=(px(from)) y="0" width=(px(width)) height="24" { text x="5" y="15" { (safe_line(&mark.text)) } } }
                }
            }
        }
    }

    fn faults(&self) -> Markup {
        let (top, bottom) = (px(TOP - 4.0), px(HEIGHT - BOTTOM));
        html! {
            @for (at, mark) in shown(self.marks, MarkKind::Fault).enumerate() {
                @let from = self.x(mark.from_ms);
                g.fault {
                    title { (format!("{} at {}", safe_line(&mark.text), time_ms(mark.from_ms))) }
                    @if let Some(to) = mark.to_ms {
                        rect x=(px(from)) width=(px((self.x(to) - from).max(0.5))) y=(top) height=(px(HEIGHT - BOTTOM - TOP + 4.0)) {}
                    }
                    line x1=(px(from)) x2=(px(from)) y1=(top) y2=(bottom) {}
                    circle cx=(px(from)) cy=(px(TOP - 10.0)) r="8" {}
                    text.middle x=(px(from)) y=(px(TOP - 10.0)) dy=".36em" { (at + 1) }
                }
            }
        }
    }

    /// Where the pointer is, the values of that place are written above the plot. No script: only style.
    fn hits(&self, hits: &[Hit]) -> Markup {
        html! {
            g.hits aria-hidden="true" {
                @for hit in hits {
                    @let (from, to) = (self.x(hit.from), self.x(hit.to));
                    @let middle = px((from + to) / 2.0);
                    g {
                        rect.zone x=(px(from)) width=(px((to - from).max(0.5))) y=(px(TOP)) height=(px(HEIGHT - TOP - BOTTOM)) {}
                        g.tip {
                            line x1=(middle) x2=(middle) y1=(px(TOP)) y2=(px(HEIGHT - BOTTOM)) {}
                            rect x="0" y="0" width=(px(WIDTH)) height="24" {}
                            text x=(px(LEFT)) y="16" { (hit.text) }
                        }
                    }
                }
            }
        }
    }
}

/// The marks of a kind that have a place in the plot.
pub(super) fn shown(marks: &[Mark], kind: MarkKind) -> impl Iterator<Item = &Mark> {
    marks.iter().filter(move |mark| mark.kind == kind && mark.from_ms.is_finite()).take(MARKS_MAX)
}
