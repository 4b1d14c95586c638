//! The schema accepts what the reader accepts, and refuses keys and values that it refuses.

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::{document, with_steps};
use crate::scenario::file::{
    fault::Faults,
    grammar::{EXPECTATIONS, VERBS},
    read, schema,
    tree::{self, Kind, Node},
};

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).expect("a schema")
}

/// The tree as an editor's YAML reader sees it.
fn json(node: &Node) -> Value {
    match &node.kind {
        Kind::List(items) => items.iter().map(json).collect(),
        Kind::Map(pairs) => {
            let text = |key: &Node| key.text().unwrap_or_default().to_owned();
            Value::Object(pairs.iter().map(|(key, value)| (text(key), json(value))).collect::<Map<_, _>>())
        }
        Kind::Scalar { text, is_plain: false } => Value::from(text.as_str()),
        Kind::Scalar { .. } if node.is_null() => Value::Null,
        Kind::Scalar { text, .. } => match text.as_str() {
            "true" => true.into(),
            "false" => false.into(),
            text => text
                .parse::<u64>()
                .map(Value::from)
                .or_else(|_| text.parse::<f64>().map(Value::from))
                .unwrap_or_else(|_| Value::from(text)),
        },
    }
}

fn faults(validator: &Validator, text: &str) -> Vec<String> {
    let mut none = Faults::default();
    let tree = tree::parse(text, &mut none).expect("YAML");
    validator.iter_errors(&json(&tree)).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_example_is_valid() {
    let validator = validator();
    let story = include_str!("story.yaml").to_owned();
    let scenarios = document::blocks().into_iter().map(|block| block.text);
    for text in std::iter::once(story).chain(scenarios) {
        assert_eq!(faults(&validator, &text), Vec::<String>::new(), "\n{text}");
    }
}

#[test]
fn the_examples_of_the_grammar_are_valid_for_schema_and_reader() {
    let validator = validator();
    // What the examples speak of; that of `post` makes `m1` itself.
    let captures = "  - post: {who: ana, as: m1}\n  - post: {again: m1, as: m2}\n  - post: {who: ana, may_be_refused: true, as: flood}\n";
    let more_cast = "ana: {join: [lobby, tea]}\n  bo: {join: lobby}\n  cy: {}\n  eve: {}";
    let verbs = VERBS.iter().filter(|word| !matches!(word.name, "expect" | "barrier"));
    let verbs = verbs.map(|word| (if word.name == "post" { "" } else { captures }, word.example.to_owned()));
    let expectations = EXPECTATIONS.iter().map(|word| (captures, format!("expect: {}", word.example)));
    for (before, step) in verbs.chain(expectations) {
        let text = with_steps(&format!("{before}  - {step}\n")).replace("ana: {join: lobby}", more_cast);
        assert_eq!(faults(&validator, &text), Vec::<String>::new(), "\n{text}");
        read(&text, "example.yaml").unwrap_or_else(|error| panic!("\n{error}"));
    }
}

#[test]
fn wrong_keys_and_values_are_refused() {
    let validator = validator();
    let wrong = [
        "posst: {who: ana}",
        "post: {who: ana, txet: hi}",
        "post: {who: ana, rate: 100, for: 1 s}",
        "post: {who: ana, size: 4 kb}",
        "wait: 5",
        "wait: 5 seconds",
        "expect: {who: ana, receives: m1, witin: 1 s}",
        "expect: {who: ana}",
        "expect: {who: ana, resumed: maybe}",
        "expect: {refused: m1, code: rate_limit}",
        "garbage: {who: ana, what: noise}",
        "disconnect: {}",
        "dance",
        "repeat: {times: 0, steps: [settle]}",
        "{wait: 1 s, settle: 1 s}",
    ];
    for step in wrong {
        assert_ne!(faults(&validator, &with_steps(&format!("  - {step}\n"))), Vec::<String>::new(), "{step}");
    }
    let heads = [
        "name: x\ncast: {ana: }\n",
        "name: x\ncast: {ana: {joins: lobby}}\nsteps: [settle]\n",
        "name: x\ncast: {ana: {talk: {share: 0.2}}}\nsteps: [settle]\n",
        "name: x\ncast: {ana: }\nsteps: [settle]\nthreshold: [lost == 0]\n",
        "name: x\ncast: {ana: }\nsteps: [settle]\nthresholds: [p99 <= 50]\n",
        "name: x\nrooms: {team: {size: 10}}\ncast: {ana: }\nsteps: [settle]\n",
    ];
    for text in heads {
        assert_ne!(faults(&validator, text), Vec::<String>::new(), "{text}");
    }
}
