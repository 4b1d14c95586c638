//! `docs/OPERATIONS.md` against the code: its tables are what the code says, and the code's names are in its tables.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use hubbub_server::{
    config::{Config, grouped, key::Key},
    limits, metrics,
};

/// Where the document is changed instead of compared when this is set.
const UPDATE: &str = "UPDATE_DOCS";

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OPERATIONS.md")
}

/// Compares what stands between `<!-- generated: NAME -->` and `<!-- end -->`, or puts it there.
fn check(name: &str, expected: &str) {
    let path = document();
    let text = fs::read_to_string(&path).expect("docs/OPERATIONS.md");
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{name}: no line {begin}"));
    let (found, after) = rest.split_once("<!-- end -->").unwrap_or_else(|| panic!("{name}: no end"));
    let expected = format!("\n{expected}\n");
    if found == expected {
        return;
    }
    assert!(
        std::env::var_os(UPDATE).is_some(),
        "docs/OPERATIONS.md, {name}: run `{UPDATE}=1 cargo test -p hubbub-server --test operations -- --test-threads 1`. \
         Expected:\n{expected}"
    );
    fs::write(&path, format!("{before}{begin}{expected}<!-- end -->{after}")).expect("the document is written");
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    table
}

/// What the last words of a limit's name mean.
fn unit(name: &str) -> &'static str {
    let endings = [
        ("_bytes_max", "bytes"),
        ("_bytes", "bytes"),
        ("_chars_max", "characters"),
        ("_ms", "ms"),
        ("_us", "µs"),
        ("_per_s", "per second"),
        ("_events_max", "events"),
        ("_deliveries_max", "deliveries"),
        ("_members_max", "members"),
    ];
    endings.iter().find(|(ending, _)| name.ends_with(ending)).map_or("count", |(_, unit)| unit)
}

#[test]
fn the_keys_are_those_of_the_code() {
    let defaults = Config::default();
    let rows = Key::all().filter_map(|key| match key {
        Key::Limit(_) => None,
        Key::Plain(info) => Some(vec![
            format!("`{}`", key.path()),
            format!("`{}`", grouped(&key.get(&defaults))),
            format!("{} Must be {}.", info.what, info.expected),
            [Some(key.variable()), info.flag.map(str::to_owned)]
                .into_iter()
                .flatten()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join("<br>"),
        ]),
    });
    check("keys", &table(&["Key", "Default", "Meaning", "Variable, flag"], rows));
}

#[test]
fn the_limits_are_those_of_the_code() {
    let rows = limits::TABLE.iter().map(|info| {
        let number = |value: u64| grouped(&toml::Value::Integer(i64::try_from(value).expect("a small number")));
        vec![
            format!("`{}`<br>`{}`", info.name, Key::Limit(info).variable()),
            format!("`{}`", number(info.default)),
            format!("{} – {}", number(info.min), number(info.max)),
            unit(info.name).to_owned(),
            info.what.to_owned(),
            info.met.to_owned(),
        ]
    });
    let head = ["Limit and variable", "Default", "Range", "Unit", "What is limited", "What is seen when it is met"];
    check("limits", &table(&head, rows));
}

#[test]
fn the_metrics_are_those_of_the_code() {
    let rows = metrics::TABLE.iter().map(|info| {
        vec![
            format!("`{}`", info.name),
            info.kind.as_str().to_owned(),
            info.unit.as_str().to_owned(),
            info.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", "),
            info.help.to_owned(),
        ]
    });
    check("metrics", &table(&["Metric", "Kind", "Unit", "Labels", "Meaning"], rows));
}

#[test]
fn the_command_line_is_that_of_the_program() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_hubbub-server"));
    let help = program.arg("--help").env_remove("HUBBUB_CONFIG").env_remove("COLUMNS").output().expect("it runs");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    check("help", &format!("```text\n{}\n```\n", lines.join("\n")));
}

#[test]
fn every_metric_is_measured_by_its_constant() {
    let sources = sources();
    for info in metrics::TABLE.iter().filter(|info| !info.name.starts_with("process_")) {
        let set_by_the_recorder = info.name == metrics::BUILD_INFO;
        let constant = format!("names::{}", info.constant);
        assert!(set_by_the_recorder || sources.iter().any(|(_, text)| text.contains(&constant)), "{}", info.name);
        let literal = format!("\"{}\"", info.name);
        for (path, text) in &sources {
            assert!(!text.contains(&literal), "{} names {literal} instead of {constant}", path.display());
        }
    }
}

#[test]
fn every_metric_that_the_document_speaks_of_exists() {
    let text = fs::read_to_string(document()).expect("docs/OPERATIONS.md");
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        let stem = word.trim_end_matches("_bucket").trim_end_matches("_count").trim_end_matches("_sum");
        if word.starts_with("hubbub_") && !word.starts_with("hubbub_server") {
            assert!(metrics::TABLE.iter().any(|info| info.name == stem), "{word}");
        }
        if let Some(variable) =
            word.strip_prefix("HUBBUB_").filter(|rest| !matches!(*rest, "" | "SECTION_KEY" | "CONFIG"))
        {
            assert!(Key::all().any(|key| key.variable() == word) || variable.is_empty(), "{word}");
        }
    }
}

/// Every source file but the table itself.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("src/metrics.rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                found.push((path, text));
            }
        }
    }
    found
}
