//! What the screen begins with: the command line first, then what is remembered, then defaults.

use hubbub_protocol::Nick;

use crate::{
    link::DEFAULT_SERVER,
    screen::{
        ScreenOptions,
        memory::{Claim, Memory, MemoryError, Profile},
    },
};

/// The nick of somebody whose system has no name for them.
const NICK_DEFAULT: &str = "guest";

/// What the screen begins with.
#[derive(Debug)]
pub(super) struct Startup {
    /// The server's address, for the first field.
    pub(super) server: String,
    /// The nick, for the second.
    pub(super) nick: String,
    /// Whether to connect without asking.
    pub(super) begin: bool,
    /// The claim of server and nick, where one was needed to choose them.
    pub(super) claim: Option<Claim>,
    /// What to say on the first screen.
    pub(super) error: Option<String>,
}

/// Decides what to begin with.
pub(super) fn startup(options: &ScreenOptions, memory: Option<&Memory>, user: Option<&str>) -> Startup {
    let profiles = memory.map_or(Ok(Vec::new()), Memory::profiles);
    let (profiles, error) = match profiles {
        Ok(profiles) => (profiles, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let server_said = options.server.as_ref().map(ToString::to_string);
    let server_known = profiles.first().map(|profile| profile.server.clone());
    let server = server_said.or(server_known).unwrap_or_else(|| DEFAULT_SERVER.to_owned());
    // of this server alone: nobody is taken to another one because a nick is in use here
    let known: Vec<&Profile> = profiles.iter().filter(|profile| profile.server == server).collect();
    if let Some(nick) = &options.nick {
        return Startup { server, nick: nick.to_string(), begin: error.is_none(), claim: None, error };
    }
    match (memory, known.first()) {
        (Some(memory), Some(first)) => match first_free(memory, &known) {
            Ok(Some((profile, claim))) => Startup {
                server: profile.server.clone(),
                nick: profile.nick.clone(),
                begin: true,
                claim: Some(claim),
                error,
            },
            Ok(None) => {
                let text = format!("{} is in use in another terminal; here you need another nick.", first.nick);
                Startup { server, nick: another(&first.nick), begin: false, claim: None, error: Some(text) }
            }
            Err(fault) => {
                Startup { server, nick: first.nick.clone(), begin: false, claim: None, error: Some(fault.to_string()) }
            }
        },
        _ => Startup { server, nick: nick_of(user), begin: false, claim: None, error },
    }
}

/// The profile used last that no other client on this machine is running as.
fn first_free<'a>(memory: &Memory, known: &[&'a Profile]) -> Result<Option<(&'a Profile, Claim)>, MemoryError> {
    for profile in known {
        if let Some(claim) = memory.claim(&profile.server, &profile.nick)? {
            return Ok(Some((profile, claim)));
        }
    }
    Ok(None)
}

/// The name that the system has for the user, as far as it is a nick.
fn nick_of(user: Option<&str>) -> String {
    user.and_then(|user| Nick::parse(user).ok()).map_or_else(|| NICK_DEFAULT.to_owned(), |nick| nick.to_string())
}

/// A nick like this one.
fn another(nick: &str) -> String {
    let longer = format!("{nick}-2");
    Nick::parse(&longer).map_or_else(|_| NICK_DEFAULT.to_owned(), |nick| nick.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::ServerUrl;

    fn remembered(nicks: &[&str]) -> (tempfile::TempDir, Memory) {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::at(folder.path().to_owned());
        for nick in nicks {
            let (server, nick) = ("ws://chat.example.org:80".to_owned(), (*nick).to_owned());
            let profile = Profile { server, nick, token: None, active: None, rooms: Vec::new() };
            memory.remember(&profile).expect("is remembered");
        }
        (folder, memory)
    }

    #[test]
    fn with_nothing_known_it_asks_with_defaults_filled_in() {
        let (_folder, memory) = remembered(&[]);
        let start = startup(&ScreenOptions::default(), Some(&memory), Some("ana"));
        assert_eq!((start.server.as_str(), start.nick.as_str(), start.begin), (DEFAULT_SERVER, "ana", false));
        let start = startup(&ScreenOptions::default(), None, Some("no nick"));
        assert_eq!(start.nick, NICK_DEFAULT);
    }

    #[test]
    fn what_was_used_last_is_used_again() {
        let (_folder, memory) = remembered(&["bo", "ana"]);
        let start = startup(&ScreenOptions::default(), Some(&memory), None);
        assert_eq!(
            (start.server.as_str(), start.nick.as_str(), start.begin),
            ("ws://chat.example.org:80", "ana", true)
        );
    }

    #[test]
    fn a_second_client_takes_another_nick_and_a_third_one_asks() {
        let (_folder, memory) = remembered(&["bo", "ana"]);
        let first = startup(&ScreenOptions::default(), Some(&memory), None);
        let second = startup(&ScreenOptions::default(), Some(&memory), None);
        assert_eq!((first.nick.as_str(), second.nick.as_str()), ("ana", "bo"));
        let third = startup(&ScreenOptions::default(), Some(&memory), None);
        assert_eq!((third.nick.as_str(), third.begin), ("ana-2", false));
        assert!(third.error.expect("is said").contains("another terminal"));
    }

    #[test]
    fn a_second_client_is_not_taken_to_another_server() {
        let (_folder, memory) = remembered(&["bo"]);
        let elsewhere = "ws://elsewhere.example.org:80".to_owned();
        let ana =
            Profile { server: elsewhere.clone(), nick: "ana".to_owned(), token: None, active: None, rooms: vec![] };
        memory.remember(&ana).expect("is remembered");
        let first = startup(&ScreenOptions::default(), Some(&memory), None);
        let second = startup(&ScreenOptions::default(), Some(&memory), None);
        assert_eq!((first.server, first.nick.as_str(), first.begin), (elsewhere.clone(), "ana", true));
        assert_eq!((second.server, second.nick.as_str(), second.begin), (elsewhere, "ana-2", false));
    }

    #[test]
    fn the_command_line_comes_before_what_is_remembered() {
        let (_folder, memory) = remembered(&["ana"]);
        let server = Some(ServerUrl::parse("localhost:1").expect("an address"));
        let nick = Some(Nick::parse("cy").expect("a nick"));
        let options = ScreenOptions { server: server.clone(), nick, ..ScreenOptions::default() };
        let start = startup(&options, Some(&memory), None);
        assert_eq!((start.server.as_str(), start.nick.as_str(), start.begin), ("ws://localhost:1", "cy", true));
        let options = ScreenOptions { server, ..ScreenOptions::default() };
        let start = startup(&options, Some(&memory), Some("dee"));
        assert_eq!((start.nick.as_str(), start.begin), ("dee", false));
    }
}
