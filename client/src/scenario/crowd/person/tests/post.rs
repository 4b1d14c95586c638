//! Posts: exactly once, over lost connections and lost sessions.

use super::*;
use crate::scenario::ledger::breach::BreachKind;

#[test]
fn a_post_without_its_answer_is_sent_again_with_its_nonce_and_one_with_it_is_not() {
    let mut scene = Scene::there();
    scene.written();
    scene.post(false);
    scene.post(false);
    let posts = scene.written();
    assert_eq!(posts[0], format!(r#"{{"op":"post","room":"lobby","nonce":"{}","text":"hi"}}"#, nonce(0, "hi")));
    scene.ok(r#"{"seq":1,"at":1}"#);
    assert_eq!(scene.ends(), ["sent", "sent", "accepted", "left"]);
    scene.break_and_return();
    scene.welcome(true);
    assert!(!scene.written().iter().any(|text| text.contains("nonce")), "not before the room is joined");
    scene.ok(&joined(2, "complete", &[own(1, 0), own(2, 1)]));
    assert_eq!(scene.written(), posts[1..], "the same, once more");
    scene.ok(r#"{"seq":2,"at":2,"duplicate":true}"#);
    assert_eq!(scene.ends(), ["accepted", "left"]);
    let account = scene.account();
    assert_eq!((account.totals.accepted, account.totals.sent_again, account.totals.duplicates), (2, 1, 1));
    assert_eq!(account.found, Default::default(), "{:?}", account.breaches);
}

#[test]
fn a_copy_with_other_words_than_were_posted_is_found() {
    let mut scene = Scene::there();
    scene.post(false);
    scene.ok(r#"{"seq":1,"at":1}"#);
    scene.says(&own(1, 0).replace("hi", "ho")).expect("it is taken");
    let account = scene.account();
    assert_eq!(account.found.keys().collect::<Vec<_>>(), [&BreachKind::Disagreement]);
    let text = &account.breaches[0].text;
    assert_eq!(text, "lobby: ana has another event, or other words, at seq 1, where message 0 of ana was acknowledged");
}

#[test]
fn what_is_sent_again_on_purpose_is_the_same_message_whatever_it_says() {
    let mut scene = Scene::there();
    scene.post(false);
    let first = scene.written();
    scene.ok(r#"{"seq":1,"at":1}"#);
    let again = Pending { message: Some(MessageId(0)), text: "again".into(), ..scene.pending(false) };
    scene.person.post(again, &mut scene.deck);
    let nonces = |texts: &[String]| texts.iter().filter(|text| text.contains(&nonce(0, "hi"))).count();
    assert_eq!((nonces(&first), nonces(&scene.written())), (1, 1));
}

#[test]
fn an_acknowledgement_after_patience_ended_is_held_against_the_server_all_the_same() {
    let mut scene = Scene::there();
    scene.post(false);
    scene.later(Duration::from_secs(11));
    scene.person.sweep_posts(&mut scene.deck);
    assert_eq!(scene.ends(), ["sent", "given up", "left"]);
    scene.ok(r#"{"seq":1,"at":1}"#);
    let account = scene.account();
    assert_eq!((account.totals.accepted, account.totals.unsettled), (1, 0));
    assert!(account.found.contains_key(&BreachKind::Lost), "nobody ever got it: {:?}", account.found);
}

#[test]
fn a_post_leaves_a_window_when_its_sender_has_answer_and_event_in_either_order() {
    let mut scene = Scene::there();
    scene.post(true);
    scene.ok(r#"{"seq":1,"at":1}"#);
    assert_eq!(scene.ends(), ["sent", "accepted"]);
    scene.says(&own(1, 0)).expect("it is taken");
    assert_eq!(scene.ends(), ["left"]);
    scene.post(true);
    scene.says(&own(2, 1)).expect("it is taken");
    assert_eq!(scene.ends(), ["sent"]);
    scene.ok(r#"{"seq":2,"at":2}"#);
    assert_eq!(scene.ends(), ["accepted", "left"]);
    scene.post(true);
    scene.ok(r#"{"seq":3,"at":3}"#);
    scene.break_and_return();
    scene.welcome(true);
    scene.ok(&joined(3, "complete", &[own(3, 2)]));
    assert_eq!(scene.ends(), ["sent", "accepted", "left"], "the event may come with the return");
}

#[test]
fn a_refused_post_is_refused_and_not_sent_again() {
    let mut scene = Scene::there();
    scene.post(true);
    scene.refuse(r#"{"code":"rate_limited","message":"","retry_after_ms":200}"#).expect("the connection lives");
    assert_eq!(scene.ends(), ["sent", "refused", "left"]);
    assert_eq!((scene.person.posts.len(), scene.deck.timers.next()), (0, None));
    assert_eq!(scene.account().totals.refused.get("rate_limited"), Some(&1));
}

#[test]
fn a_post_for_one_who_is_away_waits_for_them_and_not_for_ever() {
    let mut scene = Scene::new();
    scene.post(false);
    assert_eq!(scene.person.unanswered(), 1);
    scene.later(Duration::from_secs(9));
    scene.person.sweep(&mut scene.deck).expect("nothing is wrong");
    assert_eq!(scene.ends(), [""; 0]);
    scene.later(Duration::from_secs(2));
    scene.person.sweep(&mut scene.deck).expect("nothing is wrong");
    assert_eq!(scene.ends(), ["unsent", "left"]);
    scene.post(false);
    scene.connect();
    scene.welcome(false);
    scene.ok(&joined(0, "fresh", &[]));
    assert_eq!(scene.ends(), ["sent"]);
    scene.later(Duration::from_secs(11));
    scene.person.sweep(&mut scene.deck).expect("a post without an answer is no reason to go");
    assert_eq!(scene.ends(), ["given up", "left"]);
    scene.ok(r#"{"seq":1,"at":1}"#);
    assert_eq!(scene.ends(), [""; 0], "too late to count");
}
