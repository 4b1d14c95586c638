//! Orders on their way from the player to the crowd, each with the place for its answer.
//!
//! From: [`CrowdHandle`](super::handle::CrowdHandle), any thread. To: the crowd's thread. When the channel is full the
//! player waits. A lost order is one whose crowd is gone: the answer's channel closes, and the player is told.

use std::time::Duration;

use hubbub_protocol::{RoomName, id::Seq};
use tokio::sync::oneshot;

use super::order::{
    Failure, Fate, Flow, FlowEnd, Habit, Parting, ReadHistory, Reception, Recruit, Return, Tally, Unsettled,
};
use crate::scenario::{
    file::step::Garbage,
    id::{GroupId, MessageId, Moment, PersonId, RoomId},
    ledger::account::{Account, Lap},
};

/// The place for an answer.
pub(super) type Answer<T> = oneshot::Sender<T>;

/// What [`CrowdHandle`](super::handle::CrowdHandle)'s methods of the same names ask for.
#[derive(Debug)]
pub(super) enum Command {
    Recruit(Vec<Recruit>, Answer<Vec<PersonId>>),
    Room(RoomName, Answer<RoomId>),
    Group(Answer<GroupId>),
    Connect(Vec<PersonId>, Duration, Answer<Tally>),
    Join(Vec<(PersonId, RoomId)>, Answer<Tally>),
    Part(Vec<PersonId>, RoomId, Answer<Tally>),
    Leave(Vec<PersonId>, Parting, Answer<Tally>),
    Flow(Flow, Answer<FlowEnd>),
    Again(MessageId, Option<GroupId>, Answer<FlowEnd>),
    Chat(Vec<Habit>, Duration, Answer<FlowEnd>),
    Topic(Vec<PersonId>, RoomId, String, Answer<Tally>),
    Typing(Vec<PersonId>, RoomId, Answer<Tally>),
    History(PersonId, RoomId, Seq, Answer<Result<ReadHistory, Failure>>),
    Reading(Vec<PersonId>, bool, Answer<()>),
    Garbage(Vec<PersonId>, Garbage, Answer<Tally>),
    Fates(GroupId, Answer<Vec<Fate>>),
    Reception(Wanted, Answer<Reception>),
    Received(Vec<PersonId>, Answer<Vec<u64>>),
    Members(RoomId, Answer<Vec<PersonId>>),
    Returns(Vec<PersonId>, Answer<Vec<Return>>),
    Closed(Vec<PersonId>, Answer<Vec<Option<u16>>>),
    Settle(Moment, Answer<Unsettled>),
    Lap(Answer<Lap>),
    Stop(Answer<()>),
    Finish(bool, Answer<Account>),
}

/// Receipts that are waited for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) who: Vec<PersonId>,
    pub(super) groups: Vec<GroupId>,
    pub(super) times: u32,
    pub(super) deadline: Moment,
}

/// Gives an answer; who does not wait for it any more does not need it.
pub(super) fn tell<T>(to: Answer<T>, what: T) {
    if to.send(what).is_err() {
        tracing::trace!("nobody waits for this answer any more");
    }
}
