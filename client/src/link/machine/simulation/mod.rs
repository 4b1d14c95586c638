//! The machine against a made-up server in virtual time: cuts, repeats, holes, refusals and lost sessions
//! wherever chance wants them, and afterwards every promise is checked against the server's logs.

mod world;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hubbub_protocol::{
    ErrorCode, Event,
    event::{self, PostKind},
    id::Nonce,
};
use proptest::prelude::*;
use tokio::sync::oneshot;

use self::world::{Connection, ROOMS, World, room_name};
use super::{Action, Machine};
use crate::link::{
    GapPolicy, Identity, JoinFrom, LinkConfig, LinkState, PostFailure, ServerUrl, Update, command::Command,
    outbox::NewPost,
};

/// What chance can want.
#[derive(Debug, Clone)]
enum Step {
    /// Others post this many events.
    Others { room: usize, count: u64 },
    /// The client's user posts.
    Post { room: usize },
    /// The server takes this many frames.
    Serve(usize),
    /// The client takes this many frames.
    Deliver(usize),
    /// Time goes on.
    Advance { ms: u64 },
    /// The connection breaks; what was on its way is lost in both directions.
    Cut,
    /// The server forgets the session, then the connection breaks.
    EndSession,
    /// The next post is refused for now.
    Refuse(ErrorCode),
    /// The next live event is not sent on.
    Drop,
    /// The next live event is sent twice.
    Double,
    /// The next acknowledgement comes after the event instead of before.
    LateAck,
    /// The server cuts the client off a room.
    Lag { room: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let refusals = [ErrorCode::RateLimited, ErrorCode::StoreUnavailable, ErrorCode::Overloaded, ErrorCode::Internal];
    prop_oneof![
        3 => (0..2_usize, 1..12_u64).prop_map(|(room, count)| Step::Others { room, count }),
        5 => (0..2_usize).prop_map(|room| Step::Post { room }),
        8 => (1..6_usize).prop_map(Step::Serve),
        8 => (1..8_usize).prop_map(Step::Deliver),
        6 => (1..900_u64).prop_map(|ms| Step::Advance { ms }),
        2 => Just(Step::Cut),
        1 => Just(Step::EndSession),
        1 => proptest::sample::select(refusals.to_vec()).prop_map(Step::Refuse),
        1 => Just(Step::Drop),
        1 => Just(Step::Double),
        1 => Just(Step::LateAck),
        1 => (0..2_usize).prop_map(|room| Step::Lag { room }),
    ]
}

struct Run {
    world: World,
    machine: Machine,
    now: Instant,
    given: [Vec<u64>; 2],
    /// Posts in the order in which they were queued, with what became of them.
    posts: [Vec<Nonce>; 2],
    settled: BTreeMap<String, (usize, u64)>,
    failed: BTreeMap<String, PostFailure>,
    lost_sessions: bool,
}

impl Run {
    fn new(seed: u64) -> Self {
        let now = Instant::now();
        let mut config = LinkConfig::new(ServerUrl::parse("localhost").expect("a url"), Identity::made_up());
        config.seed = Some(seed);
        config.gap_policy = GapPolicy::Fill;
        let mut machine = Machine::new(config, now);
        machine.connect(now);
        for room in 0..2 {
            let (reply, _) = oneshot::channel();
            machine.command(Command::Join { room: room_name(room), from: JoinFrom::After(0), reply }, now);
        }
        let (settled, failed) = (BTreeMap::new(), BTreeMap::new());
        let world = World::default();
        let mut run = Self {
            world,
            machine,
            now,
            given: Default::default(),
            posts: Default::default(),
            settled,
            failed,
            lost_sessions: false,
        };
        run.act();
        run
    }

    fn act(&mut self) {
        while let Some(action) = self.machine.action() {
            match action {
                Action::Connect => {
                    self.world.connection = Some(Connection::default());
                    self.machine.connected(self.now);
                }
                Action::Send(text) => {
                    self.world.connection.as_mut().expect("connected").to_server.push_back(text);
                }
                Action::Ping(number) => self.machine.pong(number, self.now),
                Action::Disconnect => self.world.connection = None,
            }
        }
        for update in self.machine.take_updates() {
            self.note(update);
        }
    }

    fn note(&mut self, update: Update) {
        match update {
            Update::Events { room, events } => {
                let room = ROOMS.iter().position(|name| *name == room.as_str()).expect("a room");
                self.given[room].extend(events.iter().filter_map(Event::seq));
            }
            Update::Settled { nonce, room, seq, .. } => {
                let room = ROOMS.iter().position(|name| *name == room.as_str()).expect("a room");
                let nonce = nonce.as_str().to_owned();
                assert!(self.settled.insert(nonce.clone(), (room, seq)).is_none(), "{nonce} settled twice");
                self.failed.remove(&nonce);
            }
            Update::Failed { nonce, error, .. } => {
                self.failed.insert(nonce.as_str().to_owned(), error);
            }
            Update::Gap { .. } | Update::Reset { .. } => panic!("nothing may be left out: {update:?}"),
            Update::State(LinkState::Closed { reason }) => panic!("closed: {reason}"),
            _ => {}
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Others { room, count } => {
                for _ in 0..*count {
                    let seq = self.world.append(*room, 0, "other", "hi");
                    self.world.publish(*room, seq);
                }
            }
            Step::Post { room } => {
                let nonce = Nonce::parse(&format!("n{}-{room}", self.posts[*room].len())).expect("a nonce");
                self.posts[*room].push(nonce.clone());
                let (text, kind) = ("mine".to_owned(), PostKind::Text);
                let post = NewPost { nonce, room: room_name(*room), text, kind, _permit: None, waiter: None };
                self.machine.command(Command::Post(post), self.now);
            }
            Step::Serve(frames) => {
                for _ in 0..*frames {
                    self.world.serve();
                }
            }
            Step::Deliver(frames) => {
                for _ in 0..*frames {
                    self.deliver();
                }
            }
            Step::Advance { ms } => {
                self.now += Duration::from_millis(*ms);
                self.machine.tick(self.now);
            }
            Step::Cut => self.cut(),
            Step::EndSession => {
                self.world.sessions.clear();
                self.lost_sessions = true;
                self.cut();
            }
            Step::Refuse(code) => self.world.refuse = Some(*code),
            Step::Drop => self.world.drop_next = true,
            Step::Double => self.world.double_next = true,
            Step::LateAck => self.world.late_ack = true,
            Step::Lag { room } => {
                let seq = self.world.logs[*room].len() as u64;
                let lagged = Event::Lagged(event::Lagged { room: room_name(*room), seq });
                if let Some(connection) = &mut self.world.connection
                    && connection.joined.remove(room)
                {
                    connection.to_client.push_back(serde_json::to_string(&lagged).expect("encodes"));
                }
            }
        }
        self.act();
    }

    fn deliver(&mut self) -> bool {
        let frame = self.world.connection.as_mut().and_then(|connection| connection.to_client.pop_front());
        let Some(text) = frame else { return false };
        self.machine.frame(&text, self.now);
        self.act();
        true
    }

    fn cut(&mut self) {
        if self.world.connection.take().is_some() {
            self.machine.lost(crate::link::Outage::Lost("cut".to_owned()), None, self.now);
        }
    }

    /// No more faults: everything that can come to rest does.
    fn settle(&mut self) {
        (self.world.refuse, self.world.drop_next) = (None, false);
        // One more event in each room shows a hole at the end of its log.
        for room in 0..2 {
            let seq = self.world.append(room, 0, "last", "hi");
            self.world.publish(room, seq);
        }
        for _ in 0..5_000 {
            let busy = self.world.serve() | self.deliver();
            if !busy {
                self.now = self.machine.deadline(self.now).unwrap_or(self.now).max(self.now);
                self.machine.tick(self.now);
            }
            self.act();
            let (settled, failed) = (self.settled.len(), self.failed.len());
            let all = self.posts.iter().map(Vec::len).sum::<usize>();
            let read = (0..2).all(|room| self.given[room].len() == self.world.logs[room].len());
            if read && settled + failed == all && !busy {
                return;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn through_all_faults_the_log_is_read_once_and_each_post_stored_once(
        seed in any::<u64>(),
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut run = Run::new(seed);
        for step in &steps {
            run.step(step);
        }
        run.settle();
        for (room, name) in ROOMS.iter().enumerate() {
            let log = &run.world.logs[room];
            let all: Vec<u64> = (1..=log.len() as u64).collect();
            prop_assert_eq!(&run.given[room], &all, "what was given out of {}", name);
            let mut last = 0;
            for nonce in &run.posts[room] {
                let stored: Vec<u64> =
                    log.iter().filter(|post| post.nonce == nonce.as_str()).map(|post| post.seq).collect();
                prop_assert!(stored.len() <= 1, "{:?} is stored {} times", nonce, stored.len());
                match (run.settled.get(nonce.as_str()), run.failed.get(nonce.as_str())) {
                    (Some((_, seq)), None) => {
                        prop_assert_eq!(&stored, &vec![*seq]);
                        prop_assert!(*seq > last, "{:?} is out of order", nonce);
                        last = *seq;
                    }
                    (None, Some(failure)) => {
                        prop_assert!(run.lost_sessions, "{:?} failed without need: {}", nonce, failure);
                        prop_assert_eq!(failure, &PostFailure::Doubtful);
                    }
                    other => prop_assert!(false, "{:?} has vanished: {:?}", nonce, other),
                }
            }
        }
    }
}
