//! Names of rooms and people: what they may hold and when two are the same.
//!
//! Letters of any script, their combining marks (invisible ones excepted), decimal digits, and `-`, `_`, `.`; the first character
//! is a letter or digit. Two names are the same when their [`NameKey`]s are: NFKC and case folding
//! (Unicode UAX #15, UTS #44) make `Straße`, `STRASSE` and `ｓtraße` one room.

use std::{borrow::Cow, cmp::Ordering, fmt, sync::Arc};

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::{NICK_BYTES_MAX, ROOM_NAME_BYTES_MAX};

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("a name needs at least one character")]
    Empty,
    /// Longer than allowed.
    #[error("a name has at most {max} bytes, this one has {len}")]
    TooLong {
        /// Its length in bytes of UTF-8.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// The first character is neither letter nor digit.
    #[error("a name starts with a letter or a digit, not with {0:?}")]
    Start(char),
    /// A character that no name may hold.
    #[error("a name holds letters, digits, '-', '_' and '.', not {0:?}")]
    Character(char),
}

/// What two names are compared by: NFKC, case-folded. Never shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameKey(Box<str>);

impl NameKey {
    /// The key of any text; for names that were checked use their `key()`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self(text.to_ascii_lowercase().into());
        }
        let nfkc = ComposingNormalizerBorrowed::new_nfkc();
        let composed = nfkc.normalize(text);
        let folded = CaseMapper::new().fold_string(&composed).into_owned();
        Self(nfkc.normalize(&folded).into())
    }

    /// How this key compares with that of an ASCII text, which need not be made for that.
    #[must_use]
    pub fn cmp_ascii(&self, text: &str) -> Ordering {
        debug_assert!(text.is_ascii(), "the key of other texts is not their lower case");
        self.0.bytes().cmp(text.bytes().map(|byte| byte.to_ascii_lowercase()))
    }

    /// The key as text, for a database or a map.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_mark(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    GeneralCategoryGroup::Mark.contains(category)
}

/// Letters and marks that show nothing: with them, different names would look the same.
fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

fn is_digit(c: char) -> bool {
    CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::DecimalNumber
}

fn check(text: &str, max: usize) -> Result<(), NameError> {
    let first = text.chars().next().ok_or(NameError::Empty)?;
    if text.len() > max {
        return Err(NameError::TooLong { len: text.len(), max });
    }
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    if !(first.is_alphabetic() || is_digit(first)) || is_invisible(first) {
        return Err(NameError::Start(first));
    }
    let is_word = |c: char| c.is_alphabetic() || is_digit(c) || is_mark(c);
    let allowed = |c: char| matches!(c, '-' | '_' | '.') || is_word(c) && !is_invisible(c);
    match text.chars().find(|&c| !allowed(c)) {
        None => Ok(()),
        Some(c) => Err(NameError::Character(c)),
    }
}

/// A checked name: one type for each kind, so that a nick is never taken for a room.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:ident) => {
        $(#[$doc])*
        ///
        /// A clone costs a count: it goes along with every event.
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text against the rules of this module.
            ///
            /// # Errors
            /// When it breaks one; the error says which.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check(text, $max).map(|()| Self(text.into()))
            }

            /// The name as its owner wrote it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// What it is compared by.
            #[must_use]
            pub fn key(&self) -> NameKey {
                NameKey::of(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    };
}

name! {
    /// A room's name, at most [`ROOM_NAME_BYTES_MAX`] bytes. Written without the `#` that people put before it.
    RoomName, ROOM_NAME_BYTES_MAX
}

name! {
    /// A person's name in rooms, at most [`NICK_BYTES_MAX`] bytes.
    Nick, NICK_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_names() {
        for name in ["lobby", "Straße", "नमस्ते", "日本語", "عربى", "a-b_c.d", "٣٤", "7th", "Ελλάδα"]
        {
            assert_eq!(RoomName::parse(name).map(|n| n.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_reason() {
        assert_eq!(RoomName::parse(""), Err(NameError::Empty));
        assert_eq!(RoomName::parse("-x"), Err(NameError::Start('-')));
        assert_eq!(RoomName::parse("a b"), Err(NameError::Character(' ')));
        assert_eq!(RoomName::parse("a\u{202e}b"), Err(NameError::Character('\u{202e}')));
        assert_eq!(RoomName::parse("a\u{7}b"), Err(NameError::Character('\u{7}')));
        assert_eq!(RoomName::parse("a/b"), Err(NameError::Character('/')));
        assert_eq!(RoomName::parse("\u{3164}"), Err(NameError::Start('\u{3164}')));
        assert_eq!(RoomName::parse("ana\u{34f}"), Err(NameError::Character('\u{34f}')));
        assert_eq!(RoomName::parse(&"ä".repeat(33)), Err(NameError::TooLong { len: 66, max: 64 }));
        assert!(RoomName::parse(&"ä".repeat(32)).is_ok());
        assert_eq!(Nick::parse(&"a".repeat(33)), Err(NameError::TooLong { len: 33, max: 32 }));
    }

    #[test]
    fn names_that_read_the_same_are_the_same() {
        let same = |a: &str, b: &str| assert_eq!(NameKey::of(a), NameKey::of(b), "{a} {b}");
        same("Lobby", "lOBBY");
        same("Straße", "STRASSE");
        same("ｌｏｂｂｙ", "lobby");
        same("E\u{301}te", "éte");
        same("ΣΊΣΥΦΟΣ", "σίσυφος");
        assert_ne!(NameKey::of("lobby"), NameKey::of("lobbies"));
    }

    #[test]
    fn an_ascii_text_compares_as_its_key_does() {
        for (key, text) in
            [("lobby", "lObby"), ("lobby", "LOBBZ"), ("Lobby", "lobb"), ("straße", "strasse"), ("é", "z")]
        {
            assert_eq!(NameKey::of(key).cmp_ascii(text), NameKey::of(key).cmp(&NameKey::of(text)), "{key} {text}");
        }
    }

    #[test]
    fn a_key_is_its_own_key() {
        for name in ["Straße", "ﬁ", "ΰ", "İstanbul", "Ǆ", "日本"] {
            let key = NameKey::of(name);
            assert_eq!(NameKey::of(key.as_str()), key, "{name}");
        }
    }
}
