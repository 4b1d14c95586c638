//! The inbox: order, limit, the line, ends, memory; a model played at random, and threads.

use std::{collections::VecDeque, pin::Pin, thread};

use futures_util::{FutureExt, future::poll_immediate};
use proptest::prelude::*;
use tokio::{runtime::Builder, task::yield_now};

use super::*;

async fn is_pending(future: impl Future + Unpin) -> bool {
    poll_immediate(future).await.is_none()
}

#[tokio::test]
async fn what_is_sent_is_taken_in_order_and_as_many_as_are_wanted() {
    let (sender, mut receiver) = channel(8);
    for number in 0..5 {
        sender.try_send(number).expect("a place");
    }
    let mut batch = VecDeque::new();
    assert_eq!(receiver.recv_many(&mut batch, 3).await, 3);
    assert_eq!((std::mem::take(&mut batch), receiver.left()), (VecDeque::from([0, 1, 2]), 2));
    assert_eq!(receiver.recv_many(&mut batch, 3).await, 2);
    assert_eq!((batch, receiver.left()), (VecDeque::from([3, 4]), 0));
}

#[tokio::test]
async fn who_waits_is_woken_by_what_comes() {
    let (sender, mut receiver) = channel(8);
    let taken = tokio::spawn(async move {
        let mut batch = VecDeque::new();
        receiver.recv_many(&mut batch, 8).await;
        batch
    });
    yield_now().await;
    sender.send("post").await.expect("somebody takes it");
    assert_eq!(taken.await.expect("it ends"), ["post"]);
}

#[tokio::test]
async fn who_stands_in_line_comes_before_who_comes_later() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(0).expect("a place");
    let (mut first, mut second) = (Box::pin(sender.send(1)), Box::pin(sender.send(2)));
    assert!(is_pending(&mut first).await && is_pending(&mut second).await);
    let mut batch = VecDeque::new();
    assert_eq!(receiver.recv_many(&mut batch, 8).await, 1);
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)), "the place is promised");
    assert!(is_pending(&mut second).await, "to somebody else");
    first.await.expect("it is the first one's");
    batch.clear();
    assert_eq!(receiver.recv_many(&mut batch, 8).await, 1);
    assert_eq!(batch, [1]);
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)), "the place is promised");
    second.await.expect("it is the second one's");
    batch.clear();
    assert_eq!(receiver.recv_many(&mut batch, 8).await, 1);
    assert_eq!(batch, [2]);
    sender.try_send(3).expect("nobody is in line");
}

#[tokio::test]
async fn a_place_that_is_given_up_goes_to_the_next() {
    for taken_first in [false, true] {
        let (sender, mut receiver) = channel(1);
        sender.try_send(0).expect("a place");
        let (mut first, mut second) = (Box::pin(sender.send(1)), Box::pin(sender.send(2)));
        assert!(is_pending(&mut first).await && is_pending(&mut second).await);
        let mut batch = VecDeque::new();
        if taken_first {
            // Now the place is the first one's, who does not come to use it.
            assert_eq!(receiver.recv_many(&mut batch, 8).await, 1);
            drop(first);
        } else {
            drop(first);
            assert_eq!(receiver.recv_many(&mut batch, 8).await, 1);
        }
        batch.clear();
        assert_eq!(second.await, Ok(()));
        assert_eq!(receiver.recv_many(&mut batch, 8).await, 1);
        assert_eq!(batch, [2]);
        sender.try_send(3).expect("the place of the one who left is nobody's");
    }
}

#[tokio::test]
async fn when_nobody_takes_any_more_everything_comes_back() {
    let (sender, receiver) = channel(1);
    sender.try_send(0).expect("a place");
    let mut waiting = Box::pin(sender.send(1));
    assert!(is_pending(&mut waiting).await);
    assert!(!sender.is_closed());
    drop(receiver);
    assert_eq!(waiting.await, Err(1));
    assert_eq!(sender.send(2).await, Err(2));
    assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
    assert!(sender.is_closed());
    assert_eq!(sender.len(), 0, "what was left is dropped");
}

#[tokio::test]
async fn when_nobody_sends_any_more_what_is_left_is_taken_first() {
    let (sender, mut receiver) = channel(8);
    sender.try_send(0).expect("a place");
    drop(sender);
    let mut batch = VecDeque::new();
    assert_eq!(receiver.recv_many(&mut batch, 8).await, 1);
    batch.clear();
    assert_eq!(receiver.recv_many(&mut batch, 8).await, 0);
}

#[tokio::test]
async fn who_waits_learns_that_nothing_follows() {
    let (sender, mut receiver) = channel::<u8>(8);
    let taken = tokio::spawn(async move { receiver.recv_many(&mut VecDeque::new(), 8).await });
    yield_now().await;
    drop(sender);
    assert_eq!(taken.await.expect("it ends"), 0);
}

#[tokio::test]
async fn space_that_a_crowd_needed_is_given_back_when_it_is_gone() {
    let (sender, mut receiver) = channel(1_000);
    let mut batch = VecDeque::new();
    for _ in 0..3 {
        for number in 0..1_000 {
            sender.try_send(number).expect("a place");
        }
        assert_eq!(receiver.recv_many(&mut batch, 1_000).await, 1_000);
        batch.clear();
    }
    assert_eq!(poll_immediate(receiver.recv_many(&mut batch, 1_000)).await, None);
    let kept = sender.0.state().commands.capacity();
    assert!(batch.capacity() <= SPACE_KEPT && kept <= SPACE_KEPT, "{} and {kept}", batch.capacity());
}

#[tokio::test]
async fn of_many_senders_on_many_threads_nothing_is_lost_and_each_keeps_its_order() {
    const SENDERS: usize = 8;
    const EACH: usize = 5_000;
    let (sender, mut receiver) = channel(4);
    let sender = Arc::new(sender);
    for number in 0..SENDERS {
        let sender = sender.clone();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                for count in 0..EACH {
                    match sender.try_send((number, count)) {
                        Ok(()) => continue,
                        Err(TrySendError::Full(_)) => {}
                        Err(TrySendError::Closed(_)) => panic!("somebody takes it"),
                    }
                    // Some come to wait, go away again, and come back.
                    if count % 3 > 0 || poll_immediate(sender.send((number, count))).await.is_none() {
                        sender.send((number, count)).await.expect("somebody takes it");
                    }
                }
            });
        });
    }
    drop(sender);
    let (mut next, mut batch) = ([0; SENDERS], VecDeque::new());
    while receiver.recv_many(&mut batch, 3).await > 0 {
        for (number, count) in batch.drain(..) {
            assert_eq!(count, next[number]);
            next[number] += 1;
        }
    }
    assert_eq!(next, [EACH; SENDERS]);
}

/// What may happen to an inbox.
#[derive(Debug, Clone)]
enum Step {
    TrySend,
    /// Somebody comes to wait, and is asked once.
    Send,
    /// One of those who wait is asked again.
    Ask(usize),
    /// One of those who wait goes away.
    GiveUp(usize),
    Take(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::TrySend),
        3 => Just(Step::Send),
        3 => any::<usize>().prop_map(Step::Ask),
        1 => any::<usize>().prop_map(Step::GiveUp),
        2 => (1_usize..6).prop_map(Step::Take),
    ];
    prop::collection::vec(step, 0..200)
}

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<(), u32>> + 'a>>;

proptest! {
    #[test]
    fn whatever_happens_what_was_sent_is_taken_once_in_order_and_there_is_a_limit(steps in steps(), max in 1_usize..5) {
        let (sender, mut receiver) = channel(max);
        let mut waiting: Vec<(u32, Waiting<'_>)> = Vec::new();
        let (mut sent, mut number) = (VecDeque::new(), 0_u32);
        let mut cx = Context::from_waker(Waker::noop());
        let mut ask = |waiting: &mut Vec<(u32, Waiting<'_>)>, sent: &mut VecDeque<u32>, at: usize| {
            if let Poll::Ready(outcome) = waiting[at].1.as_mut().poll(&mut cx) {
                assert_eq!(outcome, Ok(()));
                sent.push_back(waiting.remove(at).0);
            }
        };
        let mut take = |sent: &mut VecDeque<u32>, max: usize| {
            let mut batch = VecDeque::new();
            let taken = receiver.recv_many(&mut batch, max).now_or_never().unwrap_or(0);
            assert_eq!(taken, batch.len());
            assert!(taken <= max && (taken > 0 || sent.is_empty()));
            for command in batch {
                assert_eq!(Some(command), sent.pop_front());
            }
        };
        for step in steps {
            number += 1;
            match step {
                Step::TrySend => match sender.try_send(number) {
                    Ok(()) => sent.push_back(number),
                    Err(error) => {
                        assert_eq!(error, TrySendError::Full(number));
                        assert!(sent.len() == max || !waiting.is_empty(), "there was a place, and nobody waits");
                    }
                },
                Step::Send => {
                    waiting.push((number, Box::pin(sender.send(number))));
                    let last = waiting.len() - 1;
                    ask(&mut waiting, &mut sent, last);
                }
                Step::Ask(which) if !waiting.is_empty() => {
                    let at = which % waiting.len();
                    ask(&mut waiting, &mut sent, at);
                }
                Step::GiveUp(which) if !waiting.is_empty() => drop(waiting.remove(which % waiting.len())),
                Step::Ask(_) | Step::GiveUp(_) => {}
                Step::Take(max) => take(&mut sent, max),
            }
            prop_assert!(sender.len() == sent.len() && sent.len() <= max);
        }
        // In the end everybody who waits gets a place, in the order in which they came.
        while !waiting.is_empty() {
            take(&mut sent, max);
            let before = waiting.len();
            for at in (0..before.min(max)).rev() {
                ask(&mut waiting, &mut sent, at);
            }
            prop_assert_eq!(waiting.len(), before.saturating_sub(max), "those who came first have the places");
        }
        take(&mut sent, max);
        let (promised, line) = { let state = sender.0.state(); (state.promised, state.line.len()) };
        prop_assert_eq!((promised, line), (0, 0));
        // And then the whole inbox is free again.
        for command in 0..max {
            prop_assert!(sender.try_send(u32::try_from(command).expect("small")).is_ok());
        }
    }
}
