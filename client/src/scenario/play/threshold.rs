//! Thresholds: the figures of the whole run, and what they had to be.

use super::{capture, wording};
use crate::scenario::{
    file::threshold::{Figure, Threshold},
    ledger::account::{Account, Latency, per_s},
    report::facts::{Finding, ServerCost},
};

/// Each threshold as a finding, in the order of the file.
pub(super) fn findings(
    thresholds: &[Threshold],
    account: &Account,
    cost: Option<&ServerCost>,
    at_ms: f64,
) -> Vec<Finding> {
    let finding = |threshold: &Threshold| {
        let Threshold { figure, relation, value: wanted, text, place } = threshold;
        let (held, found) = match value(*figure, account, cost) {
            Ok(value) => (capture::holds(value, *relation, *wanted), wording::number_of(value)),
            Err(why) => (false, why.to_owned()),
        };
        let line = (place.line > 0).then_some(place.line);
        Finding { what: text.clone(), held, found, line, at_ms }
    };
    thresholds.iter().map(finding).collect()
}

/// What a figure is. An error says why there is none: then nothing was proven.
fn value(figure: Figure, account: &Account, cost: Option<&ServerCost>) -> Result<f64, &'static str> {
    let totals = &account.totals;
    let delivery = |of: fn(&Latency) -> u64| latency(&account.delivery, of, "nothing was delivered live");
    match figure {
        Figure::P50Ms => delivery(|it| it.p50_us),
        Figure::P90Ms => delivery(|it| it.p90_us),
        Figure::P99Ms => delivery(|it| it.p99_us),
        Figure::P999Ms => delivery(|it| it.p999_us),
        Figure::MaxMs => delivery(|it| it.max_us),
        Figure::AcceptP99Ms => latency(&account.acceptance, |it| it.p99_us, "nothing was acknowledged"),
        Figure::ConnectP99Ms => latency(&account.connecting, |it| it.p99_us, "nobody connected"),
        Figure::ResumeP99Ms => latency(&account.resuming, |it| it.p99_us, "nobody came back"),
        Figure::Lost => Ok(number(totals.lost)),
        Figure::Doubled => Ok(number(totals.doubled)),
        Figure::Reordered => Ok(number(totals.reordered)),
        Figure::Leaked => Ok(number(totals.leaked)),
        Figure::Refused => Ok(number(totals.refused.values().sum())),
        Figure::Unsettled => Ok(number(totals.unsettled)),
        Figure::Accepted => Ok(number(totals.accepted)),
        Figure::Delivered => Ok(number(totals.delivered)),
        Figure::PostsPerS => Ok(per_s(&account.timeline, |interval| interval.posts_accepted).unwrap_or_default()),
        Figure::DeliveriesPerS => Ok(per_s(&account.timeline, |interval| interval.delivered).unwrap_or_default()),
        Figure::ConnectFailed => Ok(number(totals.connect_failed)),
        Figure::ConnectionsLost => Ok(number(totals.connections_lost)),
        Figure::ServerCpuUsPerDelivery => cost.ok_or(UNSEEN)?.cpu_us_per_delivery.ok_or("nothing was delivered"),
        Figure::ServerMemoryMaxMib => Ok(number(cost.ok_or(UNSEEN)?.memory_max_bytes) / 1_048_576.0),
    }
}

/// Why there is no cost of a server.
const UNSEEN: &str = "the server's process could not be watched: name it with --server-pid";

fn latency(latency: &Latency, of: fn(&Latency) -> u64, none: &'static str) -> Result<f64, &'static str> {
    if latency.count == 0 { Err(none) } else { Ok(number(of(latency)) / 1_000.0) }
}

/// Exact up to 2⁵³, far above what is counted here.
fn number(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::file::{Place, expectation::Relation};
    use crate::scenario::ledger::account::Interval;

    fn threshold(figure: Figure, relation: Relation, value: f64, text: &str) -> Threshold {
        Threshold { figure, relation, value, text: text.to_owned(), place: Place { line: 9, column: 3 } }
    }

    fn account() -> Account {
        let interval =
            |posts_accepted, delivered| Interval { length_ms: 500.0, posts_accepted, delivered, ..Interval::default() };
        let mut account = Account {
            delivery: Latency { count: 10, p99_us: 12_300, ..Latency::default() },
            timeline: vec![interval(0, 0), interval(10, 100), interval(20, 0), interval(0, 0)],
            ..Account::default()
        };
        account.totals.refused = [("rate_limited".to_owned(), 2), ("not_joined".to_owned(), 1)].into();
        account
    }

    #[test]
    fn a_threshold_is_compared_with_its_figure_and_says_it() {
        let list = [
            threshold(Figure::P99Ms, Relation::LessOrEqual, 50.0, "p99_ms <= 50"),
            threshold(Figure::P99Ms, Relation::LessOrEqual, 10.0, "p99_ms <= 10"),
            threshold(Figure::Refused, Relation::Equal, 3.0, "refused == 3"),
            threshold(Figure::PostsPerS, Relation::Equal, 30.0, "posts_per_s == 30"),
            threshold(Figure::DeliveriesPerS, Relation::Equal, 200.0, "deliveries_per_s == 200"),
        ];
        let found = findings(&list, &account(), None, 1.0);
        let found: Vec<_> = found.iter().map(|finding| (finding.held, finding.found.as_str())).collect();
        assert_eq!(found, [(true, "12.3"), (false, "12.3"), (true, "3"), (true, "30"), (true, "200")]);
    }

    #[test]
    fn what_was_not_measured_did_not_hold() {
        for (figure, name, _) in Figure::ALL {
            let empty = value(*figure, &Account::default(), None);
            let needs = name.ends_with("_ms") || name.starts_with("server_");
            assert_eq!(empty.is_err(), needs, "{name}");
        }
        let list = [threshold(Figure::ResumeP99Ms, Relation::Less, 1e9, "resume_p99_ms < 1000000000")];
        let found = findings(&list, &account(), None, 1.0);
        assert_eq!((found[0].held, found[0].found.as_str(), found[0].line), (false, "nobody came back", Some(9)));
    }
}
