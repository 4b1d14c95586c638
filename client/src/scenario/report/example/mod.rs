//! Made-up facts for tests: a small run whose every figure can be read, a rich one, and hostile ones.

mod rich;

use std::collections::BTreeMap;

pub(super) use self::rich::rich;
use super::facts::{
    FORMAT, Facts, Finding, Mark, MarkKind, Played, ProbeFacts, ServerCost, ServerFacts, ServerSample, Verdict,
};
use crate::scenario::ledger::{
    account::{Account, Interval, Latency, Life, LoadSide, Totals},
    breach::{Breach, BreachKind},
};

pub(super) fn finding(what: &str, held: bool, found: &str, line: Option<u32>, at_ms: f64) -> Finding {
    Finding { what: what.to_owned(), held, found: found.to_owned(), line, at_ms }
}

/// The six that always run; `lost` fails the first.
pub(super) fn invariants(lost: u64, end_ms: f64) -> Vec<Finding> {
    let whats = [
        "nothing acknowledged is lost",
        "nothing arrives twice",
        "one order for everyone in a room",
        "a sender sees its own posts",
        "unread counts equal the model",
        "nothing reaches outsiders",
    ];
    let found = |at: usize| {
        if at == 0 && lost > 0 {
            format!("{lost} receipts never came")
        } else {
            "2 posts, 5 receipts, 2 events read back".to_owned()
        }
    };
    whats.iter().enumerate().map(|(at, what)| finding(what, at > 0 || lost == 0, &found(at), None, end_ms)).collect()
}

/// Three friends: everything held, every number small.
pub(super) fn small() -> Facts {
    Facts {
        format: FORMAT,
        scenario: Played {
            name: "Three friends".to_owned(),
            about: "Ana, bo and cy talk in the lobby; eve sits in the attic and hears nothing of it.".to_owned(),
            file: Some("tests/scenarios/three-friends.yaml".to_owned()),
            seed: 7,
            scale: 1.0,
            started_unix_ms: 1_795_428_131_000,
            duration_ms: 1_234.5,
            people: 4,
            rooms: 2,
            program: "hubbub 0.1.0".to_owned(),
            machine: "2 cores, Linux".to_owned(),
        },
        verdict: Verdict::Held,
        expectations: vec![
            finding(
                "everyone in lobby except eve receives m1 within 500 ms (p99)",
                true,
                "3 of 3, p99 812 µs",
                Some(10),
                40.0,
            ),
            finding("eve receives nothing for 300 ms", true, "0 events", Some(19), 900.0),
        ],
        invariants: invariants(0, 1_234.5),
        thresholds: vec![finding("lost == 0", true, "0", Some(21), 1_234.5)],
        notes: Vec::new(),
        probes: Vec::new(),
        marks: vec![],
        account: small_account(),
        server: ServerFacts {
            url: "ws://127.0.0.1:40001/v1/ws".to_owned(),
            private: true,
            cost: Some(ServerCost {
                cpu_ms: 12.0,
                cpu_us_per_delivery: Some(2_400.0),
                memory_start_bytes: 9 << 20,
                memory_max_bytes: 10 << 20,
                samples: vec![ServerSample { at_ms: 500.0, cores: 0.02, memory_bytes: 10 << 20 }],
            }),
        },
    }
}

fn small_account() -> Account {
    let latency = |p50_us: u64| Latency {
        count: 4,
        mean_us: p50_us as f64 + 10.5,
        p50_us,
        p90_us: p50_us + 100,
        p99_us: p50_us + 200,
        p999_us: p50_us + 250,
        max_us: p50_us + 260,
        curve: vec![(0.25, p50_us - 50), (0.5, p50_us), (1.0, p50_us + 260)],
    };
    Account {
        totals: Totals {
            intended: 2,
            sent: 2,
            accepted: 2,
            delivered: 5,
            delivered_live: 4,
            connected: 4,
            resumed: 1,
            rooms_complete: 1,
            bytes_in: 4_096,
            bytes_out: 1_024,
            reads: 21,
            ..Totals::default()
        },
        delivery: latency(812),
        acceptance: latency(640),
        connecting: latency(2_100),
        resuming: Latency { count: 1, ..latency(1_300) },
        timeline: vec![Interval {
            at_ms: 0.0,
            length_ms: 100.0,
            posts_intended: 2,
            posts_accepted: 2,
            delivered: 4,
            refused: 0,
            connected: 4,
            p50_us: 812,
            p99_us: 1_012,
            max_us: 1_072,
            buckets: vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 1],
            load_cpu_ms: 1.5,
        }],
        worst: vec![Life {
            message: "t7-1".to_owned(),
            sender: "ana".to_owned(),
            room: "lobby".to_owned(),
            seq: Some(4),
            intended_ms: 20.0,
            sent_ms: Some(20.1),
            accepted_ms: Some(20.7),
            first_receipt_ms: Some(20.8),
            last_receipt_ms: Some(21.072),
            last_reader: Some("cy".to_owned()),
            receipts: 3,
        }],
        audited: Some(2),
        load: LoadSide {
            cpu_ms: 4.0,
            deliveries_per_cpu_s: 1_250.0,
            busiest_share: 0.01,
            lateness_p99_us: 90,
            lateness_max_us: 120,
            bytes_per_connection: None,
            bottleneck: None,
        },
        ..Account::default()
    }
}

/// Rates were tried until one broke.
pub(super) fn searched() -> Facts {
    let probe = |posts_per_s: f64, p99_ms, why: &str| ProbeFacts {
        posts_per_s,
        p99_ms,
        receipts_per_s: posts_per_s * 49.5,
        held: why.is_empty(),
        why: why.to_owned(),
        load_share: posts_per_s / 10_000.0,
        load_lateness_p99_ms: 0.3,
    };
    let mut facts = small();
    facts.probes = vec![
        probe(50.0, 1.8, ""),
        probe(1_600.0, 44.5, "too slow"),
        probe(800.0, 15.9, ""),
        probe(1_131.4, 30.2, "too slow; the load side itself sent 12.0 ms late"),
    ];
    facts.account.load.bottleneck = Some("the load side was at its limit".to_owned());
    facts
}

/// Nothing happened at all.
pub(super) fn empty() -> Facts {
    let facts = small();
    Facts {
        scenario: Played {
            name: String::new(),
            about: String::new(),
            file: None,
            duration_ms: 0.0,
            people: 0,
            rooms: 0,
            ..facts.scenario
        },
        verdict: Verdict::Interrupted,
        expectations: Vec::new(),
        invariants: Vec::new(),
        thresholds: Vec::new(),
        account: Account::default(),
        server: ServerFacts::default(),
        ..facts
    }
}

/// Names that want to be more than names, and numbers that are none.
pub(super) fn hostile() -> Facts {
    const NAME: &str = "<script>alert(\"x\")</script> ' onload='y \u{202e}gnp.exe\u{1b}[2J";
    let long = "very-long-".repeat(60);
    let mut facts = rich(1, 1.0);
    facts.scenario.name = NAME.to_owned();
    facts.scenario.about = long.clone();
    facts.scenario.file = Some(format!("-{NAME}'.yaml"));
    facts.scenario.machine = "</style><b>".to_owned();
    facts.scenario.scale = f64::NAN;
    facts.expectations = vec![finding(NAME, false, &format!("{NAME}\n{long}"), Some(3), f64::NAN)];
    facts.notes = vec![format!("]]><!-- {NAME}")];
    facts.marks.push(Mark { kind: MarkKind::Fault, text: NAME.to_owned(), from_ms: -5.0, to_ms: Some(f64::INFINITY) });
    facts.marks.push(Mark { kind: MarkKind::Phase, text: long.clone(), from_ms: 1e12, to_ms: None });
    facts.account.totals.refused = BTreeMap::from([(NAME.to_owned(), u64::MAX), (long.clone(), 1)]);
    facts.account.worst.insert(
        0,
        Life {
            message: NAME.to_owned(),
            sender: "\u{5d3}\u{5e0}\u{5d9}".to_owned(),
            room: long,
            intended_ms: f64::NAN,
            last_receipt_ms: Some(f64::NEG_INFINITY),
            ..Life::default()
        },
    );
    facts.account.breaches.push(Breach { kind: BreachKind::Leaked, text: NAME.to_owned(), at_ms: f64::NAN });
    facts.account.load.bottleneck = Some(NAME.to_owned());
    facts.account.load.deliveries_per_cpu_s = f64::NAN;
    facts.account.delivery.curve = vec![(f64::NAN, 0), (2.0, u64::MAX), (0.5, 0)];
    facts.account.timeline.push(Interval {
        at_ms: f64::NAN,
        length_ms: 0.0,
        buckets: vec![u64::MAX; 64],
        ..Interval::default()
    });
    facts.server.url = format!("ws://{NAME}/");
    facts
}
