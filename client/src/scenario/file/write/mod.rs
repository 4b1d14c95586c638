//! A scenario as a file would say it: what is written here is read back as the same.

mod step;

use std::{fmt::Display, time::Duration};

use super::{
    RoomSizes, Scenario,
    cast::{Reconnects, Role, Talk, Via},
    step::Text,
    threshold::{Figure, Threshold},
    unit::{Range, Rate, Spread},
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
    step::steps(&scenario.steps, 2, &mut out);
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

fn name_of(figure: Figure) -> &'static str {
    Figure::ALL.iter().find(|(other, ..)| *other == figure).map_or("lost", |(_, name, _)| *name)
}
