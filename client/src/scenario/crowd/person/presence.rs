//! Coming and going: attempts, the greeting, losses, comebacks, goodbyes, and patience.

use std::{collections::VecDeque, time::Duration};

use hubbub_protocol::{
    ErrorBody, ErrorCode, Request, close,
    error::Retry,
    reply::Welcome,
    request::{Hello, Quit},
};
use rand::RngExt;

use super::{Deed, Person, Place, State, What};
use crate::scenario::{
    crowd::{
        deck::{Deck, Notice, Sink},
        order::{Failure, Parting},
        timer::Due,
        websocket::{
            frame::Opcode,
            upgrade::{self, UpgradeError},
        },
    },
    id::Moment,
};

/// The wait before the first attempt to come back, at most; it doubles with each that fails.
const BACKOFF: Duration = Duration::from_millis(100);

/// Where the doubling ends.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// How long a server may take to answer a goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// What may wait to be written to a server that does not read, in bytes; then it is given up.
const OUT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Lost {
    /// As the story wanted.
    Wished,
    /// The operating system's word, or that of who broke the protocol.
    Broken(String),
    /// No connection could be made.
    Unreachable(String),
    Upgrade(UpgradeError),
    Closed {
        code: u16,
        reason: String,
    },
    /// `hello` was refused.
    Refused(ErrorBody),
    TimedOut,
}

impl Lost {
    fn failure(self) -> Failure {
        match self {
            Self::Wished => Failure::Disconnected("it was ended by the story".to_owned()),
            Self::Broken(why) | Self::Unreachable(why) => Failure::Disconnected(why),
            Self::Upgrade(UpgradeError::Refused { status, error }) => Failure::Http { status, error },
            Self::Upgrade(UpgradeError::Nonsense(why)) => {
                Failure::Disconnected(format!("no Hubbub server answers: {why}"))
            }
            Self::Closed { code, reason } => Failure::Closed { code, reason },
            Self::Refused(error) => Failure::Refused(error),
            Self::TimedOut => Failure::TimedOut,
        }
    }

    /// Whether another attempt would end the same way.
    fn is_final(&self, reached: bool) -> bool {
        match self {
            Self::Wished | Self::Broken(_) | Self::TimedOut => false,
            Self::Unreachable(_) => !reached,
            Self::Upgrade(UpgradeError::Refused { status, .. }) => !matches!(status, 408 | 429 | 503),
            Self::Upgrade(UpgradeError::Nonsense(_)) => true,
            Self::Closed { code, .. } => !close::should_reconnect(*code),
            Self::Refused(error) => error.code.retry() == Retry::No,
        }
    }

    fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Upgrade(UpgradeError::Refused { error: Some(error), .. }) | Self::Refused(error) => {
                error.retry_after_ms
            }
            _ => None,
        }
    }
}

impl Person {
    /// They are to be connected.
    pub(in super::super) fn connect(&mut self, deck: &mut Deck) {
        self.wish = true;
        match self.state {
            State::Away | State::Waiting => self.queue(deck),
            State::Online if self.arrived => self.done(Deed::Connect, &Ok(()), deck),
            State::Queued | State::Dialing | State::Upgrading | State::Greeting | State::Online | State::Leaving => {}
        }
    }

    fn queue(&mut self, deck: &mut Deck) {
        self.state = State::Queued;
        deck.notices.push_back(Notice::Dial(self.id));
    }

    /// The time to try again has come, if nothing came between.
    pub(in super::super) fn retry(&mut self, attempt: u32, deck: &mut Deck) {
        if self.state == State::Waiting && self.attempt == attempt {
            self.queue(deck);
        }
    }

    /// A connection is being made.
    pub(in super::super) fn dialing(&mut self, deck: &mut Deck) {
        self.state = State::Dialing;
        self.began = deck.now;
        self.holds_slot = true;
        deck.connecting += 1;
        for awaiting in self.awaiting.iter_mut().filter(|awaiting| awaiting.deed == Deed::Connect) {
            awaiting.deadline.get_or_insert(deck.now.after(deck.config.patience));
        }
    }

    /// The connection is there: the handshake begins.
    pub(in super::super) fn dialed(&mut self, deck: &mut Deck) {
        deck.reached = true;
        self.state = State::Upgrading;
        let key = upgrade::key();
        self.writes(deck);
        self.out.extend_from_slice(upgrade::request(&deck.config.host, &key).as_bytes());
        self.key = Some(key.into());
    }

    /// The WebSocket is there.
    pub(super) fn greet(&mut self, deck: &mut Deck) {
        self.state = State::Greeting;
        self.closed = None;
        let token = self.token.as_deref().map(str::to_owned);
        let what = What::Hello { token: token.is_some() };
        let guest = token.is_none().then(|| self.nick.to_string());
        let client = Some(concat!("hubbub-scenario/", env!("CARGO_PKG_VERSION")).to_owned());
        self.ask(Request::Hello(Hello { client, guest, token }), what, deck);
    }

    /// The server knows them.
    pub(super) fn welcome(&mut self, welcome: Welcome, deck: &mut Deck) {
        self.nick = welcome.user.nick.as_str().into();
        self.token = Some(welcome.token.into());
        self.resumed = welcome.resumed;
        self.state = State::Online;
        deck.online += u64::from(!self.is_auditor);
        deck.frame_bytes_max = welcome.limits.frame_bytes_max;
        for index in 0..self.rooms.len() {
            if self.rooms[index].wanted {
                self.ask_join(index, deck);
            }
        }
        self.arrive(deck);
    }

    /// `hello` was refused: another nick, another session, or another time.
    pub(super) fn not_welcome(&mut self, error: ErrorBody, token: bool, deck: &mut Deck) -> Result<(), Lost> {
        match error.code {
            ErrorCode::NickTaken if !token => {
                let number: u16 = deck.chance.random();
                let suggestion = error.suggestion.unwrap_or_else(|| format!("{}-{number}", self.name));
                self.nick = suggestion.into();
            }
            ErrorCode::UnknownSession if token => {
                self.token = None;
                self.abandon_sent(deck);
            }
            _ => return Err(Lost::Refused(error)),
        }
        self.greet(deck);
        Ok(())
    }

    /// If all rooms are settled now, the person is there.
    pub(super) fn arrive(&mut self, deck: &mut Deck) {
        let is_settled = |place: &Place| matches!(place, Place::In | Place::Refused);
        let settled = self.rooms.iter().filter(|membership| membership.wanted).all(|at| is_settled(&at.place));
        if self.arrived || self.state != State::Online || !settled {
            return;
        }
        self.arrived = true;
        self.attempt = 0;
        self.free_slot(deck);
        deck.stirred = true;
        if !self.is_auditor {
            deck.ledger.connected(deck.now.since(self.began), self.resumed, deck.now);
        }
        let refused = self.rooms.iter().any(|membership| membership.wanted && membership.place == Place::Refused);
        let failure = self.last_failure.take().filter(|_| refused);
        self.done(Deed::Connect, &failure.map_or(Ok(()), |failure| Err(*failure)), deck);
    }

    fn free_slot(&mut self, deck: &mut Deck) {
        if std::mem::take(&mut self.holds_slot) {
            deck.connecting -= 1;
        }
    }

    /// The person goes, as told.
    pub(in super::super) fn leave(&mut self, how: Parting, deck: &mut Deck) {
        let is_connected = matches!(self.state, State::Online | State::Leaving);
        match how {
            Parting::Cut => {
                self.wish &= self.returns;
                if !matches!(self.state, State::Away | State::Waiting | State::Queued) {
                    deck.notices.push_back(Notice::HangUp { person: self.id, reset: true });
                    self.lost(Lost::Wished, deck);
                }
                return self.done(Deed::Leave, &Ok(()), deck);
            }
            Parting::Close => {
                self.wish = false;
                if is_connected {
                    self.frame(Opcode::Close, &close::NORMAL.to_be_bytes(), deck);
                }
            }
            Parting::Quit => {
                self.wish = false;
                if is_connected {
                    self.ask(Request::Quit(Quit {}), What::Quit, deck);
                }
            }
        }
        if is_connected {
            if self.state == State::Online {
                deck.online -= u64::from(!self.is_auditor);
            }
            self.state = State::Leaving;
            self.began = deck.now;
        } else {
            if !matches!(self.state, State::Away | State::Waiting | State::Queued) {
                deck.notices.push_back(Notice::HangUp { person: self.id, reset: false });
            }
            self.lost(Lost::Wished, deck);
        }
    }

    /// `quit` was answered: the session is over.
    pub(super) fn quitted(&mut self, deck: &mut Deck) {
        self.token = None;
        if !deck.over {
            for membership in self.rooms.iter_mut().filter(|membership| membership.wanted) {
                membership.wanted = false;
                deck.ledger.parted(membership.seat);
            }
        }
    }

    /// The connection is gone, or was never made. The socket is somebody else's matter.
    pub(in super::super) fn lost(&mut self, why: Lost, deck: &mut Deck) {
        let was = std::mem::replace(&mut self.state, State::Away);
        self.free_slot(deck);
        if was == State::Online {
            deck.online -= u64::from(!self.is_auditor);
        }
        if let (Lost::Closed { code, .. }, false) = (&why, was == State::Leaving) {
            self.closed = Some(*code);
        }
        let wished = why == Lost::Wished || was == State::Leaving;
        if !wished && !self.is_auditor {
            let totals = deck.ledger.totals_mut();
            match was {
                State::Online if !self.mischief => totals.connections_lost += 1,
                State::Dialing | State::Upgrading | State::Greeting => totals.connect_failed += 1,
                _ => {}
            }
        }
        let is_final = was != State::Leaving && why.is_final(deck.reached);
        self.stay_away_ms = why.retry_after_ms().or(self.stay_away_ms);
        let failure = why.failure();
        self.forget_connection(&failure, deck);
        deck.stirred = true;
        let is_awaited = self.awaiting.iter().any(|awaiting| awaiting.deed == Deed::Connect);
        if was == State::Leaving {
            self.done(Deed::Leave, &Ok(()), deck);
        }
        if self.wish && !is_final && (self.returns || is_awaited || was == State::Leaving) {
            self.last_failure = Some(Box::new(failure));
            return self.come_back(deck);
        }
        self.wish = false;
        self.done(Deed::Connect, &Err(failure), deck);
        self.done(Deed::Leave, &Ok(()), deck);
    }

    /// What belonged to the connection ends with it.
    fn forget_connection(&mut self, failure: &Failure, deck: &mut Deck) {
        (self.arrived, self.mischief, self.resumed, self.key) = (false, false, false, None);
        self.out = Vec::new();
        for index in 0..self.rooms.len() {
            let membership = &mut self.rooms[index];
            if std::mem::take(&mut membership.entered) && !deck.over {
                deck.ledger.absent(membership.seat);
            }
            (membership.place, membership.how) = (Place::Out, None);
        }
        for asked in std::mem::take(&mut self.asked) {
            match asked.what {
                What::Part(room) => {
                    // who does not join the room again is not in it
                    self.parted(room, deck);
                }
                What::Read(key) => self.reading_failed(key, failure.clone(), deck),
                What::Typing(Some(order)) => {
                    let outcome = Err(failure.clone());
                    deck.notices.push_back(Notice::Done { order, person: self.id, outcome });
                }
                What::Quit => self.quitted(deck),
                What::Hello { .. } | What::Join(_) | What::Page { .. } | What::Post(_) | What::Typing(None) => {}
            }
        }
        self.unsend();
    }

    /// Waits a while, jittered, and longer each time.
    fn come_back(&mut self, deck: &mut Deck) {
        self.state = State::Waiting;
        let most = BACKOFF.saturating_mul(1 << self.attempt.min(10)).min(BACKOFF_MAX);
        let share = deck.chance.random_range(0.5..=1.0);
        let wait = most.mul_f64(share).max(Duration::from_millis(self.stay_away_ms.take().unwrap_or(0)));
        self.attempt = self.attempt.saturating_add(1);
        deck.timers.add(deck.now.after(wait), Due::Retry(self.id, self.attempt));
    }

    /// The server said goodbye.
    pub(super) fn goodbye(&mut self, reconnect_after_ms: Option<u64>) {
        self.stay_away_ms = reconnect_after_ms;
    }

    /// Looks at patience: what should have come by now and did not.
    ///
    /// # Errors
    /// When the connection is not worth waiting for.
    pub(in super::super) fn sweep(&mut self, deck: &mut Deck) -> Result<(), Lost> {
        let patience = deck.config.patience;
        let is_over = |at: Moment, time: Duration| at.after(time) < deck.now;
        if self.out.len() > OUT_BYTES_MAX {
            return Err(Lost::Broken(format!("the server does not read: {} bytes wait for it", self.out.len())));
        }
        match self.state {
            State::Dialing | State::Upgrading | State::Greeting if is_over(self.began, patience) => {
                return Err(Lost::TimedOut);
            }
            State::Leaving if is_over(self.began, patience.min(GOODBYE)) => return Err(Lost::TimedOut),
            State::Online if self.paused => self.free_slot(deck),
            State::Online if self.reads_bytes_per_s.is_none() => {
                let mut others = self.asked.iter().filter(|asked| !matches!(asked.what, What::Post(_)));
                if others.next().is_some_and(|asked| is_over(asked.at, patience)) {
                    return Err(Lost::TimedOut);
                }
            }
            _ => {}
        }
        if !deck.over {
            self.sweep_posts(deck);
            self.sweep_deeds(deck);
        }
        self.let_go();
        Ok(())
    }

    /// Queues that are empty hold no memory: most people are silent most of the time, and there are many of them.
    fn let_go(&mut self) {
        if self.asked.is_empty() {
            self.asked = VecDeque::new();
        }
        if self.posts.is_empty() {
            self.posts = VecDeque::new();
        }
        if self.awaiting.is_empty() {
            self.awaiting = Vec::new();
        }
    }

    /// Orders that waited too long are told so; the person goes on.
    fn sweep_deeds(&mut self, deck: &mut Deck) {
        if self.awaiting.is_empty() {
            return;
        }
        let failure = self.last_failure.as_deref().cloned().unwrap_or(Failure::TimedOut);
        let (person, now) = (self.id, deck.now);
        let over = self.awaiting.extract_if(.., |awaiting| awaiting.deadline.is_some_and(|deadline| deadline < now));
        let mut connects = false;
        deck.notices.extend(over.map(|over| {
            connects |= over.deed == Deed::Connect;
            Notice::Done { order: over.order, person, outcome: Err(failure.clone()) }
        }));
        if connects && !self.returns && self.state == State::Waiting {
            (self.wish, self.state) = (false, State::Away);
        }
    }

    /// Whether the reading for the end of the run is done by this one.
    pub(in super::super) fn is_reading(&self, deck: &Deck) -> bool {
        self.is_auditor && deck.readings.iter().any(|(_, reading)| matches!(reading.sink, Sink::Audit))
    }
}
