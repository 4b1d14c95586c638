//! The processes of a bench: the bench's own program in another role, on one core, and the CPU time that it takes.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Tells a child process what it is.
pub const ROLE: &str = "BENCH_ROLE";

/// A core that a process is bound to; `None`: wherever the system likes.
pub type Core = Option<u32>;

/// A core for the server and another one for the load; none where a machine has or gives no two.
#[must_use]
pub fn two_cores() -> (Core, Core) {
    let is_given = |core: &str| {
        let tried = Command::new("taskset").args(["-c", core, "true"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    if is_given("0") && is_given("1") { (Some(0), Some(1)) } else { (None, None) }
}

/// The role of another build of Hubbub, which is compared with the one in the bench.
pub const OTHER: &str = "other";

/// Names the program of the role [`OTHER`].
const AGAINST: &str = "BENCH_AGAINST";

/// Where the other build is, if Hubbub is to be compared with one.
#[must_use]
pub fn other_build() -> Option<PathBuf> {
    env::var_os(AGAINST).map(PathBuf::from)
}

/// A command that runs this very program in a role, or the other build.
///
/// # Errors
/// When the system does not tell where this program is, or nothing tells where the other one is.
pub fn role(name: &str, core: Core) -> io::Result<Command> {
    let (this, name) = if name == OTHER {
        let missing = || io::Error::other(format!("{AGAINST} must say where the other build is"));
        (other_build().ok_or_else(missing)?, "hubbub")
    } else {
        (env::current_exe()?, name)
    };
    let mut command = match core {
        Some(core) => {
            let mut bound = Command::new("taskset");
            bound.args(["-c", &core.to_string()]).arg(this);
            bound
        }
        None => Command::new(this),
    };
    command.env(ROLE, name);
    Ok(command)
}

/// A thread of a server, and what it has had of the processors since it began.
#[derive(Debug, Clone, PartialEq)]
pub struct Thread {
    /// Its number in the system.
    pub id: u32,
    /// Its name, of which the system keeps 15 bytes.
    pub name: String,
    /// How long it ran, in seconds.
    pub ran_s: f64,
    /// How long it could have run and waited for a core, in seconds.
    pub waited_s: f64,
}

/// A server in a process of its own. Dropped, it is killed.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: String,
}

impl Server {
    /// Starts the server of a role, with rates that no bench meets. Its threads are as many as its cores.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub fn start(name: &str, data: &Path, core: Core) -> io::Result<Self> {
        Self::start_on(name, data, core, &[])
    }

    /// The same with more configuration, as variables of the environment.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub fn start_on(name: &str, data: &Path, core: Core, set: &[(&str, &str)]) -> io::Result<Self> {
        let shards = core.map(|_| ("HUBBUB_FANOUT_SHARDS", "1"));
        Self::start_with(name, data, core, &[set, shards.as_slice()].concat())
    }

    /// The same with nothing but this configuration, as variables of the environment.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub fn start_with(name: &str, data: &Path, core: Core, set: &[(&str, &str)]) -> io::Result<Self> {
        let mut command = role(name, core)?;
        command
            .env("HUBBUB_SERVER_HTTP", "127.0.0.1:0")
            .env("HUBBUB_SERVER_DATA", data)
            .env("HUBBUB_LOG_FILTER", "warn")
            .env("HUBBUB_LIMITS_POST_BURST", "1000000")
            .env("HUBBUB_LIMITS_POSTS_PER_S", "1000000")
            .env("HUBBUB_LIMITS_REQUEST_BURST", "1000000")
            .env("HUBBUB_LIMITS_REQUESTS_PER_S", "1000000")
            .envs(set.iter().copied());
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no stdout"))?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().strip_prefix("ready http=").map(str::to_owned);
        let address = address.ok_or_else(|| io::Error::other(format!("{name} did not start: {line:?}")))?;
        Ok(Self { child, address })
    }

    /// Processor time that all its threads have used, in seconds.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu_s(&self) -> io::Result<f64> {
        Ok(self.threads()?.iter().map(|thread| thread.ran_s).sum())
    }

    /// Its threads: from `/proc/PID/task/*/schedstat`, to the nanosecond, those that live.
    ///
    /// # Errors
    /// When it has ended.
    pub fn threads(&self) -> io::Result<Vec<Thread>> {
        let mut threads = Vec::new();
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let task = task?;
            let id = task.file_name().to_string_lossy().parse().unwrap_or_default();
            // A thread may end between the list and the look.
            let told = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
            let stat = told("schedstat");
            let mut times = stat.split_whitespace().map(|ns| ns.parse::<f64>().unwrap_or(0.0) / 1e9);
            let (ran_s, waited_s) = (times.next().unwrap_or(0.0), times.next().unwrap_or(0.0));
            threads.push(Thread { id, name: told("comm").trim().to_owned(), ran_s, waited_s });
        }
        Ok(threads)
    }

    /// Memory that is this process's alone and resident, in bytes: the private pages of `smaps_rollup`.
    ///
    /// # Errors
    /// When it has ended.
    pub fn private_bytes(&self) -> io::Result<f64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let kib = |line: &str| line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok());
        Ok(rollup.lines().filter(|line| line.starts_with("Private_")).filter_map(kib).sum::<f64>() * 1024.0)
    }

    /// Its process, for what `/proc` tells of it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A page of it: the body of the answer to a GET.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn page(&self, path: &str) -> io::Result<String> {
        let mut socket = TcpStream::connect(&self.address)?;
        write!(socket, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address)?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        body.ok_or_else(|| io::Error::other(format!("no page at {path}")))
    }

    /// A metric, for each of its labels in the order of the alphabet.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn counts(&self, name: &str) -> io::Result<Vec<f64>> {
        let page = self.page("/metrics")?;
        let mut lines: Vec<&str> = page.lines().filter(|line| line.split(['{', ' ']).next() == Some(name)).collect();
        lines.sort_unstable();
        Ok(lines.iter().filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect())
    }

    /// Ends it as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be ended or waited for.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}
