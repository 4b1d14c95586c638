//! What people do: each verb is an order to the crowd, and a finding when it was not done.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{PlayError, Stage, capture::Capture, journal::Verdict, wording};
use crate::scenario::{
    crowd::order::{Habit, Parting, Unsettled},
    file::{Place, step::Act, who::Who},
    id::{PersonId, RoomId},
};

/// Histories that are read at once.
const READS_AT_ONCE: usize = 32;

/// People that are listed.
const LINES_SHOWN: usize = 5;

impl Stage {
    /// Everything but structure, faults and expectations.
    pub(super) async fn do_something(&self, act: &Act, place: Place) -> Result<(), PlayError> {
        let what = wording::act(act);
        match act {
            Act::Connect { who, over } | Act::Reconnect { who, over } => {
                let Some(who) = self.somebody(who, &what, place).await? else { return Ok(()) };
                let tally = self.crowd.connect(who, self.scale.time(*over)).await?;
                self.tell(place, &what, tally);
            }
            Act::Disconnect { who } => {
                let Some(who) = self.somebody(who, &what, place).await? else { return Ok(()) };
                let tally = self.crowd.leave(who, Parting::Close).await?;
                self.tell(place, &what, tally);
            }
            Act::Join { who, room } => {
                let Some(people) = self.somebody(who, &what, place).await? else { return Ok(()) };
                let seats = self.seats(&who.text, room, &people).await?;
                let tally = self.crowd.join(seats).await?;
                self.tell(place, &what, tally);
            }
            Act::Part { who, room } => self.in_room(who, room, &what, place, RoomVerb::Part).await?,
            Act::Topic { who, room, text } => self.in_room(who, room, &what, place, RoomVerb::Topic(text)).await?,
            Act::Type { who, room } => self.in_room(who, room, &what, place, RoomVerb::Type).await?,
            Act::Post(post) => self.post(post, &what, place).await?,
            Act::History { who, room, after, capture } => {
                let read = History { room, after: after.as_deref(), capture: capture.as_deref() };
                self.history(who, read, &what, place).await?;
            }
            Act::PauseReading { who, time } => self.pause_reading(who, *time, &what, place).await?,
            Act::ResumeReading { who } => {
                let Some(who) = self.somebody(who, &what, place).await? else { return Ok(()) };
                self.read_again(who).await?;
            }
            Act::Chat { who, time } => self.chat(who, *time, &what, place).await?,
            Act::Wait { time } => tokio::time::sleep(*time).await,
            Act::Settle { within } => {
                let unsettled = self.crowd.settle(self.now().after(*within)).await?;
                if let Some(found) = self.still_open(&unsettled) {
                    self.find(place, Verdict::failed(what, found));
                }
            }
            Act::Sequence { .. }
            | Act::Parallel { .. }
            | Act::Repeat { .. }
            | Act::Phase { .. }
            | Act::Barrier { .. }
            | Act::Fault(_)
            | Act::Expect(_) => debug_assert!(false, "the story plays these itself"),
        }
        Ok(())
    }

    /// Who is meant; `None`, and a finding, when that is nobody: then the step would show nothing.
    pub(super) async fn somebody(
        &self,
        who: &Who,
        what: &str,
        place: Place,
    ) -> Result<Option<Vec<PersonId>>, PlayError> {
        let people = self.people(who).await?;
        if people.is_empty() {
            self.find(place, Verdict::failed(what, format!("\"{}\" is nobody at this point", who.text)));
            return Ok(None);
        }
        Ok(Some(people))
    }

    async fn in_room(
        &self,
        who: &Who,
        room: &str,
        what: &str,
        place: Place,
        verb: RoomVerb<'_>,
    ) -> Result<(), PlayError> {
        let Some(who) = self.somebody(who, what, place).await? else { return Ok(()) };
        for (room, who) in self.by_room(room, who).await? {
            let tally = match verb {
                RoomVerb::Part => self.crowd.part(who, room).await?,
                RoomVerb::Topic(text) => self.crowd.topic(who, room, text.to_owned()).await?,
                RoomVerb::Type => self.crowd.typing(who, room).await?,
            };
            self.tell(place, what, tally);
        }
        Ok(())
    }

    /// Of some people: who does something in which of the rooms that a word names. One room: all of them; of a group:
    /// each where they are.
    pub(super) async fn by_room(
        &self,
        word: &str,
        who: Vec<PersonId>,
    ) -> Result<Vec<(RoomId, Vec<PersonId>)>, PlayError> {
        if !self.groups.is_group(word) {
            return Ok(vec![(self.room(word).await?, who)]);
        }
        let mut rooms = Vec::new();
        for name in self.groups.rooms(word) {
            let room = self.room(&name).await?;
            let members: BTreeSet<PersonId> = self.crowd.members(room).await?.into_iter().collect();
            let there: Vec<PersonId> = who.iter().copied().filter(|person| members.contains(person)).collect();
            if !there.is_empty() {
                rooms.push((room, there));
            }
        }
        Ok(rooms)
    }

    async fn history(&self, who: &Who, read: History<'_>, what: &str, place: Place) -> Result<(), PlayError> {
        let Some(who) = self.somebody(who, what, place).await? else { return Ok(()) };
        if self.groups.is_group(read.room) {
            let found = format!("{} is a group of rooms; name one of them, as {}-1", read.room, read.room);
            self.find(place, Verdict::failed(what, found));
            return Ok(());
        }
        let after = match read.after.map(|name| self.captures.seq(name)).transpose() {
            Ok(after) => after.unwrap_or(0),
            Err(found) => {
                self.find(place, Verdict::failed(what, found));
                return Ok(());
            }
        };
        let room = self.room(read.room).await?;
        let reads = stream::iter(who.clone()).map(|person| self.crowd.history(person, room, after));
        let read_by_each: Vec<_> = reads.buffered(READS_AT_ONCE).try_collect().await?;
        for (person, history) in who.into_iter().zip(read_by_each) {
            match (history, read.capture) {
                (Ok(history), Some(name)) => self.captures.put(name, Capture::History(history)),
                (Ok(_), None) => {}
                (Err(failure), _) => {
                    let found = format!("{}: {}", self.cast.name(person), wording::failure(&failure));
                    self.find(place, Verdict::failed(what, found));
                }
            }
        }
        Ok(())
    }

    async fn pause_reading(
        &self,
        who: &Who,
        time: Option<Duration>,
        what: &str,
        place: Place,
    ) -> Result<(), PlayError> {
        let Some(who) = self.somebody(who, what, place).await? else { return Ok(()) };
        let mark = self.journal.fault(what.to_owned(), self.now());
        self.paused.borrow_mut().extend(who.iter().copied());
        self.crowd.reading(who.clone(), false).await?;
        if let Some(time) = time {
            tokio::time::sleep(time).await;
            self.read_again(who).await?;
            self.journal.mended(&mark, self.now());
        }
        Ok(())
    }

    async fn read_again(&self, who: Vec<PersonId>) -> Result<(), PlayError> {
        {
            let mut paused = self.paused.borrow_mut();
            for person in &who {
                paused.remove(person);
            }
        }
        self.crowd.reading(who, true).await?;
        Ok(())
    }

    async fn chat(&self, who: &Who, time: Duration, what: &str, place: Place) -> Result<(), PlayError> {
        let Some(who) = self.somebody(who, what, place).await? else { return Ok(()) };
        let meant: BTreeSet<PersonId> = who.into_iter().collect();
        let mut habits = Vec::new();
        for (_, part) in self.cast.parts() {
            let role = &part.role;
            let who: Vec<PersonId> =
                self.cast.players(part).into_iter().filter(|person| meant.contains(person)).collect();
            if who.is_empty() || (role.talk.is_none() && role.reconnects.is_none()) {
                continue;
            }
            let talk = role.talk.clone().map(|talk| self.captures.words(&talk.text).map(|words| (talk, words)));
            match talk.transpose() {
                Ok(talk) => habits.push(Habit { who, talk, reconnects: role.reconnects.clone() }),
                Err(found) => self.find(place, Verdict::failed(what, found)),
            }
        }
        if habits.is_empty() {
            self.find(place, Verdict::failed(what, "none of them has a habit: give their role `talk` or `reconnects`"));
            return Ok(());
        }
        let end = self.crowd.chat(habits, self.scale.time(time)).await?;
        self.tell_flow(&end, false, what, place);
        Ok(())
    }

    /// What is still open, in words; `None` when nothing is.
    pub(super) fn still_open(&self, unsettled: &Unsettled) -> Option<String> {
        let Unsettled { behind, absent, unanswered } = unsettled;
        let mut lines = Vec::new();
        let behind = behind.iter().map(|(person, room, events)| {
            let (name, room) = (self.cast.name(*person), self.room_name(*room));
            format!("{name} lacks {} of {room}", wording::count(*events, "event"))
        });
        let absent = absent.iter().map(|person| format!("{} is not back", self.cast.name(*person)));
        lines.extend(behind);
        lines.extend(absent);
        if *unanswered > 0 {
            lines.push(format!("{} without an answer", wording::count(*unanswered, "post")));
        }
        (!lines.is_empty()).then(|| wording::some_of(lines.into_iter(), LINES_SHOWN))
    }
}

/// What a step does to one room.
#[derive(Debug, Clone, Copy)]
enum RoomVerb<'a> {
    Part,
    Topic(&'a str),
    Type,
}

/// What is read of a room's log.
#[derive(Debug, Clone, Copy)]
struct History<'a> {
    room: &'a str,
    after: Option<&'a str>,
    capture: Option<&'a str>,
}
