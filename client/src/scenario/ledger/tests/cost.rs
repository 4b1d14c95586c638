//! What an event costs, printed for whoever asks.

use std::{hint::black_box, time::Instant};

use hubbub_protocol::{RoomName, reply::Resume};

use crate::scenario::{
    id::{Moment, PersonId, SeatId},
    ledger::{Content, JoinedView, Ledger, Way, message::Message, seat::Seat},
};

/// Plays posts to a room of so many; gives nanoseconds for a receipt.
fn fan_out(people: u32, posts: u64, captured: bool) -> f64 {
    let mut ledger = Ledger::new("run".to_owned());
    let room = ledger.room(&RoomName::parse("lobby").expect("a name"));
    let seats: Vec<SeatId> = (0..people).map(|person| ledger.seat(PersonId(person), room)).collect();
    for seat in &seats {
        ledger.join_asked(*seat);
        let view = JoinedView { epoch: "log", seq: 0, resume: Resume::Fresh, events: None };
        ledger.joined(*seat, view, Moment(0));
    }
    let group = captured.then(|| ledger.group());
    let begin = Instant::now();
    for seq in 1..=posts {
        let now = Moment(seq * 20_000);
        let message = ledger.intend(PersonId(0), room, now, group);
        ledger.sent(message, now);
        ledger.accepted(message, seq, false, now);
        for (at, seat) in seats.iter().enumerate() {
            ledger.event(black_box(*seat), seq, Content::Ours(message), Way::Live, Moment(now.0 + at as u64 * 900));
        }
    }
    let took = begin.elapsed();
    assert_eq!(ledger.close(Moment(posts * 20_000)).totals.delivered_live, posts * u64::from(people));
    took.as_nanos() as f64 / (posts * u64::from(people)) as f64
}

#[test]
#[ignore = "a measurement: run it in release with --nocapture"]
fn cost_of_an_event() {
    println!("a seat: {} bytes, a message: {} bytes", size_of::<Seat>(), size_of::<Message>());
    for (people, posts) in [(10, 300_000), (1_000, 20_000), (10_000, 1_000)] {
        let (plain, captured) = (fan_out(people, posts, false), fan_out(people, posts / 10, true));
        println!("a room of {people}: {plain:.1} ns a receipt, {captured:.1} ns when captured");
    }
}
