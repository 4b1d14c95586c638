//! The command line: which command is meant, and what `serve` does before the server itself takes over.

mod inspect;

use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal, Write},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    app::{self, AppParts},
    config::{self, Config, ConfigError, Flag, LogFormat, Sources},
    log, metrics, signal,
    store::{
        Store,
        sqlite::{self, SqliteStore},
    },
};

/// The exit code when the server could not start or broke down.
const EXIT_FAILURE: u8 = 1;

/// The exit code for a wrong command line or configuration.
const EXIT_USAGE: u8 = 2;

/// Connections that may wait to be accepted; Linux caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4_096;

/// Files besides sockets that the process needs: database, log, event queues of the workers.
const SPARE_FILES: u64 = 128;

/// A self-hosted real-time chat server.
///
/// Without a command it serves. Then one line, `ready http=ADDRESS`, goes to stdout as soon as clients
/// can connect; the log goes to stderr. SIGTERM and SIGINT drain it: it takes no more clients, finishes
/// what was begun, says goodbye and exits with 0; a second signal ends it at once.
#[derive(Debug, Parser)]
#[command(name = "hubbub-server", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 after a drain, 1 when it could not start or broke down, 2 for a wrong \
    command line or configuration.\n\nEvery key of the configuration can be set by an environment variable \
    HUBBUB_SECTION_KEY, for example HUBBUB_SERVER_HTTP; `hubbub-server config` lists them all.")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server; the same as no command.
    Serve(ServeArgs),
    /// Print a configuration file with every key, its default and its meaning.
    Config,
    /// Tell whether the server would start with a file, and what is wrong if not.
    ///
    /// HUBBUB_* variables are laid over it, as they would be at the start.
    CheckConfig {
        /// The file.
        file: PathBuf,
    },
    /// Show what lives in a running server: connections, rooms, shards, and what is stuck.
    ///
    /// Asks through a socket in the server's data folder, so as the same user or root.
    Inspect(inspect::InspectArgs),
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// The configuration file; none: the defaults.
    #[arg(long, value_name = "FILE", env = "HUBBUB_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// The folder of the database [default: hubbub-data].
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Where to listen; port 0 takes any free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// The number of worker threads [default: one a core].
    #[arg(long, value_name = "N")]
    workers: Option<String>,
    /// The form of the log [default: text].
    #[arg(long, value_name = "FORMAT", value_parser = LogFormat::NAMES)]
    log_format: Option<String>,
    /// Drain when stdin ends: for a program that starts a server for itself; however it ends, so does the server.
    #[arg(long)]
    until_stdin_closes: bool,
}

impl ServeArgs {
    fn sources(self) -> Sources {
        let flags = [
            ("--data", self.data),
            ("--http", self.http),
            ("--workers", self.workers),
            ("--log-format", self.log_format),
        ];
        let flags = flags.into_iter().filter_map(|(name, value)| value.map(|value| Flag { name, value })).collect();
        Sources { file: self.config, environment: environment(), flags }
    }
}

fn environment() -> Vec<(OsString, OsString)> {
    env::vars_os().collect()
}

/// Why the server did not start, or ended otherwise than by a drain.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("the configuration is wrong\n{0}")]
    Config(#[from] ConfigError),
    #[error(
        "cannot listen on {address}: another program does already. Stop it, or choose another address: \
         `--http 127.0.0.1:0` takes any free port"
    )]
    AddressInUse { address: String },
    #[error("cannot listen on {address}: {source}{}", advice(source))]
    Bind { address: String, source: io::Error },
    #[error("{0}")]
    Store(String),
    #[error("cannot start the server's threads: {0}")]
    Runtime(io::Error),
    #[error("the server broke down: {0}")]
    Run(io::Error),
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => ". Ports below 1024 need a privilege; a proxy in front needs none",
        io::ErrorKind::AddrNotAvailable => ". The host must be an address of this machine",
        _ => "",
    }
}

impl ServeError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => EXIT_USAGE,
            Self::AddressInUse { .. } | Self::Bind { .. } | Self::Store(_) | Self::Runtime(_) | Self::Run(_) => {
                EXIT_FAILURE
            }
        }
    }
}

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => run(cli),
        Err(error) => {
            // Help and version are such errors too: clap knows the stream and the code of each.
            let code = u8::try_from(error.exit_code()).unwrap_or(EXIT_USAGE);
            exit_after(error.print(), code)
        }
    }
}

fn run(cli: Cli) -> ExitCode {
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => {
            let until_stdin_closes = args.until_stdin_closes;
            match serve(&args.sources(), until_stdin_closes) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => exit_after(tell(&error), error.exit_code()),
            }
        }
        Command::Config => exit_after(io::stdout().write_all(config::commented_file().as_bytes()), 0),
        Command::CheckConfig { file } => check_config(file),
        Command::Inspect(args) => inspect::inspect(args),
    }
}

/// Ends with `code`; when the reader of our words went away (`| head`), with 1 and without a panic.
fn exit_after(written: io::Result<()>, code: u8) -> ExitCode {
    match written {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::from(code.max(EXIT_FAILURE)),
    }
}

/// Says why the server ended: a line of the log where programs read it, else a sentence.
fn tell(error: &ServeError) -> io::Result<()> {
    if log::is_json() && tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!("{error}");
        return Ok(());
    }
    writeln!(io::stderr(), "hubbub-server: {error}")
}

fn check_config(file: PathBuf) -> ExitCode {
    let shown = file.display().to_string();
    let sources = Sources { file: Some(file), environment: environment(), flags: Vec::new() };
    match Config::load(&sources) {
        Ok(_) => exit_after(writeln!(io::stdout(), "{shown}: all right"), 0),
        Err(error) => exit_after(writeln!(io::stderr(), "{error}"), EXIT_USAGE),
    }
}

fn serve(sources: &Sources, until_stdin_closes: bool) -> Result<(), ServeError> {
    let config = Arc::new(Config::load(sources)?);
    log::init(&config.log);
    use_small_pages();
    let metrics = metrics::install();
    raise_open_files(config.limits.connections_max);
    let listener = listen(&config.server.http)?;
    let store = open_store(&config)?;
    let parts = AppParts { config, listener, store, metrics };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Runtime)?;
    let served = actix_rt::System::with_tokio_rt(|| runtime).block_on(async {
        let stop = signal::stop(until_stdin_closes)?;
        app::run(parts, stop, announce).await
    });
    served.map_err(ServeError::Run)
}

/// The line that scripts wait for, and the hint for people.
fn announce(http: SocketAddr) {
    let told = writeln!(io::stdout(), "ready http={http}").and_then(|()| io::stdout().flush());
    if let Err(error) = told {
        tracing::warn!(%error, "nobody reads that the server is ready");
    }
    if let Err(error) = io::stderr().write_all(hint(http).as_bytes()) {
        tracing::debug!(%error, "nobody reads the hint");
    }
}

/// Opens what outlives the process. The one place that knows which store it is.
fn open_store(config: &Config) -> Result<Arc<dyn Store>, ServeError> {
    let options = sqlite::Options::new(&config.server.data, &config.limits);
    let store = SqliteStore::open(&options).map_err(|error| ServeError::Store(error.to_string()))?;
    Ok(store)
}

fn listen(address: &str) -> Result<TcpListener, ServeError> {
    let listener = TcpListener::bind(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::AddressInUse { address: address.to_owned() },
        _ => ServeError::Bind { address: address.to_owned(), source },
    })?;
    // The standard library asks for 128 only: too few for the moment when everyone comes back.
    if let Err(error) = rustix::net::listen(&listener, BACKLOG) {
        tracing::warn!(%error, "the queue of waiting connections stays short");
    }
    Ok(listener)
}

/// Has memory come in small pages from now on. A huge one is kept whole while anything in it is used, so what a crowd needed as it came
/// would stay with what it needs from then on; and whoever is the first to touch one waits for a millisecond or two.
fn use_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::info!(%error, "memory comes in huge pages where the system likes");
    }
}

/// Lets the process open as many files as the system allows it; every connection is one.
fn raise_open_files(connections_max: u64) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if let Err(error) = &raised {
        tracing::warn!(%error, ?current, ?maximum, "the number of open files cannot be raised");
    }
    let files = if raised.is_ok() { maximum } else { current };
    // `None` means that there is no limit.
    let Some(files) = files else {
        tracing::info!("any number of files may be opened");
        return;
    };
    tracing::info!(files, "files that may be opened at once");
    if files < connections_max.saturating_add(SPARE_FILES) {
        let connections = files.saturating_sub(SPARE_FILES);
        tracing::warn!(
            files,
            connections_max,
            "fewer files than connections: raise the limit (ulimit -n, LimitNOFILE=) or lower \
             limits.connections_max to {connections}"
        );
    }
}

/// What a person at a terminal is told when the server is ready: how to talk. Empty when stderr is no terminal.
#[must_use]
pub fn hint(http: SocketAddr) -> String {
    if io::stderr().is_terminal() { hint_text(http) } else { String::new() }
}

fn hint_text(http: SocketAddr) -> String {
    let host = match http {
        SocketAddr::V4(address) if address.ip().is_unspecified() => format!("127.0.0.1:{}", address.port()),
        SocketAddr::V6(address) if address.ip().is_unspecified() => format!("[::1]:{}", address.port()),
        address => address.to_string(),
    };
    let server = if host == "127.0.0.1:8080" { String::new() } else { format!(" -- --server {host}") };
    format!(
        "\n  Hubbub is ready. Talk from another terminal:\n\n      cargo run --release --bin hubbub{server}\n\n  \
         or look at http://{host}/ in a browser. Ctrl-C stops the server.\n\n"
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::key::KEYS;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_of_a_key_is_taken_and_reaches_it() {
        for info in KEYS {
            let Some(flag) = info.flag else { continue };
            let value = if flag == "--log-format" { "json" } else { "3" };
            let cli = Cli::try_parse_from(["hubbub-server", "serve", flag, value]).expect(flag);
            let Some(Command::Serve(args)) = cli.command else { panic!("serve is serve") };
            assert_eq!(args.sources().flags, [Flag { name: flag, value: value.to_owned() }]);
        }
    }

    #[test]
    fn no_command_takes_the_flags_of_serve() {
        let cli = Cli::try_parse_from(["hubbub-server", "--http", "127.0.0.1:0"]).expect("flags alone");
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.http.as_deref(), Some("127.0.0.1:0"));
    }

    #[test]
    fn the_hint_names_an_address_that_a_client_can_use() {
        let text = |address: &str| hint_text(address.parse().expect(address));
        assert!(text("127.0.0.1:8080").contains("cargo run --release --bin hubbub\n"));
        assert!(text("0.0.0.0:9000").contains("--bin hubbub -- --server 127.0.0.1:9000\n"));
        assert!(text("[::]:9000").contains("http://[::1]:9000/ "));
    }
}
