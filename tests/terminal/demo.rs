//! The demo: somebody new is in the middle of a conversation at once, and nothing of it stays behind.

use std::{fs, path::Path};

use hubbub_tests::program;

use crate::{person::Person, terminal::key};

/// What a shell does with the demo, and what it finds afterwards.
const SCRIPT: &str = r#"
mkdir tmp
TMPDIR=$PWD/tmp "$hubbub" demo
code=$?
echo "left with $code, files: $(ls tmp | wc -l)"
read -r answer
"#;

/// How many programs of this machine were started with words in which this folder stands.
fn programs_that_speak_of(folder: &Path) -> usize {
    let folder = folder.as_os_str().as_encoded_bytes();
    let processes = fs::read_dir("/proc").expect("the system's processes").flatten();
    let words = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    words.filter(|words| words.windows(folder.len()).any(|some| some == folder)).count()
}

#[tokio::test]
async fn somebody_new_is_in_the_middle_of_a_conversation_and_leaves_nothing_behind() {
    // The demo looks for it beside itself.
    let server = program::hubbub_server();
    assert_eq!(server.parent(), program::hubbub().parent());
    for (width, height, leave) in [(100, 28, "/quit\r"), (80, 24, key::CTRL_Q)] {
        let person = Person::new("newcomer");
        let mut terminal = person.shell_alone(width, height, SCRIPT);
        terminal.shows(&["#lobby", "#tea", "guide", "Welcome!", "● you"]).await;
        terminal.say("is this real?");
        terminal.shows(&["you", "is this real?"]).await;
        // The story goes on around them.
        terminal.shows(&["Type something and press Enter"]).await;
        assert_eq!(programs_that_speak_of(person.home()), 1, "the private server");
        terminal.keys(leave);
        terminal.shows(&["left with 0, files: 0"]).await;
        assert_eq!(programs_that_speak_of(person.home()), 0, "a server runs on");
        assert!(fs::read_dir(person.home().join("state")).is_err(), "the demo remembers something");
    }
}
