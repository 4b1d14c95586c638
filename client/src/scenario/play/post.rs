//! Posts: once, many times, at a rate or with a window; and what was captured, sent again.

use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use hubbub_protocol::ErrorBody;

use super::{PlayError, Stage, capture::Capture, journal::Verdict, wording};
use crate::scenario::{
    crowd::order::{Beat, Flow, FlowEnd, RoomChoice},
    file::{
        Place,
        step::{Pace, Post},
    },
    id::GroupId,
    report::commas,
};

/// Repeats that are sent at once.
const REPEATS_AT_ONCE: usize = 32;

impl Stage {
    pub(super) async fn post(&self, post: &Post, what: &str, place: Place) -> Result<(), PlayError> {
        let group = match &post.capture {
            Some(name) => {
                let group = self.crowd.group().await?;
                // Already now, so that a branch beside this one can wait for what is to come.
                self.captures.put(name, Capture::Posts { group, fates: Vec::new() });
                Some(group)
            }
            None => None,
        };
        let end = match &post.again {
            Some(name) => self.again(name, group).await?,
            None => self.flow(post, group, what, place).await?,
        };
        if let (Some(name), Some(group)) = (&post.capture, group) {
            let fates = self.crowd.fates(group).await?;
            self.captures.put(name, Capture::Posts { group, fates });
        }
        match end {
            Ok(end) => self.tell_flow(&end, post.may_be_refused, what, place),
            Err(found) => self.find(place, Verdict::failed(what, found)),
        }
        Ok(())
    }

    async fn flow(
        &self,
        post: &Post,
        group: Option<GroupId>,
        what: &str,
        place: Place,
    ) -> Result<Result<FlowEnd, String>, PlayError> {
        let Some(posters) = self.somebody(&post.who, what, place).await? else { return Ok(Ok(FlowEnd::default())) };
        let words = match self.captures.words(&post.text) {
            Ok(words) => words,
            Err(found) => return Ok(Err(found)),
        };
        let beat = self.beat(post.pace);
        let flow = |posters, room, beat| Flow { posters, room, words: words.clone(), action: post.action, beat, group };
        let Some(word) = &post.room else {
            return Ok(Ok(self.crowd.flow(flow(posters, RoomChoice::Own, beat)).await?));
        };
        let all = posters.len();
        let rooms = self.by_room(word, posters).await?;
        if rooms.is_empty() {
            return Ok(Err(format!("none of them is in a room of {word}")));
        }
        // In a group each posts to their own room of it: a flow a room, each with its share of what all do together.
        let flows = rooms.into_iter().map(|(room, posters)| {
            let beat = share(beat, posters.len(), all);
            self.crowd.flow(flow(posters, RoomChoice::One(room), beat))
        });
        let ends = try_join_all(flows).await?;
        Ok(Ok(ends.into_iter().reduce(sum).unwrap_or_default()))
    }

    fn beat(&self, pace: Pace) -> Beat {
        match pace {
            Pace::Times(times) => Beat::Times(times),
            Pace::Open { rate, time, poisson } => {
                let (ramp, time) = self.scale.load(rate, time);
                Beat::Open { from_per_s: ramp.from.0, to_per_s: ramp.to.0, time, poisson }
            }
            Pace::Closed { window, time } => Beat::Closed { window, time: Some(self.scale.time(time)), posts: None },
            Pace::ClosedCount { window, posts } => {
                Beat::Closed { window, time: None, posts: Some(self.scale.posts(posts)) }
            }
        }
    }

    /// Sends each message of a capture again.
    async fn again(&self, name: &str, group: Option<GroupId>) -> Result<Result<FlowEnd, String>, PlayError> {
        let Some(Capture::Posts { group: first, .. }) = self.captures.get(name) else {
            return Ok(Err(self.captures.group(name).err().unwrap_or_default()));
        };
        let messages: Vec<_> = self.crowd.fates(first).await?.into_iter().map(|fate| fate.message).collect();
        if messages.is_empty() {
            return Ok(Err(format!("{name} holds no post")));
        }
        let sends = stream::iter(messages).map(|message| self.crowd.again(message, group));
        let ends: Vec<FlowEnd> = sends.buffered(REPEATS_AT_ONCE).try_collect().await?;
        Ok(Ok(ends.into_iter().reduce(sum).unwrap_or_default()))
    }

    pub(super) fn tell_flow(&self, end: &FlowEnd, may_be_refused: bool, what: &str, place: Place) {
        let mut lines = Vec::new();
        if !may_be_refused {
            for (error, times) in &end.refused {
                self.journal.met(error.code);
                lines.push(format!("{} refused with {}", commas(*times), wording::refusal(error)));
            }
        }
        if end.unsettled > 0 {
            lines.push(format!("{} without an answer", commas(end.unsettled)));
        }
        if end.unsent > 0 {
            lines.push(format!("{} could not be sent: nobody who was to send them was connected in time", end.unsent));
        }
        if !lines.is_empty() {
            let found =
                format!("{} of {} accepted\n{}", commas(end.accepted), commas(end.sent + end.unsent), lines.join("\n"));
            self.find(place, Verdict::failed(what, found));
        }
    }
}

/// What some of the posters do of what all of them do together.
fn share(beat: Beat, some: usize, all: usize) -> Beat {
    let share = some as f64 / all.max(1) as f64;
    // At least one, so that nobody stays silent altogether.
    let part = |whole: u64| (whole as f64 * share).round().max(1.0) as u64;
    match beat {
        Beat::Times(times) => Beat::Times(times),
        Beat::Open { from_per_s, to_per_s, time, poisson } => {
            Beat::Open { from_per_s: from_per_s * share, to_per_s: to_per_s * share, time, poisson }
        }
        Beat::Closed { window, time, posts } => {
            let window = u32::try_from(part(u64::from(window))).unwrap_or(window);
            Beat::Closed { window, time, posts: posts.map(part) }
        }
    }
}

fn sum(mut a: FlowEnd, b: FlowEnd) -> FlowEnd {
    let FlowEnd { sent, accepted, unsettled, refused, unsent } = b;
    a.sent += sent;
    a.accepted += accepted;
    a.unsettled += unsettled;
    a.unsent += unsent;
    for (error, times) in refused {
        match a.refused.iter_mut().find(|(known, _): &&mut (ErrorBody, u64)| known.code == error.code) {
            Some((_, known)) => *known += times,
            None => a.refused.push((error, times)),
        }
    }
    a
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hubbub_protocol::ErrorCode;

    use super::*;

    #[test]
    fn rooms_of_a_group_share_rates_and_windows_by_their_people() {
        let time = Duration::from_secs(1);
        let open = Beat::Open { from_per_s: 10.0, to_per_s: 40.0, time, poisson: true };
        let quarter = Beat::Open { from_per_s: 2.5, to_per_s: 10.0, time, poisson: true };
        assert_eq!(share(open, 5, 20), quarter);
        let closed = Beat::Closed { window: 64, time: None, posts: Some(1_000) };
        assert_eq!(share(closed, 5, 20), Beat::Closed { window: 16, time: None, posts: Some(250) });
        assert_eq!(share(closed, 1, 2_000), Beat::Closed { window: 1, time: None, posts: Some(1) });
        assert_eq!(share(closed, 20, 20), closed);
    }

    #[test]
    fn ends_of_several_flows_add_up_by_code() {
        let refused = |code, times| vec![(ErrorBody::new(code, "no"), times)];
        let end = |refused| FlowEnd { sent: 3, accepted: 1, unsettled: 1, refused, unsent: 1 };
        let first = end(refused(ErrorCode::RateLimited, 1));
        let total = [refused(ErrorCode::RateLimited, 2), refused(ErrorCode::NotJoined, 1)].map(end);
        let total = total.into_iter().fold(first, sum);
        assert_eq!((total.sent, total.accepted, total.unsettled, total.unsent), (9, 3, 3, 3));
        let codes: Vec<_> = total.refused.iter().map(|(error, times)| (error.code, *times)).collect();
        assert_eq!(codes, [(ErrorCode::RateLimited, 3), (ErrorCode::NotJoined, 1)]);
    }
}
