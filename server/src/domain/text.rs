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

/// Checks the text of a post.
///
/// # Errors
/// `text_empty`, `text_too_long`, or `invalid_argument` for control characters.
pub fn check_post(text: &str, chars_max: u64) -> Result<(), ErrorBody> {
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
    use super::*;

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
