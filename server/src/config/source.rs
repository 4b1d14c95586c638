//! Where values come from: the file, the environment, the command line; and how they are laid over each other.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use super::{
    Config, ConfigError, Fault, Place, Problem,
    key::{Key, SECTIONS, Value},
};
use crate::limits::LimitError;

/// What every environment variable of the server begins with; then `SECTION_KEY` follows.
pub const ENV_PREFIX: &str = "HUBBUB_";

/// The variable that names the file, as `--config` does.
pub(crate) const FILE_VARIABLE: &str = "HUBBUB_CONFIG";

/// The variable of the terminal client that names its server: not ours, but likely to be set in the same shell.
const CLIENT_VARIABLE: &str = "HUBBUB_SERVER";

/// A flag that was given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Its name with the dashes, as a [`super::key::KeyInfo`] has it.
    pub name: &'static str,
    /// What was written after it.
    pub value: String,
}

/// What a configuration is made from; later fields win.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// The environment; variables that do not begin with [`ENV_PREFIX`] are ignored.
    pub environment: Vec<(OsString, OsString)>,
    /// The flags.
    pub flags: Vec<Flag>,
}

pub(super) fn read(sources: &Sources) -> Result<Config, ConfigError> {
    let mut draft = Draft::default();
    if let Some(path) = &sources.file {
        draft.lay_file(path);
    }
    draft.lay_environment(&sources.environment);
    draft.lay_flags(&sources.flags);
    draft.finish()
}

/// A configuration on the way: what is known, from where, and what was wrong so far.
#[derive(Default)]
struct Draft {
    config: Config,
    places: HashMap<String, Place>,
    faults: Vec<Fault>,
}

impl Draft {
    fn fault(&mut self, place: Place, problem: Problem) {
        self.faults.push(Fault { place, problem });
    }

    fn set(&mut self, key: Key, value: &Value, place: Place) {
        if key.set(&mut self.config, value).is_some() {
            self.places.insert(key.path(), place);
        } else {
            let problem = Problem::Value { key: key.path(), expected: key.expected(), found: value.to_string() };
            self.fault(place, problem);
        }
    }

    fn lay_file(&mut self, path: &Path) {
        match fs::read_to_string(path) {
            Ok(text) => self.lay_text(path, &text),
            Err(error) => self.fault(Place::File(path.to_owned()), Problem::Unreadable(error)),
        }
    }

    fn lay_text(&mut self, path: &Path, text: &str) {
        let file = Source { path, text };
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let place = error.span().map_or(Place::File(path.to_owned()), |span| file.place(span));
                return self.fault(place, Problem::Syntax(error.message().trim().replace('\n', "; ")));
            }
        };
        let first = self.faults.len();
        for (name, value) in &table {
            let written = name.get_ref().as_ref();
            match (SECTIONS.iter().find(|section| section.name == written), value.get_ref()) {
                (Some(section), DeValue::Table(keys)) => self.lay_section(&file, section.name, keys),
                (Some(section), _) => {
                    self.fault(file.place(name.span()), Problem::NotASection { section: section.name });
                }
                (None, DeValue::Table(_)) => {
                    let nearest = nearest(written, SECTIONS.iter().map(|section| section.name)).unwrap_or_default();
                    let problem = Problem::UnknownSection { section: written.to_owned(), nearest };
                    self.fault(file.place(name.span()), problem);
                }
                // A key before the first section: by its name alone it may be found.
                (None, _) => self.unknown_key(file.place(name.span()), written.to_owned(), written, None),
            }
        }
        self.faults[first..].sort_by_key(|fault| match fault.place {
            Place::Line { line, column, .. } => (line, column),
            _ => (0, 0),
        });
    }

    fn lay_section(&mut self, file: &Source<'_>, section: &'static str, keys: &DeTable<'_>) {
        for (name, value) in keys {
            let written = name.get_ref().as_ref();
            match Key::of(section).find(|key| key.name() == written) {
                Some(key) => {
                    let span = value.span();
                    self.set(key, &file.value(value.get_ref(), &span), file.place(span));
                }
                None => {
                    let place = file.place(name.span());
                    self.unknown_key(place, format!("{section}.{written}"), written, Some(section));
                }
            }
        }
    }

    /// The nearest is sought in the key's own section first, unless another section has that very name.
    fn unknown_key(&mut self, place: Place, key: String, name: &str, section: Option<&str>) {
        let elsewhere = Key::all().find(|known| known.name() == name);
        let all: Vec<Key> =
            Key::all().filter(|known| section.is_none_or(|section| known.section() == section)).collect();
        let near = || nearest(name, all.iter().map(|known| known.name()));
        let nearest = elsewhere
            .or_else(|| near().and_then(|near| all.iter().find(|known| known.name() == near).copied()))
            .map(Key::path)
            .unwrap_or_default();
        self.fault(place, Problem::UnknownKey { key, nearest });
    }

    fn lay_environment(&mut self, environment: &[(OsString, OsString)]) {
        let mut variables: Vec<(String, &OsString)> = environment
            .iter()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
            .filter(|(name, _)| name.starts_with(ENV_PREFIX) && name != FILE_VARIABLE && name != CLIENT_VARIABLE)
            .collect();
        variables.sort();
        for (name, value) in variables {
            match Key::all().find(|key| key.variable() == name) {
                Some(key) => {
                    // What is no UTF-8 is shown with replacement characters, but never taken over.
                    let value = match value.to_str() {
                        Some(text) => Value::Untyped(text.to_owned()),
                        None => Value::Other(format!("{value:?}, which is not UTF-8")),
                    };
                    self.set(key, &value, Place::Variable(name));
                }
                None => {
                    let known: Vec<String> = Key::all().map(Key::variable).chain([FILE_VARIABLE.to_owned()]).collect();
                    let nearest = nearest(&name, known.iter().map(String::as_str)).unwrap_or_default().to_owned();
                    self.fault(Place::Variable(name), Problem::UnknownVariable { nearest });
                }
            }
        }
    }

    fn lay_flags(&mut self, flags: &[Flag]) {
        for flag in flags {
            let key = Key::all().find(|key| matches!(key, Key::Plain(info) if info.flag == Some(flag.name)));
            debug_assert!(key.is_some(), "no key has the flag {}", flag.name);
            if let Some(key) = key {
                self.set(key, &Value::Untyped(flag.value.clone()), Place::Flag(flag.name));
            }
        }
    }

    fn finish(mut self) -> Result<Config, ConfigError> {
        if let Err(error) = self.config.limits.check() {
            let place = |name: &str| self.places.get(&format!("limits.{name}")).cloned();
            let place = match &error {
                LimitError::Range { name, .. } => place(name),
                LimitError::Relation { small, large, .. } => place(small).or_else(|| place(large)),
            };
            self.fault(place.unwrap_or(Place::Default), error.into());
        }
        if self.faults.is_empty() { Ok(self.config) } else { Err(ConfigError(self.faults)) }
    }
}

/// A file's text, to tell where in it something stands.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn place(&self, span: Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let text = self.text[line_start..].lines().next().unwrap_or_default();
        let column = before[line_start..].chars().count() + 1;
        let meant = self.text.get(span).unwrap_or_default();
        let width = meant.lines().next().unwrap_or_default().chars().count().max(1);
        let line = before.matches('\n').count() + 1;
        Place::Line { path: self.path.to_owned(), line, column, width, text: text.to_owned() }
    }

    fn value(&self, value: &DeValue<'_>, span: &Range<usize>) -> Value {
        let other = || Value::Other(format!("{}{}", self.kind(value), self.text.get(span.clone()).unwrap_or_default()));
        match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or_else(|_| other(), Value::Integer)
            }
            DeValue::Array(items) => {
                let items: Option<Vec<String>> =
                    items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
                items.map_or_else(other, Value::List)
            }
            _ => other(),
        }
    }

    /// The word before a value that is shown as it was written.
    fn kind(&self, value: &DeValue<'_>) -> &'static str {
        match value {
            DeValue::Float(_) => "the fraction ",
            DeValue::Boolean(_) => "the truth value ",
            DeValue::Datetime(_) => "the date or time ",
            DeValue::Table(_) => "the table ",
            DeValue::String(_) | DeValue::Integer(_) | DeValue::Array(_) => "",
        }
    }
}

/// The one of `known` that takes the fewest changes to write.
fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let distance = |name: &str| {
        let like = strsim::normalized_damerau_levenshtein(&written, &name.to_lowercase());
        // `burst` is meant as a part of `post_burst`, though `posts` would take fewer changes.
        let part = !written.is_empty() && name.to_lowercase().contains(&written);
        1.0 - if part { like.max(0.9) } else { like }
    };
    known.min_by(|a, b| distance(a).total_cmp(&distance(b)))
}
