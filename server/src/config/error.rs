//! What can be wrong with a configuration, and where: one sentence that names the key and says what to write.

use std::{fmt, io, path::PathBuf};

use crate::limits::LimitError;

/// Everything that is wrong with a configuration; never empty.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError(pub Vec<Fault>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub struct Fault {
    /// Where it was written.
    pub place: Place,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)?;
        if let Place::Line { line, column, width, text, .. } = &self.place {
            let number = line.to_string();
            let margin = " ".repeat(number.len());
            // Tabs stay tabs below, or the mark would not stand under what it marks.
            let indent: String = text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            write!(f, "\n  {number} | {text}\n  {margin} | {indent}{}", "^".repeat(*width))?;
        }
        Ok(())
    }
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: the default.
    Default,
    /// A file as a whole.
    File(PathBuf),
    /// A line of a file.
    Line {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// How many characters are meant, at least 1.
        width: usize,
        /// The line itself.
        text: String,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("by default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Line { path, line, column, .. } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// The file is not TOML.
    #[error("this is not TOML: {0}")]
    Syntax(String),
    /// A section that does not exist.
    #[error("there is no section `[{section}]`; the nearest is `[{nearest}]`")]
    UnknownSection {
        /// What was written.
        section: String,
        /// The section most like it.
        nearest: &'static str,
    },
    /// A section's name with a value.
    #[error("`{section}` is a section: write `[{section}]` and its keys below it")]
    NotASection {
        /// Its name.
        section: &'static str,
    },
    /// A key that does not exist.
    #[error("there is no key `{key}`; the nearest is `{nearest}`")]
    UnknownKey {
        /// What was written, with its section.
        key: String,
        /// The key most like it.
        nearest: String,
    },
    /// A variable that does not exist.
    #[error("there is no such variable; the nearest is {nearest}")]
    UnknownVariable {
        /// The variable most like it.
        nearest: String,
    },
    /// A value of the wrong type, form or range.
    #[error("`{key}` must be {expected}, not {found}")]
    Value {
        /// The key with its section.
        key: String,
        /// What would be right.
        expected: String,
        /// What was there.
        found: String,
    },
    /// Two limits that contradict each other.
    #[error("{0}")]
    Limit(#[from] LimitError),
}
