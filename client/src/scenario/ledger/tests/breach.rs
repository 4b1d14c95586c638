//! Every kind of finding, made to happen in the smallest way, and what is said of it.

use hubbub_protocol::{RoomName, reply::Resume};

use super::bench::{ANA, BO, Bench, CY, EVE, said};
use crate::scenario::{
    id::MessageId,
    ledger::{
        Content, Way,
        breach::{
            BREACHES_SHOWN_MAX,
            BreachKind::{self, Disagreement, Doubled, Leaked, Lost, OwnUnseen, Reordered, Unread},
        },
    },
};

fn one(kind: BreachKind, text: &str) -> Vec<(BreachKind, String)> {
    vec![(kind, text.to_owned())]
}

#[test]
fn an_acknowledged_message_that_is_not_in_the_log_is_lost() {
    let mut bench = Bench::new();
    let kept = bench.chat(ANA, 1);
    let dropped = bench.chat(ANA, 2);
    bench.audit(&[(1, kept.into())]);
    let text = "lobby: message 1 of ana (seq 2) is not in the log as it was read back";
    assert_eq!(dropped.0, 1);
    assert_eq!(bench.found(), one(Lost, text));
}

#[test]
fn an_acknowledged_message_that_nobody_read_and_that_is_not_in_the_log_is_lost() {
    let mut bench = Bench::empty();
    bench.join(ANA, Resume::Fresh, 0, None);
    bench.post(ANA, 1);
    let seat = bench.seat(ANA);
    bench.ledger.absent(seat);
    bench.audit(&[]);
    assert_eq!(bench.found(), one(Lost, "lobby: message 0 of ana (seq 1) is not in the log as it was read back"));
}

#[test]
fn what_a_reader_saw_of_others_and_is_not_in_the_log_is_lost() {
    let mut bench = Bench::new();
    bench.push(&[ANA, BO, CY], 1, Content::Foreign(7));
    bench.audit(&[]);
    let text = "lobby: the event of somebody else at seq 1, which was read before, is not in the log";
    assert_eq!(bench.found(), one(Lost, text));
}

#[test]
fn a_message_that_everybody_had_and_that_is_not_in_the_log_is_lost_even_after_it_was_let_go() {
    let mut bench = Bench::new();
    let log: Vec<_> = (1..=5_000).map(|seq| (seq, Content::Ours(bench.chat(ANA, seq)))).collect();
    assert!(bench.ledger.author(MessageId(10)).is_none(), "it was let go");
    let log: Vec<_> = log.into_iter().filter(|(seq, _)| *seq != 11).collect();
    bench.audit(&log);
    assert_eq!(bench.found(), one(Lost, "lobby: message 10 (seq 11) is not in the log as it was read back"));
}

#[test]
fn a_reader_who_is_there_and_behind_has_lost_what_is_missing() {
    let mut bench = Bench::new();
    let message = bench.post(ANA, 1);
    bench.push(&[ANA, BO], 1, message);
    assert_eq!(bench.found(), one(Lost, "lobby: cy never got message 0 of ana (seq 1), though they were there"));
}

#[test]
fn a_hole_that_is_never_filled_is_lost() {
    let mut bench = Bench::new();
    let (first, second) = (bench.post(ANA, 1), bench.post(ANA, 2));
    bench.push(&[ANA, BO], 1, first);
    bench.push(&[ANA, BO, CY], 2, second);
    assert_eq!(bench.found(), one(Lost, "lobby: cy never got message 0 of ana (seq 1), though they were there"));
}

#[test]
fn a_hole_is_lost_when_its_reader_leaves_the_room() {
    let mut bench = Bench::new();
    let (first, second) = (bench.post(ANA, 1), bench.post(ANA, 2));
    bench.push(&[ANA, BO], 1, first);
    bench.push(&[ANA, BO, CY], 2, second);
    let seat = bench.seat(CY);
    bench.ledger.parted(seat);
    assert_eq!(bench.found(), one(Lost, "lobby: cy never got message 0 of ana (seq 1), though they were there"));
}

#[test]
fn a_seq_that_nobody_ever_gets_is_lost() {
    let mut bench = Bench::new();
    let message = bench.post(ANA, 2);
    bench.push(&[ANA, BO, CY], 2, message);
    let found = bench.found();
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0], (Lost, "lobby: nobody got anything for seq 1, ana neither".to_owned()));
}

#[test]
fn a_log_that_is_replaced_loses_what_was_acknowledged() {
    let mut bench = Bench::new();
    bench.chat(ANA, 1);
    bench.chat(BO, 2);
    let seat = bench.seat(CY);
    bench.ledger.absent(seat);
    bench.ledger.join_asked(seat);
    bench.joined(CY, "other", Resume::Reset, 0, None);
    let account = bench.close();
    let text = "lobby: the server has another log now (other for log); 2 acknowledged messages are gone";
    assert_eq!(said(&account), one(Lost, text));
    assert_eq!((account.totals.lost, account.totals.rooms_reset), (2, 1));
}

#[test]
fn a_reset_in_the_same_log_loses_the_place() {
    let mut bench = Bench::new();
    bench.chat(ANA, 1);
    let seat = bench.seat(CY);
    bench.ledger.absent(seat);
    bench.join(CY, Resume::Reset, 1, Some((1, 1, 1)));
    let text = "lobby: cy came back with a position of this very log, and was told that it is another one";
    assert_eq!(bench.found(), one(Lost, text));
}

#[test]
fn the_same_seq_pushed_twice_is_doubled() {
    let mut bench = Bench::new();
    let message = bench.chat(ANA, 1);
    bench.push(&[BO], 1, message);
    assert_eq!(bench.found(), one(Doubled, "lobby: bo got message 0 of ana (seq 1) again"));
}

#[test]
fn one_event_twice_in_one_reply_is_doubled() {
    let mut bench = Bench::new();
    let message = bench.chat(ANA, 1);
    bench.join(EVE, Resume::Fresh, 1, Some((1, 1, 1)));
    bench.get(EVE, 1, message, Way::Joined);
    bench.get(EVE, 1, message, Way::Joined);
    assert_eq!(bench.found(), one(Doubled, "lobby: eve got message 0 of ana (seq 1) again"));
}

#[test]
fn one_message_at_two_places_is_doubled() {
    let mut bench = Bench::new();
    let message = bench.chat(ANA, 1);
    bench.push(&[ANA, BO, CY], 2, message);
    assert_eq!(bench.found(), one(Doubled, "lobby: message 0 of ana stands in the log twice, at seq 1 and 2"));
}

#[test]
fn one_message_at_two_places_is_doubled_even_after_it_was_let_go() {
    let mut bench = Bench::new();
    for seq in 1..=5_000 {
        bench.chat(ANA, seq);
    }
    bench.push(&[ANA, BO, CY], 5_001, MessageId(3));
    assert_eq!(bench.found(), one(Doubled, "lobby: message 3 stands in the log once more, at seq 5001"));
}

#[test]
fn a_log_that_has_a_seq_twice_is_doubled() {
    let mut bench = Bench::new();
    let message = bench.chat(ANA, 1);
    bench.audit(&[(1, message.into()), (1, message.into())]);
    assert_eq!(bench.found(), one(Doubled, "lobby: the log has seq 1 twice as it was read back"));
}

#[test]
fn a_later_event_before_an_earlier_one_is_reordered() {
    let mut bench = Bench::new();
    let (first, second) = (bench.post(ANA, 1), bench.post(ANA, 2));
    for (seq, message) in [(1, first), (2, second)] {
        bench.push(&[ANA, BO], seq, message);
    }
    bench.push(&[CY], 2, second);
    bench.push(&[CY], 1, first);
    let account = bench.close();
    assert_eq!(said(&account), one(Reordered, "lobby: cy got message 0 of ana (seq 1) after later ones"));
    assert_eq!((account.totals.delivered, account.totals.reordered, account.totals.lost), (6, 1, 0));
}

#[test]
fn a_hole_in_what_was_pushed_that_a_return_fills_is_reordered() {
    let mut bench = Bench::new();
    let (first, second) = (bench.post(ANA, 1), bench.post(ANA, 2));
    for (seq, message) in [(1, first), (2, second)] {
        bench.push(&[ANA, BO], seq, message);
    }
    bench.push(&[CY], 2, second);
    let seat = bench.seat(CY);
    bench.ledger.absent(seat);
    assert_eq!(bench.ledger.position(seat).map(|position| position.seq), Some(0));
    bench.join(CY, Resume::Complete, 2, Some((1, 2, 2)));
    bench.get(CY, 1, first, Way::Joined);
    bench.get(CY, 2, second, Way::Joined);
    assert_eq!(bench.found(), one(Reordered, "lobby: cy got message 0 of ana (seq 1) after later ones"));
}

#[test]
fn two_readers_with_different_events_at_one_seq_disagree() {
    let mut bench = Bench::new();
    let message = bench.post(ANA, 1);
    bench.push(&[ANA, BO], 1, message);
    bench.push(&[CY], 1, Content::Foreign(9));
    let text = "lobby: cy has another event, or other words, at seq 1, where others have message 0 of ana";
    assert_eq!(bench.found(), one(Disagreement, text));
}

#[test]
fn an_acknowledgement_of_another_place_disagrees() {
    let mut bench = Bench::new();
    let message = bench.send(ANA, None);
    bench.push(&[ANA, BO, CY], 1, message);
    bench.accept(message, 5);
    bench.audit(&[(1, message.into())]);
    let text = "lobby: message 0 of ana was acknowledged at seq 5, and stands at 1";
    assert_eq!(bench.found(), one(Disagreement, text));
}

#[test]
fn an_acknowledgement_of_another_place_disagrees_when_it_comes_first() {
    let mut bench = Bench::new();
    let message = bench.post(ANA, 2);
    bench.push(&[ANA, BO, CY], 1, message);
    bench.audit(&[(1, message.into())]);
    let text = "lobby: message 0 of ana was acknowledged at seq 2, and stands at 1";
    assert_eq!(bench.found(), one(Disagreement, text));
}

#[test]
fn two_acknowledgements_of_one_place_disagree() {
    let mut bench = Bench::new();
    bench.post(ANA, 1);
    let message = bench.post(BO, 1);
    let seats = [ANA, BO, CY].map(|person| bench.seat(person));
    seats.into_iter().for_each(|seat| bench.ledger.parted(seat));
    assert_eq!(message.0, 1);
    let text = "lobby: message 1 of bo was acknowledged at seq 1, where message 0 of ana is";
    assert_eq!(bench.found(), one(Disagreement, text));
}

#[test]
fn a_refused_message_in_the_log_disagrees() {
    let mut bench = Bench::new();
    let message = bench.send(ANA, None);
    bench.refuse(message);
    bench.push(&[ANA, BO, CY], 1, message);
    assert_eq!(bench.found(), one(Disagreement, "lobby: message 0 (seq 1) was refused, and was posted all the same"));
}

#[test]
fn a_message_that_was_never_sent_disagrees() {
    let mut bench = Bench::new();
    bench.push(&[ANA, BO, CY], 1, MessageId(77));
    assert_eq!(bench.found(), one(Disagreement, "lobby: message 77 (seq 1) stands in the log, and was never sent"));
}

#[test]
fn a_seq_beyond_all_reason_disagrees_and_costs_no_memory() {
    let mut bench = Bench::new();
    bench.push(&[ANA], u64::MAX - 1, Content::Foreign(1));
    bench.join(BO, Resume::Complete, u64::MAX, Some((1, u64::MAX, 3)));
    let text =
        format!("lobby: ana has another event, or other words, at seq {}, where no event can be by now", u64::MAX - 1);
    let found = bench.found();
    assert_eq!(found[0], (Disagreement, text));
    assert_eq!(found[1].0, Unread, "{found:?}");
}

#[test]
fn what_comes_to_somebody_who_never_was_there_is_leaked() {
    let mut bench = Bench::new();
    let message = bench.chat(ANA, 1);
    let now = bench.tick();
    bench.ledger.leaked(EVE, bench.lobby, 1, message.into(), now);
    assert_eq!(bench.ledger.received(EVE), 1);
    assert_eq!(bench.found(), one(Leaked, "lobby: message 0 of ana (seq 1) came to eve, who was never in the room"));
}

#[test]
fn what_comes_after_part_was_answered_is_leaked() {
    let mut bench = Bench::new();
    let seat = bench.seat(CY);
    bench.ledger.parted(seat);
    bench.chat(ANA, 1);
    assert_eq!(bench.found(), one(Leaked, "lobby: message 0 of ana (seq 1) came to cy, who had left the room"));
}

#[test]
fn what_comes_to_a_new_connection_before_the_join_is_leaked() {
    let mut bench = Bench::new();
    let seat = bench.seat(CY);
    bench.ledger.absent(seat);
    bench.chat(ANA, 1);
    let text = "lobby: message 0 of ana (seq 1) came to cy, who had not come back to the room yet";
    assert_eq!(bench.found(), one(Leaked, text));
}

#[test]
fn a_message_in_another_room_than_it_was_posted_to_is_leaked() {
    let mut bench = Bench::new();
    let attic = bench.ledger.room(&RoomName::parse("attic").expect("a name"));
    let now = bench.tick();
    let message = bench.ledger.intend(EVE, attic, now, None);
    bench.ledger.sent(message, now);
    bench.push(&[ANA, BO, CY], 1, message);
    let text = "lobby: message 0 of eve (seq 1) was posted to attic, and stands here";
    assert_eq!(bench.found(), one(Leaked, text));
}

#[test]
fn a_sender_who_does_not_get_the_own_post_is_told_so() {
    let mut bench = Bench::new();
    let (first, second) = (bench.post(ANA, 1), bench.post(BO, 2));
    bench.push(&[BO, CY], 1, first);
    bench.push(&[ANA, BO, CY], 2, second);
    let found = bench.found();
    assert_eq!(
        found,
        [
            (Lost, "lobby: ana never got message 0 of ana (seq 1), though they were there".to_owned()),
            (OwnUnseen, "lobby: ana did not get message 0 of ana (seq 1), their own".to_owned())
        ]
    );
}

#[test]
fn a_count_of_unread_events_that_is_too_small_is_found() {
    let mut bench = Bench::new();
    let seat = bench.seat(CY);
    bench.ledger.absent(seat);
    let (first, second) = (bench.post(ANA, 1), bench.post(ANA, 2));
    bench.push(&[ANA, BO], 1, first);
    bench.push(&[ANA, BO], 2, second);
    bench.join(CY, Resume::Complete, 1, Some((1, 1, 1)));
    bench.get(CY, 1, first, Way::Joined);
    bench.get(CY, 2, second, Way::Live);
    let text = "lobby: cy was told that the last event is 1, when 2 had been stored before they asked";
    assert_eq!(bench.found(), one(Unread, text));
}

#[test]
fn a_count_of_unread_events_that_is_too_large_is_found() {
    let mut bench = Bench::new();
    let message = bench.chat(ANA, 1);
    bench.join(EVE, Resume::Fresh, 3, None);
    bench.audit(&[(1, message.into())]);
    assert_eq!(bench.found(), one(Unread, "lobby: somebody was told of events up to 3, and the log ends at 1"));
}

#[test]
fn a_complete_return_that_is_not_complete_is_found() {
    let mut bench = Bench::new();
    let seat = bench.seat(CY);
    bench.ledger.absent(seat);
    let (first, second) = (bench.post(ANA, 1), bench.post(ANA, 2));
    bench.push(&[ANA, BO], 1, first);
    bench.push(&[ANA, BO], 2, second);
    bench.join(CY, Resume::Complete, 2, Some((2, 2, 1)));
    bench.get(CY, 2, second, Way::Joined);
    assert_eq!(
        bench.found(),
        [
            (
                Unread,
                "lobby: cy came back with 0 and was told to have all up to 2 again, with 1 events from 2 to 2"
                    .to_owned()
            ),
            (Lost, "lobby: cy never got message 0 of ana (seq 1), though they were there".to_owned())
        ]
    );
}

#[test]
fn a_position_that_is_ignored_is_found() {
    let mut bench = Bench::new();
    let message = bench.chat(ANA, 1);
    let seat = bench.seat(CY);
    bench.ledger.absent(seat);
    bench.join(CY, Resume::Fresh, 1, Some((1, 1, 1)));
    bench.get(CY, 1, message, Way::Joined);
    let text = "lobby: cy said that they have up to 1, and was answered as if they had said nothing";
    assert_eq!(bench.found(), one(Unread, text));
}

#[test]
fn a_wrong_word_on_where_a_reader_fell_behind_is_found() {
    let mut bench = Bench::new();
    bench.chat(ANA, 1);
    let (seat, now) = (bench.seat(CY), bench.tick());
    bench.ledger.lagged(seat, 4, now);
    let text = "lobby: cy was told to have fallen behind after 4, and the last that came is 1";
    assert_eq!(bench.found(), one(Unread, text));
}

#[test]
fn findings_are_counted_all_and_kept_some() {
    let mut bench = Bench::new();
    for seq in 1..=100 {
        let message = bench.chat(ANA, seq);
        bench.push(&[BO], seq, message);
    }
    let account = bench.close();
    assert_eq!((account.found.get(&Doubled), account.totals.doubled), (Some(&100), 100));
    assert_eq!(account.breaches.len(), BREACHES_SHOWN_MAX);
}
