//! `docs/SCENARIOS.md` and `README.md`: every example in them is a scenario that can be played, and what it says holds.

use std::{fs, path::Path};

use crate::runner::{Runner, scenario};

/// Examples that are played at once.
const AT_ONCE: usize = 2;

/// An example: its line in the document, and what it says.
#[derive(Debug, PartialEq)]
struct Example {
    line: usize,
    text: String,
}

/// What stands in fences that are marked with exactly this word.
fn examples(document: &str, word: &str) -> Vec<Example> {
    let mut found = Vec::new();
    let mut lines = document.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.strip_prefix("```").is_some_and(|info| info.trim() == word) {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            found.push(Example { line: number + 1, text: inside.collect::<Vec<_>>().join("\n") + "\n" });
        }
    }
    found
}

#[test]
fn examples_are_found_with_their_lines() {
    let document = "words\n```yaml\na: 1\nb: 2\n```\n```sh\nls\n```\n```yaml fragment\nc\n```\n```yaml\n```\n";
    let found = examples(document, "yaml");
    assert_eq!(
        found,
        [Example { line: 2, text: "a: 1\nb: 2\n".to_owned() }, Example { line: 12, text: "\n".to_owned() }]
    );
}

#[tokio::test]
async fn every_example_of_the_document_can_be_played_and_holds() {
    plays_and_holds("docs/SCENARIOS.md", 5).await;
}

#[tokio::test]
async fn the_example_of_the_front_page_can_be_played_and_holds() {
    plays_and_holds("README.md", 1).await;
}

async fn plays_and_holds(document: &str, examples_min: usize) {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document)).expect(document);
    let examples = examples(&text, "yaml");
    assert!(examples.len() >= examples_min, "a document without examples teaches nothing: {}", examples.len());
    let name = Path::new(document).file_stem().expect("a name").to_string_lossy();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files: Vec<String> = examples
        .iter()
        .map(|example| {
            let file = folder.path().join(format!("{name}-line-{}.yaml", example.line));
            fs::write(&file, &example.text).expect("a file");
            file.to_string_lossy().into_owned()
        })
        .collect();
    let words: Vec<&str> = ["check"].into_iter().chain(files.iter().map(String::as_str)).collect();
    scenario(&words).await.expect_code(0);
    for some in files.chunks(AT_ONCE) {
        let start = |file: &String| Runner::start(&["run", file, "--json", "facts.json"]);
        for runner in some.iter().map(start).collect::<Vec<_>>() {
            runner.end().await.expect_code(0).facts("facts.json").expect_held();
        }
    }
}
