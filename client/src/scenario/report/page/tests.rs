//! What must be true of every page, and nothing that a name can do about it.

use super::{super::example, *};
use crate::scenario::report::facts::Facts;

fn pages() -> Vec<String> {
    let mut few = example::small();
    few.account.timeline.clear();
    let mut many = example::rich(3, 1.0);
    many.account.timeline = (0..600)
        .map(|n| {
            let mut interval = many.account.timeline[n % 310].clone();
            interval.at_ms = n as f64 * 100.0;
            interval
        })
        .collect();
    let all: [Facts; 6] = [example::small(), example::rich(1, 1.0), example::empty(), example::hostile(), few, many];
    all.iter().map(render).collect()
}

/// Every tag of a document, without what is between them.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|rest| rest.split_once('>').map_or(rest, |(tag, _)| tag)).collect()
}

#[test]
fn the_rates_that_were_tried_are_a_table_without_an_alarm() {
    let page = render(&example::searched());
    assert!(
        page.contains("The rates that were tried") && page.contains("the load side itself sent 12.0 ms late"),
        "{page}"
    );
    assert!(!page.contains("not the server's alone"), "{page}");
    assert!(!render(&example::small()).contains("The rates that were tried"));
}

#[test]
fn a_page_fetches_nothing_and_runs_nothing() {
    for page in pages() {
        assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
        for tag in tags(&page) {
            for word in ["script", "iframe", "object", "link ", "img", "href", "src=", " onload=", " onclick=", "url("]
            {
                let outside_values: String = tag.split('"').step_by(2).collect();
                assert!(!outside_values.contains(word), "{tag}");
            }
        }
    }
}

#[test]
fn a_name_is_never_more_than_a_name() {
    let page = render(&example::hostile());
    assert!(page.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;"));
    assert!(!page.contains("<script"));
    assert!(!page.contains("</style><b>"));
    assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'));
    assert!(page.contains("<bdi>\u{5d3}\u{5e0}\u{5d9}</bdi>"));
}

#[test]
fn every_element_that_is_opened_is_closed_again() {
    for page in pages() {
        let mut open: Vec<&str> = Vec::new();
        let body = page.split_once("</style>").map_or(page.as_str(), |(_, body)| body);
        for tag in tags(body) {
            let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default();
            if tag.starts_with('/') {
                if !["head", "html"].contains(&name) {
                    assert_eq!(open.pop(), Some(name));
                }
            } else {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}

#[test]
fn no_number_of_a_drawing_is_none() {
    for page in pages() {
        for word in ["NaN", "inf\"", "inf ", "Infinity"] {
            assert!(!page.contains(word), "{word}");
        }
        for tag in tags(&page).into_iter().filter(|tag| tag.starts_with("rect") || tag.starts_with("line")) {
            assert!(!tag.contains("width=\"-"), "{tag}");
        }
    }
}

#[test]
fn a_page_of_the_longest_run_stays_small() {
    for page in pages() {
        assert!(page.len() < 600_000, "{} bytes", page.len());
    }
}

#[test]
fn the_command_to_play_it_again_can_be_pasted_into_a_shell() {
    let mut facts = example::rich(1, 1.0);
    let shown = |facts: &Facts| command(facts, facts.scenario.file.as_deref().unwrap_or_default());
    assert_eq!(shown(&facts), "hubbub scenario run 'tests/scenarios/two hundred small rooms.yaml' --seed 4242");
    facts.scenario.file = Some("-it's.yaml".to_owned());
    facts.scenario.scale = 0.5;
    facts.server.private = false;
    facts.server.url = "ws://127.0.0.1:8080/v1/ws".to_owned();
    assert_eq!(
        shown(&facts),
        r"hubbub scenario run './-it'\''s.yaml' --seed 4242 --scale 0.5 --server ws://127.0.0.1:8080/v1/ws"
    );
}

#[test]
fn verdict_breaches_faults_and_seed_are_on_the_page() {
    let page = render(&example::rich(1, 1.0));
    for text in
        ["FAILED", "✗ failed", "crowd-17 never got message 42", "server killed", "--seed 4242", "raise posts_per_s"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert_eq!(page.matches("<svg class=\"plot\"").count(), 7);
}

/// Writes the pages to look at: `HUBBUB_PAGES=FOLDER cargo test -p hubbub-client pages_to_look_at -- --ignored`.
#[test]
#[ignore = "for looking at with one's own eyes"]
fn pages_to_look_at() {
    let folder = std::env::var("HUBBUB_PAGES").expect("HUBBUB_PAGES names a folder");
    for (at, page) in pages().iter().enumerate() {
        std::fs::write(format!("{folder}/page{at}.html"), page).expect("the folder can be written to");
    }
}
