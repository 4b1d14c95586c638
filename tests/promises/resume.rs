//! Promise 4, reconnecting misses nothing and repeats nothing: the answer is complete, gap or reset, never silence.

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use hubbub_protocol::{
    ErrorCode, Event, Request,
    envelope::read_ok,
    reply::{Joined, Resume},
    request,
};
use hubbub_tests::{
    eventually::within,
    ledger::Ledger,
    participant::{Participant, bring_together},
    seed,
    server::{Server, Setup},
    wire::{Heard, Wire, hello_token, join, post},
};
use rand::{RngExt, rngs::StdRng};

const CUTS: usize = 50;

/// A text frame with a request that posts under `nonce`, masked with zeros, as bytes.
fn frame_of_a_post(nonce: &str) -> Vec<u8> {
    let frame = hubbub_protocol::RequestFrame { id: 7_777, request: post("lobby", nonce, "half of this is missing") };
    let text = frame.encode().expect("a request can be encoded");
    let mut bytes = vec![0x81, 0x80 | u8::try_from(text.len()).expect("short").min(126)];
    if text.len() > 125 {
        bytes.extend(u16::try_from(text.len()).expect("short").to_be_bytes());
    }
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(text.as_bytes());
    bytes
}

/// Ends a connection in one of the ways in which connections end.
async fn cut(mut wire: Wire, number: usize, random: &mut StdRng) {
    if random.random_bool(0.5) {
        let frame = frame_of_a_post(&format!("half-{number}"));
        let half = random.random_range(1..frame.len());
        if let Err(lost) = wire.send_bytes(&frame[..half]).await {
            println!("cut {number}: {lost}");
        }
    }
    match random.random_range(0..3) {
        0 => wire.reset(),
        1 => wire.finish().await,
        _ => drop(wire),
    }
}

#[tokio::test]
async fn who_is_cut_fifty_times_sees_the_same_log_as_who_never_was() {
    let mut random = seed::random("fifty_cuts");
    let server = Server::start(Setup::for_load().limit("room_tail_events_max", 64)).await;
    let address = server.address();
    let over = Arc::new(AtomicBool::new(false));
    let steady = {
        let (mut who, over) = (Participant::new(address, "steady", &["lobby"]), over.clone());
        tokio::spawn(async move {
            let mut said = 0;
            while !over.load(Ordering::Relaxed) {
                if who.backlog() == 0 {
                    (0..4).for_each(|number| who.say("lobby", &format!("steady {said} {number}")));
                    said += 1;
                }
                who.step().await;
            }
            who.finish_saying().await;
            who
        })
    };
    let mut torn = Participant::new(address, "torn", &["lobby"]);
    for number in 0..CUTS {
        torn.come_back().await;
        (0..random.random_range(0..6)).for_each(|post| torn.say("lobby", &format!("torn {number} {post}")));
        for _ in 0..random.random_range(0..30) {
            torn.step().await;
        }
        if let Some(wire) = torn.take_wire() {
            cut(wire, number, &mut random).await;
        }
        if number % 10 == 9 {
            // Away for so long that the room's tail does not reach back.
            let mut watcher = Wire::guest(address, &format!("watcher{number}")).await.0;
            let seen = watcher.join("lobby").await.seq;
            while watcher.log_event().await.seq() < Some(seen + 100) {}
            watcher.quit().await;
        }
    }
    torn.finish_saying().await;
    over.store(true, Ordering::Relaxed);
    let steady = within("the steady one to finish", steady).await.expect("no panic");
    assert_eq!(steady.resumes.values().sum::<u32>(), 1, "the steady one was never cut");
    let outcomes: Vec<_> = torn.resumes.keys().copied().collect();
    println!("torn came back as {:?}", torn.resumes);
    assert_eq!(outcomes, ["complete", "fresh", "gap"]);

    let mut ledger = Ledger::new();
    bring_together(&mut ledger, address, &mut [steady, torn]).await;
    ledger.assert_kept();
    let log = Wire::guest(address, "checker").await.0.whole_log("lobby").await;
    let half = log.iter().find(|event| matches!(event, Event::Post(post) if post.nonce.starts_with("half-")));
    assert_eq!(half, None, "half a frame was taken for a request");
}

#[tokio::test]
async fn a_position_is_answered_with_complete_gap_or_reset() {
    let server = Server::start(Setup::for_load().limit("room_tail_events_max", 8).limit("join_events_max", 4)).await;
    let mut ana = Wire::guest(server.address(), "ana").await.0;
    let epoch = ana.join("lobby").await.epoch;
    for number in 1..=20 {
        ana.post("lobby", &number.to_string(), "x").await;
    }
    let mut bo = Wire::guest(server.address(), "bo").await.0;
    let seqs = |joined: &Joined| joined.events.iter().filter_map(Event::seq).collect::<Vec<_>>();

    let fresh = bo.join("lobby").await;
    assert_eq!((fresh.resume, seqs(&fresh), fresh.seq), (Resume::Fresh, vec![17, 18, 19, 20], 20));
    let complete = bo.join_since("lobby", &epoch, 13).await;
    assert_eq!((complete.resume, seqs(&complete)), (Resume::Complete, vec![14, 15, 16, 17, 18, 19, 20]));
    let current = bo.join_since("lobby", &epoch, 20).await;
    assert_eq!((current.resume, seqs(&current)), (Resume::Complete, vec![]));
    let gap = bo.join_since("lobby", &epoch, 3).await;
    assert_eq!(gap.resume, Resume::Gap);
    assert_eq!(seqs(&gap).last(), Some(&20), "the newest events are there all the same");
    let other_log = bo.join_since("lobby", "another-epoch", 20).await;
    assert_eq!((other_log.resume, seqs(&other_log)), (Resume::Reset, vec![17, 18, 19, 20]));
    let from_the_future = bo.join_since("lobby", &epoch, 21).await;
    assert_eq!(from_the_future.resume, Resume::Reset, "a log that is longer than ours is not ours");

    // All those joins were of one seat: what is posted now comes once.
    ana.post("lobby", "21", "x").await;
    ana.post("lobby", "22", "x").await;
    assert_eq!((bo.log_event().await.seq(), bo.log_event().await.seq()), (Some(21), Some(22)));
}

#[tokio::test]
async fn a_position_in_a_log_that_was_thrown_away_is_reset() {
    let mut server = Server::start(Setup::for_load()).await;
    let (mut ana, welcome) = Wire::guest(server.address(), "ana").await;
    let epoch = ana.join("lobby").await.epoch;
    ana.post("lobby", "1", "of the old log").await;
    server.kill().await;
    server.forget();
    server.restart().await;
    let mut again = Wire::connect(server.address()).await;
    assert_eq!(again.refused(hello_token(&welcome.token)).await.code, ErrorCode::UnknownSession);
    again.hello_guest("ana").await;
    // The new log is as long as the old one, so only its name tells the two apart.
    let fresh = again.join("lobby").await;
    again.post("lobby", "1", "of the new log").await;
    let joined = again.join_since("lobby", &epoch, 1).await;
    assert_eq!((joined.resume, joined.events.len()), (Resume::Reset, 1));
    assert_eq!((joined.epoch == epoch, joined.epoch), (false, fresh.epoch));
}

#[tokio::test]
async fn the_log_keeps_its_epoch_over_a_restart_and_a_position_stays_worth_something() {
    let mut server = Server::start(Setup::for_load()).await;
    let (mut ana, welcome) = Wire::guest(server.address(), "ana").await;
    let epoch = ana.join("lobby").await.epoch;
    for number in 1..=5 {
        ana.post("lobby", &number.to_string(), "x").await;
    }
    server.kill().await;
    server.restart().await;
    let mut again = Wire::connect(server.address()).await;
    again.hello_token(&welcome.token).await;
    let joined = again.join_since("lobby", &epoch, 2).await;
    assert_eq!((joined.resume, joined.epoch, joined.events.len()), (Resume::Complete, epoch, 3));
}

/// Joins the lobby; what comes before the reply belongs to the stay before and is left out, and what comes
/// behind it is left to be heard.
async fn join_in_order(joiner: &mut Wire) -> Joined {
    let id = joiner.send(join("lobby", None)).await;
    loop {
        match joiner.hear().await {
            Heard::Reply(Some(re), Ok(ok)) if re == id => return read_ok(&ok).expect("a reply to join"),
            Heard::Event(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_hand_over_from_history_to_live_has_no_hole() {
    let server = Server::start(Setup::for_load().shards(2)).await;
    let address = server.address();
    let over = Arc::new(AtomicBool::new(false));
    let talker = {
        let (mut who, over) = (Participant::new(address, "talker", &["lobby"]), over.clone());
        tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                while who.backlog() < 8 {
                    who.say("lobby", "on and on");
                }
                who.step().await;
            }
            who.finish_saying().await;
            who
        })
    };
    // Again and again somebody joins in the middle of it, on one connection and on new ones.
    let mut ledger = Ledger::new();
    let mut joiner = Wire::guest(address, "joiner").await.0;
    for number in 0..40 {
        if number % 4 == 0 {
            joiner = Wire::guest(address, &format!("joiner{number}")).await.0;
        }
        let name = format!("stay {number}");
        let joined = join_in_order(&mut joiner).await;
        ledger.got_all(&name, &joined.events);
        let mut at = joined.seq;
        while at < joined.seq + 25 {
            let event = joiner.log_event().await;
            at = event.seq().unwrap_or(at);
            ledger.got(&name, &event);
        }
    }
    over.store(true, Ordering::Relaxed);
    let talker = within("the talker to finish", talker).await.expect("no panic");
    bring_together(&mut ledger, address, &mut [talker]).await;
    ledger.assert_kept();
}

#[tokio::test]
async fn who_comes_back_is_served_from_the_tail_without_the_store() {
    let server = Server::start(Setup::for_load()).await;
    let (mut ana, welcome) = Wire::guest(server.address(), "ana").await;
    let epoch = ana.join("lobby").await.epoch;
    for number in 1..=5 {
        ana.post("lobby", &number.to_string(), "x").await;
    }
    // The ground is pulled from under the store: who has to read from it gets nothing any more.
    for file in ["hubbub.db", "hubbub.db-wal"] {
        let file = File::options().write(true).open(server.data().join(file)).expect("a file of the store");
        file.set_len(0).expect("it can be cut");
    }
    let mut again = Wire::connect(server.address()).await;
    again.hello_token(&welcome.token).await;
    let history = Request::History(request::History { room: "lobby".to_owned(), ..Default::default() });
    let error = again.refused(history).await;
    assert!(matches!(error.code, ErrorCode::StoreUnavailable | ErrorCode::Internal), "the store still reads: {error}");
    let joined = again.join_since("lobby", &epoch, 2).await;
    assert_eq!((joined.resume, joined.events.len()), (Resume::Complete, 3));
}
