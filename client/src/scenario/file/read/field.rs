//! The keys of a map: which are there, which are not known, which are there twice; and single values read as what they should be.

use std::time::Duration;

use super::quantity;
use crate::scenario::file::{
    fault::{Faults, Spot, suggest},
    grammar::{Shape, kind::Kind as Value},
    tree::{Kind, Node},
};

/// Why a value is not what it should be: what is wrong, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) help: String,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// The keys that a map has, all of them known.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    /// Where the map is introduced: what is missing is said there.
    pub(super) spot: Spot,
    shape: &'static Shape,
    found: Vec<(&'static str, Spot, &'a Node)>,
}

impl<'a> Fields<'a> {
    /// The fields of a map of this shape; unknown and doubled keys are said. `spot` is that of the word before it.
    pub(super) fn open(node: &'a Node, shape: &'static Shape, spot: Spot, faults: &mut Faults) -> Option<Self> {
        let mut fields = Self { spot, shape, found: Vec::new() };
        match &node.kind {
            Kind::Map(pairs) => {
                for (key, value) in pairs {
                    fields.add(key, value, faults);
                }
            }
            _ if node.is_null() && shape.may_be_empty() => {}
            _ if node.is_null() => {
                faults.add(spot, format!("{} needs {}", shape.title, expected(shape)), "");
                return None;
            }
            _ => match shape.short {
                Some(short) => fields.found.push((short, node.spot, node)),
                None => {
                    let message = format!("{} is a map, this is {}", shape.title, node.noun());
                    faults.add(node.spot, message, format!("expected {}", expected(shape)));
                    return None;
                }
            },
        }
        Some(fields)
    }

    fn add(&mut self, key: &'a Node, value: &'a Node, faults: &mut Faults) {
        let Some(name) = key.text() else {
            faults.add(key.spot, format!("a key is a word, this is {}", key.noun()), "");
            return;
        };
        let Some(field) = self.shape.field(name) else {
            let names = self.shape.fields.iter().map(|field| field.name);
            let help = if value.is_null() && key.spot.line == value.spot.line {
                "inside of braces a comma ends a value: put a list in brackets `[a, b]` and a text in quotes".to_owned()
            } else {
                suggest(name, names)
            };
            faults.add(key.spot, format!("{} has no key `{name}`", self.shape.title), help);
            return;
        };
        if let Some((_, first, _)) = self.found.iter().find(|(found, ..)| *found == field.name) {
            faults.add(key.spot, format!("`{name}` is here twice"), format!("the first is in line {}", first.line));
            return;
        }
        self.found.push((field.name, key.spot, value));
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.found.iter().any(|(found, ..)| *found == name)
    }

    /// Where the key stands; the map's own place when there is none.
    pub(super) fn key(&self, name: &str) -> Spot {
        self.found.iter().find(|(found, ..)| *found == name).map_or(self.spot, |(_, spot, _)| *spot)
    }

    /// The value of a key. A key without a value is said.
    pub(super) fn get(&self, name: &str, faults: &mut Faults) -> Option<&'a Node> {
        debug_assert!(self.shape.field(name).is_some(), "{name} is in the grammar of {}", self.shape.title);
        let (_, key, node) = self.found.iter().find(|(found, ..)| *found == name)?;
        if node.is_null() && !self.may_be_null(name) {
            faults.add(*key, format!("`{name}` has no value"), format!("expected {}", self.kind(name).expected()));
            return None;
        }
        Some(node)
    }

    /// The same; that it is missing is said.
    pub(super) fn need(&self, name: &str, faults: &mut Faults) -> Option<&'a Node> {
        if !self.has(name) {
            let help = format!("expected {}", self.kind(name).expected());
            faults.add(self.spot, format!("{} needs `{name}`", self.shape.title), help);
            return None;
        }
        self.get(name, faults)
    }

    /// That two keys exclude each other.
    pub(super) fn exclude(&self, name: &str, others: &[&str], why: &str, faults: &mut Faults) {
        for other in others.iter().filter(|other| self.has(name) && self.has(other)) {
            faults.add(self.key(other), format!("`{other}` does not go with `{name}`"), why);
        }
    }

    /// That one key needs another.
    pub(super) fn require(&self, name: &str, needed: &str, faults: &mut Faults) {
        if self.has(name) && !self.has(needed) {
            let help = format!("add `{needed}`: {}", self.kind(needed).expected());
            faults.add(self.key(name), format!("`{name}` needs `{needed}`"), help);
        }
    }

    fn kind(&self, name: &str) -> Value {
        self.shape.field(name).map_or(Value::Line, |field| field.kind)
    }

    /// Whether what stands behind the key may itself be nothing: a map whose keys may all be left out.
    fn may_be_null(&self, name: &str) -> bool {
        matches!(self.kind(name), Value::Shape(shape) if shape.may_be_empty())
    }

    pub(super) fn time(&self, name: &str, faults: &mut Faults) -> Option<Duration> {
        let min_zero = matches!(self.kind(name), Value::Time { min_zero: true });
        let node = self.get(name, faults)?;
        value(node, self.kind(name), faults, |text| quantity::time(text, min_zero))
    }

    pub(super) fn whole(&self, name: &str, faults: &mut Faults) -> Option<u64> {
        let kind = self.kind(name);
        let (min, max) = if let Value::Whole { min, max } = kind { (min, max) } else { (0, u64::MAX) };
        value(self.get(name, faults)?, kind, faults, |text| quantity::whole(text, min, max))
    }

    /// A whole number whose range in the grammar fits.
    pub(super) fn count(&self, name: &str, faults: &mut Faults) -> Option<u32> {
        self.whole(name, faults).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    pub(super) fn flag(&self, name: &str, default: bool, faults: &mut Faults) -> bool {
        let Some(node) = self.get(name, faults) else { return default };
        let read = |text: &str| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Wrong::new(format!("`{text}` is neither `true` nor `false`"), "")),
        };
        value(node, Value::Flag, faults, read).unwrap_or(default)
    }

    /// Words as they are; nothing is an empty text.
    pub(super) fn line(&self, name: &str, faults: &mut Faults) -> Option<String> {
        let (_, _, node) = self.found.iter().find(|(found, ..)| *found == name)?;
        match &node.kind {
            Kind::Scalar { text, .. } if !node.is_null() => Some(text.clone()),
            Kind::Scalar { .. } => Some(String::new()),
            _ => value(node, Value::Line, faults, |text| Ok(text.to_owned())),
        }
    }

    /// One of the words that the grammar has.
    pub(super) fn choice(&self, name: &str, faults: &mut Faults) -> Option<&'static str> {
        let kind = self.kind(name);
        let Value::Choice(words) = kind else { return None };
        value(self.get(name, faults)?, kind, faults, |text| {
            let found = words.iter().copied().find(|word| *word == text);
            found.ok_or_else(|| {
                Wrong::new(format!("`{text}` is no value of `{name}`"), suggest(text, words.iter().copied()))
            })
        })
    }
}

/// A single value, read as something; what is wrong is said at its place.
pub(super) fn value<T>(
    node: &Node,
    kind: Value,
    faults: &mut Faults,
    read: impl FnOnce(&str) -> Result<T, Wrong>,
) -> Option<T> {
    let Some(text) = node.text() else {
        faults.add(node.spot, format!("expected {}", kind.expected()), format!("this is {}", node.noun()));
        return None;
    };
    match read(text) {
        Ok(value) => Some(value),
        Err(Wrong { message, help }) => {
            let help = if help.is_empty() { format!("expected {}", kind.expected()) } else { help };
            faults.add(node.spot, message, help);
            None
        }
    }
}

/// The keys of a shape, those that are needed first.
fn expected(shape: &Shape) -> String {
    let list = |is_required: bool| {
        let fields = shape.fields.iter().filter(move |field| field.is_required == is_required);
        fields.map(|field| format!("`{}`", field.name)).collect::<Vec<_>>().join(", ")
    };
    match (list(true), list(false)) {
        (needed, other) if needed.is_empty() => format!("the keys {other}"),
        (needed, other) if other.is_empty() => needed,
        (needed, other) => format!("{needed} and perhaps {other}"),
    }
}
