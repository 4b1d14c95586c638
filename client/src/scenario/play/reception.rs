//! *Everyone in lobby except eve receives m1 once within 50 ms*: who got what, how often, and how soon.

use std::{collections::HashMap, future::Future, time::Duration};

use super::{PATIENCE_ROUNDS_MAX, PlayError, Stage, journal::Verdict, wording};
use crate::scenario::{
    crowd::{
        handle::CrowdGone,
        order::{Fate, Reception},
    },
    file::{Place, expectation::Within, who::Who},
    id::{GroupId, MessageId, Moment, PersonId},
    report::commas,
};

/// How long is looked on for what did not come in time, so that late is told from never. Only in a failure.
const LOOK_ON: Duration = Duration::from_secs(2);

/// Receipts that are listed when they are missing or too many.
const LINES_SHOWN: usize = 5;

/// What is expected of the receipts of some captured posts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receives<'a> {
    pub(super) who: &'a Who,
    pub(super) what: &'a [String],
    pub(super) times: u32,
    pub(super) within: Option<Within>,
}

impl Stage {
    pub(super) async fn receives(&self, expected: Receives<'_>, words: String, place: Place) -> Result<(), PlayError> {
        let Some(who) = self.somebody(expected.who, &words, place).await? else { return Ok(()) };
        let groups: Result<Vec<GroupId>, String> = expected.what.iter().map(|name| self.captures.group(name)).collect();
        let verdict = match groups {
            Ok(groups) => self.look(&who, groups, expected).await?,
            Err(found) => Judgement { held: false, found },
        };
        self.find(place, Verdict { what: words, held: verdict.held, found: verdict.found });
        Ok(())
    }

    async fn look(
        &self,
        who: &[PersonId],
        groups: Vec<GroupId>,
        expected: Receives<'_>,
    ) -> Result<Judgement, PlayError> {
        let fates = self.fates(&groups).await?;
        let Some(newest) = fates.iter().map(|fate| fate.intended).max() else {
            let found = format!("{} holds no post", expected.what.join(", "));
            return Ok(Judgement { held: false, found });
        };
        let Receives { times, within, .. } = expected;
        let deadline = match within {
            // To receive never is looked for from now on.
            Some(within) if times == 0 => self.now().after(within.limit),
            // Latency counts from the intended time. A share of the receipts may be later.
            Some(within) if within.quantile >= 1.0 => newest.after(within.limit),
            Some(_) => self.now().after(self.patience),
            None => self.now().after(self.round()),
        };
        let ask = |deadline: Moment| self.crowd.reception(who.to_vec(), groups.clone(), times, deadline);
        let mut reception = ask(deadline).await?;
        if times > 0 && !reception.missing.is_empty() {
            if within.is_some() {
                reception = ask(self.now().after(LOOK_ON)).await?;
            } else {
                reception = self.as_long_as_they_come(reception, ask).await?;
            }
        }
        let fates = self.fates(&groups).await?;
        let names = Names { stage: self, fates: fates.iter().map(|fate| (fate.message, fate)).collect() };
        let name = |person, message| (self.cast.name(person).to_owned(), names.message(message));
        let mut judged = judge(&reception, times, within, name);
        if let (false, Some((person, message))) = (judged.held, reception.missing.first())
            && let Some(fate) = names.fates.get(message)
            && !self.crowd.members(fate.room).await?.contains(person)
        {
            // The commonest mistake in a story of many rooms: nobody hears what is said elsewhere.
            judged.found.push_str(&format!("\n{} is not in {}", self.cast.name(*person), self.room_name(fate.room)));
        }
        Ok(judged)
    }

    /// Without a limit in the file: one round after the other, as long as something came in the last one.
    async fn as_long_as_they_come<F: Future<Output = Result<Reception, CrowdGone>>>(
        &self,
        mut reception: Reception,
        ask: impl Fn(Moment) -> F,
    ) -> Result<Reception, PlayError> {
        for _ in 1..PATIENCE_ROUNDS_MAX {
            let before = reception.missing.len();
            reception = ask(self.now().after(self.round())).await?;
            if reception.missing.is_empty() || reception.missing.len() >= before {
                break;
            }
        }
        Ok(reception)
    }

    async fn fates(&self, groups: &[GroupId]) -> Result<Vec<Fate>, PlayError> {
        let mut fates = Vec::new();
        for group in groups {
            fates.extend(self.crowd.fates(*group).await?);
        }
        Ok(fates)
    }
}

/// What messages are called in a finding.
struct Names<'a> {
    stage: &'a Stage,
    fates: HashMap<MessageId, &'a Fate>,
}

impl Names<'_> {
    fn message(&self, message: MessageId) -> String {
        let Some(fate) = self.fates.get(&message) else { return "a message".to_owned() };
        let (sender, room) = (self.stage.cast.name(fate.sender), self.stage.room_name(fate.room));
        match fate.accepted {
            Some((seq, _)) => format!("{sender}'s post {seq} in {room}"),
            None => format!("a post of {sender} to {room} that was never acknowledged"),
        }
    }
}

/// Whether it held, and the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Judgement {
    held: bool,
    found: String,
}

fn judge(
    reception: &Reception,
    times: u32,
    within: Option<Within>,
    name: impl Fn(PersonId, MessageId) -> (String, String),
) -> Judgement {
    let Reception { expected, latencies, missing, too_often } = reception;
    let mut details = Vec::new();
    let mut held = true;
    if times == 0 {
        held &= too_often.is_empty() && latencies.is_empty();
        let came = too_often.len();
        let found = if came == 0 { "none came".to_owned() } else { wording::count(came as u64, "receipt") };
        details.extend(too_often.iter().map(|(person, message, _)| {
            let (person, message) = name(*person, *message);
            format!("{person} got {message}")
        }));
        return Judgement { held, found: with_details(found, details) };
    }
    if *expected == 0 {
        return Judgement { held: false, found: "there was nothing to receive: no post was accepted".to_owned() };
    }
    let came = (*expected).saturating_sub(missing.len() as u64);
    let mut found = format!("{} of {}", commas(came), wording::count(*expected, "receipt"));
    let worst = latencies.last().copied();
    if let Some(worst) = worst {
        let figures = [0.5, 0.99].map(|quantile| {
            let latency = latency_at(latencies, quantile).map_or_else(String::new, short);
            format!("{} {latency}", wording::percentile(quantile))
        });
        found = format!("{found}; {}, max {}", figures.join(", "), short(worst));
    }
    if let Some(Within { limit, quantile }) = within {
        // What is missing is later than everything.
        let all = usize::try_from(*expected).unwrap_or(usize::MAX);
        let reached = nth(latencies, rank(all, quantile));
        if reached.is_none_or(|latency| latency > limit) {
            held = false;
            let reached = reached.map_or_else(|| "not reached".to_owned(), short);
            details.push(format!("{}: {reached}, wanted {}", wording::percentile(quantile), wording::time(limit)));
        }
    } else {
        held &= missing.is_empty();
    }
    held &= too_often.is_empty() && (missing.is_empty() || within.is_some_and(|within| within.quantile < 1.0));
    details.extend(missing.iter().map(|(person, message)| {
        let (person, message) = name(*person, *message);
        match times {
            1 => format!("{person} lacks {message}"),
            _ => format!("{person} does not have {message} {times} times"),
        }
    }));
    details.extend(too_often.iter().map(|(person, message, count)| {
        let (person, message) = name(*person, *message);
        format!("{person} got {message} {count} times")
    }));
    Judgement { held, found: with_details(found, if held { Vec::new() } else { details }) }
}

fn with_details(found: String, details: Vec<String>) -> String {
    if details.is_empty() { found } else { format!("{found}\n{}", wording::some_of(details.into_iter(), LINES_SHOWN)) }
}

/// The place of a share among so many, from 0: nearest rank.
fn rank(count: usize, quantile: f64) -> usize {
    ((count as f64 * quantile - 1e-9).ceil().max(1.0) as usize).min(count.max(1)) - 1
}

fn nth(ascending: &[Duration], place: usize) -> Option<Duration> {
    ascending.get(place).copied()
}

fn latency_at(ascending: &[Duration], quantile: f64) -> Option<Duration> {
    nth(ascending, rank(ascending.len(), quantile))
}

fn short(time: Duration) -> String {
    wording::ms(time.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn within(limit: u64, quantile: f64) -> Option<Within> {
        Some(Within { limit: ms(limit), quantile })
    }

    fn names(person: PersonId, message: MessageId) -> (String, String) {
        (format!("p{}", person.0), format!("m{}", message.0))
    }

    fn reception(latencies: impl IntoIterator<Item = u64>, missing: u32) -> Reception {
        let latencies: Vec<Duration> = latencies.into_iter().map(ms).collect();
        let missing: Vec<_> = (0..missing).map(|n| (PersonId(n), MessageId(7))).collect();
        Reception { expected: (latencies.len() + missing.len()) as u64, latencies, missing, too_often: Vec::new() }
    }

    #[test]
    fn everybody_got_it_in_time() {
        let judged = judge(&reception([1, 2, 4], 0), 1, within(50, 1.0), names);
        let found = "3 of 3 receipts; p50 2 ms, p99 4 ms, max 4 ms".to_owned();
        assert_eq!(judged, Judgement { held: true, found });
    }

    #[test]
    fn who_lacks_what_is_named() {
        for within in [None, within(50, 1.0)] {
            let judged = judge(&reception([1, 2], 1), 1, within, names);
            assert!(!judged.held && judged.found.contains("2 of 3 receipts"), "{}", judged.found);
            assert!(judged.found.ends_with("p0 lacks m7"), "{}", judged.found);
        }
        let judged = judge(&reception([], 9), 1, None, names);
        assert_eq!(judged.found.lines().last(), Some("and 4 more"));
    }

    #[test]
    fn a_share_may_be_late_or_missing_and_what_is_missing_is_later_than_all() {
        let mostly = || (0..99).map(|_| 10);
        assert!(judge(&reception(mostly().chain([900]), 0), 1, within(50, 0.99), names).held);
        assert!(judge(&reception(mostly(), 1), 1, within(50, 0.99), names).held);
        let judged = judge(&reception(mostly().skip(1), 2), 1, within(50, 0.99), names);
        assert!(!judged.held && judged.found.contains("p99: not reached, wanted 50 ms"), "{}", judged.found);
        let judged = judge(&reception(mostly().skip(1).chain([80, 90]), 0), 1, within(50, 0.99), names);
        assert!(!judged.held && judged.found.contains("p99: 80 ms, wanted 50 ms"), "{}", judged.found);
    }

    #[test]
    fn late_is_told_from_never() {
        let judged = judge(&reception([10, 80], 0), 1, within(50, 1.0), names);
        assert!(!judged.held && judged.found.ends_with("max: 80 ms, wanted 50 ms"), "{}", judged.found);
    }

    #[test]
    fn what_came_twice_is_named_even_when_everything_was_in_time() {
        let twice = Reception { too_often: vec![(PersonId(1), MessageId(7), 2)], ..reception([1, 2], 0) };
        for within in [None, within(50, 0.5)] {
            let judged = judge(&twice, 1, within, names);
            assert!(!judged.held && judged.found.ends_with("p1 got m7 2 times"), "{}", judged.found);
        }
    }

    #[test]
    fn never_is_never() {
        assert!(judge(&reception([], 0), 0, within(50, 1.0), names).held);
        let leaked = Reception { too_often: vec![(PersonId(1), MessageId(7), 1)], ..reception([3], 0) };
        let judged = judge(&leaked, 0, within(50, 1.0), names);
        assert_eq!(judged, Judgement { held: false, found: "1 receipt\np1 got m7".to_owned() });
    }

    #[test]
    fn nothing_to_receive_proves_nothing() {
        assert!(!judge(&reception([], 0), 1, None, names).held);
    }
}
