//! The command line: what `hubbub` can be asked, and its exit codes.
//!
//! Without a command it starts the screen. `post`, `tail` and `rooms` are for scripts: one thing each, data on
//! stdout, words on stderr, an exit code that says how it went. `scenario` plays many people at once.

mod entry;
mod load;
mod output;
mod performance;
mod post;
mod print;
mod rooms;
mod scenario;
mod tail;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{
    Arg, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind, parser::ValueSource,
};
use hubbub_protocol::{Nick, RoomName, id::Seq};

use self::{
    entry::{Entry, Failure},
    load::LoadCommand,
    scenario::ScenarioCommand,
};
use crate::{
    demo,
    link::{DEFAULT_SERVER, ServerUrl},
    safe::safe_line,
    screen::{self, ScreenOptions},
};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused, failed, or interrupted before it was done
  2  the command line is wrong
  3  could not connect, or lost the connection for longer than --timeout";

/// Talk in rooms, in real time.
///
/// Without a command it shows the screen, in the given rooms. `#lobby` and `lobby` are the same room.
#[derive(Debug, Parser)]
#[command(name = "hubbub", version, after_help = EXIT_CODES, subcommand_precedence_over_arg = true)]
struct Arguments {
    #[command(flatten)]
    common: Common,

    /// The rooms to be in; a room that is called like a command is written with its #
    #[arg(value_name = "ROOM", value_parser = room)]
    rooms: Vec<RoomName>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// The server: host:port, http(s)://… or ws(s)://…; without it the one used last, or 127.0.0.1:8080
    #[arg(long, global = true, env = "HUBBUB_SERVER", value_name = "URL", value_parser = server)]
    server: Option<ServerUrl>,

    /// Your name in rooms; without it the screen asks for one, and the commands make one up
    #[arg(long, global = true, value_name = "NAME", value_parser = nick)]
    nick: Option<Nick>,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Talk(TalkCommand),
    /// Play many people at once, as a file tells it: a test, a load, a proof
    Scenario {
        #[command(subcommand)]
        command: ScenarioCommand,
    },
    /// Ask how much a server can do: deliveries, connections, the highest rate that keeps an objective
    Load {
        #[command(subcommand)]
        command: LoadCommand,
    },
    /// Look around in a running conversation: a private server, scripted people, and you; leaves nothing behind
    Demo {
        /// The program of the private server; without it the one beside this program, or on PATH
        #[arg(long, value_name = "PATH")]
        server_bin: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum TalkCommand {
    /// Say something in a room; comes back when it is stored
    #[command(after_help = EXIT_CODES)]
    Post {
        /// The room
        #[arg(value_parser = room)]
        room: RoomName,
        /// What to say; without it every line of stdin is a post
        text: Vec<String>,
        /// Print {"seq","at","room","nonce"} for each post, a line each
        #[arg(long)]
        json: bool,
        /// How long to try to reach the server, in seconds
        #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = seconds)]
        timeout: Duration,
    },
    /// Print what is said in a room, line by line: the last 20 events, then everything as it comes
    #[command(after_help = EXIT_CODES)]
    Tail {
        /// The room
        #[arg(value_parser = room)]
        room: RoomName,
        /// Print the events as the protocol has them, a line of JSON each
        #[arg(long)]
        json: bool,
        /// Begin after this seq instead of at the last 20 events; 0 is the beginning
        #[arg(long, value_name = "SEQ")]
        since: Option<Seq>,
        /// Stop at the end of what is there instead of waiting for more; the room is not entered, and must exist
        #[arg(long)]
        no_follow: bool,
        /// How long to try to reach the server, in seconds; once there, following tries for ever
        #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = seconds)]
        timeout: Duration,
    },
    /// List the rooms
    #[command(after_help = EXIT_CODES)]
    Rooms {
        /// Print {"room","topic","member_count","seq"} for each room, a line each
        #[arg(long)]
        json: bool,
        /// How long to try to reach the server, in seconds
        #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = seconds)]
        timeout: Duration,
    },
}

fn server(text: &str) -> Result<ServerUrl, String> {
    ServerUrl::parse(text).map_err(|error| error.to_string())
}

fn nick(text: &str) -> Result<Nick, String> {
    Nick::parse(text).map_err(|error| error.to_string())
}

fn room(text: &str) -> Result<RoomName, String> {
    RoomName::parse(text.strip_prefix('#').unwrap_or(text)).map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "give a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && duration <= Duration::from_hours(24) => Ok(duration),
        _ => Err("give more than 0 and at most 86400 seconds".to_owned()),
    }
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let matches = command_line().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let Some(command) = arguments.command else {
        let Common { server, nick } = arguments.common;
        return screen::run(ScreenOptions { server, nick, rooms: arguments.rooms, remember: true });
    };
    if let Some(room) = arguments.rooms.first() {
        let message = format!("a command takes no rooms before it; was #{room} meant for the screen?");
        command_line().error(ErrorKind::ArgumentConflict, message).exit();
    }
    let command = match command {
        Command::Scenario { command } => return scenario::main(command, named_server(&matches, arguments.common)),
        Command::Load { command } => return load::main(&command, named_server(&matches, arguments.common).as_ref()),
        Command::Demo { server_bin } => {
            let nick = arguments.common.nick.clone();
            if let Some(server) = named_server(&matches, arguments.common) {
                let message = format!("the demo has a server of its own; `hubbub --server {server}` looks at that one");
                command_line().error(ErrorKind::ArgumentConflict, message).exit();
            }
            return demo::run(server_bin, nick);
        }
        Command::Talk(command) => command,
    };
    match run(command, arguments.common) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(sentence) = failure.sentence() {
                eprintln!("hubbub: {}", safe_line(&sentence));
            }
            ExitCode::from(failure.code())
        }
    }
}

/// The command line. What many people are played on, and as whom, is another matter than where one talks.
fn command_line() -> clap::Command {
    let server = |help: &'static str| {
        Arg::new("server").long("server").value_name("URL").value_parser(server).global(true).help(help)
    };
    let nick = || Arg::new("nick").long("nick").value_name("NAME").value_parser(nick).global(true);
    let played = "The server to play on, as ws://HOST:PORT; without it a private one. HUBBUB_SERVER is not looked at";
    let mut command = Arguments::command();
    for name in ["scenario", "load"] {
        command = command.mut_subcommand(name, |part| part.arg(server(played)).arg(nick().hide(true)));
    }
    for name in ["check", "schema", "compare"] {
        let hide = |part: clap::Command| part.arg(server(played).hide(true));
        command = command.mut_subcommand("scenario", |part| part.mut_subcommand(name, hide));
    }
    command.mut_subcommand("demo", |part| {
        part.arg(server(played).hide(true)).arg(nick().help("Your name in the demo; without it `you`"))
    })
}

/// The server that the command line names; one that only the environment names was meant for talking.
fn named_server(matches: &ArgMatches, common: Common) -> Option<ServerUrl> {
    let is_named = matches.value_source("server") == Some(ValueSource::CommandLine);
    common.server.filter(|_| is_named)
}

fn run(command: TalkCommand, common: Common) -> Result<(), Failure> {
    let server = match common.server.or_else(screen::remembered_server) {
        Some(server) => server,
        None => ServerUrl::parse(DEFAULT_SERVER).map_err(|error| Failure::Failed(error.to_string()))?,
    };
    let entry = |timeout| Entry { server, nick: common.nick, timeout };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("the system gives no means to wait: {error}")))?;
    runtime.block_on(async {
        match command {
            TalkCommand::Post { room, text, json, timeout } => post::run(entry(timeout), &room, &text, json).await,
            TalkCommand::Tail { room, json, since, no_follow, timeout } => {
                tail::run(entry(timeout), tail::Options { room, json, since, follow: !no_follow }).await
            }
            TalkCommand::Rooms { json, timeout } => rooms::run(entry(timeout), json).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_free_of_contradictions() {
        command_line().debug_assert();
    }

    #[test]
    fn rooms_are_named_with_and_without_their_sign() {
        assert_eq!(room("#lobby"), room("lobby"));
        assert!(room("##lobby").is_err());
        let arguments = Arguments::try_parse_from(["hubbub", "#post", "lobby"]).expect("rooms");
        assert_eq!(arguments.rooms.iter().map(RoomName::as_str).collect::<Vec<_>>(), ["post", "lobby"]);
        assert!(arguments.command.is_none());
    }

    #[test]
    fn scenario_is_a_command_and_with_its_sign_a_room() {
        let arguments = Arguments::try_parse_from(["hubbub", "#scenario", "lobby"]).expect("rooms");
        assert_eq!(arguments.rooms.iter().map(RoomName::as_str).collect::<Vec<_>>(), ["scenario", "lobby"]);
        let arguments = Arguments::try_parse_from(["hubbub", "scenario", "check", "a.yaml"]).expect("a command");
        assert!(matches!(arguments.command, Some(Command::Scenario { command: ScenarioCommand::Check { .. } })));
        for wrong in [&["hubbub", "scenario", "run"][..], &["hubbub", "scenario", "run", "a.yaml", "--scale", "0"]] {
            assert!(Arguments::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_scenario_is_played_on_another_server_only_when_the_command_line_says_so() {
        let named = |line: &[&str], variable: Option<&'static str>| {
            let command = command_line().mut_arg("server", |arg| match variable {
                Some(value) => arg.env(None::<&str>).default_value(value),
                None => arg.env(None::<&str>),
            });
            let matches = command.try_get_matches_from(line).expect("a command line");
            let common = Arguments::from_arg_matches(&matches).expect("arguments").common;
            named_server(&matches, common).map(|url| url.to_string())
        };
        let run = ["hubbub", "scenario", "run", "a.yaml"];
        assert_eq!(named(&run, None), None);
        assert_eq!(named(&run, Some("elsewhere:1")), None);
        let told = ["hubbub", "scenario", "run", "a.yaml", "--server", "here:1"];
        assert_eq!(named(&told, Some("elsewhere:1")).as_deref(), Some("ws://here:1"));
        let before = ["hubbub", "--server", "here:1", "scenario", "run", "a.yaml"];
        assert_eq!(named(&before, None).as_deref(), Some("ws://here:1"));
    }

    #[test]
    fn the_help_of_what_is_played_speaks_of_no_server_used_before() {
        // without the line breaks
        let help = |path: &[&str]| {
            let line = ["hubbub"].iter().chain(path).chain(&["--help"]);
            let help = command_line().try_get_matches_from(line).expect_err("the help").to_string();
            help.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        for path in [&["scenario", "run"][..], &["scenario", "check"], &["load", "fanout"], &["demo"]] {
            let help = help(path);
            assert!(!help.contains("the one used last"), "{help}");
            assert_eq!(help.contains("--server <URL>"), ["run", "fanout"].contains(&path[path.len() - 1]), "{help}");
        }
        assert!(help(&["rooms"]).contains("the one used last"));
    }

    #[test]
    fn options_stand_before_or_after_the_command() {
        for line in [["hubbub", "--nick", "ana", "rooms"], ["hubbub", "rooms", "--nick", "ana"]] {
            let arguments = Arguments::try_parse_from(line).expect("a command");
            assert_eq!(arguments.common.nick, Nick::parse("ana").ok(), "{line:?}");
            assert!(matches!(arguments.command, Some(Command::Talk(TalkCommand::Rooms { .. }))), "{line:?}");
        }
    }
}
