//! `docs/SCENARIOS.md` against the code: its scenarios are scenarios, its tables are what the grammar says.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::scenario;
use crate::scenario::file::{
    grammar::{self, EXPECTATIONS, Field, Shape, VERBS, Word},
    read,
    threshold::Figure,
};

/// Where the document is changed instead of compared when this is set.
const UPDATE: &str = "UPDATE_DOCS";

/// A file with three mistakes.
const MISTAKEN: &str = "\
name: Friends
cast: {ana: {join: lobby}, bo: {join: lobby}}
steps:
  - post: {who: anna, room: lobby, text: \"Hello?\", as: m1}
  - wait: 5
  - expect: {who: everyone in loby, receives: m1, witin: 1 s}
";

/// A scenario of the document.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) text: String,
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/SCENARIOS.md")
}

fn document() -> String {
    fs::read_to_string(path()).expect("docs/SCENARIOS.md")
}

/// Every block that is marked as `yaml` and nothing else.
pub(super) fn blocks() -> Vec<Block> {
    let document = document();
    let blocks = document.split("\n```yaml\n").skip(1);
    blocks.map(|rest| Block { text: rest.split("```").next().unwrap_or_default().to_owned() }).collect()
}

/// Compares what stands between `<!-- generated: NAME -->` and `<!-- end -->`, or puts it there.
fn check(name: &str, expected: &str) {
    let text = document();
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{name}: no line {begin}"));
    let (found, after) = rest.split_once("<!-- end -->").unwrap_or_else(|| panic!("{name}: no end"));
    let expected = format!("\n{expected}\n");
    if found == expected {
        return;
    }
    assert!(
        std::env::var_os(UPDATE).is_some(),
        "docs/SCENARIOS.md, {name}: run `{UPDATE}=1 cargo test -p hubbub-client --lib scenario::file::tests::document -- --test-threads 1`. Expected:\n{expected}"
    );
    fs::write(path(), format!("{before}{begin}{expected}<!-- end -->{after}")).expect("the document is written");
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    table
}

fn fields(shape: &Shape) -> String {
    let row = |field: &Field| {
        let name = if field.is_required { format!("**`{}`**", field.name) } else { format!("`{}`", field.name) };
        vec![name, field.kind.noun(), field.meaning.to_owned()]
    };
    table(&["Key", "Value", "Meaning"], shape.fields.iter().map(row))
}

/// The words, each with its keys (those that are needed in bold).
fn words(words: &[Word], head: &str, example: impl Fn(&Word) -> String) -> String {
    let keys = |word: &Word| {
        let name = |field: &Field| {
            if field.is_required { format!("**`{}`**", field.name) } else { format!("`{}`", field.name) }
        };
        word.shape.fields.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    let rows =
        words.iter().map(|word| vec![format!("`{}`", word.name), example(word), keys(word), word.meaning.to_owned()]);
    table(&[head, "Example", "Keys", "Meaning"], rows)
}

#[test]
fn every_scenario_of_the_document_is_one() {
    let blocks = blocks();
    assert!(blocks.len() >= 8, "the document teaches by examples, there are {}", blocks.len());
    for Block { text } in blocks {
        scenario(&text);
    }
}

#[test]
fn the_tables_are_what_the_grammar_says() {
    check("file", &fields(&grammar::FILE));
    check("server", &fields(&grammar::SERVER));
    check("rooms", &fields(&grammar::ROOMS));
    check("role", &fields(&grammar::ROLE));
    check("talk", &fields(&grammar::TALK));
    check("reconnects", &fields(&grammar::RECONNECTS));
    check("verbs", &words(VERBS, "Verb", |word| format!("`{}`", word.example)));
    let mistaken = read(MISTAKEN, "friends.yaml").expect_err("this is no scenario");
    check("mistakes", &format!("```text\n{mistaken}\n```\n"));
    let post = VERBS.iter().find(|word| word.name == "post").expect("a verb");
    check("post", &fields(post.shape));
    check("expectations", &words(EXPECTATIONS, "Key", |word| format!("`{}`", word.example)));
    let figures = Figure::ALL.iter().map(|(_, name, meaning)| vec![format!("`{name}`"), (*meaning).to_owned()]);
    check("figures", &table(&["Figure", "Meaning"], figures));
}
