//! Comparisons as golden texts, and what must never be called a difference.

use insta::assert_snapshot;

use super::{super::example, *};

/// The sentence at the end.
fn conclusion(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    let begin =
        lines.iter().rposition(|line| ["B is", "No diff", "These runs"].iter().any(|word| line.starts_with(word)));
    lines.get(begin.unwrap_or(lines.len())..).unwrap_or_default().join(" ")
}

#[test]
fn a_slower_run_is_called_worse_where_it_is_more_than_noise() {
    let text = compare(&example::rich(1, 1.0), &example::rich(2, 1.6));
    assert_snapshot!(text);
    assert!(conclusion(&text).starts_with("B is worse"), "{text}");
    let text = compare(&example::rich(2, 1.6), &example::rich(1, 1.0));
    assert!(conclusion(&text).starts_with("B is better"), "{text}");
}

#[test]
fn two_runs_of_the_same_are_never_told_to_differ() {
    for seed in 1..40 {
        let text = compare(&example::rich(seed, 1.0), &example::rich(seed + 100, 1.0));
        assert_eq!(conclusion(&text), "No difference beyond the noise.", "seed {seed}:\n{text}");
    }
}

#[test]
fn a_loss_is_no_noise_however_small() {
    let (a, mut b) = (example::small(), example::small());
    b.account.totals.lost = 1;
    b.invariants = example::invariants(1, 1.0);
    b.verdict = Verdict::Failed;
    let text = compare(&a, &b);
    assert_eq!(conclusion(&text), "B is worse: lost.", "{text}");
    assert!(text.contains("held → failed"), "{text}");
}

#[test]
fn where_the_noise_is_not_known_nothing_is_called_better_or_worse() {
    let (a, mut b) = (example::small(), example::small());
    b.account.connecting.p99_us *= 3;
    let text = compare(&a, &b);
    assert!(text.contains("noise not known"), "{text}");
    assert_eq!(conclusion(&text), "No difference beyond the noise.");
}

#[test]
fn runs_of_different_things_are_not_judged() {
    let text = compare(&example::small(), &example::rich(1, 1.0));
    assert_snapshot!(text);
    assert!(conclusion(&text).starts_with("These runs cannot be compared"));
}

#[test]
fn any_two_facts_can_be_compared_without_harm() {
    for a in [example::empty(), example::hostile(), example::small()] {
        for b in [example::hostile(), example::empty(), example::rich(5, 2.0)] {
            let text = compare(&a, &b);
            assert!(!text.contains("NaN") && !text.replace('\n', "").contains(crate::safe::is_unsafe), "{text}");
        }
    }
}
