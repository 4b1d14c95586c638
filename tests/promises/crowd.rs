//! All promises at once, with every queue as small as it can be: a crowd that talks, is cut and comes back.

use std::sync::Arc;

use hubbub_tests::{
    eventually::within,
    http,
    ledger::Ledger,
    participant::{Participant, bring_together},
    seed,
    server::{Server, Setup},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::sync::Barrier;

const PEOPLE: u64 = 10;
const ROOMS: [&str; 4] = ["one", "two", "three", "four"];
const POSTS: u64 = 60;

/// Every queue at its smallest.
fn smallest() -> Setup {
    let smallest = [
        ("outbox_bytes_max", 16_384),
        ("room_tail_bytes_max", 4_096),
        ("room_tail_events_max", 4),
        ("join_events_max", 2),
        ("room_inbox_max", 1),
        ("commit_batch_max", 1),
        ("store_inbox_max", 1),
        ("store_journal_events_max", 2),
        ("store_journal_bytes_max", 4_096),
        ("store_readers", 1),
        ("store_reader_inbox_max", 1),
        ("shard_inbox_max", 1),
        ("shard_slice_deliveries_max", 1),
        ("presence_interval_ms", 10),
    ];
    smallest.iter().fold(Setup::for_load().shards(3), |setup, (name, value)| setup.limit(name, *value))
}

/// Talks in all rooms, and is cut now and then.
async fn talk(mut who: Participant, mut random: StdRng, together: Arc<Barrier>) -> Participant {
    who.come_back().await;
    together.wait().await;
    for number in 0..POSTS {
        let room = ROOMS.choose(&mut random).expect("a room");
        let length = random.random_range(1..3_000);
        who.say(room, &format!("{number} {}", "w".repeat(length)));
        for _ in 0..random.random_range(0..8) {
            // Once all of its own is said, nobody may have anything more to tell: all could wait for each other.
            if who.is_done() {
                break;
            }
            who.step().await;
        }
        if random.random_ratio(1, 20)
            && let Some(wire) = who.take_wire()
        {
            wire.reset();
        }
    }
    who.finish_saying().await;
    who
}

#[tokio::test]
async fn with_the_smallest_queues_everything_still_arrives() {
    let mut random = seed::random("smallest_queues");
    let server = Server::start(smallest()).await;
    let address = server.address();
    let together = Arc::new(Barrier::new(usize::try_from(PEOPLE).expect("few")));
    let people: Vec<_> = (0..PEOPLE)
        .map(|number| {
            let who = Participant::new(address, &format!("p{number}"), &ROOMS);
            tokio::spawn(talk(who, StdRng::from_rng(&mut random), together.clone()))
        })
        .collect();
    let mut all = Vec::new();
    for who in people {
        all.push(within("everybody to say everything", who).await.expect("no panic"));
    }
    let mut ledger = Ledger::new();
    bring_together(&mut ledger, address, &mut all).await;
    ledger.assert_kept();
    assert_eq!(ledger.acknowledgements() as u64, PEOPLE * POSTS);
    assert_eq!(http::metric(address, "hubbub_posts_total").await, (PEOPLE * POSTS) as f64, "stored once each");
}
