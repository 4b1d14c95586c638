//! A participant: a session that posts and reads, comes back after every fault, and notes what it saw.
//!
//! It is what a careful client does, in its plainest form: it resends what was not acknowledged with the same
//! nonce, comes back by its token, joins with the position it has, and reads the gap from history.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
};

use hubbub_protocol::{
    ErrorCode, Event,
    envelope::read_ok,
    id::{Position, Seq, UserId},
    reply::{History, Joined, Posted, Resume, Welcome},
    request,
    request::Request,
};

use tokio::time::sleep;

use crate::{
    eventually::{LOOK_EVERY, within},
    ledger::Ledger,
    wire::{Heard, Lost, Wire, hello_guest, hello_token, join, post},
};

/// Posts that are under way at once.
const WINDOW: usize = 16;

/// What a participant has of one room.
#[derive(Debug, Default)]
struct Copy {
    position: Option<Position>,
    events: Vec<Event>,
}

/// A post that must get through.
#[derive(Debug, Clone)]
struct Outgoing {
    room: String,
    nonce: String,
    text: String,
}

/// A session that survives its connections.
pub struct Participant {
    /// Its nick, and its name in the ledger.
    pub nick: String,
    /// How often its rooms were entered again, by outcome.
    pub resumes: BTreeMap<&'static str, u32>,
    address: SocketAddr,
    token: Option<String>,
    user: UserId,
    rooms: BTreeMap<String, Copy>,
    wire: Option<Wire>,
    waiting: VecDeque<Outgoing>,
    /// By request id.
    under_way: BTreeMap<u64, Outgoing>,
    acknowledged: Vec<(Outgoing, Posted)>,
    sent: u64,
}

impl Participant {
    /// One that is to be in these rooms; it connects when it has something to do.
    #[must_use]
    pub fn new(address: SocketAddr, nick: &str, rooms: &[&str]) -> Self {
        Self {
            nick: nick.to_owned(),
            resumes: BTreeMap::new(),
            address,
            token: None,
            user: 0,
            rooms: rooms.iter().map(|room| ((*room).to_owned(), Copy::default())).collect(),
            wire: None,
            waiting: VecDeque::new(),
            under_way: BTreeMap::new(),
            acknowledged: Vec::new(),
            sent: 0,
        }
    }

    /// Puts a post behind those that wait.
    pub fn say(&mut self, room: &str, text: &str) {
        self.sent += 1;
        let nonce = format!("{}-{}", self.nick, self.sent);
        self.waiting.push_back(Outgoing { room: room.to_owned(), nonce, text: text.to_owned() });
    }

    /// Whether everything that was to be said is acknowledged.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }

    /// The number of posts that wait or are under way.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    /// The number of its acknowledged posts.
    #[must_use]
    pub fn acknowledgements(&self) -> usize {
        self.acknowledged.len()
    }

    /// The last seq that it has of a room.
    #[must_use]
    pub fn seq(&self, room: &str) -> Seq {
        self.rooms.get(room).and_then(|copy| copy.position.as_ref()).map_or(0, |position| position.seq)
    }

    /// What somebody said in a room, as far as it got it.
    #[must_use]
    pub fn texts(&self, room: &str, from: &str) -> Vec<String> {
        let events = self.rooms.get(room).map_or(&[][..], |copy| &copy.events);
        let text = |event: &Event| match event {
            Event::Post(post) if post.from.as_str() == from => Some(post.text.clone()),
            _ => None,
        };
        events.iter().filter_map(text).collect()
    }

    /// The connection it has, to be cut.
    pub fn take_wire(&mut self) -> Option<Wire> {
        self.wire.take()
    }

    /// Goes elsewhere from the next connection on.
    pub fn redirect(&mut self, address: SocketAddr) {
        self.address = address;
    }

    /// Goes on until everything is acknowledged, coming back as often as it must.
    pub async fn finish_saying(&mut self) {
        while !self.is_done() {
            self.step().await;
        }
    }

    /// Goes on until it has a room up to `seq`.
    pub async fn read_until(&mut self, room: &str, seq: Seq) {
        while self.seq(room) < seq {
            self.step().await;
        }
    }

    /// One thing heard, after sending what may be sent; comes back first if need be.
    pub async fn step(&mut self) {
        if self.try_step().await.is_err() {
            self.wire = None;
        }
    }

    async fn try_step(&mut self) -> Result<(), Lost> {
        self.come_back().await;
        self.send_waiting().await?;
        let Some(wire) = &mut self.wire else { return Ok(()) };
        match wire.hear().await {
            Heard::Reply(Some(re), Ok(ok)) => {
                let Some(outgoing) = self.under_way.remove(&re) else { return Ok(()) };
                let posted = read_ok(&ok).expect("a reply to a post");
                self.acknowledged.push((outgoing, posted));
            }
            Heard::Reply(Some(re), Err(error)) => {
                let retried = [ErrorCode::RateLimited, ErrorCode::StoreUnavailable, ErrorCode::Overloaded];
                assert!(retried.contains(&error.code), "{} was refused: {error}", self.nick);
                self.waiting.extend(self.under_way.remove(&re));
            }
            Heard::Reply(None, outcome) => panic!("{}: a reply to nothing: {outcome:?}", self.nick),
            Heard::Event(event) => self.note(event).await?,
            Heard::Closed(code, reason) => return Err(Lost(format!("closed with {code} {reason}"))),
            Heard::Lost(lost) => return Err(lost),
        }
        Ok(())
    }

    async fn send_waiting(&mut self) -> Result<(), Lost> {
        let Some(wire) = &mut self.wire else { return Ok(()) };
        let mut fed = false;
        while self.under_way.len() < WINDOW
            && let Some(outgoing) = self.waiting.pop_front()
        {
            let request = post(&outgoing.room, &outgoing.nonce, &outgoing.text);
            match wire.feed(request).await {
                Ok(id) => self.under_way.insert(id, outgoing),
                Err(lost) => {
                    self.waiting.push_front(outgoing);
                    return Err(lost);
                }
            };
            fed = true;
        }
        if fed { wire.flush().await } else { Ok(()) }
    }

    /// Notes an event; after `lagged` it joins the room again.
    async fn note(&mut self, event: Event) -> Result<(), Lost> {
        if let Event::Lagged(lagged) = &event {
            let room = lagged.room.as_str().to_owned();
            self.enter(&room).await?;
        } else {
            self.keep(event);
        }
        Ok(())
    }

    /// Keeps an event exactly as it came: whether it should have come is for the ledger to say.
    fn keep(&mut self, event: Event) {
        let (Some(room), Some(seq)) = (event.room(), event.seq()) else { return };
        let Some(copy) = self.rooms.get_mut(room.as_str()) else { return };
        if let Some(position) = &mut copy.position {
            position.seq = seq;
        }
        copy.events.push(event);
    }

    /// Connects, resumes and joins everything, again and again until that works.
    pub async fn come_back(&mut self) {
        if self.wire.is_some() {
            return;
        }
        // What was under way may or may not have arrived: it goes first, in its order, with its nonce.
        for (_, outgoing) in std::mem::take(&mut self.under_way).into_iter().rev() {
            self.waiting.push_front(outgoing);
        }
        let mut last = String::new();
        let what = format!("{} to come back", self.nick);
        let attempts = async {
            while let Err(lost) = self.enter_all().await {
                if lost.0 != last {
                    println!("{}: {lost}", self.nick);
                    last = lost.0;
                }
                sleep(LOOK_EVERY).await;
            }
        };
        within(&what, attempts).await;
    }

    async fn enter_all(&mut self) -> Result<(), Lost> {
        let mut wire = Wire::try_connect(self.address).await?;
        let hello = self.token.as_deref().map_or_else(|| hello_guest(&self.nick), hello_token);
        let id = wire.try_send(hello).await?;
        let ok = wire.try_reply(id).await?;
        let ok = ok.map_err(|error| Lost(format!("hello: {error}")))?;
        let welcome: Welcome = read_ok(&ok).expect("a welcome");
        assert_eq!(welcome.resumed, self.token.is_some());
        (self.token, self.user) = (Some(welcome.token), welcome.user.id);
        self.wire = Some(wire);
        let rooms: Vec<String> = self.rooms.keys().cloned().collect();
        for room in rooms {
            if let Err(lost) = self.enter(&room).await {
                self.wire = None;
                return Err(lost);
            }
        }
        Ok(())
    }

    /// Joins a room with the position it has, and reads what lies between.
    async fn enter(&mut self, room: &str) -> Result<(), Lost> {
        let since = self.rooms.get(room).and_then(|copy| copy.position.clone());
        let Some(wire) = &mut self.wire else { return Ok(()) };
        let id = wire.try_send(join(room, since.clone())).await?;
        let ok = wire.try_reply(id).await?.map_err(|error| Lost(format!("join: {error}")))?;
        let joined: Joined = read_ok(&ok).expect("a reply to join");
        let word = match joined.resume {
            Resume::Fresh => "fresh",
            Resume::Complete => "complete",
            Resume::Gap => "gap",
            Resume::Unknown => "unknown",
            Resume::Reset => panic!("{}: the log of {room} is another: {since:?}", self.nick),
        };
        *self.resumes.entry(word).or_default() += 1;
        let mut have = since.map_or(0, |position| position.seq);
        let first = joined.events.first().and_then(Event::seq).unwrap_or(joined.seq + 1);
        let mut events: Vec<Event> = Vec::new();
        while have + 1 < first {
            let page = self.page_after(room, have).await?;
            events.extend(page.events.into_iter().filter(|event| event.seq() < Some(first)));
            have = events.last().and_then(Event::seq).unwrap_or(have);
        }
        events.extend(joined.events);
        let copy = self.rooms.entry(room.to_owned()).or_default();
        copy.position = Some(Position { epoch: joined.epoch, seq: have.max(joined.seq) });
        copy.events.extend(events);
        Ok(())
    }

    async fn page_after(&mut self, room: &str, after: Seq) -> Result<History, Lost> {
        let Some(wire) = &mut self.wire else { return Err(Lost("no connection".to_owned())) };
        let request = request::History { room: room.to_owned(), after: Some(after), limit: Some(500), before: None };
        let id = wire.try_send(Request::History(request)).await?;
        let ok = wire.try_reply(id).await?.map_err(|error| Lost(format!("history: {error}")))?;
        let page: History = read_ok(&ok).expect("a page of history");
        assert!(!page.events.is_empty(), "{}: history after {after} of {room} is empty", self.nick);
        Ok(page)
    }

    /// Writes what it was told and what it got into the ledger; its copies must be whole.
    pub fn tell(&self, ledger: &mut Ledger) {
        for (outgoing, posted) in &self.acknowledged {
            ledger.acknowledged(&outgoing.room, self.user, &outgoing.nonce, *posted);
        }
        for (room, copy) in &self.rooms {
            ledger.got_all(&self.nick, &copy.events);
            ledger.must_be_whole(&self.nick, room);
        }
    }
}

/// Lets all participants read everything of their rooms to the end, beside a reader that comes fresh, and
/// writes what all of them were told and got into the ledger. Nobody may post meanwhile.
pub async fn bring_together(ledger: &mut Ledger, address: SocketAddr, participants: &mut [Participant]) {
    let rooms: BTreeSet<String> = participants.iter().flat_map(|who| who.rooms.keys().cloned()).collect();
    let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
    let mut fresh = Participant::new(address, "a-fresh-reader", &rooms);
    fresh.come_back().await;
    for who in participants {
        for room in who.rooms.keys().cloned().collect::<Vec<_>>() {
            who.read_until(&room, fresh.seq(&room)).await;
        }
        who.tell(ledger);
    }
    fresh.tell(ledger);
}
