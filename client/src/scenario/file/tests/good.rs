//! What a file says is what is read.

use std::{collections::BTreeMap, time::Duration};

use hubbub_protocol::ErrorCode;

use super::{scenario, with_steps};
use crate::scenario::file::{
    Place, RoomGroup, RoomSizes,
    cast::{Reconnects, Talk},
    expectation::{Expectation, Field, Operand, Relation, Resumed, Within},
    grammar::{EXPECTATIONS, VERBS},
    step::{Act, Fault, Garbage, Pace, Post, Text},
    threshold::Figure,
    unit::{Ramp, Range, Rate, Spread},
    who::{Term, Who},
};

/// The acts of some steps.
fn acts(steps: &str) -> Vec<Act> {
    scenario(&with_steps(steps)).steps.into_iter().map(|step| step.act).collect()
}

fn act(step: &str) -> Act {
    acts(&format!("  - {step}\n")).remove(0)
}

/// Who a step is about, as a test writes it.
fn terms(who: &str) -> (Vec<Term>, Vec<Term>) {
    match act(&format!("disconnect: {who}")) {
        Act::Disconnect { who } => (who.terms, who.except),
        other => panic!("{other:?}"),
    }
}

fn post(fields: &str) -> Post {
    match act(&format!("post: {{who: ana, {fields}}}")) {
        Act::Post(post) => post,
        other => panic!("{other:?}"),
    }
}

/// The last expectation, after two posts `m1` and `m2` and a history `h1`.
fn expectation(fields: &str) -> Expectation {
    let steps = format!(
        "  - post: {{who: ana, as: m1}}\n  - post: {{who: ana, as: m2}}\n  - history: {{who: ana, room: lobby, as: h1}}\n  - expect: {{{fields}}}\n"
    );
    match acts(&steps).pop() {
        Some(Act::Expect(expectation)) => expectation,
        other => panic!("{other:?}"),
    }
}

fn name(name: &str) -> Term {
    Term::Name(name.to_owned())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_file_is_a_name_a_cast_and_steps() {
    let read = scenario("name: Least\ncast: {ana: {join: lobby}}\nsteps:\n  - wait: 1 s\n");
    assert_eq!((read.name.as_str(), read.about.as_str(), read.seed), ("Least", "", None));
    assert_eq!(read.cast["ana"].join, ["lobby"]);
    assert!(read.cast["ana"].connected && read.cast["ana"].returns && read.cast["ana"].count.is_none());
    assert_eq!(read.steps[0].act, Act::Wait { time: seconds(1) });
    assert_eq!(read.steps[0].place, Place { line: 4, column: 5 });
}

#[test]
fn the_head_of_a_file_is_read() {
    let read = scenario(
        "name: Head\nabout: |\n  Two lines\n  of it.\nseed: 7\nserver: {workers: 2, limits: {post_burst: 1_000, posts_per_s: 5}}\n\
         rooms:\n  even: {count: 3}\n  listed: {count: 2, size: [5, 1]}\n  zipf: {count: 9, size: {power_law: 1.1}}\n\
         cast: {ana: {join: [even, listed, zipf]}, bo: }\nsteps: [settle]\nthresholds: [p99_ms <= 200, lost == 0, delivered > 1_000]\n",
    );
    assert_eq!((read.about.as_str(), read.seed, read.server.workers), ("Two lines\nof it.\n", Some(7), Some(2)));
    assert_eq!(read.server.limits, BTreeMap::from([("post_burst".to_owned(), 1000), ("posts_per_s".to_owned(), 5)]));
    assert_eq!(read.rooms["even"], RoomGroup { count: 3, sizes: RoomSizes::Even });
    assert_eq!(read.rooms["listed"].sizes, RoomSizes::List(vec![5, 1]));
    assert_eq!(read.rooms["zipf"].sizes, RoomSizes::PowerLaw(1.1));
    let thresholds: Vec<_> = read.thresholds.iter().map(|t| (t.figure, t.relation, t.value, t.text.as_str())).collect();
    let expected = [
        (Figure::P99Ms, Relation::LessOrEqual, 200.0, "p99_ms <= 200"),
        (Figure::Lost, Relation::Equal, 0.0, "lost == 0"),
        (Figure::Delivered, Relation::Greater, 1000.0, "delivered > 1_000"),
    ];
    assert_eq!(thresholds, expected);
    assert_eq!(read.steps[0].act, Act::Settle { within: seconds(10) });
}

#[test]
fn habits_are_read_and_have_defaults() {
    let read = scenario(
        "name: Habits\ncast:\n  one: {count: 5, join: lobby, arrive: 2 s, reads: 10 KiB/s, returns: false, connected: false, talk: }\n  two:\n    join: lobby\n    \
         talk: {share: 20%, think: {lognormal: {p99: 20 s, median: 2 s}}, burst: [1, 4], pause: {uniform: [0 s, 1 s]}, types: true, size: 1 KiB}\n    \
         reconnects: {every: {exponential: 1 min}, away: 500 ms}\nsteps: [chat: 1 s]\n",
    );
    let one = &read.cast["one"];
    assert_eq!((one.count, one.arrive, one.reads_bytes_per_s), (Some(5), seconds(2), Some(10_240)));
    assert!(!one.returns && !one.connected);
    let talk = Talk {
        share: 1.0,
        think: Spread::Exponential(seconds(5)),
        burst: Range { from: 1, to: 1 },
        pause: Spread::Fixed(Duration::from_millis(500)),
        types: false,
        text: Text::Size(Range { from: 16, to: 200 }),
    };
    assert_eq!(one.talk, Some(talk));
    let talk = Talk {
        share: 0.2,
        think: Spread::LogNormal { median: seconds(2), p99: seconds(20) },
        burst: Range { from: 1, to: 4 },
        pause: Spread::Uniform(Duration::ZERO, seconds(1)),
        types: true,
        text: Text::Size(Range { from: 1024, to: 1024 }),
    };
    assert_eq!(read.cast["two"].talk, Some(talk));
    let reconnects =
        Reconnects { every: Spread::Exponential(seconds(60)), away: Spread::Fixed(Duration::from_millis(500)) };
    assert_eq!(read.cast["two"].reconnects, Some(reconnects));
}

#[test]
fn who_is_a_sentence() {
    let crowd = || "crowd".to_owned();
    assert_eq!(terms("ana"), (vec![name("ana")], vec![]));
    assert_eq!(terms("\"ana, crowd\""), (vec![name("ana"), name("crowd")], vec![]));
    assert_eq!(terms("[ana, crowd-7]"), (vec![name("ana"), Term::Nth(crowd(), 7)], vec![]));
    assert_eq!(terms("10% of crowd and ana"), (vec![Term::Share { share: 0.1, of: crowd() }, name("ana")], vec![]));
    assert_eq!(terms("3 of crowd"), (vec![Term::Some { count: 3, of: crowd() }], vec![]));
    assert_eq!(
        terms("everyone except ana and crowd-1"),
        (vec![Term::Everyone], vec![name("ana"), Term::Nth(crowd(), 1)])
    );
    let in_lobby = Term::EveryoneIn("lobby".to_owned());
    assert_eq!(terms("\"everyone in lobby, and ana except 2 of crowd\"").0, [in_lobby, name("ana")]);
    assert_eq!(terms("everyone in team-20").0, [Term::EveryoneIn("team-20".to_owned())]);
    match act("disconnect: everyone in team except ana") {
        Act::Disconnect { who: Who { text, place, .. } } => {
            assert_eq!((text.as_str(), place), ("everyone in team except ana", Place { line: 7, column: 17 }));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_post_has_words_and_a_pace() {
    let plain = post("as: m1");
    assert_eq!((plain.pace, &plain.room, plain.capture.as_deref()), (Pace::Times(1), &None, Some("m1")));
    assert_eq!(plain.text, Text::Size(Range { from: 16, to: 80 }));
    assert!(!plain.action && !plain.may_be_refused);
    let full = post("room: team, text: \"{who} {{n}\", kind: action, times: 3, may_be_refused: true");
    assert_eq!((full.text, full.pace), (Text::Template("{who} {{n}".to_owned()), Pace::Times(3)));
    assert!(full.action && full.may_be_refused && full.room.as_deref() == Some("team"));
    let even = Ramp { from: Rate(100.0), to: Rate(100.0) };
    assert_eq!(post("rate: 100/s, for: 10 s").pace, Pace::Open { rate: even, time: seconds(10), poisson: false });
    let ramp = Ramp { from: Rate(0.5), to: Rate(200.0) };
    let open = Pace::Open { rate: ramp, time: seconds(60), poisson: true };
    assert_eq!(post("rate: {from: 30/min, to: 200/s}, for: 1 min, arrivals: poisson").pace, open);
    assert_eq!(post("window: 64, for: 1 s").pace, Pace::Closed { window: 64, time: seconds(1) });
    assert_eq!(post("window: 64, posts: 10000").pace, Pace::ClosedCount { window: 64, posts: 10_000 });
    assert_eq!(post("size: [16 B, 1.5 KiB]").text, Text::Size(Range { from: 16, to: 1536 }));
}

#[test]
fn what_is_sent_again_is_sent_by_those_who_sent_it() {
    let acts = acts("  - post: {who: crowd-3, as: m1}\n  - post: {again: m1, as: m2}\n");
    let Act::Post(again) = &acts[1] else { panic!("{acts:?}") };
    assert_eq!((again.again.as_deref(), again.who.text.as_str()), (Some("m1"), "crowd-3"));
}

#[test]
fn every_expectation_is_read() {
    let who = |expectation: Expectation| match expectation {
        Expectation::Receives { what, times, within, .. } => (what, times, within),
        other => panic!("{other:?}"),
    };
    let m1 = || vec!["m1".to_owned()];
    assert_eq!(who(expectation("who: ana, receives: m1")), (m1(), 1, None));
    let within = Within { limit: Duration::from_millis(50), quantile: 0.99 };
    assert_eq!(who(expectation("who: ana, receives: [m1], within: 50 ms, at: p99")), (m1(), 1, Some(within)));
    let within = Within { limit: seconds(1), quantile: 1.0 };
    assert_eq!(who(expectation("who: ana, receives: m1, times: 0, within: 1 s")), (m1(), 0, Some(within)));
    assert!(
        matches!(expectation("who: ana, receives: nothing, for: 1 s"), Expectation::ReceivesNothing { time, .. } if time == seconds(1))
    );
    assert!(
        matches!(expectation("who: ana, history_of: lobby, equals: crowd-1"), Expectation::SameHistory { room, .. } if room == "lobby")
    );
    assert!(matches!(expectation("who: ana, resumed: gap"), Expectation::Resumed { how: Resumed::Gap, .. }));
    let duplicate = Expectation::Accepted { what: "m2".to_owned(), duplicate_of: Some("m1".to_owned()) };
    assert_eq!(expectation("accepted: m2, as_duplicate_of: m1"), duplicate);
    let refused = Expectation::Refused { what: "m1".to_owned(), code: ErrorCode::RateLimited, at_least: 2 };
    assert_eq!(expectation("refused: m1, code: rate_limited, at_least: 2"), refused);
    assert!(matches!(expectation("who: ana, closed: 1009"), Expectation::Closed { code: Some(1009), .. }));
    assert!(matches!(expectation("who: ana, closed: any"), Expectation::Closed { code: None, .. }));
    let capture = |name: &str, field| Operand::Capture { name: name.to_owned(), field };
    let that = Expectation::That {
        left: capture("m1", Field::Seq),
        relation: Relation::Less,
        right: capture("h1", Field::Count),
        text: "m1.seq < h1.count".to_owned(),
    };
    assert_eq!(expectation("that: m1.seq < h1.count"), that);
}

#[test]
fn steps_stand_in_each_other() {
    let read = acts(
        "  - phase:\n      name: all\n      steps:\n        - parallel:\n            - sequence: [barrier: b, wait: 1 s]\n            - repeat: {times: 2, steps: [settle: 1 s]}\n            - barrier: b\n",
    );
    let Act::Phase { name, steps } = &read[0] else { panic!("{read:?}") };
    let Act::Parallel { steps } = &steps[0].act else { panic!("{steps:?}") };
    assert_eq!((name.as_str(), steps.len()), ("all", 3));
    assert!(matches!(&steps[0].act, Act::Sequence { steps } if steps.len() == 2));
    assert!(matches!(&steps[1].act, Act::Repeat { times: 2, .. }));
    assert_eq!(steps[2].act, Act::Barrier { name: "b".to_owned() });
}

#[test]
fn faults_and_their_shorthands_are_read() {
    assert!(matches!(act("cut: 10% of crowd"), Act::Fault(Fault::Cut { .. })));
    assert!(matches!(
        act("garbage: {who: ana, what: oversized}"),
        Act::Fault(Fault::Garbage { what: Garbage::Oversized, .. })
    ));
    assert_eq!(act("kill_server"), Act::Fault(Fault::KillServer { restart_after: None }));
    let restarting = Fault::KillServer { restart_after: Some(Duration::ZERO) };
    assert_eq!(act("kill_server: {restart_after: 0 s}"), Act::Fault(restarting));
    assert_eq!(act("restart_server: {}"), Act::Fault(Fault::RestartServer));
}

#[test]
fn the_story_uses_every_word_of_the_grammar() {
    let story = include_str!("story.yaml");
    let has_key = |name: &str| story.contains(&format!("{name}:"));
    let has_verb = |name: &str| has_key(name) || story.contains(&format!("- {name}\n"));
    for word in VERBS.iter().chain(EXPECTATIONS) {
        assert!(has_verb(word.name), "{}", word.name);
        let missing: Vec<&str> =
            word.shape.fields.iter().map(|field| field.name).filter(|name| !has_key(name)).collect();
        let is_short = |name: &&str| word.shape.short == Some(name);
        assert!(missing.iter().all(is_short), "{}: {missing:?}", word.name);
    }
}
