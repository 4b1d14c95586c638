//! `kill -9` in the middle of appends: nothing acknowledged is lost, doubled or out of order.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use futures_util::future::join_all;
use hubbub_protocol::{NameKey, id::Seq};

use super::{Fixture, child, post};
use crate::store::{Page, Store};

const ROUNDS: u64 = 30;
const ROOMS: [&str; 3] = ["a", "b", "c"];

/// Acknowledged so far: nonce → seq, by room.
type Acknowledged = BTreeMap<String, BTreeMap<String, Seq>>;

#[test]
fn kill_minus_nine_loses_nothing_acknowledged() {
    let fixture = Fixture::new();
    let mut acknowledged = Acknowledged::new();
    for round in 0..ROUNDS {
        // Later rounds live longer, so that the kill meets different moments.
        append_until_killed(&fixture, &mut acknowledged, 5 + round * 7);
        check(&fixture, &acknowledged);
    }
    assert!(acknowledged.values().map(BTreeMap::len).sum::<usize>() > 1_000);
}

fn append_until_killed(fixture: &Fixture, acknowledged: &mut Acknowledged, lines: u64) {
    let mut child = child("store::sqlite::tests::kill::child_that_appends_until_killed", fixture.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let (mut line, mut read) = (String::new(), 0);
    loop {
        line.clear();
        let bytes = output.read_line(&mut line).expect("readable");
        if bytes == 0 || !line.ends_with('\n') {
            break;
        }
        // The test runner's own lines stand in between.
        let Some(fields) = line.trim_end().strip_prefix("ack ") else { continue };
        let [room, nonce, seq] = fields.split(' ').collect::<Vec<_>>().try_into().expect("three words");
        let earlier =
            acknowledged.entry(room.to_owned()).or_default().insert(nonce.to_owned(), seq.parse().expect("a seq"));
        assert_eq!(earlier, None, "a nonce was acknowledged before");
        read += 1;
        if read == lines {
            // What is in the pipe already was acknowledged too: read on to the end.
            child.kill().expect("killed");
        }
    }
    assert!(read >= lines, "the child ended by itself after {read} lines");
    child.wait().expect("reaped");
}

fn check(fixture: &Fixture, acknowledged: &Acknowledged) {
    let store = fixture.open();
    for (room, nonces) in acknowledged {
        let page = fixture.wait(store.read_log(NameKey::of(room), Page::After(0), 1_000_000, 1 << 30));
        let events = page.expect("read").expect("the room").events;
        let mut stored: BTreeMap<&str, Seq> = BTreeMap::new();
        for (event, seq) in events.iter().zip(1..) {
            assert_eq!(event.seq, seq, "dense");
            assert_eq!(stored.insert(event.event.nonce.as_str(), seq), None, "once");
        }
        for (nonce, seq) in nonces {
            assert_eq!(stored.get(nonce.as_str()), Some(seq), "{nonce} was acknowledged in {room}");
        }
    }
    fixture.close(&store);
}

#[test]
#[ignore = "the child of kill_minus_nine_loses_nothing_acknowledged"]
fn child_that_appends_until_killed() {
    let fixture = Fixture::in_child();
    let store = fixture.open();
    let rooms = ROOMS.map(|room| (room, fixture.room(&store, room)));
    let process = std::process::id();
    let mut out = std::io::stdout().lock();
    // Started without a parent, it must end by itself.
    let rounds = if fixture.folder.is_parents() { u64::MAX } else { 3 };
    for round in 0..rounds {
        let appends = (0..12_usize).map(|n| {
            let (name, room) = rooms[n % ROOMS.len()];
            let nonces = [0, 1].map(|part| format!("{process}-{round}-{n}-{part}"));
            let events: Vec<_> = nonces.iter().map(|nonce| post(1, nonce, 1, "text")).collect();
            let append = store.append(room, events.into());
            async move { (name, nonces, append.await.expect("appended")) }
        });
        for (name, nonces, appended) in fixture.wait(join_all(appends)) {
            for (nonce, appended) in nonces.iter().zip(appended) {
                writeln!(out, "ack {name} {nonce} {}", appended.seq).expect("the parent listens");
            }
        }
    }
}
