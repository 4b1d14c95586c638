//! What reading a configuration promises.

use std::ffi::OsString;

use proptest::strategy::Strategy;

use super::{key::Key, *};
use crate::limits;

/// The configuration from a file's text, variables and flags.
fn load(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("hubbub.toml");
    std::fs::write(&path, file).expect("a file");
    let sources = Sources {
        file: Some(path.clone()),
        environment: environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect(),
        flags: flags.iter().map(|(name, value)| Flag { name, value: (*value).to_owned() }).collect(),
    };
    Config::load(&sources).map_err(|error| error.to_string().replace(&path.display().to_string(), "hubbub.toml"))
}

fn refusal(file: &str) -> String {
    load(file, &[], &[]).expect_err("must be refused")
}

#[test]
fn nothing_written_is_the_default() {
    assert_eq!(load("", &[], &[]), Ok(Config::default()));
    assert_eq!(Config::load(&Sources::default()).expect("no sources"), Config::default());
}

#[test]
fn flags_win_over_variables_over_the_file_over_the_default() {
    let file = "[server]\nhttp = \"a:1\"\nname = \"file\"\ndata = \"file\"";
    let config = load(
        file,
        &[("HUBBUB_SERVER_HTTP", "b:2"), ("HUBBUB_SERVER_DATA", "variable"), ("PATH", "/bin")],
        &[("--http", "c:3")],
    )
    .expect("all right");
    let Server { name, http, data, allowed_origins } = config.server;
    assert_eq!((name.as_str(), http.as_str()), ("file", "c:3"));
    assert_eq!(data, PathBuf::from("variable"));
    assert_eq!(allowed_origins, Vec::<String>::new());
}

#[test]
fn every_key_is_set_by_the_file_and_by_its_variable() {
    let other = |key: Key| match key {
        Key::Limit(info) if info.default == info.max => (info.default - 1).to_string(),
        Key::Limit(info) => (info.default + 1).to_string(),
        Key::Plain(info) => match info.name {
            "name" => "Other",
            "http" => "[::1]:0",
            "data" => "/srv/other",
            "allowed_origins" => "https://a.example",
            "shards" => "3",
            "format" => "json",
            "filter" => "warn,hubbub_server=debug",
            name => panic!("this test needs a value for {name}"),
        }
        .to_owned(),
    };
    for key in Key::all() {
        let text = other(key);
        let by_variable = load("", &[(&key.variable(), &text)], &[]).expect("the variable is right");
        let written = key.get(&by_variable);
        assert_ne!(written, key.get(&Config::default()), "{} took no notice", key.variable());
        let by_file = load(&format!("[{}]\n{} = {written}", key.section(), key.name()), &[], &[]);
        assert_eq!(by_file, Ok(by_variable), "{}", key.path());
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest() {
    assert_eq!(
        refusal("[limits]\n\npost_brust = 3\n"),
        "hubbub.toml:3:1: there is no key `limits.post_brust`; the nearest is `limits.post_burst`\n  \
         3 | post_brust = 3\n    | ^^^^^^^^^^"
    );
    assert!(refusal("[limits]\nburst = 3").contains("nearest is `limits.post_burst`"));
    assert!(refusal("http = \"a:1\"").contains("there is no key `http`; the nearest is `server.http`"));
    assert!(refusal("[log]\nhttp = \"a:1\"").contains("there is no key `log.http`; the nearest is `server.http`"));
    assert!(refusal("[limit]\n").contains("there is no section `[limit]`; the nearest is `[limits]`"));
    assert!(refusal("server = 1").contains("`server` is a section: write `[server]`"));
}

#[test]
fn an_unknown_variable_is_named_with_the_nearest() {
    let error = load("", &[("HUBBUB_LIMIT_POST_BURST", "3")], &[]).expect_err("must be refused");
    assert_eq!(error, "HUBBUB_LIMIT_POST_BURST: there is no such variable; the nearest is HUBBUB_LIMITS_POST_BURST");
    assert_eq!(load("", &[("HUBBUB_CONFIG", "hubbub.toml")], &[]), Ok(Config::default()), "the file's own variable");
}

#[test]
fn a_value_of_the_wrong_type_form_or_range_is_told_what_is_right() {
    let line = |file: &str| refusal(file).lines().next().unwrap_or_default().to_owned();
    let limit = "hubbub.toml:2:14: `limits.post_burst` must be a whole number from 1 to 1000000, not ";
    for (written, shown) in
        [("0", "0"), ("-1", "-1"), ("\"9\"", "\"9\""), ("2.5", "the fraction 2.5"), ("true", "the truth value true")]
    {
        assert_eq!(line(&format!("[limits]\npost_burst = {written}")), format!("{limit}{shown}"));
    }
    assert!(line("[limits]\npost_burst = 99999999999999999999").ends_with("not 99999999999999999999"));
    assert!(line("[server]\nhttp = 8080").contains("`server.http` must be an address as HOST:PORT"));
    for http in ["8080", "localhost", "a:b", ":1", "a:65536", "::1:80", "a b:1", "[x]:1", "a:+1"] {
        assert!(line(&format!("[server]\nhttp = \"{http}\"")).contains("`server.http` must be"), "{http}");
    }
    for shards in ["0", "1025", "\"core\"", "-3"] {
        assert!(line(&format!("[fanout]\nshards = {shards}")).contains("from 1 to 1024, not"), "{shards}");
    }
    for origin in ["https://a.example/", "a.example", "https://", "https://*.example", "null"] {
        assert!(line(&format!("[server]\nallowed_origins = [\"{origin}\"]")).contains("list of origins"), "{origin}");
    }
    for filter in ["inof", "", "info,debig", "hubbub=loud"] {
        assert!(line(&format!("[log]\nfilter = \"{filter}\"")).contains("must be a filter"), "{filter}");
    }
    assert!(line("[server]\nname = \"\"").contains("1 to 64 characters"));
    assert!(line("[log]\nformat = \"xml\"").contains("must be \"text\" or \"json\", not \"xml\""));
}

#[test]
fn limits_that_contradict_each_other_are_refused_where_they_were_written() {
    let error = refusal("[limits]\nsessions_max = 10");
    assert!(error.starts_with("hubbub.toml:2:16: limits.connections_max = 18000 must not exceed"), "{error}");
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_file() {
    let error = load("[server]\nnmae = \"x\"\n[fanout]\nshards = 0", &[("HUBBUB_NICK", "x")], &[]);
    let error = error.expect_err("must be refused");
    let starts: Vec<&str> = error.lines().filter(|line| line.starts_with(['h', 'H'])).collect();
    assert_eq!(starts.len(), 3, "{error}");
    assert!(starts[0].starts_with("hubbub.toml:2:1"), "{error}");
    assert!(starts[1].starts_with("hubbub.toml:4:10"), "{error}");
    assert!(starts[2].starts_with("HUBBUB_NICK: "), "{error}");
}

#[test]
fn what_is_no_toml_or_no_file_is_said_so() {
    assert!(refusal("[server\n").starts_with("hubbub.toml:1:"), "{}", refusal("[server\n"));
    assert!(refusal("[server]\nname = \"a\"\nname = \"b\"").contains("this is not TOML: duplicate key"));
    let sources = Sources { file: Some(PathBuf::from("/nonexistent/hubbub.toml")), ..Sources::default() };
    let error = Config::load(&sources).expect_err("must be refused").to_string();
    assert!(error.starts_with("/nonexistent/hubbub.toml: cannot be read: "), "{error}");
}

#[test]
fn the_commented_file_is_the_default_also_when_it_is_uncommented() {
    let file = commented_file();
    assert_eq!(load(&file, &[], &[]), Ok(Config::default()));
    let live: String = file
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert_eq!(live.matches(" = ").count(), Key::all().count(), "one line a key");
    assert_eq!(load(&live, &[], &[]), Ok(Config::default()));
    for info in limits::TABLE {
        assert!(file.contains(&format!("\n#{} = ", info.name)), "{}", info.name);
    }
    assert!(file.lines().all(|line| line.chars().count() <= 140), "lines fit a terminal");
}

#[test]
fn shards_are_counted_from_the_cores_or_as_written() {
    assert!(Shards::Cores.count().get() >= 1);
    let config = load("", &[], &[("--workers", "7")]).expect("all right");
    assert_eq!(config.fanout.shards.count().get(), 7);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_in_words(
        parts in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::string::string_regex("\\PC{0,6}").expect("a pattern"),
                proptest::sample::select(vec![
                    "\n", "\r\n", "\t", "=", "[", "]", "[server]\n", "[limits]\n", "http = ", "post_burst = ", "\"", "'''",
                    "\"a:1\"", "1", "-", "0x", "_", ".", "{", "}", ",", "é", "#", "true", "1e9", "2026-01-01",
                ])
                .prop_map(str::to_owned),
            ],
            0..24,
        )
    ) {
        if let Err(error) = load(&parts.concat(), &[], &[]) {
            proptest::prop_assert!(error.starts_with("hubbub.toml:"), "{}", error);
        }
    }
}
