//! The reader: from a file's tree to a checked scenario. It goes on after a fault, so that a person sees all of them at once.
//!
//! What is faulty is said and stands as nothing; a scenario is handed out only when nothing was said.

mod cast;
mod expect;
mod field;
mod post;
mod quantity;
mod step;
mod who;

use std::collections::{BTreeMap, BTreeSet};

use hubbub_protocol::{NameKey, RoomName};

use self::{
    field::{Fields, value},
    step::Parallel,
    who::Capture,
};
use super::{
    RoomGroup, RoomSizes, Scenario, ServerSettings,
    cast::Role,
    fault::{Faults, FileError, Spot, nearest, suggest},
    grammar::{self, kind::Kind as Value},
    threshold::{Figure, Threshold},
    tree::{self, Kind, Node},
};

/// Reads a scenario.
///
/// # Errors
/// When the text is no scenario; the error's text is all that a person needs to see.
pub(crate) fn read(text: &str, file_name: &str) -> Result<Scenario, FileError> {
    let mut reader = Reader::default();
    let scenario = tree::parse(text, &mut reader.faults).and_then(|tree| reader.file(&tree));
    match scenario {
        Some(scenario) if reader.faults.is_empty() => Ok(scenario),
        _ => Err(reader.faults.into_error(text, file_name)),
    }
}

/// What is known while a file is read from its begin to its end.
#[derive(Debug, Default)]
struct Reader {
    faults: Faults,
    /// Who there is; of a population how many.
    cast: BTreeMap<String, Option<u32>>,
    /// Groups of rooms, and how many rooms.
    groups: BTreeMap<String, u32>,
    /// What earlier steps captured.
    captures: BTreeMap<String, Capture>,
    /// Rooms and groups that somebody joins, by key, and as they were written.
    joined: BTreeMap<NameKey, String>,
    /// Something that may join a room is faulty: that nobody joins a room cannot be told then.
    joins_unclear: bool,
    /// Rooms that are named otherwise, and where.
    used: Vec<(String, Spot)>,
    /// The `parallel`s around a step, innermost last.
    parallels: Vec<Parallel>,
}

impl Reader {
    fn file(&mut self, tree: &Node) -> Option<Scenario> {
        let top = Spot { line: 1, column: 1, width: 1 };
        if !matches!(tree.kind, Kind::Map(_)) {
            let help = "a scenario has a `name`, a `cast` and `steps`";
            self.faults.add(tree.spot, format!("a scenario is a map of `key: value`, this is {}", tree.noun()), help);
            return None;
        }
        let fields = Fields::open(tree, &grammar::FILE, top, &mut self.faults)?;
        let name = fields.need("name", &mut self.faults).and_then(|_| fields.line("name", &mut self.faults));
        let about = fields.line("about", &mut self.faults).unwrap_or_default();
        let seed = fields.whole("seed", &mut self.faults);
        let server = fields.get("server", &mut self.faults).map(|node| self.server(node)).unwrap_or_default();
        let rooms = fields.get("rooms", &mut self.faults).map(|node| self.rooms(node)).unwrap_or_default();
        let before = self.faults.count();
        let cast: Option<BTreeMap<String, Role>> =
            fields.need("cast", &mut self.faults).map(|node| self.read_cast(node, fields.key("cast")));
        self.joins_unclear = self.faults.count() > before;
        let steps = fields.need("steps", &mut self.faults).map(|node| self.steps(node));
        let thresholds = fields.get("thresholds", &mut self.faults).map(|node| self.thresholds(node));
        if !self.joins_unclear {
            self.rooms_exist();
            fields.get("rooms", &mut self.faults).into_iter().for_each(|rooms| self.groups_are_joined(rooms));
        }
        let (cast, steps) = (cast?, steps?);
        Some(Scenario {
            name: name?,
            about,
            seed,
            server,
            rooms,
            cast,
            steps,
            thresholds: thresholds.unwrap_or_default(),
        })
    }

    fn server(&mut self, node: &Node) -> ServerSettings {
        let faults = &mut self.faults;
        let mut settings = ServerSettings::default();
        let Some(fields) = Fields::open(node, &grammar::SERVER, node.spot, faults) else { return settings };
        settings.workers = fields.count("workers", faults);
        for (key, node) in entries(fields.get("limits", faults), Value::Limits, faults) {
            let is_word = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !name.is_empty();
            let Some(name) = key.text().filter(is_word) else {
                faults.add(
                    key.spot,
                    "a limit's name has only a to z and `_`",
                    "such as `posts_per_s`; see OPERATIONS.md",
                );
                continue;
            };
            let kind = Value::Whole { min: 0, max: u64::MAX };
            let limit = value(node, kind, faults, |text| quantity::whole(text, 0, u64::MAX));
            if settings.limits.insert(name.to_owned(), limit.unwrap_or_default()).is_some() {
                faults.add(key.spot, format!("`{name}` is here twice"), "");
            }
        }
        settings
    }

    fn rooms(&mut self, node: &Node) -> BTreeMap<String, RoomGroup> {
        let mut groups = BTreeMap::new();
        for (key, node) in entries(Some(node), Value::Named(&grammar::ROOMS), &mut self.faults) {
            let Some(name) = key.text() else {
                self.faults.add(key.spot, "a group of rooms needs a name", "");
                continue;
            };
            // Room for the number of any room of it.
            if let Err(error) = RoomName::parse(&format!("{name}-9999999")) {
                self.faults.add(
                    key.spot,
                    format!("`{name}` cannot be the name of a group of rooms"),
                    error.to_string(),
                );
            }
            let Some(fields) = Fields::open(node, &grammar::ROOMS, key.spot, &mut self.faults) else { continue };
            let count = fields.need("count", &mut self.faults).and_then(|_| fields.count("count", &mut self.faults));
            let sizes = fields.get("size", &mut self.faults).and_then(|node| self.sizes(node));
            let count = count.unwrap_or(u32::MAX);
            self.groups.insert(name.to_owned(), count);
            let group = RoomGroup { count, sizes: sizes.unwrap_or(RoomSizes::Even) };
            if groups.insert(name.to_owned(), group).is_some() {
                self.faults.add(key.spot, format!("`{name}` is here twice"), "");
            }
        }
        groups
    }

    fn sizes(&mut self, node: &Node) -> Option<RoomSizes> {
        let faults = &mut self.faults;
        let size = |text: &str| quantity::whole(text, 1, 1_000_000).map(|size| u32::try_from(size).unwrap_or(u32::MAX));
        match &node.kind {
            Kind::List(items) if !items.is_empty() => {
                let sizes = items.iter().map(|item| value(item, Value::Sizes, faults, size)).collect::<Vec<_>>();
                sizes.into_iter().collect::<Option<Vec<_>>>().map(RoomSizes::List)
            }
            Kind::Map(pairs) => match pairs.as_slice() {
                [(key, power)] if key.text() == Some("power_law") => value(power, Value::Sizes, faults, |text| {
                    let power = text.parse::<f64>().ok().filter(|power| *power > 0.0 && *power <= 10.0);
                    power.ok_or_else(|| {
                        field::Wrong::new(
                            format!("`{text}` is no power"),
                            "a number above 0, at most 10; 1 is Zipf's law",
                        )
                    })
                })
                .map(RoomSizes::PowerLaw),
                _ => {
                    faults.add(node.spot, "the only map here is `{power_law: 1}`", "");
                    None
                }
            },
            _ => value(node, Value::Sizes, faults, size).map(|size| RoomSizes::List(vec![size])),
        }
    }

    fn thresholds(&mut self, node: &Node) -> Vec<Threshold> {
        let items = if let Kind::List(items) = &node.kind { items.as_slice() } else { std::slice::from_ref(node) };
        let read = |item| value(item, Value::Comparisons, &mut self.faults, |text| threshold(text, item.spot));
        items.iter().filter_map(read).collect()
    }

    /// That every room that a step names is one that somebody joins: a room's name with a slip in it is a new room otherwise.
    fn rooms_exist(&mut self) {
        let names: BTreeSet<&str> = self.joined.values().map(String::as_str).collect();
        for (name, spot) in std::mem::take(&mut self.used) {
            if self.faults.is_full() {
                return;
            }
            if self.joined.contains_key(&NameKey::of(&name))
                || self.group_of(&name).is_some_and(|group| names.contains(group))
            {
                continue;
            }
            let group = name.rsplit_once('-').and_then(|(group, _)| Some((group, self.groups.get(group)?)));
            let help = match group {
                Some((group, count)) => format!("`{group}` has {count} rooms: `{group}-1` to `{group}-{count}`"),
                None => suggest(&name, names.iter().copied()),
            };
            self.faults.add(spot, format!("nobody ever joins `{name}`"), help);
        }
    }

    /// That every group of rooms is joined by somebody.
    fn groups_are_joined(&mut self, node: &Node) {
        let Kind::Map(pairs) = &node.kind else { return };
        let joined: BTreeSet<&str> =
            self.joined.values().flat_map(|joined| [Some(joined.as_str()), self.group_of(joined)]).flatten().collect();
        for (key, name) in pairs.iter().filter_map(|(key, _)| Some((key, key.text()?))) {
            if !joined.contains(name) && !self.faults.is_full() {
                let near = nearest(name, self.joined.values().map(String::as_str));
                let help = near.map(|near| format!("somebody joins `{near}`; is that the one?")).unwrap_or_default();
                self.faults.add(key.spot, format!("nobody ever joins a room of `{name}`"), help);
            }
        }
    }

    /// The group that a room belongs to by its name, as `team-7` to `team`.
    fn group_of<'a>(&self, room: &'a str) -> Option<&'a str> {
        let (group, number) = room.rsplit_once('-')?;
        let number: u32 = number.parse().ok()?;
        self.groups.get(group).filter(|count| (1..=**count).contains(&number)).map(|_| group)
    }

    /// A room's name, or that of a group where `may_be_group`.
    fn room(&mut self, node: &Node, may_be_group: bool) -> Option<String> {
        let name = value(node, Value::Room, &mut self.faults, |text| {
            RoomName::parse(text)
                .map(|_| text.to_owned())
                .map_err(|error| field::Wrong::new(format!("`{text}` cannot be a room"), error.to_string()))
        })?;
        if !may_be_group && self.groups.contains_key(&name) {
            let help = format!("name one of its rooms, such as `{name}-1`");
            self.faults.add(node.spot, format!("`{name}` is a group of rooms, one room is needed here"), help);
        }
        Some(name)
    }
}

/// The pairs of a map whose keys are names of one's own.
fn entries<'a>(node: Option<&'a Node>, kind: Value, faults: &mut Faults) -> &'a [(Node, Node)] {
    match node.map(|node| (node, &node.kind)) {
        Some((_, Kind::Map(pairs))) => pairs,
        Some((node, _)) => {
            faults.add(node.spot, format!("expected {}", kind.expected()), format!("this is {}", node.noun()));
            &[]
        }
        None => &[],
    }
}

/// `p99_ms <= 50`
fn threshold(text: &str, spot: Spot) -> Result<Threshold, field::Wrong> {
    let names = Figure::ALL.iter().map(|(_, name, _)| *name);
    let (left, relation, right) = expect::comparison(text)?;
    let Some((figure, ..)) = Figure::ALL.iter().find(|(_, name, _)| *name == left) else {
        return Err(field::Wrong::new(format!("`{left}` is no figure of a run"), suggest(left, names)));
    };
    let number = right.replace('_', "").parse::<f64>().ok().filter(|number| number.is_finite());
    let value = number.ok_or_else(|| {
        let help =
            format!("the figure's name has its unit: write a number alone, such as `{left} {} 50`", relation.sign());
        field::Wrong::new(format!("`{right}` is no number"), help)
    })?;
    Ok(Threshold { figure: *figure, relation, value, text: text.to_owned(), place: spot.into() })
}
