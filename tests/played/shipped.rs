//! The shipped scenarios, each played through the real programs, none forgotten.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::runner::{Facts, scenario};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Plays a file at a scale; everything must hold.
async fn play(file: &str, scale: &str) -> Facts {
    let path = folder().join(file).to_string_lossy().into_owned();
    let ended = scenario(&["run", &path, "--scale", scale, "--json", "facts.json"]).await.expect_code(0);
    let facts = ended.facts("facts.json");
    facts.expect_held();
    assert_eq!(facts.0["scenario"]["file"], path.as_str());
    let name = facts.0["scenario"]["name"].as_str().expect("a name");
    assert!(ended.out.contains(name), "{ended}");
    facts
}

/// The tests, and the list of the files that they play.
macro_rules! shipped {
    ($($test:ident: $file:literal at $scale:literal, $($check:expr)?;)*) => {
        const PLAYED: &[&str] = &[$($file),*];
        $(
            #[tokio::test]
            async fn $test() {
                let facts = play($file, $scale).await;
                $(
                    let check: fn(&Facts) = $check;
                    check(&facts);
                )?
                drop(facts);
            }
        )*
    };
}

shipped! {
    three_friends: "three-friends.yaml" at "1", |facts| {
        assert_eq!(facts.total("accepted"), 3);
        assert_eq!(facts.total("rooms_complete"), 1);
    };
    a_late_joiner_reads_history: "late-joiner.yaml" at "1", |facts| {
        assert_eq!(facts.number("/account/audited"), 303);
    };
    a_thousand_in_one_room: "thousand-in-one-room.yaml" at "0.2", |facts| {
        assert_eq!(facts.number("/scenario/people"), 202);
        assert!(facts.total("delivered_live") >= 201 * facts.total("accepted"), "{facts:?}");
    };
    two_hundred_small_rooms: "two-hundred-small-rooms.yaml" at "0.1", |facts| {
        assert_eq!(facts.number("/scenario/people"), 201);
        assert!(facts.total("resumed") >= 20);
    };
    a_slow_reader_is_told_and_catches_up: "slow-reader.yaml" at "1", |facts| {
        assert!(facts.total("lagged") > 0, "nobody fell behind, so nothing is proved");
        assert!(facts.total("rooms_gap") > 0);
    };
    a_reconnect_storm: "reconnect-storm.yaml" at "0.2", |facts| {
        assert!(facts.total("resumed") >= 201);
    };
    a_server_killed_in_mid_sentence: "server-killed.yaml" at "0.5", |facts| {
        assert!(facts.total("sent_again") > 0, "no post was under way when the server was killed");
        assert!(facts.total("resumed") >= 3 * 16);
    };
    the_same_post_sent_twice: "same-post-twice.yaml" at "1", |facts| {
        assert!(facts.total("duplicates") >= 3);
        assert_eq!(facts.number("/account/audited"), 2);
    };
    a_flood_that_is_refused: "flood-refused.yaml" at "1", |facts| {
        assert!(facts.number("/account/totals/refused/rate_limited") >= 100);
    };
    a_full_house: "full-house.yaml" at "0.03", |facts| {
        assert!(facts.total("resumed") > 0);
        assert!(facts.0["marks"].as_array().expect("marks").len() >= 4);
    };
}

#[test]
fn every_shipped_scenario_is_played() {
    let files = fs::read_dir(folder()).expect("the folder of scenarios");
    let names = files.map(|file| file.expect("an entry").file_name().to_string_lossy().into_owned());
    let shipped: BTreeSet<String> = names.filter(|name| name.ends_with(".yaml")).collect();
    let played: BTreeSet<String> = PLAYED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(played, shipped);
}

#[tokio::test]
async fn every_shipped_scenario_is_understood() {
    let files = PLAYED.iter().map(|file| folder().join(file).to_string_lossy().into_owned());
    let words: Vec<String> = ["check".to_owned()].into_iter().chain(files).collect();
    scenario(&words).await.expect_code(0);
}
