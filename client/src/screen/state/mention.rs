//! Where a text names somebody: the one rule for counting, calling and marking.

use std::ops::Range;

use hubbub_protocol::NameKey;
use unicode_width::UnicodeWidthChar;

/// Where a text holds the nick as a word of its own, in any spelling that is the same name.
pub(crate) fn named(text: &str, nick: &str) -> Vec<Range<usize>> {
    if nick.is_empty() {
        return Vec::new();
    }
    let key = NameKey::of(nick);
    let mut found = Vec::new();
    for (at, word) in words(text) {
        // a sentence, and what stands in dashes, may end right behind a name
        let bare = word.trim_matches(['.', '-', '_']);
        let same = [word, word.trim_end_matches(['.', '-']), bare].into_iter().find(|word| NameKey::of(word) == key);
        if let Some(same) = same {
            let start = at + if same.len() == word.len() { 0 } else { word.find(same).unwrap_or_default() };
            found.push(start..start + same.len());
        }
    }
    found
}

/// The longest runs of characters that a name can hold, and where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let in_name =
        |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.') || (!c.is_ascii() && c.width() == Some(0));
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + text[rest..].find(in_name)?;
        let end = text[start..].find(|c| !in_name(c)).map_or(text.len(), |length| start + length);
        rest = end;
        Some((start, &text[start..end]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nick_is_named_only_as_a_word() {
        for text in ["ana: hi", "hi Ana", "(ana)", "ana", "ANA!", "thanks, ana.", "@ana's", "_ana_"] {
            assert_eq!(named(text, "ana").len(), 1, "{text}");
        }
        for text in ["banana", "anabel", "ana-maria", "an a", "ana.example", ""] {
            assert!(named(text, "ana").is_empty(), "{text}");
        }
        assert_eq!(named("ana and ana", "ana"), [0..3, 8..11]);
        assert_eq!(named("hi _ana_", "ana").first(), Some(&(4..7)));
    }

    #[test]
    fn every_spelling_of_the_same_name_is_that_name() {
        for (text, nick) in [("STRASSE!", "straße"), ("ａｎａ?", "ana"), ("e\u{301}te", "été"), ("(नमस्ते)", "नमस्ते")]
        {
            let expected = usize::from(nick != "été");
            assert_eq!(named(text, nick).len(), expected, "{text}");
        }
        assert_eq!(named("hi e\u{301}te", "éte").len(), 1);
    }
}
