//! The connection actor.
//!
//! Role: speaks with one peer; turns its frames into requests, in order, and sees that each is answered.
//! Owner of: the login on this connection, its rates and deadlines; the outbox together with the shard.
//! Accepts: frames (from its driver), [`Order`] (from its shard). Mailbox: actix's default of 16; it gets two
//! orders to close at most, and one to show itself at a time.
//! Stops when: the socket ends, a rule is broken, a deadline passes, or it is ordered to.

mod view;

use std::{rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, StreamHandler, WrapFuture};
use actix_rt::net::TcpStream;
use bytes::{Bytes, BytesMut};
use hubbub_protocol::{ErrorBody, ErrorCode, Event, NameKey, Request, RequestFrame, close};
use metrics::{counter, gauge};
use tokio::sync::mpsc::error::TrySendError;

use super::{
    driver::{Driver, Gate, Incoming, Line},
    websocket::{self, ClientFrame, Decoder},
};
use crate::{
    clock::monotonic_ms,
    dispatch::{self, Answer, Asked, Greeting, Login, Outcome},
    domain::{
        heartbeat::{Beat, Heartbeat, Pulse},
        rate::{Bucket, Rate},
    },
    fanout::{ConnectionId, Farewell, LocalShard, Order, Outbox},
    frame,
    hub::Hub,
    limits::{Limits, size},
    metrics as names,
    room::{RoomCommand, RoomHandle},
    turnstile::{self, Pass},
};

/// How long the peer's close frame is waited for after ours.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// What the connections of one thread share.
pub struct Desk {
    /// What all connections share.
    pub hub: Arc<Hub>,
    /// This thread's shard.
    pub shard: LocalShard,
}

/// What a connection is made of.
pub struct ConnectionParts<P> {
    /// The socket, after the upgrade.
    pub socket: TcpStream,
    /// What was read behind the upgrade request.
    pub read: BytesMut,
    /// What the connections of this thread share.
    pub desk: Rc<Desk>,
    /// Given back when the connection ends.
    pub permit: P,
}

/// What waits for its turn.
enum Held {
    /// Read, but not begun.
    Request(RequestFrame),
    /// Begun as far as nothing but its own reply depends on it.
    Answer(Answer),
    /// The end, as the shard ordered it. What was held before it is not begun any more.
    Farewell(Farewell),
}

/// One connection.
pub struct ConnectionActor {
    desk: Rc<Desk>,
    outbox: Rc<Outbox<Line>>,
    id: ConnectionId,
    login: Option<Box<Login>>,
    /// What must wait until rooms have answered what was asked before. Rare, so in a box of its own.
    held: Option<Box<Held>>,
    /// The room that all requests in flight are posts to; `None` when one is something else.
    posted_to: Option<Arc<RoomHandle>>,
    requests: Bucket,
    invalid_requests: u64,
    /// These three as in [`Pulse`].
    opened_ms: u64,
    heard_ms: u64,
    pinged_ms: u64,
    /// The code of the close frame that was sent.
    closed: Option<u16>,
    _permit: Box<dyn std::any::Any>,
}

/// With a byte more its task, of 512, would be given 768 (`docs/decisions/0015-what-an-idle-connection-holds.md`).
const _: () = assert!(size_of::<ConnectionActor>() <= 112);

impl ConnectionActor {
    /// Starts the actor of a connection on this thread.
    pub fn launch<P: 'static>(parts: ConnectionParts<P>) {
        let ConnectionParts { socket, read, desk, permit } = parts;
        let limits = &desk.hub.limits;
        let line = Line { stream: socket, gate: Gate::default() };
        let outbox = Rc::new(Outbox::new(line, size(limits.outbox_bytes_max)));
        let mut decoder = Decoder::new(limits.frame_bytes_max);
        decoder.feed(&read);
        let now_ms = monotonic_ms();
        gauge!(names::CONNECTIONS).increment(1.0);
        // The driver goes into the context at once: the actor has no place for it, not even for a moment.
        Self::create(|ctx| {
            ctx.add_stream(Driver { outbox: outbox.clone(), decoder });
            Self {
                id: desk.shard.connect(outbox.clone(), ctx.address().downgrade().recipient()),
                login: None,
                held: None,
                posted_to: None,
                requests: Bucket::default(),
                invalid_requests: 0,
                opened_ms: now_ms,
                heard_ms: now_ms,
                pinged_ms: now_ms,
                closed: None,
                desk,
                outbox,
                _permit: Box::new(permit),
            }
        });
    }

    fn gate(&self) -> &Gate {
        &self.outbox.socket().gate
    }

    // ---- requests ----

    fn on_text(&mut self, text: &str, ctx: &mut Context<Self>) {
        let rate = Rate { burst: self.desk.hub.limits.request_burst, per_s: self.desk.hub.limits.requests_per_s };
        let now_ms = self.heard_ms;
        match (dispatch::read(text), self.requests.take(rate, now_ms)) {
            (Err(refusal), _) => self.invalid(refusal, ctx),
            (Ok(frame), Err(wait_ms)) => {
                let error = ErrorBody::new(ErrorCode::RateLimited, "requests come faster than this server allows");
                self.invalid(frame::error(Some(frame.id), &error.retry_after(wait_ms)), ctx);
            }
            (Ok(frame), Ok(())) => {
                self.invalid_requests = 0;
                // Only a post may go along with others: what else it is, it is not even begun before they are answered.
                let may_go_along = matches!(frame.request, Request::Post(_) | Request::Topic(_));
                if self.outbox.in_flight() == 0 || may_go_along {
                    self.start_request(frame, now_ms, ctx);
                } else {
                    self.hold(Held::Request(frame));
                }
            }
        }
    }

    /// Begins a request; what arrivals ask for, when it is their turn.
    fn start_request(&mut self, request: RequestFrame, now_ms: u64, ctx: &mut Context<Self>) {
        match request.request {
            Request::Hello(_) => {
                let admitted = async move { Outcome::Admitted(request, Some(turnstile::enter().await)) };
                self.later(Box::pin(admitted), ctx);
            }
            Request::Join(_) => {
                let admitted = async move {
                    turnstile::pass().await;
                    Outcome::Admitted(request, None)
                };
                self.later(Box::pin(admitted), ctx);
            }
            _ => self.begin(request, None, now_ms, ctx),
        }
    }

    /// Dispatches a request and does what follows from it, now or when what was asked before is answered.
    ///
    /// What takes time keeps the pass until it has ended.
    fn begin(&mut self, request: RequestFrame, pass: Option<Pass>, now_ms: u64, ctx: &mut Context<Self>) {
        let from = self.id;
        if self.login.as_ref().is_some_and(|login| !login.session.is_at(from)) {
            // The session was resumed elsewhere, and the order to close is on its way: nothing may be done any more.
            return;
        }
        let asked = Asked { re: request.id, from, hub: &self.desk.hub, now_ms };
        let answer = match (dispatch::dispatch(self.login.as_deref_mut(), &asked, request.request), pass) {
            (Answer::Later(outcome), Some(pass)) => Answer::Later(Box::pin(async move {
                let outcome = outcome.await;
                drop(pass);
                outcome
            })),
            (answer, _) => answer,
        };
        if self.must_wait(&answer) { self.hold(Held::Answer(answer)) } else { self.perform(answer, now_ms, ctx) }
    }

    fn hold(&mut self, held: Held) {
        self.held = Some(Box::new(held));
        self.gate().held.set(true);
    }

    fn invalid(&mut self, refusal: Bytes, ctx: &mut Context<Self>) {
        self.invalid_requests += 1;
        let answer = Answer::Reply(refusal);
        if self.must_wait(&answer) {
            self.hold(Held::Answer(answer))
        } else {
            self.perform(answer, self.heard_ms, ctx)
        }
        if self.invalid_requests >= self.desk.hub.limits.invalid_requests_max {
            self.close(close::POLICY, "too many invalid requests in a row", ctx);
        }
    }

    /// Replies go out in the order of the requests: only posts to one and the same room, which are acknowledged
    /// in order, may be under way together.
    fn must_wait(&self, answer: &Answer) -> bool {
        let same_room =
            |room: &Arc<RoomHandle>| self.posted_to.as_ref().is_some_and(|posted| Arc::ptr_eq(posted, room));
        let joins_posts = matches!(answer, Answer::Room(room, RoomCommand::Append { .. }) if same_room(room));
        self.outbox.in_flight() > 0 && !joins_posts
    }

    fn perform(&mut self, answer: Answer, now_ms: u64, ctx: &mut Context<Self>) {
        match answer {
            Answer::Reply(reply) => self.outbox.send(&reply),
            Answer::Room(room, command) => self.ask(room, command, now_ms, ctx),
            Answer::Later(outcome) => self.later(outcome, ctx),
        }
    }

    /// Gives a command to a room, which will answer through the shard.
    fn ask(&mut self, room: Arc<RoomHandle>, command: RoomCommand, now_ms: u64, ctx: &mut Context<Self>) {
        self.outbox.request_sent(now_ms);
        self.posted_to = matches!(command, RoomCommand::Append { .. }).then(|| room.clone());
        let left = matches!(command, RoomCommand::Part { .. }).then(|| room.key().clone());
        match room.try_send(command) {
            Ok(()) => self.forget(left.as_ref()),
            Err(TrySendError::Full(command)) => self.later(
                Box::pin(async move {
                    if room.send(command).await.is_err() {
                        tracing::error!(room = %room.name(), "a room has stopped while it had members");
                    }
                    Outcome::Sent(left)
                }),
                ctx,
            ),
            Err(TrySendError::Closed(_)) => {
                tracing::error!(room = %room.name(), "a room has stopped while it had members");
                self.close(close::INTERNAL, "a room has failed; reconnect and join it again", ctx);
            }
        }
    }

    /// A room was left: only now that it knows, nobody needs to tell it that the connection is gone.
    fn forget(&mut self, left: Option<&NameKey>) {
        if let (Some(login), Some(key)) = (&mut self.login, left) {
            login.leave(key);
        }
    }

    /// Waits for something without waiting: its end is a callback.
    fn later(&mut self, outcome: futures_util::future::LocalBoxFuture<'static, Outcome>, ctx: &mut Context<Self>) {
        self.gate().busy.set(true);
        ctx.spawn(outcome.into_actor(self).map(|outcome, actor, ctx| {
            actor.gate().busy.set(false);
            actor.finish(outcome, ctx);
            actor.outbox.wake();
        }));
    }

    fn finish(&mut self, outcome: Outcome, ctx: &mut Context<Self>) {
        if self.gate().closing.get() {
            return self.abandon(outcome);
        }
        match outcome {
            Outcome::Reply(reply) => self.outbox.send(&reply),
            Outcome::Sent(left) => self.forget(left.as_ref()),
            Outcome::Admitted(request, pass) => self.begin(request, pass, monotonic_ms(), ctx),
            Outcome::Greeted(greeting) => self.greet(greeting),
            Outcome::Opened(room, command) => {
                if let Some(login) = &mut self.login {
                    login.enter(room.clone());
                }
                self.ask(room, command, monotonic_ms(), ctx);
            }
            Outcome::Quit(reply) => {
                self.login = None;
                gauge!(names::SESSIONS_ONLINE).decrement(1.0);
                self.outbox.send(&reply);
                self.close(close::NORMAL, "goodbye", ctx);
            }
        }
    }

    /// Something ended behind our close frame: nothing is said about it, and nobody is left with what it brought.
    fn abandon(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Greeted(Greeting { session, is_new: true, .. }) => {
                let hub = self.desk.hub.clone();
                actix_rt::spawn(async move { hub.sessions.end(&session, None).await });
            }
            Outcome::Sent(left) => self.forget(left.as_ref()),
            Outcome::Admitted(..)
            | Outcome::Quit(_)
            | Outcome::Greeted(_)
            | Outcome::Opened(..)
            | Outcome::Reply(_) => {}
        }
    }

    fn greet(&mut self, Greeting { re, session, reply, .. }: Greeting) {
        match self.desk.hub.sessions.attach(&session, self.id) {
            Ok(()) => {
                self.login = Some(Box::new(Login::new(session)));
                gauge!(names::SESSIONS_ONLINE).increment(1.0);
                self.outbox.send(&reply);
            }
            Err(error) => self.outbox.send(&frame::error(Some(re), &error)),
        }
    }

    // ---- deadlines and the end ----

    fn on_time(&mut self, ctx: &mut Context<Self>) {
        if self.gate().closing.get() {
            return;
        }
        let now_ms = monotonic_ms();
        self.desk.shard.measure();
        let blocked_since_ms = self.outbox.blocked_since_ms();
        // While the gate is shut nothing is heard, but a socket that took bytes then has somebody at its other end.
        self.heard_ms = self.heard_ms.max(blocked_since_ms.unwrap_or(0));
        let pulse = Pulse {
            opened_ms: self.opened_ms,
            greeted: self.login.is_some(),
            heard_ms: self.heard_ms,
            pinged_ms: self.pinged_ms,
            blocked_since_ms,
            unanswered_since_ms: self.outbox.unanswered_since_ms(),
        };
        match heartbeat(&self.desk.hub.limits).beat(&pulse, now_ms) {
            Beat::Sleep(ms) => self.desk.shard.set_alarm(self.id, now_ms.saturating_add(ms)),
            Beat::Ping => {
                self.pinged_ms = now_ms;
                self.outbox.send(&frame::ping());
                self.on_time(ctx);
            }
            Beat::Close(code, reason) => self.close(code, reason, ctx),
        }
    }

    fn obey(&mut self, farewell: Farewell, ctx: &mut Context<Self>) {
        if !self.gate().closing.get() {
            self.outbox.send(&frame::event(&Event::Goodbye(farewell.goodbye)));
            self.close(farewell.code, "goodbye", ctx);
        }
    }

    /// Sends a close frame and waits a moment for the peer's.
    fn close(&mut self, code: u16, reason: &str, ctx: &mut Context<Self>) {
        if self.gate().closing.replace(true) {
            return;
        }
        tracing::debug!(connection = ?self.id, code, reason, "closing");
        self.closed = Some(code);
        if code != close::NORMAL {
            counter!(names::EVICTED_TOTAL, "reason" => close::name(code)).increment(1);
        }
        self.outbox.send(&frame::close(code, reason));
        // Nothing may follow a close frame (RFC 6455 §5.5.1).
        self.outbox.seal();
        self.outbox.wake();
        ctx.run_later(CLOSE_WAIT, |_, ctx| ctx.stop());
    }

    fn on_frame(&mut self, incoming: ClientFrame, ctx: &mut Context<Self>) {
        self.heard_ms = monotonic_ms();
        match incoming {
            ClientFrame::Close(_) => {
                self.close(close::NORMAL, "", ctx);
                ctx.stop();
            }
            _ if self.gate().closing.get() => {}
            ClientFrame::Text(text) => {
                self.on_text(&text, ctx);
                websocket::keep(text.into_bytes());
            }
            // While something waits, a flood of pings is answered as if it were one.
            ClientFrame::Ping(payload) if self.outbox.queued() == 0 => self.outbox.send(&frame::pong(&payload)),
            ClientFrame::Ping(_) | ClientFrame::Pong => {}
        }
    }
}

/// The deadlines of a connection: limits, the same for all of them.
fn heartbeat(limits: &Limits) -> Heartbeat {
    Heartbeat {
        hello_ms: limits.hello_ms,
        ping_interval_ms: limits.ping_interval_ms,
        pings_missed_max: limits.pings_missed_max,
        unwritable_ms: limits.unwritable_ms,
        answer_ms: limits.room_answer_ms,
    }
}

impl Actor for ConnectionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.on_time(ctx);
    }
}

/// However the actor ends, a panic included, the rooms and the session learn that the connection is gone; the
/// session lives on.
impl Drop for ConnectionActor {
    fn drop(&mut self) {
        let id = self.id;
        gauge!(names::CONNECTIONS).decrement(1.0);
        counter!(names::CONNECTIONS_TOTAL, "outcome" => self.closed.map_or("lost", close::name)).increment(1);
        self.desk.shard.disconnect(id);
        let Some(login) = self.login.take() else { return };
        gauge!(names::SESSIONS_ONLINE).decrement(1.0);
        let hub = self.desk.hub.clone();
        let session = login.session.clone();
        let user = session.user;
        let detach = || RoomCommand::Detach { user, from: id };
        let mut full = login.into_rooms();
        full.retain(|room| matches!(room.try_send(detach()), Err(TrySendError::Full(_))));
        actix_rt::spawn(async move {
            hub.sessions.detach(&session, id).await;
            for room in full {
                if room.send(RoomCommand::Detach { user, from: id }).await.is_err() {
                    tracing::debug!(room = %room.name(), "detached from a room that has stopped");
                }
            }
        });
    }
}

impl StreamHandler<Incoming> for ConnectionActor {
    fn handle(&mut self, incoming: Incoming, ctx: &mut Self::Context) {
        match incoming {
            Incoming::Frame(frame) => self.on_frame(frame, ctx),
            Incoming::Settled => match self.held.take().map(|held| *held) {
                Some(Held::Request(request)) => self.start_request(request, monotonic_ms(), ctx),
                Some(Held::Answer(answer)) => self.perform(answer, monotonic_ms(), ctx),
                Some(Held::Farewell(farewell)) => self.obey(farewell, ctx),
                None => {}
            },
            Incoming::Due => self.on_time(ctx),
            Incoming::Broken(error) => {
                self.close(error.close_code(), &error.to_string(), ctx);
                // What follows a broken frame means nothing, so the peer's close frame cannot be waited for.
                self.outbox.end();
            }
        }
    }
}

impl Handler<Order> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, order: Order, ctx: &mut Self::Context) {
        let farewell = match order {
            Order::Close(farewell) => farewell,
            Order::Show(answer) => return self.show(&answer),
        };
        if self.outbox.in_flight() == 0 {
            return self.obey(farewell, ctx);
        }
        // What rooms were asked is answered first; what has only been read is not begun any more.
        self.hold(Held::Farewell(farewell));
    }
}
