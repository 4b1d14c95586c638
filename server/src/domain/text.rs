//! What people write: how long it may be and which characters it may hold.

use hubbub_protocol::{ErrorBody, ErrorCode};

/// Characters that are neither text nor line feed nor tab: they would move a terminal's cursor or worse.
fn is_forbidden(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}

fn check_length(what: &str, text: &str, chars_max: u64) -> Result<(), ErrorBody> {
    // A character has at most four bytes: most texts need no counting.
    let certainly_short = text.len() as u64 <= chars_max;
    let chars = if certainly_short { 0 } else { text.chars().count() as u64 };
    if chars <= chars_max {
        return Ok(());
    }
    let message = format!("{what} has at most {chars_max} characters, this one has {chars}");
    Err(ErrorBody::new(ErrorCode::TextTooLong, message))
}

/// Whether a text is so plain that one look says it may be said: it begins with something to be seen and is ASCII that
/// prints, as most is.
fn is_plain(text: &str, chars_max: u64) -> bool {
    // No end before the last byte: so that it is looked at many bytes at once.
    let prints = || text.bytes().fold(true, |prints, byte| prints & matches!(byte, b' '..=b'~'));
    text.len() as u64 <= chars_max && text.starts_with(|first: char| first.is_ascii_graphic()) && prints()
}

/// Checks the text of a post.
///
/// # Errors
/// `text_empty`, `text_too_long`, or `invalid_argument` for control characters.
pub fn check_post(text: &str, chars_max: u64) -> Result<(), ErrorBody> {
    if is_plain(text, chars_max) { Ok(()) } else { check_any_post(text, chars_max) }
}

fn check_any_post(text: &str, chars_max: u64) -> Result<(), ErrorBody> {
    if text.trim().is_empty() {
        return Err(ErrorBody::new(ErrorCode::TextEmpty, "a post needs text, not only white space"));
    }
    check_length("a post", text, chars_max)?;
    match text.chars().find(|&c| is_forbidden(c)) {
        None => Ok(()),
        Some(c) => Err(forbidden("a post", c)),
    }
}

/// Checks a topic, which is one line and may be empty.
///
/// # Errors
/// `text_too_long`, or `invalid_argument` for control characters.
pub fn check_topic(text: &str, chars_max: u64) -> Result<(), ErrorBody> {
    check_length("a topic", text, chars_max)?;
    match text.chars().find(|c| c.is_control()) {
        None => Ok(()),
        Some(c) => Err(forbidden("a topic", c)),
    }
}

fn forbidden(what: &str, c: char) -> ErrorBody {
    let message = format!("{what} may not hold the control character U+{:04X}", u32::from(c));
    ErrorBody::new(ErrorCode::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_that_passes_at_once_passes_otherwise(
            text in prop_oneof!["[ -~]{0,40}", "[\\x00-\\x7f]{0,40}", "[ a\n\u{7f}\u{80}\u{a0}ä]{0,20}"],
            chars_max in prop_oneof![0_u64..50, Just(4_000)],
        ) {
            prop_assert_eq!(check_post(&text, chars_max), check_any_post(&text, chars_max));
        }
    }

    #[test]
    fn most_texts_pass_at_once() {
        assert!(is_plain("Hello, world! ~", 100));
        assert!(!is_plain("Hello, world!", 10));
    }

    #[test]
    fn length_is_counted_in_characters_not_bytes() {
        assert!(check_post(&"ä".repeat(10), 10).is_ok());
        assert_eq!(check_post(&"ä".repeat(11), 10).map_err(|e| e.code), Err(ErrorCode::TextTooLong));
        assert_eq!(check_topic(&"x".repeat(11), 10).map_err(|e| e.code), Err(ErrorCode::TextTooLong));
    }

    #[test]
    fn what_would_disturb_a_terminal_is_refused() {
        assert!(check_post("two\nlines\tand a tab", 100).is_ok());
        assert_eq!(check_post("\u{1b}[2J", 100).map_err(|e| e.code), Err(ErrorCode::InvalidArgument));
        assert_eq!(check_topic("two\nlines", 100).map_err(|e| e.code), Err(ErrorCode::InvalidArgument));
        assert_eq!(check_post(" \n ", 100).map_err(|e| e.code), Err(ErrorCode::TextEmpty));
        assert!(check_topic("", 100).is_ok());
    }
}
