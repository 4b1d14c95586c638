//! What is wrong with a file: every fault that was found, each with its place in the text and a pointer to it.

use std::fmt;

use unicode_width::UnicodeWidthStr;

use super::Place;
use crate::safe::safe_line;

/// Faults that are shown; more of them only hide the first.
const SHOWN_MAX: usize = 20;

/// Faults after which nothing more is looked for.
const FAULTS_MAX: usize = 200;

/// Characters of a sentence that are shown; a file may hold very long words.
const SENTENCE_CHARS_MAX: usize = 300;

/// Known names that a wrong one is compared with.
const COMPARED_MAX: usize = 1000;

/// Columns of a line that are shown around a fault.
const COLUMNS_MAX: usize = 100;

/// A piece of a line: both from 1, and how many characters it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) width: usize,
}

impl From<Spot> for Place {
    fn from(spot: Spot) -> Self {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Self { line: number(spot.line), column: number(spot.column) }
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) spot: Spot,
    /// What is wrong.
    pub(crate) message: String,
    /// What was expected; may be empty.
    pub(crate) help: String,
}

/// The faults that were found so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, spot: Spot, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Fault { spot, message: shortened(message.into()), help: shortened(help.into()) });
    }

    /// Whether so much is wrong that looking further helps nobody.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= FAULTS_MAX
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them as one error, in the order of the text.
    pub(crate) fn into_error(self, text: &str, file_name: &str) -> FileError {
        let mut faults = self.0;
        faults.sort_by_key(|fault| fault.spot);
        let more = faults.len().saturating_sub(SHOWN_MAX);
        faults.truncate(SHOWN_MAX);
        let mut shown: Vec<String> = faults.iter().map(|fault| render(fault, text, file_name)).collect();
        if more > 0 {
            shown.push(format!("and {more} more\n"));
        }
        FileError { text: shown.join("\n").trim_end().to_owned() }
    }
}

fn shortened(sentence: String) -> String {
    match sentence.char_indices().nth(SENTENCE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &sentence[..end]),
        None => sentence,
    }
}

/// Why a file is no scenario. What it displays is all that a person needs to see: for each fault `FILE:LINE:COLUMN: what`,
/// the line with a pointer, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct FileError {
    text: String,
}

impl FileError {
    /// The file could not be read at all.
    pub(crate) fn unreadable(file_name: &str, why: impl fmt::Display) -> Self {
        Self { text: format!("{}: {why}", safe_line(file_name)) }
    }
}

fn render(fault: &Fault, text: &str, file_name: &str) -> String {
    let Spot { line, column, .. } = fault.spot;
    let mut out = format!("{}:{line}:{column}: {}\n", safe_line(file_name), safe_line(&fault.message));
    let margin = " ".repeat(line.to_string().len().max(3));
    if let Some(source) = text.lines().nth(line.saturating_sub(1)) {
        let (before, marked, after) = crop(source, fault.spot);
        let (before, marked, after) = (safe_line(&before), safe_line(&marked), safe_line(&after));
        out.push_str(&format!("{line:>3} | {}\n", format!("{before}{marked}{after}").trim_end()));
        let pointer = "^".repeat(marked.width().max(1));
        out.push_str(&format!("{margin} | {}{pointer}\n", " ".repeat(before.width())));
    }
    if !fault.help.is_empty() {
        out.push_str(&format!("{margin} = {}\n", safe_line(&fault.help)));
    }
    out
}

/// The line before the spot, in it, and behind it; what is far away is left out.
fn crop(source: &str, spot: Spot) -> (String, String, String) {
    let at = spot.column.saturating_sub(1);
    let chars: Vec<char> = source.chars().collect();
    let at = at.min(chars.len());
    let end = at.saturating_add(spot.width.max(1)).min(chars.len());
    let end = end.min(at + COLUMNS_MAX);
    let from = if end <= COLUMNS_MAX { 0 } else { at.saturating_sub(COLUMNS_MAX / 2) };
    let to = chars.len().min(end.max(from + COLUMNS_MAX));
    let piece = |from: usize, to: usize| chars[from..to].iter().collect::<String>();
    let before = if from > 0 { format!("…{}", piece(from, at)) } else { piece(0, at) };
    let after = if to < chars.len() { format!("{}…", piece(end, to)) } else { piece(end, to) };
    (before, piece(at, end), after)
}

/// The known name that is most like this one, if any is like it.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let allowed = (wanted.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .take(COMPARED_MAX)
        .map(|other| {
            let is_begin = wanted.len() >= 3 && (other.starts_with(&wanted) || wanted.starts_with(other));
            let far = strsim::damerau_levenshtein(&wanted, &other.to_lowercase());
            (if is_begin { far.min(1) } else { far }, other)
        })
        .filter(|(far, other)| *far <= allowed && *far < other.chars().count())
        .min_by_key(|(far, _)| *far)
        .map(|(_, other)| other)
}

/// `did you mean …?` where something is like it, and what there is (not too much of it).
pub(crate) fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    const LISTED_MAX: usize = 12;
    if let Some(near) = nearest(name, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let all: Vec<&str> = known.into_iter().collect();
    match all.len() {
        0 => String::new(),
        count if count > LISTED_MAX => {
            format!("there are: {} and {} more", all[..LISTED_MAX].join(", "), count - LISTED_MAX)
        }
        _ => format!("there are: {}", all.join(", ")),
    }
}
