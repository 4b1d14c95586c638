//! The entry: what a socket passes before HTTP begins with it.
//!
//! A crowd is taken in one by one, so that nobody who is in waits for more than one of it: each socket waits for its
//! turn to be accepted, then for its first byte, then for its turn to be read. What HTTP keeps for a connection, 16 KiB
//! of buffers among it, exists only from then on, and is given back at the upgrade: a crowd that says nothing yet, or
//! never will, costs little more than its sockets.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_http::error::DispatchError;
use actix_rt::net::TcpStream;
use actix_service::Service;
use futures_util::future::LocalBoxFuture;
use tokio::time::timeout;

use crate::turnstile::{self, Ticket};

/// To who sends nothing.
const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Lets sockets in to `S`, each when it is its turn.
pub struct Entry<S> {
    within: Rc<S>,
    /// For the next one that comes.
    ticket: RefCell<Ticket>,
    /// How long the first byte is waited for.
    first_byte: Duration,
}

impl<S> Entry<S> {
    /// An entry that waits so long for a socket's first byte.
    #[must_use]
    pub fn new(within: S, first_byte: Duration) -> Self {
        Self { within: Rc::new(within), ticket: RefCell::default(), first_byte }
    }
}

impl<S: Service<TcpStream, Error = DispatchError> + 'static> Service<TcpStream> for Entry<S> {
    type Response = S::Response;
    type Error = DispatchError;
    type Future = LocalBoxFuture<'static, Result<S::Response, DispatchError>>;

    /// While it is not the next one's turn, sockets stay with the thread that accepts them.
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), DispatchError>> {
        ready!(self.ticket.borrow_mut().poll(cx));
        self.within.poll_ready(cx)
    }

    fn call(&self, socket: TcpStream) -> Self::Future {
        self.ticket.borrow_mut().spend();
        let (within, first_byte) = (self.within.clone(), self.first_byte);
        Box::pin(async move {
            wait(&socket, first_byte).await?;
            // In a box of its own: it is large, and who waits has none.
            Box::pin(within.call(socket)).await
        })
    }
}

/// Waits for a socket's first byte, then for its turn.
async fn wait(socket: &TcpStream, first_byte: Duration) -> Result<(), DispatchError> {
    // A look, for the runtime may hold a socket readable that is not. No byte is the peer's end, which HTTP sees, too.
    match timeout(first_byte, socket.peek(&mut [0])).await {
        Ok(seen) => {
            seen?;
        }
        Err(_) => {
            if let Err(error) = socket.try_write(TOO_SLOW) {
                tracing::debug!(%error, "a peer that said nothing could not be told so");
            }
            return Err(DispatchError::SlowRequestTimeout);
        }
    }
    turnstile::pass().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::poll_fn, io};

    use futures_util::future::join_all;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        task::{LocalSet, spawn_local, yield_now},
    };

    use super::*;

    /// Counts those who were let in.
    #[derive(Clone, Default)]
    struct Within(Rc<Cell<usize>>);

    impl Service<TcpStream> for Within {
        type Response = ();
        type Error = DispatchError;
        type Future = LocalBoxFuture<'static, Result<(), DispatchError>>;

        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), DispatchError>> {
            Poll::Ready(Ok(()))
        }

        fn call(&self, _: TcpStream) -> Self::Future {
            self.0.set(self.0.get() + 1);
            Box::pin(async { Ok(()) })
        }
    }

    /// So many connections: their own ends, and those at the door.
    async fn crowd(count: usize) -> io::Result<(Vec<TcpStream>, Vec<TcpStream>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (mut own, mut at_the_door) = (Vec::new(), Vec::new());
        for _ in 0..count {
            own.push(TcpStream::connect(listener.local_addr()?).await?);
            at_the_door.push(listener.accept().await?.0);
        }
        Ok((own, at_the_door))
    }

    #[tokio::test]
    async fn a_crowd_is_let_in_one_a_turn_and_who_says_nothing_is_not() {
        const SPEAK: usize = 8;
        let (mut own, at_the_door) = crowd(2 * SPEAK).await.expect("connections");
        for peer in own.iter_mut().take(SPEAK) {
            peer.write_all(b"G").await.expect("sent");
        }
        let within = Within::default();
        let (entry, count) = (Entry::new(within.clone(), Duration::from_secs(60)), within.0);
        let local = LocalSet::new();
        local
            .run_until(async {
                let (mut speaking, mut silent) = (Vec::new(), Vec::new());
                for (number, socket) in at_the_door.into_iter().enumerate() {
                    assert!(poll_fn(|cx| Poll::Ready(entry.poll_ready(cx))).await.is_pending(), "a turn for each");
                    poll_fn(|cx| entry.poll_ready(cx)).await.expect("ready");
                    let outcome = spawn_local(entry.call(socket));
                    if number < SPEAK { speaking.push(outcome) } else { silent.push(outcome) }
                }
                let (mut before, mut most) = (count.get(), 0);
                while speaking.iter().any(|outcome| !outcome.is_finished()) {
                    yield_now().await;
                    most = most.max(count.get() - before);
                    before = count.get();
                }
                assert!(most <= 1, "{most} were let in at once");
                join_all(speaking).await;
                // As many turns as let everybody in.
                for _ in 0..4 * SPEAK {
                    yield_now().await;
                }
                assert_eq!(count.get(), SPEAK);
                assert!(silent.iter().all(|outcome| !outcome.is_finished()));
            })
            .await;
    }

    #[tokio::test]
    async fn who_says_nothing_in_time_is_told_so() {
        let (mut own, at_the_door) = crowd(1).await.expect("connections");
        let entry = Entry::new(Within::default(), Duration::from_millis(1));
        for socket in at_the_door {
            let refused = entry.call(socket).await;
            assert!(matches!(refused, Err(DispatchError::SlowRequestTimeout)), "{refused:?}");
        }
        let mut answer = String::new();
        own[0].read_to_string(&mut answer).await.expect("an answer, then the end");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
}
