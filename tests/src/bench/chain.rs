//! The longest chain of callbacks in an actor, read from its source.
//!
//! What is known of the source: a method that waits calls `later` with a future whose end is a variant of `Outcome`, and
//! `finish` has an arm for each. A method that names no variant has its future from elsewhere; it may end with any that
//! no waiting method names.

use std::collections::{BTreeMap, BTreeSet};

/// Where waits are begun, and where they end.
const WAIT: &str = "later";
const END: &str = "finish";

/// Methods by name, and the arms of `finish` as `finish: Variant`, each with its text.
type Methods<'a> = BTreeMap<String, &'a str>;

/// The longest chain from `first`: methods that call each other, a new list after each wait. Most waits count first,
/// then most methods.
#[must_use]
pub fn longest(source: &str, first: &str) -> Vec<Vec<String>> {
    let methods = methods(source);
    let waiting = methods.iter().filter(|(name, text)| !name.starts_with(END) && text.contains("self.later("));
    let named: BTreeSet<&str> = waiting.flat_map(|(_, text)| variants(text)).collect();
    let mut best = Vec::new();
    walk(&methods, &named, &mut vec![(first.to_owned(), false)], &mut best);
    let mut chain: Vec<Vec<String>> = Vec::new();
    for (name, is_after_wait) in best {
        match chain.last_mut() {
            Some(part) if !is_after_wait => part.push(name),
            _ => chain.push(vec![name]),
        }
    }
    chain
}

/// A method, and whether a wait is before it.
type Step = (String, bool);

fn walk(methods: &Methods<'_>, named: &BTreeSet<&str>, path: &mut Vec<Step>, best: &mut Vec<Step>) {
    let rank = |path: &[Step]| (path.iter().filter(|(_, waited)| *waited).count(), path.len());
    if rank(path) > rank(best) {
        best.clone_from(path);
    }
    let Some(text) = path.last().and_then(|(name, _)| methods.get(name)) else { return };
    for next in following(methods, named, text) {
        if path.iter().all(|(name, _)| *name != next.0) {
            path.push(next);
            walk(methods, named, path, best);
            path.pop();
        }
    }
}

/// What may come next: methods that are called, and arms for the ends of what is waited for.
fn following(methods: &Methods<'_>, named: &BTreeSet<&str>, text: &str) -> Vec<Step> {
    let is_called = |name: &str| text.contains(&format!("self.{name}("));
    let called = methods.keys().filter(|name| name.as_str() != WAIT && is_called(name));
    let mut next: Vec<Step> = called.map(|name| (name.clone(), false)).collect();
    if is_called(WAIT) {
        let own = variants(text);
        let arms = methods.keys().filter_map(|name| name.strip_prefix(END)?.strip_prefix(": "));
        let ends = arms.filter(|arm| if own.is_empty() { !named.contains(arm) } else { own.contains(arm) });
        next.extend(ends.map(|variant| (format!("{END}: {variant}"), true)));
    }
    next
}

/// The variants of `Outcome` that a text names.
fn variants(text: &str) -> BTreeSet<&str> {
    let word = |rest: &'_ str| rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
    text.split("Outcome::").skip(1).map(|rest| &rest[..word(rest)]).filter(|name| !name.is_empty()).collect()
}

/// Methods as rustfmt writes them: four spaces in, and their end, too.
fn methods(source: &str) -> Methods<'_> {
    let mut methods = Methods::new();
    for (at, _) in source.match_indices("    fn ").filter(|(at, _)| source[..*at].ends_with('\n')) {
        let text = &source[at + 7..];
        let text = text.find("\n    }\n").map_or(text, |end| &text[..end]);
        let name = text.split(['(', '<']).next().unwrap_or_default();
        if name == END {
            let starts: Vec<usize> = text.match_indices("\n            Outcome::").map(|(at, _)| at).collect();
            for (number, start) in starts.iter().enumerate() {
                let arm = &text[*start..starts.get(number + 1).copied().unwrap_or(text.len())];
                let arm = arm.trim_start();
                let variant = variants(arm).into_iter().next().unwrap_or_default();
                methods.insert(format!("{END}: {variant}"), arm.split_once("=>").map_or("", |(_, does)| does));
            }
        } else {
            methods.insert(name.to_owned(), text);
        }
    }
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTOR: &str = "
    fn read(&mut self) {
        self.ask();
        self.close();
    }

    fn ask(&mut self) {
        self.later(async { Outcome::Sent(1) });
    }

    fn perform(&mut self, outcome: Future) {
        self.later(outcome);
    }

    fn later(&mut self, outcome: Future) {
        spawn(outcome.map(|outcome, actor| actor.finish(outcome)));
    }

    fn finish(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Sent(one) => self.perform(one),
            Outcome::Opened(room) => {
                self.close();
            }
        }
    }

    fn abandon(&mut self, outcome: Outcome) {
        if let Outcome::Opened(_) = outcome {}
    }

    fn close(&mut self) {}
";

    #[test]
    fn the_chain_with_most_waits_is_found_and_cut_at_them() {
        let chain = longest(ACTOR, "read");
        assert_eq!(chain, [vec!["read", "ask"], vec!["finish: Sent", "perform"], vec!["finish: Opened", "close"]]);
        assert_eq!(longest(ACTOR, "close"), [["close"]]);
        assert_eq!(longest("", "read"), [["read"]]);
    }
}
