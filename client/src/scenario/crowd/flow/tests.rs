//! Flows with one poster and a scripted server, in virtual time.

use std::time::Duration;

use hubbub_protocol::ErrorCode;
use tokio::sync::oneshot;

use super::Flows;
use crate::scenario::{
    crowd::{
        deck::Notice,
        order::{Beat, Flow, FlowEnd, RoomChoice, Words},
        person::tests::{Scene, nonce, own},
        timer::Due,
    },
    id::PersonId,
};

/// Ana in the lobby, and the flows.
struct Stage {
    scene: Scene,
    flows: Flows,
    end: oneshot::Receiver<FlowEnd>,
}

impl Stage {
    fn start(beat: Beat) -> Self {
        let mut scene = Scene::there();
        let mut flows = Flows::default();
        let (answer, end) = oneshot::channel();
        let words = Words::Template("{who} {n}".to_owned());
        let room = RoomChoice::One(scene.lobby);
        scene.written();
        let flow = Flow { posters: vec![PersonId(0)], room, words, action: false, beat, group: None };
        flows.start(flow, answer, std::slice::from_mut(&mut scene.person), &mut scene.deck);
        let mut stage = Self { scene, flows, end };
        stage.turn();
        stage
    }

    /// What the loop does after something came.
    fn turn(&mut self) {
        let people = std::slice::from_mut(&mut self.scene.person);
        self.flows.refill(people, &mut self.scene.deck);
        for notice in self.scene.notices() {
            if let Notice::Post { flow, slot, end } = notice {
                self.flows.ended(flow, slot, end, std::slice::from_mut(&mut self.scene.person), &mut self.scene.deck);
            }
        }
        self.flows.refill(std::slice::from_mut(&mut self.scene.person), &mut self.scene.deck);
    }

    /// How many posts were written since the last time.
    fn posted(&mut self) -> usize {
        self.scene.written().iter().filter(|text| text.contains(r#""op":"post""#)).count()
    }

    /// Lets the time go on, and heeds what is due then.
    fn later(&mut self, time: Duration) {
        self.scene.later(time);
        while let Some((_, due)) = self.scene.deck.timers.due(self.scene.deck.now) {
            if let Due::Flow(key) = due {
                self.flows.due(key, std::slice::from_mut(&mut self.scene.person), &mut self.scene.deck);
            }
        }
        self.turn();
    }

    fn accept(&mut self, seq: u64) {
        self.scene.ok(&format!(r#"{{"seq":{seq},"at":{seq}}}"#));
        self.turn();
    }
}

#[test]
fn posts_in_a_row_wait_each_for_the_answer_to_the_one_before() {
    let mut stage = Stage::start(Beat::Times(3));
    assert_eq!(stage.posted(), 1);
    stage.accept(1);
    assert_eq!(
        stage.scene.written(),
        [format!(r#"{{"op":"post","room":"lobby","nonce":"{}","text":"ana 2"}}"#, nonce(1, "ana 2"))]
    );
    stage.scene.refuse(r#"{"code":"rate_limited","message":""}"#).expect("the connection lives");
    stage.turn();
    assert_eq!(stage.posted(), 1);
    stage.accept(2);
    let end = stage.end.try_recv().expect("it is over");
    assert_eq!((end.sent, end.accepted, end.unsent, end.unsettled), (3, 2, 0, 0));
    assert_eq!((end.refused.len(), end.refused[0].0.code, end.refused[0].1), (1, ErrorCode::RateLimited, 1));
}

#[test]
fn an_open_flow_sends_what_is_due_whatever_the_server_does_and_late_posts_keep_their_intended_time() {
    let beat = Beat::Open { from_per_s: 100.0, to_per_s: 100.0, time: Duration::from_secs(1), poisson: false };
    let mut stage = Stage::start(beat);
    assert_eq!(stage.posted(), 1, "the first is due at once");
    stage.later(Duration::from_millis(15));
    assert_eq!(stage.posted(), 1);
    stage.later(Duration::from_millis(500));
    assert_eq!(stage.posted(), 50, "those that the loop was late for are not left out");
    assert_eq!(stage.scene.deck.meter.close(0, 0).lateness_max_us / 1_000, 495);
    stage.later(Duration::from_secs(1));
    assert_eq!(stage.posted(), 48);
    assert!(stage.end.try_recv().is_err(), "it is over when all are answered");
    (1..=100).for_each(|seq| stage.accept(seq));
    assert_eq!(stage.end.try_recv().expect("it is over").accepted, 100);
    let latency = stage.scene.deck.close_ledger().acceptance;
    assert!((1_500_000..1_530_000).contains(&latency.max_us), "from the intended time: {}", latency.max_us);
}

#[test]
fn a_closed_flow_keeps_its_window_and_ends_with_its_count() {
    let mut stage = Stage::start(Beat::Closed { window: 4, time: None, posts: Some(6) });
    assert_eq!(stage.posted(), 4);
    stage.accept(1);
    assert_eq!(stage.posted(), 0, "its own event has not come");
    for seq in 1..=2 {
        stage.scene.says(&own(seq, seq as u32 - 1)).expect("it is taken");
    }
    stage.turn();
    assert_eq!(stage.posted(), 1);
    stage.accept(2);
    assert_eq!(stage.posted(), 1);
    for seq in 3..=6 {
        stage.accept(seq);
        stage.scene.says(&own(seq, seq as u32 - 1)).expect("it is taken");
    }
    stage.turn();
    assert_eq!(stage.posted(), 0);
    let end = stage.end.try_recv().expect("it is over");
    assert_eq!((end.sent, end.accepted), (6, 6));
}

#[test]
fn a_closed_flow_ends_with_its_time_and_follows_what_is_under_way() {
    let beat = Beat::Closed { window: 2, time: Some(Duration::from_secs(1)), posts: None };
    let mut stage = Stage::start(beat);
    stage.later(Duration::from_secs(2));
    assert!(stage.end.try_recv().is_err());
    for seq in 1..=2 {
        stage.accept(seq);
        stage.scene.says(&own(seq, seq as u32 - 1)).expect("it is taken");
    }
    stage.turn();
    assert_eq!(stage.end.try_recv().expect("it is over").sent, 2);
}

#[test]
fn whose_patience_ended_once_does_not_wait_as_long_for_each_of_a_row() {
    let mut stage = Stage::start(Beat::Times(50));
    stage.scene.later(Duration::from_secs(11));
    stage.scene.person.sweep(&mut stage.scene.deck).expect("nothing else is wrong");
    stage.turn();
    let end = stage.end.try_recv().expect("it is over");
    assert_eq!((end.sent, end.unsettled, end.unsent), (1, 1, 49));
}

#[test]
fn a_stop_ends_flows_as_soon_as_what_is_under_way_is_answered() {
    let beat = Beat::Open { from_per_s: 10.0, to_per_s: 10.0, time: Duration::from_secs(60), poisson: false };
    let mut stage = Stage::start(beat);
    stage.flows.stop(std::slice::from_mut(&mut stage.scene.person), &mut stage.scene.deck);
    stage.later(Duration::from_secs(5));
    assert_eq!(stage.posted(), 1);
    stage.accept(1);
    assert_eq!(stage.end.try_recv().expect("it is over").sent, 1);
}
