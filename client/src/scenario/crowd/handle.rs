//! The player's side of a crowd: each method is an order, and its answer comes when it is done.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use hubbub_protocol::{RoomName, id::Seq};
use mio::Waker;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    command::{Answer, Command, Wanted},
    order::{
        CrowdConfig, Failure, Fate, Flow, FlowEnd, Habit, Parting, ReadHistory, Reception, Recruit, Return, Tally,
        Unsettled,
    },
    task,
};
use crate::scenario::{
    file::step::Garbage,
    id::{GroupId, MessageId, Moment, PersonId, RoomId},
    ledger::account::{Account, Lap},
    report::sample::Sample,
};

/// Orders that wait for the crowd; the player waits when there are more.
pub(super) const ORDERS_MAX: usize = 256;

/// The crowd's thread is gone: it broke down, and has said why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the crowd is gone: {0}")]
pub(crate) struct CrowdGone(pub(crate) String);

/// Gives orders to a crowd. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct CrowdHandle {
    pub(super) orders: mpsc::Sender<Command>,
    pub(super) waker: Arc<Waker>,
    pub(super) began: Instant,
    pub(super) samples: watch::Receiver<Arc<Sample>>,
    /// Why the thread ended, written by it as its last act.
    pub(super) fate: Arc<OnceLock<String>>,
}

impl CrowdHandle {
    /// Starts the crowd's thread.
    ///
    /// # Errors
    /// When the system gives no thread or no event queue.
    pub(crate) fn start(config: CrowdConfig) -> std::io::Result<Self> {
        task::start(config)
    }

    /// The time of the run, now.
    pub(crate) fn now(&self) -> Moment {
        Moment::default().after(self.began.elapsed())
    }

    /// The newest sample; it changes about four times a second.
    pub(crate) fn samples(&self) -> watch::Receiver<Arc<Sample>> {
        self.samples.clone()
    }

    /// Gives an order and waits for its answer.
    async fn ask<T>(&self, order: impl FnOnce(Answer<T>) -> Command) -> Result<T, CrowdGone> {
        let gone = || CrowdGone(self.fate.get().cloned().unwrap_or_else(|| "its thread has ended".to_owned()));
        let (answer, answered) = oneshot::channel();
        self.orders.send(order(answer)).await.map_err(|_| gone())?;
        self.waker.wake().map_err(|error| CrowdGone(error.to_string()))?;
        answered.await.map_err(|_| gone())
    }

    /// Adds people. Nothing is connected yet.
    pub(crate) async fn recruit(&self, recruits: Vec<Recruit>) -> Result<Vec<PersonId>, CrowdGone> {
        self.ask(|answer| Command::Recruit(recruits, answer)).await
    }

    /// The room of this name; the same number each time.
    pub(crate) async fn room(&self, name: RoomName) -> Result<RoomId, CrowdGone> {
        self.ask(|answer| Command::Room(name, answer)).await
    }

    /// A new group for captured messages.
    pub(crate) async fn group(&self) -> Result<GroupId, CrowdGone> {
        self.ask(Command::Group).await
    }

    /// Connects people and takes them to the rooms that they are in, resuming their session and each room where they have
    /// one, evenly spread over `over`. Done when each is in all of them with every gap filled.
    pub(crate) async fn connect(&self, who: Vec<PersonId>, over: Duration) -> Result<Tally, CrowdGone> {
        self.ask(|answer| Command::Connect(who, over, answer)).await
    }

    /// Makes people members of a room; those without a connection go there when they connect, and count as done.
    pub(crate) async fn join(&self, who: Vec<(PersonId, RoomId)>) -> Result<Tally, CrowdGone> {
        self.ask(|answer| Command::Join(who, answer)).await
    }

    /// Takes people out of a room.
    pub(crate) async fn part(&self, who: Vec<PersonId>, room: RoomId) -> Result<Tally, CrowdGone> {
        self.ask(|answer| Command::Part(who, room, answer)).await
    }

    /// Ends connections. Done when they are closed (with `Quit`: when the server said so).
    pub(crate) async fn leave(&self, who: Vec<PersonId>, how: Parting) -> Result<Tally, CrowdGone> {
        self.ask(|answer| Command::Leave(who, how, answer)).await
    }

    /// Plays a flow to its end.
    pub(crate) async fn flow(&self, flow: Flow) -> Result<FlowEnd, CrowdGone> {
        self.ask(|answer| Command::Flow(flow, answer)).await
    }

    /// Sends a message again with its first nonce; into `group` too.
    pub(crate) async fn again(&self, message: MessageId, group: Option<GroupId>) -> Result<FlowEnd, CrowdGone> {
        self.ask(|answer| Command::Again(message, group, answer)).await
    }

    /// Plays habits for a time.
    pub(crate) async fn chat(&self, habits: Vec<Habit>, time: Duration) -> Result<FlowEnd, CrowdGone> {
        self.ask(|answer| Command::Chat(habits, time, answer)).await
    }

    /// Changes a room's topic.
    pub(crate) async fn topic(&self, who: Vec<PersonId>, room: RoomId, text: String) -> Result<Tally, CrowdGone> {
        self.ask(|answer| Command::Topic(who, room, text, answer)).await
    }

    /// Says that people type.
    pub(crate) async fn typing(&self, who: Vec<PersonId>, room: RoomId) -> Result<Tally, CrowdGone> {
        self.ask(|answer| Command::Typing(who, room, answer)).await
    }

    /// Reads a room's log after `after` to its end.
    pub(crate) async fn history(
        &self,
        who: PersonId,
        room: RoomId,
        after: Seq,
    ) -> Result<Result<ReadHistory, Failure>, CrowdGone> {
        self.ask(|answer| Command::History(who, room, after, answer)).await
    }

    /// Stops or starts reading from people's sockets.
    pub(crate) async fn reading(&self, who: Vec<PersonId>, read: bool) -> Result<(), CrowdGone> {
        self.ask(|answer| Command::Reading(who, read, answer)).await
    }

    /// Sends garbage. Done when it is written.
    pub(crate) async fn garbage(&self, who: Vec<PersonId>, what: Garbage) -> Result<Tally, CrowdGone> {
        self.ask(|answer| Command::Garbage(who, what, answer)).await
    }

    /// What the messages of a group came to.
    pub(crate) async fn fates(&self, group: GroupId) -> Result<Vec<Fate>, CrowdGone> {
        self.ask(|answer| Command::Fates(group, answer)).await
    }

    /// Waits until each of `who` has each message of the groups `times` times, or until `deadline`; then tells.
    pub(crate) async fn reception(
        &self,
        who: Vec<PersonId>,
        groups: Vec<GroupId>,
        times: u32,
        deadline: Moment,
    ) -> Result<Reception, CrowdGone> {
        let wanted = Wanted { who, groups, times, deadline };
        self.ask(|answer| Command::Reception(wanted, answer)).await
    }

    /// How many events of any log each has got up to now, in the order of `who`.
    pub(crate) async fn received(&self, who: Vec<PersonId>) -> Result<Vec<u64>, CrowdGone> {
        self.ask(|answer| Command::Received(who, answer)).await
    }

    /// The people who are in a room at this point, connected or not.
    pub(crate) async fn members(&self, room: RoomId) -> Result<Vec<PersonId>, CrowdGone> {
        self.ask(|answer| Command::Members(room, answer)).await
    }

    /// How each of them came back the last time, a line for each room.
    pub(crate) async fn returns(&self, who: Vec<PersonId>) -> Result<Vec<Return>, CrowdGone> {
        self.ask(|answer| Command::Returns(who, answer)).await
    }

    /// With which code the server closed the last connection of each, if it did and they have none now.
    pub(crate) async fn closed(&self, who: Vec<PersonId>) -> Result<Vec<Option<u16>>, CrowdGone> {
        self.ask(|answer| Command::Closed(who, answer)).await
    }

    /// Waits until everybody who should be there is, has all, and no post is unanswered, or until `deadline`.
    pub(crate) async fn settle(&self, deadline: Moment) -> Result<Unsettled, CrowdGone> {
        self.ask(|answer| Command::Settle(deadline, answer)).await
    }

    /// What was done since the last lap, or since the begin.
    pub(crate) async fn lap(&self) -> Result<Lap, CrowdGone> {
        self.ask(Command::Lap).await
    }

    /// Stops all flows and habits; what is under way is still followed.
    pub(crate) async fn stop(&self) -> Result<(), CrowdGone> {
        self.ask(Command::Stop).await
    }

    /// The end: reads every room back from the server and compares (`audit`), lets everybody quit, and gives the account.
    pub(crate) async fn finish(self, audit: bool) -> Result<Account, CrowdGone> {
        self.ask(|answer| Command::Finish(audit, answer)).await
    }
}
