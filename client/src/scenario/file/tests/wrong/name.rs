//! Names of people and rooms that nobody has, or nobody may have.

use insta::assert_snapshot;

use super::{super::with_steps, told};

#[test]
fn somebody_who_is_not_in_the_cast_is_looked_for() {
    assert_snapshot!(told(&with_steps(r"  - disconnect: anna
  - post: {who: zoe, room: lobby}")), @r"
    my.yaml:7:17: nobody in the cast is called `anna`
      7 |   - disconnect: anna
        |                 ^^^^
        = did you mean `ana`?

    my.yaml:8:17: nobody in the cast is called `zoe`
      8 |   - post: {who: zoe, room: lobby}
        |                 ^^^
        = there are: ana, crowd
    ");
}

#[test]
fn the_word_in_a_sentence_is_pointed_at() {
    assert_snapshot!(told(&with_steps(r#"  - disconnect: "everyone in loby except anna""#)), @r#"
    my.yaml:7:30: nobody ever joins `loby`
      7 |   - disconnect: "everyone in loby except anna"
        |                              ^^^^
        = did you mean `lobby`?

    my.yaml:7:42: nobody in the cast is called `anna`
      7 |   - disconnect: "everyone in loby except anna"
        |                                          ^^^^
        = did you mean `ana`?
    "#);
}

#[test]
fn everyone_has_one_name() {
    assert_snapshot!(told(&with_steps(r"  - disconnect: all")), @r"
    my.yaml:7:17: nobody in the cast is called `all`
      7 |   - disconnect: all
        |                 ^^^
        = did you mean `everyone`?
    ");
}

#[test]
fn words_that_a_sentence_does_not_know_are_pointed_at() {
    assert_snapshot!(told(&with_steps(r"  - disconnect: everyone but ana")), @r"
    my.yaml:7:26: `but` is not understood here
      7 |   - disconnect: everyone but ana
        |                          ^^^
        = did you mean `except`?
    ");
}

#[test]
fn a_room_that_nobody_joins_is_looked_for() {
    assert_snapshot!(told(&with_steps(r"  - post: {who: ana, room: loby}
  - history: {who: ana, room: team-21}")), @r"
    my.yaml:7:28: nobody ever joins `loby`
      7 |   - post: {who: ana, room: loby}
        |                            ^^^^
        = did you mean `lobby`?

    my.yaml:8:31: nobody ever joins `team-21`
      8 |   - history: {who: ana, room: team-21}
        |                               ^^^^^^^
        = `team` has 20 rooms: `team-1` to `team-20`
    ");
}

#[test]
fn a_group_is_not_a_room() {
    assert_snapshot!(told(&with_steps(r#"  - topic: {who: ana, room: team, text: "hi"}"#)), @r#"
    my.yaml:7:29: `team` is a group of rooms, one room is needed here
      7 |   - topic: {who: ana, room: team, text: "hi"}
        |                             ^^^^
        = name one of its rooms, such as `team-1`
    "#);
}

#[test]
fn a_name_that_no_room_may_have_is_told_the_rule() {
    assert_snapshot!(told(&with_steps(r"  - join: {who: ana, room: tea house}")), @r"
    my.yaml:7:28: `tea house` cannot be a room
      7 |   - join: {who: ana, room: tea house}
        |                            ^^^^^^^^^
        = a name holds letters, digits, '-', '_' and '.', not ' '
    ");
}

#[test]
fn a_part_is_taken_of_a_population() {
    assert_snapshot!(told(&with_steps(r"  - cut: 10% of ana
  - cut: 30 of crowd
  - cut: crowd-21")), @r"
    my.yaml:7:17: `ana` is one person
      7 |   - cut: 10% of ana
        |                 ^^^
        = a part can be taken of a population, which has a `count`

    my.yaml:8:10: 30 is out of range
      8 |   - cut: 30 of crowd
        |          ^^
        = `crowd` has 20

    my.yaml:9:10: there is no `crowd-21`
      9 |   - cut: crowd-21
        |          ^^^^^^^^
        = `crowd` has 20: `crowd-1` to `crowd-20`
    ");
}

#[test]
fn names_in_the_cast_do_not_clash() {
    assert_snapshot!(told(r"name: Clash
cast:
  crowd: {count: 10}
  crowd-3: {join: lobby}
  Crowd: {}
  everyone: {}
  ana maria: {}
steps: [settle]
"), @r"
    my.yaml:4:3: `crowd-3` could be a member of `crowd`
      4 |   crowd-3: {join: lobby}
        |   ^^^^^^^
        = the members of `crowd` are called `crowd-1`, `crowd-2` …

    my.yaml:5:3: `Crowd` is in the cast twice
      5 |   Crowd: {}
        |   ^^^^^
        = the first, `crowd`, is in line 3

    my.yaml:6:3: `everyone` has a meaning of its own
      6 |   everyone: {}
        |   ^^^^^^^^
        = take another name

    my.yaml:7:3: `ana maria` cannot be the name of a role
      7 |   ana maria: {}
        |   ^^^^^^^^^
        = a name holds letters, digits, '-', '_' and '.', not ' '
    ");
}

#[test]
fn a_group_that_nobody_joins_is_noticed() {
    assert_snapshot!(told(r"name: Groups
rooms: {team: {count: 3}}
cast: {ana: {join: teem}}
steps: [settle]
"), @r"
    my.yaml:2:9: nobody ever joins a room of `team`
      2 | rooms: {team: {count: 3}}
        |         ^^^^
        = somebody joins `teem`; is that the one?
    ");
}
