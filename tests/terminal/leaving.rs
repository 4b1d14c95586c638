//! The program ends, by a key, a command or a signal: the shell has its terminal back as it was.

use std::str::FromStr;

use hubbub_tests::{
    eventually::eventually,
    server::{Server, Setup},
};
use rustix::process::{Pid, Signal, kill_process};
use vt100::MouseProtocolMode;

use crate::{
    person::Person,
    terminal::{Terminal, contains, key},
};

/// What a shell does with the program: it is there before and after, and compares the terminal's modes.
const SCRIPT: &str = r#"
echo "the shell is here"
modes=$(stty -g)
sh -c 'echo $$ > pid; exec "$hubbub" --nick ana lobby'
code=$?
[ "$modes" = "$(stty -g)" ] && echo "left with $code, modes as before" || echo "left with $code, MODES CHANGED"
read -r answer
"#;

/// What the terminal must have been told at the end, with its meaning.
const ENDINGS: [(&str, &str); 6] = [
    ("\x1b[?1049l", "leave the alternate screen"),
    ("\x1b[?25h", "show the cursor"),
    ("\x1b[?1000l", "no clicks"),
    ("\x1b[?1006l", "no clicks as text"),
    ("\x1b[?2004l", "no marks around what is pasted"),
    ("\x1b[?1004l", "nothing about the focus"),
];

async fn is_left_as_it_was(terminal: &mut Terminal, code: u8) {
    terminal.shows(&["the shell is here", &format!("left with {code}, modes as before")]).await;
    let screen = terminal.screen();
    assert!(!screen.alternate_screen(), "the alternate screen is still there");
    assert!(!screen.hide_cursor(), "the cursor is hidden");
    assert!(!screen.bracketed_paste(), "pasting is bracketed");
    assert_eq!(screen.mouse_protocol_mode(), MouseProtocolMode::None);
    let bytes = terminal.bytes();
    let screen_entered = bytes.windows(8).rposition(|bytes| bytes == b"\x1b[?1049h").expect("it was entered");
    for (sequence, meaning) in ENDINGS {
        assert!(contains(&bytes[screen_entered..], sequence), "not told: {meaning}");
    }
}

/// A shell in which the program runs, connected and drawn.
async fn shell(server: &Server, person: &Person) -> Terminal {
    let mut terminal = person.shell(server, SCRIPT);
    terminal.shows(&["#lobby", "● ana"]).await;
    let screen = terminal.screen();
    assert!(screen.alternate_screen() && screen.bracketed_paste(), "what is to be restored is there");
    assert_ne!(screen.mouse_protocol_mode(), MouseProtocolMode::None);
    terminal
}

#[tokio::test]
async fn quitting_by_key_or_command_gives_the_terminal_back() {
    let server = Server::start(Setup::new()).await;
    let ana = Person::new("ana");
    for keys in [key::CTRL_Q, "/quit\r"] {
        let mut terminal = shell(&server, &ana).await;
        terminal.keys(keys);
        is_left_as_it_was(&mut terminal, 0).await;
    }
}

#[tokio::test]
async fn signals_give_the_terminal_back() {
    let server = Server::start(Setup::new()).await;
    let ana = Person::new("ana");
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut terminal = shell(&server, &ana).await;
        let pid = eventually("the program's id", async || i32::from_str(ana.file("pid").trim()).ok()).await;
        kill_process(Pid::from_raw(pid).expect("an id"), signal).expect("the program runs");
        is_left_as_it_was(&mut terminal, code).await;
    }
}
