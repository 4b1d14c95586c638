//! The shard as a whole, driven turn by turn without a socket or a clock.

use std::sync::Arc;

use actix::{Actor, Context, Handler, Recipient};
use hubbub_protocol::RoomName;
use tokio::sync::Semaphore;

use super::*;
use crate::fanout::{
    command::{LogChunk, RoomTag},
    outbox::tests::Pipe,
};

/// Takes orders and does nothing.
struct Nobody;

impl Actor for Nobody {
    type Context = Context<Self>;
}

impl Handler<Order> for Nobody {
    type Result = ();

    fn handle(&mut self, _: Order, _: &mut Self::Context) {}
}

/// A shard whose loop does not run, so that a test takes its turns.
struct Bench {
    shard: Shard,
    orders: Recipient<Order>,
}

impl Bench {
    fn new(slice_deliveries_max: usize) -> Self {
        let shard = Shard::new(0, ShardLimits { slice_deliveries_max }, Arc::default());
        Self { shard, orders: Nobody.start().recipient() }
    }

    fn connect(&mut self, budget: usize, bytes_max: usize) -> (ConnectionId, Rc<Pipe>) {
        let pipe = Pipe::open(budget);
        let outbox = Rc::new(Outbox::new(pipe.clone(), bytes_max));
        (self.shard.connect(outbox, self.orders.clone().into()), pipe)
    }

    fn turn(&mut self, batches: Vec<Batch>) -> bool {
        self.shard.turn(&mut batches.into_iter().map(ShardCommand::Batch).collect(), 0)
    }
}

fn batch(id: RoomId, items: Vec<Item>) -> Batch {
    let name = RoomName::parse(&format!("room{id}")).expect("a name");
    Batch { room: Arc::new(RoomTag { id, name }), items: items.into_iter().collect() }
}

fn log(seq: Seq, text: &'static str) -> Item {
    Item::Log(LogChunk { frames: Bytes::from_static(text.as_bytes()), first_seq: seq, events: 1 })
}

fn seat(id: ConnectionId, reply: &'static str) -> Item {
    Item::Seat(id, Bytes::from_static(reply.as_bytes()))
}

#[actix_rt::test]
async fn a_room_of_ten_thousand_delays_a_room_of_three_by_one_slice() {
    let mut bench = Bench::new(256);
    let crowd: Vec<_> = (0..10_000).map(|_| bench.connect(1_000, 1_000)).collect();
    let three: Vec<_> = (0..3).map(|_| bench.connect(1_000, 1_000)).collect();
    bench.turn(vec![batch(1, crowd.iter().map(|(id, _)| seat(*id, "")).collect())]);
    bench.turn(vec![batch(2, three.iter().map(|(id, _)| seat(*id, "")).collect())]);
    // The large room is first in the queue, and has more to come in every turn.
    assert!(bench.turn(vec![batch(1, vec![log(1, "large")]), batch(2, vec![log(1, "small")])]));
    assert!(bench.turn(vec![batch(1, vec![log(2, "large")])]));
    assert!(three.iter().all(|(_, pipe)| pipe.text() == "small"));
    let served = |crowd: &[(ConnectionId, Rc<Pipe>)]| crowd.iter().filter(|(_, pipe)| !pipe.text().is_empty()).count();
    assert!((256..=512).contains(&served(&crowd)), "{}", served(&crowd));
    while bench.turn(vec![]) {}
    assert!(crowd.iter().all(|(_, pipe)| pipe.text() == "largelarge"));
}

#[actix_rt::test]
async fn a_reply_to_a_join_stands_between_what_came_before_and_what_comes_after() {
    let mut bench = Bench::new(1);
    let (ana, pipe) = bench.connect(1_000, 1_000);
    let (bo, others) = bench.connect(1_000, 1_000);
    bench.turn(vec![batch(1, vec![seat(bo, "(bo)"), log(1, "1"), seat(ana, "(state at 1)"), log(2, "2")])]);
    // Joining again asks for the state anew; nothing is skipped or repeated around it.
    bench.turn(vec![batch(1, vec![log(3, "3"), seat(ana, "(state at 3)"), log(4, "4")])]);
    while bench.turn(vec![]) {}
    assert_eq!(pipe.text(), "(state at 1)23(state at 3)4");
    assert_eq!(others.text(), "(bo)1234");
    let unseat = Item::Unseat(ana, Some(Bytes::from_static(b"(left)")));
    bench.turn(vec![batch(1, vec![log(5, "5"), unseat, log(6, "6")])]);
    while bench.turn(vec![]) {}
    assert_eq!(pipe.text(), "(state at 1)23(state at 3)45(left)");
}

#[actix_rt::test]
async fn who_falls_behind_is_told_where_and_goes_on_after_joining_again() {
    let mut bench = Bench::new(256);
    let (slow, pipe) = bench.connect(0, 10);
    let (_, other) = {
        let connection = bench.connect(1_000, 1_000);
        bench.turn(vec![batch(1, vec![seat(slow, ""), seat(connection.0, "")])]);
        connection
    };
    for seq in 1..=4 {
        bench.turn(vec![batch(1, vec![log(seq, "event")])]);
    }
    assert_eq!(other.text(), "event".repeat(4), "nobody waits for the slow one");
    pipe.budget.set(10_000);
    bench.shard.connections[slow.slot as usize].outbox.writable();
    let told = pipe.text();
    assert!(told.starts_with("eventevent") && told.ends_with(r#"{"ev":"lagged","room":"room1","seq":2}"#), "{told}");
    bench.turn(vec![batch(1, vec![log(5, "unseen"), seat(slow, "(state at 5)"), log(6, "six")])]);
    assert_eq!(pipe.text()[told.len()..], *"(state at 5)six");
}

#[actix_rt::test]
async fn a_room_s_credit_comes_back_when_all_have_what_it_paid_for() {
    let mut bench = Bench::new(2);
    let crowd: Vec<_> = (0..5).map(|_| bench.connect(1_000, 1_000)).collect();
    bench.turn(vec![batch(1, crowd.iter().map(|(id, _)| seat(*id, "")).collect())]);
    let credits = Arc::new(Semaphore::new(8));
    let credit = credits.clone().acquire_many_owned(3).await.expect("open");
    assert!(bench.turn(vec![batch(1, vec![log(1, "a"), log(2, "b"), log(3, "c"), Item::Credit(credit)])]));
    assert_eq!(credits.available_permits(), 5);
    while bench.turn(vec![]) {}
    assert_eq!(credits.available_permits(), 8);
    // Even when those who should have had it have gone.
    let credit = credits.clone().acquire_many_owned(3).await.expect("open");
    assert!(bench.turn(vec![batch(1, vec![log(4, "d"), Item::Credit(credit)])]));
    crowd.iter().for_each(|(id, _)| bench.shard.disconnect(*id));
    assert_eq!(credits.available_permits(), 8);
}

#[actix_rt::test]
async fn an_old_address_reaches_nobody() {
    let mut bench = Bench::new(256);
    let (old, _) = bench.connect(1_000, 1_000);
    bench.shard.disconnect(old);
    let (new, pipe) = bench.connect(1_000, 1_000);
    assert_eq!((old.slot, old == new), (new.slot, false));
    bench.turn(vec![batch(1, vec![seat(old, "(old)"), Item::Reply(old, Bytes::from_static(b"?")), log(1, "1")])]);
    assert_eq!(pipe.text(), "");
}
