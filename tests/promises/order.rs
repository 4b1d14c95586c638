//! Promise 2, one order per room: the same dense log for every reader, live and from history, both ways.

use hubbub_protocol::{Event, request};
use hubbub_tests::{
    eventually::within,
    ledger::Ledger,
    participant::{Participant, bring_together},
    server::{Server, Setup},
    wire::Wire,
};

const SENDERS: u64 = 6;
const READERS: u64 = 6;
const POSTS: u64 = 100;

/// A log from its end to its beginning, page by page.
async fn log_backwards(wire: &mut Wire, room: &str) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let before = events.first().and_then(Event::seq);
        let request = request::History { room: room.to_owned(), before, limit: Some(97), after: None };
        let mut page = wire.history(request).await;
        page.events.append(&mut events);
        events = page.events;
        if !page.more {
            return events;
        }
    }
}

#[tokio::test]
async fn every_reader_on_every_shard_gets_the_same_dense_log() {
    let server = Server::start(Setup::for_load().shards(4)).await;
    let address = server.address();
    let total = SENDERS * POSTS;
    let people = (0..SENDERS + READERS).map(|number| {
        let mut who = Participant::new(address, &format!("p{number}"), &["lobby"]);
        if number < SENDERS {
            (0..POSTS).for_each(|post| who.say("lobby", &format!("{number} says {post}")));
        }
        tokio::spawn(async move {
            who.finish_saying().await;
            who.read_until("lobby", total).await;
            who
        })
    });
    let mut all = Vec::new();
    for who in people.collect::<Vec<_>>() {
        all.push(within("everybody to have everything", who).await.expect("no panic"));
    }
    assert!(all.iter().all(|who| who.resumes.keys().eq(["fresh"].iter())), "nobody had to come back");
    let mut ledger = Ledger::new();
    bring_together(&mut ledger, address, &mut all).await;

    let mut wire = Wire::guest(address, "historian").await.0;
    for (name, log) in
        [("forwards", wire.whole_log("lobby").await), ("backwards", log_backwards(&mut wire, "lobby").await)]
    {
        assert_eq!(log.len() as u64, total);
        ledger.got_all(name, &log);
        ledger.must_be_whole(name, "lobby");
    }
    assert_eq!(ledger.acknowledgements() as u64, total);
    ledger.assert_kept();
}

#[tokio::test]
async fn posts_and_topics_of_one_room_share_one_order_and_other_rooms_have_their_own() {
    let server = Server::start(Setup::for_load()).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    ana.join("lobby").await;
    ana.join("kitchen").await;
    let topic = |nonce: &str, topic: &str| {
        hubbub_protocol::Request::Topic(request::Topic {
            room: "lobby".to_owned(),
            nonce: nonce.to_owned(),
            topic: topic.to_owned(),
        })
    };
    assert_eq!(ana.post("lobby", "1", "one").await.seq, 1);
    assert_eq!(ana.ask::<hubbub_protocol::reply::Posted>(topic("2", "tea")).await.seq, 2);
    assert_eq!(ana.post("kitchen", "1", "one").await.seq, 1, "the same nonce in another room is another send");
    assert_eq!(ana.post("lobby", "3", "three").await.seq, 3);
    let log = ana.whole_log("lobby").await;
    assert!(
        matches!(&log[..], [Event::Post(_), Event::Topic(topic), Event::Post(_)] if topic.topic == "tea"),
        "{log:?}"
    );
    let mut bo = Wire::guest(server.address(), "bo").await.0;
    let joined = bo.join("LOBBY").await;
    assert_eq!((joined.room.as_str(), joined.topic.as_str(), joined.seq), ("lobby", "tea", 3));
    assert_eq!(joined.events, log, "a join and history say the same");
}
