//! The turnstile: those who arrive pass one at a time, each after everybody else on the thread had a turn.
//!
//! Accepting, greeting and joining cost many times what a post does, and a crowd does them all at once. Without this,
//! whoever is in already would wait behind the whole crowd; with it, behind one of it. The crowd itself gets in as
//! fast as before: what is spread is who goes first, not the work.
//!
//! Of those who say hello only a few are under way at once, because each makes the store write: what somebody who is in
//! posts meanwhile waits for the commits of a few, not of all.
//!
//! One for each worker thread. Who waits is bounded by the connections; the order is that of arrival.

use std::{
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::future::LocalBoxFuture;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    task::yield_now,
};

/// How many may say hello at once: several for a commit, and few enough that it is short where the store's thread has to
/// share its core.
const GREETED_AT_ONCE: usize = 4;

thread_local! {
    static TURNSTILE: Rc<Mutex<()>> = Rc::default();
    static GREETED: Arc<Semaphore> = Arc::new(Semaphore::new(GREETED_AT_ONCE));
}

/// Held by who says hello until the answer is known.
#[derive(Debug)]
pub struct Pass {
    _permit: Option<OwnedSemaphorePermit>,
}

/// Waits for a place among those who say hello, and then for a turn.
pub async fn enter() -> Pass {
    let greeted = GREETED.with(Arc::clone);
    // Nobody closes it.
    let permit = greeted.acquire_owned().await.ok();
    pass().await;
    Pass { _permit: permit }
}

/// Waits for a turn.
pub async fn pass() {
    let turnstile = TURNSTILE.with(Rc::clone);
    // Held while the others have their turn: whoever comes meanwhile queues behind.
    let _turn = turnstile.lock().await;
    yield_now().await;
    // The store's threads, too, should they share this core: whoever is in waits for their commits.
    std::thread::yield_now();
}

/// A turn that is waited for by who is polled: it is had until it is spent.
#[derive(Default)]
pub enum Ticket {
    /// Nobody has asked for it since the last one was spent.
    #[default]
    Spent,
    /// It is waited for.
    Due(LocalBoxFuture<'static, ()>),
    /// Its turn has come.
    Had,
}

impl Ticket {
    /// Waits for the turn; ready from then on, until [`Ticket::spend`].
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self {
                Self::Spent => *self = Self::Due(Box::pin(pass())),
                Self::Due(turn) => {
                    ready!(turn.as_mut().poll(cx));
                    *self = Self::Had;
                }
                Self::Had => return Poll::Ready(()),
            }
        }
    }

    /// The turn was used: the next one is to be waited for anew.
    pub fn spend(&mut self) {
        *self = Self::Spent;
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, future::poll_fn, rc::Rc, task::Poll};

    use tokio::task::{LocalSet, spawn_local, yield_now};

    use super::{Ticket, pass};

    #[tokio::test]
    async fn between_two_arrivals_everybody_else_has_a_turn() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let note = |who: &'static str| {
            let seen = seen.clone();
            move || seen.borrow_mut().push(who)
        };
        let local = LocalSet::new();
        local
            .run_until(async {
                let arrivals: Vec<_> = (0..4)
                    .map(|_| {
                        let arrived = note("arrival");
                        spawn_local(async move {
                            pass().await;
                            arrived();
                        })
                    })
                    .collect();
                let turn = note("other");
                let other = spawn_local(async move {
                    for _ in 0..32 {
                        turn();
                        yield_now().await;
                    }
                });
                for arrival in arrivals {
                    arrival.await.expect("arrived");
                }
                other.await.expect("ended");
            })
            .await;
        let seen = seen.borrow();
        assert_eq!(seen.iter().filter(|who| **who == "arrival").count(), 4);
        // Two may stand side by side, the last of one turn and the first of the next; three never.
        let crowds = seen.windows(3).filter(|three| three.iter().all(|who| *who == "arrival")).count();
        assert_eq!(crowds, 0, "two arrived in one turn: {seen:?}");
    }

    #[tokio::test]
    async fn a_ticket_is_had_once_others_had_their_turn_and_kept_until_it_is_spent() {
        let mut ticket = Ticket::default();
        for _ in 0..3 {
            assert!(!is_had(&mut ticket).await, "not before the others");
            poll_fn(|cx| ticket.poll(cx)).await;
            assert!(is_had(&mut ticket).await && is_had(&mut ticket).await);
            // Who holds a ticket is in nobody's way.
            pass().await;
            ticket.spend();
        }
    }

    async fn is_had(ticket: &mut Ticket) -> bool {
        poll_fn(|cx| Poll::Ready(ticket.poll(cx).is_ready())).await
    }
}
