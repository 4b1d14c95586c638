//! A private server: a process of its own with temporary data, which is killed and started again as the story wants.
//!
//! It never outlives the run: it is killed when this is dropped (after a panic, too), and when the run itself is killed
//! its stdin ends, upon which it drains. Nothing is left behind but the folder in that last case.

use std::{
    env,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use rand::RngExt;
use tempfile::TempDir;
use tokio::{sync::oneshot, time::timeout};

use super::ServerError;
use crate::scenario::{crowd::order::SOURCE_PORTS, file::ServerSettings};

/// How long a server may take to be ready: it may have to recover a log, on a slow disk.
const READY_PATIENCE: Duration = Duration::from_secs(30);

/// Ports to choose from: below those that connections take for themselves. While the server is dead, somebody else's
/// connection would else occupy its port, or one of ours be connected with itself.
const PORTS: std::ops::Range<u16> = 20_000..*SOURCE_PORTS.start();

/// Ports that are tried; each may be taken between our look and the server's.
const PORT_TRIES: usize = 8;

/// What of its log is shown when it dies.
const LOG_LINES_SHOWN: usize = 12;

/// The longest end of the log that is read for it.
const LOG_TAIL_BYTES: usize = 16 * 1024;

/// The longest line that is waited for on its stdout.
const LINE_BYTES_MAX: u64 = 4_096;

/// A server for one run.
#[derive(Debug)]
pub(crate) struct PrivateServer {
    program: PathBuf,
    settings: ServerSettings,
    address: SocketAddr,
    /// `None` while it is dead.
    process: Option<Process>,
    /// Dropped after the process.
    folder: TempDir,
}

impl PrivateServer {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready, with what it said.
    pub(crate) async fn start(program: PathBuf, settings: ServerSettings) -> Result<Self, ServerError> {
        let folder = TempDir::with_prefix("hubbub-scenario-").map_err(ServerError::Folder)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut server = Self { program, settings, address, process: None, folder };
        let mut tries_left = PORT_TRIES;
        loop {
            tries_left -= 1;
            server.address = free_address();
            match server.restart().await {
                Err(ServerError::Died { .. }) if tries_left > 0 && !is_free(server.address) => {}
                done => return done.map(|()| server),
            }
        }
    }

    /// Where it listens, dead or alive.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process; `None` while it is dead.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.child.id())
    }

    /// Kills it as a power cut would; nothing when it is dead already.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it on the same port and the same data, killing it first if it lives; waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready, with what it said.
    pub(crate) async fn restart(&mut self) -> Result<(), ServerError> {
        self.kill();
        let (mut process, stdout) = self.spawn()?;
        let (line, told) = oneshot::channel();
        thread::Builder::new()
            .name("server's stdout".to_owned())
            .spawn(move || read_ready(stdout, line))
            .map_err(|source| ServerError::Spawn { program: self.program.clone(), source })?;
        match timeout(READY_PATIENCE, told).await {
            Ok(Ok(())) => {
                self.process = Some(process);
                Ok(())
            }
            // The thread has ended without a word: so has the server, or it closed its stdout.
            Ok(Err(_)) => Err(self.death(process.end())),
            Err(_) => Err(ServerError::NotReady { patience: READY_PATIENCE, log: self.log_tail() }),
        }
    }

    /// When it has ended by itself: how, and what it said last. Then it is dead.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.process.as_mut()?.child.try_wait().ok()??;
        self.process = None;
        Some(format!("the private server ended by itself ({status}); it said last:\n{}", self.log_tail()))
    }

    fn spawn(&self) -> Result<(Process, ChildStdout), ServerError> {
        let failed = |source| ServerError::Spawn { program: self.program.clone(), source };
        let log = File::options().create(true).append(true).open(self.log_file()).map_err(ServerError::Folder)?;
        let mut command = Command::new(&self.program);
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HUBBUB_")) {
            command.env_remove(name);
        }
        command.envs(variables(&self.settings));
        command.args(["--until-stdin-closes", "--http", &self.address.to_string(), "--data"]);
        command.arg(self.folder.path().join("data")).current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        // A Ctrl-C at the terminal is meant for the run, which then ends the server.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(failed)?;
        let stdout = child.stdout.take();
        let process = Process { child };
        let stdout = stdout.ok_or_else(|| failed(io::Error::other("it has no stdout")))?;
        Ok((process, stdout))
    }

    fn death(&self, status: io::Result<ExitStatus>) -> ServerError {
        let log = self.log_tail();
        match status {
            Ok(status) if status.code() == Some(2) => ServerError::Settings { log },
            Ok(status) => ServerError::Died { status, log },
            Err(source) => ServerError::Spawn { program: self.program.clone(), source },
        }
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn log_tail(&self) -> String {
        last_lines(&self.log_file()).unwrap_or_else(|error| format!("(its log cannot be read: {error})"))
    }
}

/// A process that is killed when it is dropped.
#[derive(Debug)]
struct Process {
    child: Child,
}

impl Process {
    /// How it ended; it is killed if it did not.
    fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, pid = self.child.id(), "a private server could not be ended");
        }
    }
}

/// Reads up to the line that says that it is ready, and then on to the end, so that it never waits for us.
fn read_ready(stdout: ChildStdout, ready: oneshot::Sender<()>) {
    let mut stdout = BufReader::new(stdout);
    let mut ready = Some(ready);
    loop {
        let mut line = Vec::new();
        match stdout.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if line.starts_with(b"ready http=")
            && let Some(ready) = ready.take()
            && ready.send(()).is_err()
        {
            tracing::debug!("nobody waits for the private server any more");
        }
    }
}

/// The settings as the server's environment takes them.
fn variables(settings: &ServerSettings) -> Vec<(String, String)> {
    let limits = settings.limits.iter();
    let limits = limits.map(|(key, value)| (format!("HUBBUB_LIMITS_{}", key.to_uppercase()), value.to_string()));
    let workers = settings.workers.map(|workers| ("HUBBUB_FANOUT_SHARDS".to_owned(), workers.to_string()));
    limits.chain(workers).collect()
}

fn free_address() -> SocketAddr {
    let mut random = rand::rng();
    let mut address = || SocketAddr::from((Ipv4Addr::LOCALHOST, random.random_range(PORTS)));
    (0..PORT_TRIES).map(|_| address()).find(|address| is_free(*address)).unwrap_or_else(&mut address)
}

fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

fn last_lines(file: &Path) -> io::Result<String> {
    let bytes = fs::read(file)?;
    let tail = &bytes[bytes.len().saturating_sub(LOG_TAIL_BYTES)..];
    let text = String::from_utf8_lossy(tail);
    let lines: Vec<&str> = text.lines().collect();
    let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
    Ok(if shown.is_empty() { "(nothing)".to_owned() } else { shown.join("\n") })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn settings_become_the_server_s_variables() {
        let limits = BTreeMap::from([("post_burst".to_owned(), 7)]);
        let settings = ServerSettings { limits, workers: Some(2) };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(variables(&settings), [pair("HUBBUB_LIMITS_POST_BURST", "7"), pair("HUBBUB_FANOUT_SHARDS", "2")]);
    }

    #[test]
    fn only_the_end_of_a_long_log_is_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("log");
        let lines: Vec<String> = (0..2_000).map(|n| format!("line {n}")).collect();
        fs::write(&file, lines.join("\n")).expect("a file");
        let shown = last_lines(&file).expect("a log");
        assert_eq!(shown.lines().count(), LOG_LINES_SHOWN);
        assert!(shown.starts_with("line 1988\n") && shown.ends_with("line 1999"), "{shown}");
        fs::write(&file, "").expect("a file");
        assert_eq!(last_lines(&file).expect("a log"), "(nothing)");
    }

    #[cfg(unix)]
    mod with_a_double {
        use std::os::unix::fs::PermissionsExt;

        use super::*;

        /// A program that is a server as far as it is looked at here.
        fn program(folder: &TempDir, script: &str) -> PathBuf {
            let path = folder.path().join("double");
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("a mode");
            path
        }

        /// The server, and the folder that its program is in.
        async fn start(script: &str) -> Result<(TempDir, PrivateServer), ServerError> {
            let folder = tempfile::tempdir().expect("a folder");
            let server = PrivateServer::start(program(&folder, script), ServerSettings::default()).await?;
            Ok((folder, server))
        }

        #[tokio::test]
        async fn a_server_that_dies_is_said_with_its_last_words() {
            let error = start("echo 'no disk' >&2; exit 1").await.expect_err("it died");
            assert!(
                matches!(&error, ServerError::Died { status, log } if status.code() == Some(1) && log == "no disk")
            );
        }

        #[tokio::test]
        async fn settings_that_the_server_refuses_are_the_file_s_fault() {
            let error = start("echo 'no such key' >&2; exit 2").await.expect_err("it refused");
            assert!(matches!(&error, ServerError::Settings { log } if log == "no such key"), "{error}");
        }

        #[tokio::test]
        async fn a_killed_server_is_gone_and_comes_back_on_its_port() {
            let (_program, mut server) = start("echo ready http=127.0.0.1:1; exec cat").await.expect("a server");
            let (address, first) = (server.address(), server.pid().expect("alive"));
            server.kill();
            assert_eq!((server.pid(), server.ended()), (None, None));
            server.restart().await.expect("it comes back");
            assert_eq!(server.address(), address);
            assert_ne!(server.pid(), Some(first));
        }

        #[tokio::test]
        async fn nothing_is_left_of_a_server_that_is_dropped() {
            let (_program, server) = start("echo ready http=127.0.0.1:1; exec cat").await.expect("a server");
            let (folder, pid) = (server.folder.path().to_owned(), server.pid().expect("alive"));
            drop(server);
            assert!(!folder.exists());
            let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
            assert!(rustix::process::test_kill_process(pid).is_err(), "the process lives");
        }
    }
}
