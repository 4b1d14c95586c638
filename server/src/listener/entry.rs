//! The entry: what a socket passes before HTTP begins with it.
//!
//! A crowd is taken in one by one, so that nobody who is in waits for more than one of it: each socket waits for its
//! turn to be accepted, then for its first byte, then for its turn to be read. What HTTP keeps for a connection, 16 KiB
//! of buffers among it, exists only from then on, and is given back at the upgrade: a crowd that says nothing yet, or
//! never will, costs little more than its sockets.

use std::{
    cell::RefCell,
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

/// Lets sockets in, each when it is its turn.
pub struct Entry {
    /// For the next one that comes.
    ticket: RefCell<Ticket>,
    /// How long the first byte is waited for.
    first_byte: Duration,
}

impl Entry {
    /// An entry that waits so long for a socket's first byte.
    #[must_use]
    pub fn new(first_byte: Duration) -> Self {
        Self { ticket: RefCell::default(), first_byte }
    }
}

impl Service<TcpStream> for Entry {
    type Response = TcpStream;
    type Error = DispatchError;
    type Future = LocalBoxFuture<'static, Result<TcpStream, DispatchError>>;

    /// While it is nobody's turn, sockets stay with the thread that accepted them.
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), DispatchError>> {
        ready!(self.ticket.borrow_mut().poll(cx));
        Poll::Ready(Ok(()))
    }

    fn call(&self, socket: TcpStream) -> Self::Future {
        self.ticket.borrow_mut().spend();
        Box::pin(let_in(socket, self.first_byte))
    }
}

async fn let_in(socket: TcpStream, first_byte: Duration) -> Result<TcpStream, DispatchError> {
    match timeout(first_byte, socket.readable()).await {
        Ok(readable) => readable?,
        Err(_) => {
            if let Err(error) = socket.try_write(TOO_SLOW) {
                tracing::debug!(%error, "a peer that said nothing could not be told so");
            }
            return Err(DispatchError::SlowRequestTimeout);
        }
    }
    turnstile::pass().await;
    Ok(socket)
}
