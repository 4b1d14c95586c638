//! The promises as a client keeps them: the client library over a bad network, against the real server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hubbub_client::link::{
    Backoff, Capacity, Identity, JoinFrom, Link, LinkConfig, LinkHandle, LinkUpdates, Patience, PostKind, ServerUrl,
    Update,
};
use hubbub_protocol::{Event, Nick, RoomName, id::Seq, reply::Posted};
use hubbub_tests::{
    eventually::{eventually, within},
    http,
    ledger::Ledger,
    participant::{Participant, bring_together},
    proxy::{Cut, Proxy},
    seed,
    server::{Server, Setup},
    wire::{Wire, post},
};
use rand::RngExt;
use tokio::{sync::watch, task::JoinHandle};

const FAULTS: usize = 40;

/// A user of the library, who talks until it is told to stop and notes what it is told.
struct Talker {
    nick: String,
    room: RoomName,
    handle: LinkHandle,
    updates: LinkUpdates,
    user: u64,
    queued: usize,
    settled: Vec<(String, Posted)>,
    events: Vec<Event>,
    progress: Arc<AtomicUsize>,
}

fn config(address: std::net::SocketAddr, nick: &str) -> LinkConfig {
    let server = ServerUrl::parse(&address.to_string()).expect("an address");
    let mut config = LinkConfig::new(server, Identity::guest(Nick::parse(nick).expect("a nick")));
    let (base, cap) = (Duration::from_millis(5), Duration::from_millis(100));
    config.backoff = Backoff { base, cap, ..Backoff::default() };
    let (answer, ping) = (Duration::from_millis(1_500), Duration::from_millis(300));
    config.patience = Patience { answer, ping, ..Patience::default() };
    config
}

impl Talker {
    async fn start(config: LinkConfig, nick: &str, progress: Arc<AtomicUsize>) -> Self {
        let room = RoomName::parse("lobby").expect("a room");
        let (handle, mut updates) = Link::start(config);
        let joining = {
            let (handle, room) = (handle.patient(), room.clone());
            async move { handle.join(&room, JoinFrom::After(0)).await }
        };
        let joining = tokio::spawn(joining);
        // Updates are read meanwhile; the room's come behind its snapshot and are not lost here.
        let user = loop {
            match within("the link's first updates", updates.next()).await {
                Some(Update::Identity(identity)) => break identity.user,
                Some(_) => {}
                None => panic!("the link ended"),
            }
        };
        // The join goes on by itself: it is patient.
        drop(joining);
        let (settled, events) = (Vec::new(), Vec::new());
        Self { nick: nick.to_owned(), room, handle, updates, user, queued: 0, settled, events, progress }
    }

    fn say(&mut self) {
        let text = format!("{} says {}", self.nick, self.queued);
        self.handle.post(&self.room, &text, PostKind::Text).expect("the queue has space");
        self.queued += 1;
    }

    fn seq(&self) -> Seq {
        self.events.last().and_then(Event::seq).unwrap_or(0)
    }

    async fn step(&mut self) {
        match within("an update", self.updates.next()).await {
            Some(Update::Settled { nonce, seq, at, .. }) => {
                self.settled.push((nonce.as_str().to_owned(), Posted { seq, at, duplicate: false }));
                self.progress.fetch_add(1, Ordering::Relaxed);
            }
            Some(Update::Events { events, .. }) => self.events.extend(events),
            Some(
                update @ (Update::Failed { .. } | Update::Gap { .. } | Update::Reset { .. } | Update::Left { .. }),
            ) => {
                panic!("{}: {update:?}", self.nick)
            }
            Some(_) => {}
            None => panic!("{}: the link has ended", self.nick),
        }
    }

    /// Talks until `stop`, then until everything is settled.
    fn talk(mut self, stop: watch::Receiver<bool>) -> JoinHandle<Self> {
        tokio::spawn(async move {
            while !*stop.borrow() || self.settled.len() < self.queued {
                while !*stop.borrow() && self.queued < self.settled.len() + 12 {
                    self.say();
                }
                self.step().await;
            }
            self
        })
    }

    fn tell(&self, ledger: &mut Ledger) {
        for (nonce, posted) in &self.settled {
            ledger.acknowledged("lobby", self.user, nonce, *posted);
        }
        ledger.got_all(&self.nick, &self.events);
        ledger.must_be_whole(&self.nick, "lobby");
    }
}

/// Something goes wrong.
async fn fault(server: &mut Server, proxy: &Proxy, random: &mut rand::rngs::StdRng) {
    match random.random_range(0..10) {
        0..=2 => proxy.cut(Cut::Reset),
        3..=4 => proxy.cut(Cut::Finish),
        5 => proxy.freeze(),
        6..=7 => proxy.delay(Duration::from_millis(random.random_range(0..3))),
        8 => {
            server.kill().await;
            server.restart().await;
        }
        _ => {
            server.terminate();
            server.exit().await;
            server.restart().await;
        }
    }
}

#[tokio::test]
async fn links_over_a_bad_network_to_a_dying_server_lose_and_repeat_nothing() {
    let mut random = seed::random("links_over_a_bad_network");
    let setup = Setup::for_load().limit("room_tail_events_max", 32).limit("reconnect_spread_ms", 0);
    let mut server = Server::start(setup).await;
    let proxy = Proxy::start(server.address(), random.random()).await;
    let progress = Arc::new(AtomicUsize::new(0));
    let (stop, stopped) = watch::channel(false);
    let mut talkers = Vec::new();
    for (nick, posts_in_flight_max) in [("one-by-one", 1), ("pipelined", 8)] {
        let mut config = config(proxy.address(), nick);
        config.capacity = Capacity { posts_in_flight_max, ..Capacity::default() };
        talkers.push(Talker::start(config, nick, progress.clone()).await.talk(stopped.clone()));
    }
    for _ in 0..FAULTS {
        let enough = progress.load(Ordering::Relaxed) + random.random_range(1..25);
        eventually("progress", async || (progress.load(Ordering::Relaxed) >= enough).then_some(())).await;
        fault(&mut server, &proxy, &mut random).await;
    }
    stop.send_replace(true);
    let mut ledger = Ledger::new();
    let mut done = Vec::new();
    for talker in talkers {
        done.push(within("a talker to settle everything", talker).await.expect("no panic"));
    }
    let mut fresh = [Participant::new(server.address(), "fresh", &["lobby"])];
    bring_together(&mut ledger, server.address(), &mut fresh).await;
    for talker in &mut done {
        while talker.seq() < fresh[0].seq("lobby") {
            talker.step().await;
        }
        assert_eq!(talker.settled.len(), talker.queued);
        talker.tell(&mut ledger);
    }
    ledger.assert_kept();
    println!("{} posts settled over {} connections", ledger.acknowledgements(), proxy.connections());
    assert!(proxy.connections() > 10);
    let texts = fresh[0].texts("lobby", "one-by-one");
    let in_order: Vec<String> = (0..texts.len()).map(|number| format!("one-by-one says {number}")).collect();
    assert_eq!(texts, in_order, "with one post on its way at a time their order is kept");
}

#[tokio::test]
async fn a_link_is_told_when_the_log_is_another_and_goes_on_with_that() {
    let mut server = Server::start(Setup::for_load()).await;
    let mut talker = Talker::start(config(server.address(), "ana"), "ana", Arc::default()).await;
    (0..3).for_each(|_| talker.say());
    while talker.settled.len() < 3 || talker.seq() < 3 {
        talker.step().await;
    }
    server.kill().await;
    server.forget();
    server.restart().await;
    let user_before = talker.user;
    loop {
        match within("an update", talker.updates.next()).await {
            Some(Update::Identity(identity)) => talker.user = identity.user,
            Some(Update::Reset { .. }) => break,
            Some(Update::Events { events, .. }) => panic!("events of another log without a word: {events:?}"),
            Some(_) => {}
            None => panic!("the link has ended"),
        }
    }
    println!("user {user_before}, then {}", talker.user);
    talker.events.clear();
    talker.settled.clear();
    talker.queued = 0;
    talker.say();
    while talker.settled.is_empty() || talker.seq() < 1 {
        talker.step().await;
    }
    let mut ledger = Ledger::new();
    talker.tell(&mut ledger);
    ledger.assert_kept();
}

#[tokio::test]
async fn a_link_whose_user_dozes_off_has_everything_afterwards() {
    let setup = Setup::for_load().limit("outbox_bytes_max", 65_536).limit("room_tail_bytes_max", 32_768);
    let server = Server::start(setup).await;
    let mut config = config(server.address(), "dozer");
    config.capacity = Capacity { updates_max: 8, ..Capacity::default() };
    // Unread updates are no silence of the server's.
    config.patience = Patience { answer: Duration::from_secs(60), ping: Duration::from_secs(60), ..config.patience };
    let mut dozer = Talker::start(config, "dozer", Arc::default()).await;
    let (mut ana, welcome) = Wire::guest(server.address(), "ana").await;
    ana.join("lobby").await;
    let mut ledger = Ledger::new();
    ledger.acknowledged("lobby", welcome.user.id, "first", ana.post("lobby", "first", "are you there?").await);
    while dozer.seq() < 1 {
        dozer.step().await;
    }
    let text = "z".repeat(4_000);
    for number in 0.. {
        assert!(number < 2_000, "the dozer is never told to lag");
        let mut ids = Vec::new();
        for post_number in 0..16 {
            ids.push((format!("{number}-{post_number}"), 0));
        }
        for (nonce, id) in &mut ids {
            *id = ana.send(post("lobby", nonce, &text)).await;
        }
        for (nonce, id) in ids {
            let ok = ana.reply(id).await.expect("posted");
            ledger.acknowledged(
                "lobby",
                welcome.user.id,
                &nonce,
                hubbub_protocol::envelope::read_ok(&ok).expect("a place"),
            );
        }
        if http::metric(server.address(), "hubbub_lagged_total").await > 0.0 {
            break;
        }
    }
    while dozer.seq() < ledger.acknowledgements() as u64 {
        dozer.step().await;
    }
    dozer.tell(&mut ledger);
    ledger.assert_kept();
    println!("caught up with {} posts", ledger.acknowledgements());
}
