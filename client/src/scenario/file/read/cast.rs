//! The cast: roles, their names and their habits.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hubbub_protocol::{NameKey, Nick};

use super::{
    Reader, entries,
    field::{Fields, value},
    quantity, who,
};
use crate::scenario::file::{
    cast::{Reconnects, Role, Talk, Via},
    fault::Spot,
    grammar::{self, kind::Kind as Value},
    step::Text,
    tree::{Kind, Node},
    unit::{Range, Spread},
};

impl Reader {
    pub(super) fn read_cast(&mut self, node: &Node, spot: Spot) -> BTreeMap<String, Role> {
        let mut cast = BTreeMap::new();
        let mut places: BTreeMap<NameKey, (String, Spot)> = BTreeMap::new();
        let entries = entries(Some(node), Value::Named(&grammar::ROLE), &mut self.faults);
        for (key, node) in entries {
            let Some(name) = key.text() else {
                self.faults.add(key.spot, "a role needs a name", "");
                continue;
            };
            if let Some((other, first)) = places.get(&NameKey::of(name)) {
                let help = format!("the first, `{other}`, is in line {}", first.line);
                self.faults.add(key.spot, format!("`{name}` is in the cast twice"), help);
                continue;
            }
            places.insert(NameKey::of(name), (name.to_owned(), key.spot));
            if let Some(role) = self.role(name, key, node) {
                self.cast.insert(name.to_owned(), role.count);
                cast.insert(name.to_owned(), role);
            } else {
                // What names it later is not wrong as well.
                self.cast.insert(name.to_owned(), Some(u32::MAX));
            }
        }
        if entries.is_empty() && matches!(node.kind, Kind::Map(_)) {
            self.faults.add(spot, "the cast is empty", "a scenario needs somebody: `ana: {join: lobby}`");
        }
        self.members_do_not_clash(&places);
        cast
    }

    /// That nobody is called like a member of a population, however many it has.
    fn members_do_not_clash(&mut self, places: &BTreeMap<NameKey, (String, Spot)>) {
        for (name, spot) in places.values() {
            let Some((population, number)) = name.rsplit_once('-') else { continue };
            let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
            let Some((other, _)) = places.get(&NameKey::of(population)).filter(|_| is_number) else { continue };
            if matches!(self.cast.get(other), Some(Some(_))) {
                let help = format!("the members of `{other}` are called `{other}-1`, `{other}-2` …");
                self.faults.add(*spot, format!("`{name}` could be a member of `{other}`"), help);
            }
        }
    }

    fn role(&mut self, name: &str, key: &Node, node: &Node) -> Option<Role> {
        let fields = Fields::open(node, &grammar::ROLE, key.spot, &mut self.faults)?;
        let is_population = fields.has("count");
        // Room for the number of any member.
        let nick = if is_population { format!("{name}-9999999") } else { name.to_owned() };
        if let Err(error) = Nick::parse(&nick) {
            self.faults.add(key.spot, format!("`{name}` cannot be the name of a role"), error.to_string());
        } else if who::RESERVED.contains(&name) {
            self.faults.add(key.spot, format!("`{name}` has a meaning of its own"), "take another name");
        }
        if !is_population {
            for only in ["arrive"].into_iter().filter(|only| fields.has(only)) {
                self.faults.add(fields.key(only), format!("`{only}` needs `count`"), format!("`{name}` is one person"));
            }
        }
        let join = fields.get("join", &mut self.faults).map(|node| self.joins(node)).unwrap_or_default();
        let faults = &mut self.faults;
        let count = fields.count("count", faults);
        let reads = fields.get("reads", faults);
        let reads_bytes_per_s = reads.and_then(|node| value(node, Value::ReadRate, faults, quantity::read_rate));
        fields.choice("via", faults);
        let connected = fields.flag("connected", true, faults);
        let arrive = fields.time("arrive", faults).unwrap_or_default();
        let returns = fields.flag("returns", true, faults);
        let talk = fields.get("talk", faults);
        let reconnects = fields.get("reconnects", faults);
        let talk = talk.and_then(|node| self.talk(node, fields.key("talk")));
        let reconnects = reconnects.and_then(|node| self.reconnects(node, fields.key("reconnects")));
        Some(Role {
            count: if is_population { Some(count.unwrap_or(u32::MAX)) } else { None },
            join,
            via: Via::Native,
            connected,
            arrive,
            reads_bytes_per_s,
            returns,
            talk,
            reconnects,
            place: key.spot.into(),
        })
    }

    /// `join: lobby` or `join: [lobby, team]`
    fn joins(&mut self, node: &Node) -> Vec<String> {
        let items = if let Kind::List(items) = &node.kind { items.as_slice() } else { std::slice::from_ref(node) };
        let (mut rooms, mut keys) = (Vec::new(), BTreeSet::new());
        for item in items {
            let Some(room) = self.room(item, true) else { continue };
            self.joined.entry(NameKey::of(&room)).or_insert_with(|| room.clone());
            if !keys.insert(NameKey::of(&room)) {
                self.faults.add(item.spot, format!("`{room}` is here twice"), "");
            } else {
                rooms.push(room);
            }
        }
        rooms
    }

    fn talk(&mut self, node: &Node, spot: Spot) -> Option<Talk> {
        let fields = Fields::open(node, &grammar::TALK, spot, &mut self.faults)?;
        let text = self.said(&fields, false);
        let faults = &mut self.faults;
        let share = fields.get("share", faults).and_then(|node| value(node, Value::Share, faults, quantity::share));
        let think = fields.get("think", faults).and_then(|node| self.spread(node));
        let burst = fields.get("burst", &mut self.faults).and_then(|node| {
            self.range(node, Value::Counts, |text| {
                quantity::whole(text, 1, 1_000_000).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
            })
        });
        let pause = fields.get("pause", &mut self.faults).and_then(|node| self.spread(node));
        Some(Talk {
            share: share.unwrap_or(1.0),
            think: think.unwrap_or(Spread::Exponential(Duration::from_secs(5))),
            burst: burst.unwrap_or(Range { from: 1, to: 1 }),
            pause: pause.unwrap_or(Spread::Fixed(Duration::from_millis(500))),
            types: fields.flag("types", false, &mut self.faults),
            text: text.unwrap_or(Text::Size(Range { from: 16, to: 200 })),
        })
    }

    fn reconnects(&mut self, node: &Node, spot: Spot) -> Option<Reconnects> {
        let fields = Fields::open(node, &grammar::RECONNECTS, spot, &mut self.faults)?;
        let every = fields.need("every", &mut self.faults).and_then(|node| self.spread(node));
        let away = fields.get("away", &mut self.faults).and_then(|node| self.spread(node));
        let away = away.unwrap_or(Spread::Uniform(Duration::from_millis(100), Duration::from_secs(2)));
        Some(Reconnects { every: every?, away })
    }

    /// `2 s`, or how it is drawn.
    fn spread(&mut self, node: &Node) -> Option<Spread> {
        let faults = &mut self.faults;
        let mut time =
            |node: &Node, min_zero| value(node, Value::Spread, faults, |text| quantity::time(text, min_zero));
        let Kind::Map(pairs) = &node.kind else { return time(node, true).map(Spread::Fixed) };
        match pairs.as_slice() {
            [(key, mean)] if key.text() == Some("exponential") => time(mean, false).map(Spread::Exponential),
            [(key, ends)] if key.text() == Some("uniform") => {
                if let Kind::List(items) = &ends.kind
                    && let [from, to] = items.as_slice()
                {
                    let (from, to) = (time(from, true)?, time(to, true)?);
                    if from > to {
                        self.faults.add(
                            ends.spot,
                            "the first of the two times is the longer one",
                            "write the shorter one first",
                        );
                    }
                    return Some(Spread::Uniform(from, to));
                }
                self.faults.add(ends.spot, "`uniform` has two times", "write `{uniform: [1 s, 3 s]}`");
                None
            }
            [(key, inner)] if key.text() == Some("lognormal") => {
                if let Kind::Map(pairs) = &inner.kind
                    && let [(first, one), (second, two)] = pairs.as_slice()
                    && let Some((median, p99)) = match (first.text(), second.text()) {
                        (Some("median"), Some("p99")) => Some((one, two)),
                        (Some("p99"), Some("median")) => Some((two, one)),
                        _ => None,
                    }
                {
                    let (median, p99) = (time(median, false)?, time(p99, false)?);
                    if median > p99 {
                        self.faults.add(
                            inner.spot,
                            "`median` is longer than `p99`",
                            "half of them are shorter than the median, 99 % shorter than p99",
                        );
                    }
                    return Some(Spread::LogNormal { median, p99 });
                }
                self.faults.add(
                    inner.spot,
                    "`lognormal` has a `median` and a `p99`",
                    "write `{lognormal: {median: 2 s, p99: 20 s}}`",
                );
                None
            }
            _ => {
                self.faults.add(node.spot, "this is no distribution", format!("expected {}", Value::Spread.expected()));
                None
            }
        }
    }

    /// `3`, or `[1, 5]`
    pub(super) fn range(
        &mut self,
        node: &Node,
        kind: Value,
        read: impl Fn(&str) -> Result<u32, super::field::Wrong>,
    ) -> Option<Range> {
        let Kind::List(items) = &node.kind else {
            return value(node, kind, &mut self.faults, read).map(|number| Range { from: number, to: number });
        };
        let [from, to] = items.as_slice() else {
            self.faults.add(node.spot, "a range has two numbers", format!("expected {}", kind.expected()));
            return None;
        };
        let from = value(from, kind, &mut self.faults, &read);
        let to = value(to, kind, &mut self.faults, &read);
        let (from, to) = (from?, to?);
        if from > to {
            self.faults.add(node.spot, "the first of the two numbers is the larger one", "write the smaller one first");
        }
        Some(Range { from, to })
    }
}
