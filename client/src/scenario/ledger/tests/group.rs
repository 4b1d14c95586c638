//! Captured messages: what became of them, and who has them.

use std::time::Duration;

use super::bench::{ANA, BO, Bench, CY, EPOCH, EVE};
use hubbub_protocol::{RoomName, reply::Resume};

use crate::scenario::{
    crowd::order::Reception,
    id::{Moment, RoomId},
    ledger::{JoinedView, Way},
};

#[test]
fn who_has_a_captured_message_is_known_and_when_it_came() {
    let mut bench = Bench::new();
    let group = bench.ledger.group();
    let message = bench.send(ANA, Some(group));
    let who = [ANA, BO, CY];
    assert!(!bench.ledger.is_received(&who, &[group], 1));
    bench.push(&[ANA, CY], 1, message);
    assert!(!bench.ledger.is_received(&who, &[group], 1));
    let reception = bench.ledger.reception(&who, &[group], 1);
    assert_eq!((reception.expected, reception.missing), (3, vec![(BO, message)]));
    assert_eq!(reception.latencies, [Duration::from_millis(1), Duration::from_millis(2)]);
    bench.push(&[BO], 1, message);
    assert!(bench.ledger.is_received(&who, &[group], 1));
    let reception = bench.ledger.reception(&who, &[group], 1);
    let latencies = [1, 2, 3].map(Duration::from_millis).to_vec();
    assert_eq!(reception, Reception { expected: 3, latencies, ..Reception::default() });
}

#[test]
fn a_growing_group_is_received_only_when_its_newest_is() {
    let mut bench = Bench::new();
    let group = bench.ledger.group();
    for seq in 1..=3 {
        let message = bench.send(BO, Some(group));
        assert!(!bench.ledger.is_received(&[ANA, CY], &[group], 1));
        bench.push(&[ANA, BO, CY], seq, message);
        assert!(bench.ledger.is_received(&[ANA, CY], &[group], 1));
    }
    assert!(!bench.ledger.is_received(&[ANA, EVE], &[group], 1));
}

#[test]
fn copies_that_ought_not_to_be_are_counted_by_person() {
    let mut bench = Bench::new();
    let group = bench.ledger.group();
    let message = bench.send(ANA, Some(group));
    bench.push(&[ANA, BO, CY], 1, message);
    bench.push(&[BO], 1, message);
    let now = bench.tick();
    bench.ledger.leaked(EVE, bench.lobby, 1, message.into(), now);
    let reception = bench.ledger.reception(&[ANA, BO, EVE], &[group], 1);
    assert_eq!(reception.too_often, [(BO, message, 2)]);
    let nobody = bench.ledger.reception(&[EVE, CY], &[group], 0);
    assert_eq!((nobody.expected, nobody.missing.len()), (0, 0));
    assert_eq!(nobody.too_often, [(EVE, message, 1), (CY, message, 1)]);
    assert!(!bench.ledger.is_received(&[EVE], &[group], 0), "that is over at the deadline only");
}

#[test]
fn of_refused_messages_nothing_is_expected() {
    let mut bench = Bench::new();
    let group = bench.ledger.group();
    let (posted, refused, open) =
        (bench.send(ANA, Some(group)), bench.send(ANA, Some(group)), bench.send(ANA, Some(group)));
    bench.accept(posted, 1);
    bench.refuse(refused);
    bench.push(&[ANA, BO, CY], 1, posted);
    assert!(!bench.ledger.is_received(&[BO], &[group], 1), "the third may still come");
    bench.ledger.given_up(open);
    assert!(bench.ledger.is_received(&[BO], &[group], 1));
    assert_eq!(bench.ledger.reception(&[BO], &[group], 1).expected, 1);
    let fates = bench.ledger.fates(group);
    assert_eq!(fates.iter().map(|fate| fate.message).collect::<Vec<_>>(), [posted, refused, open]);
    assert_eq!(fates[0].accepted, Some((1, false)));
    assert_eq!(fates[1].refused.as_ref().map(|body| body.code.as_str()), Some("rate_limited"));
    assert_eq!((fates[2].accepted, fates[2].acknowledgements), (None, 0));
}

#[test]
fn a_captured_message_is_held_while_others_are_let_go() {
    let mut bench = Bench::new();
    let group = bench.ledger.group();
    let captured = bench.send(ANA, Some(group));
    bench.accept(captured, 1);
    bench.push(&[ANA, BO, CY], 1, captured);
    for seq in 2..=20_000 {
        bench.chat(BO, seq);
    }
    assert_eq!(bench.ledger.fates(group).len(), 1);
    assert!(bench.ledger.messages.held() <= 8 * 1024, "{} messages are held", bench.ledger.messages.held());
    let again = bench.ledger.group();
    bench.ledger.group_with(captured, again);
    bench.ledger.group_with(captured, again);
    assert_eq!(bench.ledger.reception(&[CY], &[again], 1).expected, 1);
    let account = bench.close();
    assert_eq!((account.totals.not_followed, account.found.len()), (0, 0));
    assert_eq!((account.worst.len(), account.delivery.count), (20, 60_000));
}

#[test]
fn quiet_rooms_hold_nothing_for_long() {
    let mut bench = Bench::empty();
    let rooms: Vec<_> = (0..500)
        .map(|number| {
            let room = bench.ledger.room(&RoomName::parse(&format!("room-{number}")).expect("a name"));
            let seat = bench.ledger.seat(ANA, room);
            let view = JoinedView { epoch: EPOCH, seq: 0, resume: Resume::Fresh, events: None };
            bench.ledger.joined(seat, view, bench.now);
            (room, seat)
        })
        .collect();
    for seq in 1..=20 {
        for (room, seat) in &rooms {
            let now = bench.tick();
            let message = bench.ledger.intend(ANA, *room, now, None);
            bench.ledger.sent(message, now);
            bench.ledger.event(*seat, seq, message.into(), Way::Live, now);
            bench.ledger.accepted(message, seq, false, now);
        }
        bench.ledger.tick(bench.now, 1, 0.5);
    }
    assert!(bench.ledger.messages.held() <= 2 * 1024, "{} messages are held", bench.ledger.messages.held());
    let account = bench.close();
    assert_eq!((account.found.len(), account.totals.delivered), (0, 10_000));
}

#[test]
fn a_lap_has_only_what_came_since_the_last() {
    let mut bench = Bench::new();
    (1..=10).for_each(|seq| assert!(bench.chat(ANA, seq).0 < 10));
    let first = bench.ledger.lap(bench.now);
    let message = bench.send(BO, None);
    bench.refuse(message);
    bench.chat(ANA, 11);
    bench.ledger.totals_mut().bytes_in += 77;
    let (begin, now) = (bench.now, bench.tick());
    let second = bench.ledger.lap(now);
    assert_eq!((first.totals.accepted, first.totals.delivered, first.delivery.count), (10, 30, 30));
    assert_eq!((second.totals.accepted, second.totals.delivered, second.delivery.count), (1, 3, 3));
    assert_eq!((second.totals.refused.get("rate_limited"), second.totals.bytes_in), (Some(&1), 77));
    assert!(begin < now && second.acceptance.count == 1 && second.wall_ms > 0.0 && first.wall_ms > second.wall_ms);
    assert_eq!(bench.ledger.lap(now).totals, Default::default());
}

#[test]
fn everything_that_came_to_somebody_counts_as_received() {
    let mut bench = Bench::new();
    let message = bench.chat(ANA, 1);
    bench.push(&[BO], 1, message);
    let now = bench.tick();
    bench.ledger.leaked(BO, RoomId(7), 1, message.into(), now);
    assert_eq!([ANA, BO, EVE].map(|person| bench.ledger.received(person)), [1, 3, 0]);
}

#[test]
fn the_worst_lives_are_told_even_when_they_were_let_go() {
    let mut bench = Bench::new();
    let late = bench.post(ANA, 1);
    bench.push(&[ANA, BO], 1, late);
    bench.now = Moment(bench.now.0 + 5_000_000_000);
    bench.push(&[CY], 1, late);
    for seq in 2..=5_000 {
        bench.chat(BO, seq);
    }
    assert!(bench.ledger.author(late).is_none(), "it was let go");
    let account = bench.close();
    let worst = &account.worst[0];
    assert_eq!(
        (worst.message.as_str(), worst.sender.as_str(), worst.room.as_str()),
        ("run.0.00000000", "ana", "lobby")
    );
    assert_eq!((worst.seq, worst.receipts, worst.last_reader.as_deref()), (Some(1), 3, Some("cy")));
    assert!(worst.last_receipt_ms.expect("it came") - worst.intended_ms > 5_000.0);
    assert!(account.delivery.max_us > 5_000_000);
}
