//! Expectations that say too little or too much, and figures that do not exist.

use insta::assert_snapshot;

use super::{super::with_steps, told};

#[test]
fn an_expectation_says_one_thing() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, as: m1}
  - expect: {who: crowd, receives: m1, resumed: complete}
  - expect: {who: crowd}
  - expect: {who: crowd, gets: m1}")), @r"
    my.yaml:8:40: `receives` and `resumed` are two expectations
      8 |   - expect: {who: crowd, receives: m1, resumed: complete}
        |                                        ^^^^^^^
        = make two steps of them

    my.yaml:9:5: it is not said what is expected
      9 |   - expect: {who: crowd}
        |     ^^^^^^
        = one of receives, history_of, resumed, accepted, refused, closed, that

    my.yaml:10:26: `gets` is nothing that can be expected
     10 |   - expect: {who: crowd, gets: m1}
        |                          ^^^^
        = there are: receives, history_of, resumed, accepted, refused, closed, that
    ");
}

#[test]
fn silence_has_a_length() {
    assert_snapshot!(told(&with_steps(r"  - expect: {who: ana, receives: nothing}
  - expect: {who: ana, receives: nothing, within: 1 s}")), @r"
    my.yaml:7:24: `receives: nothing` needs `for`
      7 |   - expect: {who: ana, receives: nothing}
        |                        ^^^^^^^^
        = say how long to look, such as `for: 1 s`

    my.yaml:8:24: `receives: nothing` needs `for`
      8 |   - expect: {who: ana, receives: nothing, within: 1 s}
        |                        ^^^^^^^^
        = say how long to look, such as `for: 1 s`

    my.yaml:8:43: `within` does not go with `receives: nothing`
      8 |   - expect: {who: ana, receives: nothing, within: 1 s}
        |                                           ^^^^^^
        = how long to look is said with `for`
    ");
}

#[test]
fn a_quantile_needs_a_limit() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, as: m1}
  - expect: {who: crowd, receives: m1, at: p99}
  - expect: {who: crowd, receives: m1, within: 1 s, at: 99}")), @r"
    my.yaml:8:40: `at` needs `within`
      8 |   - expect: {who: crowd, receives: m1, at: p99}
        |                                        ^^
        = add `within`: a time such as `50 ms`, `2 s`, `5 min` or `1 h`

    my.yaml:9:57: `99` is no quantile
      9 |   - expect: {who: crowd, receives: m1, within: 1 s, at: 99}
        |                                                         ^^
        = write `p50`, `p99`, `p99.9` … or `max`
    ");
}

#[test]
fn a_code_with_a_slip_is_recognised() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, as: m1}
  - expect: {refused: m1, code: rate_limit}")), @r"
    my.yaml:8:33: `rate_limit` is no error's code
      8 |   - expect: {refused: m1, code: rate_limit}
        |                                 ^^^^^^^^^^
        = did you mean `rate_limited`?
    ");
}

#[test]
fn a_comparison_has_two_sides() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, as: m1}
  - expect: {that: m1.seq = 1}
  - expect: {that: m1.length > 1}")), @r"
    my.yaml:8:20: `m1.seq = 1` compares nothing
      8 |   - expect: {that: m1.seq = 1}
        |                    ^^^^^^^^^^
        = did you mean `==`?

    my.yaml:9:20: a capture has no `length`
      9 |   - expect: {that: m1.length > 1}
        |                    ^^^^^^^^^
        = a side is a number, or `NAME.seq`, `NAME.count`, `NAME.refused`
    ");
}

#[test]
fn a_threshold_names_a_figure_and_a_number() {
    assert_snapshot!(told(r"name: Thresholds
cast: {ana: {join: lobby}}
steps: [settle]
thresholds:
  - p99 <= 50
  - p99_ms <= 50 ms
  - lost = 0
  - speed > 9000
"), @r"
    my.yaml:5:5: `p99` is no figure of a run
      5 |   - p99 <= 50
        |     ^^^^^^^^^
        = did you mean `p99_ms`?

    my.yaml:6:5: `50 ms` is no number
      6 |   - p99_ms <= 50 ms
        |     ^^^^^^^^^^^^^^^
        = the figure's name has its unit: write a number alone, such as `p99_ms <= 50`

    my.yaml:7:5: `lost = 0` compares nothing
      7 |   - lost = 0
        |     ^^^^^^^^
        = did you mean `==`?

    my.yaml:8:5: `speed` is no figure of a run
      8 |   - speed > 9000
        |     ^^^^^^^^^^^^
        = there are: p50_ms, p90_ms, p99_ms, p999_ms, max_ms, accept_p99_ms, connect_p99_ms, resume_p99_ms, lost, doubled, reordered, leaked and 10 more
    ");
}
