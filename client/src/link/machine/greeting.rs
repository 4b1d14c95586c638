//! From no connection to a greeted one and back: connect, `hello`, resume, and when to try again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hubbub_protocol::{
    ErrorBody, ErrorCode, Nick, Request, close,
    error::Retry,
    reply::Welcome,
    request::{Hello, Presence},
};

use super::{Action, ConnectError, Machine, Phase, Session, request::Purpose};
use crate::link::{
    config::{IfTaken, NickChoice},
    error::{CloseReason, Outage},
    update::{LinkState, SessionIdentity, Update},
};

/// Taken nicks in a row after which the next attempt waits.
const NICKS_REFUSED_MAX: u32 = 8;

impl Machine {
    /// Begins, or tries again.
    pub(in crate::link) fn connect(&mut self, now: Instant) {
        if matches!(self.phase, Phase::New | Phase::Waiting { .. }) {
            self.phase = Phase::Connecting { until: now + self.config.patience.connect };
            self.updates.push(Update::State(LinkState::Connecting { attempt: self.attempt + 1 }));
            self.actions.push_back(Action::Connect);
        }
    }

    /// Tries again at once when it would wait; gives up a connection that there is for another one.
    pub(in crate::link) fn reconnect_now(&mut self, now: Instant) {
        if self.is_online() {
            self.lost(Outage::Asked, Some(Duration::ZERO), now);
        }
        if matches!(self.phase, Phase::Waiting { .. }) {
            self.connect(now);
        }
    }

    /// The socket is there and upgraded.
    pub(in crate::link) fn connected(&mut self, now: Instant) {
        if let Phase::Connecting { until } = self.phase {
            self.phase = Phase::Greeting { until };
            self.heard = now;
            self.say_hello(now);
        }
    }

    fn say_hello(&mut self, now: Instant) {
        let mut hello = Hello { client: Some(self.config.client.clone()), ..Hello::default() };
        if self.token.is_some() {
            hello.token.clone_from(&self.token);
        } else {
            let (jitter, refused) = (&mut self.jitter, self.nicks_refused);
            hello.guest = Some(self.nick.get_or_insert_with(|| jitter.guest(refused)).to_string());
        }
        self.send(Request::Hello(hello), Purpose::Hello, now);
    }

    /// No connection could be made.
    pub(in crate::link) fn connect_failed(&mut self, error: ConnectError, now: Instant) {
        let was_online = self.session.is_some();
        match error {
            ConnectError::Network(message) => self.lost(Outage::Unreachable(message), None, now),
            ConnectError::Http { error: Some(error), .. } => self.refused_entry(error, now),
            ConnectError::Http { status, error: None } => {
                let passing = matches!(status, 408 | 429 | 500..=599);
                if passing || (was_online && status != 403) {
                    self.lost(Outage::Http { status }, None, now);
                } else {
                    self.close(CloseReason::NotHubbub(format!("the answer was HTTP {status}")));
                }
            }
            // A proxy may show its own page while the server behind it is exchanged.
            ConnectError::NotHubbub(message) if was_online => self.lost(Outage::Protocol(message), None, now),
            ConnectError::NotHubbub(message) => self.close(CloseReason::NotHubbub(message)),
        }
    }

    fn refused_entry(&mut self, error: ErrorBody, now: Instant) {
        if error.code.retry() == Retry::Later {
            let hint = error.retry_after_ms.map(|ms| self.jitter.at_least(Duration::from_millis(ms)));
            self.lost(Outage::Refused(error), hint, now);
        } else {
            self.close(CloseReason::Refused(error));
        }
    }

    /// The server closed the connection with a close frame.
    pub(in crate::link) fn closed_by_server(&mut self, code: u16, reason: String, now: Instant) {
        if matches!(self.phase, Phase::Leaving { .. }) {
            self.close(CloseReason::Quit);
        } else if close::should_reconnect(code) {
            self.lost(Outage::ClosedByServer { code, reason }, None, now);
        } else {
            self.close(CloseReason::ClosedByServer { code, reason });
        }
    }

    /// There is no connection any more: waits and tries again. `hint`: the server said how long.
    pub(in crate::link) fn lost(&mut self, reason: Outage, hint: Option<Duration>, now: Instant) {
        match self.phase {
            Phase::Closed | Phase::Waiting { .. } => return,
            Phase::Leaving { .. } => return self.close(CloseReason::Quit),
            Phase::Online { since } if since + self.config.backoff.stable_after <= now => self.attempt = 0,
            Phase::New | Phase::Connecting { .. } | Phase::Greeting { .. } | Phase::Online { .. } => {}
        }
        self.actions.retain(|action| !matches!(action, Action::Send(_) | Action::Ping(_)));
        self.actions.push_back(Action::Disconnect);
        self.ping = None;
        self.pace_until = None;
        self.cut_calls();
        self.outbox.cut();
        self.fail_unwanted();
        for room in self.rooms.values_mut() {
            room.cut();
        }
        self.attempt = self.attempt.saturating_add(1);
        let retry_in = hint.unwrap_or_else(|| self.jitter.wait(&self.config.backoff, self.attempt));
        self.phase = Phase::Waiting { until: now + retry_in };
        let attempt = self.attempt.saturating_add(1);
        self.updates.push(Update::State(LinkState::Waiting { attempt, retry_in, reason }));
    }

    /// The reply to `hello`.
    pub(super) fn greeted(&mut self, outcome: Result<Welcome, ErrorBody>, now: Instant) {
        if !matches!(self.phase, Phase::Greeting { .. }) {
            return;
        }
        match outcome {
            Ok(welcome) => self.welcomed(welcome, now),
            Err(error) if error.code == ErrorCode::UnknownSession && self.token.is_some() => {
                if self.session.is_some() {
                    let notice = "the server does not know our session any more; a new one begins";
                    self.updates.push(Update::Notice(notice.to_owned()));
                }
                self.token = None;
                self.say_hello(now);
            }
            Err(error) if error.code == ErrorCode::NickTaken => self.nick_taken(error, now),
            Err(error) => self.refused_entry(error, now),
        }
    }

    fn nick_taken(&mut self, error: ErrorBody, now: Instant) {
        self.nicks_refused += 1;
        if self.nicks_refused > NICKS_REFUSED_MAX {
            self.nicks_refused = 0;
            return self.lost(Outage::Refused(error), None, now);
        }
        let suggestion = error.suggestion.as_deref().and_then(|nick| Nick::parse(nick).ok());
        match (&self.config.identity.nick, suggestion) {
            (NickChoice::MadeUp, _) => self.nick = None,
            (NickChoice::Chosen { if_taken: IfTaken::TakeSuggestion, .. }, Some(nick)) => self.nick = Some(nick),
            (NickChoice::Chosen { .. }, _) => return self.close(CloseReason::Refused(error)),
        }
        self.say_hello(now);
    }

    fn welcomed(&mut self, welcome: Welcome, now: Instant) {
        let welcome = Arc::new(welcome);
        let before = self.session.take();
        let user = welcome.user.clone();
        if before.is_some() && !welcome.resumed {
            self.outbox.session_lost();
        }
        let nick = user.nick.clone();
        let same =
            |before: &Session| before.user == user.id && before.nick == nick && before.welcome.token == welcome.token;
        let changed = !before.as_ref().is_some_and(same);
        self.pace.set(welcome.limits.post_burst, welcome.limits.posts_per_s, !welcome.resumed, now);
        self.token = Some(welcome.token.clone());
        self.nick = Some(user.nick);
        self.nicks_refused = 0;
        // the server knows of being away for one connection alone
        let (user, told_away) = (user.id, false);
        self.session = Some(Session { user, welcome: Arc::clone(&welcome), nick, told_away });
        self.phase = Phase::Online { since: now };
        self.next_ping = now;
        self.updates.push(Update::State(LinkState::Online { welcome }));
        if changed {
            self.tell_identity();
        }
        self.tell_away();
        self.rejoin_rooms(now);
        self.resume_calls(now);
        self.tick(now);
    }

    pub(super) fn tell_identity(&mut self) {
        if let (Some(session), Some(token)) = (&self.session, &self.token) {
            self.updates.push(Update::Identity(SessionIdentity {
                nick: session.nick.clone(),
                user: session.user,
                token: token.clone(),
            }));
        }
    }

    pub(super) fn tell_away(&mut self) {
        let away = self.away;
        let online = self.is_online();
        if let Some(session) = &mut self.session
            && online
            && session.told_away != away
        {
            session.told_away = away;
            self.send_quietly(Request::Presence(Presence { away }));
        }
    }
}
