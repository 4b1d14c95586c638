//! The rich made-up run: half a minute with phases, faults, failures, and figures that swing like real ones.

use std::collections::BTreeMap;

use super::{
    super::facts::{Facts, Finding, Mark, MarkKind, Played, ServerCost, ServerSample, Verdict},
    finding, invariants, small,
};
use crate::scenario::ledger::{
    account::{Account, Interval, Latency, Life, LoadSide, Totals},
    breach::{Breach, BreachKind},
};

/// Chance that is the same every time.
struct Chance(u64);

impl Chance {
    /// From 0 up to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1u64 << 24) as f64
    }

    /// A factor about 1.
    fn about(&mut self, swing: f64) -> f64 {
        1.0 + swing * (self.next() + self.next() - 1.0)
    }
}

/// How a share is spread around the middle, in doublings.
fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln() / 1.702
}

fn latency(count: u64, median_us: f64, doublings: f64) -> Latency {
    let at = |share: f64| (median_us * (doublings * logit(share)).exp2()) as u64;
    let shares =
        (1..200).map(|n| 1.0 - 10f64.powf(-f64::from(n) / 40.0)).filter(|share| *share < 1.0 - 1.0 / count as f64);
    let max_us = at(1.0 - 0.5 / count as f64);
    Latency {
        count,
        mean_us: median_us * 1.3,
        p50_us: at(0.5),
        p90_us: at(0.9),
        p99_us: at(0.99),
        p999_us: at(0.999),
        max_us,
        curve: shares.map(|share| (share, at(share))).chain([(1.0, max_us)]).collect(),
    }
}

/// A run of half a minute: warm up, flood with a cut, a kill of the server, calm. `slower` multiplies latencies and
/// cost, `seed` is for the swing.
pub(in super::super) fn rich(seed: u64, slower: f64) -> Facts {
    let mut chance = Chance(seed);
    let timeline = (0..310).map(|n| interval(&mut chance, n, slower)).collect::<Vec<_>>();
    let delivered: u64 = timeline.iter().map(|interval| interval.delivered).sum();
    let accepted: u64 = timeline.iter().map(|interval| interval.posts_accepted).sum();
    let samples = (1..=62).map(|n| server_sample(&mut chance, n, slower)).collect::<Vec<_>>();
    let cpu_ms: f64 = samples.iter().map(|sample| sample.cores * 500.0).sum();
    let mut facts = small();
    facts.scenario = Played {
        name: "Two hundred small rooms".to_owned(),
        about: "A crowd in many rooms talks, floods, loses some connections and once its server.".to_owned(),
        file: Some("tests/scenarios/two hundred small rooms.yaml".to_owned()),
        seed: 4_242,
        duration_ms: 31_000.0,
        people: 2_000,
        rooms: 200,
        ..facts.scenario
    };
    facts.verdict = Verdict::Failed;
    facts.expectations = expectations();
    facts.invariants = invariants(3, 31_000.0);
    facts.thresholds = vec![
        finding("p99_ms <= 20", false, "found 31.8", Some(31), 31_000.0),
        finding("lost == 0", false, "found 3", Some(32), 31_000.0),
        finding("deliveries_per_s >= 10000", true, "found 25,300", Some(33), 31_000.0),
    ];
    facts.notes =
        vec!["120 posts were refused as rate_limited: raise posts_per_s or post_burst under server.limits.".to_owned()];
    facts.marks = marks();
    facts.account = account(timeline, delivered, accepted, slower);
    facts.server.cost = Some(ServerCost {
        cpu_ms,
        cpu_us_per_delivery: Some(cpu_ms * 1e3 / delivered as f64),
        memory_start_bytes: 18 << 20,
        memory_max_bytes: samples.iter().map(|sample| sample.memory_bytes).max().unwrap_or(0),
        samples,
    });
    facts
}

fn expectations() -> Vec<Finding> {
    vec![
        finding(
            "everyone in team receives hello within 200 ms (p99)",
            true,
            "20,000 of 20,000, p99 1.92 ms",
            Some(14),
            6_200.0,
        ),
        finding("post by crowd, refused with rate_limited at least once", true, "120 refused", Some(18), 17_000.0),
        finding(
            "everyone in team-7 receives flood exactly once within 50 ms (p99)",
            false,
            "p99 83.1 ms where 50 ms was wanted; 12,311 of 12,312 came\ncrowd-17 never got message 42 of crowd-3 (team-7, seq 318)",
            Some(22),
            17_400.0,
        ),
        finding("cy resumed complete", true, "3 rooms complete", Some(25), 21_500.0),
        finding("bo's history of team-1 equals ana's", true, "1,204 events, the same", Some(27), 30_100.0),
    ]
}

fn marks() -> Vec<Mark> {
    let mark = |kind, text: &str, from_ms, to_ms| Mark { kind, text: text.to_owned(), from_ms, to_ms };
    vec![
        mark(MarkKind::Phase, "warm up", 0.0, Some(6_000.0)),
        mark(MarkKind::Phase, "flood", 6_000.0, Some(17_000.0)),
        mark(MarkKind::Phase, "after the power cut", 17_000.0, Some(31_000.0)),
        mark(MarkKind::Fault, "10% of crowd cut", 9_000.0, None),
        mark(MarkKind::Fault, "server killed", 18_000.0, Some(19_100.0)),
    ]
}

/// What the made-up run does at that tenth of a second: posts, receipts for each, people online, latency.
fn shape(n: usize) -> (f64, f64, f64, f64) {
    match n {
        0..20 => (0.0, 0.0, n as f64 * 100.0, 0.0),
        20..60 => ((n - 20) as f64 * 5.0, 10.0, 2_000.0, 700.0),
        60..90 => (320.0, 10.0, 2_000.0, 1_900.0),
        90..95 => (300.0, 9.0, 1_800.0, 9_000.0),
        95..180 => (320.0, 10.0, 2_000.0, 2_100.0),
        180..191 => (0.0, 0.0, 0.0, 0.0),
        191..200 => (60.0, 8.0, (n - 190) as f64 * 200.0, 15_000.0),
        _ => (90.0, 10.0, 2_000.0, 650.0),
    }
}

fn interval(chance: &mut Chance, n: usize, slower: f64) -> Interval {
    let (posts, receipts, online, median_us) = shape(n);
    let posts_accepted = (posts * chance.about(0.1)) as u64;
    let median_us = median_us * slower * chance.about(0.15);
    let wanted = posts_accepted as f64 * receipts;
    let mut buckets: Vec<u64> = (0..24)
        .map(|bucket| {
            let below = |us: f64| 1.0 / (1.0 + (-1.702 * (us / median_us.max(1.0)).log2() / 0.9).exp());
            let low = f64::from(bucket).exp2();
            (wanted * (below(low * 2.0) - below(low))).round() as u64
        })
        .collect();
    while buckets.last() == Some(&0) {
        buckets.pop();
    }
    let top = buckets.len();
    let at = |share: f64| (median_us * (0.9 * logit(share)).exp2()) as u64;
    let any = |us: u64| if top == 0 { 0 } else { us };
    Interval {
        at_ms: n as f64 * 100.0,
        length_ms: 100.0,
        posts_intended: posts_accepted + u64::from(n == 170) * 120,
        posts_accepted,
        delivered: buckets.iter().sum(),
        refused: u64::from(n == 170) * 120,
        connected: online as u64,
        p50_us: any(median_us as u64),
        p99_us: any(at(0.99)),
        max_us: any(at(0.9997)),
        buckets,
        load_cpu_ms: wanted * 0.000_6 * chance.about(0.2) * 10.0 + 0.4,
    }
}

fn server_sample(chance: &mut Chance, n: usize, slower: f64) -> ServerSample {
    let (posts, receipts, online, _) = shape((n * 5).min(309));
    ServerSample {
        at_ms: n as f64 * 500.0,
        cores: (0.02 + posts * receipts * 0.000_22 * slower) * chance.about(0.1),
        memory_bytes: (((18 << 20) as f64) + online * 11_000.0 + posts * 20_000.0) as u64,
    }
}

fn account(timeline: Vec<Interval>, delivered: u64, accepted: u64, slower: f64) -> Account {
    let lives = (0..20).map(|n| life(n, slower)).collect();
    let load_cpu_ms: f64 = timeline.iter().map(|interval| interval.load_cpu_ms).sum();
    Account {
        totals: totals(delivered, accepted),
        found: BTreeMap::from([(BreachKind::Lost, 3)]),
        breaches: (0..3u32)
            .map(|n| Breach {
                kind: BreachKind::Lost,
                text: format!(
                    "team-7: crowd-{} never got message 42 of crowd-3 (seq 318), though they were there",
                    17 + n
                ),
                at_ms: 17_400.0,
            })
            .collect(),
        delivery: latency(delivered, 1_400.0 * slower, 1.25),
        acceptance: latency(accepted, 1_050.0 * slower, 1.1),
        connecting: latency(2_000, 3_800.0, 0.8),
        resuming: latency(2_200, 21_000.0, 1.0),
        timeline,
        worst: lives,
        audited: Some(accepted),
        not_read_back: 0,
        load: LoadSide {
            cpu_ms: load_cpu_ms,
            deliveries_per_cpu_s: delivered as f64 / (load_cpu_ms / 1e3),
            busiest_share: 0.31,
            lateness_p99_us: 210,
            lateness_max_us: 1_900,
            bytes_per_connection: Some(1_480.0),
            bottleneck: None,
        },
    }
}

fn totals(delivered: u64, accepted: u64) -> Totals {
    Totals {
        intended: accepted + 120,
        sent: accepted + 120,
        sent_again: 61,
        accepted,
        duplicates: 12,
        refused: BTreeMap::from([("rate_limited".to_owned(), 120)]),
        delivered_live: delivered,
        delivered: delivered + 3_000,
        lost: 3,
        connected: 2_000,
        resumed: 2_200,
        rooms_complete: 2_190,
        rooms_gap: 10,
        lagged: 4,
        connect_failed: 17,
        connections_lost: 2_000,
        bytes_in: 91_000_000,
        bytes_out: 4_100_000,
        reads: 190_200,
        ..Totals::default()
    }
}

fn life(n: u32, slower: f64) -> Life {
    let intended_ms = 9_000.0 + f64::from(n * 7 % 20) * 431.0;
    let took = (120.0 - f64::from(n) * 4.0) * slower;
    Life {
        message: format!("t4242-{}", 18_000 + n * 37),
        sender: format!("crowd-{}", 3 + n * 11),
        room: format!("team-{}", 7 + n % 5),
        seq: Some(318 + u64::from(n)),
        intended_ms,
        sent_ms: Some(intended_ms + if n.is_multiple_of(4) { took * 0.3 } else { 0.2 }),
        accepted_ms: Some(intended_ms + took * 0.45),
        first_receipt_ms: Some(intended_ms + took * 0.5),
        last_receipt_ms: Some(intended_ms + took),
        last_reader: Some(format!("crowd-{}", 1_900 - n)),
        receipts: 10,
    }
}
