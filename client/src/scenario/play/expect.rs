//! Expectations: each waits for what it needs with bounded patience, and becomes a finding with its figures.

use std::{collections::BTreeMap, future::Future, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use hubbub_protocol::{ErrorCode, id::Seq};

use super::{PlayError, Stage, capture, capture::Capture, journal::Verdict, reception::Receives, wording};
use crate::scenario::{
    crowd::{
        handle::CrowdGone,
        order::{Fate, ReadHistory, Return},
    },
    file::{
        Place,
        expectation::{Expectation, Operand, Relation, Resumed},
        who::Who,
    },
    id::{PersonId, RoomId},
    report::commas,
};

/// How often is looked at what tells nobody that it changed.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// People that are listed.
const LINES_SHOWN: usize = 5;

/// Histories that are read at once.
const READS_AT_ONCE: usize = 16;

impl Stage {
    pub(super) async fn examine(&self, expectation: &Expectation, place: Place) -> Result<(), PlayError> {
        let what = wording::expectation(expectation);
        let judged = match expectation {
            Expectation::Receives { who, what: names, times, within } => {
                let expected = Receives { who, what: names, times: *times, within: *within };
                return self.receives(expected, what, place).await;
            }
            Expectation::ReceivesNothing { who, time } => self.receives_nothing(who, *time).await?,
            Expectation::SameHistory { who, room, other } => self.same_history(who, room, other).await?,
            Expectation::Resumed { who, how } => self.resumed(who, *how).await?,
            Expectation::Closed { who, code } => self.closed(who, *code).await?,
            Expectation::Accepted { what, duplicate_of } => self.accepted(what, duplicate_of.as_deref()).await?,
            Expectation::Refused { what, code, at_least } => self.refused(what, *code, *at_least).await?,
            Expectation::That { left, relation, right, .. } => self.that(left, *relation, right),
        };
        let (held, found) = match judged {
            Ok(found) => (true, found),
            Err(found) => (false, found),
        };
        self.find(place, Verdict { what, held, found });
        Ok(())
    }

    async fn receives_nothing(&self, who: &Who, time: Duration) -> Result<Judged, PlayError> {
        let people = self.people(who).await?;
        if people.is_empty() {
            return Ok(nobody(who));
        }
        // Who ought to be there and is not, before and after, would hear nothing in any case.
        let mut absent = self.crowd.settle(self.now()).await?.absent;
        let before = self.crowd.received(people.clone()).await?;
        tokio::time::sleep(time).await;
        let after = self.crowd.received(people.clone()).await?;
        let got = people.iter().zip(before.into_iter().zip(after));
        let got = got.filter(|(_, (before, after))| after > before);
        let lines: Vec<String> = got
            .map(|(person, (before, after))| {
                format!("{} got {}", self.cast.name(*person), wording::count(after - before, "event"))
            })
            .collect();
        if !lines.is_empty() {
            return Ok(Err(listed(lines)));
        }
        let still = self.crowd.settle(self.now()).await?.absent;
        absent.retain(|person| people.contains(person) && still.contains(person));
        let lines: Vec<String> =
            absent.iter().map(|person| format!("{} is not connected", self.cast.name(*person))).collect();
        Ok(if lines.is_empty() { Ok("nothing came".to_owned()) } else { Err(listed(lines)) })
    }

    async fn same_history(&self, who: &Who, room: &str, other: &Who) -> Result<Judged, PlayError> {
        if self.groups.is_group(room) {
            return Ok(Err(format!("{room} is a group of rooms; name one of them, as {room}-1")));
        }
        let room = self.room(room).await?;
        let (people, others) = (self.people(who).await?, self.people(other).await?);
        let Some(other) = others.first().copied() else { return Ok(nobody(other)) };
        if people.is_empty() {
            return Ok(nobody(who));
        }
        let compared = stream::iter(people.iter().copied()).map(|person| self.compared(person, other, room));
        let compared: Vec<Judged> = compared.buffered(READS_AT_ONCE).try_collect().await?;
        let failed: Vec<String> = compared.iter().filter_map(|judged| judged.clone().err()).collect();
        Ok(match compared.into_iter().next() {
            Some(Ok(first)) if failed.is_empty() => Ok(first),
            _ => Err(listed(failed)),
        })
    }

    /// Reads one history, then the other, then the first again: what was there at each time must be there later.
    async fn compared(&self, person: PersonId, other: PersonId, room: RoomId) -> Result<Judged, PlayError> {
        let (name, other_name) = (self.cast.name(person), self.cast.name(other));
        let mut read: Vec<(&str, ReadHistory)> = Vec::new();
        for (name, person) in [(name, person), (other_name, other), (name, person)] {
            match self.crowd.history(person, room, 0).await? {
                Ok(history) => read.push((name, history)),
                Err(failure) => return Ok(Err(format!("{name}: {}", wording::failure(&failure)))),
            }
            if let [.., (_, before), (_, after)] = &read[..]
                && before == after
            {
                if after.events.is_empty() {
                    return Ok(Err("there is nothing to compare: no event was ever written there".to_owned()));
                }
                return Ok(Ok(wording::count(after.events.len() as u64, "event")));
            }
        }
        let mut pairs = read.windows(2);
        let different = pairs.find_map(|pair| match pair {
            [(first, before), (second, after)] => difference((*first, before), (*second, after)),
            _ => None,
        });
        let events = read.last().map_or(0, |(_, history)| history.events.len());
        Ok(different.map_or_else(|| Ok(wording::count(events as u64, "event")), Err))
    }

    async fn resumed(&self, who: &Who, how: Resumed) -> Result<Judged, PlayError> {
        let people = self.people(who).await?;
        if people.is_empty() {
            return Ok(nobody(who));
        }
        let is_back = |returns: &Vec<Return>| people.iter().all(|one| returns.iter().any(|back| back.person == *one));
        let returns = self.patiently(|| self.crowd.returns(people.clone()), is_back).await?;
        let away = people.iter().filter(|one| !returns.iter().any(|back| back.person == **one));
        let mut lines: Vec<String> = away.map(|one| format!("{} has not come back", self.cast.name(*one))).collect();
        let otherwise = returns.iter().filter(|back| back.how != how);
        lines.extend(otherwise.map(|back| {
            let (name, room) = (self.cast.name(back.person), self.room_name(back.room));
            format!("{name} in {room}: {}, {} missed", wording::resumed(back.how), wording::count(back.missed, "event"))
        }));
        let missed: u64 = returns.iter().map(|back| back.missed).sum();
        let (rooms, missed) = (wording::count(returns.len() as u64, "room"), wording::count(missed, "event"));
        Ok(if lines.is_empty() { Ok(format!("{rooms}, {missed} missed and fetched")) } else { Err(listed(lines)) })
    }

    async fn closed(&self, who: &Who, code: Option<u16>) -> Result<Judged, PlayError> {
        let people = self.people(who).await?;
        if people.is_empty() {
            return Ok(nobody(who));
        }
        let all = |codes: &Vec<Option<u16>>| codes.iter().all(Option::is_some);
        let codes = self.patiently(|| self.crowd.closed(people.clone()), all).await?;
        let wrong = |found: Option<u16>| found.is_none() || (code.is_some() && found != code);
        let lines = people.iter().zip(&codes).filter(|(_, found)| wrong(**found));
        let lines: Vec<String> = lines
            .map(|(person, found)| {
                let found = found.map_or_else(|| "not closed".to_owned(), |code| format!("closed with {code}"));
                format!("{}: {found}", self.cast.name(*person))
            })
            .collect();
        let mut found: Vec<u16> = codes.into_iter().flatten().collect();
        found.sort_unstable();
        found.dedup();
        let found = found.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        Ok(if lines.is_empty() { Ok(format!("closed with {found}")) } else { Err(listed(lines)) })
    }

    /// Asks again and again until the answer is right, or patience is over; gives the last answer.
    async fn patiently<T, F: Future<Output = Result<T, CrowdGone>>>(
        &self,
        ask: impl Fn() -> F,
        is_right: impl Fn(&T) -> bool,
    ) -> Result<T, PlayError> {
        let deadline = self.now().after(self.patience);
        loop {
            let answer = ask().await?;
            if is_right(&answer) || self.now() >= deadline {
                return Ok(answer);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What became of captured posts, once none of them is open.
    async fn settled_fates(&self, name: &str) -> Result<Result<Vec<Fate>, String>, PlayError> {
        let group = match self.captures.group(name) {
            Ok(group) => group,
            Err(found) => return Ok(Err(found)),
        };
        let settled = |fates: &Vec<Fate>| {
            !fates.is_empty() && fates.iter().all(|fate| fate.accepted.is_some() || fate.refused.is_some())
        };
        let fates = self.patiently(|| self.crowd.fates(group), settled).await?;
        Ok(if fates.is_empty() { Err(format!("{name} holds no post")) } else { Ok(fates) })
    }

    async fn accepted(&self, name: &str, duplicate_of: Option<&str>) -> Result<Judged, PlayError> {
        let fates = match self.settled_fates(name).await? {
            Ok(fates) => fates,
            Err(found) => return Ok(Err(found)),
        };
        let Some(first) = duplicate_of else { return Ok(all_accepted(&fates)) };
        Ok(match self.captures.get(first) {
            Some(Capture::Posts { fates: firsts, .. }) => all_duplicates(&fates, &firsts),
            _ => Err(self.captures.group(first).err().unwrap_or_default()),
        })
    }

    async fn refused(&self, name: &str, code: ErrorCode, at_least: u32) -> Result<Judged, PlayError> {
        Ok(self.settled_fates(name).await?.and_then(|fates| enough_refused(&fates, code, at_least)))
    }

    fn that(&self, left: &Operand, relation: Relation, right: &Operand) -> Judged {
        let (left, right) = (self.captures.value(left)?, self.captures.value(right)?);
        let found = format!("{left} {} {right}", wording::relation(relation));
        if capture::holds(left, relation, right) { Ok(found) } else { Err(format!("{left} and {right}")) }
    }
}

/// The figures when it held, and what was wrong when it did not.
type Judged = Result<String, String>;

fn nobody(who: &Who) -> Judged {
    Err(format!("\"{}\" is nobody at this point", who.text))
}

fn listed(lines: Vec<String>) -> String {
    wording::some_of(lines.into_iter(), LINES_SHOWN)
}

/// How a history that was read later contradicts one that was read before.
fn difference((first, before): (&str, &ReadHistory), (second, after): (&str, &ReadHistory)) -> Option<String> {
    if before.epoch != after.epoch {
        return Some(format!("two logs: {first} read {}, {second} read {}", before.epoch, after.epoch));
    }
    let places = before.events.iter().zip(&after.events).position(|(one, two)| one != two);
    if let Some(place) = places {
        let ((one, _), (two, _)) = (before.events[place], after.events[place]);
        return Some(if one == two {
            format!("the first difference is event {one}: {first} and {second} read other words")
        } else {
            format!(
                "the first difference is the event at place {}: {first} has seq {one}, {second} has {two}",
                place + 1
            )
        });
    }
    let missing: Option<&(Seq, u64)> = before.events.get(after.events.len());
    missing.map(|(seq, _)| format!("{second} lacks event {seq}, which {first} has"))
}

fn all_accepted(fates: &[Fate]) -> Judged {
    let accepted = fates.iter().filter(|fate| fate.accepted.is_some()).count();
    let counts = format!("{} of {}", commas(accepted as u64), wording::count(fates.len() as u64, "post"));
    if accepted == fates.len() { Ok(counts) } else { Err(with_refusals(counts, fates)) }
}

fn all_duplicates(fates: &[Fate], firsts: &[Fate]) -> Judged {
    let mut lines = Vec::new();
    for fate in fates {
        let first = firsts.iter().find(|first| first.message == fate.message).and_then(|first| first.accepted);
        match (fate.accepted, first) {
            (Some((seq, true)), Some((first, _))) if seq == first => {}
            (Some((seq, true)), Some((first, _))) => lines.push(format!("seq {seq}, and at first {first}")),
            (Some((seq, false)), _) => lines.push(format!("seq {seq}, and not as a duplicate")),
            (Some(_), None) => lines.push("the first of them was not accepted".to_owned()),
            (None, _) => lines.push("not accepted".to_owned()),
        }
    }
    let seqs = fates.iter().filter_map(|fate| fate.accepted).map(|(seq, _)| seq).max();
    let seqs = seqs.map_or_else(String::new, |seq| format!(", the last at seq {seq}"));
    let all = format!("{}{seqs}", wording::count(fates.len() as u64, "duplicate"));
    if lines.is_empty() { Ok(all) } else { Err(listed(lines)) }
}

fn enough_refused(fates: &[Fate], code: ErrorCode, at_least: u32) -> Judged {
    let refused = fates.iter().filter(|fate| fate.refused.as_ref().is_some_and(|error| error.code == code)).count();
    let counts = format!("{} of {}", commas(refused as u64), wording::count(fates.len() as u64, "post"));
    if refused >= at_least as usize { Ok(counts) } else { Err(with_refusals(counts, fates)) }
}

/// Adds which refusals there were.
fn with_refusals(counts: String, fates: &[Fate]) -> String {
    let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
    for error in fates.iter().filter_map(|fate| fate.refused.as_ref()) {
        *codes.entry(error.code.as_str()).or_default() += 1;
    }
    let open = fates.iter().filter(|fate| fate.accepted.is_none() && fate.refused.is_none()).count();
    let mut lines: Vec<String> =
        codes.into_iter().map(|(code, times)| format!("{times} refused with {code}")).collect();
    if open > 0 {
        lines.push(format!("{open} without an answer"));
    }
    if lines.is_empty() { counts } else { format!("{counts}\n{}", lines.join("\n")) }
}

#[cfg(test)]
mod tests {
    use hubbub_protocol::ErrorBody;

    use super::*;
    use crate::scenario::id::{MessageId, Moment};

    fn history(epoch: &str, events: &[(Seq, u64)]) -> ReadHistory {
        ReadHistory { epoch: epoch.to_owned(), events: events.to_vec() }
    }

    fn compare(before: &[(Seq, u64)], after: &[(Seq, u64)]) -> Option<String> {
        difference(("bo", &history("e", before)), ("ana", &history("e", after)))
    }

    #[test]
    fn a_later_history_may_have_more_and_never_less() {
        assert_eq!(compare(&[(1, 5)], &[(1, 5), (2, 6)]), None);
        assert_eq!(compare(&[(1, 5), (2, 6)], &[(1, 5)]), Some("ana lacks event 2, which bo has".to_owned()));
    }

    #[test]
    fn the_first_difference_is_named() {
        let words = "the first difference is event 2: bo and ana read other words".to_owned();
        assert_eq!(compare(&[(1, 5), (2, 6)], &[(1, 5), (2, 7)]), Some(words));
        let hole = "the first difference is the event at place 2: bo has seq 2, ana has 3".to_owned();
        assert_eq!(compare(&[(1, 5), (2, 6)], &[(1, 5), (3, 7)]), Some(hole));
        let logs = difference(("bo", &history("e", &[])), ("ana", &history("f", &[])));
        assert_eq!(logs, Some("two logs: bo read e, ana read f".to_owned()));
    }

    fn fate(message: u32, accepted: Option<(Seq, bool)>, refused: Option<ErrorCode>) -> Fate {
        Fate {
            message: MessageId(message),
            sender: PersonId(0),
            room: RoomId(0),
            intended: Moment(0),
            accepted,
            acknowledgements: 1,
            refused: refused.map(|code| ErrorBody::new(code, "no")),
        }
    }

    #[test]
    fn a_repeat_must_be_said_to_be_one_and_have_the_first_place() {
        let first = [fate(1, Some((7, false)), None)];
        let again = |accepted| all_duplicates(&[fate(1, accepted, None)], &first);
        assert_eq!(again(Some((7, true))), Ok("1 duplicate, the last at seq 7".to_owned()));
        assert_eq!(again(Some((8, true))), Err("seq 8, and at first 7".to_owned()));
        assert_eq!(again(Some((7, false))), Err("seq 7, and not as a duplicate".to_owned()));
        assert_eq!(again(None), Err("not accepted".to_owned()));
    }

    #[test]
    fn refusals_are_counted_by_code() {
        let limited = Some(ErrorCode::RateLimited);
        let fates =
            [fate(1, Some((1, false)), None), fate(2, None, limited), fate(3, None, Some(ErrorCode::NotJoined))];
        assert_eq!(enough_refused(&fates, ErrorCode::RateLimited, 1), Ok("1 of 3 posts".to_owned()));
        let found = "1 of 3 posts\n1 refused with not_joined\n1 refused with rate_limited".to_owned();
        assert_eq!(enough_refused(&fates, ErrorCode::RateLimited, 2), Err(found.clone()));
        assert_eq!(all_accepted(&fates), Err(found));
        assert_eq!(all_accepted(&fates[..1]), Ok("1 of 1 post".to_owned()));
        assert_eq!(all_accepted(&[fate(1, None, None)]), Err("0 of 1 post\n1 without an answer".to_owned()));
    }
}
