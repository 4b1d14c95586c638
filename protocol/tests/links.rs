//! The documents point at what exists: links, headings, files of the tree, names in files, excerpts.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a path of the tree begins with.
const ROOTS: &[&str] = &["protocol/", "server/", "client/", "tests/", "docs/", ".ci/"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every document with its path from the root of the tree.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in ["", "docs", "docs/decisions"] {
        let entries = fs::read_dir(root().join(folder)).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        paths.extend(names.map(|name| Path::new(folder).join(name)));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(root().join(&path)).expect("a document");
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// The word that a heading is linked by: lower case, hyphens for spaces, no punctuation.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.trim().to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn has_anchor(document: &str, wanted: &str) -> bool {
    let mut is_code = false;
    document.lines().any(|line| {
        is_code ^= line.starts_with("```");
        !is_code && line.starts_with('#') && anchor(line.trim_start_matches('#')) == wanted
    })
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    for (path, text) in documents() {
        for (begin, _) in text.match_indices("](") {
            let rest = &text[begin + 2..];
            let target = rest.split(')').next().unwrap_or_default();
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                file => path.parent().unwrap_or(Path::new("")).join(file),
            };
            let exists = match fs::read_to_string(root().join(&file)) {
                Ok(document) => heading.is_empty() || has_anchor(&document, heading),
                Err(_) => heading.is_empty() && root().join(&file).exists(),
            };
            if !exists {
                wrong.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "these links lead nowhere:\n{}", wrong.join("\n"));
}

/// Whether a source file has an item of this name.
fn has_item(source: &str, name: &str) -> bool {
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let words = ["fn ", "struct ", "enum ", "trait ", "type ", "const ", "static ", "mod ", "macro_rules! "];
    words.iter().any(|word| {
        let item = format!("{word}{name}");
        source.match_indices(&item).any(|(at, found)| is_end(&source[at + found.len()..]))
    })
}

#[test]
fn every_path_and_name_that_is_spoken_of_exists() {
    let mut wrong = Vec::new();
    for (document, text) in documents() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "/._-:*".contains(c);
        for word in text.split(|c| !is_word(c)).filter(|word| ROOTS.iter().any(|root| word.starts_with(root))) {
            let word = word.trim_end_matches(['.', ':', '-']);
            if word.contains('*') {
                continue;
            }
            let (path, name) = word.split_once("::").unwrap_or((word, ""));
            let exists = match (name, fs::read_to_string(root().join(path))) {
                ("", _) => root().join(path).exists(),
                (name, Ok(source)) => has_item(&source, name),
                (_, Err(_)) => false,
            };
            if !exists {
                wrong.push(format!("{}: {word}", document.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "these do not exist:\n{}", wrong.join("\n"));
}

/// An excerpt stands below `<!-- from PATH -->`; `…` in a line of its own stands for what was left out.
#[test]
fn every_excerpt_is_what_its_file_says() {
    for (document, text) in documents() {
        for part in text.split("<!-- from ").skip(1) {
            let (path, rest) = part.split_once(" -->\n").expect("a path");
            let source = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            let excerpt = rest.trim_start().strip_prefix("```rust\n").and_then(|rest| rest.split_once("\n```"));
            let (excerpt, _) = excerpt.unwrap_or_else(|| panic!("{}: no excerpt of {path}", document.display()));
            let mut lines = source.lines().map(str::trim);
            for wanted in excerpt.lines().map(str::trim).filter(|line| !matches!(*line, "" | "…")) {
                assert!(lines.any(|line| line == wanted), "{}: {path} has no line: {wanted}", document.display());
            }
        }
    }
}
