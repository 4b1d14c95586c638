//! The commands around a run: how they end, what they print, and that nothing is left behind.

use std::{fs, os::unix::process::ExitStatusExt};

use rustix::process::Signal;
use serde_json::Value;

use crate::runner::{Runner, scenario};

const SHORT: &str = "\
name: A short story
cast: {ana: {join: lobby}, bo: {join: lobby}}
steps:
  - post: {who: ana, room: lobby, times: 20, as: words}
  - expect: {who: bo, receives: words}
";

/// Goes on for far longer than any test waits.
const LONG: &str = "\
name: A long story
server: {limits: {post_burst: 100000}}
cast: {crowd: {count: 20, join: lobby}}
steps:
  - post: {who: crowd, room: lobby, rate: 50/s, size: 3 KiB, for: 30 min}
";

/// More than an empty store occupies.
const STORED_BYTES: u64 = 1 << 20;

/// A folder with a file of this text, and the file's path.
fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("story.yaml");
    fs::write(&path, text).expect("a file");
    (folder, path.to_string_lossy().into_owned())
}

#[tokio::test]
async fn a_wrong_file_is_answered_with_its_place_and_a_pointer() {
    let (_folder, path) = file(&SHORT.replace("who: ana", "who: anna"));
    for command in ["run", "check"] {
        let ended = scenario(&[command, &path]).await.expect_code(2);
        let column = 3 + "- post: {who: ".len();
        assert!(ended.err.contains(&format!("{path}:4:{column}: ")), "{ended}");
        assert!(ended.err.contains("who: anna") && ended.err.contains("^^^^"), "{ended}");
        assert!(ended.err.contains("`ana`"), "what might have been meant: {ended}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_a_wrong_file() {
    let ended = scenario(&["run", "nowhere.yaml"]).await.expect_code(2);
    assert!(ended.err.contains("nowhere.yaml"), "{ended}");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_told_from_one_that_fails() {
    let (_folder, path) = file(SHORT);
    // A port that was free a moment ago, and that nobody listens to.
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("an address")
    };
    let ended = scenario(&["run", &path, "--server", &format!("ws://{address}")]).await.expect_code(3);
    assert!(ended.err.contains(&address.to_string()), "{ended}");
}

#[tokio::test]
async fn what_another_s_server_cannot_be_asked_is_refused_before_anybody_connects() {
    let story = format!("{SHORT}  - kill_server: {{restart_after: 1 s}}\n");
    let (_folder, path) = file(&story);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("the option can be set");
    let address = listener.local_addr().expect("an address");
    let killing = scenario(&["run", &path, "--server", &format!("ws://{address}")]).await.expect_code(2);
    assert!(killing.err.contains("line 6") && killing.err.contains("private server"), "{killing}");
    let (_folder, path) = file(SHORT);
    let secret = scenario(&["run", &path, "--server", &format!("wss://{address}")]).await.expect_code(2);
    assert!(secret.err.contains("ws://"), "{secret}");
    assert_eq!(listener.accept().map_err(|error| error.kind()).err(), Some(std::io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn a_server_program_that_is_not_there_is_named() {
    let (_folder, path) = file(SHORT);
    let ended = scenario(&["run", &path, "--server-bin", "nowhere/hubbub-server"]).await;
    assert!(!ended.status.success() && ended.err.contains("nowhere/hubbub-server"), "{ended}");
}

#[tokio::test]
async fn what_does_not_hold_is_named_with_its_line() {
    let (_folder, path) =
        file(&format!("{SHORT}  - expect: {{that: words.count == 21}}\nthresholds: [accepted == 7]\n"));
    let ended = scenario(&["run", &path, "--json", "facts.json"]).await.expect_code(1);
    let facts = ended.facts("facts.json");
    assert_eq!(facts.verdict(), "failed");
    let lines: Vec<Option<u32>> = facts.broken().iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [Some(6), Some(7)], "{:?}", facts.broken());
    assert!(ended.out.contains("words.count == 21") && ended.out.contains("accepted == 7"), "{ended}");
}

#[tokio::test]
async fn who_is_not_in_the_room_is_told_so() {
    let story = "name: Elsewhere\ncast: {ana: {join: lobby}, eve: {join: attic}}\nsteps:\n  - post: {who: ana, room: lobby, as: m1}\n  - expect: {who: eve, receives: m1, within: 100 ms}\n";
    let (_folder, path) = file(story);
    let ended = scenario(&["run", &path]).await.expect_code(1);
    assert!(ended.out.contains("eve is not in lobby"), "{ended}");
}

#[tokio::test]
async fn the_schema_is_one_of_json_schema() {
    let ended = scenario(&["schema"]).await.expect_code(0);
    let schema: Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for key in ["name", "cast", "steps", "thresholds"] {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
}

#[tokio::test]
async fn two_runs_can_be_compared_and_a_seed_repeats() {
    let (_folder, path) = file(SHORT);
    let mut seeds = Vec::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["a.json", "b.json"] {
        let json = folder.path().join(name);
        scenario(&["run", &path, "--seed", "7", "--json", &json.to_string_lossy()]).await.expect_code(0);
        let facts: Value = serde_json::from_str(&fs::read_to_string(json).expect("facts")).expect("JSON");
        seeds.push(facts["scenario"]["seed"].clone());
    }
    assert_eq!(seeds, [7, 7]);
    let names = ["a.json", "b.json"].map(|name| folder.path().join(name).to_string_lossy().into_owned());
    let ended = scenario(&["compare", &names[0], &names[1]]).await.expect_code(0);
    assert!(ended.out.contains("p99"), "{ended}");
    fs::write(&names[1], "{\"format\": 999}").expect("a file");
    let ended = scenario(&["compare", &names[0], &names[1]]).await.expect_code(2);
    assert!(ended.err.contains("b.json"), "{ended}");
}

/// What a page would load from elsewhere: every place where an address is looked up without being clicked.
fn loads(page: &str) -> Vec<&str> {
    let signs =
        ["src=\"", "srcset=\"", "url(", "@import", "<link", "<iframe", "<object", "<embed", "xlink:href=\"http"];
    let found = signs.iter().flat_map(|sign| page.match_indices(sign));
    let shown = found.map(|(at, _)| page[at..].lines().next().unwrap_or_default());
    shown.filter(|line| !line.starts_with("url(#") && !line.starts_with("src=\"data:")).collect()
}

#[tokio::test]
async fn the_report_is_one_file_that_needs_no_network() {
    let (_folder, path) = file(&SHORT.replace("short story", "<b>short</b> story"));
    let ended = scenario(&["run", &path, "--report", "report.html"]).await.expect_code(0);
    let page = ended.file("report.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"), "{page}");
    assert!(page.contains("<svg") && page.contains("&lt;b&gt;short&lt;/b&gt;") && !page.contains("<b>short"));
    assert_eq!(loads(&page), [""; 0]);
    assert!(loads("<img src=\"https://x\">") != [""; 0] && loads("fill: url(#a)") == [""; 0], "the check can fail");
}

#[tokio::test]
async fn several_files_are_played_one_after_the_other() {
    let (_folder, good) = file(SHORT);
    let (_other, bad) = file(&format!("{SHORT}thresholds: [accepted == 7]\n").replace("short", "failing"));
    let ended = scenario(&["run", &bad, &good]).await.expect_code(1);
    assert!(ended.out.contains("A failing story") && ended.out.contains("A short story"), "{ended}");
}

/// A long story in the middle of it: its server runs, and has stored what was said.
async fn in_the_middle(words: &[&str]) -> (tempfile::TempDir, Runner) {
    let (folder, path) = file(LONG);
    let words: Vec<&str> = ["run", &path].iter().chain(words).copied().collect();
    let runner = Runner::start(&words);
    runner.wait_until("posts in its server's store", |runner| runner.temporary_bytes() > STORED_BYTES).await;
    assert_eq!(runner.servers().len(), 1);
    (folder, runner)
}

#[tokio::test]
async fn an_interrupted_run_reports_what_it_saw_and_leaves_nothing_behind() {
    let (_folder, runner) = in_the_middle(&["--json", "facts.json", "--report", "report.html"]).await;
    runner.signal(Signal::INT);
    let ended = runner.end().await.expect_code(1);
    let facts = ended.facts("facts.json");
    assert_eq!(facts.verdict(), "interrupted");
    assert!(facts.total("accepted") > 0 && facts.total("delivered") > 0, "{facts:?}");
    assert_eq!((facts.total("lost"), facts.breaches()), (0, vec![]));
    assert!(ended.file("report.html").contains("</html>"));
}

#[tokio::test]
async fn a_killed_runner_leaves_no_server_behind() {
    let (_folder, mut runner) = in_the_middle(&[]).await;
    runner.signal(Signal::KILL);
    assert_eq!(runner.exit().await.signal(), Some(9));
    runner.wait_until("the server's end", |runner| runner.servers().is_empty()).await;
}
