//! Steps, expectations and failures in words, much as the file has them.

use std::{collections::HashMap, fmt::Write, time::Duration};

use hubbub_protocol::ErrorBody;

use crate::scenario::{
    crowd::order::Failure,
    file::{
        expectation::{Expectation, Relation, Resumed, Within},
        step::{Act, Fault, Garbage, Pace, Post, Text},
        unit::{Ramp, Rate},
        who::{Term, Who},
    },
    report::commas,
};

/// What of a text is shown in a step.
const TEXT_CHARS_SHOWN: usize = 40;

/// A length of time: `50 ms`, `1.5 s`, `2 min`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (number, unit) = match seconds {
        0.0 => (0.0, "s"),
        ..0.001 => (seconds * 1e6, "µs"),
        ..1.0 => (seconds * 1e3, "ms"),
        ..120.0 => (seconds, "s"),
        ..7_200.0 => (seconds / 60.0, "min"),
        _ => (seconds / 3_600.0, "h"),
    };
    format!("{} {unit}", number_of(number))
}

/// A measured time in milliseconds.
pub(super) fn ms(ms: f64) -> String {
    format!("{} ms", number_of(ms))
}

/// A number with as many digits as say something: three, or all before the point.
pub(super) fn number_of(number: f64) -> String {
    let decimals = match number.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `1 post`, `2 posts`.
pub(super) fn count(count: u64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {noun}{s}", commas(count))
}

/// One line for each reason: who it befell, the first by name.
pub(super) fn by_reason<'a>(all: impl Iterator<Item = (&'a str, String)>) -> Vec<String> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut reasons: Vec<(&str, String, u64)> = Vec::new();
    for (name, why) in all {
        match places.get(&why).and_then(|place| reasons.get_mut(*place)) {
            Some((_, _, more)) => *more += 1,
            None => {
                places.insert(why.clone(), reasons.len());
                reasons.push((name, why, 0));
            }
        }
    }
    let line = |(name, why, more): (&str, String, u64)| match more {
        0 => format!("{name}: {why}"),
        more => format!("{name} and {} more: {why}", commas(more)),
    };
    reasons.into_iter().map(line).collect()
}

/// Some of many lines, and how many there are more.
pub(super) fn some_of(lines: impl ExactSizeIterator<Item = String>, shown_max: usize) -> String {
    let more = lines.len().saturating_sub(shown_max);
    let mut text = lines.take(shown_max).collect::<Vec<_>>().join("\n");
    if more > 0 {
        text.push_str(&format!("\nand {} more", commas(more as u64)));
    }
    text
}

/// A step, in a few words.
pub(super) fn act(act: &Act) -> String {
    match act {
        Act::Connect { who, .. } => format!("connect: {}", who.text),
        Act::Disconnect { who } => format!("disconnect: {}", who.text),
        Act::Reconnect { who, .. } => format!("reconnect: {}", who.text),
        Act::Join { who, room } => format!("join {room}: {}", who.text),
        Act::Part { who, room } => format!("part {room}: {}", who.text),
        Act::Post(told) => post(told),
        Act::Topic { who, room, text } => format!("topic of {room}: {}, \"{}\"", who.text, shortened(text)),
        Act::Type { who, room } => format!("type in {room}: {}", who.text),
        Act::History { who, room, .. } => format!("history of {room}: {}", who.text),
        Act::PauseReading { who, time: None } => format!("pause reading: {}", who.text),
        Act::PauseReading { who, time: Some(t) } => format!("pause reading for {}: {}", time(*t), who.text),
        Act::ResumeReading { who } => format!("resume reading: {}", who.text),
        Act::Chat { who, time: t } => format!("chat for {}: {}", time(*t), who.text),
        Act::Wait { time: t } => format!("wait {}", time(*t)),
        Act::Settle { within } => format!("settle within {}", time(*within)),
        Act::Barrier { name } => format!("barrier {name}"),
        Act::Sequence { .. } => "sequence".to_owned(),
        Act::Parallel { .. } => "parallel".to_owned(),
        Act::Repeat { times, .. } => format!("repeat {times} times"),
        Act::Phase { name, .. } => format!("phase {name}"),
        Act::Fault(broken) => fault(broken),
        Act::Expect(expected) => expectation(expected),
    }
}

fn post(post: &Post) -> String {
    let Post { who, room, text, pace, again, .. } = post;
    let who = &who.text;
    if let Some(again) = again {
        return format!("post again: {again}");
    }
    let room = room.as_ref().map_or_else(String::new, |room| format!(" to {room}"));
    let what = match text {
        Text::Template(text) => format!("\"{}\"", shortened(text)),
        Text::Size(size) if size.from == size.to => format!("{} B", size.from),
        Text::Size(size) => format!("{} B to {} B", size.from, size.to),
    };
    let pace = match pace {
        Pace::Times(1) => String::new(),
        Pace::Times(times) => format!(" {times} times"),
        Pace::Open { rate, time: t, .. } => format!(" at {} for {}", ramp(*rate), time(*t)),
        Pace::Closed { window, time: t } => format!(" with a window of {window} for {}", time(*t)),
        Pace::ClosedCount { window, posts } => format!(" with a window of {window}, {posts} in all"),
    };
    format!("post{room}: {who}, {what}{pace}")
}

fn ramp(ramp: Ramp) -> String {
    let one = |Rate(per_s)| format!("{}/s", number_of(per_s));
    if ramp.from == ramp.to { one(ramp.from) } else { format!("{} to {}", one(ramp.from), one(ramp.to)) }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What is broken, in a few words.
pub(super) fn fault(fault: &Fault) -> String {
    match fault {
        Fault::Cut { who } => format!("cut: {}", who.text),
        Fault::Garbage { who, what } => {
            let what = match what {
                Garbage::Bytes => "random bytes",
                Garbage::Text => "text that is not JSON",
                Garbage::Json => "JSON that is no request",
                Garbage::Oversized => "a frame that is too large",
            };
            format!("garbage: {}, {what}", who.text)
        }
        Fault::KillServer { restart_after: None } => "kill the server".to_owned(),
        Fault::KillServer { restart_after: Some(t) } => format!("kill the server, start it after {}", time(*t)),
        Fault::RestartServer => "start the server again".to_owned(),
    }
}

/// What is to hold.
pub(super) fn expectation(expectation: &Expectation) -> String {
    match expectation {
        Expectation::Receives { who, what, times, within } => {
            let (is_are, what) = (verb(who, "receive"), what.join(", "));
            let times = match times {
                0 => return format!("{} never {is_are} {what}{}", who.text, for_time(*within)),
                1 => "once".to_owned(),
                times => format!("{times} times"),
            };
            format!("{} {is_are} {what} {times}{}", who.text, in_time(*within))
        }
        Expectation::ReceivesNothing { who, time: t } => {
            format!("{} {} nothing for {}", who.text, verb(who, "receive"), time(*t))
        }
        Expectation::SameHistory { who, room, other } => {
            format!("history of {room}: that of {} equals that of {}", who.text, other.text)
        }
        Expectation::Resumed { who, how } => format!("{} resumed: {}", who.text, resumed(*how)),
        Expectation::Accepted { what, duplicate_of: None } => format!("{what} is accepted"),
        Expectation::Accepted { what, duplicate_of: Some(of) } => format!("{what} is accepted as a duplicate of {of}"),
        Expectation::Refused { what, code, at_least } => {
            let least = if *at_least == 1 { String::new() } else { format!(", at least {at_least} times") };
            format!("{what} is refused with {code}{least}")
        }
        Expectation::Closed { who, code: None } => format!("{}: the server ends the connection", who.text),
        Expectation::Closed { who, code: Some(code) } => {
            format!("{}: the server ends the connection with {code}", who.text)
        }
        Expectation::That { text, .. } => text.clone(),
    }
}

/// One person, a population and everyone receives, several receive.
fn verb(who: &Who, verb: &str) -> String {
    let drawn = |term: &Term| matches!(term, Term::Share { .. } | Term::Some { .. });
    let several = who.terms.len() > 1 || who.terms.iter().any(drawn);
    if several { verb.to_owned() } else { format!("{verb}s") }
}

fn in_time(within: Option<Within>) -> String {
    within.map_or_else(String::new, |Within { limit, quantile }| format!(" within {}{}", time(limit), at(quantile)))
}

fn for_time(within: Option<Within>) -> String {
    within.map_or_else(String::new, |within| format!(" for {}", time(within.limit)))
}

fn at(quantile: f64) -> String {
    if quantile < 1.0 { format!(" ({})", percentile(quantile)) } else { String::new() }
}

/// `p99`, `p99.9`, `max`.
pub(super) fn percentile(quantile: f64) -> String {
    if quantile < 1.0 { format!("p{}", number_of((quantile * 1e8).round() / 1e6)) } else { "max".to_owned() }
}

/// As in the reply to `join`.
pub(super) fn resumed(how: Resumed) -> &'static str {
    match how {
        Resumed::Complete => "complete",
        Resumed::Gap => "gap",
        Resumed::Reset => "reset",
        Resumed::Fresh => "fresh",
    }
}

/// As it is written.
pub(super) fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Less => "<",
        Relation::LessOrEqual => "<=",
        Relation::Equal => "==",
        Relation::NotEqual => "!=",
        Relation::GreaterOrEqual => ">=",
        Relation::Greater => ">",
    }
}

/// A refusal: its code, and the server's sentence.
pub(super) fn refusal(error: &ErrorBody) -> String {
    format!("{}: {}", error.code, error.message)
}

/// Why something was not done.
pub(super) fn failure(failure: &Failure) -> String {
    let mut text = String::new();
    let written = match failure {
        Failure::Refused(error) => write!(text, "refused with {}", refusal(error)),
        Failure::Http { status, error: Some(error) } => {
            write!(text, "the upgrade was refused with {status}, {}", refusal(error))
        }
        Failure::Http { status, error: None } => {
            write!(text, "the upgrade was answered with {status}: is this a Hubbub server?")
        }
        Failure::Disconnected(why) => write!(text, "no connection: {why}"),
        Failure::TimedOut => write!(text, "no answer in time"),
        Failure::Closed { code, reason } if reason.is_empty() => write!(text, "closed by the server with {code}"),
        Failure::Closed { code, reason } => write!(text, "closed by the server with {code}: {reason}"),
    };
    debug_assert!(written.is_ok(), "a string takes everything");
    text
}

#[cfg(test)]
mod tests {
    use hubbub_protocol::ErrorCode;

    use super::*;
    use crate::scenario::file::{Place, unit::Range};

    #[test]
    fn a_reason_is_told_once_however_many_it_befell() {
        let all = [("ana", "gone"), ("bo", "late"), ("cy", "gone"), ("eve", "gone")];
        let lines = by_reason(all.into_iter().map(|(name, why)| (name, why.to_owned())));
        assert_eq!(lines, ["ana and 2 more: gone", "bo: late"]);
    }

    fn who(text: &str) -> Who {
        Who { terms: vec![Term::Everyone], except: vec![], text: text.to_owned(), place: Place::default() }
    }

    #[test]
    fn times_are_said_as_people_write_them() {
        let cases = [(0, "0 s"), (50, "50 ms"), (1_500, "1.5 s"), (90_000, "90 s"), (300_000, "5 min")];
        for (ms, text) in cases {
            assert_eq!(time(Duration::from_millis(ms)), text);
        }
        assert_eq!(time(Duration::from_micros(250)), "250 µs");
        assert_eq!((ms(0.4123), ms(812.4), ms(0.0)), ("0.412 ms".into(), "812 ms".into(), "0 ms".into()));
    }

    #[test]
    fn expectations_read_like_the_file() {
        let within = Some(Within { limit: Duration::from_millis(500), quantile: 0.99 });
        let what = vec!["m1".to_owned()];
        let receives = |times, within| Expectation::Receives {
            who: who("everyone in lobby except eve"),
            what: what.clone(),
            times,
            within,
        };
        assert_eq!(
            expectation(&receives(1, within)),
            "everyone in lobby except eve receives m1 once within 500 ms (p99)"
        );
        assert_eq!(expectation(&receives(2, None)), "everyone in lobby except eve receives m1 2 times");
        assert_eq!(expectation(&receives(0, within)), "everyone in lobby except eve never receives m1 for 500 ms");
        let drawn = Who { terms: vec![Term::Share { share: 0.1, of: "crowd".to_owned() }], ..who("10% of crowd") };
        let nothing = Expectation::ReceivesNothing { who: drawn, time: Duration::from_secs(1) };
        assert_eq!(expectation(&nothing), "10% of crowd receive nothing for 1 s");
        let refused = Expectation::Refused { what: "flood".to_owned(), code: ErrorCode::RateLimited, at_least: 3 };
        assert_eq!(expectation(&refused), "flood is refused with rate_limited, at least 3 times");
        assert_eq!(percentile(0.999), "p99.9");
    }

    #[test]
    fn posts_say_how_fast_they_come() {
        let post = |text, pace| {
            act(&Act::Post(Post {
                who: who("crowd"),
                room: None,
                text,
                action: false,
                pace,
                capture: None,
                again: None,
                may_be_refused: false,
            }))
        };
        let rate = Ramp { from: Rate(10.0), to: Rate(200.0) };
        let size = Text::Size(Range { from: 16, to: 64 });
        let open = Pace::Open { rate, time: Duration::from_secs(5), poisson: false };
        assert_eq!(post(size, open), "post: crowd, 16 B to 64 B at 10/s to 200/s for 5 s");
        let long = Text::Template("é".repeat(41));
        assert_eq!(post(long, Pace::Times(1)), format!("post: crowd, \"{}…\"", "é".repeat(40)));
    }

    #[test]
    fn what_is_too_long_is_cut_and_counted() {
        let lines = || (1..=4).map(|n: i32| n.to_string()).collect::<Vec<_>>().into_iter();
        assert_eq!(some_of(lines(), 2), "1\n2\nand 2 more");
        assert_eq!(some_of(lines(), 4), "1\n2\n3\n4");
    }
}
