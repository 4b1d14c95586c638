//! The ledger: the life of every message and the place of every reader; what must hold under any load is checked here.
//!
//! It believes nobody: acknowledgements are compared with copies, copies with each other, and all with what the
//! server reads back at the end. It is told of things in the order in which the crowd saw them, and keeps no clock.
//!
//! Bounded: a message whose receipts are complete is counted and let go; at most [`MESSAGES_MAX`] are followed at once.
//!
//! ```text
//! told by the crowd            kept                                    said at the end
//! join     come, go, return    room, log    four bytes for each event  finding   sentences and counters
//! post     send, answers       seat         a place, hole by hole      latency, timeline, worst
//! receipt  what readers get    message      one send's life            account   all of it
//! audit    what is read back   group        captured: every receipt
//! ```

pub(crate) mod account;
mod audit;
pub(crate) mod breach;
mod finding;
mod group;
mod join;
mod latency;
mod log;
mod message;
mod post;
mod receipt;
mod room;
mod seat;
#[cfg(test)]
mod tests;
mod timeline;
mod worst;

/// Messages that are followed at once; beyond it the oldest are let go, and the account says how many.
pub(crate) const MESSAGES_MAX: usize = 2_000_000;

use std::{collections::HashMap, time::Duration};

use hubbub_protocol::{
    NameKey, RoomName,
    id::{Position, Seq},
    reply::Resume,
};

use self::{
    account::{Lap, Totals},
    finding::{Findings, ms},
    group::Groups,
    latency::Times,
    message::Messages,
    room::Room,
    seat::{Presence, Seat},
    timeline::Timeline,
    worst::Worst,
};
use super::id::{GroupId, MessageId, Moment, PersonId, RoomId, SeatId};

/// Whose an event of a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Content {
    /// A send of this run, told by its nonce.
    Ours(MessageId),
    /// Somebody else's; a digest of everything it says.
    Foreign(u64),
}

/// By which way an event came to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Pushed by the server as it happened; its latency counts.
    Live,
    /// In the reply to `join`: what was missed, or the newest events of a first join.
    Joined,
    /// From a page of `history` that fills a gap.
    Page,
}

/// A reply to `join`, without its events, which are told one by one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JoinedView<'a> {
    pub(crate) epoch: &'a str,
    pub(crate) seq: Seq,
    pub(crate) resume: Resume,
    /// The first and the last seq of its events, and how many there are; `None` for none.
    pub(crate) events: Option<(Seq, Seq, usize)>,
}

/// What the crowd is to do after a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterJoin {
    Nothing,
    /// Read pages of history from after this seq, up to before that one.
    Fill {
        after: Seq,
        before: Seq,
    },
}

/// One of the cast, as the ledger knows them.
#[derive(Debug, Default)]
struct Person {
    name: String,
    seats: Vec<(RoomId, SeatId)>,
    /// Events of rooms in which they have no seat.
    leaked: u64,
}

/// The state at the last lap.
#[derive(Debug)]
struct Mark {
    at: Moment,
    totals: Totals,
    delivery: Times,
    acceptance: Times,
}

/// The time that counts as just now for the live view.
const RECENT_NS: u64 = 3_000_000_000;

/// The ledger. Plain calls, one owner.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The begin of every nonce of this run.
    run: String,
    people: Vec<Person>,
    rooms: Vec<Room>,
    room_ids: HashMap<NameKey, RoomId>,
    seats: Vec<Seat>,
    messages: Messages,
    groups: Groups,
    /// Events that the logs of all rooms hold.
    total_events: usize,
    totals: Totals,
    findings: Findings,
    delivery: Times,
    acceptance: Times,
    connecting: Times,
    resuming: Times,
    timeline: Timeline,
    worst: Worst,
    lap: Mark,
    /// The room that was swept last in turn.
    turn: usize,
    /// The latest tick: the time of what is told without one.
    latest: Moment,
}

impl Ledger {
    /// An empty one. `run`: the word at the begin of every nonce of this run.
    pub(crate) fn new(run: String) -> Self {
        let (delivery, acceptance) = (Times::new(), Times::new());
        Self {
            run,
            people: Vec::new(),
            rooms: Vec::new(),
            room_ids: HashMap::new(),
            seats: Vec::new(),
            messages: Messages::new(MESSAGES_MAX),
            groups: Groups::default(),
            total_events: 0,
            totals: Totals::default(),
            findings: Findings::default(),
            lap: Mark {
                at: Moment(0),
                totals: Totals::default(),
                delivery: delivery.clone(),
                acceptance: acceptance.clone(),
            },
            delivery,
            acceptance,
            connecting: Times::new(),
            resuming: Times::new(),
            timeline: Timeline::new(),
            worst: Worst::default(),
            turn: 0,
            latest: Moment(0),
        }
    }

    // --- people, rooms and seats

    /// Names one of the cast, for sentences.
    pub(crate) fn person(&mut self, person: PersonId, name: &str) {
        self.entry(person).name = name.to_owned();
    }

    fn entry(&mut self, person: PersonId) -> &mut Person {
        let index = person.0 as usize;
        if index >= self.people.len() {
            self.people.resize_with(index + 1, Person::default);
        }
        &mut self.people[index]
    }

    /// The room of this name (names that are the same to the server are the same room).
    pub(crate) fn room(&mut self, name: &RoomName) -> RoomId {
        let rooms = &mut self.rooms;
        *self.room_ids.entry(name.key()).or_insert_with(|| {
            rooms.push(Room::new(name.to_string()));
            RoomId(number(rooms.len()))
        })
    }

    /// The room of this name, if there is one.
    pub(crate) fn known_room(&self, name: &RoomName) -> Option<RoomId> {
        self.room_ids.get(&name.key()).copied()
    }

    /// A person's seat in a room, made when there is none: it outlives connections and parts.
    pub(crate) fn seat(&mut self, person: PersonId, room: RoomId) -> SeatId {
        if let Some(seat) = self.find_seat(person, room) {
            return seat;
        }
        let index = self.rooms.get(room.0 as usize).map_or(0, |room| number(room.seats.len() + 1));
        self.seats.push(Seat::new(person, room, index));
        let seat = SeatId(number(self.seats.len()));
        self.entry(person).seats.push((room, seat));
        if let Some(room) = self.rooms.get_mut(room.0 as usize) {
            room.seats.push(seat);
        }
        seat
    }

    fn find_seat(&self, person: PersonId, room: RoomId) -> Option<SeatId> {
        let seats = &self.people.get(person.0 as usize)?.seats;
        seats.iter().find(|(there, _)| *there == room).map(|(_, seat)| *seat)
    }

    /// What the person has of the room: to be sent as `since`. `None`: nothing yet, or parted since.
    pub(crate) fn position(&self, seat: SeatId) -> Option<Position> {
        self.seats.get(seat.0 as usize).and_then(Seat::position)
    }

    // --- questions

    /// A new group.
    pub(crate) fn group(&mut self) -> GroupId {
        self.groups.push()
    }

    /// How many events a person got, of any room, by any way, repeated and leaked ones too.
    pub(crate) fn received(&self, person: PersonId) -> u64 {
        let Some(person) = self.people.get(person.0 as usize) else { return 0 };
        let seats = person.seats.iter().filter_map(|(_, seat)| self.seats.get(seat.0 as usize));
        person.leaked + seats.map(|seat| seat.received).sum::<u64>()
    }

    /// Who is in a room or will be on their return, in the order of the cast.
    pub(crate) fn members(&self, room: RoomId) -> Vec<PersonId> {
        let Some(room) = self.rooms.get(room.0 as usize) else { return Vec::new() };
        let seats = room.seats.iter().filter_map(|seat| self.seats.get(seat.0 as usize));
        let mut members: Vec<_> =
            seats.filter(|seat| seat.presence != Presence::Parted).map(|seat| seat.person).collect();
        members.sort_unstable();
        members
    }

    /// Counters up to now.
    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// For the counters that only the crowd knows: connections and bytes.
    pub(crate) fn totals_mut(&mut self) -> &mut Totals {
        &mut self.totals
    }

    /// Findings so far.
    pub(crate) fn breaches(&self) -> u64 {
        self.findings.total()
    }

    /// Delivery latency of the last seconds, in microseconds to one sixteenth: the median, 99 % and the largest.
    pub(crate) fn recent(&self, now: Moment) -> (u64, u64, u64) {
        let times = self.timeline.recent(now, RECENT_NS);
        (times.quantile_us(0.5), times.quantile_us(0.99), times.max_us())
    }

    /// What happened since the last time that this was asked; the crowd adds what the load side cost.
    pub(crate) fn lap(&mut self, now: Moment) -> Lap {
        let since = std::mem::replace(
            &mut self.lap,
            Mark {
                at: now,
                totals: self.totals.clone(),
                delivery: self.delivery.clone(),
                acceptance: self.acceptance.clone(),
            },
        );
        Lap {
            totals: self.totals.since(&since.totals),
            delivery: self.delivery.since(&since.delivery).latency(),
            acceptance: self.acceptance.since(&since.acceptance).latency(),
            wall_ms: ms(now) - ms(since.at),
            ..Lap::default()
        }
    }

    /// A few times a second: how many are connected, and the CPU time of the crowd's thread since the last tick.
    pub(crate) fn tick(&mut self, now: Moment, online: u64, load_cpu_ms: f64) {
        self.latest = now;
        let slot = self.timeline.at(now);
        slot.connected = Some(online);
        slot.load_cpu_ms += load_cpu_ms;
        self.sweep_in_turn();
    }

    /// How long a connection took: a first one, or (`resumed`) one that went on with its session.
    pub(crate) fn connected(&mut self, took: Duration, resumed: bool, now: Moment) {
        self.latest = self.latest.max(now);
        if resumed {
            self.totals.resumed += 1;
            self.resuming.record_duration(took);
        } else {
            self.totals.connected += 1;
            self.connecting.record_duration(took);
        }
    }
}

/// The number of the last of so many.
fn number(count: usize) -> u32 {
    u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX)
}
