//! What always must hold, whatever is played: six findings from the account of the ledger.

use super::wording;
use crate::scenario::{
    ledger::{account::Account, breach::BreachKind},
    report::facts::Finding,
};

/// Breaches of one invariant that are told in its finding.
const BREACHES_SHOWN: usize = 5;

/// Each: what must hold, and which breaches say that it did not.
const INVARIANTS: [(&str, &[BreachKind]); 6] = [
    ("nothing acknowledged is lost", &[BreachKind::Lost]),
    ("nothing arrives twice", &[BreachKind::Doubled]),
    ("one order for everyone in a room", &[BreachKind::Reordered, BreachKind::Disagreement]),
    ("a sender sees its own posts", &[BreachKind::OwnUnseen]),
    ("unread counts equal the model", &[BreachKind::Unread]),
    ("nothing reaches outsiders", &[BreachKind::Leaked]),
];

/// The six, in their order.
pub(super) fn findings(account: &Account, at_ms: f64) -> Vec<Finding> {
    let finding = |(what, kinds): (&str, &[BreachKind])| {
        let times: u64 = kinds.iter().filter_map(|kind| account.found.get(kind)).sum();
        let found = if times == 0 { seen(account) } else { told(account, kinds, times) };
        Finding { what: what.to_owned(), held: times == 0, found, line: None, at_ms }
    };
    INVARIANTS.into_iter().map(finding).collect()
}

/// On how much it was seen to hold.
fn seen(account: &Account) -> String {
    let totals = &account.totals;
    let (posts, receipts) = (wording::count(totals.accepted, "post"), wording::count(totals.delivered, "receipt"));
    let audit = account.audited.map_or_else(
        || "the rooms were not read back".to_owned(),
        |events| format!("{} read back", wording::count(events, "event")),
    );
    format!("{posts}, {receipts}, {audit}")
}

fn told(account: &Account, kinds: &[BreachKind], times: u64) -> String {
    let breaches = account.breaches.iter().filter(|breach| kinds.contains(&breach.kind));
    let lines: Vec<String> = breaches.take(BREACHES_SHOWN).map(|breach| breach.text.clone()).collect();
    let more = times.saturating_sub(lines.len() as u64);
    let mut found = format!("{}\n{}", wording::count(times, "time"), lines.join("\n"));
    if more > 0 && !lines.is_empty() {
        found.push_str(&format!("\nand {more} more"));
    }
    found.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ledger::breach::Breach;

    #[test]
    fn each_kind_of_breach_fails_just_one_invariant_and_is_told_there() {
        use BreachKind::{Disagreement, Doubled, Leaked, Lost, OwnUnseen, Reordered, Unread};
        for kind in [Lost, Doubled, Reordered, Disagreement, Leaked, OwnUnseen, Unread] {
            let breach = Breach { kind, text: "eve got m1".to_owned(), at_ms: 1.0 };
            let account = Account { found: [(kind, 7)].into(), breaches: vec![breach], ..Account::default() };
            let findings = findings(&account, 5.0);
            let failed: Vec<_> = findings.iter().filter(|finding| !finding.held).collect();
            assert_eq!((findings.len(), failed.len()), (6, 1), "{kind:?}");
            assert_eq!(failed[0].found, "7 times\neve got m1\nand 6 more");
        }
    }

    #[test]
    fn what_held_says_on_how_much() {
        let mut account = Account { audited: Some(3), ..Account::default() };
        account.totals.accepted = 1;
        account.totals.delivered = 2;
        assert_eq!(findings(&account, 5.0)[0].found, "1 post, 2 receipts, 3 events read back");
        account.audited = None;
        assert!(findings(&account, 5.0)[0].found.ends_with("the rooms were not read back"));
    }
}
