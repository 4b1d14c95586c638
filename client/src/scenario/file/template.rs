//! Templates: words with holes in braces. `{{` is a brace.

use super::expectation::Field;

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Piece<'a> {
    /// Words as they are.
    Words(&'a str),
    /// `{{`: a single brace.
    Brace,
    /// `{who}`: the poster.
    Who,
    /// `{n}`: the number of the post in its step, from 1.
    Number,
    /// `{random}`: a random word.
    Random,
    /// `{NAME.seq}`, `{NAME.count}`, `{NAME.refused}` of a capture.
    Capture { name: &'a str, field: Field },
    /// `{NAME.code}`: the code of a capture's refusal.
    Code { name: &'a str },
}

/// What is wrong with a hole, and where it begins and how long it is, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadHole {
    pub(crate) from: usize,
    pub(crate) count: usize,
    pub(crate) message: String,
}

/// The pieces of a template, in order. Of a template that a file said there is never an error: they were looked for there.
pub(crate) fn pieces(template: &str) -> impl Iterator<Item = Result<Piece<'_>, BadHole>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = template.len() - rest.len();
        let Some(hole) = rest.strip_prefix('{') else {
            let (words, after) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
            rest = after;
            return Some(Ok(Piece::Words(words)));
        };
        if let Some(after) = hole.strip_prefix('{') {
            rest = after;
            return Some(Ok(Piece::Brace));
        }
        let from = template[..at].chars().count();
        let Some((name, after)) = hole.split_once('}') else {
            rest = "";
            let message = "`{` opens a hole that no `}` closes".to_owned();
            return Some(Err(BadHole { from, count: 1, message }));
        };
        rest = after;
        let bad = || BadHole { from, count: name.chars().count() + 2, message: format!("`{{{name}}}` is no hole") };
        Some(piece(name.trim()).ok_or_else(bad))
    })
}

fn piece(name: &str) -> Option<Piece<'_>> {
    match name {
        "who" => Some(Piece::Who),
        "n" => Some(Piece::Number),
        "random" => Some(Piece::Random),
        _ => {
            let (name, field) = name.rsplit_once('.')?;
            match field {
                "seq" => Some(Piece::Capture { name, field: Field::Seq }),
                "count" => Some(Piece::Capture { name, field: Field::Count }),
                "refused" => Some(Piece::Capture { name, field: Field::Refused }),
                "code" => Some(Piece::Code { name }),
                _ => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_words_and_holes() {
        let found: Vec<_> =
            pieces("{who}: {{n} is {n}, after {m1.seq} {random}").collect::<Result<_, _>>().expect("good");
        let after = Piece::Capture { name: "m1", field: Field::Seq };
        let words = Piece::Words;
        let expected = [
            Piece::Who,
            words(": "),
            Piece::Brace,
            words("n} is "),
            Piece::Number,
            words(", after "),
            after,
            words(" "),
            Piece::Random,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_hole_that_nothing_fills_is_an_error_with_its_place() {
        let bad = |text: &str| pieces(text).find_map(Result::err).map(|bad| (bad.from, bad.count));
        assert_eq!(bad("ä {name}"), Some((2, 6)));
        assert_eq!(bad("{m1.sequence}"), Some((0, 13)));
        assert_eq!(bad("ab { c"), Some((3, 1)));
        assert_eq!(bad("{}"), Some((0, 2)));
        assert_eq!(bad("no holes } at all {{"), None);
    }
}
