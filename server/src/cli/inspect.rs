//! `hubbub-server inspect`: shows what lives in the server that runs on a data folder.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Args, value_parser};
use tokio::{
    runtime,
    time::{MissedTickBehavior, interval},
};

use super::{EXIT_FAILURE, EXIT_USAGE, environment, exit_after};
use crate::{
    config::{Config, Flag, Sources},
    inspect::{ROWS_MAX, Request, ask::ask, page},
    limits::size,
};

/// How often `--watch` looks.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// What clears a terminal: home, then everything below it.
const CLEAR: &str = "\x1b[H\x1b[J";

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// The folder of the server's database [default: as `serve` finds it].
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// The server's configuration file, for the folder in it.
    #[arg(long, value_name = "FILE", env = "HUBBUB_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Print one JSON document a look.
    #[arg(long)]
    json: bool,
    /// Look again every second until it is stopped.
    #[arg(long)]
    watch: bool,
    /// Connections and rooms that are listed at most: those that wait longest or have most to do.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u64).range(..=ROWS_MAX as u64))]
    rows: u64,
}

/// Inspects. 0 when that worked, 1 when there is no server or it does not answer.
pub(super) fn inspect(args: InspectArgs) -> ExitCode {
    let InspectArgs { data, config, json, watch, rows } = args;
    let flags = data.map(|value| Flag { name: "--data", value }).into_iter().collect();
    let config = match Config::load(&Sources { file: config, environment: environment(), flags }) {
        Ok(config) => config,
        Err(error) => return exit_after(writeln!(io::stderr(), "{error}"), EXIT_USAGE),
    };
    let failed = |error: &dyn std::error::Error| {
        exit_after(writeln!(io::stderr(), "hubbub-server inspect: {error}"), EXIT_FAILURE)
    };
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    runtime.block_on(async {
        let mut every = interval(WATCH_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let (text, document) = match ask(&config.server.data, Request { rows: size(rows) }).await {
                Ok(answer) => answer,
                Err(error) => return failed(&error),
            };
            let clear = if watch && !json && io::stdout().is_terminal() { CLEAR } else { "" };
            let shown = if json { text + "\n" } else { page(&document) };
            let written = io::stdout().write_all(format!("{clear}{shown}").as_bytes());
            if !watch || written.is_err() {
                return exit_after(written, 0);
            }
        }
    })
}
