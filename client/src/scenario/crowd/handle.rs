//! The player's side of a crowd: each method is an order, and its answer comes when it is done.

use std::{sync::Arc, time::Duration};

use hubbub_protocol::{RoomName, id::Seq};
use tokio::sync::watch;

use super::order::{
    CrowdConfig, Failure, Fate, Flow, FlowEnd, Habit, Parting, ReadHistory, Reception, Recruit, Return, Tally,
    Unsettled,
};
use crate::scenario::{
    file::step::Garbage,
    id::{GroupId, MessageId, Moment, PersonId, RoomId},
    ledger::account::Account,
    report::sample::Sample,
};

/// The crowd's thread is gone: it broke down, and has said why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the crowd is gone: {0}")]
pub(crate) struct CrowdGone(pub(crate) String);

/// Gives orders to a crowd. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct CrowdHandle {}

impl CrowdHandle {
    /// Starts the crowd's thread.
    ///
    /// # Errors
    /// When the system gives no thread or no event queue.
    pub(crate) fn start(config: CrowdConfig) -> std::io::Result<Self> {
        todo!()
    }

    /// The time of the run, now.
    pub(crate) fn now(&self) -> Moment {
        todo!()
    }

    /// The newest sample; it changes about four times a second.
    pub(crate) fn samples(&self) -> watch::Receiver<Arc<Sample>> {
        todo!()
    }

    /// Adds people. Nothing is connected yet.
    pub(crate) async fn recruit(&self, recruits: Vec<Recruit>) -> Result<Vec<PersonId>, CrowdGone> {
        todo!()
    }

    /// The room of this name; the same number each time.
    pub(crate) async fn room(&self, name: RoomName) -> Result<RoomId, CrowdGone> {
        todo!()
    }

    /// A new group for captured messages.
    pub(crate) async fn group(&self) -> Result<GroupId, CrowdGone> {
        todo!()
    }

    /// Connects people and takes them to the rooms that they are in, resuming their session and each room where they have
    /// one, evenly spread over `over`. Done when each is in all of them with every gap filled.
    pub(crate) async fn connect(&self, who: Vec<PersonId>, over: Duration) -> Result<Tally, CrowdGone> {
        todo!()
    }

    /// Makes people members of a room; those without a connection go there when they connect, and count as done.
    pub(crate) async fn join(&self, who: Vec<(PersonId, RoomId)>) -> Result<Tally, CrowdGone> {
        todo!()
    }

    /// Takes people out of a room.
    pub(crate) async fn part(&self, who: Vec<PersonId>, room: RoomId) -> Result<Tally, CrowdGone> {
        todo!()
    }

    /// Ends connections. Done when they are closed (with `Quit`: when the server said so).
    pub(crate) async fn leave(&self, who: Vec<PersonId>, how: Parting) -> Result<Tally, CrowdGone> {
        todo!()
    }

    /// Plays a flow to its end.
    pub(crate) async fn flow(&self, flow: Flow) -> Result<FlowEnd, CrowdGone> {
        todo!()
    }

    /// Sends a message again with its first nonce; into `group` too.
    pub(crate) async fn again(&self, message: MessageId, group: Option<GroupId>) -> Result<FlowEnd, CrowdGone> {
        todo!()
    }

    /// Plays habits for a time.
    pub(crate) async fn chat(&self, habits: Vec<Habit>, time: Duration) -> Result<FlowEnd, CrowdGone> {
        todo!()
    }

    /// Changes a room's topic.
    pub(crate) async fn topic(&self, who: Vec<PersonId>, room: RoomId, text: String) -> Result<Tally, CrowdGone> {
        todo!()
    }

    /// Says that people type.
    pub(crate) async fn typing(&self, who: Vec<PersonId>, room: RoomId) -> Result<Tally, CrowdGone> {
        todo!()
    }

    /// Reads a room's log after `after` to its end.
    pub(crate) async fn history(
        &self,
        who: PersonId,
        room: RoomId,
        after: Seq,
    ) -> Result<Result<ReadHistory, Failure>, CrowdGone> {
        todo!()
    }

    /// Stops or starts reading from people's sockets.
    pub(crate) async fn reading(&self, who: Vec<PersonId>, read: bool) -> Result<(), CrowdGone> {
        todo!()
    }

    /// Sends garbage. Done when it is written.
    pub(crate) async fn garbage(&self, who: Vec<PersonId>, what: Garbage) -> Result<Tally, CrowdGone> {
        todo!()
    }

    /// What the messages of a group came to.
    pub(crate) async fn fates(&self, group: GroupId) -> Result<Vec<Fate>, CrowdGone> {
        todo!()
    }

    /// Waits until each of `who` has each message of the groups `times` times, or until `deadline`; then tells.
    pub(crate) async fn reception(
        &self,
        who: Vec<PersonId>,
        groups: Vec<GroupId>,
        times: u32,
        deadline: Moment,
    ) -> Result<Reception, CrowdGone> {
        todo!()
    }

    /// How many events of any log each has got up to now, in the order of `who`.
    pub(crate) async fn received(&self, who: Vec<PersonId>) -> Result<Vec<u64>, CrowdGone> {
        todo!()
    }

    /// The people who are in a room at this point, connected or not.
    pub(crate) async fn members(&self, room: RoomId) -> Result<Vec<PersonId>, CrowdGone> {
        todo!()
    }

    /// How each of them came back the last time, a line for each room.
    pub(crate) async fn returns(&self, who: Vec<PersonId>) -> Result<Vec<Return>, CrowdGone> {
        todo!()
    }

    /// With which code the server closed the last connection of each, if it did and they have none now.
    pub(crate) async fn closed(&self, who: Vec<PersonId>) -> Result<Vec<Option<u16>>, CrowdGone> {
        todo!()
    }

    /// Waits until everybody who should be there is, has all, and no post is unanswered, or until `deadline`.
    pub(crate) async fn settle(&self, deadline: Moment) -> Result<Unsettled, CrowdGone> {
        todo!()
    }

    /// Stops all flows and habits; what is under way is still followed.
    pub(crate) async fn stop(&self) -> Result<(), CrowdGone> {
        todo!()
    }

    /// The end: reads every room back from the server and compares (`audit`), lets everybody quit, and gives the account.
    pub(crate) async fn finish(self, audit: bool) -> Result<Account, CrowdGone> {
        todo!()
    }
}
