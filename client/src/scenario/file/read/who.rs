//! Who is meant: sentences about the cast. Captures too: names for what earlier steps did.

use super::{
    Reader,
    field::{Wrong, value},
};
use crate::scenario::file::{
    fault::{Spot, suggest},
    grammar::kind::Kind as Value,
    tree::{Kind, Node},
    who::{Term, Who},
};

/// What a step captured.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) line: usize,
    pub(super) is_post: bool,
    /// Who did it.
    pub(super) who: Who,
}

/// A word of a sentence, and where it begins in it, in characters.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    at: usize,
}

/// Words that no role can be called, for they mean something in a sentence.
pub(super) const RESERVED: &[&str] = &["everyone", "except", "and", "in", "of", "nobody", "nothing"];

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut begin = None;
    let mut add = |begin: &mut Option<(usize, usize)>, end: usize| {
        if let Some((byte, at)) = begin.take() {
            tokens.push(Token { text: &text[byte..end], at });
        }
    };
    let mut commas = Vec::new();
    for (at, (byte, c)) in text.char_indices().enumerate() {
        if c == ',' || c.is_whitespace() {
            add(&mut begin, byte);
        } else if begin.is_none() {
            begin = Some((byte, at));
        }
        if c == ',' {
            commas.push(Token { text: ",", at });
        }
    }
    add(&mut begin, text.len());
    tokens.extend(commas);
    tokens.sort_by_key(|token| token.at);
    tokens
}

impl Reader {
    /// Somebody, or several.
    pub(super) fn who(&mut self, node: &Node) -> Option<Who> {
        let Kind::List(items) = &node.kind else {
            let text = value(node, Value::Who, &mut self.faults, |text| Ok(text.to_owned()))?;
            let (terms, except) = self.sentence(&text, node)?;
            return Some(Who { terms, except, text, place: node.spot.into() });
        };
        let (mut terms, mut words) = (Vec::new(), Vec::new());
        for item in items {
            let text = value(item, Value::Who, &mut self.faults, |text| Ok(text.to_owned()))?;
            let (some, except) = self.sentence(&text, item)?;
            if !except.is_empty() {
                let help = "write all of it as one sentence: `crowd and ana except crowd-1`";
                self.faults.add(item.spot, "`except` cannot stand in a list", help);
            }
            terms.extend(some);
            words.push(text);
        }
        if terms.is_empty() {
            self.faults.add(node.spot, "nobody is named here", format!("expected {}", Value::Who.expected()));
            return None;
        }
        Some(Who { terms, except: Vec::new(), text: words.join(", "), place: node.spot.into() })
    }

    /// `TERM, TERM and TERM except TERM`
    fn sentence(&mut self, text: &str, node: &Node) -> Option<(Vec<Term>, Vec<Term>)> {
        let tokens = tokens(text);
        let (mut terms, mut except) = (Vec::new(), Vec::new());
        let mut is_except = false;
        let mut rest = tokens.as_slice();
        loop {
            let (term, after) = self.term(rest, node)?;
            if is_except {
                except.push(term)
            } else {
                terms.push(term)
            }
            rest = match after {
                [] => return Some((terms, except)),
                [comma, and, after @ ..] if comma.text == "," && and.text == "and" => after,
                [joint, after @ ..] if matches!(joint.text, "," | "and") => after,
                [joint, after @ ..] if joint.text == "except" && !is_except => {
                    is_except = true;
                    after
                }
                [other, ..] => {
                    let spot = node.part(other.at, other.text.chars().count());
                    let help = "between names stands `,` or `and`; before those who are left out stands `except`";
                    self.faults.add(spot, format!("`{}` is not understood here", other.text), help);
                    return None;
                }
            };
        }
    }

    fn term<'a>(&mut self, tokens: &'a [Token<'a>], node: &Node) -> Option<(Term, &'a [Token<'a>])> {
        match tokens {
            [] => {
                self.faults.add(node.spot, "a name is missing", format!("expected {}", Value::Who.expected()));
                None
            }
            [everyone, word, room, rest @ ..] if everyone.text == "everyone" && word.text == "in" => {
                self.used.push((room.text.to_owned(), node.part(room.at, room.text.chars().count())));
                Some((Term::EveryoneIn(room.text.to_owned()), rest))
            }
            [everyone, rest @ ..] if everyone.text == "everyone" => Some((Term::Everyone, rest)),
            [amount, word, of, rest @ ..] if word.text == "of" => {
                let spot = node.part(amount.at, amount.text.chars().count());
                let term = self.some(*amount, spot, *of, node)?;
                Some((term, rest))
            }
            [name, rest @ ..] => {
                let spot = node.part(name.at, name.text.chars().count());
                Some((self.name(name.text, spot)?, rest))
            }
        }
    }

    /// `10% of crowd`, `3 of crowd`
    fn some(&mut self, amount: Token<'_>, spot: Spot, of: Token<'_>, node: &Node) -> Option<Term> {
        let of_spot = node.part(of.at, of.text.chars().count());
        let of = match self.name(of.text, of_spot)? {
            Term::Name(name) => name,
            _ => of.text.to_owned(),
        };
        let Some(Some(count)) = self.cast.get(&of).copied() else {
            self.faults.add(
                of_spot,
                format!("`{of}` is one person"),
                "a part can be taken of a population, which has a `count`",
            );
            return None;
        };
        let found = if amount.text.ends_with('%') {
            super::quantity::share(amount.text).map(|share| Term::Share { share, of })
        } else {
            let what = "so many, as in `3 of crowd`, or a share, as in `10% of crowd`";
            let wrong = |_| Wrong::new(format!("`{}` is no number", amount.text), what);
            super::quantity::whole(amount.text, 1, u64::from(count))
                .map_err(|error| {
                    if amount.text.parse::<u64>().is_ok() {
                        Wrong::new(error.message, format!("`{of}` has {count}"))
                    } else {
                        wrong(())
                    }
                })
                .map(|some| Term::Some { count: u32::try_from(some).unwrap_or(u32::MAX), of: of.clone() })
        };
        match found {
            Ok(term) => Some(term),
            Err(Wrong { message, help }) => {
                self.faults.add(spot, message, help);
                None
            }
        }
    }

    /// One name: of a person, a population, or a member of one.
    fn name(&mut self, name: &str, spot: Spot) -> Option<Term> {
        if self.cast.contains_key(name) {
            return Some(Term::Name(name.to_owned()));
        }
        if let Some((population, number)) = name.rsplit_once('-')
            && let Some(Some(count)) = self.cast.get(population).copied()
            && let Ok(number) = number.parse::<u32>()
        {
            if (1..=count).contains(&number) {
                return Some(Term::Nth(population.to_owned(), number));
            }
            let help = format!("`{population}` has {count}: `{population}-1` to `{population}-{count}`");
            self.faults.add(spot, format!("there is no `{name}`"), help);
            return None;
        }
        let help = match name {
            "all" | "everybody" | "anyone" | "anybody" | "*" => "did you mean `everyone`?".to_owned(),
            "but" | "without" | "not" => "did you mean `except`?".to_owned(),
            _ => suggest(name, self.cast.keys().map(String::as_str)),
        };
        self.faults.add(spot, format!("nobody in the cast is called `{name}`"), help);
        None
    }

    /// A new name for what a step does.
    pub(super) fn define(&mut self, node: &Node, is_post: bool, who: &Who) -> Option<String> {
        let name = value(node, Value::NewName, &mut self.faults, |text| {
            let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
            let is_taken = matches!(text, "nothing" | "who" | "n" | "random");
            match (is_word, is_taken) {
                (true, false) => Ok(text.to_owned()),
                (true, true) => Err(Wrong::new(format!("`{text}` has a meaning of its own"), "take another name")),
                _ => {
                    let help = "such a name begins with a letter and has letters, digits, `-` and `_`";
                    Err(Wrong::new(format!("`{text}` cannot be the name of a capture"), help))
                }
            }
        })?;
        let line = node.spot.line;
        if let Some(first) = self.captures.get(&name) {
            let help = format!("it was given in line {}", first.line);
            self.faults.add(node.spot, format!("the name `{name}` is taken"), help);
        } else {
            self.captures.insert(name.clone(), Capture { line, is_post, who: who.clone() });
        }
        Some(name)
    }

    /// What an earlier step captured.
    pub(super) fn captured(&mut self, node: &Node, posts_only: bool) -> Option<String> {
        let name = value(node, Value::Capture, &mut self.faults, |text| Ok(text.to_owned()))?;
        self.is_captured(&name, node.spot, posts_only).then_some(name)
    }

    pub(super) fn is_captured(&mut self, name: &str, spot: Spot, posts_only: bool) -> bool {
        match self.captures.get(name) {
            Some(capture) if posts_only && !capture.is_post => {
                let message = format!("`{name}` is what was read from a history, posts are needed here");
                self.faults.add(spot, message, format!("it was given in line {}", capture.line));
                false
            }
            Some(_) => true,
            None => {
                let message = format!("no earlier step is called `{name}`");
                let names = self.captures.iter().filter(|(_, capture)| capture.is_post || !posts_only);
                let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
                let mut help = suggest(name, names);
                if help.is_empty() {
                    help = format!("a step is given a name with `as: {name}`");
                }
                self.faults.add(spot, message, help);
                false
            }
        }
    }
}
