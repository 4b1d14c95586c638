//! A server process: the real program on a port and a data folder of its own, to be killed, stopped and restarted.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use rustix::{
    fs::{FlockOperation, fcntl_lock},
    process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit},
};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::{eventually::within, program};

/// Lines of the server's log that are shown when a test fails.
const LOG_LINES_SHOWN: usize = 40;

/// How a server is to be started.
#[derive(Debug, Clone)]
pub struct Setup {
    variables: Vec<(String, String)>,
    host: String,
    ignored_signal: Option<&'static str>,
    log: Option<PathBuf>,
    disk_bytes: Option<u64>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { variables: Vec::new(), host: "127.0.0.1".to_owned(), ignored_signal: None, log: None, disk_bytes: None }
    }
}

impl Setup {
    /// The server's own defaults, on a free port of the loopback address.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The defaults with rates that no test meets.
    #[must_use]
    pub fn for_load() -> Self {
        ["post_burst", "posts_per_s", "request_burst", "requests_per_s"]
            .iter()
            .fold(Self::new(), |setup, name| setup.limit(name, 1_000_000))
    }

    /// Sets a key of `[limits]`.
    #[must_use]
    pub fn limit(self, name: &str, value: u64) -> Self {
        self.variable(&format!("HUBBUB_LIMITS_{}", name.to_uppercase()), &value.to_string())
    }

    /// Sets the number of worker threads.
    #[must_use]
    pub fn shards(self, count: usize) -> Self {
        self.variable("HUBBUB_FANOUT_SHARDS", &count.to_string())
    }

    /// Sets an environment variable of the server.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Listens to another host than the loopback address.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Starts the server with a signal ignored, as a shell's `trap '' NAME` does.
    #[must_use]
    pub fn ignoring(mut self, signal: &'static str) -> Self {
        self.ignored_signal = Some(signal);
        self
    }

    /// Sends the log to this file, and not to one of its own.
    #[must_use]
    pub fn log_to(mut self, file: impl Into<PathBuf>) -> Self {
        self.log = Some(file.into());
        self
    }

    /// Gives it a disk of its own of this size for its data, which is gone with the process. Needs
    /// [`small_disks_are_to_be_had`].
    #[must_use]
    pub fn disk_bytes(mut self, bytes: u64) -> Self {
        self.disk_bytes = Some(bytes);
        self
    }

    /// A command that would start a server on `data` at `http`.
    fn command(&self, data: &Path, http: &str) -> Command {
        let program = program::hubbub_server();
        let mut command = match (self.ignored_signal, self.disk_bytes) {
            (None, None) => Command::new(program),
            (Some(signal), _) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("trap '' {signal}; exec \"$0\" \"$@\"")]).arg(program);
                shell
            }
            (None, Some(bytes)) => {
                fs::create_dir_all(data).expect("the data folder");
                let mut shell = on_small_disk(bytes, data);
                shell.arg(program);
                shell
            }
        };
        without_variables(&mut command).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.arg("serve").arg("--data").arg(data).args(["--http", http]);
        command.stdin(Stdio::null());
        command
    }
}

/// Runs `hubbub-server inspect` on a data folder, with or without a server.
#[must_use]
pub fn inspect(data: &Path, arguments: &[&str]) -> Output {
    inspection(data, arguments).output().expect("the program runs")
}

/// The command that does so.
#[must_use]
pub fn inspection(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program::hubbub_server());
    without_variables(&mut command).arg("inspect").arg("--data").arg(data).args(arguments).stdin(Stdio::null());
    command
}

/// Takes away what whoever runs the tests has set.
fn without_variables(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HUBBUB_")) {
        command.env_remove(name);
    }
    command
}

/// What begins a command that is to see a small disk in the place of `folder`, in a namespace of its own.
fn on_small_disk(bytes: u64, folder: &Path) -> Command {
    let mut command = Command::new("unshare");
    let script = format!("mount -t tmpfs -o size={bytes} tmpfs \"$0\" && exec \"$@\"");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script]).arg(folder);
    command
}

/// Whether this machine lets us mount one; not every container does.
#[must_use]
pub fn small_disks_are_to_be_had() -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tried = on_small_disk(1_048_576, folder.path()).arg("true").stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// A server and its data folder. Dropped, the process is killed and the folder removed.
#[derive(Debug)]
pub struct Server {
    setup: Setup,
    address: SocketAddr,
    // Dropped before the folder, in which its log is.
    process: Process,
    folder: TempDir,
}

impl Server {
    /// Starts a server on an empty data folder and waits until it is ready.
    pub async fn start(setup: Setup) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let http = format!("{}:0", setup.host);
        let (process, address) = Process::start(&setup, folder.path(), &http).await;
        Self { setup, folder, address, process }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Ends it as a power cut would end its process, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.signal(Signal::KILL);
        let status = self.process.exit().await;
        assert_eq!(status.signal(), Some(9), "killed, but it ended with {status}");
    }

    /// Starts it again on the same data and port; it must have ended.
    pub async fn restart(&mut self) {
        let http = self.address.to_string();
        let (process, address) = Process::start(&self.setup, self.folder.path(), &http).await;
        (self.process, self.address) = (process, address);
    }

    /// Throws its data away; it must have ended.
    pub fn forget(&self) {
        assert!(!self.is_running(), "the data of a running server");
        fs::remove_dir_all(self.data()).expect("the data folder");
    }

    /// Asks it to drain, and does not wait.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits for its end.
    pub async fn exit(&mut self) -> ExitStatus {
        self.process.exit().await
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// Holds the whole process still.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends a signal; it must be running.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.process.id, signal).expect("the server runs");
    }

    /// Its data folder as the process sees it.
    #[must_use]
    pub fn data_within(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.process.id.as_raw_nonzero()));
        root.join(self.data().strip_prefix("/").expect("an absolute path"))
    }

    /// Limits how large a file it may write, as a full disk would; `None`: no limit any more.
    pub fn limit_file_bytes(&self, bytes: Option<u64>) {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(self.process.id), Resource::Fsize, limit).expect("the limit can be set");
    }

    /// The size of the largest file of its data.
    #[must_use]
    pub fn largest_file_bytes(&self) -> u64 {
        let files = fs::read_dir(self.data()).expect("the data folder");
        files.filter_map(|file| file.ok()?.metadata().ok()).map(|file| file.len()).max().unwrap_or(0)
    }

    /// Holds its database as another program might: it can read, but must wait with writing until this is dropped.
    #[must_use]
    pub fn hold_store(&self) -> File {
        let index = File::open(self.data().join("hubbub.db-shm")).expect("the store's index");
        fcntl_lock(&index, FlockOperation::LockShared).expect("a lock that writers must wait for");
        index
    }

    /// The memory that it occupies.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id.as_raw_nonzero());
        let status = fs::read_to_string(path).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1_024
    }

    /// What it has written to its log since the first start.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.process.log.as_path()).unwrap_or_default()
    }

    /// Looks into it with `hubbub-server inspect` and these arguments.
    #[must_use]
    pub fn inspect(&self, arguments: &[&str]) -> Output {
        inspect(&self.data(), arguments)
    }

    /// Tries to start another server on the same data and a free port; answers how that ended and what it said.
    #[must_use]
    pub fn rival(&self) -> (ExitStatus, String) {
        let output = self.setup.command(&self.data(), "127.0.0.1:0").output().expect("the program runs");
        (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// One run of the program.
#[derive(Debug)]
struct Process {
    id: Pid,
    /// Set by the thread that waits for the end.
    ended: Arc<Mutex<Option<ExitStatus>>>,
    waiter: Option<thread::JoinHandle<()>>,
    log: PathBuf,
}

impl Process {
    async fn start(setup: &Setup, folder: &Path, http: &str) -> (Self, SocketAddr) {
        static STARTS: AtomicU32 = AtomicU32::new(0);
        let log = setup.log.clone().unwrap_or_else(|| folder.join("server.log"));
        let file = File::options().append(true).create(true).open(&log).expect("a log file");
        let mut command = setup.command(&folder.join("data"), http);
        command.stdout(Stdio::piped()).stderr(Stdio::from(file));
        let mut child = command.spawn().expect("the program starts");
        let number = STARTS.fetch_add(1, Ordering::Relaxed);
        let (ready_sender, ready) = oneshot::channel();
        let stdout = child.stdout.take().expect("a pipe");
        let read = move || {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            let address = lines.find_map(|line| line.strip_prefix("ready http=").map(str::to_owned));
            // A test that has given up is not told.
            drop(ready_sender.send(address));
            lines.for_each(drop);
        };
        thread::Builder::new().name(format!("server-{number}-stdout")).spawn(read).expect("a thread");
        let process = Self::watch(child, log);
        let said = within("the server's ready line", ready).await.ok().flatten();
        let Some(address) = said else { panic!("the server ended before it was ready:\n{}", process.log_end()) };
        (process, address.parse().expect("an address"))
    }

    fn watch(mut child: Child, log: PathBuf) -> Self {
        let id = Pid::from_child(&child);
        let ended = Arc::new(Mutex::new(None));
        let seen = ended.clone();
        let wait = move || {
            let status = child.wait().expect("a child can be waited for");
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
        };
        let waiter = thread::Builder::new().name("server-end".to_owned()).spawn(wait).expect("a thread");
        Self { id, ended, waiter: Some(waiter), log }
    }

    fn ended(&self) -> Option<ExitStatus> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_running(&self) -> bool {
        self.ended().is_none()
    }

    async fn exit(&self) -> ExitStatus {
        crate::eventually::eventually("the server's end", async || self.ended()).await
    }

    fn log_end(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("---- the end of the server's log ----\n{}", self.log_end());
        }
        if self.is_running()
            && let Err(error) = kill_process(self.id, Signal::KILL)
        {
            eprintln!("the server could not be killed: {error}");
        }
        if let Some(waiter) = self.waiter.take()
            && waiter.join().is_err()
        {
            eprintln!("the server's end could not be waited for");
        }
    }
}
