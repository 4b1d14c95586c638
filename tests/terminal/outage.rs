//! The server is killed while people talk: they see it, go on, and afterwards all have the same log.

use hubbub_protocol::Event;
use hubbub_tests::{
    server::{Server, Setup},
    wire::Wire,
};
use vt100::Screen;

use crate::{person::Person, terminal::Terminal};

/// What the posts of this test begin with.
const MARK: &str = "post-";

/// The posts on the screen, in their order.
fn posts(screen: &Screen) -> Vec<String> {
    let contents = screen.contents();
    contents.split_whitespace().filter(|word| word.starts_with(MARK)).map(str::to_owned).collect()
}

async fn has_posts(terminal: &mut Terminal, wanted: &[String]) {
    terminal.until(&format!("{wanted:?}"), |screen| (posts(screen) == wanted).then_some(())).await;
}

#[tokio::test]
async fn a_killed_server_is_seen_at_once_and_nothing_is_lost_or_doubled() {
    let mut server = Server::start(Setup::new()).await;
    let (ana, bo) = (Person::new("ana"), Person::new("bo"));
    let mut ana = ana.talks(&server, 100, 28, &["lobby"]).await;
    let mut bo = bo.talks(&server, 100, 28, &["lobby"]).await;
    for round in 0..3 {
        ana.say(&format!("{MARK}before-{round}-by-ana"));
        bo.shows(&[&format!("{MARK}before-{round}-by-ana")]).await;
        bo.say(&format!("{MARK}before-{round}-by-bo"));
        ana.shows(&[&format!("{MARK}before-{round}-by-bo")]).await;
    }
    // at the moment of the fault posts are under way
    ana.say(&format!("{MARK}amid-by-ana"));
    bo.say(&format!("{MARK}amid-by-bo"));
    server.kill().await;
    for terminal in [&mut ana, &mut bo] {
        terminal.shows(&["offline"]).await;
    }
    ana.say(&format!("{MARK}after-1-by-ana"));
    ana.say(&format!("{MARK}after-2-by-ana"));
    bo.say(&format!("{MARK}after-1-by-bo"));
    ana.shows(&["after-2-by-ana", "wait"]).await;
    bo.shows(&["after-1-by-bo", "wait"]).await;
    ana.keys("half a line");
    ana.shows(&["half a line"]).await;

    server.restart().await;
    for terminal in [&mut ana, &mut bo] {
        terminal.no_longer_shows("offline").await;
        terminal.shows(&["after-2-by-ana", "after-1-by-bo"]).await;
    }
    ana.shows(&["half a line"]).await;
    // the log itself, from a reader that was never there before
    let mut log = Vec::new();
    let (mut wire, _) = Wire::guest(server.address(), "cy").await;
    wire.join("lobby").await;
    while log.len() < 11 {
        log = wire.whole_log("lobby").await;
        assert!(log.len() <= 11, "{log:#?}");
    }
    let text = |event: &Event| if let Event::Post(post) = event { Some(post.text.clone()) } else { None };
    let texts: Vec<String> = log.iter().filter_map(text).collect();
    let mut once = texts.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), 11, "{texts:#?}");
    for terminal in [&mut ana, &mut bo] {
        has_posts(terminal, &texts).await;
    }
}
