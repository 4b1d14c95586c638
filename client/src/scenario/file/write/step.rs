//! Steps as a file would say them.

use std::time::Duration;

use super::{Map, hundredths, list, quoted, rate, text, time};
use crate::scenario::file::{
    expectation::{Expectation, Field, Operand, Resumed},
    step::{Act, Fault, Garbage, Pace, Post, Step},
    unit::Ramp,
    who::{Term, Who},
};

fn who(who: &Who) -> String {
    let sentence = |terms: &[Term]| terms.iter().map(term).collect::<Vec<_>>().join(" and ");
    let mut text = sentence(&who.terms);
    if !who.except.is_empty() {
        text.push_str(&format!(" except {}", sentence(&who.except)));
    }
    quoted(&text)
}

fn term(term: &Term) -> String {
    match term {
        Term::Name(name) => name.clone(),
        Term::Nth(name, number) => format!("{name}-{number}"),
        Term::Everyone => "everyone".to_owned(),
        Term::EveryoneIn(room) => format!("everyone in {room}"),
        Term::Share { share, of } => format!("{}% of {of}", hundredths(*share)),
        Term::Some { count, of } => format!("{count} of {of}"),
    }
}

pub(super) fn steps(steps: &[Step], indent: usize, out: &mut String) {
    for step in steps {
        self::step(step, indent, out);
    }
}

fn step(step: &Step, indent: usize, out: &mut String) {
    let dash = format!("{}- ", " ".repeat(indent));
    let inner = " ".repeat(indent + 4);
    let (verb, argument) = match &step.act {
        Act::Sequence { steps: inner } => {
            out.push_str(&format!("{dash}sequence:\n"));
            return steps(inner, indent + 4, out);
        }
        Act::Parallel { steps: inner } => {
            out.push_str(&format!("{dash}parallel:\n"));
            return steps(inner, indent + 4, out);
        }
        Act::Repeat { times, steps: repeated } => {
            out.push_str(&format!("{dash}repeat:\n{inner}times: {times}\n{inner}steps:\n"));
            return steps(repeated, indent + 6, out);
        }
        Act::Phase { name, steps: phase } => {
            out.push_str(&format!("{dash}phase:\n{inner}name: {}\n{inner}steps:\n", quoted(name)));
            return steps(phase, indent + 6, out);
        }
        act => simple(act),
    };
    out.push_str(&format!("{dash}{verb}: {argument}\n"));
}

/// A step without steps in it: its verb, and what stands behind it.
fn simple(act: &Act) -> (&'static str, String) {
    let with_who = |who: &Who| Map::default().with("who", self::who(who));
    let in_room = |who: &Who, room: &str| with_who(who).with("room", quoted(room));
    let going = |who: &Who, over: &Duration| {
        let mut map = with_who(who);
        map.may("over", (!over.is_zero()).then(|| time(*over)));
        map.text()
    };
    match act {
        Act::Connect { who, over } => ("connect", going(who, over)),
        Act::Disconnect { who } => ("disconnect", self::who(who)),
        Act::Reconnect { who, over } => ("reconnect", going(who, over)),
        Act::Join { who, room } => ("join", in_room(who, room).text()),
        Act::Part { who, room } => ("part", in_room(who, room).text()),
        Act::Post(post) => ("post", self::post(post)),
        Act::Topic { who, room, text } => ("topic", in_room(who, room).with("text", quoted(text)).text()),
        Act::Type { who, room } => ("type", in_room(who, room).text()),
        Act::History { who, room, after, capture } => {
            let mut map = in_room(who, room);
            map.may("after", after.as_ref());
            map.may("as", capture.as_ref());
            ("history", map.text())
        }
        Act::PauseReading { who, time: length } => {
            let mut map = with_who(who);
            map.may("for", length.map(time));
            ("pause_reading", map.text())
        }
        Act::ResumeReading { who } => ("resume_reading", self::who(who)),
        Act::Chat { who, time: length } => ("chat", with_who(who).with("for", time(*length)).text()),
        Act::Wait { time: length } => ("wait", time(*length)),
        Act::Settle { within } => ("settle", time(*within)),
        Act::Barrier { name } => ("barrier", quoted(name)),
        Act::Fault(fault) => self::fault(fault),
        Act::Expect(expectation) => ("expect", self::expectation(expectation)),
        Act::Sequence { .. } | Act::Parallel { .. } | Act::Repeat { .. } | Act::Phase { .. } => {
            ("sequence", "[]".to_owned())
        }
    }
}

fn fault(fault: &Fault) -> (&'static str, String) {
    match fault {
        Fault::Cut { who } => ("cut", self::who(who)),
        Fault::Garbage { who, what } => {
            let what = match what {
                Garbage::Bytes => "bytes",
                Garbage::Text => "text",
                Garbage::Json => "json",
                Garbage::Oversized => "oversized",
            };
            ("garbage", Map::default().with("who", self::who(who)).with("what", what).text())
        }
        Fault::KillServer { restart_after } => {
            let mut map = Map::default();
            map.may("restart_after", restart_after.map(time));
            ("kill_server", map.text())
        }
        Fault::RestartServer => ("restart_server", "{}".to_owned()),
    }
}

fn post(post: &Post) -> String {
    let mut map = Map::default();
    if let Some(again) = &post.again {
        map.put("again", again);
    } else {
        map.put("who", who(&post.who));
        map.may("room", post.room.as_deref().map(quoted));
        text(&post.text, &mut map);
        map.may("kind", post.action.then_some("action"));
        pace(&post.pace, &mut map);
    }
    map.may("as", post.capture.as_ref());
    map.flag("may_be_refused", post.may_be_refused, false);
    map.text()
}

fn pace(pace: &Pace, map: &mut Map) {
    match *pace {
        Pace::Times(times) => map.may("times", (times != 1).then_some(times)),
        Pace::Open { rate: Ramp { from, to }, time: length, poisson } => {
            map.put(
                "rate",
                if from == to { rate(from) } else { format!("{{from: {}, to: {}}}", rate(from), rate(to)) },
            );
            map.put("for", time(length));
            map.may("arrivals", poisson.then_some("poisson"));
        }
        Pace::Closed { window, time: length } => {
            map.put("window", window);
            map.put("for", time(length));
        }
        Pace::ClosedCount { window, posts } => {
            map.put("window", window);
            map.put("posts", posts);
        }
    }
}

fn expectation(expectation: &Expectation) -> String {
    let with_who = |who: &Who| Map::default().with("who", self::who(who));
    match expectation {
        Expectation::Receives { who, what, times, within } => {
            let mut map = with_who(who).with("receives", list(what));
            map.may("times", (*times != 1).then_some(times));
            map.may("within", within.map(|within| time(within.limit)));
            map.may(
                "at",
                within.filter(|within| within.quantile < 1.0).map(|at| format!("p{}", hundredths(at.quantile))),
            );
            map.text()
        }
        Expectation::ReceivesNothing { who, time: length } => {
            with_who(who).with("receives", "nothing").with("for", time(*length)).text()
        }
        Expectation::SameHistory { who, room, other } => {
            with_who(who).with("history_of", quoted(room)).with("equals", self::who(other)).text()
        }
        Expectation::Resumed { who, how } => {
            let how = match how {
                Resumed::Complete => "complete",
                Resumed::Gap => "gap",
                Resumed::Reset => "reset",
                Resumed::Fresh => "fresh",
            };
            with_who(who).with("resumed", how).text()
        }
        Expectation::Accepted { what, duplicate_of } => {
            let mut map = Map::default().with("accepted", what);
            map.may("as_duplicate_of", duplicate_of.as_ref());
            map.text()
        }
        Expectation::Refused { what, code, at_least } => {
            let mut map = Map::default().with("refused", what).with("code", code.as_str());
            map.may("at_least", (*at_least != 1).then_some(at_least));
            map.text()
        }
        Expectation::Closed { who, code } => {
            with_who(who).with("closed", code.map_or("any".to_owned(), |code| code.to_string())).text()
        }
        Expectation::That { left, relation, right, .. } => {
            format!("{{that: \"{} {} {}\"}}", operand(left), relation.sign(), operand(right))
        }
    }
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Number(number) => number.to_string(),
        Operand::Capture { name, field } => {
            let field = match field {
                Field::Seq => "seq",
                Field::Count => "count",
                Field::Refused => "refused",
            };
            format!("{name}.{field}")
        }
    }
}
