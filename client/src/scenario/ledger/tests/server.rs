//! The made-up server: answers in order, publishes at once, and tells its one lie.

use hubbub_protocol::{id::Seq, reply::Resume};

use super::world::{BO, Frame, Lie, Member, PEOPLE, Request, STRANGER, World};
use crate::scenario::{id::MessageId, ledger::Content};

/// Events in a reply to `join` that does not go on from a position; missed events that a reply tells; events of a page.
const NEWEST: usize = 4;
const MISSED_MAX: usize = 6;
const PAGE: usize = 3;

impl World {
    pub(super) fn events(&self, room: usize, from: usize, to: usize) -> Vec<(Seq, Content)> {
        (from..to).map(|index| (index as Seq + 1, self.logs[room][index])).collect()
    }

    pub(super) fn serve(&mut self, who: usize) {
        match self.people[who].up.pop_front() {
            None => {}
            Some(Request::Join { room, since }) => self.serve_join(who, room, since),
            Some(Request::Part { room }) => {
                self.members[room][who] = Member::Out;
                self.people[who].down.push_back(Frame::Parted { room });
            }
            Some(Request::History { room, after, before }) => {
                let from = (after as usize).min(self.logs[room].len());
                let events = self.events(room, from, (from + PAGE).min(self.logs[room].len()));
                self.people[who].down.push_back(Frame::Page { room, events, before });
            }
            Some(Request::Post { room, message }) => self.serve_post(who, room, message),
        }
    }

    fn serve_join(&mut self, who: usize, room: usize, since: Option<Seq>) {
        let end = self.logs[room].len() - usize::from(self.takes_lie(Lie::LowJoin));
        let is_other = self.takes_lie(Lie::OtherLog);
        let newest = end.saturating_sub(NEWEST);
        let (resume, from) = match since {
            Some(_) if is_other => (Resume::Reset, newest),
            Some(since) if end.saturating_sub(since as usize) <= MISSED_MAX => (Resume::Complete, since as usize),
            Some(_) => (Resume::Gap, newest),
            None => (Resume::Fresh, newest),
        };
        let (events, epoch) = (self.events(room, from, end), if is_other { "other" } else { "log" });
        self.members[room][who] = Member::In;
        self.people[who].down.push_back(Frame::Joined { room, epoch, resume, seq: end as Seq, events });
    }

    fn serve_post(&mut self, who: usize, room: usize, message: MessageId) {
        let before = self.chance(0.5);
        let (seq, duplicate) = match self.nonces.get(&message).copied() {
            Some(seq) => (seq, true),
            None if !self.calm && self.chance(0.1) => {
                return self.people[who].down.push_back(Frame::Refused { message });
            }
            None => (self.logs[room].len() as Seq + 1, false),
        };
        let told = if self.takes_lie(Lie::WrongAck) { seq + 1 } else { seq };
        let answer = Frame::Accepted { message, seq: told, duplicate };
        if before {
            self.people[who].down.push_back(answer.clone());
        }
        if !duplicate {
            self.nonces.insert(message, seq);
            self.append(room, Content::Ours(message));
        }
        if !before {
            self.people[who].down.push_back(answer);
        }
    }

    pub(super) fn append(&mut self, room: usize, content: Content) {
        self.logs[room].push(content);
        let seq = self.logs[room].len() as Seq;
        for who in 0..PEOPLE {
            let frame = Frame::Live { room, seq, content };
            let is_slow = !self.calm && self.chance(0.04);
            match self.members[room][who] {
                Member::Out | Member::Lagged => {}
                Member::In if who == BO && room == 0 && (self.lie.is_some() || self.held_back.is_some()) => {
                    self.push_to_bo(frame);
                }
                Member::In if is_slow => {
                    self.members[room][who] = Member::Lagged;
                    self.people[who].down.push_back(Frame::Lagged { room, seq: seq - 1 });
                }
                Member::In => self.people[who].down.push_back(frame),
            }
        }
        if room == 0 && self.takes_lie(Lie::Leak) {
            self.people[STRANGER].down.push_back(Frame::Live { room, seq, content });
        }
    }

    fn push_to_bo(&mut self, frame: Frame) {
        let Frame::Live { room, seq, .. } = frame else { return };
        let down = &mut self.people[BO].down;
        match self.lie {
            Some(Lie::Lose) => {}
            Some(Lie::Double) => down.extend([frame.clone(), frame]),
            Some(Lie::Swap) => self.held_back = Some(frame),
            Some(Lie::Replace) => down.push_back(Frame::Live { room, seq, content: Content::Foreign(3) }),
            _ => {
                down.push_back(frame);
                return down.extend(self.held_back.take());
            }
        }
        self.lie = None;
    }
}
