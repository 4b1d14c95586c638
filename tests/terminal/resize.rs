//! The window changes its size: down to the smallest, below it, and back.

use hubbub_tests::server::{Server, Setup};
use vt100::Screen;

use crate::person::Person;

/// The lines above the two at the bottom, of which one tells a latency that changes.
fn above_the_status(screen: &Screen) -> Vec<String> {
    let (rows, columns) = screen.size();
    screen.rows(0, columns.get()).take(usize::from(rows.get()) - 2).collect()
}

#[tokio::test]
async fn any_size_is_drawn_whole_and_the_way_back_is_the_same_picture() {
    let server = Server::start(Setup::new()).await;
    let (ana, bo) = (Person::new("ana"), Person::new("bo"));
    let mut bo = bo.talks(&server, 64, 20, &["lobby"]).await;
    let mut ana = ana.talks(&server, 100, 28, &["lobby", "rust"]).await;
    ana.say("A sentence that is long enough to need several lines where the window is narrow.");
    // each is in the log before the next, and looks in the end as it did at first
    bo.shows(&["the window is narrow."]).await;
    bo.say("The last word");
    ana.shows(&["The last word", "narrow.", "2 members"]).await;
    let before = above_the_status(&ana.screen());

    ana.resize(40, 12);
    ana.shows(&["#lobby", "narrow.", "The last word", "● ana", "›"]).await;
    ana.no_longer_shows("2 members").await;
    bo.say("Said while it was narrow");
    ana.shows(&["Said while it was narrow"]).await;

    ana.resize(20, 5);
    ana.shows(&["Hubbub needs", "20×5"]).await;
    // nobody sees it, but keys work
    ana.keys("kept");

    ana.resize(40, 12);
    ana.shows(&["› kept", "Said while it was narrow"]).await;
    ana.resize(100, 28);
    let same = |screen: &Screen| {
        let mut lines = above_the_status(screen);
        let at = lines.iter().position(|line| line.contains("Said while it was narrow"))?;
        let lines_are = |lines: &[String]| before.iter().filter(|line| !lines.contains(line)).count();
        lines.remove(at);
        (lines_are(&lines) == 0).then_some(())
    };
    ana.until("the picture from before", same).await;
    ana.shows(&["› kept"]).await;
}
