//! `hubbub load`: the common questions about a server, asked without a file.

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};

use super::{
    performance::{EXIT_CODES, EXIT_WRONG, PlayArguments, block_on, complain, unprinted},
    print, seconds,
};
use crate::{
    link::ServerUrl,
    load::{
        hunt::Hunt,
        question::{Connect, Fanout, FanoutPace},
    },
    scenario::{
        file::{self, Scenario},
        play::Stage,
    },
};

/// The rate that a search for the capacity begins with, a second.
const FIRST_PER_S: f64 = 50.0;

/// What can be asked.
#[derive(Debug, Subcommand)]
pub(super) enum LoadCommand {
    /// Deliver posts to everybody in some rooms, at a rate or as many as it goes
    #[command(after_help = EXIT_CODES)]
    Fanout {
        #[command(flatten)]
        asked: FanoutArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Connect everybody at once, cut everybody off, and let everybody resume
    #[command(after_help = EXIT_CODES)]
    Connect {
        #[command(flatten)]
        asked: ConnectArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Raise the rate until the objective breaks, then narrow down
    #[command(after_help = EXIT_CODES)]
    FindCapacity {
        #[command(flatten)]
        asked: CapacityArgs,
        #[command(flatten)]
        play: PlayArguments,
    },
}

/// How to play, or not to.
#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// Print the scenario that would be played, and play nothing
    #[arg(long)]
    print_scenario: bool,
    #[command(flatten)]
    play: PlayArguments,
}

/// Does it. `server` was named on the command line.
pub(super) fn main(command: &LoadCommand, server: Option<&ServerUrl>) -> ExitCode {
    let code = match command {
        LoadCommand::Fanout { asked, output } => ask(asked.question().scenario(), output, server),
        LoadCommand::Connect { asked, output } => ask(asked.question().scenario(), output, server),
        LoadCommand::FindCapacity { asked, play } => hunt(&asked.hunt(), play, server),
    };
    ExitCode::from(code)
}

fn ask(scenario: Scenario, output: &OutputArgs, server: Option<&ServerUrl>) -> u8 {
    if output.print_scenario {
        return print::line(file::write(&scenario).trim_end()).map_or_else(unprinted, |()| 0);
    }
    let complaints = output.play.complaints(server);
    if !complaints.is_empty() {
        complaints.iter().for_each(|complaint| complain(complaint));
        return EXIT_WRONG;
    }
    match output.play.performance(scenario, server, None, false) {
        Ok(performance) => block_on(async |interrupts| performance.run(interrupts).await.map(|outcome| outcome.code)),
        Err(complaint) => wrong(&complaint),
    }
}

fn hunt(hunt: &Hunt, play: &PlayArguments, server: Option<&ServerUrl>) -> u8 {
    let complaints = play.complaints(server);
    if !complaints.is_empty() {
        complaints.iter().for_each(|complaint| complain(complaint));
        return EXIT_WRONG;
    }
    match play.performance(hunt.scenario(), server, None, false) {
        Ok(performance) => block_on(async |interrupts| {
            let story = async |stage: &Stage| hunt.run(stage).await;
            performance.run_with(interrupts, story).await.map(|outcome| outcome.code)
        }),
        Err(complaint) => wrong(&complaint),
    }
}

fn wrong(complaint: &str) -> u8 {
    complain(&format!("hubbub: {complaint}"));
    EXIT_WRONG
}

/// Who is there.
#[derive(Debug, Args)]
pub(super) struct CrowdArgs {
    /// How many clients are connected
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    clients: u32,
    /// In how many rooms they sit, in turn
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rooms: u32,
}

#[derive(Debug, Args)]
pub(super) struct PostArgs {
    /// How many of the clients post
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    senders: u32,
    /// The text of a post, in bytes
    #[arg(long, default_value_t = 64, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    payload: u32,
}

#[derive(Debug, Args)]
pub(super) struct FanoutArgs {
    #[command(flatten)]
    crowd: CrowdArgs,
    #[command(flatten)]
    posts: PostArgs,
    /// Open model: so many posts a second together, whatever the server does
    #[arg(long, value_name = "PER_S", conflicts_with = "window", value_parser = per_s)]
    rate: Option<f64>,
    /// Closed model: so many posts under way together [default: 16]
    #[arg(long, value_name = "POSTS", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    window: Option<u32>,
    /// How long posts are sent, in seconds
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = seconds)]
    duration: Duration,
}

#[derive(Debug, Args)]
pub(super) struct ConnectArgs {
    /// How many clients connect
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    clients: u32,
    /// In how many rooms they sit, in turn
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rooms: u32,
    /// Over how many seconds they come; without it as fast as it goes
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    over: Option<Duration>,
}

#[derive(Debug, Args)]
pub(super) struct CapacityArgs {
    #[command(flatten)]
    crowd: CrowdArgs,
    #[command(flatten)]
    posts: PostArgs,
    /// What 99 % of the deliveries must keep, in milliseconds
    #[arg(long, default_value_t = 50.0, value_name = "MS", value_parser = millis)]
    p99_ms: f64,
    /// How long each rate is tried, in seconds
    #[arg(long, default_value = "5", value_name = "SECONDS", value_parser = seconds)]
    duration: Duration,
    /// The rate that is tried first, posts a second
    #[arg(long, default_value_t = FIRST_PER_S, value_name = "PER_S", value_parser = per_s)]
    from: f64,
    /// The highest rate that is tried
    #[arg(long, default_value_t = 100_000.0, value_name = "PER_S", value_parser = per_s)]
    up_to: f64,
}

impl FanoutArgs {
    pub(super) fn question(&self) -> Fanout {
        let pace = match (self.rate, self.window) {
            (Some(per_s), _) => FanoutPace::Rate(per_s),
            (None, window) => FanoutPace::Window(window.unwrap_or(16)),
        };
        fanout(&self.crowd, &self.posts, pace, self.duration)
    }
}

impl ConnectArgs {
    pub(super) fn question(&self) -> Connect {
        Connect { clients: self.clients, rooms: self.rooms, over: self.over.unwrap_or_default() }
    }
}

impl CapacityArgs {
    pub(super) fn hunt(&self) -> Hunt {
        Hunt {
            question: fanout(&self.crowd, &self.posts, FanoutPace::Rate(self.from), self.duration),
            first_per_s: self.from,
            p99: Duration::from_secs_f64(self.p99_ms / 1_000.0),
            most_per_s: self.up_to.max(self.from),
        }
    }
}

fn fanout(crowd: &CrowdArgs, posts: &PostArgs, pace: FanoutPace, time: Duration) -> Fanout {
    Fanout {
        clients: crowd.clients,
        // A room that nobody is in is not asked about, nor a sender who is not there.
        rooms: crowd.rooms.min(crowd.clients),
        senders: posts.senders.min(crowd.clients),
        payload_bytes: posts.payload,
        pace,
        time,
    }
}

fn per_s(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(per_s) if per_s > 0.0 && per_s <= 10_000_000.0 => Ok(per_s),
        _ => Err("give a number of posts a second, more than 0 and at most 10000000".to_owned()),
    }
}

fn millis(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(ms) if ms > 0.0 && ms <= 3_600_000.0 => Ok(ms),
        _ => Err("give a number of milliseconds, more than 0 and at most 3600000".to_owned()),
    }
}
