//! Expectations, and comparisons of two numbers.

use hubbub_protocol::ErrorCode;

use super::{
    Reader,
    field::{Fields, Wrong, value},
    quantity,
};
use crate::scenario::file::{
    expectation::{Expectation, Field, Operand, Relation, Resumed, Within},
    fault::{Spot, suggest},
    grammar::{EXPECTATIONS, Word, kind::Kind as Value},
    tree::{Kind, Node},
};

/// Every relation, those with longer signs before those whose signs they begin with.
const RELATIONS: &[Relation] = &[
    Relation::LessOrEqual,
    Relation::GreaterOrEqual,
    Relation::Equal,
    Relation::NotEqual,
    Relation::Less,
    Relation::Greater,
];

/// The two sides of `a <= b`.
pub(super) fn comparison(text: &str) -> Result<(&str, Relation, &str), Wrong> {
    let at = text.find(['<', '>', '=', '!']);
    let found = at.and_then(|at| {
        RELATIONS.iter().find(|relation| text[at..].starts_with(relation.sign())).map(|found| (at, found))
    });
    let Some((at, relation)) = found else {
        let help = match at {
            Some(at) if text[at..].starts_with('=') => "did you mean `==`?",
            _ => "between the two sides stands one of < <= == != >= >",
        };
        return Err(Wrong::new(format!("`{text}` compares nothing"), help));
    };
    let sign = relation.sign();
    let (left, right) = (text[..at].trim(), text[at + sign.len()..].trim());
    if left.is_empty() || right.is_empty() {
        return Err(Wrong::new(format!("`{text}` has only one side"), format!("such as `lost {sign} 0`")));
    }
    Ok((left, *relation, right))
}

impl Reader {
    pub(super) fn read_expectation(&mut self, node: &Node, spot: Spot) -> Option<Expectation> {
        let Kind::Map(pairs) = &node.kind else {
            let help = "such as `expect: {who: bo, receives: m1}`";
            self.faults.add(node.spot, format!("`expect` is a map, this is {}", node.noun()), help);
            return None;
        };
        let words = || EXPECTATIONS.iter().map(|word| word.name);
        let mut told =
            pairs.iter().filter_map(|(key, _)| EXPECTATIONS.iter().find(|word| key.text() == Some(word.name)));
        let Some(word) = told.next() else {
            let known = |name: &str| EXPECTATIONS.iter().any(|word| word.shape.field(name).is_some());
            let unknown = pairs.iter().filter_map(|(key, _)| Some((key, key.text()?))).find(|(_, name)| !known(name));
            match unknown {
                Some((key, name)) => {
                    self.faults.add(
                        key.spot,
                        format!("`{name}` is nothing that can be expected"),
                        suggest(name, words()),
                    );
                }
                None => {
                    let help = format!("one of {}", words().collect::<Vec<_>>().join(", "));
                    self.faults.add(spot, "it is not said what is expected", help);
                }
            }
            return None;
        };
        if let Some(other) = told.next() {
            let message = format!("`{}` and `{}` are two expectations", word.name, other.name);
            let key = pairs.iter().find(|(key, _)| key.text() == Some(other.name));
            self.faults.add(key.map_or(spot, |(key, _)| key.spot), message, "make two steps of them");
            return None;
        }
        let fields = Fields::open(node, word.shape, spot, &mut self.faults)?;
        self.expectation(word, &fields)
    }

    fn expectation(&mut self, word: &'static Word, fields: &Fields<'_>) -> Option<Expectation> {
        let who = if word.shape.field("who").is_some() { self.need_who(fields, "who") } else { None };
        let node = fields.need(word.name, &mut self.faults)?;
        Some(match word.name {
            "receives" => self.receives(fields, node, who)?,
            "history_of" => {
                let room = self.used_room(node, false);
                let other = self.need_who(fields, "equals");
                Expectation::SameHistory { who: who?, room: room?, other: other? }
            }
            "resumed" => {
                let how = match fields.choice("resumed", &mut self.faults)? {
                    "complete" => Resumed::Complete,
                    "gap" => Resumed::Gap,
                    "reset" => Resumed::Reset,
                    _ => Resumed::Fresh,
                };
                Expectation::Resumed { who: who?, how }
            }
            "accepted" => {
                let what = self.captured(node, true);
                let first = fields.get("as_duplicate_of", &mut self.faults);
                let duplicate_of = first.and_then(|node| self.captured(node, true));
                Expectation::Accepted { what: what?, duplicate_of }
            }
            "refused" => {
                let what = self.captured(node, true);
                let code = fields.need("code", &mut self.faults).and_then(|node| self.error_code(node));
                let at_least = fields.count("at_least", &mut self.faults).unwrap_or(1);
                Expectation::Refused { what: what?, code: code?, at_least }
            }
            "closed" => {
                let code = value(node, Value::CloseCode, &mut self.faults, |text| match text {
                    "any" => Ok(None),
                    _ => quantity::whole(text, 1000, 4999).map(|code| u16::try_from(code).ok()),
                });
                Expectation::Closed { who: who?, code: code? }
            }
            _ => self.that(node)?,
        })
    }

    fn receives(
        &mut self,
        fields: &Fields<'_>,
        node: &Node,
        who: Option<crate::scenario::file::who::Who>,
    ) -> Option<Expectation> {
        if node.text() == Some("nothing") {
            for other in ["times", "within", "at"].into_iter().filter(|other| fields.has(other)) {
                let message = format!("`{other}` does not go with `receives: nothing`");
                self.faults.add(fields.key(other), message, "how long to look is said with `for`");
            }
            if !fields.has("for") {
                let help = "say how long to look, such as `for: 1 s`";
                self.faults.add(fields.key("receives"), "`receives: nothing` needs `for`", help);
            }
            let time = fields.time("for", &mut self.faults);
            return Some(Expectation::ReceivesNothing { who: who?, time: time? });
        }
        let items = if let Kind::List(items) = &node.kind { items.as_slice() } else { std::slice::from_ref(node) };
        let what: Vec<String> = items.iter().filter_map(|item| self.captured(item, true)).collect();
        if items.is_empty() {
            self.faults.add(node.spot, "this list is empty", format!("expected {}", Value::Captures.expected()));
        }
        if fields.has("for") {
            self.faults.add(
                fields.key("for"),
                "`for` goes with `receives: nothing` alone",
                "how soon is said with `within`",
            );
        }
        fields.require("at", "within", &mut self.faults);
        let times = fields.count("times", &mut self.faults).unwrap_or(1);
        let limit = fields.time("within", &mut self.faults);
        if times == 0 {
            fields.require("times", "within", &mut self.faults);
            fields.exclude("times", &["at"], "what nobody gets has no latency", &mut self.faults);
        }
        let faults = &mut self.faults;
        let at = fields.get("at", faults).and_then(|node| value(node, Value::Quantile, faults, quantity::quantile));
        let within = limit.map(|limit| Within { limit, quantile: at.unwrap_or(1.0) });
        Some(Expectation::Receives { who: who?, what, times, within })
    }

    fn error_code(&mut self, node: &Node) -> Option<ErrorCode> {
        value(node, Value::ErrorCode, &mut self.faults, |text| {
            let found = ErrorCode::ALL.iter().copied().find(|code| code.as_str() == text);
            found.ok_or_else(|| {
                let help = suggest(text, ErrorCode::ALL.iter().map(|code| code.as_str()));
                Wrong::new(format!("`{text}` is no error's code"), help)
            })
        })
    }

    fn that(&mut self, node: &Node) -> Option<Expectation> {
        let text = value(node, Value::Comparison, &mut self.faults, |text| Ok(text.to_owned()))?;
        let (left, relation, right) = value(node, Value::Comparison, &mut self.faults, |_| {
            comparison(&text).map(|(left, relation, right)| (left.to_owned(), relation, right.to_owned()))
        })?;
        let left = self.operand(&left, node);
        let right = self.operand(&right, node);
        Some(Expectation::That { left: left?, relation, right: right?, text })
    }

    fn operand(&mut self, text: &str, node: &Node) -> Option<Operand> {
        if let Ok(number) = text.replace('_', "").parse::<f64>()
            && number.is_finite()
        {
            return Some(Operand::Number(number));
        }
        let at = node.text().and_then(|whole| whole.find(text).map(|byte| whole[..byte].chars().count()));
        let spot = node.part(at.unwrap_or_default(), text.chars().count());
        let help = "a side is a number, or `NAME.seq`, `NAME.count`, `NAME.refused`";
        let Some((name, field)) = text.rsplit_once('.') else {
            self.faults.add(spot, format!("`{text}` is no number"), help);
            return None;
        };
        let field = match field {
            "seq" => Field::Seq,
            "count" => Field::Count,
            "refused" => Field::Refused,
            _ => {
                self.faults.add(spot, format!("a capture has no `{field}`"), help);
                return None;
            }
        };
        let name = name.to_owned();
        self.is_captured(&name, spot, field == Field::Refused).then_some(Operand::Capture { name, field })
    }
}
