//! The first minute: nothing is known, it asks, and the second time it does not.

use hubbub_tests::server::{Server, Setup};

use crate::{
    person::Person,
    terminal::{contains, key},
};

const GREETING: &str = "Where do you want to talk, and as whom?";

#[tokio::test]
async fn the_first_start_asks_and_the_second_goes_straight_in() {
    let server = Server::start(Setup::new()).await;
    let person = Person::new("ana");

    let mut terminal = person.starts();
    terminal.shows(&[GREETING, "127.0.0.1:8080", "ana"]).await;
    terminal.keys(key::CTRL_U);
    terminal.keys("anna");
    terminal.keys(key::TAB);
    terminal.keys(key::CTRL_U);
    terminal.say(&server.address().to_string());
    terminal.shows(&["#lobby", "● anna"]).await;
    terminal.say("I was here");
    terminal.shows(&["anna │ I was here"]).await;
    terminal.say("/join #garden");
    terminal.shows(&["beginning of #garden"]).await;
    terminal.keys(key::CTRL_Q);
    assert_eq!(terminal.exit().await.exit_code(), 0);
    assert!(!contains(&terminal.bytes(), "already"), "no nick was taken");

    // without a key
    let mut terminal = person.starts();
    terminal.shows(&["● anna", "1 #lobby", "2 #garden", "beginning of #garden"]).await;
    terminal.keys("\x1b1");
    terminal.shows(&["anna │ I was here"]).await;
    assert!(person.file("state/hubbub/memory.toml").contains("anna"), "it remembers where it was told to");
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_said_and_then_found() {
    let mut server = Server::start(Setup::new()).await;
    server.kill().await;
    let person = Person::new("ana");
    let mut terminal = person.starts();
    terminal.shows(&[GREETING]).await;
    terminal.keys(key::TAB);
    terminal.keys(key::CTRL_U);
    terminal.say(&server.address().to_string());
    terminal.shows(&["nothing listens", "again"]).await;
    server.restart().await;
    terminal.shows(&["#lobby", "● ana"]).await;
}
