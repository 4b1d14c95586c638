//! The comparison of two runs: what changed, how much of that may be noise, and whether they can be compared at all.

mod figures;
mod noise;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::figures::{Better, Count, Figure, counts, figures};
use super::{
    facts::{Facts, Finding, Verdict},
    figure,
    number::{NONE, count, large, percent, plain},
    text::{columns, hanging, left},
};

/// No difference below this share is called one: what is measured is not more exact.
const NOISE_MIN: f64 = 0.02;
/// Durations that differ by more are of other runs.
const DURATION_SHARE: f64 = 0.25;
/// From so many times on, a change is told as that.
const TIMES_FROM: f64 = 10.0;
const WIDTH: usize = 100;
const CAUTION: &str = "Noise is twice what neighbouring pieces of the runs differ by. A machine can swing more than that from one run to the next: play both again before you trust a small difference.";

/// What changed from A to B, in plain text.
pub(crate) fn compare(a: &Facts, b: &Facts) -> String {
    let reasons = reasons(a, b);
    let judge = Judge { comparable: reasons.is_empty() };
    let mut out = String::new();
    for (letter, facts) in [("A", a), ("B", b)] {
        let head = format!("{letter}  {}", left(figure::verdict(facts.verdict), 11));
        out.push_str(&hanging(&format!("{head}  "), 16, &origin(facts), WIDTH));
    }
    for reason in &reasons {
        out.push_str(&hanging("! ", 2, &format!("not comparable: {reason}"), WIDTH));
    }
    for remark in remarks(a, b) {
        out.push_str(&hanging("! ", 2, &remark, WIDTH));
    }
    let (figures, counts) = (figures(a, b), counts(a, b));
    judge.table(&mut out, &figures, &counts);
    if a.scenario.name == b.scenario.name {
        findings(&mut out, a, b);
    }
    out.push('\n');
    if judge.comparable && !figures.is_empty() {
        out.push_str(&hanging("", 0, CAUTION, WIDTH));
    }
    out.push_str(&hanging("", 0, &judge.conclusion(&figures, &counts), WIDTH));
    out
}

fn origin(facts: &Facts) -> String {
    let played = &facts.scenario;
    let stamp = i64::try_from(played.started_unix_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let time = stamp.map_or_else(|| NONE.to_owned(), |stamp| stamp.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    format!("{} · {time} · {} · seed {} · {}", played.name, played.program, played.seed, played.machine)
}

/// Why figures of one say nothing about the other.
fn reasons(a: &Facts, b: &Facts) -> Vec<String> {
    let (x, y) = (&a.scenario, &b.scenario);
    let mut reasons = Vec::new();
    let mut differ = |what: &str, a: &str, b: &str| {
        if a != b {
            reasons.push(format!("{what} differs, {a} and {b}"));
        }
    };
    differ("the scenario", &x.name, &y.name);
    differ("the scale", &plain(x.scale), &plain(y.scale));
    differ("the number of people", &count(x.people), &count(y.people));
    differ("the number of rooms", &count(x.rooms), &count(y.rooms));
    differ("the machine", &x.machine, &y.machine);
    let longer = x.duration_ms.max(y.duration_ms);
    if (x.duration_ms - y.duration_ms).abs() > longer * DURATION_SHARE {
        differ("the duration", &super::number::time_ms(x.duration_ms), &super::number::time_ms(y.duration_ms));
    }
    for (letter, facts) in [("A", a), ("B", b)] {
        if facts.verdict == Verdict::Interrupted {
            reasons.push(format!("{letter} was ended before it was over"));
        }
    }
    reasons
}

/// What to keep in mind.
fn remarks(a: &Facts, b: &Facts) -> Vec<String> {
    let mut remarks = Vec::new();
    if a.scenario.seed != b.scenario.seed {
        remarks.push("other seeds, so chance drew other people and times".to_owned());
    }
    if a.server.private != b.server.private {
        remarks.push("one server was private for its run, the other was there before".to_owned());
    }
    for (letter, facts) in [("A", a), ("B", b)] {
        if let Some(reason) = figure::bottleneck(facts) {
            remarks.push(format!("the figures of {letter} are not the server's alone: {reason}"));
        }
    }
    remarks
}

/// What may be said about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Better,
    Worse,
    WithinNoise,
    /// There is a difference, and nothing tells how much of it is noise.
    Unknown,
    /// The runs are of different things, or one lacks the figure.
    None,
}

impl Call {
    fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::WithinNoise => "within noise",
            Self::Unknown => "noise not known",
            Self::None => "",
        }
    }
}

struct Judge {
    comparable: bool,
}

impl Judge {
    fn figure(&self, figure: &Figure) -> Call {
        let Some(change) = figure.change().filter(|_| self.comparable) else {
            return Call::None;
        };
        let is_less = change < 0.0;
        match figure.noise.map(|noise| noise.max(NOISE_MIN)) {
            _ if change.abs() <= NOISE_MIN => Call::WithinNoise,
            None => Call::Unknown,
            // a fall to the half is as much as a rise to the double
            Some(noise) if change.ln_1p().abs() <= noise.ln_1p() => Call::WithinNoise,
            Some(_) if is_less == (figure.better == Better::Less) => Call::Better,
            Some(_) => Call::Worse,
        }
    }

    fn count(&self, count: &Count) -> Call {
        let difference = count.a.abs_diff(count.b) as f64;
        // events that come by chance differ by the root of their number
        let noise = if count.by_chance { 2.0 * (count.a as f64 + count.b as f64).sqrt() } else { 0.0 };
        match count.a < count.b {
            _ if !self.comparable => Call::None,
            _ if difference <= noise => Call::WithinNoise,
            true => Call::Worse,
            false => Call::Better,
        }
    }

    fn table(&self, out: &mut String, figures: &[Figure], counts: &[Count]) {
        let mut rows = vec![["", "A", "B", "change", "noise", ""].map(str::to_owned).to_vec()];
        for figure in figures {
            let shown = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), figure.show);
            let noise =
                figure.noise.map_or_else(|| "?".to_owned(), |noise| format!("±{}", percent(noise.max(NOISE_MIN))));
            let change = figure.change().map_or_else(|| NONE.to_owned(), signed);
            let word = if figure.change().is_some_and(is_same) { "" } else { self.figure(figure).word() }.to_owned();
            rows.push(vec![figure.name.clone(), shown(figure.a), shown(figure.b), change, noise, word]);
        }
        for of in counts {
            let (sign, difference) = (if of.a <= of.b { "+" } else { "-" }, of.a.abs_diff(of.b));
            let noise = 2.0 * (of.a as f64 + of.b as f64).sqrt();
            let noise = if of.by_chance { format!("±{noise:.0}") } else { "exact".to_owned() };
            let change = if difference == 0 { "same".to_owned() } else { format!("{sign}{}", count(difference)) };
            let word = if difference == 0 { "" } else { self.count(of).word() };
            rows.push(vec![of.name.to_owned(), count(of.a), count(of.b), change, noise, word.to_owned()]);
        }
        // the last column is words: to the left
        let widest = rows.iter().filter_map(|row| row.last()).map(String::len).max().unwrap_or(0);
        for row in &mut rows {
            if let Some(word) = row.last_mut() {
                *word = left(word, widest);
            }
        }
        out.push('\n');
        for line in columns(&rows) {
            out.push_str(&line);
            out.push('\n');
        }
    }

    /// One sentence at the end.
    fn conclusion(&self, figures: &[Figure], counts: &[Count]) -> String {
        if !self.comparable {
            return "These runs cannot be compared: no figure is called better or worse.".to_owned();
        }
        let calls: Vec<(String, Call)> = figures
            .iter()
            .map(|figure| (figure.name.clone(), self.figure(figure)))
            .chain(counts.iter().filter(|of| of.a != of.b).map(|of| (of.name.to_owned(), self.count(of))))
            .collect();
        let of = |call: Call| {
            let names: Vec<_> = calls.iter().filter(|(_, it)| *it == call).map(|(name, _)| name.as_str()).collect();
            names.join(", ")
        };
        match (of(Call::Worse), of(Call::Better)) {
            (worse, better) if worse.is_empty() && better.is_empty() => "No difference beyond the noise.".to_owned(),
            (worse, better) if better.is_empty() => format!("B is worse: {worse}."),
            (worse, better) if worse.is_empty() => format!("B is better: {better}."),
            (worse, better) => format!("B is worse: {worse}. And better: {better}."),
        }
    }
}

/// So little that no digit of it is shown.
fn is_same(change: f64) -> bool {
    change.abs() < 0.0005
}

fn signed(change: f64) -> String {
    match change {
        _ if is_same(change) => "same".to_owned(),
        _ if change >= TIMES_FROM - 1.0 => format!("×{}", large((change + 1.0).round())),
        _ => format!("{}{}", if change >= 0.0 { "+" } else { "" }, percent(change)),
    }
}

/// Verdicts that are not what they were.
fn findings(out: &mut String, a: &Facts, b: &Facts) {
    // the same words may stand in a story more than once, or be played again and again
    type Key<'a> = (Option<u32>, &'a str, usize);
    fn keyed(facts: &Facts) -> BTreeMap<Key<'_>, &Finding> {
        let mut seen: BTreeMap<(Option<u32>, &str), usize> = BTreeMap::new();
        let mut keyed = BTreeMap::new();
        for finding in facts.findings() {
            let nth = seen.entry((finding.line, &finding.what)).or_default();
            *nth += 1;
            keyed.insert((finding.line, finding.what.as_str(), *nth), finding);
        }
        keyed
    }
    let (before, after) = (keyed(a), keyed(b));
    let mut lines = Vec::new();
    for (key, now) in &after {
        let then = before.get(key).map(|then| then.held);
        let change = match (then, now.held) {
            (Some(true), false) => "held → failed",
            (Some(false), true) => "failed → held",
            (None, false) => "new → failed",
            (None, true) => "new → held",
            _ => continue,
        };
        let place = now.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let found = now.found.lines().next().unwrap_or_default();
        let dash = if found.is_empty() { "" } else { " — " };
        lines.push((change, format!("{place}{}{dash}{found}", now.what)));
    }
    for (key, then) in &before {
        if !after.contains_key(key) {
            lines.push(("gone", then.what.clone()));
        }
    }
    if !lines.is_empty() {
        out.push_str("\nVerdicts that changed\n");
    }
    for (change, text) in lines {
        let head = format!("  {}  ", left(change, 13));
        out.push_str(&hanging(&head, 17, &text, WIDTH));
    }
}
