//! How a thread's requests are gathered for the writer.

use std::time::Duration;

use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::yield_now,
};

use super::writer::{append, recent, waiting};
use crate::{
    backlog::{self, Backlogs},
    store::sqlite::{courier::Courier, writer::WriterMessage},
};

/// Turns of a thread in which whatever waits for nothing else comes to its end.
const TURNS: usize = 10;

/// What a thread does with its courier, and what the writer gets of it.
struct Thread {
    outlet: Sender<WriterMessage>,
    gather: Duration,
    writer: Receiver<WriterMessage>,
}

impl Thread {
    /// To be called in a runtime of one thread, which is then the only one that has a shard.
    fn gathering_for(gather: Duration) -> Self {
        Backlogs::new(1).join();
        let (outlet, writer) = mpsc::channel(10);
        Self { outlet, gather, writer }
    }

    fn ask(&self, times: usize) {
        let ask = |courier: &Courier, ()| {
            (0..times).for_each(|number| courier.take(waiting(append(&recent(), &format!("n{number}")).0)));
        };
        Courier::here(&self.outlet, self.gather, (), ask).expect("a runtime");
    }

    /// How many requests each message to the writer has after some turns.
    async fn carried(&mut self) -> Vec<usize> {
        for _ in 0..TURNS {
            yield_now().await;
        }
        std::iter::from_fn(|| self.writer.try_recv().ok())
            .map(|message| match message {
                WriterMessage::Work(works) => works.len(),
                WriterMessage::Close(_) => panic!("nobody closes"),
            })
            .collect()
    }
}

#[tokio::test]
async fn what_would_wait_behind_a_backlog_is_gathered() {
    let mut thread = Thread::gathering_for(Duration::MAX);
    backlog::note(true);
    thread.ask(1);
    assert_eq!(thread.carried().await, [1], "who asks alone does not wait");
    thread.ask(2);
    assert_eq!(thread.carried().await, [2], "nor does who has company, the first time");
    thread.ask(1);
    assert_eq!(thread.carried().await, [0; 0], "more may come");
    thread.ask(3);
    assert_eq!(thread.carried().await, [0; 0]);
    backlog::note(false);
    assert_eq!(thread.carried().await, [4]);
    thread.ask(3);
    assert_eq!(thread.carried().await, [3], "without a backlog nothing waits");
}

#[tokio::test]
async fn gathering_has_its_limits() {
    let mut thread = Thread::gathering_for(Duration::ZERO);
    backlog::note(true);
    for count in [2, 2] {
        thread.ask(count);
        assert_eq!(thread.carried().await, [count], "it is over at once");
    }
    let mut thread = Thread::gathering_for(Duration::MAX);
    backlog::note(true);
    for count in [2, 256] {
        thread.ask(count);
        assert_eq!(thread.carried().await, [count], "it is full");
    }
    thread.ask(255);
    assert_eq!(thread.carried().await, [0; 0]);
    thread.ask(1);
    assert_eq!(thread.carried().await, [256]);
}

#[tokio::test]
async fn nothing_waits_while_another_shard_is_idle() {
    let mut thread = Thread::gathering_for(Duration::MAX);
    let all = Backlogs::new(2);
    all.join();
    backlog::note(true);
    for count in [2, 1] {
        thread.ask(count);
        assert_eq!(thread.carried().await, [count]);
    }
    let (backlogs, (end, has_ended)) = (all.clone(), std::sync::mpsc::sync_channel::<()>(1));
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let other = std::thread::spawn(move || {
        backlogs.join();
        backlog::note(true);
        tell.send(()).expect("somebody listens");
        assert!(has_ended.recv().is_err(), "nobody sends");
    });
    told.recv().expect("the other has a backlog");
    thread.ask(2);
    assert_eq!(thread.carried().await, [2], "the one before was alone");
    thread.ask(1);
    assert_eq!(thread.carried().await, [0; 0]);
    drop(end);
    other.join().expect("ended");
    assert_eq!(thread.carried().await, [1], "a thread that has ended has no backlog");
}
