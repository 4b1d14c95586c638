//! Fields that exclude or need each other, and barriers that could not open.

use insta::assert_snapshot;

use super::{super::with_steps, told};

#[test]
fn a_rate_needs_a_time() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, rate: 100/s}")), @r"
    my.yaml:7:22: `rate` needs `for`
      7 |   - post: {who: ana, rate: 100/s}
        |                      ^^^^
        = add `for`: a time such as `50 ms`, `2 s`, `5 min` or `1 h`
    ");
}

#[test]
fn a_window_needs_an_end() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, window: 16}")), @r"
    my.yaml:7:22: `window` needs `for` or `posts`
      7 |   - post: {who: ana, window: 16}
        |                      ^^^^^^
        = such as `for: 10 s` or `posts: 1000`
    ");
}

#[test]
fn a_number_of_times_has_no_rate() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, times: 5, rate: 10/s, for: 1 s}")), @r"
    my.yaml:7:22: `times` does not go with `rate`
      7 |   - post: {who: ana, times: 5, rate: 10/s, for: 1 s}
        |                      ^^^^^
        = a rate alone says how often
    ");
}

#[test]
fn what_is_sent_again_is_sent_as_it_was() {
    assert_snapshot!(told(&with_steps(r#"  - post: {who: ana, as: m1}
  - post: {again: m1, text: "other words"}"#)), @r#"
    my.yaml:8:23: `text` does not go with `again`
      8 |   - post: {again: m1, text: "other words"}
        |                       ^^^^
        = the same posts are sent again by the same people
    "#);
}

#[test]
fn a_barrier_needs_two_branches() {
    assert_snapshot!(told(&with_steps(r"  - barrier: lonely
  - parallel:
      - sequence: [barrier: go, wait: 1 s]
      - wait: 2 s")), @r"
    my.yaml:7:5: a `barrier` outside of any `parallel`
      7 |   - barrier: lonely
        |     ^^^^^^^
        = it is for the branches of a `parallel`; outside of one, steps wait for each other anyway

    my.yaml:9:29: only one branch waits at the barrier `go`
      9 |       - sequence: [barrier: go, wait: 1 s]
        |                             ^^
        = name it in two branches at least; the steps of a branch stand in a `sequence`
    ");
}

#[test]
fn a_barrier_that_could_not_open_is_noticed() {
    assert_snapshot!(told(&with_steps(r"  - parallel:
      - repeat: {times: 3, steps: [barrier: go]}
      - barrier: go")), @r"
    my.yaml:9:18: this branch waits once at the barrier `go`, another one 3 times
      9 |       - barrier: go
        |                  ^^
        = each branch that names a barrier must come there equally often
    ");
}
