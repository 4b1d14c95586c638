//! Promise 3, sending twice posts once: a repeat of a nonce gets the first one's place, whenever it comes.

use hubbub_protocol::{Request, envelope::read_ok, reply::Posted, request};
use hubbub_tests::{
    server::{Server, Setup},
    wire::{Wire, post},
};

#[tokio::test]
async fn a_nonce_posts_once_however_often_and_whenever_it_is_sent() {
    let mut server = Server::start(Setup::for_load()).await;
    let (mut ana, welcome) = Wire::guest(server.address(), "ana").await;
    ana.join("lobby").await;
    let first = ana.post("lobby", "n-1", "hi").await;
    assert!(!first.duplicate);
    let same = Posted { duplicate: true, ..first };
    for _ in 0..4 {
        assert_eq!(ana.post("lobby", "n-1", "hi").await, same);
    }

    // Twice in one write, before the first can be answered.
    let ids = [ana.feed(post("lobby", "n-2", "ho")).await, ana.feed(post("lobby", "n-2", "ho")).await];
    ana.flush().await.expect("sent");
    let mut places = Vec::new();
    for id in ids {
        places.push(read_ok::<Posted>(&ana.reply(id.expect("fed")).await.expect("posted")).expect("a place"));
    }
    assert_eq!((places[0].seq, places[0].duplicate, places[1].duplicate), (2, false, true));
    assert_eq!(places[1], Posted { duplicate: true, ..places[0] });

    // From another connection of the same session.
    let mut again = Wire::connect(server.address()).await;
    assert!(again.hello_token(&welcome.token).await.resumed);
    again.join("lobby").await;
    assert_eq!(again.post("lobby", "n-1", "hi").await, same);

    // After the server was killed, and with another text: the first one counts.
    server.kill().await;
    server.restart().await;
    let mut after = Wire::connect(server.address()).await;
    after.hello_token(&welcome.token).await;
    after.join("lobby").await;
    assert_eq!(after.post("lobby", "n-1", "another text").await, same);

    let log = after.whole_log("lobby").await;
    let nonces = log.iter().map(|event| match event {
        hubbub_protocol::Event::Post(post) => (post.seq, post.nonce.as_str(), post.text.as_str()),
        other => panic!("{other:?}"),
    });
    let nonces: Vec<_> = nonces.collect();
    assert_eq!(nonces, [(1, "n-1", "hi"), (2, "n-2", "ho")]);
}

#[tokio::test]
async fn a_nonce_is_its_sender_s_own_and_a_topic_has_one_too() {
    let server = Server::start(Setup::for_load()).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    let mut bo = Wire::guest(server.address(), "bo").await.0;
    ana.join("lobby").await;
    bo.join("lobby").await;
    assert_eq!(ana.post("lobby", "n", "from ana").await.seq, 1);
    let bos = bo.post("lobby", "n", "from bo").await;
    assert_eq!((bos.seq, bos.duplicate), (2, false), "the same nonce of another sender is another send");
    let topic = |topic: &str| {
        Request::Topic(request::Topic { room: "lobby".to_owned(), nonce: "t".to_owned(), topic: topic.to_owned() })
    };
    let set: Posted = ana.ask(topic("tea")).await;
    assert_eq!((set.seq, set.duplicate), (3, false));
    let repeated: Posted = ana.ask(topic("coffee")).await;
    assert_eq!(repeated, Posted { duplicate: true, ..set });
    assert_eq!(bo.join("lobby").await.topic, "tea", "a repeat changes nothing");
}
