//! What is written is read back as the same.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::{document, scenario};
use crate::scenario::file::{
    Place, RoomGroup, RoomSizes, Scenario,
    cast::{Role, Talk, Via},
    expectation::{Expectation, Within},
    step::{Act, Fault, Pace, Post, Step, Text},
    unit::{Ramp, Range, Rate, Spread},
    who::{Term, Who},
    write,
};

/// All that a scenario says, without where and in which words: those of `who` and of a threshold stand before its place.
fn meaning(scenario: &Scenario) -> String {
    let debug = format!("{scenario:?}");
    let mut pieces = debug.split(", place: Place {").map(str::to_owned).collect::<Vec<_>>();
    let last = pieces.len() - 1;
    for piece in &mut pieces[..last] {
        if piece.ends_with('"')
            && let Some(at) = piece.rfind("text: \"")
        {
            piece.truncate(at);
        }
    }
    for piece in &mut pieces[1..] {
        if let Some(end) = piece.find('}') {
            piece.drain(..end);
        }
    }
    pieces.concat()
}

fn assert_comes_back(scenario: &Scenario) {
    let text = write(scenario);
    let back = super::scenario(&text);
    assert_eq!(meaning(&back), meaning(scenario), "\n{text}");
    assert_eq!(write(&back), text);
}

#[test]
fn every_example_comes_back() {
    assert_comes_back(&scenario(include_str!("story.yaml")));
    for block in document::blocks() {
        assert_comes_back(&scenario(&block.text));
    }
}

fn a_time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1..86_400_000_u64).prop_map(Duration::from_millis),
        (1..86_400_000_000_000_u64).prop_map(Duration::from_nanos)
    ]
}

fn a_spread() -> impl Strategy<Value = Spread> {
    prop_oneof![
        a_time().prop_map(Spread::Fixed),
        a_time().prop_map(Spread::Exponential),
        (a_time(), a_time()).prop_map(|(a, b)| Spread::Uniform(a.min(b), a.max(b))),
        (a_time(), a_time()).prop_map(|(a, b)| Spread::LogNormal { median: a.min(b), p99: a.max(b) }),
    ]
}

fn a_text() -> impl Strategy<Value = Text> {
    let words = "\\PC{0,20}|.{0,20}".prop_map(|words| Text::Template(format!("x{}", words.replace('{', "{{"))));
    prop_oneof![words, (1..1000_u32, 0..1000_u32).prop_map(|(from, more)| Text::Size(Range { from, to: from + more }))]
}

fn a_who() -> impl Strategy<Value = Who> {
    let crowd = || "crowd".to_owned();
    let term = prop_oneof![
        Just(Term::Name("ana".to_owned())),
        Just(Term::Everyone),
        Just(Term::EveryoneIn("team".to_owned())),
        (1..20_u32).prop_map(move |number| Term::Nth(crowd(), number)),
        (1..20_u32).prop_map(move |count| Term::Some { count, of: crowd() }),
        (1..=1000_u32).prop_map(move |tenths| Term::Share { share: f64::from(tenths) / 10.0 / 100.0, of: crowd() }),
    ];
    let terms = |from| prop::collection::vec(term.clone(), from..3);
    (terms(1), terms(0)).prop_map(|(terms, except)| Who { terms, except, text: String::new(), place: Place::default() })
}

fn a_pace() -> impl Strategy<Value = Pace> {
    let rate = || (0.001..1e6_f64).prop_map(Rate);
    prop_oneof![
        (1..1000_u32).prop_map(Pace::Times),
        (rate(), rate(), a_time(), any::<bool>()).prop_map(|(from, to, time, poisson)| Pace::Open {
            rate: Ramp { from, to },
            time,
            poisson
        }),
        (1..1000_u32, a_time()).prop_map(|(window, time)| Pace::Closed { window, time }),
        (1..1000_u32, 1..1_000_000_u64).prop_map(|(window, posts)| Pace::ClosedCount { window, posts }),
    ]
}

fn an_act() -> impl Strategy<Value = Act> {
    let post = (a_who(), a_text(), any::<bool>(), a_pace()).prop_map(|(who, text, action, pace)| {
        let room = action.then(|| "team".to_owned());
        Act::Post(Post { who, room, text, action, pace, capture: None, again: None, may_be_refused: action })
    });
    let within = (a_time(), 1..=1000_u32)
        .prop_map(|(limit, tenths)| Within { limit, quantile: f64::from(tenths) / 10.0 / 100.0 });
    let receives = (a_who(), within).prop_map(|(who, within)| {
        Act::Expect(Expectation::Receives { who, what: vec!["m1".to_owned()], times: 1, within: Some(within) })
    });
    let simple = prop_oneof![
        post,
        receives,
        a_time().prop_map(|time| Act::Wait { time }),
        (a_who(), a_time()).prop_map(|(who, time)| Act::Chat { who, time }),
        (a_who(), a_time()).prop_map(|(who, over)| Act::Reconnect { who, over }),
        a_who().prop_map(|who| Act::Fault(Fault::Cut { who })),
        prop::option::of(a_time()).prop_map(|restart_after| Act::Fault(Fault::KillServer { restart_after })),
    ];
    simple.prop_recursive(3, 12, 3, |inner| {
        let steps = || prop::collection::vec(inner.clone().prop_map(a_step), 1..3);
        prop_oneof![
            steps().prop_map(|steps| Act::Sequence { steps }),
            steps().prop_map(|steps| Act::Parallel { steps }),
            (1..9_u32, steps()).prop_map(|(times, steps)| Act::Repeat { times, steps }),
            (".{0,10}", steps()).prop_map(|(name, steps)| Act::Phase { name, steps }),
        ]
    })
}

fn a_step(act: Act) -> Step {
    Step { act, place: Place::default() }
}

fn a_role(count: Option<u32>, talk: Option<Talk>) -> Role {
    Role {
        count,
        join: vec!["lobby".to_owned(), "team".to_owned()],
        via: Via::Native,
        connected: talk.is_some(),
        arrive: Duration::ZERO,
        reads_bytes_per_s: talk.is_some().then_some(1000),
        returns: talk.is_none(),
        talk,
        reconnects: None,
        place: Place::default(),
    }
}

prop_compose! {
    fn a_scenario()(
        name in "\\PC{0,30}",
        about in ".{0,30}",
        seed in any::<Option<u64>>(),
        think in a_spread(),
        text in a_text(),
        tenths in 0..=1000_u32,
        acts in prop::collection::vec(an_act(), 0..6),
    ) -> Scenario {
        let share = f64::from(tenths) / 10.0 / 100.0;
        let talk = Talk { share, pause: think, think, burst: Range { from: 1, to: 3 }, types: true, text };
        let first = Post {
            who: Who { terms: vec![Term::Everyone], except: vec![], text: String::new(), place: Place::default() },
            room: None, text: Text::Size(Range { from: 1, to: 1 }), action: false, pace: Pace::Times(1),
            capture: Some("m1".to_owned()), again: None, may_be_refused: false,
        };
        Scenario {
            name, about, seed,
            rooms: BTreeMap::from([("team".to_owned(), RoomGroup { count: 20, sizes: RoomSizes::PowerLaw(1.5) })]),
            cast: BTreeMap::from([("ana".to_owned(), a_role(None, None)), ("crowd".to_owned(), a_role(Some(20), Some(talk)))]),
            steps: std::iter::once(Act::Post(first)).chain(acts).map(a_step).collect(),
            ..Scenario::default()
        }
    }
}

proptest! {
    #[test]
    fn any_scenario_comes_back(scenario in a_scenario()) {
        assert_comes_back(&scenario);
    }
}
