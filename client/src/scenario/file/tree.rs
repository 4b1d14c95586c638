//! A file's text as a tree with places: YAML without anchors, aliases and tags, bounded in size and depth.
//!
//! The tree is read by hand and not by serde: a person who writes a scenario should be told of all mistakes at once, each
//! with the place of the very word.

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

use super::fault::{Faults, Spot};

/// Bytes that a file may have.
pub(crate) const FILE_BYTES_MAX: usize = 1 << 20;

/// How deep lists and maps may stand in each other.
const DEPTH_MAX: usize = 48;

/// Lines before a place where YAML breaks in which the reason is looked for.
const LINES_BACK: usize = 20;

/// Lists, maps and values in a file.
const NODES_MAX: usize = 100_000;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) spot: Spot,
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A word, a number, a sentence; `is_plain`: without quotes.
    Scalar {
        text: String,
        is_plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Its text, if it is one that says anything.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// Nothing stands here, as behind `wait:`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, is_plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// What it is, in words.
    pub(crate) fn noun(&self) -> &'static str {
        match &self.kind {
            _ if self.is_null() => "nothing",
            Kind::Scalar { .. } => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map of `key: value`",
        }
    }

    /// A part of its text, by characters; all of it when the text does not stand in the file as it is.
    pub(crate) fn part(&self, from: usize, count: usize) -> Spot {
        let Kind::Scalar { text, is_plain } = &self.kind else { return self.spot };
        let quote = usize::from(!is_plain);
        if text.chars().count() + 2 * quote != self.spot.width {
            return self.spot;
        }
        Spot { column: self.spot.column + quote + from, width: count.max(1), ..self.spot }
    }
}

/// A list or map that is not at its end yet.
#[derive(Debug)]
struct Open {
    spot: Spot,
    items: Vec<Node>,
    is_map: bool,
}

/// Reads the text. `None`: not possible; the reason is among the faults.
pub(crate) fn parse(text: &str, faults: &mut Faults) -> Option<Node> {
    let top = Spot { line: 1, column: 1, width: 1 };
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes, a scenario has at most {FILE_BYTES_MAX}", text.len());
        faults.add(top, message, "");
        return None;
    }
    let mut builder = Builder::default();
    let mut options = Options::default();
    options.emit_comments = false;
    for next in Parser::new_from_str_with_options(text, options) {
        let result = match next {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let mark = error.marker();
                let line = mark.line().max(1);
                let source = text.lines().nth(line - 1).unwrap_or_default();
                let tab = if is_indented_by_tab(source) { source.find('\t') } else { None };
                let spot = Spot { line, column: tab.unwrap_or(mark.col()) + 1, width: 1 };
                Err((spot, format!("this is not YAML: {}", error.info()), syntax_help(text, spot)))
            }
        };
        if let Err((spot, message, help)) = result {
            faults.add(spot, message, help);
            return None;
        }
    }
    if builder.root.is_none() {
        faults.add(top, "the file is empty", "a scenario has a `name`, a `cast` and `steps`");
    }
    builder.root
}

/// What people mostly mean where YAML breaks.
fn syntax_help(text: &str, spot: Spot) -> String {
    let line = text.lines().nth(spot.line - 1).unwrap_or_default();
    if is_indented_by_tab(line) {
        return "indent with spaces, not with tabs".to_owned();
    }
    if line.contains(": {who}") || line.contains("text: {") {
        return "text that begins with a brace stands in quotes: text: \"{who} says hello\"".to_owned();
    }
    if line.replace("\\\"", "").matches('"').count() % 2 == 1 {
        return "a quotation mark is not closed".to_owned();
    }
    let first = spot.line.saturating_sub(LINES_BACK);
    for (number, line) in text.lines().enumerate().take(spot.line).skip(first).collect::<Vec<_>>().into_iter().rev() {
        for (open, close) in [('{', '}'), ('[', ']')] {
            let (opened, closed) = (line.matches(open).count(), line.matches(close).count());
            if opened > closed {
                return format!("a `{open}` in line {} is not closed by a `{close}`", number + 1);
            }
            if closed > opened {
                return format!("a `{close}` in line {} closes nothing", number + 1);
            }
        }
    }
    let is_colon = line.chars().skip(spot.column.saturating_sub(1)).collect::<String>().starts_with(": ");
    if is_colon || line.split(": ").count() > 2 && !line.contains('{') {
        return "a text with `: ` in it stands in quotes".to_owned();
    }
    "check the indentation of this line and of those before it".to_owned()
}

fn is_indented_by_tab(line: &str) -> bool {
    line.trim_start_matches(' ').starts_with('\t')
}

type Refused = (Spot, String, String);

/// Makes the tree of the parser's events, without recursion.
#[derive(Debug, Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Refused> {
        let spot = spot(&span);
        let plain_yaml = |what: &str| (spot, format!("a scenario has no {what}"), "write it out".to_owned());
        if event.tag().is_some() {
            return Err(plain_yaml("tags (`!…`)"));
        }
        match event {
            Event::Alias(_) | Event::UnresolvedAlias(_) | Event::Anchor(..) => Err(plain_yaml("aliases (`*…`)")),
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _)
                if anchor > 0 =>
            {
                Err(plain_yaml("anchors (`&…`)"))
            }
            Event::Scalar(text, style, ..) => {
                let kind = Kind::Scalar { text: text.into_owned(), is_plain: style == ScalarStyle::Plain };
                self.push(Node { spot, kind })
            }
            Event::SequenceStart(..) => self.begin(spot, false),
            Event::MappingStart(..) => self.begin(spot, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::DocumentStart(..) => {
                self.documents += 1;
                let help = "put each scenario in a file of its own".to_owned();
                if self.documents > 1 { Err((spot, "a second document begins here".to_owned(), help)) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, spot: Spot, is_map: bool) -> Result<(), Refused> {
        if self.open.len() >= DEPTH_MAX {
            let message = format!("lists and maps stand in each other more than {DEPTH_MAX} deep");
            return Err((spot, message, String::new()));
        }
        self.open.push(Open { spot: Spot { width: 1, ..spot }, items: Vec::new(), is_map });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refused> {
        let Some(Open { spot, items, is_map }) = self.open.pop() else { return Ok(()) };
        if !is_map {
            return self.push(Node { spot, kind: Kind::List(items) });
        }
        let mut pairs = Vec::with_capacity(items.len() / 2);
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            pairs.push((key, value));
        }
        self.push(Node { spot, kind: Kind::Map(pairs) })
    }

    fn push(&mut self, node: Node) -> Result<(), Refused> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err((node.spot, format!("the file has more than {NODES_MAX} values"), String::new()));
        }
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }
}

fn spot(span: &Span) -> Spot {
    let (start, end) = (span.start, span.end);
    let width = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
    Spot { line: start.line().max(1), column: start.col() + 1, width: width.max(1) }
}
