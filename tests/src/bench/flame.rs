//! A flame graph as SVG text: where the time of many samples was spent, as a tree of calls, the root on top.
//!
//! The wider a call, the more samples had it on their stack; a touch of the mouse tells which and how many.

use std::collections::BTreeMap;

use super::svg::{Head, escaped, picture};

/// The picture's width, the height of a call, and what is left free around them.
const WIDTH: f64 = 1_200.0;
const ROW: f64 = 17.0;
const MARGIN: f64 = 10.0;
const HEAD: f64 = 44.0;

/// Calls that are narrower are left out: nobody could read them.
const SHARE_MIN: f64 = 0.004;

/// How wide a letter is, and the least that is worth writing.
const LETTER: f64 = 6.3;
const LETTERS_MIN: f64 = 4.0;

/// A call in a stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// What it is called.
    pub name: String,
    /// Which part of the program it belongs to: each has a colour.
    pub part: String,
}

/// A call with all that were made from it.
#[derive(Debug, Default)]
struct Node {
    samples: usize,
    calls: BTreeMap<Call, Node>,
}

/// Samples, added up by their stacks.
#[derive(Debug, Default)]
pub struct Flame {
    root: Node,
}

impl Flame {
    /// One sample more, its stack from the outermost call to the innermost.
    pub fn add(&mut self, stack: impl IntoIterator<Item = Call>) {
        let mut node = &mut self.root;
        node.samples += 1;
        for call in stack {
            node = node.calls.entry(call).or_default();
            node.samples += 1;
        }
    }

    /// The picture; each part has the colour that `colour` says.
    #[must_use]
    pub fn svg(&self, title: &str, colour: &dyn Fn(&str) -> &'static str) -> String {
        let least = (self.root.samples as f64 * SHARE_MIN).ceil().max(1.0) as usize;
        let height = HEAD + self.root.depth(least) as f64 * ROW + MARGIN;
        let mut lines = Vec::new();
        Picture { all: self.root.samples, least, colour }.draw(&self.root, MARGIN, HEAD, &mut lines);
        let head = Head {
            size: [WIDTH, height],
            font: ["ui-monospace, monospace", "10.5"],
            title,
            title_at: [MARGIN, 27.0, 15.0],
            description: &self.description(),
        };
        picture(&head, &lines)
    }

    /// What it shows, in words.
    fn description(&self) -> String {
        let mut calls: Vec<_> = self.root.calls.iter().collect();
        calls.sort_by_key(|(_, node)| std::cmp::Reverse(node.samples));
        let share =
            |(call, node): (&Call, &Node)| format!("{} {}", call.name, percent(node.samples, self.root.samples));
        calls.into_iter().map(share).collect::<Vec<_>>().join(", ")
    }
}

impl Node {
    /// How many calls are drawn below each other.
    fn depth(&self, least: usize) -> usize {
        let deepest = self.calls.values().filter(|node| node.samples >= least).map(|node| 1 + node.depth(least)).max();
        deepest.unwrap_or(0)
    }
}

/// What is the same for all that is drawn.
struct Picture<'a> {
    all: usize,
    least: usize,
    colour: &'a dyn Fn(&str) -> &'static str,
}

impl Picture<'_> {
    /// The calls of a node, the largest first, from left to right.
    fn draw(&self, node: &Node, left: f64, top: f64, lines: &mut Vec<String>) {
        let mut calls: Vec<_> = node.calls.iter().filter(|(_, node)| node.samples >= self.least).collect();
        calls.sort_by_key(|(_, node)| std::cmp::Reverse(node.samples));
        let mut x = left;
        for (Call { name, part }, node) in calls {
            let width = node.samples as f64 / self.all as f64 * (WIDTH - 2.0 * MARGIN);
            let (inner, baseline) = (width - 1.0, top + ROW - 5.0);
            let letters = ((width - 6.0) / LETTER).floor();
            let text = if letters < LETTERS_MIN { String::new() } else { shortened(name, letters as usize) };
            let (title, text, colour) = (escaped(name), escaped(&text), (self.colour)(part));
            lines.push(format!(
                r#"<g><title>{title}: {}</title><rect x="{x:.1}" y="{top:.0}" width="{inner:.1}" height="{:.0}" rx="2" fill="{colour}"/><text x="{:.1}" y="{baseline:.0}">{text}</text></g>"#,
                percent(node.samples, self.all),
                ROW - 1.0,
                x + 3.0,
            ));
            self.draw(node, x, top + ROW, lines);
            x += width;
        }
    }
}

/// Of a name that is too long its last part, or the begin of it.
fn shortened(name: &str, letters: usize) -> String {
    let fits = |name: &str| name.chars().count() <= letters;
    let last = name.rsplit("::").next().unwrap_or(name);
    match [name, last].into_iter().find(|name| fits(name)) {
        Some(whole) => whole.to_owned(),
        None => last.chars().take(letters.saturating_sub(1)).chain(['…']).collect(),
    }
}

fn percent(part: usize, all: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / all.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str) -> Call {
        Call { name: name.to_owned(), part: name.split(':').next().unwrap_or_default().to_owned() }
    }

    fn flame() -> Flame {
        let mut flame = Flame::default();
        for _ in 0..750 {
            flame.add([call("a"), call("a::<b>")]);
        }
        for _ in 0..249 {
            flame.add([call("c")]);
        }
        flame.add([call("rare")]);
        flame
    }

    #[test]
    fn a_call_is_as_wide_as_its_part_of_the_samples_and_stands_below_its_caller() {
        let svg = flame().svg("Where & when", &|part| if part == "a" { "#111" } else { "#222" });
        let of = |name: &str| svg.lines().find(|line| line.contains(name)).expect("it is drawn").to_owned();
        let width = (WIDTH - 2.0 * MARGIN) * 0.75 - 1.0;
        let caller = of("<title>a: 75.0 %");
        assert!(caller.contains(&format!(r#"x="10.0" y="44" width="{width:.1}""#)), "{caller}");
        assert!(caller.contains("#111"), "{caller}");
        assert!(of("<title>a::&lt;b&gt;: 75.0 %").contains(r#"x="10.0" y="61""#), "{svg}");
        assert!(of("<title>c: 24.9 %").contains("#222"), "{svg}");
        assert!(svg.contains("<title id=\"title\">Where &amp; when</title>"), "{svg}");
        assert!(!svg.contains(">rare"), "too narrow to be read: {svg}");
    }

    #[test]
    fn of_a_long_name_the_last_part_is_shown() {
        assert_eq!(shortened("hubbub_server::fanout::run", 8), "run");
        assert_eq!(shortened("fanout::a_long_name", 8), "a_long_…");
        assert_eq!(shortened("run", 8), "run");
    }
}
