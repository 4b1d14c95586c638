//! A scenario as a file would say it: what is written here is read back as the same.

use std::{fmt::Display, time::Duration};

use super::{
    RoomSizes, Scenario,
    cast::{Reconnects, Role, Talk, Via},
    expectation::{Expectation, Field, Operand, Resumed},
    step::{Act, Fault, Garbage, Pace, Post, Step, Text},
    threshold::{Figure, Threshold},
    unit::{Ramp, Range, Rate, Spread},
    who::{Term, Who},
};

/// The scenario's text.
pub(crate) fn write(scenario: &Scenario) -> String {
    let mut out = format!("name: {}\n", quoted(&scenario.name));
    if !scenario.about.is_empty() {
        out.push_str(&format!("about: {}\n", quoted(&scenario.about)));
    }
    if let Some(seed) = scenario.seed {
        out.push_str(&format!("seed: {seed}\n"));
    }
    let mut server = Map::default();
    server.may("workers", scenario.server.workers);
    if !scenario.server.limits.is_empty() {
        let limits = scenario.server.limits.iter().fold(Map::default(), |map, (name, limit)| map.with(name, limit));
        server.put("limits", limits.text());
    }
    if !server.0.is_empty() {
        out.push_str(&format!("server: {}\n", server.text()));
    }
    if !scenario.rooms.is_empty() {
        out.push_str("rooms:\n");
    }
    for (name, group) in &scenario.rooms {
        let mut map = Map::default().with("count", group.count);
        match &group.sizes {
            RoomSizes::Even => {}
            RoomSizes::List(sizes) => map.put("size", list(sizes)),
            RoomSizes::PowerLaw(power) => map.put("size", format!("{{power_law: {power}}}")),
        }
        out.push_str(&format!("  {}: {}\n", quoted(name), map.text()));
    }
    out.push_str("cast:\n");
    for (name, role) in &scenario.cast {
        out.push_str(&format!("  {}: {}\n", quoted(name), self::role(role)));
    }
    out.push_str("steps:\n");
    steps(&scenario.steps, 2, &mut out);
    if !scenario.thresholds.is_empty() {
        out.push_str("thresholds:\n");
    }
    for Threshold { figure, relation, value, .. } in &scenario.thresholds {
        out.push_str(&format!("  - {} {} {value}\n", name_of(*figure), relation.sign()));
    }
    out
}

/// A map on one line.
#[derive(Debug, Default)]
struct Map(Vec<String>);

impl Map {
    fn put(&mut self, key: &str, value: impl Display) {
        self.0.push(format!("{key}: {value}"));
    }

    fn may(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// A flag that is not what it is when it is left out.
    fn flag(&mut self, key: &str, value: bool, default: bool) {
        self.may(key, (value != default).then_some(value));
    }

    fn with(mut self, key: &str, value: impl Display) -> Self {
        self.put(key, value);
        self
    }

    fn text(&self) -> String {
        format!("{{{}}}", self.0.join(", "))
    }
}

/// In quotes: whatever it holds is one value then.
fn quoted(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        && !["null", "true", "false"].contains(&text);
    if is_plain {
        return text.to_owned();
    }
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if crate::safe::is_unsafe(c)
                || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{85}' | '\u{2028}' | '\u{2029}') =>
            {
                out.push_str(&format!("\\U{:08X}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn list(items: &[impl Display]) -> String {
    format!("[{}]", items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

fn time(time: Duration) -> String {
    let ns = time.as_nanos();
    let units =
        [("h", 3_600_000_000_000), ("min", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000)];
    match units.iter().find(|(_, length)| ns.is_multiple_of(*length) && ns > 0) {
        Some((unit, length)) => format!("{} {unit}", ns / length),
        None if ns == 0 => "0 s".to_owned(),
        None => format!("{ns} ns"),
    }
}

fn spread(spread: &Spread) -> String {
    match *spread {
        Spread::Fixed(length) => time(length),
        Spread::Uniform(from, to) => format!("{{uniform: [{}, {}]}}", time(from), time(to)),
        Spread::Exponential(mean) => format!("{{exponential: {}}}", time(mean)),
        Spread::LogNormal { median, p99 } => format!("{{lognormal: {{median: {}, p99: {}}}}}", time(median), time(p99)),
    }
}

fn rate(Rate(per_s): Rate) -> String {
    format!("{per_s}/s")
}

fn range(Range { from, to }: Range, unit: &str) -> String {
    if from == to { format!("{from}{unit}") } else { format!("[{from}{unit}, {to}{unit}]") }
}

/// A share in hundredths, without what the binary form adds to it.
fn hundredths(share: f64) -> String {
    let text = format!("{:.9}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn text(text: &Text, map: &mut Map) {
    match text {
        Text::Template(words) => map.put("text", quoted(words)),
        Text::Size(size) => map.put("size", range(*size, " B")),
    }
}

fn role(role: &Role) -> String {
    let mut map = Map::default();
    map.may("count", role.count);
    match role.join.as_slice() {
        [] => {}
        [room] => map.put("join", quoted(room)),
        rooms => map.put("join", list(&rooms.iter().map(|room| quoted(room)).collect::<Vec<_>>())),
    }
    match role.via {
        Via::Native => {}
    }
    map.flag("connected", role.connected, true);
    map.may("arrive", (!role.arrive.is_zero()).then(|| time(role.arrive)));
    map.may("reads", role.reads_bytes_per_s.map(|bytes| format!("{bytes} B/s")));
    map.flag("returns", role.returns, true);
    map.may("talk", role.talk.as_ref().map(talk));
    if let Some(Reconnects { every, away }) = &role.reconnects {
        map.put("reconnects", Map::default().with("every", spread(every)).with("away", spread(away)).text());
    }
    map.text()
}

fn talk(talk: &Talk) -> String {
    let mut map = Map::default();
    map.may("share", (talk.share < 1.0).then(|| format!("{}%", hundredths(talk.share))));
    map.put("think", spread(&talk.think));
    map.put("burst", range(talk.burst, ""));
    map.put("pause", spread(&talk.pause));
    map.flag("types", talk.types, false);
    text(&talk.text, &mut map);
    map.text()
}

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

fn steps(steps: &[Step], indent: usize, out: &mut String) {
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

fn name_of(figure: Figure) -> &'static str {
    Figure::ALL.iter().find(|(other, ..)| *other == figure).map_or("lost", |(_, name, _)| *name)
}
