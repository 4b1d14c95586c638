//! Looking at shards that do not answer: the look ends, and says which.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::{
    clock::{Clock, SystemClock},
    fanout::{LocalShard, ShardLimits, ShardState},
    inspect::{Part, page},
    limits::Limits,
    room,
    session::Sessions,
    store::{Store, memory::MemoryStore},
};

/// A server's shared parts without a server, on this many shards of which none runs yet.
async fn hub(fanout: &Fanout) -> Arc<Hub> {
    let (limits, store): (Arc<Limits>, Arc<dyn Store>) = (Arc::default(), Arc::new(MemoryStore::default()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sessions = Sessions::recover(store.clone(), clock.clone(), fanout.clone(), limits.clone());
    Arc::new(Hub {
        name: "test".to_owned(),
        rooms: room::Registry::new(store.clone(), clock.clone(), fanout.clone(), limits.clone()),
        sessions: Arc::new(sessions.await.expect("an empty store")),
        draining: Arc::new(AtomicBool::new(false)),
        limits,
        store,
        clock,
    })
}

#[actix_rt::test]
async fn a_shard_that_does_not_answer_is_shown_as_such_and_asked_only_once() {
    tokio::time::pause();
    let (fanout, mut inboxes) = Fanout::new(2, 8);
    let mut stuck = inboxes.pop().expect("the second");
    let well = fanout.shard(0).expect("the first");
    let limits = ShardLimits { slice_deliveries_max: 256 };
    let _shard = LocalShard::start(0, well, inboxes.pop().expect("its inbox"), limits);
    let mut inspector = Inspector::new(hub(&fanout).await, &fanout);
    for _ in 0..3 {
        let document = inspector.look(Request { rows: 20 }).await;
        let silent: Vec<bool> = document.shards.iter().map(|shard| shard.silent_ms.is_some()).collect();
        assert_eq!(silent, [false, true]);
        assert_eq!(document.shards[1].outside.state, ShardState::New);
        assert!(document.stuck.iter().any(|finding| finding.part == Part::Shard && finding.which == "1"));
        assert!(page(&document).contains("NOT for"), "{}", page(&document));
    }
    assert_eq!(stuck.len(), 1, "one question waits, however often somebody looked");
    // It goes on at last.
    let limits = ShardLimits { slice_deliveries_max: 256 };
    let question = stuck.recv().await.expect("the question");
    let (inbox, receiver) = mpsc::channel(8);
    inbox.try_send(question).expect("space");
    let _late = LocalShard::start(1, fanout.shard(1).expect("the second"), receiver, limits);
    actix_rt::spawn(async move {
        while let Some(command) = stuck.recv().await {
            inbox.send(command).await.expect("it runs");
        }
    });
    let document = inspector.look(Request { rows: 20 }).await;
    assert!(document.shards.iter().all(|shard| shard.silent_ms.is_none() && shard.inside.is_some()), "{document:?}");
    assert!(document.stuck.is_empty());
}

#[actix_rt::test]
async fn a_shard_whose_inbox_is_full_holds_no_look_up() {
    tokio::time::pause();
    let (fanout, _inboxes) = Fanout::new(1, 1);
    let shard = fanout.shard(0).expect("the first");
    shard.send(ShardCommand::Drain { spread_ms: 0 }).await.expect("space for one");
    let mut inspector = Inspector::new(hub(&fanout).await, &fanout);
    let document = inspector.look(Request { rows: 20 }).await;
    assert_eq!((document.shards[0].outside.inbox, document.shards[0].outside.inbox_max), (1, 1));
    assert!(document.shards[0].silent_ms.is_some());
}
