//! The figures of the summary: latencies as a table, everything else as a line each.

use super::{
    super::{
        figure,
        number::{bytes, count, counted, large, percent, rate, time_ms, time_us},
        text::{SEPARATOR, cells, columns, hanging, left},
    },
    Page,
};
use crate::scenario::ledger::account::Latency;

/// How wide the names before the lines are.
const LABEL_CELLS: usize = 13;

/// Fewer deliveries tell nothing about what one costs.
const DELIVERIES_MIN: u64 = 1_000;

/// Posts that were sent so much late at most were in time.
const IN_TIME_US: u64 = 1_000;

/// What became of an objective at a rate.
const KEPT: &str = "kept";
const BROKEN: &str = "broken";

/// The columns of the latencies for which there is room on a narrow terminal: name, p50, p99, max.
const NARROW: [usize; 4] = [0, 1, 3, 5];

impl Page<'_> {
    /// All of them.
    pub(super) fn figures(&self, out: &mut String) {
        self.latencies(out);
        out.push('\n');
        let lines = [
            ("Messages", self.messages()),
            ("Receipts", self.receipts()),
            ("Connections", self.connections()),
            ("Server", self.server()),
            ("Load side", self.load()),
        ];
        for (label, text) in lines {
            let head = self.paint.bold(&left(label, LABEL_CELLS));
            out.push_str(&hanging(&head, LABEL_CELLS, &text, self.width));
        }
    }

    /// The rates that were tried, a line each.
    pub(super) fn probes(&self, out: &mut String) {
        let probes = &self.facts.probes;
        if probes.is_empty() {
            return;
        }
        let title = ["Rates tried", "posts", "p99", "receipts", "load side"].map(str::to_owned).to_vec();
        let rows = probes.iter().map(|probe| {
            let word = if probe.held { KEPT } else { BROKEN }.to_owned();
            let latency = time_ms(probe.p99_ms);
            vec![word, rate(probe.posts_per_s), latency, rate(probe.receipts_per_s), percent(probe.load_share)]
        });
        let table = columns(&std::iter::once(title).chain(rows).collect::<Vec<_>>());
        let mut lines = table.iter();
        if let Some(title) = lines.next() {
            out.push_str(&format!("\n{}\n", self.paint.bold(title)));
        }
        for (line, probe) in lines.zip(probes) {
            let head = match line.strip_prefix(BROKEN) {
                Some(rest) => format!("{}{rest}  ", self.paint.bad(BROKEN)),
                None => format!("{line}  "),
            };
            out.push_str(&hanging(&head, cells(line) + 2, &probe.why, self.width));
        }
    }

    fn latencies(&self, out: &mut String) {
        let account = &self.facts.account;
        let kinds = [
            ("delivery", &account.delivery),
            ("acceptance", &account.acceptance),
            ("connect", &account.connecting),
            ("resume", &account.resuming),
        ];
        let seen: Vec<_> = kinds.into_iter().filter(|(_, latency)| latency.count > 0).collect();
        if seen.is_empty() {
            return;
        }
        // The latency of many rates, most of them tried in vain, is that of none.
        let name = if self.facts.probes.is_empty() { "Latency" } else { "All together" };
        let title = [name, "p50", "p90", "p99", "p99.9", "max", "count"].map(str::to_owned).to_vec();
        let rows = seen.into_iter().map(|(name, latency)| row(name, latency));
        let mut rows: Vec<_> = std::iter::once(title).chain(rows).collect();
        let mut table = columns(&rows);
        if table.iter().any(|line| cells(line) > self.width) {
            rows.iter_mut().for_each(|row| row.retain(among(&NARROW)));
            table = columns(&rows);
        }
        for (at, line) in table.iter().enumerate() {
            let shown = if at == 0 { self.paint.bold(line) } else { line.clone() };
            out.push_str(&format!("{}{shown}\n", if at == 0 { "\n" } else { "" }));
        }
    }

    fn messages(&self) -> String {
        let totals = &self.facts.account.totals;
        let mut text = format!("{} accepted of {}", count(totals.accepted), count(totals.intended));
        if let Some(per_s) = figure::posts_per_s(self.facts) {
            text.push_str(&format!(", {}", rate(per_s)));
        }
        let refused = figure::refused(self.facts);
        text.push_str(&format!("{SEPARATOR}{} refused", count(refused)));
        if refused > 0 {
            let codes = totals.refused.iter().map(|(code, n)| format!("{code} {}", count(*n)));
            text.push_str(&format!(" ({})", codes.collect::<Vec<_>>().join(", ")));
        }
        for (n, what) in [
            (totals.unsettled, "without an answer"),
            (totals.sent_again, "sent again"),
            (totals.duplicates, "known as duplicates"),
            (totals.not_followed, "not followed to their end, for too many were under way"),
        ] {
            if n > 0 {
                text.push_str(&format!("{SEPARATOR}{} {what}", count(n)));
            }
        }
        text
    }

    fn receipts(&self) -> String {
        let totals = &self.facts.account.totals;
        let mut text = format!("{} delivered", count(totals.delivered));
        if let Some(per_s) = figure::deliveries_per_s(self.facts) {
            text.push_str(&format!(", {}", rate(per_s)));
        }
        for (n, what) in [
            (totals.lost, "lost"),
            (totals.doubled, "doubled"),
            (totals.reordered, "reordered"),
            (totals.leaked, "leaked"),
        ] {
            let shown = format!("{} {what}", count(n));
            text.push_str(&format!("{SEPARATOR}{shown}"));
        }
        for (n, what) in [(totals.disagreeing, "disagreeing"), (totals.foreign, "of others")] {
            if n > 0 {
                text.push_str(&format!("{SEPARATOR}{} {what}", count(n)));
            }
        }
        text
    }

    fn connections(&self) -> String {
        let totals = &self.facts.account.totals;
        let mut text = counted(totals.connected, "first", "first");
        if totals.resumed > 0 {
            text.push_str(&format!(
                ", {} resumed (rooms: {} complete, {} with a gap, {} reset)",
                count(totals.resumed),
                count(totals.rooms_complete),
                count(totals.rooms_gap),
                count(totals.rooms_reset)
            ));
        }
        text.push_str(&format!(
            "{SEPARATOR}{} lost{SEPARATOR}{}",
            count(totals.connections_lost),
            counted(totals.connect_failed, "attempt failed", "attempts failed")
        ));
        if totals.lagged > 0 {
            text.push_str(&format!("{SEPARATOR}{} fell behind", count(totals.lagged)));
        }
        text
    }

    fn server(&self) -> String {
        let Some(cost) = &self.facts.server.cost else {
            return "its process could not be watched".to_owned();
        };
        let per_delivery = cost.cpu_us_per_delivery.filter(|_| self.is_load());
        let per_delivery = per_delivery.map(|us| format!(", {}\u{a0}µs a delivery", large(us))).unwrap_or_default();
        format!(
            "{} of CPU{per_delivery}{SEPARATOR}memory {} at first, {} at most",
            time_us(cost.cpu_ms * 1e3),
            bytes(cost.memory_start_bytes as f64),
            bytes(cost.memory_max_bytes as f64)
        )
    }

    fn load(&self) -> String {
        let load = &self.facts.account.load;
        let mut text = format!("{} of CPU", time_us(load.cpu_ms * 1e3));
        if self.is_load() {
            let each = large(load.deliveries_per_cpu_s.round());
            let share = percent(load.busiest_share);
            text.push_str(&format!(", {each} deliveries for a second of it{SEPARATOR}at most {share} of a core"));
        }
        if load.lateness_p99_us > IN_TIME_US {
            let late = time_us(load.lateness_p99_us as f64);
            text.push_str(&format!("{SEPARATOR}99 of 100 posts were sent less than {late} late"));
        }
        if let Some(each) = load.bytes_per_connection {
            text.push_str(&format!("{SEPARATOR}{} a connection", bytes(each)));
        }
        text
    }

    /// Whether so much was delivered that the cost of a delivery is more than chance.
    fn is_load(&self) -> bool {
        self.facts.account.totals.delivered >= DELIVERIES_MIN
    }
}

/// Tells of one cell after the other whether its column is among these.
fn among(columns: &[usize]) -> impl FnMut(&String) -> bool {
    let mut at = 0..;
    move |_| at.next().is_some_and(|at| columns.contains(&at))
}

fn row(name: &str, latency: &Latency) -> Vec<String> {
    let shares = [latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us];
    let mut row = vec![left(name, LABEL_CELLS - 2)];
    row.extend(shares.map(|us| time_us(us as f64)));
    row.push(count(latency.count));
    row
}
