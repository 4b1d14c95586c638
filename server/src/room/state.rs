//! A room's state and what it answers; the task around it does the waiting.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use hubbub_protocol::{
    ErrorBody, ErrorCode, Event, NameKey, Nick, RoomName,
    event::{PostView, TopicView, Typing},
    id::{Position, Seq, UnixMs, UserId},
    limits::{MEMBERS_PAGE_MAX, TYPING_NICKS_MAX},
    reply::{Done, Joined, MembersPage, Posted, Resume},
};
use metrics::counter;
use smallvec::SmallVec;

use super::{
    command::{Appends, Asker, RoomCommand},
    press::Press,
    sight::Sight,
};
use crate::{
    domain::{roster::Roster, tail::Tail},
    fanout::{ConnectionId, RoomTag},
    frame,
    limits::{Limits, size},
    meter::RoomMeter,
    metrics as names,
    store::{Appended, EventBody, Events, LogPage, NewEvent, Outcomes, StoreError},
};

/// What a client waits before it posts again when the store cannot store.
const STORE_RETRY_MS: u64 = 1_000;

/// Members from which on the first page of them is kept, encoded.
const FIRST_MEMBERS_KEPT: usize = 32;

/// One room. Its only writer is its task.
pub(super) struct Room {
    tag: Arc<RoomTag>,
    epoch: String,
    topic: String,
    seq: Seq,
    at: UnixMs,
    tail: Tail,
    join_events_max: usize,
    typing: Vec<UserId>,
    /// The first page of members as it was last told.
    first_members: Option<Bytes>,
    sight: Arc<Sight>,
    pub(super) roster: Roster<ConnectionId>,
    pub(super) press: Press,
    pub(super) meter: Arc<RoomMeter>,
}

/// Who waits for the answers to posts that are stored together; mostly it is one.
pub(super) type Askers = SmallVec<[Asker; 1]>;

impl Room {
    /// A room as the store has it, with its newest events.
    pub(super) fn new(
        log: LogPage,
        tag: Arc<RoomTag>,
        sight: Arc<Sight>,
        press: Press,
        meter: Arc<RoomMeter>,
        limits: &Limits,
    ) -> Self {
        let mut tail = Tail::new(size(limits.room_tail_events_max), size(limits.room_tail_bytes_max));
        for event in log.events {
            let is_next = frame::with_json(
                |out| put_event(out, &tag.name, event.seq, &event.event),
                |json| tail.push(event.seq, json),
            );
            if !is_next {
                let problem = "the log is damaged: the event before this one is missing; a backup may have it";
                tracing::error!(room = %tag.name, seq = event.seq, "{problem}");
            }
        }
        sight.seq.store(log.room.seq, Ordering::Relaxed);
        Self {
            tag,
            epoch: log.room.epoch,
            topic: log.room.topic,
            seq: log.room.seq,
            at: log.room.at,
            tail,
            join_events_max: size(limits.join_events_max),
            typing: Vec::new(),
            first_members: None,
            sight,
            roster: Roster::new(size(limits.presence_members_max)),
            press,
            meter,
        }
    }

    /// Checks what is to be appended; those whose sender is no member are answered, the others come back.
    pub(super) fn admit(&mut self, appends: Appends, now: UnixMs) -> (Askers, Events) {
        let (mut askers, mut events) = (Askers::with_capacity(appends.len()), Events::default());
        self.at = self.at.max(now);
        for (asker, mut event) in appends {
            let Some(nick) = self.roster.nick(event.user) else {
                self.press.reply(asker.from, frame::error(Some(asker.re), &self.not_joined()));
                continue;
            };
            let of = Arc::make_mut(&mut event);
            of.at = self.at;
            if of.nick != *nick {
                of.nick = nick.clone();
            }
            events.push(event);
            askers.push(asker);
        }
        (askers, events)
    }

    /// The store has answered: publishes what is new and acknowledges everything, or refuses it.
    pub(super) fn settle(&mut self, askers: &[Asker], events: &Events, outcome: Result<Outcomes, StoreError>) {
        let appended = match outcome {
            Ok(appended) => appended,
            Err(error) => return self.refuse(askers, &error),
        };
        for ((asker, event), Appended { seq, at, duplicate }) in askers.iter().zip(&**events).zip(appended) {
            self.meter.settled(duplicate);
            if !duplicate {
                self.publish(seq, event);
            }
            self.press.reply(asker.from, frame::posted(asker.re, &Posted { seq, at, duplicate }));
        }
    }

    fn publish(&mut self, seq: Seq, event: &NewEvent) {
        if let EventBody::Topic { topic } = &event.body {
            self.topic.clone_from(topic);
        }
        self.typing.retain(|typing| *typing != event.user);
        self.seq = seq;
        let Self { tag, press, tail, .. } = self;
        frame::with_json(
            |out| put_event(out, &tag.name, seq, event),
            |json| {
                press.log(seq, json);
                tail.push(seq, json);
            },
        );
        self.sight.seq.store(seq, Ordering::Relaxed);
    }

    fn refuse(&mut self, askers: &[Asker], error: &StoreError) {
        tracing::warn!(room = %self.tag.name, posts = askers.len(), %error, "posts could not be stored");
        let message = "the server cannot store now; nothing was posted, send it again with the same nonce";
        let error = ErrorBody::new(ErrorCode::StoreUnavailable, message).retry_after(STORE_RETRY_MS);
        for asker in askers {
            self.press.reply(asker.from, frame::error(Some(asker.re), &error));
        }
    }

    /// Does what needs no store.
    pub(super) fn handle(&mut self, command: RoomCommand, now_ms: u64) {
        match command {
            RoomCommand::Join { re, from, user, nick, away, since } => {
                self.seat(user, nick, away, from);
                let reply = self.joined(re, since.as_deref());
                self.press.seat(from, reply);
            }
            RoomCommand::Part { re, from, user } => self.part(re, from, user),
            RoomCommand::Members { re, from, after, limit } => self.members(re, from, after.as_ref(), limit),
            RoomCommand::Typing { user } => self.typing(user),
            RoomCommand::Away { user, away } => self.roster.set_away(user, away),
            RoomCommand::Rename { user, nick } => {
                let displaced = self.roster.rename(user, &nick);
                self.unseat(displaced);
                self.count_members();
            }
            RoomCommand::Detach { user, from } => self.detach(user, from, now_ms),
            RoomCommand::Append { .. } => debug_assert!(false, "appends go through admit and settle"),
        }
    }

    fn seat(&mut self, user: UserId, nick: Nick, away: bool, from: ConnectionId) {
        let before = self.roster.seat(user);
        if before != Some(from) {
            self.unseat(before);
            self.press.count(from, 1);
        }
        let displaced = self.roster.join(user, nick, away, from);
        self.unseat(displaced);
        self.count_members();
    }

    fn unseat(&mut self, seat: Option<ConnectionId>) {
        if let Some(seat) = seat {
            self.press.unseat(seat, None);
            self.press.count(seat, -1);
        }
    }

    fn detach(&mut self, user: UserId, from: ConnectionId, now_ms: u64) {
        if self.roster.seat(user) == Some(from) {
            self.press.count(from, -1);
            self.roster.detach(user, now_ms);
        }
    }

    fn part(&mut self, re: Option<u64>, from: ConnectionId, user: UserId) {
        let seat = self.roster.seat(user);
        if !self.roster.part(user) {
            if let Some(re) = re {
                self.press.reply(from, frame::error(Some(re), &self.not_joined()));
            }
            return;
        }
        let mut reply = re.map(|re| frame::ok(re, &Done {}));
        if let Some(seat) = seat {
            self.press.unseat(seat, if seat == from { reply.take() } else { None });
            self.press.count(seat, -1);
        }
        if let Some(reply) = reply {
            self.press.reply(from, reply);
        }
        self.count_members();
    }

    fn members(&mut self, re: u64, from: ConnectionId, after: Option<&NameKey>, limit: u32) {
        let (members, more) = self.roster.page(after, limit as usize);
        let member_count = self.roster.len() as u64;
        let page = MembersPage { room: self.tag.name.clone(), member_count, members, more };
        self.press.reply(from, frame::ok(re, &page));
    }

    fn typing(&mut self, user: UserId) {
        let room_left = self.typing.len() < TYPING_NICKS_MAX;
        if room_left && self.roster.nick(user).is_some() && !self.typing.contains(&user) {
            self.typing.push(user);
        }
    }

    /// The reply to a join: state and position, true at the very place in the stream where it stands.
    fn joined(&mut self, re: u64, since: Option<&Position>) -> Bytes {
        let members = self.first_members();
        let (resume, missing) = match since {
            None => (Resume::Fresh, None),
            Some(since) if since.epoch != self.epoch || since.seq > self.seq => (Resume::Reset, None),
            Some(since) => match self.tail.count_after(since.seq, self.seq) {
                Some(missing) => (Resume::Complete, Some(missing)),
                None => (Resume::Gap, None),
            },
        };
        counter!(names::RESUMES_TOTAL, "outcome" => resume.as_str()).increment(1);
        let events = self.tail.newest(missing.unwrap_or(self.join_events_max));
        let (epoch, topic) = (self.epoch.clone(), self.topic.clone());
        let member_count = self.roster.len() as u64;
        let room = self.tag.name.clone();
        frame::joined(re, &Joined { room, epoch, seq: self.seq, topic, resume, member_count, members, events })
    }

    /// The first page of members, encoded again only when somebody on it changed: a crowd that joins gets it each.
    fn first_members(&mut self) -> Bytes {
        if let Some(members) = self.first_members.as_ref().filter(|_| self.roster.is_first_page_current()) {
            return members.clone();
        }
        let members = frame::json(&self.roster.first_page(MEMBERS_PAGE_MAX as usize));
        // Of a small room it is as quickly made, and need not be kept.
        self.first_members = (self.roster.len() > FIRST_MEMBERS_KEPT).then(|| members.clone());
        members
    }

    fn not_joined(&self) -> ErrorBody {
        let message = format!("you are not in {}: join it first", self.tag.name);
        ErrorBody::new(ErrorCode::NotJoined, message)
    }

    /// Takes out those who have been offline too long.
    pub(super) fn expire(&mut self, now_ms: u64, offline_ms: u64) {
        self.roster.expire(now_ms, offline_ms);
        self.count_members();
    }

    fn count_members(&self) {
        self.sight.members.store(self.roster.len() as u64, Ordering::Relaxed);
    }

    /// Whether there are signals to be told.
    pub(super) fn has_signals(&self) -> bool {
        self.roster.has_changes() || !self.typing.is_empty()
    }

    /// Puts the signals that have gathered into the press.
    pub(super) fn tell_signals(&mut self) {
        if let Some(presence) = self.roster.take_changes(&self.tag.name) {
            self.press.signal(frame::event(&Event::Presence(presence)));
        }
        let nicks: Vec<Nick> = self.typing.drain(..).filter_map(|user| self.roster.nick(user).cloned()).collect();
        if !nicks.is_empty() {
            self.press.signal(frame::event(&Event::Typing(Typing { room: self.tag.name.clone(), nicks })));
        }
    }
}

/// Adds the JSON of an event of the log.
fn put_event(out: &mut Vec<u8>, room: &RoomName, seq: Seq, NewEvent { at, user, nick: from, nonce, body }: &NewEvent) {
    let (at, user) = (*at, *user);
    match body {
        EventBody::Post { kind, text } => {
            PostView { room, seq, at, user, from, kind: *kind, text, nonce }.put_json(out)
        }
        EventBody::Topic { topic } => TopicView { room, seq, at, user, from, topic, nonce }.put_json(out),
    }
}
