//! Promise 5, nobody waits for a slow reader: others go on, memory stays bounded, and the slow one is told.

use hubbub_protocol::{Event, Request, close, event::Presence, reply::Done, reply::Resume, request};
use hubbub_tests::{
    eventually::eventually,
    http,
    ledger::Ledger,
    server::{Server, Setup},
    wire::{Heard, Wire, post},
};

const OUTBOX_BYTES_MAX: u64 = 64 * 1_024;

/// A server with small outboxes.
fn small_outboxes() -> Setup {
    Setup::for_load().limit("outbox_bytes_max", OUTBOX_BYTES_MAX).limit("room_tail_bytes_max", OUTBOX_BYTES_MAX / 2)
}

/// Somebody who joins the lobby over a narrow connection, to stop reading.
async fn sleeper(server: &Server) -> (Wire, String) {
    let mut sleeper = Wire::connect_narrow(server.address()).await;
    sleeper.hello_guest("sleeper").await;
    let epoch = sleeper.join("lobby").await.epoch;
    (sleeper, epoch)
}

/// Posts sixteen long texts and waits for all of them; answers the last seq.
async fn burst(ana: &mut Wire, number: usize) -> u64 {
    let text = "z".repeat(4_000);
    let mut last = 0;
    let mut ids = Vec::new();
    for post_number in 0..16 {
        ids.push(ana.send(post("lobby", &format!("b{number}-{post_number}"), &text)).await);
    }
    for id in ids {
        let ok = ana.reply(id).await.expect("posted");
        last = hubbub_protocol::envelope::read_ok::<hubbub_protocol::reply::Posted>(&ok).expect("a place").seq;
    }
    last
}

#[tokio::test]
async fn others_get_everything_while_one_does_not_read_and_that_one_is_told_and_catches_up() {
    let server = Server::start(small_outboxes()).await;
    let address = server.address();
    let (mut sleeper, epoch) = sleeper(&server).await;
    let mut ana = Wire::guest(address, "ana").await.0;
    let mut bo = Wire::guest(address, "bo").await.0;
    ana.join("lobby").await;
    bo.join("lobby").await;
    let before = server.resident_bytes();
    let mut ledger = Ledger::new();
    let mut last = 0;
    let mut bursts = 0;
    let mut outbox_most = 0.0_f64;
    // Far beyond what the sleeper's socket and outbox hold: until it was cut off, and once as much again.
    let mut cut_at = None;
    while cut_at.is_none_or(|at| bursts < 2 * at) {
        assert!(bursts < 2_000, "the sleeper is never told");
        last = burst(&mut ana, bursts).await;
        bursts += 1;
        for (name, wire) in [("bo", &mut bo), ("ana", &mut ana)] {
            let mut at = 0;
            while at < last {
                let event = wire.event().await;
                assert!(!matches!(event, Event::Lagged(_)), "{name} read all the time, but was told to lag");
                at = event.seq().unwrap_or(at);
                ledger.got(name, &event);
            }
        }
        outbox_most = outbox_most.max(http::metric(address, "hubbub_outbox_bytes").await);
        if cut_at.is_none() && http::metric(address, "hubbub_lagged_total").await > 0.0 {
            cut_at = Some(bursts);
        }
    }
    // A notice may stand above the limit, and nothing else.
    assert!(outbox_most > 0.0 && outbox_most <= OUTBOX_BYTES_MAX as f64 + 1_024.0, "{outbox_most} bytes waited");
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 64 * 1_024 * 1_024, "the server grew by {grown} bytes");
    println!(
        "cut after {cut_at:?} of {bursts} bursts, {last} posts; outbox at most {outbox_most}, grown {grown} bytes"
    );

    // Now it wakes up: what was sent before the cut, the notice, and then nothing until it joins again.
    let mut have = 0;
    let lagged = loop {
        match sleeper.event().await {
            Event::Lagged(lagged) => break lagged,
            event => {
                have = event.seq().unwrap_or(have);
                ledger.got("sleeper", &event);
            }
        }
    };
    assert_eq!(lagged.seq, have, "the notice names the last event before the cut");
    assert!(lagged.seq < last);
    let joined = sleeper.join_since("lobby", &epoch, have).await;
    assert_eq!(joined.resume, Resume::Gap, "so much is in no tail");
    for event in sleeper.whole_log("lobby").await.into_iter().filter(|event| event.seq() > Some(have)) {
        ledger.got("sleeper", &event);
    }
    let after = ana.post("lobby", "after", "good morning").await.seq;
    let event = sleeper.log_event().await;
    assert_eq!(event.seq(), Some(after), "it is live again, and got nothing in between");
    ledger.got("sleeper", &event);
    ledger.got("bo", &bo.log_event().await);
    ledger.must_be_whole("sleeper", "lobby");
    ledger.must_be_whole("bo", "lobby");
    ledger.assert_kept();
}

#[tokio::test]
async fn who_takes_nothing_for_too_long_is_closed_with_4002() {
    let server = Server::start(small_outboxes().limit("unwritable_ms", 300)).await;
    let address = server.address();
    let (mut sleeper, _) = sleeper(&server).await;
    let mut ana = Wire::guest(address, "ana").await.0;
    ana.join("lobby").await;
    for number in 0.. {
        assert!(number < 2_000, "the sleeper can always be written to");
        burst(&mut ana, number).await;
        if http::metric(address, "hubbub_evicted_total").await > 0.0 {
            break;
        }
        if http::metric(address, "hubbub_outbox_bytes").await > 0.0 {
            eventually("the sleeper to be closed", async || {
                (http::metric(address, "hubbub_evicted_total{reason=\"slow\"}").await > 0.0).then_some(())
            })
            .await;
            break;
        }
    }
    // The close frame stands behind what waited; it can be missed when nothing is read even then.
    let code = loop {
        match sleeper.hear().await {
            Heard::Event(_) | Heard::Reply(..) => {}
            Heard::Closed(code, _) => break code,
            Heard::Lost(lost) => {
                println!("{lost}");
                break close::SLOW;
            }
        }
    };
    assert_eq!(code, close::SLOW);
    assert!(http::metric(address, "hubbub_evicted_total{reason=\"slow\"}").await > 0.0);
    ana.post("lobby", "after", "still here").await;
}

#[tokio::test]
async fn signals_are_dropped_before_a_log_is_cut() {
    let outbox_bytes_max = 1_048_576.0;
    let setup = Setup::for_load().limit("outbox_bytes_max", outbox_bytes_max as u64).limit("presence_interval_ms", 10);
    let server = Server::start(setup).await;
    let address = server.address();
    let (mut sleeper, _) = sleeper(&server).await;
    let mut ana = Wire::guest(address, "ana").await.0;
    ana.join("lobby").await;
    let mut last = 0;
    let mut bursts = 0;
    while http::metric(address, "hubbub_outbox_bytes").await < outbox_bytes_max * 0.6 {
        assert!(bursts < 2_000, "the sleeper can always be written to");
        last = burst(&mut ana, bursts).await;
        bursts += 1;
    }
    // More than half full: signals are left out now, events are not.
    eventually("a signal to be dropped", async || {
        let _: Done = ana.ask(Request::Typing(request::Typing { room: "lobby".to_owned() })).await;
        (http::metric(address, "hubbub_signals_dropped_total").await > 0.0).then_some(())
    })
    .await;
    assert_eq!(http::metric(address, "hubbub_lagged_total").await, 0.0);
    let mut at = 0;
    while at < last {
        let event = sleeper.event().await;
        let is_signal_of_before = matches!(&event, Event::Presence(Presence { .. }));
        assert!(event.seq().is_some() || is_signal_of_before, "{event:?}");
        at = event.seq().unwrap_or(at);
    }
    assert_eq!(at, last, "not one event of the log was dropped");
}
