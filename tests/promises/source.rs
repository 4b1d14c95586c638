//! The house rules that a compiler does not check, read from the sources: layers, first lines, lengths, words.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The crates, by folder.
const CRATES: [&str; 4] = ["protocol", "server", "client", "tests"];

/// The longest file, in lines.
const LINES_MAX: usize = 500;

/// Words that stand for what is not done here, with the reason.
const BANNED: &[(&str, &str)] = &[
    ("do_send", "it ignores the mailbox limit: use try_send and handle Full"),
    ("notify(", "it ignores the mailbox limit"),
    ("unbounded", "every queue has a limit"),
];

/// Where a panic on purpose may stand outside tests: file, words of the line, reason.
const PANICS_ALLOWED: &[(&str, &str, &str)] = &[
    ("client/src/link/jitter.rs", "letters and digits are a nick", "the name is made of that file's own letters"),
    ("client/src/scenario/ledger/latency.rs", "constants that fit each other", "the bounds are that file's own"),
];

/// A source file.
struct Source {
    /// Its path from the root of the repository.
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every source file of a folder.
fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                let path = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

/// The lines of a text that are compiled into the program: no comments, nothing behind `#[cfg(test)]`.
/// Items end where rustfmt puts their end: at a brace that stands as far in as their attribute.
fn program_lines(text: &str) -> Vec<(usize, &str)> {
    let mut kept = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let inner = line.trim_start();
        let indent = &line[..line.len() - inner.len()];
        if inner.starts_with("#[cfg(test)]") {
            let end = format!("{indent}}}");
            for (_, line) in lines.by_ref() {
                let is_short = line.strip_prefix(indent).is_some_and(|line| !line.starts_with([' ', '#', '}']));
                if line.starts_with(&end) || (is_short && line.ends_with(';')) {
                    break;
                }
            }
        } else if !inner.starts_with("//") {
            kept.push((number + 1, line));
        }
    }
    kept
}

/// What the names of files that only tests are made of begin with: those of modules behind `#[cfg(test)]`.
fn test_modules(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let folder = match source.path.rsplit_once('/') {
            Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder,
            _ => source.path.trim_end_matches(".rs"),
        };
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for pair in lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]") {
            let visible =
                pair[1].split_once("mod ").filter(|(before, _)| before.is_empty() || before.starts_with("pub"));
            if let Some(module) = visible.and_then(|(_, name)| name.strip_suffix(';')) {
                found.extend([format!("{folder}/{module}.rs"), format!("{folder}/{module}/")]);
            }
        }
    }
    found
}

/// The sources of a folder that are compiled into a program or library.
fn program_sources(folder: &str) -> Vec<Source> {
    let mut sources = sources(folder);
    let tests = test_modules(&sources);
    sources.retain(|source| !tests.iter().any(|test| source.path.starts_with(test)));
    sources
}

// ---- layers ----

/// The layers as the picture in a crate's `lib.rs` has them, from the top; modules of one line are one layer.
fn layers(picture: &str) -> Vec<Vec<String>> {
    let inside =
        picture.split("//! ```text\n").nth(1).and_then(|rest| rest.split("//! ```").next()).expect("a picture");
    let names = |line: &str| {
        let line = line.trim_start_matches("//! ");
        let names = line.split("  ").next().unwrap_or(line);
        names.split(", ").map(|name| name.trim().to_owned()).collect()
    };
    inside.lines().map(names).collect()
}

/// The first words behind every `crate::` of a line of code; a group has several.
fn crate_paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let Some(group) = rest.strip_prefix('{') else {
            found.push(word(rest));
            continue;
        };
        let (mut depth, mut begins) = (0, true);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && depth == 0 && !c.is_whitespace() => {
                    found.push(word(&group[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// What a module uses that does not stand below it.
fn upward(layers: &[Vec<String>], module: &str, code: &str) -> Vec<String> {
    let rank = |name: &str| layers.iter().position(|layer| layer.iter().any(|known| known == name));
    let Some(own) = rank(module) else { return vec![format!("{module} is not in the picture of lib.rs")] };
    let wrong = |used: &String| used != module && rank(used).is_none_or(|used| used < own);
    crate_paths(code).into_iter().filter(wrong).map(|used| format!("{module} uses {used}")).collect()
}

#[test]
fn the_server_s_modules_use_only_what_stands_below_them() {
    let sources = program_sources("server/src");
    let picture = &sources.iter().find(|source| source.path == "server/src/lib.rs").expect("lib.rs").text;
    let layers = layers(picture);
    assert!(layers.len() > 8, "{layers:?}");
    for module in picture.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(layers.iter().flatten().any(|known| known == module), "{module} is not in the picture of lib.rs");
    }
    let mut wrong = Vec::new();
    for source in &sources {
        let inside = source.path.trim_start_matches("server/src/");
        let module = inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs");
        if ["lib", "main"].contains(&module) {
            continue;
        }
        let code: Vec<&str> = program_lines(&source.text).into_iter().map(|(_, line)| line).collect();
        wrong.extend(
            upward(&layers, module, &code.join("\n")).into_iter().map(|what| format!("{}: {what}", source.path)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_use_that_points_up_is_found() {
    let picture = "//! ```text\n//! app          builds\n//! room         one task\n//! limits, clock\n//! ```\n";
    let layers = layers(picture);
    assert_eq!(layers, [vec!["app"], vec!["room"], vec!["limits", "clock"]]);
    let code = "use crate::{\n    clock::{Clock, now},\n    app::{self, App},\n};\nlet x = crate::limits::size(1);";
    assert_eq!(crate_paths(code), ["clock", "app", "limits"]);
    assert_eq!(upward(&layers, "room", code), ["room uses app"]);
    assert_eq!(upward(&layers, "app", code), Vec::<String>::new());
    assert_eq!(upward(&layers, "room", "use crate::nowhere::X;"), ["room uses nowhere"]);
}

#[test]
fn server_and_client_share_the_protocol_and_nothing_else() {
    for (folder, strangers) in [
        ("protocol", &["hubbub_server", "hubbub_client", "tokio", "actix", "std::net"][..]),
        ("server", &["hubbub_client"][..]),
        ("client", &["hubbub_server", "actix"][..]),
    ] {
        for source in sources(&format!("{folder}/src")) {
            for (number, line) in program_lines(&source.text) {
                for stranger in strangers {
                    let is_used = line.contains(&format!("{stranger}::")) || line.contains(&format!("use {stranger}"));
                    assert!(!is_used, "{}:{number} uses {stranger}", source.path);
                }
            }
        }
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
        let dependencies = manifest.split("[dependencies]").nth(1).expect("dependencies");
        for stranger in strangers.iter().map(|stranger| stranger.replace('_', "-")) {
            assert!(!dependencies.lines().any(|line| line.starts_with(&stranger)), "{folder} depends on {stranger}");
        }
    }
}

// ---- files ----

#[test]
fn every_file_says_its_job_in_its_first_line_and_is_short() {
    let mut wrong = Vec::new();
    for source in CRATES.iter().flat_map(|folder| sources(folder)) {
        let first = source.text.lines().next().unwrap_or_default();
        if !first.starts_with("//! ") || first.split_whitespace().count() < 4 {
            wrong.push(format!("{}: the first line is no sentence that says its job: {first}", source.path));
        }
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{}: {lines} lines", source.path));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The lines that panic on purpose.
fn panics(text: &str) -> Vec<(usize, &str)> {
    let is_panic =
        |line: &str| [".unwrap()", ".expect(", "panic!(", "unreachable!("].iter().any(|word| line.contains(word));
    program_lines(text).into_iter().filter(|(_, line)| is_panic(line)).collect()
}

#[test]
fn no_program_panics_on_purpose() {
    let mut wrong = Vec::new();
    let mut used = vec![false; PANICS_ALLOWED.len()];
    for source in ["protocol/src", "server/src", "client/src"].iter().flat_map(|folder| program_sources(folder)) {
        for (number, line) in panics(&source.text) {
            match PANICS_ALLOWED.iter().position(|(file, words, _)| *file == source.path && line.contains(words)) {
                Some(at) => used[at] = true,
                None => wrong.push(format!("{}:{number}: {}", source.path, line.trim())),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(used.iter().all(|used| *used), "an exception that nothing needs any more");
}

#[test]
fn what_is_banned_is_nowhere() {
    let mut wrong = Vec::new();
    for source in CRATES.iter().flat_map(|folder| sources(folder)) {
        if source.path.ends_with("promises/source.rs") {
            continue;
        }
        for (number, line) in program_lines(&source.text) {
            for (word, reason) in BANNED.iter().filter(|(word, _)| line.contains(word)) {
                wrong.push(format!("{}:{number}: {word}: {reason}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn modules_of_tests_are_found_however_they_can_be_seen() {
    let text = "#[cfg(test)]\nmod a;\n#[cfg(test)]\npub(super) mod b;\n#[cfg(test)]\nmod c {\n}\nmod d;\n".to_owned();
    let found = test_modules(&[Source { path: "x/src/y/mod.rs".to_owned(), text }]);
    assert_eq!(found, ["x/src/y/a.rs", "x/src/y/a/", "x/src/y/b.rs", "x/src/y/b/"]);
}

#[test]
fn tests_and_comments_are_no_program_and_everything_else_is() {
    let text = "\
//! A file.
let a = b.unwrap();
// c.unwrap()
#[cfg(test)]
mod elsewhere;
let d = e.expect(\"x\");
impl A {
    #[cfg(test)]
    fn f() {
        g.unwrap();
    }
    fn h() { i.unwrap() }
}
#[cfg(test)]
#[allow(unused)]
mod tests {
    fn j() { k.unwrap() }
}
let l = m.unwrap();
";
    let found: Vec<usize> = panics(text).into_iter().map(|(number, _)| number).collect();
    assert_eq!(found, [2, 6, 12, 19]);
}
