//! A made-up server and people who do as chance wants: the server keeps the protocol, but for one lie that it is told to tell.

use std::collections::{HashMap, HashSet, VecDeque};

use hubbub_protocol::{ErrorBody, ErrorCode, RoomName, id::Seq, reply::Resume};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::scenario::{
    id::{MessageId, Moment, PersonId, RoomId, SeatId},
    ledger::{
        AfterJoin, Content, JoinedView, Ledger, Way,
        account::{Account, Totals},
    },
};

pub(super) const ROOMS: usize = 2;
pub(super) const PEOPLE: usize = 5;

/// A lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// Bo does not get the next event, gets it twice, or after the one behind it.
    Lose,
    Double,
    Swap,
    /// Bo gets something else in its place.
    Replace,
    /// The last of the people, who is not there, gets it.
    Leak,
    /// The next acknowledgement names the seq behind.
    WrongAck,
    /// The next reply to `join` does not know of the last event; or it has another log.
    LowJoin,
    OtherLog,
}

pub(super) const BO: usize = 1;
pub(super) const STRANGER: usize = PEOPLE - 1;

/// What is on its way to the server.
#[derive(Debug)]
pub(super) enum Request {
    Join { room: usize, since: Option<Seq> },
    Part { room: usize },
    Post { room: usize, message: MessageId },
    History { room: usize, after: Seq, before: Seq },
}

/// What is on its way to somebody.
#[derive(Debug, Clone)]
pub(super) enum Frame {
    Live { room: usize, seq: Seq, content: Content },
    Joined { room: usize, epoch: &'static str, resume: Resume, seq: Seq, events: Vec<(Seq, Content)> },
    Page { room: usize, events: Vec<(Seq, Content)>, before: Seq },
    Parted { room: usize },
    Accepted { message: MessageId, seq: Seq, duplicate: bool },
    Refused { message: MessageId },
    Lagged { room: usize, seq: Seq },
}

/// How the server stands to somebody in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Member {
    #[default]
    Out,
    In,
    Lagged,
}

/// How somebody stands to a room, by what they were told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stand {
    wanted: bool,
    joining: bool,
    parting: bool,
    seated: bool,
    /// Told to have fallen behind; and come back from that, so that what is fetched is late.
    lagged: bool,
    late: bool,
}

#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) connected: bool,
    pub(super) up: VecDeque<Request>,
    pub(super) down: VecDeque<Frame>,
    rooms: [Stand; ROOMS],
    unanswered: Vec<(usize, MessageId)>,
}

pub(super) struct World {
    pub(super) rng: StdRng,
    pub(super) ledger: Ledger,
    pub(super) ids: [RoomId; ROOMS],
    seats: Vec<[SeatId; ROOMS]>,
    pub(super) people: Vec<Client>,
    now: Moment,
    pub(super) logs: [Vec<Content>; ROOMS],
    pub(super) members: [[Member; PEOPLE]; ROOMS],
    pub(super) nonces: HashMap<MessageId, Seq>,
    /// No refusals, and nobody falls behind.
    pub(super) calm: bool,
    pub(super) lie: Option<Lie>,
    pub(super) held_back: Option<Frame>,
    /// What everybody has, and what the ledger ought to have counted.
    had: HashSet<(usize, usize, Seq)>,
    accepted: HashSet<MessageId>,
    pub(super) counted: Totals,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut ledger = Ledger::new("run".to_owned());
        let ids = ["lobby", "attic"].map(|name| ledger.room(&RoomName::parse(name).expect("a name")));
        let people = 0..u32::try_from(PEOPLE).expect("few");
        let seats = people.map(|person| ids.map(|room| ledger.seat(PersonId(person), room))).collect();
        Self {
            rng: StdRng::seed_from_u64(seed),
            ledger,
            ids,
            seats,
            people: (0..PEOPLE).map(|_| Client::default()).collect(),
            now: Moment(0),
            logs: Default::default(),
            members: Default::default(),
            nonces: HashMap::new(),
            calm: false,
            lie: None,
            held_back: None,
            had: HashSet::new(),
            accepted: HashSet::new(),
            counted: Totals::default(),
        }
    }

    fn tick(&mut self) -> Moment {
        self.now = Moment(self.now.0 + 1_000_000);
        self.now
    }

    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.rng.random_bool(share)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end)
    }

    pub(super) fn takes_lie(&mut self, lie: Lie) -> bool {
        self.lie.take_if(|there| *there == lie).is_some()
    }

    // --- what people do

    /// One thing that somebody does, or that happens to them.
    pub(super) fn act(&mut self) {
        let (who, room) = (self.below(PEOPLE), self.below(ROOMS));
        match self.below(24) {
            0 => self.connect(who),
            1 => self.cut(who),
            2 => self.part(who, room),
            3..5 => self.join(who, room),
            5 => self.append(room, Content::Foreign(u64::from(self.now.0 as u32) << 7)),
            6..12 => self.post(who, room),
            12..18 => self.serve(who),
            _ => self.deliver(who),
        }
    }

    pub(super) fn connect(&mut self, who: usize) {
        if std::mem::replace(&mut self.people[who].connected, true) {
            return;
        }
        (0..ROOMS).filter(|room| self.people[who].rooms[*room].wanted).collect::<Vec<_>>().into_iter().for_each(
            |room| {
                self.ask(who, room);
            },
        );
        for (room, message) in self.people[who].unanswered.clone() {
            let now = self.tick();
            self.ledger.sent(message, now);
            self.counted.sent_again += 1;
            self.people[who].up.push_back(Request::Post { room, message });
        }
    }

    fn ask(&mut self, who: usize, room: usize) {
        let seat = self.seats[who][room];
        let since = self.ledger.position(seat).map(|position| position.seq);
        self.ledger.join_asked(seat);
        self.people[who].rooms[room].joining = true;
        self.people[who].up.push_back(Request::Join { room, since });
    }

    pub(super) fn cut(&mut self, who: usize) {
        if !std::mem::replace(&mut self.people[who].connected, false) {
            return;
        }
        // what was on its way may have been taken, and the answers are lost
        (0..self.below(3)).for_each(|_| self.serve(who));
        (0..self.below(3)).for_each(|_| self.deliver(who));
        self.people[who].up.clear();
        self.people[who].down.clear();
        for room in 0..ROOMS {
            self.members[room][who] = Member::Out;
            let stand = &mut self.people[who].rooms[room];
            *stand = Stand { wanted: stand.wanted, ..Stand::default() };
            let (seat, wanted) = (self.seats[who][room], stand.wanted);
            if wanted { self.ledger.absent(seat) } else { self.ledger.parted(seat) }
        }
        for (room, message) in std::mem::take(&mut self.people[who].unanswered) {
            if self.chance(0.2) || !self.people[who].rooms[room].wanted {
                self.ledger.given_up(message);
            } else {
                self.people[who].unanswered.push((room, message));
            }
        }
    }

    pub(super) fn join(&mut self, who: usize, room: usize) {
        let stand = &mut self.people[who].rooms[room];
        if stand.parting || stand.wanted {
            return;
        }
        stand.wanted = true;
        if self.people[who].connected {
            self.ask(who, room);
        }
    }

    pub(super) fn part(&mut self, who: usize, room: usize) {
        let client = &mut self.people[who];
        let stand = &mut client.rooms[room];
        if client.connected && stand.seated && !stand.joining && !stand.parting {
            (stand.wanted, stand.parting) = (false, true);
            client.up.push_back(Request::Part { room });
        }
    }

    pub(super) fn post(&mut self, who: usize, room: usize) {
        let stand = self.people[who].rooms[room];
        if self.people[who].connected && stand.seated && !stand.parting {
            let now = self.tick();
            let message = self.ledger.intend(PersonId(who as u32), self.ids[room], now, None);
            self.ledger.sent(message, now);
            (self.counted.intended, self.counted.sent) = (self.counted.intended + 1, self.counted.sent + 1);
            self.people[who].unanswered.push((room, message));
            self.people[who].up.push_back(Request::Post { room, message });
        }
    }

    // --- what people get

    pub(super) fn deliver(&mut self, who: usize) {
        let Some(frame) = self.people[who].down.pop_front() else { return };
        let now = self.tick();
        match frame {
            Frame::Live { room, seq, content } => self.get(who, room, seq, content, Way::Live),
            Frame::Joined { room, epoch, resume, seq, events } => {
                let stand = &mut self.people[who].rooms[room];
                (stand.joining, stand.seated) = (false, true);
                stand.late = std::mem::take(&mut stand.lagged);
                let span = events.first().zip(events.last()).map(|(first, last)| (first.0, last.0, events.len()));
                let view = JoinedView { epoch, seq, resume, events: span };
                match resume {
                    Resume::Complete => self.counted.rooms_complete += 1,
                    Resume::Gap => self.counted.rooms_gap += 1,
                    _ => {}
                }
                if let AfterJoin::Fill { after, before } = self.ledger.joined(self.seats[who][room], view, now) {
                    self.people[who].up.push_back(Request::History { room, after, before });
                }
                events.into_iter().for_each(|(seq, content)| self.get(who, room, seq, content, Way::Joined));
            }
            Frame::Page { room, events, before } => self.get_page(who, room, events, before),
            Frame::Parted { room } => {
                self.people[who].rooms[room] = Stand::default();
                self.ledger.parted(self.seats[who][room]);
            }
            Frame::Accepted { message, seq, duplicate } => {
                self.people[who].unanswered.retain(|(_, there)| *there != message);
                self.counted.accepted += u64::from(self.accepted.insert(message));
                self.counted.duplicates += u64::from(duplicate);
                self.ledger.accepted(message, seq, duplicate, now);
            }
            Frame::Refused { message } => {
                self.people[who].unanswered.retain(|(_, there)| *there != message);
                *self.counted.refused.entry("rate_limited".to_owned()).or_default() += 1;
                self.ledger.refused(message, &ErrorBody::new(ErrorCode::RateLimited, "too fast"), now);
            }
            Frame::Lagged { room, seq } => {
                self.counted.lagged += 1;
                self.ledger.lagged(self.seats[who][room], seq, now);
                let stand = &mut self.people[who].rooms[room];
                stand.lagged |= stand.seated;
                if stand.wanted && !stand.joining {
                    self.ask(who, room);
                }
            }
        }
    }

    fn get_page(&mut self, who: usize, room: usize, events: Vec<(Seq, Content)>, before: Seq) {
        if !self.people[who].rooms[room].seated {
            return;
        }
        let last = events.last().map(|(seq, _)| *seq);
        for (seq, content) in events {
            if seq < before {
                self.get(who, room, seq, content, Way::Page);
            } else {
                self.ledger.event(self.seats[who][room], seq, content, Way::Page, self.now);
            }
        }
        if let Some(after) = last.filter(|last| last + 1 < before) {
            self.people[who].up.push_back(Request::History { room, after, before });
        }
    }

    fn get(&mut self, who: usize, room: usize, seq: Seq, content: Content, way: Way) {
        let now = self.tick();
        self.ledger.event(self.seats[who][room], seq, content, way, now);
        if self.people[who].rooms[room].seated && self.had.insert((who, room, seq)) {
            let is_ours = u64::from(matches!(content, Content::Ours(_)));
            self.counted.foreign += 1 - is_ours;
            self.counted.delivered += is_ours;
            let is_timed = way == Way::Live || self.people[who].rooms[room].late;
            self.counted.delivered_live += if is_timed { is_ours } else { 0 };
        }
    }

    /// Takes everything that is on its way to its end.
    pub(super) fn drain(&mut self) {
        while self.people.iter().any(|client| !client.up.is_empty() || !client.down.is_empty()) {
            for who in 0..PEOPLE {
                self.serve(who);
                self.deliver(who);
            }
        }
    }

    /// Who is in a room and lacks something.
    pub(super) fn behind(&self) -> u64 {
        let seats = (0..PEOPLE).flat_map(|who| (0..ROOMS).map(move |room| (who, room)));
        let seated = seats.filter(|(who, room)| self.people[*who].rooms[*room].seated);
        seated.map(|(who, room)| self.ledger.behind(self.seats[who][room])).sum()
    }

    /// What anybody has of the first room, from where it is read back.
    pub(super) fn read_in_lobby(&self) -> Vec<Seq> {
        let from = self.ledger.audit_from(self.ids[0]).unwrap_or(0);
        let in_lobby = |(_, room, seq): &&(usize, usize, Seq)| *room == 0 && *seq > from;
        let mut read: Vec<_> = self.had.iter().filter(in_lobby).map(|(.., seq)| *seq).collect();
        read.sort_unstable();
        read.dedup();
        read
    }

    /// Reads the rooms back, without this event of the first one.
    pub(super) fn audit(&mut self, without: Option<Seq>) {
        for room in 0..ROOMS {
            let Some(from) = self.ledger.audit_from(self.ids[room]) else { continue };
            let events = self.events(room, from as usize, self.logs[room].len());
            for (seq, content) in events.into_iter().filter(|(seq, _)| room > 0 || Some(*seq) != without) {
                self.ledger.audited(self.ids[room], seq, content);
            }
            self.ledger.audit_ended(self.ids[room], self.logs[room].len() as Seq);
        }
    }

    /// The end.
    pub(super) fn close(self) -> (Account, Totals) {
        (self.ledger.close(self.now), self.counted)
    }
}
