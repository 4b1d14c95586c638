//! The summary: what a person reads in ten seconds when a run is over; what failed stands at its end, in detail.

mod figures;
#[cfg(test)]
mod tests;

use super::{
    facts::{Facts, Finding, Verdict},
    figure,
    number::{count, counted, plain, time_ms},
    text::{Paint, SEPARATOR, cells, cut, glued, hanging, wrapped},
};

/// Things that held are listed up to so many of a kind; beyond it they are counted.
const HELD_SHOWN_MAX: usize = 12;
/// Failures that are told in detail.
const FAILED_SHOWN_MAX: usize = 10;
/// Breaches that are told.
const BREACHES_SHOWN_MAX: usize = 5;
/// The narrowest column of words.
const WIDTH_MIN: usize = 20;
/// No line is longer, however wide the terminal is.
const WIDTH_MAX: usize = 120;

/// The summary of a run, in lines of at most `width` cells. With `colour` it has signs and colours, else words alone.
pub(crate) fn summary(facts: &Facts, colour: bool, width: usize) -> String {
    let page = Page { facts, paint: Paint { colour }, width: width.min(WIDTH_MAX) };
    let mut out = String::new();
    page.head(&mut out);
    page.findings(&mut out, "Expected", &facts.expectations);
    page.always(&mut out);
    page.findings(&mut out, "Thresholds", &facts.thresholds);
    page.probes(&mut out);
    page.figures(&mut out);
    page.notes(&mut out);
    page.failures(&mut out);
    out.push('\n');
    out.push_str(&page.verdict(&figure::outcome(facts)));
    out
}

struct Page<'a> {
    facts: &'a Facts,
    paint: Paint,
    width: usize,
}

impl Page<'_> {
    /// The verdict's word and a text behind it.
    fn verdict(&self, text: &str) -> String {
        let word = figure::verdict(self.facts.verdict);
        let (sign, shown) = match self.facts.verdict {
            Verdict::Held => ("✓ ", self.paint.good(word)),
            Verdict::Failed => ("✗ ", self.paint.bad(word)),
            Verdict::Interrupted => ("– ", self.paint.warn(word)),
        };
        let sign = if self.paint.colour { sign } else { "" };
        hanging(&format!("{sign}{shown}  "), sign.chars().count() + word.len() + 2, text, self.width)
    }

    /// What was played, where, with which outcome.
    fn head(&self, out: &mut String) {
        let played = &self.facts.scenario;
        let name = if played.name.is_empty() { "(without a name)" } else { &played.name };
        out.push_str(&self.verdict(name));
        let server = match (self.facts.server.private, self.facts.server.url.as_str()) {
            (true, _) => "a private server".to_owned(),
            (false, "") => "no server".to_owned(),
            (false, url) => url.to_owned(),
        };
        let played_line = format!(
            "{} in {} for {}, on {server}",
            counted(played.people, "person", "people"),
            counted(played.rooms, "room", "rooms"),
            time_ms(played.duration_ms),
        );
        let file = played.file.as_ref().map(|file| format!("{file}{SEPARATOR}")).unwrap_or_default();
        let origin = format!(
            "{file}seed {}{SEPARATOR}scale {}{SEPARATOR}{}{SEPARATOR}{}",
            played.seed,
            plain(played.scale),
            played.program,
            played.machine
        );
        out.push_str(&hanging("  ", 2, &played_line, self.width));
        for line in wrapped(&origin, self.width.saturating_sub(2)) {
            out.push_str(&format!("  {}\n", self.paint.quiet(&line)));
        }
        if let Some(reason) = figure::bottleneck(self.facts) {
            let text = format!("These figures are not the server's alone: {reason}");
            out.push_str(&hanging(&format!("  {} ", self.paint.warn("!")), 4, &text, self.width));
        }
    }

    /// One kind of things that were to hold.
    fn findings(&self, out: &mut String, title: &str, findings: &[Finding]) {
        if findings.is_empty() {
            return;
        }
        out.push_str(&format!("\n{}\n", self.paint.bold(title)));
        let held = findings.iter().filter(|finding| finding.held).count();
        let short = held > HELD_SHOWN_MAX;
        for finding in findings.iter().filter(|finding| !(short && finding.held)) {
            self.finding(out, finding);
        }
        if short {
            let which = if held == findings.len() { "all" } else { "the other" };
            out.push_str(&format!("  {} {which} {} held\n", self.paint.mark(true), count(held as u64)));
        }
    }

    /// What always must hold: in one when all of it did and was seen on the same figures, else one by one.
    fn always(&self, out: &mut String) {
        let all = &self.facts.invariants;
        match all.first() {
            Some(first) if all.iter().all(|one| one.held && one.found == first.found) => {
                let names = all.iter().map(|one| one.what.as_str()).collect::<Vec<_>>().join(SEPARATOR);
                out.push_str(&format!("\n{}\n", self.paint.bold("Always")));
                self.finding(out, &Finding { what: names, line: None, ..first.clone() });
            }
            _ => self.findings(out, "Always", all),
        }
    }

    /// The mark, what was to hold, the first line of the figures; the line of the file at the right side.
    fn finding(&self, out: &mut String, finding: &Finding) {
        let text = match finding.found.lines().next() {
            None | Some("") => finding.what.clone(),
            Some(found) => format!("{} — {found}", finding.what),
        };
        let place = finding.line.map(|line| format!("  line {line}")).unwrap_or_default();
        let indent = 3 + self.paint.mark_width();
        let room = self.width.saturating_sub(indent + place.len()).max(WIDTH_MIN);
        for (at, line) in wrapped(&glued(&text), room).iter().enumerate() {
            if at == 0 {
                out.push_str(&format!("  {} {line}", self.paint.mark(finding.held)));
                let gap = if place.is_empty() { 0 } else { room.saturating_sub(cells(line)) };
                out.push_str(&format!("{}{}\n", " ".repeat(gap), self.paint.quiet(&place)));
            } else {
                out.push_str(&format!("{}{line}\n", " ".repeat(indent)));
            }
        }
    }

    fn notes(&self, out: &mut String) {
        if !self.facts.notes.is_empty() {
            out.push('\n');
        }
        for note in &self.facts.notes {
            out.push_str(&hanging(&format!("{} ", self.paint.warn("!")), 2, note, self.width));
        }
    }

    /// What failed, with everything that was found.
    fn failures(&self, out: &mut String) {
        let failed: Vec<&Finding> = self.facts.findings().filter(|finding| !finding.held).collect();
        let breaches = &self.facts.account.breaches;
        if failed.is_empty() && breaches.is_empty() {
            return;
        }
        out.push_str(&format!("\n{}\n", self.paint.bold("What failed")));
        for finding in failed.iter().take(FAILED_SHOWN_MAX) {
            let place = match (finding.line, &self.facts.scenario.file) {
                (Some(line), Some(file)) => format!("{}:{line}: ", cut(file, 60)),
                (Some(line), None) => format!("line {line}: "),
                (None, _) => String::new(),
            };
            let head = format!("  {} ", self.paint.mark(false));
            let indent = 3 + self.paint.mark_width();
            if finding.found.lines().count() <= 1 {
                let dash = if finding.found.is_empty() { "" } else { " — " };
                let text = format!("{place}{}{dash}{}", finding.what, finding.found);
                out.push_str(&hanging(&head, indent, &text, self.width));
            } else {
                out.push_str(&hanging(&head, indent, &format!("{place}{}", finding.what), self.width));
                out.push_str(&hanging(&" ".repeat(indent + 2), indent + 2, &finding.found, self.width));
            }
        }
        if failed.len() > FAILED_SHOWN_MAX {
            out.push_str(&format!("  … and {} more\n", count((failed.len() - FAILED_SHOWN_MAX) as u64)));
        }
        self.breaches(out);
    }

    /// The first findings of the ledger.
    fn breaches(&self, out: &mut String) {
        let account = &self.facts.account;
        for breach in account.breaches.iter().take(BREACHES_SHOWN_MAX) {
            let text = format!("at {}: {}", time_ms(breach.at_ms), breach.text);
            out.push_str(&hanging("  - ", 4, &text, self.width));
        }
        let all = account.found.values().fold(0, |sum: u64, n| sum.saturating_add(*n));
        if all > BREACHES_SHOWN_MAX as u64 {
            out.push_str(&format!("  … {} like these in all; --report and --json show more\n", count(all)));
        }
    }
}
