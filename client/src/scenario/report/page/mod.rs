//! The page: one HTML file with everything about a run, complete without network and without script.
//!
//! Everything that did not come from this program itself is escaped, and what would turn text around is made visible.

mod axis;
mod distribution;
mod heat;
mod life;
mod plot;
mod series;
mod table;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::plot::shown;
use super::{
    facts::{Facts, MarkKind, Verdict},
    figure,
    number::{count, counted, large, plain, rate, time_ms, time_us},
};
use crate::safe::safe_line;

/// Nothing is fetched, nothing is run.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const STYLE: &str = include_str!("style.css");

/// The whole document.
pub(crate) fn render(facts: &Facts) -> String {
    let title = format!("{} – {}", safe_line(&facts.scenario.name), figure::verdict(facts.verdict));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(safe_line(&facts.scenario.program));
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(facts))
                main {
                    (tiles(facts))
                    (table::verdicts(facts))
                    @if let Some(probes) = table::probes(facts) { (probes) }
                    @if let Some(breaches) = table::breaches(facts) { (breaches) }
                    (plots(facts))
                    @if let Some(lives) = life::lives(facts) { (lives) }
                    (table::ledger(facts))
                    (again(facts))
                }
            }
        }
    }
    .into_string()
}

/// A text from outside, in whatever direction it is written.
fn name(text: &str) -> Markup {
    html! { bdi { (safe_line(text)) } }
}

fn header(facts: &Facts) -> Markup {
    let played = &facts.scenario;
    let class = match facts.verdict {
        Verdict::Held => "held",
        Verdict::Failed => "bad",
        Verdict::Interrupted => "warn",
    };
    let sign = match facts.verdict {
        Verdict::Held => "✓",
        Verdict::Failed => "✗",
        Verdict::Interrupted => "–",
    };
    html! {
        header {
            p.verdict.(class) { span.badge { (sign) " " (figure::verdict(facts.verdict)) } " " (name(&figure::outcome(facts))) }
            h1 { @if played.name.is_empty() { "A scenario without a name" } @else { (name(&played.name)) } }
            @if !played.about.is_empty() { p.about { (name(&played.about)) } }
            p.soft {
                (counted(played.people, "person", "people")) " in " (counted(played.rooms, "room", "rooms"))
                " for " (time_ms(played.duration_ms)) " · seed " (played.seed) " · scale " (plain(played.scale))
                " · " (started(played.started_unix_ms)) " · " (name(&played.program)) " · " (name(&played.machine))
            }
            @if let Some(reason) = figure::bottleneck(facts) {
                p.banner { strong { "These figures are not the server's alone: " } (name(reason)) }
            }
            @for note in &facts.notes { p.banner.note { (name(note)) } }
        }
    }
}

fn started(unix_ms: u64) -> String {
    let stamp = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    stamp.map_or_else(|| "at an unknown time".to_owned(), |stamp| stamp.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// The figures that are looked at first.
fn tiles(facts: &Facts) -> Markup {
    let (account, totals) = (&facts.account, &facts.account.totals);
    let time = |us: u64| if account.delivery.count == 0 { super::number::NONE.to_owned() } else { time_us(us as f64) };
    let wrong = [
        ("lost", totals.lost),
        ("doubled", totals.doubled),
        ("reordered", totals.reordered),
        ("leaked", totals.leaked),
    ];
    let cpu = facts.server.cost.as_ref().and_then(|cost| cost.cpu_us_per_delivery);
    html! {
        section.tiles aria-label="Key figures" {
            (tile("Delivery p50", &time(account.delivery.p50_us), "half of all receipts"))
            (tile("Delivery p99", &time(account.delivery.p99_us), "99 of 100 receipts"))
            (tile("Delivery max", &time(account.delivery.max_us), "the latest receipt"))
            (tile("Delivered", &count(totals.delivered), &figure::deliveries_per_s(facts).map(rate).unwrap_or_default()))
            div.tile {
                span.label { "Wrong" }
                span.wrongs { @for (what, n) in wrong { span.bad[n > 0] { b { (count(n)) } " " (what) } } }
            }
            (tile("Server CPU a delivery", &cpu.map_or_else(|| super::number::NONE.to_owned(), |us| format!("{}\u{a0}µs", large(us))), "all that it did, for each receipt"))
        }
    }
}

fn tile(label: &str, value: &str, about: &str) -> Markup {
    html! { div.tile { span.label { (label) } span.value { (value) } span.soft { (about) } } }
}

fn plots(facts: &Facts) -> Markup {
    let end_ms = figure::end_ms(facts);
    let all = [
        distribution::distribution(facts),
        heat::heat(facts, end_ms),
        series::deliveries(facts, end_ms),
        series::posts(facts, end_ms),
        series::connections(facts, end_ms),
        series::cpu(facts, end_ms),
        series::memory(facts, end_ms),
    ];
    let is_empty = all.iter().all(Option::is_none);
    html! {
        section {
            h2 id="plots" { "How it went" }
            @if is_empty { p.soft { "Nothing was measured over time." } }
            (faults(facts))
            div.grid.two {
                @for plot in all.into_iter().flatten() { (plot) }
                (table::percentiles(facts))
                (table::costs(facts))
            }
        }
    }
}

/// What the numbers in the plots mean.
fn faults(facts: &Facts) -> Markup {
    let faults: Vec<_> = shown(&facts.marks, MarkKind::Fault).collect();
    html! {
        @if !faults.is_empty() {
            ol.faults aria-label="Faults" {
                @for mark in faults {
                    li {
                        (name(&mark.text)) " " span.soft { "at " (time_ms(mark.from_ms)) @if let Some(to) = mark.to_ms { ", for " (time_ms(to - mark.from_ms)) } }
                    }
                }
            }
        }
    }
}

/// How to see the same once more.
fn again(facts: &Facts) -> Markup {
    let played = &facts.scenario;
    html! {
        section {
            h2 id="again" { "Play it again" }
            @match &played.file {
                Some(file) => {
                    pre { code { (safe_line(&command(facts, file))) } }
                    p.soft { "The seed makes every draw of chance the same; what the machine does in the meantime is its own affair." }
                }
                None => p { "Made without a file; its seed is " (played.seed) "." }
            }
        }
    }
}

fn command(facts: &Facts, file: &str) -> String {
    let played = &facts.scenario;
    let mut line = format!("hubbub scenario run {} --seed {}", quoted(file), played.seed);
    if played.scale.is_finite() && played.scale != 1.0 {
        line.push_str(&format!(" --scale {}", played.scale));
    }
    if !facts.server.private && !facts.server.url.is_empty() {
        line.push_str(&format!(" --server {}", quoted(&facts.server.url)));
    }
    line
}

/// For a shell: in quotes when it has any character that a shell may think about; never taken for an option.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=".contains(c);
    let text = if text.starts_with('-') { format!("./{text}") } else { text.to_owned() };
    if !text.is_empty() && text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
