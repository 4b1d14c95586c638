//! Chance stories: of a server that keeps the protocol nothing is ever found, and of one that lies once, that lie.

use super::world::{BO, Lie, PEOPLE, STRANGER, World};
use crate::scenario::ledger::{
    account::{Account, Totals},
    breach::BreachKind::{self, Disagreement, Doubled, Leaked, Lost, OwnUnseen, Reordered, Unread},
};

const STORIES: u64 = 300;
const ACTS: usize = 400;

/// Everybody comes back and gets everything.
fn gather(world: &mut World) {
    world.calm = true;
    (0..PEOPLE).for_each(|who| world.connect(who));
    world.drain();
    (0..PEOPLE).for_each(|who| world.connect(who));
    world.drain();
}

#[test]
fn of_a_server_that_keeps_the_protocol_nothing_is_found() {
    for seed in 0..STORIES {
        let mut world = World::new(seed);
        (0..ACTS).for_each(|_| world.act());
        gather(&mut world);
        assert_eq!(world.behind(), 0, "seed {seed}");
        world.audit(None);
        let (account, counted) = world.close();
        assert_eq!(account.breaches, [], "seed {seed}");
        let Account { totals, .. } = account;
        let answered = totals.accepted + totals.refused.values().sum::<u64>();
        assert!(totals.unsettled + answered >= totals.intended, "seed {seed}: {totals:?}");
        let counted = Totals { unsettled: totals.unsettled, ..counted };
        assert_eq!(totals, counted, "seed {seed}");
        assert_eq!(account.delivery.count, totals.delivered_live, "seed {seed}");
        let in_time: u64 = account.timeline.iter().map(|interval| interval.delivered).sum();
        assert_eq!(in_time, totals.delivered, "seed {seed}");
    }
}

/// Plays a story, then one lie to bo in the lobby, then goes on. Gives what was found.
fn lie(seed: u64, lie: Lie, sender: usize) -> Vec<BreachKind> {
    let mut world = World::new(seed);
    (0..ACTS / 2).for_each(|_| world.act());
    gather(&mut world);
    (0..PEOPLE - 1).for_each(|who| world.join(who, 0));
    world.part(STRANGER, 0);
    world.drain();
    world.post(0, 0);
    world.drain();
    if matches!(lie, Lie::LowJoin | Lie::OtherLog) {
        world.cut(BO);
    }
    world.lie = Some(lie);
    world.connect(BO);
    world.drain();
    if lie != Lie::OtherLog {
        for who in [sender, 0, 2] {
            world.post(who, 0);
            world.drain();
        }
        assert_eq!(world.lie, None, "seed {seed}: {lie:?} was told");
        world.calm = false;
        (0..ACTS / 2).for_each(|_| world.act());
        gather(&mut world);
    }
    world.audit(None);
    world.close().0.found.into_keys().collect()
}

#[test]
fn a_lie_is_found_and_nothing_that_was_no_lie() {
    let lies: [(Lie, usize, &[BreachKind], &[BreachKind]); 8] = [
        // when they come back later, it is only late
        (Lie::Lose, 0, &[Lost, Reordered], &[]),
        (Lie::Lose, BO, &[Lost, Reordered], &[OwnUnseen]),
        (Lie::Double, 0, &[Doubled], &[]),
        (Lie::Swap, 0, &[Reordered], &[]),
        (Lie::Replace, 0, &[Disagreement], &[]),
        (Lie::Leak, 0, &[Leaked], &[]),
        (Lie::LowJoin, 0, &[Unread], &[Lost, Reordered]),
        (Lie::OtherLog, 0, &[Lost], &[]),
    ];
    for (told, sender, found, explained) in lies {
        for seed in 0..STORIES / 3 {
            let kinds = lie(seed, told, sender);
            assert!(kinds.iter().any(|kind| found.contains(kind)), "seed {seed}: {told:?} gave {kinds:?}");
            let is_explained = |kind: &BreachKind| found.contains(kind) || explained.contains(kind);
            assert!(kinds.iter().all(is_explained), "seed {seed}: {told:?} gave {kinds:?}");
        }
    }
}

#[test]
fn a_wrong_acknowledgement_is_found() {
    for seed in 0..STORIES {
        let kinds = lie(seed, Lie::WrongAck, 0);
        assert!(kinds.contains(&Disagreement), "seed {seed}: {kinds:?}");
        assert!(kinds.iter().all(|kind| [Disagreement, Unread, Lost].contains(kind)), "seed {seed}: {kinds:?}");
    }
}

#[test]
fn an_event_that_is_not_read_back_is_found() {
    for seed in 0..STORIES {
        let mut world = World::new(seed);
        (0..ACTS).for_each(|_| world.act());
        gather(&mut world);
        let known = world.read_in_lobby();
        if known.is_empty() {
            continue;
        }
        let without = known[world.below(known.len())];
        world.audit(Some(without));
        let (account, _) = world.close();
        assert_eq!(account.totals.lost, 1, "seed {seed}, without {without}: {:?}", account.breaches);
        assert_eq!(account.found.into_keys().collect::<Vec<_>>(), [Lost], "seed {seed}");
    }
}
