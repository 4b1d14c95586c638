//! No text breaks the reader: whatever it is given, it answers with a scenario or with words.

use proptest::prelude::*;

use super::with_steps;
use crate::scenario::file::{read, tree::FILE_BYTES_MAX};

const STORY: &str = include_str!("story.yaml");

/// Pieces that make a text look like a scenario, and some that make YAML difficult.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "name:",
        "cast:",
        "steps:",
        "- ",
        "  ",
        "\n",
        "\n  ",
        "\n    - ",
        "{",
        "}",
        "[",
        "]",
        ": ",
        ", ",
        "post",
        "expect",
        "who: ",
        "ana",
        "crowd",
        "everyone in ",
        " except ",
        "10% of ",
        "99999999999999999999",
        "-1",
        "0",
        "1e999",
        ".",
        "NaN",
        "12 s",
        "%",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "|",
        ">",
        "? ",
        "---\n",
        "\"",
        "'",
        "#",
        "\t",
        "\u{feff}",
        "\u{0}",
        "ä",
        "\u{202e}",
        "{who}",
        "null",
        "~",
        "true",
        "receives: ",
        "m1",
        "as: ",
        "barrier: b",
        "parallel:",
        "thresholds: [",
        "p99_ms <= ",
        "\r\n",
        "\\",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => ".{0,5}"]
}

proptest! {
    #[test]
    fn any_text_is_answered(text in prop::collection::vec(piece(), 0..60).prop_map(|pieces| pieces.concat())) {
        if let Err(error) = read(&text, "any.yaml") {
            prop_assert!(error.to_string().starts_with("any.yaml:"), "{error}");
        }
    }

    #[test]
    fn any_value_in_any_place_is_answered(text in prop::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat()), at in 0..STORY.len()) {
        let at = (0..=at).rev().find(|at| STORY.is_char_boundary(*at)).unwrap_or_default();
        let end = STORY[at..].find('\n').map_or(STORY.len(), |end| at + end);
        for mutated in [format!("{}{text}{}", &STORY[..at], &STORY[at..]), format!("{}{text}{}", &STORY[..at], &STORY[end..])] {
            if let Err(error) = read(&mutated, "any.yaml") {
                prop_assert!(error.to_string().starts_with("any.yaml:"), "{error}");
            }
        }
    }
}

#[test]
fn the_story_that_is_mutated_is_a_scenario() {
    super::scenario(STORY);
}

fn refusal(text: &str) -> String {
    read(text, "f.yaml").expect_err("must be refused").to_string()
}

#[test]
fn what_is_too_deep_or_too_large_is_refused_in_bounded_time() {
    let deep = with_steps(&format!("  - {}", "sequence: [{".repeat(5000)));
    assert!(refusal(&deep).contains("more than 48 deep"), "{}", refusal(&deep));
    let nested = format!("{}name: x", "- ".repeat(20_000));
    assert!(refusal(&nested).contains("deep") || refusal(&nested).contains("not YAML"), "{}", refusal(&nested));
    assert!(refusal(&" ".repeat(FILE_BYTES_MAX + 1)).contains("at most 1048576"));
    let many = format!("name: [{}]", "a,".repeat(200_000));
    assert!(refusal(&many).contains("more than 100000 values"));
    let faults = with_steps(&"  - dance: ana\n".repeat(1000));
    assert!(refusal(&faults).ends_with("and 180 more"), "{}", refusal(&faults));
}

#[test]
fn after_many_mistakes_nothing_more_is_looked_for() {
    let cast: String = (0..8_000).map(|number| format!("  p{number}: {{join: r{number}}}\n")).collect();
    let text = format!("name: x\ncast:\n{cast}steps:\n{}", "  - cut: nobody\n".repeat(8_000));
    assert!(refusal(&text).ends_with("and 180 more"));
    let list = (0..20_000).map(|number| format!("r{number}")).collect::<Vec<_>>().join(",");
    let groups: String = (0..9_000).map(|number| format!("  g{number}: {{count: 1}}\n")).collect();
    let text = format!("name: x\nrooms:\n{groups}cast: {{ana: {{join: [{list}]}}}}\nsteps: [settle]\n");
    assert!(refusal(&text).ends_with("and 180 more"));
}

#[test]
fn a_very_long_word_is_shown_in_part() {
    let told = refusal(&with_steps(&format!("  - cut: {}\n", "x".repeat(500_000))));
    assert!(told.len() < 2000, "{} bytes", told.len());
}

#[test]
fn aliases_cannot_multiply_anything() {
    let laughs = "name: &a [x, x]\nabout: &b [*a, *a]\ncast: [*b, *b]\n";
    assert!(refusal(laughs).contains("a scenario has no anchors"), "{}", refusal(laughs));
}
