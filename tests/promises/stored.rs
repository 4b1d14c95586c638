//! Promise 1, acknowledged means stored: an `ok` for a post outlives the process.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use hubbub_tests::{
    eventually::{eventually, within},
    ledger::Ledger,
    participant::{Participant, bring_together},
    seed,
    server::{Server, Setup},
};
use rand::RngExt;
use tokio::{sync::watch, task::JoinHandle};

const ROOMS: [&str; 3] = ["lobby", "kitchen", "garden"];
const SENDERS: usize = 4;
const KILLS: usize = 30;

/// A sender that talks in all rooms until it is told to stop, and then until everything is acknowledged.
fn chatter(
    mut who: Participant,
    stop: watch::Receiver<bool>,
    acknowledged: Arc<AtomicUsize>,
) -> JoinHandle<Participant> {
    tokio::spawn(async move {
        let mut said = 0;
        while !*stop.borrow() {
            while who.backlog() < 32 {
                who.say(ROOMS[said % ROOMS.len()], &format!("{} says {said}", who.nick));
                said += 1;
            }
            let before = who.acknowledgements();
            who.step().await;
            acknowledged.fetch_add(who.acknowledgements() - before, Ordering::Relaxed);
        }
        who.finish_saying().await;
        who
    })
}

#[tokio::test]
async fn thirty_kills_under_load_lose_double_and_reorder_nothing() {
    let mut random = seed::random("thirty_kills");
    let mut server = Server::start(Setup::for_load()).await;
    let (stop, stopped) = watch::channel(false);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let who = Participant::new(server.address(), &format!("sender{number}"), &ROOMS);
            chatter(who, stopped.clone(), acknowledged.clone())
        })
        .collect();
    let mut enough_in_all = 0;
    for _ in 0..KILLS {
        let enough = acknowledged.load(Ordering::Relaxed) + random.random_range(1..150);
        eventually("acknowledgements", async || (acknowledged.load(Ordering::Relaxed) >= enough).then_some(())).await;
        enough_in_all = enough;
        server.kill().await;
        server.restart().await;
    }
    stop.send_replace(true);
    let mut finished = Vec::new();
    for sender in senders {
        finished.push(within("a sender to finish", sender).await.expect("no panic"));
    }
    let mut ledger = Ledger::new();
    bring_together(&mut ledger, server.address(), &mut finished).await;
    ledger.assert_kept();
    println!("{} posts were acknowledged over {KILLS} kills", ledger.acknowledgements());
    let kept = ledger.acknowledgements();
    assert!(kept >= enough_in_all, "only {kept} acknowledgements");
}
