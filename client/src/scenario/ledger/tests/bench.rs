//! A ledger with some people and rooms, and short words for what a crowd would tell it.

use hubbub_protocol::{ErrorBody, ErrorCode, RoomName, id::Seq, reply::Resume};

use crate::scenario::{
    id::{GroupId, MessageId, Moment, PersonId, RoomId, SeatId},
    ledger::{
        AfterJoin, Content, JoinedView, Ledger, Way,
        account::Account,
        breach::{Breach, BreachKind},
    },
};

pub(super) const EPOCH: &str = "log";
pub(super) const ANA: PersonId = PersonId(0);
pub(super) const BO: PersonId = PersonId(1);
pub(super) const CY: PersonId = PersonId(2);
pub(super) const EVE: PersonId = PersonId(3);

/// Ana, bo and cy are in the lobby, eve is not.
pub(super) struct Bench {
    pub(super) ledger: Ledger,
    pub(super) lobby: RoomId,
    pub(super) now: Moment,
}

impl Bench {
    /// Nobody is there yet.
    pub(super) fn empty() -> Self {
        let mut ledger = Ledger::new("run".to_owned());
        for (person, name) in [(ANA, "ana"), (BO, "bo"), (CY, "cy"), (EVE, "eve")] {
            ledger.person(person, name);
        }
        let lobby = ledger.room(&RoomName::parse("lobby").expect("a name"));
        Self { ledger, lobby, now: Moment(1_000_000) }
    }

    /// The three are there, and the log is empty.
    pub(super) fn new() -> Self {
        let mut bench = Self::empty();
        for person in [ANA, BO, CY] {
            bench.join(person, Resume::Fresh, 0, None);
        }
        bench
    }

    pub(super) fn tick(&mut self) -> Moment {
        self.now = Moment(self.now.0 + 1_000_000);
        self.now
    }

    pub(super) fn seat(&mut self, person: PersonId) -> SeatId {
        self.ledger.seat(person, self.lobby)
    }

    /// Asks for the lobby and is answered.
    pub(super) fn join(
        &mut self,
        person: PersonId,
        resume: Resume,
        seq: Seq,
        events: Option<(Seq, Seq, usize)>,
    ) -> AfterJoin {
        let seat = self.seat(person);
        self.ledger.join_asked(seat);
        self.joined(person, EPOCH, resume, seq, events)
    }

    pub(super) fn joined(
        &mut self,
        person: PersonId,
        epoch: &str,
        resume: Resume,
        seq: Seq,
        events: Option<(Seq, Seq, usize)>,
    ) -> AfterJoin {
        let (seat, now) = (self.seat(person), self.tick());
        self.ledger.joined(seat, JoinedView { epoch, seq, resume, events }, now)
    }

    /// Sends, without an answer yet.
    pub(super) fn send(&mut self, person: PersonId, group: Option<GroupId>) -> MessageId {
        let now = self.tick();
        let message = self.ledger.intend(person, self.lobby, now, group);
        self.ledger.sent(message, now);
        message
    }

    pub(super) fn accept(&mut self, message: MessageId, seq: Seq) {
        let now = self.tick();
        self.ledger.accepted(message, seq, false, now);
    }

    pub(super) fn refuse(&mut self, message: MessageId) {
        let now = self.tick();
        self.ledger.refused(message, &ErrorBody::new(ErrorCode::RateLimited, "too fast"), now);
    }

    /// Sends, and it is acknowledged there.
    pub(super) fn post(&mut self, person: PersonId, seq: Seq) -> MessageId {
        let message = self.send(person, None);
        self.accept(message, seq);
        message
    }

    pub(super) fn get(&mut self, person: PersonId, seq: Seq, content: impl Into<Content>, way: Way) {
        let (seat, now) = (self.seat(person), self.tick());
        self.ledger.event(seat, seq, content.into(), way, now);
    }

    /// Pushed to some.
    pub(super) fn push(&mut self, people: &[PersonId], seq: Seq, content: impl Into<Content> + Copy) {
        for person in people {
            self.get(*person, seq, content, Way::Live);
        }
    }

    /// Posts and everybody gets it.
    pub(super) fn chat(&mut self, person: PersonId, seq: Seq) -> MessageId {
        let message = self.post(person, seq);
        self.push(&[ANA, BO, CY], seq, message);
        message
    }

    pub(super) fn audit(&mut self, log: &[(Seq, Content)]) {
        for (seq, content) in log {
            self.ledger.audited(self.lobby, *seq, *content);
        }
        self.ledger.audit_ended(self.lobby, log.last().map_or(0, |(seq, _)| *seq));
    }

    pub(super) fn close(mut self) -> Account {
        let now = self.tick();
        self.ledger.close(now)
    }

    /// What was found, each kind with its sentences.
    pub(super) fn found(self) -> Vec<(BreachKind, String)> {
        said(&self.close())
    }
}

impl From<MessageId> for Content {
    fn from(message: MessageId) -> Self {
        Self::Ours(message)
    }
}

/// The findings of an account.
pub(super) fn said(account: &Account) -> Vec<(BreachKind, String)> {
    let total: u64 = account.found.values().sum();
    assert!(account.breaches.len() as u64 <= total);
    account.breaches.iter().map(|Breach { kind, text, .. }| (*kind, text.clone())).collect()
}
