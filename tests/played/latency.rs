//! Latency, as the runner tells it, is the truth: what was late is seen to be late, by the time at which it was meant
//! to be sent; and when it was the load side that was late, this is said.
//!
//! No figure of these tests depends on how fast the machine is. Each says how much must have been late, for it was held
//! back for longer; and a window of one post can only meet so many delays as fit into its time.

use std::{fs, time::Duration};

use hubbub_tests::{
    liar::{Liar, Lie},
    server::{Server, Setup},
    wire::Wire,
};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::runner::{Facts, Runner};

/// How late one receipt is made.
const DELAY: Duration = Duration::from_millis(300);

/// How long a process is held still.
const STOP: Duration = Duration::from_millis(500);

/// Receipts are counted by latency in buckets, each from 2ⁿ up to 2ⁿ⁺¹ microseconds. This one is the first that is late:
/// 262 ms, far from what a message takes, and half of [`STOP`].
const LATE_BUCKET: usize = 18;
const LATE_US: u64 = 1 << LATE_BUCKET;

/// Posts a second of the open flow.
const PER_S: u64 = 400;

/// Seconds that a flow takes.
const FLOW_S: u64 = 3;

/// Receipts by latency: those that were late, and the others.
fn late_and_others(facts: &Facts) -> (u64, u64) {
    let (mut late, mut others) = (0, 0);
    for interval in facts.0["account"]["timeline"].as_array().expect("intervals") {
        let buckets = interval["buckets"].as_array().expect("buckets");
        for (bucket, count) in buckets.iter().map(|count| count.as_u64().expect("a count")).enumerate() {
            *if bucket >= LATE_BUCKET { &mut late } else { &mut others } += count;
        }
    }
    (late, others)
}

#[tokio::test]
async fn one_receipt_that_is_held_back_is_told_as_late_with_its_reader_and_no_other_is() {
    let story = "\
name: One of them hears it late
cast: {ana: {join: lobby}, bo: {join: lobby}, cy: {join: lobby}}
steps:
  - post: {who: ana, room: lobby, times: 20}
";
    let server = Server::start(Setup::for_load()).await;
    let liar = Liar::start(server.address(), Lie::Delays(DELAY), "cy", 20).await;
    let (_folder, runner) = play(story, &format!("ws://{}", liar.address()));
    let facts = runner.end().await.expect_code(0).facts("facts.json");
    facts.expect_held();
    assert_eq!(liar.told(), 1);
    let delay_us = u64::try_from(DELAY.as_micros()).expect("a time");
    assert!(facts.number("/account/delivery/max_us") >= delay_us, "{:#}", facts.0["account"]["delivery"]);
    let (late, others) = late_and_others(&facts);
    assert_eq!(late + others, 60);
    assert!(late >= 1 && late < others, "{late} late, {others} others");
    assert!(facts.number("/account/delivery/p50_us") < LATE_US);
    let delay_ms = DELAY.as_secs_f64() * 1e3;
    let is_it = |life: &serde_json::Value| {
        let [intended, last] = ["intended_ms", "last_receipt_ms"].map(|time| life[time].as_f64().unwrap_or(0.0));
        life["last_reader"] == "cy" && last - intended >= delay_ms
    };
    assert!(
        facts.0["account"]["worst"].as_array().expect("lives").iter().any(is_it),
        "{:#}",
        facts.0["account"]["worst"]
    );
}

/// Starts a story on a server; its facts go to `facts.json`.
fn play(story: &str, url: &str) -> (TempDir, Runner) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("story.yaml");
    fs::write(&file, story).expect("a file");
    let runner = Runner::start(&["run", &file.to_string_lossy(), "--server", url, "--json", "facts.json"]);
    (folder, runner)
}

/// Who is held still for [`STOP`], in the middle of a flow.
#[derive(Debug, Clone, Copy)]
enum Held {
    Server,
    Runner,
}

/// Ana talks to herself in this rhythm, and when it has begun, one side is held still. Answers facts and summary.
async fn hold(held: Held, rhythm: &str) -> (Facts, String) {
    let story = format!(
        "name: A moment of silence\ncast: {{ana: {{join: lobby}}}}\nsteps:\n  \
         - post: {{who: ana, room: lobby, {rhythm}, for: {FLOW_S} s}}\n"
    );
    let server = Server::start(Setup::for_load()).await;
    let mut witness = Wire::guest(server.address(), "witness").await.0;
    witness.join("lobby").await;
    let (_folder, runner) = play(&story, &format!("ws://{}", server.address()));
    // The flow has begun, and goes on for much longer than the silence.
    witness.log_event().await;
    let signal = |signal| match held {
        Held::Server => server.signal(signal),
        Held::Runner => runner.signal(signal),
    };
    signal(Signal::STOP);
    tokio::time::sleep(STOP).await;
    signal(Signal::CONT);
    drop(witness);
    let ended = runner.end().await.expect_code(0);
    let facts = ended.facts("facts.json");
    facts.expect_held();
    (facts, ended.out)
}

#[tokio::test]
async fn posts_that_were_meant_for_a_silence_are_late_in_an_open_flow_and_were_never_meant_in_a_closed_one() {
    let (open, _) = hold(Held::Server, &format!("rate: {PER_S}/s")).await;
    let (closed, _) = hold(Held::Server, "window: 1").await;
    // All that were meant for the part of the silence that had as much of it before it; a quarter of them is left to
    // chance: a signal needs a moment.
    let silence_us = u64::try_from(STOP.as_micros()).expect("a time");
    let meant = PER_S * (silence_us - LATE_US) / 1_000_000;
    let (late, others) = late_and_others(&open);
    assert_eq!(late + others, PER_S * FLOW_S);
    assert!(late >= meant * 3 / 4, "{late} of about {meant} are told as late");
    assert!(open.number("/account/delivery/p99_us") >= LATE_US, "{:#}", open.0["account"]["delivery"]);
    // One after the other: so many delays fit into the time, and the silence is one of them.
    let (late, _) = late_and_others(&closed);
    let most = FLOW_S * 1_000_000 / LATE_US + 1;
    assert!((1..=most).contains(&late), "{late} are told as late, {most} at most can be");
    assert!(most < meant * 3 / 4, "what is told apart");
    assert!(closed.number("/account/delivery/max_us") >= LATE_US, "{:#}", closed.0["account"]["delivery"]);
}

#[tokio::test]
async fn a_load_side_that_is_late_itself_says_that_the_figures_are_its_own() {
    let (facts, summary) = hold(Held::Runner, &format!("rate: {PER_S}/s")).await;
    assert!(facts.number("/account/load/lateness_p99_us") >= LATE_US, "{:#}", facts.0["account"]["load"]);
    let said = facts.0["account"]["load"]["bottleneck"].as_str().expect("a reason");
    assert!(said.contains("later than intended"), "{said}");
    assert!(summary.contains("These figures are not the server's alone"), "{summary}");
    // And the latencies are from the intended times all the same.
    assert!(late_and_others(&facts).0 > 0);
}
