//! The commented file that `hubbub-server config` prints: every key with its default and its meaning.

use super::{
    Config,
    key::{Key, SECTIONS},
};

const COLUMNS: usize = 100;

/// A file with every key at its default, commented out, under what it means.
///
/// A line `#key = value` sets the key once its `#` is taken away; a line `# …` is prose.
#[must_use]
pub fn commented_file() -> String {
    let defaults = Config::default();
    let mut file = String::new();
    prose(
        &mut file,
        "The configuration of a Hubbub server. Every key stands here with its default, commented out: \
         take the # away from those that you change. An environment variable, named at each key, wins \
         over this file, and a flag of the command line over both. `hubbub-server check-config FILE` \
         tells whether a file is right.",
    );
    for section in SECTIONS {
        file.push('\n');
        prose(&mut file, section.what);
        file.push_str(&format!("[{}]\n", section.name));
        for key in Key::of(section.name) {
            file.push('\n');
            prose(&mut file, &meaning(key));
            prose(&mut file, &sources(key));
            file.push_str(&format!("#{} = {}\n", key.name(), grouped(&key.get(&defaults))));
        }
    }
    file
}

fn meaning(key: Key) -> String {
    match key {
        Key::Plain(info) => info.what.to_owned(),
        Key::Limit(info) => format!("{} When met: {}", info.what, info.met),
    }
}

fn sources(key: Key) -> String {
    let expected = match key {
        Key::Plain(info) => info.expected.to_owned(),
        Key::Limit(info) => format!("{} to {}", grouped_number(info.min), grouped_number(info.max)),
    };
    match key {
        Key::Plain(info) if info.flag.is_some() => {
            format!("{}; {} or {}.", sentence(&expected), key.variable(), info.flag.unwrap_or_default())
        }
        _ => format!("{}; {}.", sentence(&expected), key.variable()),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A value as TOML, long integers with their digits in groups of three.
#[must_use]
pub fn grouped(value: &toml::Value) -> String {
    match value {
        toml::Value::Integer(number) => match u64::try_from(*number) {
            Ok(number) => grouped_number(number),
            Err(_) => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn grouped_number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

/// Adds comment lines that hold `text`, broken between words.
fn prose(file: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() > 1 && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            file.push_str(&line);
            file.push('\n');
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    file.push_str(&line);
    file.push('\n');
}
