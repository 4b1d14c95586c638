//! The tables: verdicts, percentiles, the ledger's numbers, what the server and the load side cost, notes and breaches.

use maud::{Markup, html};

use super::{
    super::{
        facts::{Facts, Finding},
        figure,
        number::{bytes, count, large, percent, rate, time_ms, time_us},
    },
    name,
};
use crate::scenario::ledger::account::Latency;

/// Everything that was to hold, what failed first marked.
pub(super) fn verdicts(facts: &Facts) -> Markup {
    let groups = [("Expected", &facts.expectations), ("Always", &facts.invariants), ("Thresholds", &facts.thresholds)];
    html! {
        section {
            h2 id="verdicts" { "What was to hold" }
            @if facts.findings().next().is_none() { p.soft { "Nothing was checked." } } @else {
                table.verdicts {
                    thead { tr { th { "Verdict" } th { "What" } th { "Found" } th.number { "Line" } th.number { "At" } } }
                    @for (title, findings) in groups.into_iter().filter(|(_, findings)| !findings.is_empty()) {
                        tbody {
                            tr.group { th colspan="5" scope="rowgroup" { (title) } }
                            @for finding in findings { (verdict(finding)) }
                        }
                    }
                }
            }
        }
    }
}

fn verdict(finding: &Finding) -> Markup {
    html! {
        tr.failed[!finding.held] {
            td { @if finding.held { span.held { "✓ held" } } @else { span.bad { "✗ failed" } } }
            td { (name(&finding.what)) }
            td.found { @for line in finding.found.lines() { div { (name(line)) } } }
            td.number { @if let Some(line) = finding.line { (line) } }
            td.number { (time_ms(finding.at_ms)) }
        }
    }
}

/// The rates that were tried, one by one.
pub(super) fn probes(facts: &Facts) -> Option<Markup> {
    if facts.probes.is_empty() {
        return None;
    }
    Some(html! {
        section {
            h2 id="probes" { "The rates that were tried" }
            div.panel { div.scroll { table {
                thead { tr { th { "Objective" } th.number { "Posts" } th.number { "p99" } th.number { "Receipts" } th.number { "Load side" } th.number { "Sent late, p99" } th { "Broken by" } } }
                tbody { @for probe in &facts.probes {
                    tr {
                        td { @if probe.held { span.held { "✓ kept" } } @else { span.bad { "✗ broken" } } }
                        td.number { (rate(probe.posts_per_s)) }
                        td.number { (time_ms(probe.p99_ms)) }
                        td.number { (rate(probe.receipts_per_s)) }
                        td.number { (percent(probe.load_share)) }
                        td.number { (time_ms(probe.load_lateness_p99_ms)) }
                        td { (name(&probe.why)) }
                    }
                } }
            } }
            p.soft { "Each is measured by itself, and one that breaks is tried again: two of three count. The load side's share is of its one core." } }
        }
    })
}

/// The percentiles of everything that was timed.
pub(super) fn percentiles(facts: &Facts) -> Markup {
    let account = &facts.account;
    let rows = [
        ("Delivery", "from the time a post was meant for to each receipt of it", &account.delivery),
        ("Acceptance", "from the time a post was meant for to its acknowledgement", &account.acceptance),
        ("Connect", "from the begin of a first connection to its last room", &account.connecting),
        ("Resume", "the same, of a session that comes back", &account.resuming),
    ];
    html! {
        div.panel {
            h3 { "Latency in figures" }
            div.scroll { table {
                thead { tr { th { "What" } th.number { "p50" } th.number { "p90" } th.number { "p99" } th.number { "p99.9" } th.number { "max" } th.number { "mean" } th.number { "count" } } }
                tbody { @for (title, meaning, latency) in rows { (percentile(title, meaning, latency)) } }
            } }
            p.soft { "Times count from the moment that a post was meant for, so a server that makes its clients wait cannot hide it." }
        }
    }
}

fn percentile(title: &str, meaning: &str, latency: &Latency) -> Markup {
    let times = [latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us];
    html! {
        tr {
            th scope="row" title=(meaning) { (title) }
            @if latency.count == 0 { td.soft colspan="7" { "none" } } @else {
                @for us in times { td.number { (time_us(us as f64)) } }
                td.number { (time_us(latency.mean_us)) }
                td.number { (count(latency.count)) }
            }
        }
    }
}

/// A list of names and values.
fn list(title: &str, rows: &[(&str, String)]) -> Markup {
    html! {
        div.panel {
            h3 { (title) }
            dl { @for (term, value) in rows { div { dt { (term) } dd { (value) } } } }
        }
    }
}

/// The numbers of the ledger.
pub(super) fn ledger(facts: &Facts) -> Markup {
    let totals = &facts.account.totals;
    let messages = [
        ("Intended", count(totals.intended)),
        ("Sent", count(totals.sent)),
        ("Sent again", count(totals.sent_again)),
        ("Accepted", count(totals.accepted)),
        ("Told to be duplicates", count(totals.duplicates)),
        ("Refused", count(figure::refused(facts))),
        ("Without an answer", count(totals.unsettled)),
        ("Not followed to the end", count(totals.not_followed)),
    ];
    let receipts = [
        ("Delivered", count(totals.delivered)),
        ("… of them live", count(totals.delivered_live)),
        ("Lost", count(totals.lost)),
        ("Doubled", count(totals.doubled)),
        ("Reordered", count(totals.reordered)),
        ("Disagreeing", count(totals.disagreeing)),
        ("Leaked", count(totals.leaked)),
        ("Of others", count(totals.foreign)),
        ("Read back at the end", facts.account.audited.map_or_else(|| "no".to_owned(), count)),
    ];
    let connections = [
        ("First connects", count(totals.connected)),
        ("Resumed", count(totals.resumed)),
        ("Rooms that came back complete", count(totals.rooms_complete)),
        ("… with a gap", count(totals.rooms_gap)),
        ("… reset", count(totals.rooms_reset)),
        ("Fell behind", count(totals.lagged)),
        ("Attempts that failed", count(totals.connect_failed)),
        ("Lost", count(totals.connections_lost)),
    ];
    html! {
        section {
            h2 id="ledger" { "The ledger" }
            div.grid.four {
                (list("Messages", &messages))
                (list("Receipts", &receipts))
                (list("Connections", &connections))
                (refusals(facts))
            }
        }
    }
}

fn refusals(facts: &Facts) -> Markup {
    let totals = &facts.account.totals;
    html! {
        div.panel {
            h3 { "Refused, by code" }
            @if totals.refused.is_empty() { p.soft { "Nothing was refused." } } @else {
                dl { @for (code, n) in &totals.refused { div { dt { code { (name(code)) } } dd { (count(*n)) } } } }
            }
        }
    }
}

/// What the run cost on both sides.
pub(super) fn costs(facts: &Facts) -> Markup {
    let load = &facts.account.load;
    let totals = &facts.account.totals;
    let mut load_rows = vec![
        ("CPU time", time_ms(load.cpu_ms)),
        ("Deliveries for a second of it", large(load.deliveries_per_cpu_s.round())),
        ("Busiest second", format!("{} of a core", percent(load.busiest_share))),
        ("Posts written late, p99", time_us(load.lateness_p99_us as f64)),
        ("Posts written late, most", time_us(load.lateness_max_us as f64)),
        ("Read", bytes(totals.bytes_in as f64)),
        ("Written", bytes(totals.bytes_out as f64)),
    ];
    if let Some(each) = load.bytes_per_connection {
        load_rows.push(("Memory a connection", bytes(each)));
    }
    html! {
        (server(facts))
        (list("The load side's own cost", &load_rows))
    }
}

fn server(facts: &Facts) -> Markup {
    let url = crate::safe::safe_line(&facts.server.url);
    let mut rows = vec![("Address", if url.is_empty() { "none" } else { &*url }.to_owned())];
    rows.push(("Kind", if facts.server.private { "private, for this run" } else { "was there before" }.to_owned()));
    match &facts.server.cost {
        None => rows.push(("Cost", "its process could not be watched".to_owned())),
        Some(cost) => {
            rows.push(("CPU time", time_ms(cost.cpu_ms)));
            if let Some(us) = cost.cpu_us_per_delivery {
                rows.push(("CPU a delivery", format!("{}\u{a0}µs", large(us))));
            }
            rows.push(("Memory at first", bytes(cost.memory_start_bytes as f64)));
            rows.push(("Memory at most", bytes(cost.memory_max_bytes as f64)));
        }
    }
    if let Some(per_s) = figure::posts_per_s(facts) {
        rows.push(("Posts", rate(per_s)));
    }
    if let Some(per_s) = figure::deliveries_per_s(facts) {
        rows.push(("Receipts", rate(per_s)));
    }
    list("The server", &rows)
}

/// What the ledger found, in sentences.
pub(super) fn breaches(facts: &Facts) -> Option<Markup> {
    let account = &facts.account;
    if account.breaches.is_empty() {
        return None;
    }
    let all = account.found.values().fold(0, |sum: u64, n| sum.saturating_add(*n));
    let shown = account.breaches.len() as u64;
    Some(html! {
        section {
            h2 id="breaches" { "What the ledger found" }
            ul.breaches {
                @for breach in &account.breaches { li { span.soft { (time_ms(breach.at_ms)) } " " (name(&breach.text)) } }
            }
            @if all > shown { p.soft { "These are the first of each kind; there are " (count(all)) " in all." } }
        }
    })
}
