//! The driver: turns a socket's readiness into callbacks for its actor.
//!
//! It is the one stream that the actor handles: it reads when the gate is open, and writes on when a blocked
//! socket takes bytes again. One for a connection, on the connection's thread.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_rt::net::TcpStream;
use futures_util::Stream;
use rustix::{
    io::Errno,
    net::{SendAncillaryBuffer, SendFlags},
};
use tokio::io::Interest;

use super::websocket::{ClientFrame, Decoder, FrameError};
use crate::{
    fanout::{Outbox, Socket},
    meter::InputMeter,
};

/// The scratch area of a thread, into which all its connections read.
const SCRATCH_BYTES: usize = 64 * 1024;

/// Posts of one connection that a room may owe an answer at once.
pub(super) const PIPELINE_MAX: u32 = 256;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
    static METER: InputMeter = InputMeter::new();
}

/// A socket with its gate: what the actor, its driver and the outbox have together, in one place.
pub(super) struct Line {
    pub(super) stream: TcpStream,
    pub(super) gate: Gate,
}

impl Socket for Line {
    fn try_write_vectored(&self, frames: &[io::IoSlice<'_>]) -> io::Result<usize> {
        // By the calls for sockets, which spare the kernel what a write to any file needs, and past the runtime's
        // memory of whether the socket is writable: nearly always it is.
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let sent = match frames {
            [frame] => rustix::net::send(&self.stream, frame, flags),
            frames => rustix::net::sendmsg(&self.stream, frames, &mut SendAncillaryBuffer::default(), flags),
        };
        match sent {
            // Asked again in a way that lets the runtime remember.
            Err(Errno::AGAIN) => self.stream.try_write_vectored(frames),
            sent => sent.map_err(io::Error::from),
        }
    }

    fn end(&self) {
        if let Err(error) = rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Write) {
            tracing::debug!(%error, "the peer had ended first");
        }
    }
}

/// Whether requests are read. Set by the actor, looked at by the driver.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Something that takes time is under way: nothing is read until it ends.
    pub(super) busy: Cell<bool>,
    /// An answer waits until rooms owe nothing more: nothing is read, and [`Incoming::Settled`] comes then.
    pub(super) held: Cell<bool>,
    /// A close frame was sent: everything is read, to see the peer's.
    pub(super) closing: Cell<bool>,
}

/// What the driver tells the actor.
#[derive(Debug)]
pub(super) enum Incoming {
    /// The peer sent this.
    Frame(ClientFrame),
    /// The peer broke the rules.
    Broken(FrameError),
    /// Rooms owe nothing more, and an answer was held back until then.
    Settled,
    /// The alarm that was set has rung.
    Due,
}

/// Reads and writes one socket.
pub(super) struct Driver {
    pub(super) outbox: Rc<Outbox<Line>>,
    pub(super) decoder: Decoder,
}

impl Driver {
    fn line(&self) -> &Line {
        self.outbox.socket()
    }

    fn gate(&self) -> &Gate {
        &self.line().gate
    }

    /// Writes on while the socket takes bytes, and else waits for it.
    fn poll_write(&self, cx: &mut Context<'_>) {
        while self.outbox.blocked_since_ms().is_some() && !self.outbox.is_broken() {
            match self.line().stream.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => self.outbox.writable(),
                Poll::Ready(Err(_)) => self.outbox.break_off(),
                Poll::Pending => return,
            }
        }
    }

    fn may_read(&self) -> bool {
        let is_open = !self.gate().busy.get()
            && !self.gate().held.get()
            && !self.outbox.is_over_limit()
            && self.outbox.in_flight() < PIPELINE_MAX;
        is_open || self.gate().closing.get()
    }

    /// Reads once; `false` at the end of the stream.
    fn read(&mut self) -> io::Result<bool> {
        SCRATCH.with_borrow_mut(|scratch| {
            let count = self.line().stream.try_read(scratch)?;
            if count < scratch.len() {
                // It is empty: let the runtime know without asking the kernel, as it does in its own reads.
                let empty =
                    self.line().stream.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
                debug_assert!(empty.is_err(), "nothing was read");
            }
            METER.with(|meter| meter.bytes(count));
            self.decoder.feed(&scratch[..count]);
            Ok(count > 0)
        })
    }
}

impl Stream for Driver {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        self.outbox.set_task(cx.waker());
        self.outbox.set_stalled(false);
        self.poll_write(cx);
        if self.outbox.is_broken() {
            return Poll::Ready(None);
        }
        if self.outbox.take_due() {
            return Poll::Ready(Some(Incoming::Due));
        }
        // Not while much waits to be written: what is held leads to another reply.
        let may_answer = !self.outbox.is_over_limit() || self.gate().closing.get();
        if self.gate().held.get() && self.outbox.in_flight() == 0 && may_answer {
            self.gate().held.set(false);
            return Poll::Ready(Some(Incoming::Settled));
        }
        while self.may_read() {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => {
                    METER.with(InputMeter::frame);
                    return Poll::Ready(Some(Incoming::Frame(frame)));
                }
                Err(error) => return Poll::Ready(Some(Incoming::Broken(error))),
                Ok(None) => {}
            }
            if ready!(self.line().stream.poll_read_ready(cx)).is_err() {
                return Poll::Ready(None);
            }
            match self.read() {
                Ok(true) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(false) | Err(_) => return Poll::Ready(None),
            }
        }
        self.outbox.set_stalled(true);
        Poll::Pending
    }
}
