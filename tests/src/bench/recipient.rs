//! A recipient as an actix actor that is sent each message, for whatever takes what it is given.

use std::io;

use actix::{Actor, Addr, Context, Handler, Message};
use bytes::Bytes;

/// What a recipient does with a message.
pub trait Take {
    /// It has one more.
    fn take(&mut self, frame: &[u8]);
}

/// A message for one recipient.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Deliver(Bytes);

/// The actor.
#[derive(Debug)]
pub struct Member<T> {
    taker: T,
    queue_max: usize,
}

impl<T: Take + Unpin + 'static> Member<T> {
    /// Starts one whose mailbox holds so many messages.
    pub fn start(taker: T, queue_max: usize) -> Addr<Self> {
        Actor::start(Self { taker, queue_max })
    }
}

impl<T: Unpin + 'static> Actor for Member<T> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.queue_max);
    }
}

impl<T: Take + Unpin + 'static> Handler<Deliver> for Member<T> {
    type Result = ();

    fn handle(&mut self, Deliver(frame): Deliver, _: &mut Self::Context) {
        self.taker.take(&frame);
    }
}

/// Gives one message to all; waits where a mailbox is full.
///
/// # Errors
/// When one of them has stopped.
pub async fn publish<T: Take + Unpin + 'static>(members: &[Addr<Member<T>>], frame: &Bytes) -> io::Result<()> {
    for member in members {
        if member.try_send(Deliver(frame.clone())).is_err() {
            member.send(Deliver(frame.clone())).await.map_err(io::Error::other)?;
        }
    }
    Ok(())
}
