//! Summaries as golden texts.

use insta::assert_snapshot;

use super::{
    super::{example, text::cells},
    *,
};

#[test]
fn a_small_run_that_held_is_told_in_a_few_lines() {
    assert_snapshot!(summary(&example::small(), false, 90));
}

#[test]
fn a_large_run_that_failed_says_first_and_last_that_it_did_and_what_in_detail() {
    assert_snapshot!(summary(&example::rich(1, 1.0), false, 100));
}

#[test]
fn with_colours_there_are_signs_too() {
    let shown = summary(&example::rich(1, 1.0), true, 100);
    assert_snapshot!(shown.replace('\x1b', "␛"));
}

#[test]
fn a_run_of_nothing_has_a_summary() {
    assert_snapshot!(summary(&example::empty(), false, 80));
}

#[test]
fn a_search_for_a_rate_is_a_table_and_what_broke_on_purpose_is_no_alarm() {
    let shown = summary(&example::searched(), false, 90);
    assert_snapshot!(shown);
    assert!(!shown.contains("not the server's alone"), "{shown}");
}

#[test]
fn what_always_must_hold_is_told_one_by_one_as_soon_as_one_of_it_did_not() {
    let mut facts = example::small();
    let lines = |facts: &Facts| summary(facts, false, 200).matches("read back").count();
    assert_eq!(lines(&facts), 1);
    if let Some(first) = facts.invariants.first_mut() {
        first.held = false;
    }
    assert_eq!(lines(&facts), 6 + 1, "and once more under what failed");
}

#[test]
fn what_held_is_counted_when_it_is_much() {
    let mut facts = example::small();
    let held = facts.expectations.first().cloned().expect("an expectation");
    facts.expectations = vec![held; 40];
    let shown = summary(&facts, false, 80);
    assert!(shown.contains("ok   all 40 held"), "{shown}");
    facts.expectations.push(example::finding("the moon is made of cheese", false, "stone", Some(9), 1.0));
    let shown = summary(&facts, false, 80);
    assert!(shown.contains("ok   the other 40 held"), "{shown}");
    assert_eq!(shown.matches("the moon is made of cheese").count(), 3, "{shown}");
}

#[test]
fn no_line_is_wider_than_asked_for_and_no_terminal_obeys_a_name() {
    for width in [40, 60, 80, 200] {
        for facts in [example::hostile(), example::rich(2, 3.0), example::empty()] {
            for line in summary(&facts, false, width).lines() {
                let is_table = line.contains(" ms ") || line.starts_with("Latency");
                assert!(cells(line) <= width || width < 60 && is_table, "{width}: {line}");
                assert!(!line.contains(crate::safe::is_unsafe), "{line:?}");
            }
        }
    }
}
