//! The processes of a bench: the bench's own program in another role, on one core, and the CPU time that it takes.

use std::{
    env, fs,
    io::{self, BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// Tells a child process what it is.
pub const ROLE: &str = "BENCH_ROLE";

/// Clock ticks a second of `/proc/PID/stat` (proc(5), `sysconf(_SC_CLK_TCK)` on Linux).
const TICKS_PER_S: f64 = 100.0;

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

/// A command that runs this very program in a role.
///
/// # Errors
/// When the system does not tell where this program is.
pub fn role(name: &str, core: Core) -> io::Result<Command> {
    let this = env::current_exe()?;
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
        let mut command = role(name, core)?;
        command
            .env("HUBBUB_SERVER_HTTP", "127.0.0.1:0")
            .env("HUBBUB_SERVER_DATA", data)
            .env("HUBBUB_LOG_FILTER", "warn")
            .env("HUBBUB_LIMITS_POST_BURST", "1000000")
            .env("HUBBUB_LIMITS_POSTS_PER_S", "1000000")
            .env("HUBBUB_LIMITS_REQUEST_BURST", "1000000")
            .env("HUBBUB_LIMITS_REQUESTS_PER_S", "1000000");
        if core.is_some() {
            command.env("HUBBUB_FANOUT_SHARDS", "1");
        }
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no stdout"))?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().strip_prefix("ready http=").map(str::to_owned);
        let address = address.ok_or_else(|| io::Error::other(format!("{name} did not start: {line:?}")))?;
        Ok(Self { child, address })
    }

    /// Processor time that it has used, in seconds.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu_s(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(ticks / TICKS_PER_S)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

impl Server {
    /// Its process, for what `/proc` tells of it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}
