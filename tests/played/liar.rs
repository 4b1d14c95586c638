//! The server double that lies: it does exactly what its lie says, once, and changes nothing else.

use std::time::{Duration, Instant};

use hubbub_protocol::{Event, reply::Joined};
use hubbub_tests::{
    liar::{Liar, Lie},
    server::{Server, Setup},
    wire::Wire,
};

/// What somebody heard of a room's log, up to the last word.
type Heard = Vec<(u64, String)>;

/// The last post of every story.
const LAST: &str = "end";

fn said(event: Event) -> (u64, String) {
    match event {
        Event::Post(post) => (post.seq, post.text),
        other => panic!("not a post: {other:?}"),
    }
}

async fn heard(wire: &mut Wire) -> Heard {
    let mut heard = Heard::new();
    while heard.last().is_none_or(|(_, text)| text != LAST) {
        heard.push(said(wire.log_event().await));
    }
    heard
}

fn log(words: &[(u64, &str)]) -> Heard {
    words.iter().map(|(seq, text)| (*seq, (*text).to_owned())).collect()
}

/// What is true when nobody lies.
fn truth() -> Heard {
    log(&[(1, "one"), (2, "two"), (3, "three"), (4, LAST)])
}

/// A story behind a liar: ana says some words in the lobby, bo is there too, and eve sits in the attic.
struct Story {
    // Dropped in this order: nobody hears of the server's end.
    ana: Wire,
    bo: Wire,
    eve: Wire,
    liar: Liar,
    server: Server,
    bo_s_token: String,
    epoch: String,
}

impl Story {
    async fn begin(lie: Lie, victim: &str, nth: u32) -> Self {
        let server = Server::start(Setup::for_load()).await;
        let liar = Liar::start(server.address(), lie, victim, nth).await;
        let (mut ana, _) = Wire::guest(liar.address(), "ana").await;
        let (mut bo, welcome) = Wire::guest(liar.address(), "bo").await;
        let (mut eve, _) = Wire::guest(liar.address(), "eve").await;
        let epoch = ana.join("lobby").await.epoch;
        bo.join("lobby").await;
        eve.join("attic").await;
        Self { ana, bo, eve, liar, server, bo_s_token: welcome.token, epoch }
    }

    /// Ana speaks; answers the places that she is told.
    async fn speak(&mut self) -> Vec<u64> {
        let mut places = Vec::new();
        for text in ["one", "two", "three", LAST] {
            places.push(self.ana.post("lobby", &format!("n-{text}"), text).await.seq);
        }
        places
    }

    /// Bo goes, and comes back with the first event; the reply to his `join`.
    async fn bo_returns(&mut self) -> Joined {
        let liar = self.liar.address();
        std::mem::replace(&mut self.bo, Wire::connect(liar).await).finish().await;
        self.bo.hello_token(&self.bo_s_token).await;
        self.bo.join_since("lobby", &self.epoch, 1).await
    }

    /// The lie was told, and the log is what it would be without it.
    async fn end(self, log: Heard) {
        assert_eq!(self.liar.told(), 1);
        let mut witness = Wire::guest(self.server.address(), "witness").await.0;
        let stored: Heard = witness.whole_log("lobby").await.into_iter().map(said).collect();
        assert_eq!(stored, log);
    }
}

#[tokio::test]
async fn an_honest_proxy_changes_nothing() {
    let mut story = Story::begin(Lie::None, "bo", 1).await;
    assert_eq!(story.speak().await, [1, 2, 3, 4]);
    assert_eq!(heard(&mut story.ana).await, truth());
    assert_eq!(heard(&mut story.bo).await, truth());
    let joined = story.bo_returns().await;
    let direct = Wire::guest(story.server.address(), "witness").await.0.join_since("lobby", &story.epoch, 1).await;
    assert_eq!((joined.seq, joined.resume, joined.events), (direct.seq, direct.resume, direct.events));
    let long = "long ".repeat(700);
    story.eve.post("attic", "long", &long).await;
    assert_eq!(said(story.eve.log_event().await), (1, long));
    story.eve.quit().await;
    assert_eq!(story.liar.told(), 0);
}

/// What bo hears when this is done to the second post that he gets; ana hears the truth.
async fn bo_hears(lie: Lie) -> Heard {
    let mut story = Story::begin(lie, "bo", 2).await;
    assert_eq!(story.speak().await, [1, 2, 3, 4]);
    assert_eq!(heard(&mut story.ana).await, truth());
    let found = heard(&mut story.bo).await;
    story.end(truth()).await;
    found
}

#[tokio::test]
async fn a_lost_post_is_missing_for_one_reader() {
    assert_eq!(bo_hears(Lie::Loses).await, log(&[(1, "one"), (3, "three"), (4, LAST)]));
}

#[tokio::test]
async fn a_doubled_post_comes_twice_to_one_reader() {
    assert_eq!(bo_hears(Lie::Doubles).await, log(&[(1, "one"), (2, "two"), (2, "two"), (3, "three"), (4, LAST)]));
}

#[tokio::test]
async fn reordered_posts_keep_their_places_and_come_the_wrong_way_round() {
    assert_eq!(bo_hears(Lie::Reorders).await, log(&[(1, "one"), (3, "three"), (2, "two"), (4, LAST)]));
}

#[tokio::test]
async fn rewritten_posts_look_orderly_and_are_another_order() {
    assert_eq!(bo_hears(Lie::Rewrites).await, log(&[(1, "one"), (2, "three"), (3, "two"), (4, LAST)]));
}

#[tokio::test]
async fn an_altered_post_has_other_words_for_one_reader() {
    assert_eq!(bo_hears(Lie::Alters).await, log(&[(1, "one"), (2, "what nobody said"), (3, "three"), (4, LAST)]));
}

#[tokio::test]
async fn delayed_posts_are_late_in_their_order() {
    let late = Duration::from_millis(300);
    let mut story = Story::begin(Lie::Delays(late), "bo", 2).await;
    let begun = Instant::now();
    story.speak().await;
    assert_eq!(heard(&mut story.bo).await, truth());
    assert!(begun.elapsed() >= late);
    assert_eq!(heard(&mut story.ana).await, truth());
    story.end(truth()).await;
}

#[tokio::test]
async fn a_leaked_post_comes_to_an_outsider_too() {
    let mut story = Story::begin(Lie::Leaks("eve".to_owned()), "bo", 2).await;
    story.speak().await;
    assert_eq!(said(story.eve.log_event().await), (2, "two".to_owned()));
    for wire in [&mut story.ana, &mut story.bo] {
        assert_eq!(heard(wire).await, truth());
    }
    story.end(truth()).await;
}

#[tokio::test]
async fn a_forgotten_post_is_acknowledged_and_nowhere() {
    let mut story = Story::begin(Lie::Forgets, "ana", 2).await;
    assert_eq!(story.speak().await, [1, 2, 2, 3]);
    let without = log(&[(1, "one"), (2, "three"), (3, LAST)]);
    for wire in [&mut story.ana, &mut story.bo] {
        assert_eq!(heard(wire).await, without);
    }
    story.end(without).await;
}

#[tokio::test]
async fn a_misplaced_post_is_acknowledged_where_it_is_not() {
    let mut story = Story::begin(Lie::Misplaces, "ana", 2).await;
    assert_eq!(story.speak().await, [1, 3, 3, 4]);
    for wire in [&mut story.ana, &mut story.bo] {
        assert_eq!(heard(wire).await, truth());
    }
    story.end(truth()).await;
}

#[tokio::test]
async fn an_eaten_post_is_missing_for_its_own_sender() {
    let mut story = Story::begin(Lie::EatsOwn, "ana", 2).await;
    story.speak().await;
    assert_eq!(heard(&mut story.ana).await, log(&[(1, "one"), (3, "three"), (4, LAST)]));
    assert_eq!(heard(&mut story.bo).await, truth());
    story.end(truth()).await;
}

#[tokio::test]
async fn a_miscounted_return_claims_an_event_that_is_not_there() {
    let mut story = Story::begin(Lie::Miscounts, "bo", 1).await;
    story.speak().await;
    let joined = story.bo_returns().await;
    assert_eq!(joined.seq, 5);
    assert_eq!(joined.events.into_iter().map(said).collect::<Heard>(), truth()[1..]);
    story.end(truth()).await;
}

#[tokio::test]
async fn an_omitting_return_leaves_out_what_was_missed_first() {
    let mut story = Story::begin(Lie::Omits, "bo", 1).await;
    story.speak().await;
    let joined = story.bo_returns().await;
    assert_eq!(joined.seq, 4);
    assert_eq!(joined.events.into_iter().map(said).collect::<Heard>(), truth()[2..]);
    story.end(truth()).await;
}
