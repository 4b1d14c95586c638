//! Text that is no YAML, or YAML that is no scenario.

use insta::assert_snapshot;

use super::{super::with_steps, told};

#[test]
fn a_tab_is_pointed_at() {
    assert_snapshot!(told("name: Tabs\ncast:\n\tana: {join: lobby}\nsteps: [settle]\n"), @r"
    my.yaml:3:1: this is not YAML: tabs disallowed within this context (block indentation)
      3 |     ana: {join: lobby}
        | ^^^^
        = indent with spaces, not with tabs
    ");
}

#[test]
fn a_brace_that_is_not_closed_is_pointed_at() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, room: lobby
  - wait: 1 s")), @r"
    my.yaml:8:9: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
      8 |   - wait: 1 s
        |         ^
        = a `{` in line 7 is not closed by a `}`
    ");
}

#[test]
fn text_that_begins_with_a_brace_needs_quotes() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, text: {who} says hello}")), @r#"
    my.yaml:7:34: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
      7 |   - post: {who: ana, text: {who} says hello}
        |                                  ^
        = text that begins with a brace stands in quotes: text: "{who} says hello"
    "#);
}

#[test]
fn a_quotation_mark_that_is_not_closed_is_pointed_at() {
    assert_snapshot!(told(&with_steps(r#"  - post: {who: ana, text: "hello}"#)), @r#"
    my.yaml:7:28: this is not YAML: unclosed quote
      7 |   - post: {who: ana, text: "hello}
        |                            ^
        = a quotation mark is not closed
    "#);
}

#[test]
fn an_empty_file_is_told_what_a_scenario_has() {
    assert_snapshot!(told(""), @r"
    my.yaml:1:1: the file is empty
        = a scenario has a `name`, a `cast` and `steps`
    ");
}

#[test]
fn a_list_is_no_scenario() {
    assert_snapshot!(told(r"- post: {who: ana}
"), @r"
    my.yaml:1:1: a scenario is a map of `key: value`, this is a list
      1 | - post: {who: ana}
        | ^
        = a scenario has a `name`, a `cast` and `steps`
    ");
}

#[test]
fn what_is_missing_of_a_file_is_named() {
    assert_snapshot!(told(r"name: Nothing
"), @r"
    my.yaml:1:1: a scenario needs `cast`
      1 | name: Nothing
        | ^
        = expected a map of names, each with `count`, `join`, `via`, `connected`, `arrive`, `reads`, `returns`, `talk`, `reconnects`

    my.yaml:1:1: a scenario needs `steps`
      1 | name: Nothing
        | ^
        = expected a list of steps
    ");
}

#[test]
fn a_second_document_is_refused() {
    assert_snapshot!(told(r"name: One
cast: {ana: }
steps: [settle]
---
name: Two
"), @r"
    my.yaml:4:1: a second document begins here
      4 | ---
        | ^^^
        = put each scenario in a file of its own
    ");
}

#[test]
fn anchors_are_not_of_the_language() {
    assert_snapshot!(told(r"name: Anchors
cast:
  ana: &likes {join: lobby}
  bo: *likes
steps: [settle]
"), @r"
    my.yaml:3:15: a scenario has no anchors (`&…`)
      3 |   ana: &likes {join: lobby}
        |               ^
        = write it out
    ");
}
