//! Keys and verbs that do not exist, stand twice, are missing or have no value.

use insta::assert_snapshot;

use super::{super::with_steps, told};

#[test]
fn a_key_with_a_slip_is_recognised() {
    assert_snapshot!(told(r"name: Slip
threshold: [lost == 0]
cast: {ana: {joins: lobby}}
steps: [settle]
"), @r"
    my.yaml:2:1: a scenario has no key `threshold`
      2 | threshold: [lost == 0]
        | ^^^^^^^^^
        = did you mean `thresholds`?

    my.yaml:3:14: a role has no key `joins`
      3 | cast: {ana: {joins: lobby}}
        |              ^^^^^
        = did you mean `join`?
    ");
}

#[test]
fn a_key_that_stands_twice_is_told_where_the_first_is() {
    assert_snapshot!(told(&with_steps(r"  - post:
      who: ana
      room: lobby
      who: crowd")), @r"
    my.yaml:10:7: `who` is here twice
     10 |       who: crowd
        |       ^^^
        = the first is in line 8
    ");
}

#[test]
fn a_verb_with_a_slip_is_recognised() {
    assert_snapshot!(told(&with_steps(r"  - posst: {who: ana}")), @r"
    my.yaml:7:5: there is no verb `posst`
      7 |   - posst: {who: ana}
        |     ^^^^^
        = did you mean `post`?
    ");
}

#[test]
fn a_verb_of_another_tool_is_translated() {
    assert_snapshot!(told(&with_steps(r"  - sleep: 1 s")), @r"
    my.yaml:7:5: there is no verb `sleep`
      7 |   - sleep: 1 s
        |     ^^^^^
        = did you mean `wait`?
    ");
}

#[test]
fn what_is_not_indented_enough_is_told_to_be() {
    assert_snapshot!(told(&with_steps(r"  - post:
    who: ana
    room: lobby")), @r"
    my.yaml:8:5: a step has one verb
      8 |     who: ana
        |     ^^^
        = indent `who` further, so that it belongs to `post`
    ");
}

#[test]
fn two_verbs_need_two_dashes() {
    assert_snapshot!(told(&with_steps(r"  - wait: 1 s
    settle: 2 s")), @r"
    my.yaml:8:5: a step has one verb
      8 |     settle: 2 s
        |     ^^^^^^
        = begin each step with a dash of its own
    ");
}

#[test]
fn steps_are_a_list() {
    assert_snapshot!(told(r"name: Map
cast: {ana: {join: lobby}}
steps:
  post: {who: ana}
  wait: 1 s
"), @r"
    my.yaml:4:3: steps are a list, this is a map of `key: value`
      4 |   post: {who: ana}
        |   ^
        = each step begins with a dash: `- wait: 1 s`
    ");
}

#[test]
fn a_value_that_is_missing_is_described() {
    assert_snapshot!(told(&with_steps(r"  - wait:
  - post: {who: , room: lobby}
  - join: {who: ana}")), @r"
    my.yaml:7:5: `wait` has no value
      7 |   - wait:
        |     ^^^^
        = such as `wait: 1 s`

    my.yaml:8:12: `who` has no value
      8 |   - post: {who: , room: lobby}
        |            ^^^
        = expected who of the cast, such as `ana`, `ana and bo`, `crowd`, `10% of crowd`, `everyone in lobby except eve`

    my.yaml:9:5: `join` needs `room`
      9 |   - join: {who: ana}
        |     ^^^^
        = expected a room's name
    ");
}

#[test]
fn a_value_where_a_map_belongs_is_shown_an_example() {
    assert_snapshot!(told(&with_steps(r"  - post: hello")), @r#"
    my.yaml:7:11: `post` is a map, this is a single value
      7 |   - post: hello
        |           ^^^^^
        = such as `post: {who: ana, room: lobby, text: "hi", as: m1}`
    "#);
}

#[test]
fn a_comma_in_braces_ends_a_value() {
    assert_snapshot!(told(&with_steps(r"  - disconnect: {who: ana, crowd}")), @r"
    my.yaml:7:28: `disconnect` has no key `crowd`
      7 |   - disconnect: {who: ana, crowd}
        |                            ^^^^^
        = inside of braces a comma ends a value: put a list in brackets `[a, b]` and a text in quotes
    ");
}
