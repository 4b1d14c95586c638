//! Captures that do not exist, or are something else.

use insta::assert_snapshot;

use super::{super::with_steps, told};

#[test]
fn what_is_used_must_have_been_captured_before() {
    assert_snapshot!(told(&with_steps(r"  - expect: {who: crowd, receives: m1}
  - post: {who: ana, as: m1}")), @r"
    my.yaml:7:36: no earlier step is called `m1`
      7 |   - expect: {who: crowd, receives: m1}
        |                                    ^^
        = a step is given a name with `as: m1`
    ");
}

#[test]
fn a_capture_with_a_slip_is_recognised() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, as: first}
  - expect: {who: crowd, receives: frist}")), @r"
    my.yaml:8:36: no earlier step is called `frist`
      8 |   - expect: {who: crowd, receives: frist}
        |                                    ^^^^^
        = did you mean `first`?
    ");
}

#[test]
fn a_name_is_given_once() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, as: m1}
  - post: {who: ana, as: m1}")), @r"
    my.yaml:8:26: the name `m1` is taken
      8 |   - post: {who: ana, as: m1}
        |                          ^^
        = it was given in line 7
    ");
}

#[test]
fn a_history_is_not_a_post() {
    assert_snapshot!(told(&with_steps(r"  - history: {who: ana, room: lobby, as: h1}
  - expect: {who: crowd, receives: h1}")), @r"
    my.yaml:8:36: `h1` is what was read from a history, posts are needed here
      8 |   - expect: {who: crowd, receives: h1}
        |                                    ^^
        = it was given in line 7
    ");
}

#[test]
fn a_hole_that_nothing_fills_is_pointed_at() {
    assert_snapshot!(told(&with_steps(r#"  - post: {who: ana, text: "hello {name}, I am {who}"}
  - post: {who: ana, text: "after {m9.seq}"}"#)), @r#"
    my.yaml:7:35: `{name}` is no hole
      7 |   - post: {who: ana, text: "hello {name}, I am {who}"}
        |                                   ^^^^^^
        = there are `{who}`, `{n}`, `{random}` and `{NAME.seq}`; a brace itself is written `{{`

    my.yaml:8:28: no earlier step is called `m9`
      8 |   - post: {who: ana, text: "after {m9.seq}"}
        |                            ^^^^^^^^^^^^^^^^
        = a step is given a name with `as: m9`
    "#);
}

#[test]
fn one_mistake_is_told_once() {
    let steps = r"  - posst: {who: ana, as: m1}
  - post: {who: anna, as: m2}
  - enter: {who: ana, room: tea}
  - post: {again: m2, as: m3}
  - post: {who: ana, room: tea}
  - expect: {who: crowd, receives: [m1, m2, m3]}";
    assert_snapshot!(told(&with_steps(steps)), @r"
    my.yaml:7:5: there is no verb `posst`
      7 |   - posst: {who: ana, as: m1}
        |     ^^^^^
        = did you mean `post`?

    my.yaml:8:17: nobody in the cast is called `anna`
      8 |   - post: {who: anna, as: m2}
        |                 ^^^^
        = did you mean `ana`?

    my.yaml:9:5: there is no verb `enter`
      9 |   - enter: {who: ana, room: tea}
        |     ^^^^^
        = did you mean `join`?
    ");
}
