//! Words: what a flow's posts say.

use rand::{RngExt, rngs::SmallRng};

use crate::scenario::{crowd::order::Words, file::unit::Range};

/// Of what texts of a wanted length are made. ASCII, so that a byte is a character.
const TALK: &str = "so the kettle sings again and nobody is in a hurry while the rain walks over the roof and somebody reads \
    aloud from a letter that came this morning with news of the ferry the garden and the two grey cats who own the pier ";

/// Letters of a random word.
const RANDOM_LETTERS: usize = 8;

/// The text of a post: `name` is the poster, `number` that of the post in its flow, from 1.
pub(super) fn text(words: &Words, name: &str, number: u64, chance: &mut SmallRng) -> String {
    match words {
        Words::Bytes(range) => bytes(*range, chance),
        Words::Template(template) => fill(template, name, number, chance),
    }
}

/// A number from the range; its ends may be given in either order.
pub(super) fn draw(range: Range, chance: &mut SmallRng) -> u32 {
    chance.random_range(range.from.min(range.to)..=range.to.max(range.from))
}

fn bytes(range: Range, chance: &mut SmallRng) -> String {
    let length = draw(range, chance).max(1) as usize;
    let begin = chance.random_range(0..TALK.len());
    let mut text: String = TALK.chars().cycle().skip(begin).take(length).collect();
    if text.starts_with(' ') {
        // a text of white space alone would be refused
        text.replace_range(..1, "o");
    }
    text
}

/// One pass: what is filled in is not looked at again. `{{` stands for a brace.
fn fill(template: &str, name: &str, number: u64, chance: &mut SmallRng) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{{") {
            text.push('{');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{who}") {
            text.push_str(name);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{n}") {
            text.push_str(&number.to_string());
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{random}") {
            text.extend((0..RANDOM_LETTERS).map(|_| char::from(chance.random_range(b'a'..=b'z'))));
            rest = after;
        } else {
            text.push('{');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_template_is_filled_once_and_other_braces_stay() {
        let mut chance = SmallRng::seed_from_u64(1);
        let mut say = |template: &str| text(&Words::Template(template.to_owned()), "{n}", 7, &mut chance);
        assert_eq!(say("{who} says {n}: {{n} {x} {n"), "{n} says 7: {n} {x} {n");
        let (one, two) = (say("{random}"), say("{random}"));
        assert!(one.len() == RANDOM_LETTERS && one != two, "{one} {two}");
    }

    #[test]
    fn made_up_words_have_the_wanted_length_and_are_never_white_space_alone() {
        let mut chance = SmallRng::seed_from_u64(1);
        for length in [1, 2, 64, 4_000] {
            for _ in 0..500 {
                let said = text(&Words::Bytes(Range { from: length, to: length }), "ana", 1, &mut chance);
                assert!(said.len() == length as usize && !said.trim().is_empty(), "{said:?}");
            }
        }
        let lengths: Vec<_> =
            (0..200).map(|n| text(&Words::Bytes(Range { from: 16, to: 18 }), "ana", n, &mut chance).len()).collect();
        assert!((16..=18).all(|length| lengths.contains(&length)) && lengths.iter().all(|at| (16..=18).contains(at)));
    }
}
