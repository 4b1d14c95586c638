//! A runner that cannot fail proves nothing: behind a server that lies once, it fails and names the lie.

use std::{fs, time::Duration};

use hubbub_tests::{
    liar::{Liar, Lie},
    server::{Server, Setup},
};

use crate::runner::{Facts, scenario};

/// Ana posts three times; bo goes, ana posts three times again, and bo comes back. Cy is there all the time and has the
/// last word, and eve is elsewhere. Only the first posts are captured, so that all else is found by what runs always.
const STORY: &str = "\
name: What the liar hears
cast:
  ana: {join: lobby}
  bo: {join: lobby}
  cy: {join: lobby}
  eve: {join: attic}
steps:
  - post: {who: ana, room: lobby, text: 'early {n}', times: 3, as: early}
  - settle: {within: 2 s}
  - expect: {who: everyone in lobby, receives: early, within: 2 s}
  - disconnect: bo
  - post: {who: ana, room: lobby, text: 'late {n}', times: 3}
  - reconnect: bo
  - expect: {who: bo, resumed: complete}
  - post: {who: cy, room: lobby, text: 'welcome back'}
";

/// Later than the story wants it, by far.
const LATE: Duration = Duration::from_secs(4);

/// Plays the story against a server that lies to or about `victim` once. Answers its facts; the code must fit them.
async fn told(lie: Lie, victim: &str, nth: u32) -> Facts {
    told_in(STORY, lie, victim, nth).await
}

async fn told_in(story: &str, lie: Lie, victim: &str, nth: u32) -> Facts {
    let is_honest = lie == Lie::None;
    let server = Server::start(Setup::for_load()).await;
    let liar = Liar::start(server.address(), lie, victim, nth).await;
    let url = format!("ws://{}", liar.address());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("story.yaml");
    fs::write(&file, story).expect("a file");
    let words = ["run", &file.to_string_lossy(), "--server", &url, "--json", "facts.json"];
    let ended = scenario(&words).await.expect_code(i32::from(!is_honest));
    println!("{ended}");
    assert_eq!(liar.told(), u32::from(!is_honest), "the lie was not told");
    ended.facts("facts.json")
}

/// Of what runs always, exactly these kinds were found, each with a sentence.
#[track_caller]
fn assert_found(facts: &Facts, kinds: &[&str]) {
    assert_eq!(facts.breaches(), kinds, "{:#}", facts.0["account"]["breaches"]);
    assert_eq!(facts.verdict(), "failed");
    let sentences = facts.0["account"]["breaches"].as_array().expect("sentences");
    for kind in kinds {
        assert!(sentences.iter().any(|breach| breach["kind"] == *kind && breach["text"] != ""), "{sentences:#?}");
    }
    assert!(facts.findings("invariants").iter().any(|finding| !finding.held), "{:?}", facts.broken());
}

#[tokio::test]
async fn an_honest_server_is_believed() {
    told(Lie::None, "cy", 1).await.expect_held();
}

#[tokio::test]
async fn a_lost_post_is_found() {
    assert_found(&told(Lie::Loses, "cy", 2).await, &["lost"]);
}

#[tokio::test]
async fn a_post_that_is_lost_until_its_reader_comes_back_is_found() {
    // By then bo has had a later one.
    assert_found(&told(Lie::Loses, "bo", 2).await, &["reordered"]);
}

#[tokio::test]
async fn a_doubled_post_is_found() {
    assert_found(&told(Lie::Doubles, "cy", 2).await, &["doubled"]);
}

#[tokio::test]
async fn a_reordered_post_is_found() {
    assert_found(&told(Lie::Reorders, "cy", 1).await, &["reordered"]);
}

#[tokio::test]
async fn an_order_that_is_another_for_one_reader_is_found() {
    let facts = told(Lie::Rewrites, "cy", 1).await;
    // Who is right is not known before the rooms are read back. If cy is heard first, each of the two posts has a place
    // already when the others get it at another.
    let kinds = facts.breaches();
    assert!(kinds.contains(&"disagreement"), "{kinds:?}");
    assert!(kinds.iter().all(|kind| ["disagreement", "doubled", "lost"].contains(kind)), "{kinds:?}");
}

#[tokio::test]
async fn a_post_with_other_words_is_found() {
    // Cy's copy comes before or after that of others: then theirs are what differs, one by one.
    let facts = told(Lie::Alters, "cy", 2).await;
    assert_eq!((facts.breaches(), facts.verdict()), (vec!["disagreement"], "failed"));
}

#[tokio::test]
async fn a_leaked_post_is_found() {
    assert_found(&told(Lie::Leaks("eve".to_owned()), "cy", 2).await, &["leaked"]);
}

#[tokio::test]
async fn an_acknowledged_post_that_is_nowhere_is_found() {
    // Nobody has it, its sender neither.
    assert_found(&told(Lie::Forgets, "cy", 1).await, &["lost", "own_unseen"]);
}

#[tokio::test]
async fn an_acknowledgement_with_another_place_is_found() {
    assert_found(&told(Lie::Misplaces, "ana", 2).await, &["disagreement"]);
}

#[tokio::test]
async fn a_sender_s_own_post_that_it_does_not_see_is_found() {
    assert_found(&told(Lie::EatsOwn, "cy", 1).await, &["lost", "own_unseen"]);
}

#[tokio::test]
async fn a_miscounted_return_is_found() {
    // What bo is said to have comes after it was said.
    assert_found(&told(Lie::Miscounts, "bo", 1).await, &["reordered", "unread"]);
}

#[tokio::test]
async fn an_event_that_a_return_leaves_out_is_found() {
    // Bo reads it from the history, so nothing is lost.
    assert_found(&told(Lie::Omits, "bo", 1).await, &["unread"]);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_back_proves_nothing() {
    let facts = told(Lie::Withholds, "auditor", 1).await;
    assert_eq!((facts.breaches(), facts.verdict()), (vec![], "failed"));
    let broken: Vec<String> = facts.broken().into_iter().map(|finding| finding.what).collect();
    assert_eq!(broken, ["at the end the rooms can be read back"]);
}

#[tokio::test]
async fn a_late_post_breaks_what_was_expected_of_time_and_nothing_else() {
    let facts = told(Lie::Delays(LATE), "cy", 2).await;
    assert_eq!(facts.breaches(), [""; 0]);
    assert_eq!(facts.verdict(), "failed");
    let lines: Vec<Option<u32>> = facts.broken().iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [Some(9), Some(10)], "the two that wait for it: {:?}", facts.broken());
}

/// Thirty people who all talk at once.
const CROWD: &str = "\
name: What the liar hears among many
cast: {crowd: {count: 30, join: lobby}}
steps:
  - post: {who: crowd, room: lobby, window: 16, posts: 600}
";

#[tokio::test]
async fn one_lie_among_thousands_of_receipts_is_found_and_its_reader_is_named() {
    let facts = told_in(CROWD, Lie::Doubles, "crowd-17", 333).await;
    assert_found(&facts, &["doubled"]);
    assert_eq!((facts.total("doubled"), facts.total("delivered")), (1, 30 * 600));
    let sentence = facts.0["account"]["breaches"][0]["text"].as_str().expect("a sentence");
    assert!(sentence.contains("crowd-17") && sentence.contains("lobby"), "{sentence}");
}
