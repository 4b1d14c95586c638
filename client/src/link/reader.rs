//! Where the reader stands in one room's log: gives out every event once and in order, and sees every hole.
//!
//! One rule carries it. `delivered` is the seq of the last event given out. An event with the next seq is
//! given out; one that is not newer is dropped; a newer one shows a hole. A hole is filled by pages of
//! `history` after `delivered`, and while that goes on live events are only counted, for they are in the
//! history too. The same rule serves the reply to `join`, an absence (`gap`), and `lagged`.
//! Pure: replies and events in, steps out.

use hubbub_protocol::{
    Event,
    id::{Position, Seq},
    reply::{History, Joined, Resume},
};

use super::{config::GapPolicy, update::JoinFrom};

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The log is another one: tell so.
    Reset,
    /// The room's state is true from here on: tell it.
    Snapshot {
        /// [`Reader::delivered`] at this moment.
        delivered: Seq,
    },
    /// Give out this event.
    Deliver(Event),
    /// Tell that what lies between is left out.
    Gap {
        /// The last event given out.
        after: Seq,
        /// The next one that will be.
        before: Seq,
    },
    /// Ask `history` for what comes after this seq.
    Fill {
        /// The last event given out.
        after: Seq,
    },
    /// Join again with [`Reader::since`]: the log changed while it was read.
    Rejoin,
}

/// The server's history is not what it said it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its history after {after} is empty, though the log goes on to {last}")]
pub(super) struct NoProgress {
    after: Seq,
    last: Seq,
}

/// A reader's place in a room's log.
#[derive(Debug)]
pub(super) struct Reader {
    policy: GapPolicy,
    /// Where to begin as long as `epoch` is `None`.
    from: JoinFrom,
    /// The log's name; `None`: nothing is known of it yet.
    epoch: Option<String>,
    delivered: Seq,
    /// While a hole is being filled: the newest seq that the log is known to have.
    filling_to: Option<Seq>,
    /// True from the cut of a connection to the next join: nothing can have come live in between.
    cut: bool,
}

impl Reader {
    pub(super) fn new(policy: GapPolicy, from: JoinFrom) -> Self {
        let (epoch, delivered) = match &from {
            JoinFrom::Position(position) => (Some(position.epoch.clone()), position.seq),
            JoinFrom::Newest | JoinFrom::Last(_) | JoinFrom::After(_) => (None, 0),
        };
        Self { policy, from, epoch, delivered, filling_to: None, cut: true }
    }

    /// The last event given out or left out.
    pub(super) fn delivered(&self) -> Seq {
        self.delivered
    }

    /// What to tell the server that is had already.
    pub(super) fn since(&self) -> Option<Position> {
        self.epoch.as_ref().map(|epoch| Position { epoch: epoch.clone(), seq: self.delivered })
    }

    /// Whether a hole is being filled.
    pub(super) fn is_filling(&self) -> bool {
        self.filling_to.is_some()
    }

    /// Nothing more comes until the next join: the connection was lost, or the server said `lagged`.
    pub(super) fn cut(&mut self) {
        self.filling_to = None;
        self.cut = true;
    }

    /// The reply to a `join`; its events are taken out of it.
    pub(super) fn joined(&mut self, reply: &mut Joined, steps: &mut Vec<Step>) {
        let events = std::mem::take(&mut reply.events);
        if let Some(epoch) = &self.epoch {
            // Without a cut, a reply may be older than events that overtook it; after one, it cannot.
            let went_back = self.cut && reply.seq < self.delivered;
            if reply.resume == Resume::Reset || *epoch != reply.epoch || went_back {
                steps.push(Step::Reset);
                self.epoch = None;
                self.from = JoinFrom::Newest;
                self.filling_to = None;
            }
        }
        if self.epoch.is_none() {
            self.delivered = self.start(reply.seq, &events);
            self.epoch = Some(reply.epoch.clone());
        }
        self.cut = false;
        steps.push(Step::Snapshot { delivered: self.delivered });
        for event in events {
            self.event(event, steps);
        }
        match &mut self.filling_to {
            Some(to) => *to = (*to).max(reply.seq),
            None if self.delivered < reply.seq => self.hole(reply.seq + 1, reply.seq, steps),
            None => {}
        }
    }

    fn start(&self, last: Seq, events: &[Event]) -> Seq {
        match &self.from {
            JoinFrom::Last(count) => last.saturating_sub(*count),
            JoinFrom::After(seq) => last.min(*seq),
            JoinFrom::Newest | JoinFrom::Position(_) => {
                events.iter().find_map(Event::seq).map_or(last, |first| first.saturating_sub(1))
            }
        }
    }

    /// An event of the log, live or out of a reply to `join`. Others are passed over.
    pub(super) fn event(&mut self, event: Event, steps: &mut Vec<Step>) {
        let Some(seq) = event.seq() else { return };
        if let Some(to) = &mut self.filling_to {
            *to = (*to).max(seq);
            return;
        }
        if seq > self.delivered + 1 {
            self.hole(seq, seq, steps);
        }
        if seq == self.delivered + 1 && self.filling_to.is_none() {
            self.delivered = seq;
            steps.push(Step::Deliver(event));
        }
    }

    /// What lies before `before` is missing: skips it, or begins to fill it up to `to`.
    fn hole(&mut self, before: Seq, to: Seq, steps: &mut Vec<Step>) {
        let missing = before - 1 - self.delivered;
        match self.policy {
            GapPolicy::SkipOver(most) if missing > most => {
                steps.push(Step::Gap { after: self.delivered, before });
                self.delivered = before - 1;
            }
            GapPolicy::Fill | GapPolicy::SkipOver(_) => {
                self.filling_to = Some(to);
                steps.push(Step::Fill { after: self.delivered });
            }
        }
    }

    /// A page of history that [`Step::Fill`] asked for.
    pub(super) fn page(&mut self, page: History, steps: &mut Vec<Step>) -> Result<(), NoProgress> {
        let Some(to) = self.filling_to else { return Ok(()) };
        if self.epoch.as_ref() != Some(&page.epoch) {
            self.cut();
            steps.push(Step::Rejoin);
            return Ok(());
        }
        let after = self.delivered;
        for event in page.events {
            let Some(seq) = event.seq().filter(|seq| *seq > self.delivered) else { continue };
            if seq > self.delivered + 1 {
                // A dense log cannot have this; if it has, it is said and not hidden.
                steps.push(Step::Gap { after: self.delivered, before: seq });
            }
            self.delivered = seq;
            steps.push(Step::Deliver(event));
        }
        // Whatever was known of the log when this page was asked for is in it: each page brings something.
        let last = to.max(page.seq);
        if self.delivered >= last {
            self.filling_to = None;
        } else if self.delivered == after {
            return Err(NoProgress { after, last });
        } else {
            steps.push(Step::Fill { after: self.delivered });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hubbub_protocol::{Nick, RoomName, event, event::PostKind};
    use proptest::prelude::*;

    use super::*;

    fn event(seq: Seq) -> Event {
        Event::Post(event::Post {
            room: RoomName::parse("lobby").expect("a room"),
            seq,
            at: seq,
            user: 1,
            from: Nick::parse("ana").expect("a nick"),
            kind: PostKind::Text,
            text: seq.to_string(),
            nonce: seq.to_string(),
        })
    }

    fn events(seqs: std::ops::RangeInclusive<Seq>) -> Vec<Event> {
        seqs.map(event).collect()
    }

    fn joined(epoch: &str, seq: Seq, resume: Resume, events: Vec<Event>) -> Joined {
        let room = RoomName::parse("lobby").expect("a room");
        let (epoch, topic, members) = (epoch.to_owned(), String::new(), Vec::new());
        Joined { room, epoch, seq, topic, resume, member_count: 0, members, events }
    }

    fn page(seq: Seq, events: Vec<Event>) -> History {
        let room = RoomName::parse("lobby").expect("a room");
        History { room, epoch: "e".to_owned(), seq, events, more: false }
    }

    /// The steps in short: seqs given out, and the others by name.
    fn short(steps: &[Step]) -> Vec<String> {
        let name = |step: &Step| match step {
            Step::Deliver(event) => event.seq().unwrap_or(0).to_string(),
            Step::Reset => "reset".to_owned(),
            Step::Snapshot { delivered } => format!("at {delivered}"),
            Step::Gap { after, before } => format!("gap {after}..{before}"),
            Step::Fill { after } => format!("fill {after}"),
            Step::Rejoin => "rejoin".to_owned(),
        };
        steps.iter().map(name).collect()
    }

    fn run(reader: &mut Reader, act: impl FnOnce(&mut Reader, &mut Vec<Step>)) -> Vec<String> {
        let mut steps = Vec::new();
        act(reader, &mut steps);
        short(&steps)
    }

    fn reader_at(seq: Seq, policy: GapPolicy) -> Reader {
        let mut reader = Reader::new(policy, JoinFrom::After(seq));
        let at = run(&mut reader, |r, steps| r.joined(&mut joined("e", seq, Resume::Fresh, Vec::new()), steps));
        assert_eq!(at, [format!("at {seq}")]);
        reader
    }

    #[test]
    fn a_repeat_is_dropped_and_a_hole_is_filled_before_it_goes_on() {
        let mut reader = reader_at(4, GapPolicy::Fill);
        assert_eq!(run(&mut reader, |r, s| r.event(event(5), s)), ["5"]);
        assert!(run(&mut reader, |r, s| r.event(event(5), s)).is_empty());
        assert_eq!(run(&mut reader, |r, s| r.event(event(8), s)), ["fill 5"]);
        assert!(run(&mut reader, |r, s| r.event(event(9), s)).is_empty());
        assert_eq!(
            run(&mut reader, |r, s| r.page(page(8, events(6..=8)), s).expect("a page")),
            ["6", "7", "8", "fill 8"]
        );
        assert_eq!(run(&mut reader, |r, s| r.page(page(9, events(9..=9)), s).expect("a page")), ["9"]);
        assert_eq!(run(&mut reader, |r, s| r.event(event(10), s)), ["10"]);
    }

    #[test]
    fn a_screen_skips_a_large_hole_and_is_told_so() {
        let mut reader = reader_at(4, GapPolicy::SkipOver(3));
        reader.cut();
        let reply = joined("e", 20, Resume::Gap, events(18..=20));
        assert_eq!(run(&mut reader, |r, s| r.joined(&mut reply.clone(), s)), ["at 4", "gap 4..18", "18", "19", "20"]);
        reader.cut();
        let reply = joined("e", 24, Resume::Gap, events(23..=24));
        assert_eq!(run(&mut reader, |r, s| r.joined(&mut reply.clone(), s)), ["at 20", "fill 20"]);
    }

    #[test]
    fn another_log_or_one_that_went_back_is_a_reset() {
        let mut reader = reader_at(4, GapPolicy::Fill);
        reader.cut();
        let reply = joined("f", 9, Resume::Complete, events(8..=9));
        assert_eq!(run(&mut reader, |r, s| r.joined(&mut reply.clone(), s)), ["reset", "at 7", "8", "9"]);
        reader.cut();
        let reply = joined("f", 3, Resume::Complete, Vec::new());
        assert_eq!(run(&mut reader, |r, s| r.joined(&mut reply.clone(), s)), ["reset", "at 3"]);
    }

    #[test]
    fn the_last_few_begin_where_asked_even_when_the_reply_holds_fewer() {
        let mut reader = Reader::new(GapPolicy::Fill, JoinFrom::Last(5));
        let reply = joined("e", 20, Resume::Fresh, events(19..=20));
        assert_eq!(run(&mut reader, |r, s| r.joined(&mut reply.clone(), s)), ["at 15", "fill 15"]);
        let mut reader = Reader::new(GapPolicy::Fill, JoinFrom::Last(1));
        assert_eq!(run(&mut reader, |r, s| r.joined(&mut reply.clone(), s)), ["at 19", "20"]);
        let mut reader = Reader::new(GapPolicy::Fill, JoinFrom::After(99));
        assert_eq!(run(&mut reader, |r, s| r.joined(&mut reply.clone(), s)), ["at 20"]);
    }

    #[test]
    fn a_reply_that_ends_before_the_log_does_is_filled_to_its_end() {
        let mut reader = reader_at(4, GapPolicy::Fill);
        reader.cut();
        let reply = joined("e", 9, Resume::Complete, events(5..=6));
        assert_eq!(run(&mut reader, |r, s| r.joined(&mut reply.clone(), s)), ["at 4", "5", "6", "fill 6"]);
    }

    #[test]
    fn an_empty_page_of_a_log_that_goes_on_is_a_fault_and_no_endless_loop() {
        let mut reader = reader_at(4, GapPolicy::Fill);
        assert_eq!(run(&mut reader, |r, s| r.event(event(9), s)), ["fill 4"]);
        assert_eq!(reader.page(page(9, Vec::new()), &mut Vec::new()), Err(NoProgress { after: 4, last: 9 }));
    }

    proptest! {
        /// Whatever order, repeats and holes the live events have: what is given out is the log.
        #[test]
        fn what_is_given_out_is_the_log_without_hole_or_repeat(
            live in proptest::collection::vec(1_u64..40, 0..60),
            pages in proptest::collection::vec(1_u64..6, 40),
        ) {
            let mut reader = reader_at(0, GapPolicy::Fill);
            let mut given = Vec::new();
            let mut pages = pages.into_iter().cycle();
            let last = live.iter().copied().max().unwrap_or(0);
            for seq in live {
                let mut steps = Vec::new();
                reader.event(event(seq), &mut steps);
                while let Some(step) = (!steps.is_empty()).then(|| steps.remove(0)) {
                    match step {
                        Step::Deliver(event) => given.push(event.seq().expect("a log event")),
                        Step::Fill { after } => {
                            let to = (after + pages.next().expect("endless")).min(last);
                            reader.page(page(last, events(after + 1..=to)), &mut steps).expect("progress");
                        }
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
            }
            let dense: Vec<Seq> = (1..=given.len() as u64).collect();
            prop_assert_eq!(given, dense);
        }

        /// Whatever is skipped, over any number of absences: what is given out and what is said to be left out
        /// are the log together, each seq once.
        #[test]
        fn what_is_given_out_and_what_is_said_to_be_left_out_are_the_log(
            most in 0_u64..12,
            absences in proptest::collection::vec((0_u64..20, 0_u64..10, 0_u64..4, 0_u64..10), 1..12),
        ) {
            let mut reader = reader_at(0, GapPolicy::SkipOver(most));
            let (mut log, mut told) = (0, 0);
            for (away, sent, missed, live) in absences {
                reader.cut();
                log += away;
                let sent = sent.min(log);
                let mut steps = Vec::new();
                reader.joined(&mut joined("e", log, Resume::Gap, events(log - sent + 1..=log)), &mut steps);
                log += missed;
                for seq in log + 1..=log + live {
                    reader.event(event(seq), &mut steps);
                }
                log += live;
                while let Some(step) = (!steps.is_empty()).then(|| steps.remove(0)) {
                    match step {
                        Step::Deliver(event) => {
                            prop_assert_eq!(event.seq(), Some(told + 1));
                            told += 1;
                        }
                        Step::Gap { after, before } => {
                            prop_assert!(after == told && before - after - 1 > most, "{} {} {}", told, after, before);
                            told = before - 1;
                        }
                        Step::Fill { after } => {
                            let to = (after + 3).min(log);
                            reader.page(page(log, events(after + 1..=to)), &mut steps).expect("progress");
                        }
                        Step::Snapshot { .. } => {}
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
                prop_assert!(told == log || live == 0, "{} of {}", told, log);
            }
        }
    }
}
