//! Two people talk: each sees what the other says, from whom, and that they were spoken to.

use hubbub_tests::server::{Server, Setup};

use crate::{
    person::Person,
    terminal::{Terminal, key},
};

/// Waits for a post: a line with all of these.
async fn line(terminal: &mut Terminal, texts: &[&str]) {
    let shown = |screen: &vt100::Screen| {
        let (_, columns) = screen.size();
        screen.rows(0, columns.get()).find(|row| texts.iter().all(|text| row.contains(text))).map(drop)
    };
    terminal.until(&format!("a line with {texts:?}"), shown).await;
}

#[tokio::test]
async fn each_sees_what_the_other_says_and_who_it_was() {
    let server = Server::start(Setup::new()).await;
    let (ana, bo) = (Person::new("ana"), Person::new("bo"));
    let mut ana = ana.talks(&server, 100, 28, &["lobby"]).await;
    let mut bo = bo.talks(&server, 80, 24, &["lobby"]).await;
    ana.shows(&["2 members", "● bo"]).await;

    // what is said once at the beginning stands where typing is told
    bo.no_longer_shows("welcome").await;
    ana.keys("Is anybody");
    bo.shows(&["ana is typing"]).await;
    ana.say(" here?");
    line(&mut bo, &["ana │", "Is anybody here?"]).await;
    bo.say("Only me. Grüße aus 東京 👍");
    line(&mut ana, &["bo │", "Only me. Grüße aus 東京 👍"]).await;
    bo.say("/me waves");
    line(&mut ana, &["bo waves"]).await;
    ana.say("/topic Release on Friday");
    for terminal in [&mut ana, &mut bo] {
        line(terminal, &["#lobby", "Release on Friday"]).await;
        line(terminal, &["ana changed the topic to: Release on Friday"]).await;
    }
}

#[tokio::test]
async fn who_is_spoken_to_elsewhere_sees_it_and_is_called() {
    let server = Server::start(Setup::new()).await;
    let (ana, bo) = (Person::new("ana"), Person::new("bo"));
    let mut ana = ana.talks(&server, 100, 28, &["lobby"]).await;
    let mut bo = bo.talks(&server, 100, 28, &["rust", "lobby"]).await;
    ana.shows(&["2 members"]).await;

    ana.say("nobody in particular");
    line(&mut bo, &["#lobby", " 1 │"]).await;
    bo.keys(key::FOCUS_LOST);
    ana.say("bo: have you seen this?");
    line(&mut bo, &["#lobby", "@1 │"]).await;
    bo.writes("\x1b]9;").await;
    bo.keys(key::FOCUS_GAINED);
    bo.keys(key::ALT_A);
    line(&mut bo, &["ana │", "nobody in particular"]).await;
    line(&mut bo, &["bo: have you seen this?"]).await;
}

#[tokio::test]
async fn a_room_that_is_jumped_to_is_made() {
    let server = Server::start(Setup::new()).await;
    // where it is another day already, or still
    let ana = Person::new("ana").in_zone("<+14>-14");
    let mut terminal = ana.talks(&server, 100, 28, &["lobby"]).await;
    terminal.keys(key::CTRL_K);
    terminal.keys("garden");
    terminal.shows(&["garden"]).await;
    terminal.keys(key::ENTER);
    line(&mut terminal, &["2 #garden"]).await;
    terminal.shows(&["beginning of #garden"]).await;
    terminal.say("the first one here");
    line(&mut terminal, &["ana │", "the first one here"]).await;
}
