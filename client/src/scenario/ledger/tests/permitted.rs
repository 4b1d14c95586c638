//! What the protocol permits is no finding.

use hubbub_protocol::reply::Resume;

use super::bench::{ANA, BO, Bench, CY, EPOCH, EVE, said};
use crate::scenario::{
    id::MessageId,
    ledger::{AfterJoin, Content, Way, account::Account},
};

fn nothing_found(account: &Account) {
    assert_eq!(said(account), []);
}

#[test]
fn a_gap_is_filled_by_pages_that_reach_beyond_it_while_events_go_on() {
    let mut bench = Bench::new();
    let seat = bench.seat(CY);
    bench.chat(ANA, 1);
    bench.ledger.absent(seat);
    let mut log = vec![];
    for seq in 2..=8 {
        let message = bench.post(ANA, seq);
        bench.push(&[ANA, BO], seq, message);
        log.push((seq, message));
    }
    let after = bench.join(CY, Resume::Gap, 8, Some((7, 8, 2)));
    assert_eq!(after, AfterJoin::Fill { after: 1, before: 7 });
    bench.get(CY, 7, log[5].1, Way::Joined);
    bench.get(CY, 8, log[6].1, Way::Joined);
    for (seq, message) in &log[..3] {
        bench.get(CY, *seq, *message, Way::Page);
    }
    assert_eq!(bench.ledger.position(seat).map(|position| position.seq), Some(4));
    let message = bench.post(ANA, 9);
    bench.push(&[ANA, BO], 9, message);
    log.push((9, message));
    // the second page knows of 9 before it is pushed
    for (seq, message) in &log[3..] {
        bench.get(CY, *seq, *message, Way::Page);
    }
    assert_eq!(bench.ledger.behind(seat), 1);
    bench.push(&[CY], 9, log[7].1);
    assert_eq!(bench.ledger.behind(seat), 0);
    let account = bench.close();
    nothing_found(&account);
    assert_eq!((account.totals.delivered, account.totals.delivered_live), (27, 20));
}

#[test]
fn a_gap_that_a_cut_leaves_open_is_asked_for_again() {
    let mut bench = Bench::new();
    let seat = bench.seat(CY);
    bench.ledger.absent(seat);
    for seq in 1..=6 {
        let message = bench.post(ANA, seq);
        bench.push(&[ANA, BO], seq, message);
    }
    bench.join(CY, Resume::Gap, 6, Some((6, 6, 1)));
    bench.get(CY, 6, MessageId(5), Way::Joined);
    bench.get(CY, 1, MessageId(0), Way::Page);
    bench.ledger.absent(seat);
    assert_eq!(bench.ledger.position(seat).map(|position| position.seq), Some(1));
    assert_eq!(bench.join(CY, Resume::Complete, 6, Some((2, 6, 5))), AfterJoin::Nothing);
    for seq in 2..=6 {
        bench.get(CY, seq, MessageId(seq as u32 - 1), Way::Joined);
    }
    let account = bench.close();
    nothing_found(&account);
    assert_eq!((account.totals.delivered, account.totals.delivered_live), (18, 12));
}

#[test]
fn who_leaves_and_enters_anew_is_owed_nothing_of_the_time_between() {
    let mut bench = Bench::new();
    let seat = bench.seat(CY);
    let first = bench.chat(ANA, 1);
    bench.ledger.parted(seat);
    assert_eq!(bench.ledger.position(seat), None);
    assert_eq!(bench.ledger.members(bench.lobby), [ANA, BO]);
    for seq in 2..=9 {
        let message = bench.post(ANA, seq);
        bench.push(&[ANA, BO], seq, message);
    }
    let last = bench.post(ANA, 10);
    bench.push(&[ANA, BO], 10, last);
    assert_eq!(bench.join(CY, Resume::Fresh, 10, Some((10, 10, 1))), AfterJoin::Nothing);
    bench.get(CY, 10, last, Way::Joined);
    // and with more than they had
    bench.ledger.parted(seat);
    bench.join(CY, Resume::Fresh, 10, Some((1, 10, 10)));
    bench.get(CY, 1, first, Way::Joined);
    assert_eq!(bench.ledger.behind(seat), 0);
    nothing_found(&bench.close());
}

#[test]
fn a_reader_that_fell_behind_joins_again_and_may_get_again_what_it_has() {
    let mut bench = Bench::new();
    let seat = bench.seat(CY);
    let first = bench.chat(ANA, 1);
    // asked before the notice came, with an old position: the reply overlaps
    bench.ledger.join_asked(seat);
    let second = bench.chat(ANA, 2);
    let third = bench.post(ANA, 3);
    bench.push(&[ANA, BO], 3, third);
    let now = bench.tick();
    bench.ledger.lagged(seat, 2, now);
    bench.joined(CY, EPOCH, Resume::Complete, 3, Some((2, 3, 2)));
    bench.get(CY, 2, second, Way::Joined);
    bench.get(CY, 3, third, Way::Joined);
    assert_eq!(first.0, 0);
    let account = bench.close();
    nothing_found(&account);
    assert_eq!((account.totals.delivered, account.totals.lagged, account.totals.rooms_complete), (9, 1, 1));
    // it was connected all the time: what it fetched was late, and that counts
    assert_eq!((account.totals.delivered_live, account.delivery.count), (9, 9));
}

#[test]
fn what_others_write_has_its_place_and_may_begin_anywhere() {
    let mut bench = Bench::empty();
    bench.join(ANA, Resume::Fresh, 900, Some((899, 900, 2)));
    bench.get(ANA, 899, Content::Foreign(1), Way::Joined);
    bench.get(ANA, 900, Content::Foreign(2), Way::Joined);
    let own = bench.post(ANA, 901);
    bench.push(&[ANA], 901, own);
    bench.push(&[ANA], 902, Content::Foreign(3));
    // a page of a late joiner may be longer than the first one's
    bench.join(EVE, Resume::Fresh, 902, Some((897, 902, 6)));
    for seq in 897..=902_u64 {
        let content = if seq == 901 { own.into() } else { Content::Foreign(seq.saturating_sub(898) - seq / 902) };
        bench.get(EVE, seq, content, Way::Joined);
    }
    assert_eq!(bench.ledger.audit_from(bench.lobby), Some(898));
    bench.audit(&[
        (899, Content::Foreign(1)),
        (900, Content::Foreign(2)),
        (901, own.into()),
        (902, Content::Foreign(3)),
    ]);
    let account = bench.close();
    nothing_found(&account);
    assert_eq!((account.totals.foreign, account.totals.delivered, account.audited), (8, 2, Some(4)));
}

#[test]
fn a_post_without_an_answer_may_be_in_the_log_or_not() {
    let mut bench = Bench::new();
    let (there, not_there) = (bench.send(ANA, None), bench.send(ANA, None));
    bench.ledger.given_up(there);
    bench.ledger.given_up(not_there);
    bench.push(&[ANA, BO, CY], 1, there);
    bench.audit(&[(1, there.into())]);
    let account = bench.close();
    nothing_found(&account);
    assert_eq!((account.totals.sent, account.totals.accepted, account.totals.unsettled), (2, 0, 2));
}

#[test]
fn a_post_that_is_sent_again_and_refused_may_be_in_the_log_from_the_first_time() {
    let mut bench = Bench::new();
    let message = bench.send(ANA, None);
    let now = bench.tick();
    bench.ledger.sent(message, now);
    bench.refuse(message);
    bench.push(&[ANA, BO, CY], 1, message);
    let account = bench.close();
    nothing_found(&account);
    assert_eq!((account.totals.sent, account.totals.sent_again), (1, 1));
    assert_eq!(account.totals.refused.get("rate_limited"), Some(&1));
}

#[test]
fn what_others_write_while_a_room_is_read_back_is_owed_to_nobody() {
    let mut bench = Bench::new();
    let message = bench.chat(ANA, 1);
    bench.audit(&[(1, message.into()), (2, Content::Foreign(5))]);
    nothing_found(&bench.close());
}

#[test]
fn a_post_to_the_same_name_again_is_a_duplicate_and_nothing_else() {
    let mut bench = Bench::new();
    let message = bench.chat(ANA, 1);
    let now = bench.tick();
    bench.ledger.sent(message, now);
    bench.ledger.accepted(message, 1, true, now);
    bench.audit(&[(1, message.into())]);
    let account = bench.close();
    nothing_found(&account);
    let totals = account.totals;
    assert_eq!((totals.accepted, totals.duplicates, totals.sent_again, totals.unsettled), (1, 1, 1, 0));
}
