//! Every key that can be configured: its name, what it means, what may be written, and how it is read.

use std::{fmt, num::NonZeroUsize, path::PathBuf};

use tracing_subscriber::EnvFilter;

use super::{Config, LogFormat, Shards, source::ENV_PREFIX};
use crate::limits::{self, LimitInfo};

/// A section of the file.
#[derive(Debug, Clone, Copy)]
pub struct SectionInfo {
    /// As it stands between the brackets.
    pub name: &'static str,
    /// What its keys are about.
    pub what: &'static str,
}

/// Every section, in the order of the file.
pub const SECTIONS: &[SectionInfo] = &[
    SectionInfo { name: "server", what: "What the server is called, where it listens and where its data is." },
    SectionInfo { name: "fanout", what: "How broadcasts are spread over the cores." },
    SectionInfo { name: "log", what: "What is written to the log, on stderr." },
    SectionInfo { name: LIMITS, what: "Every limit, and what the one who meets it sees." },
];

const LIMITS: &str = "limits";

/// A key outside `[limits]`.
pub struct KeyInfo {
    /// Its section.
    pub section: &'static str,
    /// Its name in the section.
    pub name: &'static str,
    /// The flag that sets it, if there is one.
    pub flag: Option<&'static str>,
    /// What it means.
    pub what: &'static str,
    /// What may be written, after "must be".
    pub expected: &'static str,
    get: fn(&Config) -> toml::Value,
    set: fn(&mut Config, &Value) -> Option<()>,
}

/// The keys outside `[limits]`, in the order of the file.
pub const KEYS: &[KeyInfo] = &[
    KeyInfo {
        section: "server",
        name: "name",
        flag: None,
        what: "The server's name, as people see it in their clients and on its page.",
        expected: "a text of 1 to 64 characters, none of them a control character",
        get: |config| config.server.name.clone().into(),
        set: |config, value| {
            config.server.name = value.text().filter(|name| is_name(name))?.to_owned();
            Some(())
        },
    },
    KeyInfo {
        section: "server",
        name: "http",
        flag: Some("--http"),
        what: "Where to listen for HTTP and WebSocket. Port 0 takes any free one; `0.0.0.0` or `[::]` as the host listens to the whole network, best behind a proxy that speaks TLS.",
        expected: "an address as HOST:PORT, such as \"127.0.0.1:8080\"",
        get: |config| config.server.http.clone().into(),
        set: |config, value| {
            config.server.http = value.text().filter(|address| is_address(address))?.to_owned();
            Some(())
        },
    },
    KeyInfo {
        section: "server",
        name: "data",
        flag: Some("--data"),
        what: "The folder of the database; created when absent, readable by its owner alone. A relative path starts at the working directory.",
        expected: "the path of a folder",
        get: |config| config.server.data.to_string_lossy().into_owned().into(),
        set: |config, value| {
            config.server.data = PathBuf::from(value.text().filter(|path| !path.is_empty() && !path.contains('\0'))?);
            Some(())
        },
    },
    KeyInfo {
        section: "server",
        name: "allowed_origins",
        flag: None,
        what: "Which web pages may connect from a browser, besides those of this server itself: their origins, or \"*\" for all. Programs that are no browser send no origin and always may.",
        expected: "a list of origins such as [\"https://chat.example.org\"] (in a variable: with commas between them), or [\"*\"]",
        get: |config| config.server.allowed_origins.clone().into(),
        set: |config, value| {
            let origins = value.list()?;
            if !origins.iter().all(|origin| is_origin(origin)) {
                return None;
            }
            config.server.allowed_origins = origins;
            Some(())
        },
    },
    KeyInfo {
        section: "fanout",
        name: "shards",
        flag: Some("--workers"),
        what: "How many worker threads share the connections and the broadcasts, one shard each: \"cores\" for one a core, or a number.",
        expected: "\"cores\" or a whole number from 1 to 1024",
        get: |config| match config.fanout.shards {
            Shards::Cores => "cores".into(),
            Shards::Number(number) => i64::try_from(number.get()).unwrap_or(i64::MAX).into(),
        },
        set: |config, value| {
            config.fanout.shards = if value.text() == Some("cores") {
                Shards::Cores
            } else {
                let number = usize::try_from(value.integer()?).ok().filter(|number| *number <= Shards::MAX)?;
                Shards::Number(NonZeroUsize::new(number)?)
            };
            Some(())
        },
    },
    KeyInfo {
        section: "log",
        name: "format",
        flag: Some("--log-format"),
        what: "The form of a line: \"text\" for people, \"json\" for programs.",
        expected: "\"text\" or \"json\"",
        get: |config| config.log.format.as_str().into(),
        set: |config, value| {
            config.log.format = match value.text()? {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return None,
            };
            Some(())
        },
    },
    KeyInfo {
        section: "log",
        name: "filter",
        flag: None,
        what: "Which lines: error, warn, info, debug, trace or off, or levels by module, as in \"info,hubbub_server::room=debug\".",
        expected: "a filter such as \"info\" or \"warn,hubbub_server=debug\"",
        get: |config| config.log.filter.clone().into(),
        set: |config, value| {
            config.log.filter = value.text().filter(|filter| is_filter(filter))?.to_owned();
            Some(())
        },
    },
];

/// A key of the file, whichever table it is from.
#[derive(Clone, Copy)]
pub enum Key {
    /// One of [`KEYS`].
    Plain(&'static KeyInfo),
    /// One of [`limits::TABLE`].
    Limit(&'static LimitInfo),
}

impl Key {
    /// Every key, in the order of the file.
    pub fn all() -> impl Iterator<Item = Key> {
        KEYS.iter().map(Key::Plain).chain(limits::TABLE.iter().map(Key::Limit))
    }

    /// The keys of a section, in the order of the file.
    pub fn of(section: &str) -> impl Iterator<Item = Key> {
        Self::all().filter(move |key| key.section() == section)
    }

    /// Its section.
    #[must_use]
    pub fn section(self) -> &'static str {
        match self {
            Self::Plain(info) => info.section,
            Self::Limit(_) => LIMITS,
        }
    }

    /// Its name in the section.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain(info) => info.name,
            Self::Limit(info) => info.name,
        }
    }

    /// Its full name, `section.name`.
    #[must_use]
    pub fn path(self) -> String {
        format!("{}.{}", self.section(), self.name())
    }

    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(self) -> String {
        format!("{ENV_PREFIX}{}_{}", self.section(), self.name()).to_uppercase()
    }

    /// What may be written, after "must be".
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Plain(info) => info.expected.to_owned(),
            Self::Limit(info) => format!("a whole number from {} to {}", info.min, info.max),
        }
    }

    /// Its value in `config`, as the file would have it.
    #[must_use]
    pub fn get(self, config: &Config) -> toml::Value {
        match self {
            Self::Plain(info) => (info.get)(config),
            Self::Limit(info) => i64::try_from((info.get)(&config.limits)).unwrap_or(i64::MAX).into(),
        }
    }

    /// Takes a value over into `config`. `None`: it is not what [`Key::expected`] says, and `config` is as it was.
    pub fn set(self, config: &mut Config, value: &Value) -> Option<()> {
        match self {
            Self::Plain(info) => (info.set)(config, value),
            Self::Limit(info) => {
                let number = u64::try_from(value.integer()?).ok()?;
                if !(info.min..=info.max).contains(&number) {
                    return None;
                }
                (info.set)(&mut config.limits, number);
                Some(())
            }
        }
    }
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string of the file.
    Text(String),
    /// An integer of the file.
    Integer(i64),
    /// A list of strings of the file.
    List(Vec<String>),
    /// Something of the file that no key takes, shown as it was written.
    Other(String),
    /// What a variable or flag holds: text, number or list, whatever the key wants.
    Untyped(String),
}

impl Value {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Untyped(text) => Some(text),
            Self::Integer(_) | Self::List(_) | Self::Other(_) => None,
        }
    }

    fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            // As in TOML, underscores may stand between digits.
            Self::Untyped(text) => text.trim().replace('_', "").parse().ok(),
            Self::Text(_) | Self::List(_) | Self::Other(_) => None,
        }
    }

    fn list(&self) -> Option<Vec<String>> {
        match self {
            Self::List(items) => Some(items.clone()),
            Self::Untyped(text) => {
                Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
            Self::Text(_) | Self::Integer(_) | Self::Other(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Untyped(text) => write!(f, "{text:?}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::List(items) => write!(f, "{items:?}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control) && name.trim() == name
}

/// Whether it has a host and a port; whether the host exists is seen when it is bound.
fn is_address(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_is_plausible = match in_brackets {
        Some(host) => host.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')),
    };
    host_is_plausible && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// RFC 6454 §6.2: a scheme and a host, perhaps a port, and nothing after them.
fn is_origin(origin: &str) -> bool {
    if origin == "*" {
        return true;
    }
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    !scheme.is_empty()
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && !host.is_empty()
        && !host.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '/' | '?' | '#' | '@' | '*'))
}

/// A word alone must be a level: `tracing` would take a mistyped one for the name of a module and fall silent.
fn is_filter(filter: &str) -> bool {
    let is_level = |word: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&word);
    let parts_are = filter.split(',').map(str::trim).all(|part| part.contains('=') || is_level(part));
    parts_are && EnvFilter::builder().parse(filter).is_ok()
}
