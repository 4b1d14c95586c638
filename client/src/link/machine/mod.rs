//! The link's decisions: what happened and `now` in, what to do and what to tell out. No socket, no clock.
//!
//! Owner of: the connection's phase (`greeting`), the rooms and their readers (`room`), the posts on their way
//! (`post`), the requests that wait for replies (`request`). This file routes, one call an input.

mod greeting;
mod post;
mod request;
mod room;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use hubbub_protocol::{
    ErrorBody, Event, NameKey, Nick, Request, ServerFrame, event,
    id::{Seq, UserId},
    reply::Welcome,
};
use tokio::sync::oneshot;

pub(super) use self::request::largest;
pub use self::room::TYPING_INTERVAL;
use self::{request::Purpose, room::Room};
use super::{
    command::{Call, Command},
    config::LinkConfig,
    error::{CloseReason, LinkError, Outage},
    jitter::Jitter,
    outbox::Outbox,
    pace::Pace,
    update::{LinkState, Signal, Update},
};

/// The largest `seq` that the protocol knows: a whole number below 2⁵³.
pub(super) const SEQ_MAX: Seq = (1 << 53) - 1;

/// How long the answer to `quit` is waited for.
const QUIT_WAIT: Duration = Duration::from_secs(2);

/// The most events in one [`Update::Events`].
pub(super) const EVENTS_MAX: usize = 512;

/// What the task is to do, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Make a connection; answered by `connected` or `connect_failed`.
    Connect,
    /// Send a text frame.
    Send(String),
    /// Send a ping with this number; answered by `pong`.
    Ping(u64),
    /// Close the connection, or stop making it.
    Disconnect,
}

/// Why no connection could be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConnectError {
    /// The network or TLS failed.
    Network(String),
    /// An HTTP answer that is no upgrade.
    Http {
        /// Its status.
        status: u16,
        /// The protocol's error in its body, when it could be read.
        error: Option<ErrorBody>,
    },
    /// An upgrade to something else.
    NotHubbub(String),
}

/// Where the connection is.
#[derive(Debug)]
enum Phase {
    /// Not begun.
    New,
    /// The socket is being made.
    Connecting { until: Instant },
    /// `hello` is on its way.
    Greeting { until: Instant },
    /// There.
    Online { since: Instant },
    /// `quit` is on its way.
    Leaving { until: Instant },
    /// Waiting to try again.
    Waiting { until: Instant },
    /// Ended.
    Closed,
}

/// The login on the server.
#[derive(Debug, Clone)]
struct Session {
    user: UserId,
    welcome: Arc<Welcome>,
    nick: Nick,
    told_away: bool,
}

/// The state of a link, and its inputs.
#[derive(Debug)]
pub(super) struct Machine {
    config: LinkConfig,
    jitter: Jitter,
    phase: Phase,
    /// Attempts since the connection was last stable.
    attempt: u32,
    /// The nick for a new session; `None`: one is to be made up.
    nick: Option<Nick>,
    nicks_refused: u32,
    /// The token for the next `hello`.
    token: Option<String>,
    session: Option<Session>,
    away: bool,
    /// The last time that the server gave a sign of life, or that reading began again.
    heard: Instant,
    /// While the reader of the updates is behind, the socket is not read: silence then means nothing.
    paused: bool,
    next_ping: Instant,
    ping: Option<(u64, Instant)>,
    pings: u64,
    rooms: HashMap<NameKey, Room>,
    outbox: Outbox,
    pace: Pace,
    pace_until: Option<Instant>,
    next_id: u64,
    /// What the replies to requests on their way are for.
    pending: HashMap<u64, Purpose>,
    /// Patient calls that wait for a connection.
    calls: VecDeque<Call>,
    quitters: Vec<oneshot::Sender<()>>,
    /// Why the link has ended.
    closed: Option<CloseReason>,
    actions: VecDeque<Action>,
    updates: Vec<Update>,
}

impl Machine {
    pub(super) fn new(config: LinkConfig, now: Instant) -> Self {
        let nick = match &config.identity.nick {
            super::config::NickChoice::Chosen { nick, .. } => Some(nick.clone()),
            super::config::NickChoice::MadeUp => None,
        };
        Self {
            jitter: Jitter::new(config.seed),
            phase: Phase::New,
            attempt: 0,
            nick,
            nicks_refused: 0,
            token: config.identity.token.clone(),
            session: None,
            away: false,
            heard: now,
            paused: false,
            next_ping: now,
            ping: None,
            pings: 0,
            rooms: HashMap::new(),
            outbox: Outbox::new(config.capacity.posts_in_flight_max),
            pace: Pace::new(),
            pace_until: None,
            next_id: 1,
            pending: HashMap::new(),
            calls: VecDeque::new(),
            quitters: Vec::new(),
            closed: None,
            actions: VecDeque::new(),
            updates: Vec::new(),
            config,
        }
    }

    /// The next thing to do.
    pub(super) fn action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// What is to be told since the last call.
    pub(super) fn take_updates(&mut self) -> Vec<Update> {
        std::mem::take(&mut self.updates)
    }

    /// Whether the link has ended.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    fn is_online(&self) -> bool {
        matches!(self.phase, Phase::Online { .. })
    }

    /// A handle asked something.
    pub(super) fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Join { room, from, reply } => self.want_room(room, from, reply, now),
            Command::Part { room, call } => self.part_room(&room, call, now),
            Command::Call(call) => self.call(call, now),
            Command::Post(post) => self.queue_post(post, now),
            Command::Retry(nonce) => self.retry_post(&nonce, now),
            Command::Discard(nonce) => self.outbox.discard(&nonce),
            Command::Typing(room) => self.typing(&room, now),
            Command::Quit(done) => self.quit(done, now),
        }
    }

    /// The user is away or not.
    pub(super) fn wish_away(&mut self, away: bool) {
        self.away = away;
        self.tell_away();
    }

    /// A text frame came.
    pub(super) fn frame(&mut self, text: &str, now: Instant) {
        self.heard = now;
        match ServerFrame::decode(text) {
            Ok(ServerFrame::Reply { re: Some(id), outcome }) => self.reply(id, outcome, now),
            Ok(ServerFrame::Reply { re: None, outcome }) => {
                if let Err(error) = outcome {
                    self.updates.push(Update::Notice(format!("the server could not read a request: {error}")));
                }
            }
            Ok(ServerFrame::Event(event)) => self.event(event, now),
            Err(error) => self.lost(Outage::Protocol(format!("a frame cannot be read: {error}")), None, now),
        }
    }

    fn event(&mut self, event: Event, now: Instant) {
        if let Some(seq) = event.seq().filter(|seq| *seq > SEQ_MAX) {
            return self.lost(Outage::Protocol(format!("{seq} is no place in a log")), None, now);
        }
        match event {
            Event::Post(_) | Event::Topic(_) => self.log_event(event, now),
            // Not to be shown, but it has its place in the log.
            Event::Unknown(unknown) if unknown.seq.is_some() && unknown.room.is_some() => {
                self.log_event(Event::Unknown(unknown), now);
            }
            Event::Unknown(unknown) => tracing::debug!(unknown.ev, "an event of a newer server was skipped"),
            Event::Typing(typing) => self.signal(typing.room.key(), Signal::Typing(typing)),
            Event::Presence(presence) => self.signal(presence.room.key(), Signal::Presence(presence)),
            Event::Lagged(lagged) => self.lagged(&lagged.room.key(), now),
            Event::Goodbye(goodbye) => self.goodbye(goodbye, now),
        }
    }

    fn signal(&mut self, room: NameKey, signal: Signal) {
        if self.rooms.contains_key(&room) {
            self.updates.push(Update::Signal(signal));
        }
    }

    fn goodbye(&mut self, goodbye: event::Goodbye, now: Instant) {
        self.updates.push(Update::Goodbye(goodbye.clone()));
        if matches!(self.phase, Phase::Leaving { .. }) {
            return self.close(CloseReason::Quit);
        }
        match goodbye.reconnect_after_ms {
            Some(ms) => self.lost(Outage::Goodbye(goodbye.message), Some(Duration::from_millis(ms)), now),
            None => self.close(CloseReason::Goodbye(goodbye.message)),
        }
    }

    /// Any frame came that is no text.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// A ping came back.
    pub(super) fn pong(&mut self, number: u64, now: Instant) {
        self.heard = now;
        if let Some((sent, at)) = self.ping
            && sent == number
        {
            self.ping = None;
            self.updates.push(Update::Latency(now.saturating_duration_since(at)));
        }
    }

    /// Reading the socket stops because the updates are not read, or goes on.
    pub(super) fn pause(&mut self, paused: bool, now: Instant) {
        if self.paused && !paused {
            self.heard = now;
        }
        self.paused = paused;
    }

    /// Something that was waited for may be due.
    pub(super) fn tick(&mut self, now: Instant) {
        match self.phase {
            Phase::Waiting { until } if until <= now => self.connect(now),
            Phase::Connecting { until } | Phase::Greeting { until } if until <= now => {
                self.lost(Outage::ConnectTimeout { after: self.config.patience.connect }, None, now);
            }
            Phase::Leaving { until } if until <= now => self.close(CloseReason::Quit),
            Phase::Online { since } => self.tick_online(since, now),
            Phase::New
            | Phase::Connecting { .. }
            | Phase::Greeting { .. }
            | Phase::Leaving { .. }
            | Phase::Waiting { .. }
            | Phase::Closed => {}
        }
    }

    fn tick_online(&mut self, since: Instant, now: Instant) {
        if since + self.config.backoff.stable_after <= now {
            self.attempt = 0;
        }
        if !self.paused {
            let silent = self.silent_after();
            if self.heard + silent <= now {
                return self.lost(Outage::Silent { after: silent }, None, now);
            }
            if self.answer_due().is_some_and(|due| due <= now) {
                let after = self.config.patience.answer.as_secs();
                return self.lost(Outage::Lost(format!("no answer within {after} s")), None, now);
            }
        }
        if self.next_ping <= now {
            self.pings += 1;
            self.ping = Some((self.pings, now));
            self.next_ping = now + self.config.patience.ping;
            self.actions.push_back(Action::Ping(self.pings));
        }
        self.retry_rooms(now);
        self.send_posts(now);
    }

    /// When `tick` is to be called next.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        match self.phase {
            Phase::New | Phase::Closed => None,
            Phase::Connecting { until }
            | Phase::Greeting { until }
            | Phase::Leaving { until }
            | Phase::Waiting { until } => Some(until),
            Phase::Online { .. } => {
                let alive = (!self.paused).then(|| self.heard + self.silent_after());
                let answer = if self.paused { None } else { self.answer_due() };
                let times = [alive, answer, Some(self.next_ping), self.rooms_due(), self.pace_until];
                times.into_iter().flatten().chain(self.outbox.held_until(now)).min()
            }
        }
    }

    /// Silence after which the server is taken for gone: two of its pings, or three of ours, and some slack. Whatever
    /// it says of its own pings, it has the time to answer two of ours.
    fn silent_after(&self) -> Duration {
        let slack = Duration::from_secs(5);
        let ping = self.config.patience.ping;
        let (own, least) = (ping.saturating_mul(3), ping.saturating_mul(5) / 2);
        let pings = self.session.as_ref().map(|session| session.welcome.limits.ping_interval_ms.saturating_mul(2));
        pings.map_or(own, |ms| own.min(Duration::from_millis(ms)).max(least)).saturating_add(slack)
    }

    /// When the oldest of the link's own requests and posts will have waited too long for its answer.
    fn answer_due(&self) -> Option<Instant> {
        let asked = self.rooms.values().filter_map(Room::asked_since).chain(self.outbox.oldest_in_flight()).min()?;
        Some(asked + self.config.patience.answer)
    }

    fn quit(&mut self, done: oneshot::Sender<()>, now: Instant) {
        self.quitters.push(done);
        match self.phase {
            Phase::Online { .. } => {
                self.send(Request::Quit(hubbub_protocol::request::Quit {}), Purpose::Quit, now);
                self.phase = Phase::Leaving { until: now + QUIT_WAIT };
            }
            Phase::Leaving { .. } => {}
            _ => self.close(CloseReason::Quit),
        }
    }

    /// The task can no longer be of use.
    pub(super) fn abandon(&mut self) {
        self.close(CloseReason::Dropped);
    }

    /// Ends the link; `finish` tells it.
    fn close(&mut self, reason: CloseReason) {
        if !self.is_closed() {
            self.phase = Phase::Closed;
            self.actions.push_back(Action::Disconnect);
            self.closed = Some(reason);
        }
    }

    /// To be called when the link has ended and no command comes any more: every waiter is answered, every
    /// post that is not stored fails, and the state says why.
    pub(super) fn finish(&mut self) {
        let Some(reason) = self.closed.take() else { return };
        self.fail_calls(&LinkError::Closed);
        for (_, mut room) in self.rooms.drain() {
            room.answer(Err(LinkError::Closed));
        }
        self.outbox.close(&mut self.updates);
        self.updates.push(Update::State(LinkState::Closed { reason }));
        self.quitters.clear();
    }
}
