//! Quantities without their units, or with those of other languages, or out of range.

use insta::assert_snapshot;

use super::{super::with_steps, told};

#[test]
fn a_time_without_a_unit_is_told_its_units() {
    assert_snapshot!(told(&with_steps(r"  - wait: 5")), @r"
    my.yaml:7:11: `5` has no unit
      7 |   - wait: 5
        |           ^
        = write `5 ms`, `5 s` or `5 min`
    ");
}

#[test]
fn units_of_other_languages_are_translated() {
    assert_snapshot!(told(&with_steps(r"  - wait: 5 seconds
  - post: {who: ana, rate: 100 rps, for: 2 m}
  - post: {who: ana, size: 4 kb}")), @r"
    my.yaml:7:11: `seconds` is no unit of time
      7 |   - wait: 5 seconds
        |           ^^^^^^^^^
        = write `5 s`; the units are ns, us, ms, s, min, h

    my.yaml:8:28: `rps` is no unit of rate
      8 |   - post: {who: ana, rate: 100 rps, for: 2 m}
        |                            ^^^^^^^
        = write `100/s`; the units are /s, /min, /h

    my.yaml:8:42: `m` is no unit of time
      8 |   - post: {who: ana, rate: 100 rps, for: 2 m}
        |                                          ^^^
        = write `2 min`; the units are ns, us, ms, s, min, h

    my.yaml:9:28: `kb` is no unit of size
      9 |   - post: {who: ana, size: 4 kb}
        |                            ^^^^
        = write `4 KiB`; the units are B, KiB, MiB
    ");
}

#[test]
fn a_rate_without_a_unit_is_told_its_units() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, rate: 100, for: 1 s}")), @r"
    my.yaml:7:28: `100` has no unit
      7 |   - post: {who: ana, rate: 100, for: 1 s}
        |                            ^^^
        = write `100/s`, `100/min` or `100/h`
    ");
}

#[test]
fn a_share_is_written_in_percent() {
    assert_snapshot!(told(r"name: Share
cast: {crowd: {count: 10, join: lobby, talk: {share: 0.2}}}
steps: [chat: 1 s]
"), @r"
    my.yaml:2:54: a share is written in percent
      2 | cast: {crowd: {count: 10, join: lobby, talk: {share: 0.2}}}
        |                                                      ^^^
        = write `20%`
    ");
}

#[test]
fn numbers_have_a_range() {
    assert_snapshot!(told(&with_steps(r"  - repeat: {times: 0, steps: [settle]}
  - wait: 25 h
  - post: {who: ana, size: 2 MiB}
  - post: {who: ana, window: 99999999999999999999, posts: 5}
  - cut: 120% of crowd")), @r"
    my.yaml:7:21: 0 is out of range
      7 |   - repeat: {times: 0, steps: [settle]}
        |                     ^
        = a whole number from 1 to 1000000

    my.yaml:8:11: `25 h` is too long
      8 |   - wait: 25 h
        |           ^^^^
        = a time is at most 24 h

    my.yaml:9:28: `2 MiB` is too large
      9 |   - post: {who: ana, size: 2 MiB}
        |                            ^^^^^
        = a post has at most 1 MiB

    my.yaml:10:30: 99999999999999999999 is out of range
     10 |   - post: {who: ana, window: 99999999999999999999, posts: 5}
        |                              ^^^^^^^^^^^^^^^^^^^^
        = a whole number from 1 to 1000000

    my.yaml:11:10: `120%` is more than everything
     11 |   - cut: 120% of crowd
        |          ^^^^
        = a share is at most 100%
    ");
}

#[test]
fn a_distribution_is_told_its_forms() {
    assert_snapshot!(told(r"name: Think
cast:
  crowd: {count: 10, join: lobby, talk: {think: {normal: 2 s}, pause: {uniform: [3 s, 1 s]}}}
steps: [chat: 1 s]
"), @r"
    my.yaml:3:49: this is no distribution
      3 |   crowd: {count: 10, join: lobby, talk: {think: {normal: 2 s}, pause: {uniform: [3 s, 1 s]}}}
        |                                                 ^
        = expected a time such as `2 s`, or `{uniform: [1 s, 3 s]}`, `{exponential: 2 s}`, `{lognormal: {median: 2 s, p99: 20 s}}`

    my.yaml:3:81: the first of the two times is the longer one
      3 |   crowd: {count: 10, join: lobby, talk: {think: {normal: 2 s}, pause: {uniform: [3 s, 1 s]}}}
        |                                                                                 ^
        = write the shorter one first
    ");
}

#[test]
fn a_flag_is_true_or_false() {
    assert_snapshot!(told(r"name: Flag
cast: {ana: {join: lobby, connected: no}}
steps: [connect: ana]
"), @r"
    my.yaml:2:38: `no` is neither `true` nor `false`
      2 | cast: {ana: {join: lobby, connected: no}}
        |                                      ^^
        = expected `true` or `false`
    ");
}
