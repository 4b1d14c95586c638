//! What a step was captured as (`as: NAME`), and what can be said of it later.

use std::{cell::RefCell, collections::BTreeMap};

use hubbub_protocol::id::Seq;

use crate::scenario::{
    crowd::order::{Fate, ReadHistory, Words},
    file::{
        expectation::{Field, Operand, Relation},
        step::Text,
        template::{self, Piece},
    },
    id::GroupId,
};

/// A captured step.
#[derive(Debug, Clone)]
pub(super) enum Capture {
    /// Posts: where the ledger keeps them, and what they came to when the step was over.
    Posts { group: GroupId, fates: Vec<Fate> },
    /// A history as it was read.
    History(ReadHistory),
}

impl Capture {
    /// What a field of it is. `None`: it has none (no post was accepted, no event was read).
    pub(super) fn field(&self, field: Field) -> Option<u64> {
        match (self, field) {
            (Self::Posts { .. }, Field::Seq) => self.seq(),
            (Self::Posts { fates, .. }, Field::Count) => Some(number(fates, |fate| fate.accepted.is_some())),
            (Self::Posts { fates, .. }, Field::Refused) => Some(number(fates, |fate| fate.refused.is_some())),
            (Self::History(_), Field::Seq) => self.seq(),
            (Self::History(history), Field::Count) => Some(history.events.len() as u64),
            (Self::History(_), Field::Refused) => Some(0),
        }
    }

    /// The last seq.
    pub(super) fn seq(&self) -> Option<Seq> {
        match self {
            Self::Posts { fates, .. } => fates.iter().filter_map(|fate| fate.accepted.map(|(seq, _)| seq)).max(),
            Self::History(history) => history.events.last().map(|(seq, _)| *seq),
        }
    }

    /// The code of the first refusal.
    fn code(&self) -> Option<String> {
        match self {
            Self::Posts { fates, .. } => {
                fates.iter().find_map(|fate| fate.refused.as_ref()).map(|error| error.code.to_string())
            }
            Self::History(_) => None,
        }
    }
}

fn number(fates: &[Fate], is: impl Fn(&Fate) -> bool) -> u64 {
    fates.iter().filter(|fate| is(fate)).count() as u64
}

/// All captures of a run, by name; a step that is repeated is captured anew.
#[derive(Debug, Default)]
pub(super) struct Captures(RefCell<BTreeMap<String, Capture>>);

impl Captures {
    pub(super) fn put(&self, name: &str, capture: Capture) {
        self.0.borrow_mut().insert(name.to_owned(), capture);
    }

    pub(super) fn get(&self, name: &str) -> Option<Capture> {
        self.0.borrow().get(name).cloned()
    }

    /// The group of captured posts. An error says in words why there is none.
    pub(super) fn group(&self, name: &str) -> Result<GroupId, String> {
        match self.0.borrow().get(name) {
            Some(Capture::Posts { group, .. }) => Ok(*group),
            Some(Capture::History(_)) => Err(format!("{name} is a history, not posts")),
            None => Err(unknown(name)),
        }
    }

    /// The last seq of a capture.
    pub(super) fn seq(&self, name: &str) -> Result<Seq, String> {
        let captures = self.0.borrow();
        captures.get(name).ok_or_else(|| unknown(name))?.seq().ok_or_else(|| no_seq(name))
    }

    /// The value of one side of a comparison.
    pub(super) fn value(&self, operand: &Operand) -> Result<f64, String> {
        match operand {
            Operand::Number(number) => Ok(*number),
            Operand::Capture { name, field } => {
                let value = self.0.borrow().get(name).ok_or_else(|| unknown(name))?.field(*field);
                value.map(|value| value as f64).ok_or_else(|| no_seq(name))
            }
        }
    }

    /// A step's text as the crowd takes it: with the captures' holes filled.
    pub(super) fn words(&self, text: &Text) -> Result<Words, String> {
        match text {
            Text::Size(size) => Ok(Words::Bytes(*size)),
            Text::Template(template) => self.filled(template).map(Words::Template),
        }
    }

    /// Fills the holes that name captures; the others, and doubled braces, stay for the crowd.
    fn filled(&self, template: &str) -> Result<String, String> {
        let mut text = String::with_capacity(template.len());
        for piece in template::pieces(template) {
            match piece.map_err(|hole| hole.message)? {
                Piece::Words(words) => text.push_str(words),
                Piece::Brace => text.push_str("{{"),
                Piece::Who => text.push_str("{who}"),
                Piece::Number => text.push_str("{n}"),
                Piece::Random => text.push_str("{random}"),
                Piece::Capture { name, field } => {
                    let value = self.get(name).ok_or_else(|| unknown(name))?.field(field);
                    text.push_str(&value.ok_or_else(|| no_seq(name))?.to_string());
                }
                Piece::Code { name } => {
                    let code = self.get(name).ok_or_else(|| unknown(name))?.code();
                    text.push_str(&code.ok_or_else(|| format!("{name} was not refused"))?);
                }
            }
        }
        Ok(text)
    }
}

fn no_seq(name: &str) -> String {
    format!("{name} has no seq")
}

fn unknown(name: &str) -> String {
    format!("nothing was captured as {name} up to here")
}

/// Whether two numbers relate so.
pub(super) fn holds(left: f64, relation: Relation, right: f64) -> bool {
    match relation {
        Relation::Less => left < right,
        Relation::LessOrEqual => left <= right,
        #[allow(clippy::float_cmp, reason = "both are counts, or were written down")]
        Relation::Equal => left == right,
        #[allow(clippy::float_cmp, reason = "both are counts, or were written down")]
        Relation::NotEqual => left != right,
        Relation::GreaterOrEqual => left >= right,
        Relation::Greater => left > right,
    }
}

#[cfg(test)]
mod tests {
    use hubbub_protocol::{ErrorBody, ErrorCode};

    use super::*;
    use crate::scenario::id::{MessageId, Moment, PersonId, RoomId};

    fn fate(accepted: Option<Seq>, refused: Option<ErrorCode>) -> Fate {
        Fate {
            message: MessageId(0),
            sender: PersonId(0),
            room: RoomId(0),
            intended: Moment(0),
            accepted: accepted.map(|seq| (seq, false)),
            acknowledgements: u32::from(accepted.is_some()),
            refused: refused.map(|code| ErrorBody::new(code, "no")),
        }
    }

    fn captures() -> Captures {
        let captures = Captures::default();
        let fates = vec![fate(Some(7), None), fate(Some(9), None), fate(None, Some(ErrorCode::RateLimited))];
        captures.put("m1", Capture::Posts { group: GroupId(3), fates });
        captures.put("none", Capture::Posts { group: GroupId(4), fates: vec![] });
        let events = vec![(1, 11), (2, 12)];
        captures.put("h1", Capture::History(ReadHistory { epoch: "e".to_owned(), events }));
        captures
    }

    #[test]
    fn captures_are_counted_and_placed() {
        let captures = captures();
        let value = |name: &str, field| captures.value(&Operand::Capture { name: name.to_owned(), field });
        assert_eq!(value("m1", Field::Seq), Ok(9.0));
        assert_eq!((value("m1", Field::Count), value("m1", Field::Refused)), (Ok(2.0), Ok(1.0)));
        assert_eq!((value("h1", Field::Seq), value("h1", Field::Count)), (Ok(2.0), Ok(2.0)));
        assert_eq!(value("none", Field::Seq), Err("none has no seq".to_owned()));
        assert_eq!(value("m2", Field::Seq), Err("nothing was captured as m2 up to here".to_owned()));
        assert_eq!((captures.group("m1"), captures.seq("h1")), (Ok(GroupId(3)), Ok(2)));
        assert_eq!(captures.group("h1"), Err("h1 is a history, not posts".to_owned()));
    }

    #[test]
    fn holes_of_captures_are_filled_and_others_stay() {
        let captures = captures();
        assert_eq!(captures.filled("{who} saw {m1.seq}, {m1.code}: {n}"), Ok("{who} saw 9, rate_limited: {n}".into()));
        assert_eq!(captures.filled("{{m1.seq} {m1.count}"), Ok("{{m1.seq} 2".into()));
        assert_eq!(captures.filled("é } {random} {m1.refused}"), Ok("é } {random} 1".into()));
        assert_eq!(captures.filled("{none.seq}"), Err("none has no seq".to_owned()));
        assert_eq!(captures.filled("{none.code}"), Err("none was not refused".to_owned()));
        assert_eq!(captures.filled("{m9.seq}"), Err("nothing was captured as m9 up to here".to_owned()));
    }

    #[test]
    fn numbers_relate_as_written() {
        use Relation::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let relations = [Less, LessOrEqual, Equal, NotEqual, GreaterOrEqual, Greater];
        let all = |left, right| relations.map(|relation| holds(left, relation, right));
        assert_eq!(all(1.0, 2.0), [true, true, false, true, false, false]);
        assert_eq!(all(2.0, 2.0), [false, true, true, false, true, false]);
        assert_eq!(all(f64::NAN, 2.0), [false, false, false, true, false, false]);
    }
}
