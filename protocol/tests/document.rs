//! `docs/PROTOCOL.md` against the types: its examples are frames of this crate, its tables are what the code says.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use hubbub_protocol::{
    ErrorBody, ErrorCode, Event, Request, RequestFrame, ServerFrame, close,
    envelope::{encode_error, encode_ok, read_ok},
    limits, reply,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

/// Where the document is changed instead of compared when this is set.
const UPDATE: &str = "UPDATE_DOCS";

/// An example frame.
#[derive(Debug)]
struct Example {
    line: usize,
    /// The number of the fenced block that it stands in.
    block: usize,
    is_request: bool,
    text: String,
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PROTOCOL.md")
}

fn document() -> String {
    fs::read_to_string(path()).expect("docs/PROTOCOL.md")
}

/// Every example: a line in a fenced block that begins with an arrow, and the indented lines below it.
fn examples(document: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let (mut block, mut is_open) = (0, false);
    for (line, text) in document.lines().enumerate().map(|(index, text)| (index + 1, text)) {
        if text.starts_with("```") {
            is_open = !is_open;
            block += usize::from(is_open);
        } else if let Some((arrow, frame)) = text.split_once(' ').filter(|(arrow, _)| matches!(*arrow, "→" | "←")) {
            assert!(is_open, "line {line}: an example outside of a block");
            examples.push(Example { line, block, is_request: arrow == "→", text: frame.to_owned() });
        } else if let Some(last) = examples.last_mut()
            && is_open
            && last.block == block
        {
            assert!(text.starts_with(' '), "line {line}: neither a frame nor its continuation");
            last.text.push_str(text);
        }
    }
    examples
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The reply as the type of its op reads and writes it.
fn again(op: &str, re: u64, ok: &RawValue) -> Result<String, serde_json::Error> {
    fn as_type<T: Serialize + DeserializeOwned>(re: u64, ok: &RawValue) -> Result<String, serde_json::Error> {
        encode_ok(re, &read_ok::<T>(ok)?)
    }
    match op {
        "hello" => as_type::<reply::Welcome>(re, ok),
        "join" => as_type::<reply::Joined>(re, ok),
        "post" | "topic" => as_type::<reply::Posted>(re, ok),
        "history" => as_type::<reply::History>(re, ok),
        "members" => as_type::<reply::MembersPage>(re, ok),
        "rooms" => as_type::<reply::RoomsPage>(re, ok),
        "nick" => as_type::<reply::NickChanged>(re, ok),
        "part" | "typing" | "presence" | "quit" => as_type::<reply::Done>(re, ok),
        other => panic!("no type is known for the reply to {other}"),
    }
}

#[test]
fn every_example_is_what_the_types_read_and_write() {
    let document = document();
    let mut asked: HashMap<(usize, u64), &str> = HashMap::new();
    let mut refused: Option<(Option<u64>, ErrorBody)> = None;
    for Example { line, block, is_request, text } in &examples(&document) {
        if *is_request {
            assert_eq!(refused, None, "line {line}: the frame before it must be answered with its error");
            match RequestFrame::decode(text) {
                Ok(frame) => {
                    assert_eq!(value(&frame.encode().expect("encodes")), value(text), "line {line}");
                    asked.insert((*block, frame.id), frame.request.op());
                }
                Err(fault) => refused = Some((fault.id, fault.error)),
            }
            continue;
        }
        let again = match ServerFrame::decode(text).unwrap_or_else(|error| panic!("line {line}: {error}")) {
            ServerFrame::Event(Event::Unknown(event)) => panic!("line {line}: there is no event {}", event.ev),
            ServerFrame::Event(event) => serde_json::to_string(&event).expect("encodes"),
            ServerFrame::Reply { re, outcome: Err(error) } => {
                assert_ne!(error.code, ErrorCode::Unknown, "line {line}");
                if let Some(expected) = refused.take() {
                    assert_eq!((re, &error), (expected.0, &expected.1), "line {line}");
                }
                encode_error(re, &error).expect("encodes")
            }
            ServerFrame::Reply { re, outcome: Ok(ok) } => {
                let re = re.unwrap_or_else(|| panic!("line {line}: an `ok` to nothing"));
                let op = asked.get(&(*block, re)).unwrap_or_else(|| panic!("line {line}: nothing asked as {re}"));
                again(op, re, &ok).unwrap_or_else(|error| panic!("line {line}: the reply to {op}: {error}"))
            }
        };
        assert_eq!(value(&again), value(text), "line {line}");
    }
    assert_eq!(refused, None);
}

#[test]
fn nothing_of_the_wire_lacks_an_example() {
    let document = document();
    let (mut ops, mut answered, mut events) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut asked = BTreeMap::new();
    let mut words = String::new();
    for Example { block, is_request, text, .. } in &examples(&document) {
        words.push_str(text);
        if *is_request {
            if let Ok(frame) = RequestFrame::decode(text) {
                ops.insert(frame.request.op());
                asked.insert((*block, frame.id), frame.request.op());
            }
        } else if let Some(ev) = value(text)["ev"].as_str() {
            events.insert(ev.to_owned());
        } else if let (Some(re), true) = (value(text)["re"].as_u64(), value(text)["ok"].is_object()) {
            answered.insert(asked[&(*block, re)]);
        }
    }
    let all = |names: &[&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(ops, all(Request::OPS), "requests");
    assert_eq!(answered, all(Request::OPS), "replies");
    assert_eq!(events.iter().map(String::as_str).collect::<BTreeSet<_>>(), all(Event::KINDS), "events");
    for word in ["fresh", "complete", "gap", "reset", "online", "away", "offline", "left", "shutdown", "replaced"] {
        assert!(words.contains(&format!("\"{word}\"")), "no example says {word}");
    }
    for op in Request::OPS {
        assert!(document.contains(&format!("| [`{op}`](#")), "{op} is not in the table of ops");
    }
    for ev in Event::KINDS {
        assert!(document.contains(&format!("| `{ev}` | ")), "{ev} is not in the table of events");
    }
}

/// The cells of the table's row that begins with this text.
fn row<'a>(document: &'a str, begin: &str) -> Vec<&'a str> {
    let row = document.lines().find(|line| line.starts_with(begin)).unwrap_or_else(|| panic!("no row {begin}"));
    row.split('|').map(str::trim).collect()
}

/// The names in a cell, each with whether it may be left out: "room, `limit`?, changes (each: nick)".
fn fields(cell: &str) -> BTreeMap<String, bool> {
    let plain: String = cell.chars().filter(|c| !matches!(c, '`' | '{' | '}' | '–')).collect();
    let plain =
        plain.split('(').enumerate().map(|(at, part)| if at == 0 { part } else { part.split_once(')').expect(")").1 });
    let plain: String = plain.collect();
    let either = plain.contains(" or ");
    let names =
        plain.split([',', ';']).flat_map(|name| name.split(" or ")).map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| (name.trim_end_matches('?').trim().to_owned(), either || name.ends_with('?'))).collect()
}

/// Every field of an example must be in the cell, and every field of the cell that is not optional in the example.
fn compare(line: usize, cell: &str, example: &Value, apart: &[&str]) {
    let listed = fields(cell);
    let found: BTreeSet<String> = example.as_object().expect("an object").keys().cloned().collect();
    for name in found.iter().filter(|name| !apart.contains(&name.as_str())) {
        assert!(listed.contains_key(name), "line {line}: {name} is not in the table: {cell}");
    }
    for (name, optional) in listed {
        assert!(optional || found.contains(&name), "line {line}: {name} is in the table: {cell}");
    }
}

#[test]
fn the_tables_of_fields_are_those_of_the_examples() {
    let document = document();
    let mut asked = BTreeMap::new();
    for Example { line, block, is_request, text } in &examples(&document) {
        let example = || value(text);
        if *is_request {
            let Ok(frame) = RequestFrame::decode(text) else { continue };
            let op = frame.request.op();
            asked.insert((*block, frame.id), op);
            compare(*line, row(&document, &format!("| [`{op}`](#"))[2], &example(), &["id", "op"]);
        } else if let Some(ev) = example()["ev"].as_str() {
            compare(*line, row(&document, &format!("| `{ev}` | "))[4], &example(), &["ev"]);
        } else if let (Some(re), true) = (example()["re"].as_u64(), example()["ok"].is_object()) {
            let op = asked[&(*block, re)];
            compare(*line, row(&document, &format!("| [`{op}`](#"))[3], &example()["ok"], &[]);
        }
    }
}

/// Compares what stands between `<!-- generated: NAME -->` and `<!-- end -->`, or puts it there.
fn check(name: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut expected = format!("\n| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
    for row in rows {
        expected.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    expected.push('\n');
    let text = document();
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{name}: no line {begin}"));
    let (found, after) = rest.split_once("<!-- end -->").unwrap_or_else(|| panic!("{name}: no end"));
    if found == expected {
        return;
    }
    assert!(
        std::env::var_os(UPDATE).is_some(),
        "docs/PROTOCOL.md, {name}: run `{UPDATE}=1 cargo test -p hubbub-protocol --test document -- --test-threads 1`. \
         Expected:\n{expected}"
    );
    fs::write(path(), format!("{before}{begin}{expected}<!-- end -->{after}")).expect("the document is written");
}

#[test]
fn the_errors_are_those_of_the_code() {
    let rows = ErrorCode::ALL
        .iter()
        .map(|code| vec![format!("`{code}`"), code.retry().as_str().to_owned(), code.meaning().to_owned()]);
    check("errors", &["Code", "Retry", "Meaning"], rows);
}

#[test]
fn the_close_codes_are_those_of_the_code() {
    let rows = close::ALL.iter().map(|(code, reconnect, meaning)| {
        let reconnect = if *reconnect { "yes" } else { "no" };
        vec![code.to_string(), reconnect.to_owned(), (*meaning).to_owned()]
    });
    check("close", &["Close code", "Come back by yourself", "Meaning"], rows);
}

#[test]
fn the_fixed_limits_are_those_of_the_code() {
    let rows: &[(&str, u64, &str)] = &[
        ("A room's name", limits::ROOM_NAME_BYTES_MAX as u64, "bytes of UTF-8"),
        ("A nick", limits::NICK_BYTES_MAX as u64, "bytes of UTF-8"),
        ("A nonce", limits::NONCE_BYTES_MAX as u64, "bytes of printable ASCII"),
        ("`client` in `hello`", limits::CLIENT_NAME_BYTES_MAX as u64, "bytes of UTF-8"),
        ("A request's `id`", limits::REQUEST_ID_MAX, "at most"),
        ("A page of `history`", limits::HISTORY_EVENTS_MAX.into(), "events"),
        ("The same without a `limit`", limits::HISTORY_EVENTS_DEFAULT.into(), "events"),
        ("A page of `members`, and the list in the reply to `join`", limits::MEMBERS_PAGE_MAX.into(), "members"),
        ("A page of `rooms`", limits::ROOMS_PAGE_MAX.into(), "rooms"),
        ("A `presence` event", limits::PRESENCE_CHANGES_MAX as u64, "changes"),
        ("A `typing` event", limits::TYPING_NICKS_MAX as u64, "nicks"),
        ("How long a `typing` event is shown", limits::TYPING_SHOWN_MS, "ms"),
    ];
    let rows = rows.iter().map(|(what, most, unit)| vec![(*what).to_owned(), most.to_string(), (*unit).to_owned()]);
    check("limits", &["What", "At most", "Unit"], rows);
}

#[test]
fn what_hello_tells_of_limits_is_explained() {
    let document = document();
    let hello = examples(&document).into_iter().find(|example| example.text.contains("\"limits\"")).expect("a hello");
    let told = value(&hello.text)["ok"]["limits"].as_object().expect("limits").clone();
    for name in told.keys() {
        assert!(document.contains(&format!("| `{name}` | ")), "{name} is not in the table");
    }
}

#[test]
fn what_http_answers_has_the_shape_of_an_error() {
    let document = document();
    let bodies: Vec<&str> = document.lines().filter(|line| line.starts_with("{\"error\":")).collect();
    assert!(!bodies.is_empty());
    for body in bodies {
        let error = value(body)["error"].clone();
        let known = serde_json::from_value::<ErrorBody>(error.clone()).expect("an error");
        assert_ne!(known.code, ErrorCode::Unknown, "{body}");
        assert_eq!(serde_json::to_value(known).expect("encodes"), error);
    }
}
