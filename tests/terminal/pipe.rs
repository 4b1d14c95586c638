//! The commands for scripts, in the pipes of a real shell.

use hubbub_tests::server::{Server, Setup};

use crate::person::Person;

#[tokio::test]
async fn what_one_pipe_posts_another_prints_and_people_see() {
    let server = Server::start(Setup::new()).await;
    let (ana, robot) = (Person::new("ana"), Person::new("robot"));
    let mut screen = ana.talks(&server, 100, 28, &["lobby"]).await;

    let mut shell = robot.shell(
        &server,
        r#"
        printf 'one\n\ntwo\nthree\n' | "$hubbub" post lobby --nick robot && echo "posted"
        "$hubbub" tail lobby --since 0 --no-follow | sed 's/.* robot: /read /'
        "$hubbub" rooms | tr -s ' '
        "$hubbub" tail lobby --since 1 --no-follow --json | grep -o '"seq":[0-9]*' | tr '\n' ' '
        "#,
    );
    let status = shell.exit().await;
    assert!(status.success(), "{status}: {}", shell.text());
    for text in ["posted\n", "read one\nread two\nread three\n", "#lobby 1 member", "\"seq\":2 \"seq\":3"] {
        assert!(shell.text().contains(text), "no {text:?} in:\n{}", shell.text());
    }
    screen.shows(&["one", "two", "three", "robot"]).await;
}

#[tokio::test]
async fn a_pipe_that_is_slowed_down_is_told_why() {
    let server = Server::start(Setup::new()).await;
    let robot = Person::new("robot");
    let mut shell = robot.shell(&server, r#"seq 30 | "$hubbub" post lobby --nick robot && echo "all posted""#);
    shell.shows(&[" posts wait: the server takes 5 a second from one sender", "all posted"]).await;
    assert_eq!(shell.text().matches("posts wait").count(), 1, "{}", shell.text());
}

#[tokio::test]
async fn tail_follows_until_nobody_reads_it() {
    let server = Server::start(Setup::new()).await;
    let (ana, robot) = (Person::new("ana"), Person::new("robot"));
    let mut screen = ana.talks(&server, 100, 28, &["lobby"]).await;
    screen.say("line 0");
    screen.shows(&["ana │ line 0"]).await;

    let script = r#"
        { "$hubbub" tail lobby; echo "tail ended with $?" >&2; } | { head -n 3; exec <&-; echo "nobody reads"; }
    "#;
    let mut shell = robot.shell(&server, script);
    shell.shows(&["ana: line 0"]).await;
    screen.say("line 1");
    shell.shows(&["ana: line 1"]).await;
    screen.say("line 2");
    shell.shows(&["ana: line 2", "nobody reads"]).await;
    screen.say("line 3");
    shell.shows(&["tail ended with 0"]).await;
    assert!(shell.exit().await.success());
}

#[tokio::test]
async fn without_a_terminal_the_screen_says_what_it_needs() {
    let server = Server::start(Setup::new()).await;
    let robot = Person::new("robot");
    let mut shell = robot.shell(&server, r#""$hubbub" lobby | cat; echo done"#);
    shell.shows(&["the screen needs a terminal", "hubbub tail", "done"]).await;
}
