//! Samples of a server's threads, by `perf`: who ran, and what was on its stack.
//!
//! Stacks are unwound by what the compiler wrote for debuggers, so that the program is the one that is measured
//! otherwise, without frame pointers.

use std::{
    fs, io,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// Samples a second: few enough that the copies of the stacks cost little, and no part of any timer's rate.
const PER_S: &str = "499";

/// Bytes of each stack that are copied.
const STACK: &str = "dwarf,16384";

/// How long it is tried whether there is something to be seen; the longer ones where perf takes long to begin.
const TRIALS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(8)];

/// A call on a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) symbol: String,
    /// Whether it is the kernel's.
    pub(crate) is_kernel: bool,
}

/// What was seen at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sample {
    /// The thread's name.
    pub(crate) thread: String,
    /// From the innermost call to the outermost.
    pub(crate) stack: Vec<Frame>,
}

/// Whether there is `perf` here, and it may look into the kernel.
pub(crate) fn is_there() -> io::Result<()> {
    let mut why = String::new();
    for time in TRIALS {
        match sees_kernel(time) {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(unsupported("perf may not look into the kernel")),
            Err(error) => why = error.to_string(),
        }
    }
    Err(unsupported(&format!("perf cannot be used: {why}")))
}

/// Whether samples of this process, which keeps the kernel busy for so long, are the kernel's.
fn sees_kernel(time: Duration) -> io::Result<bool> {
    let recording = Recording::begin(std::process::id())?;
    let end = Instant::now() + time;
    while Instant::now() < end {
        fs::read("/proc/self/stat")?;
    }
    Ok(recording.end()?.iter().any(|sample| sample.stack.first().is_some_and(|frame| frame.is_kernel)))
}

fn unsupported(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why)
}

/// A recording that goes on.
pub(crate) struct Recording {
    perf: Child,
    folder: tempfile::TempDir,
}

impl Recording {
    /// Of a process.
    pub(crate) fn begin(pid: u32) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut perf = Command::new("perf");
        perf.args(["record", "-F", PER_S, "--call-graph", STACK, "-p", &pid.to_string(), "-o"]);
        let perf = perf.arg(data(folder.path())).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { perf, folder })
    }

    /// Ends it, and answers what was seen.
    pub(crate) fn end(mut self) -> io::Result<Vec<Sample>> {
        kill_process(Pid::from_child(&self.perf), Signal::INT)?;
        let ended = self.perf.wait()?;
        if !ended.success() && ended.signal() != Some(Signal::INT.as_raw()) {
            return Err(io::Error::other(format!("perf record ended with {ended}")));
        }
        let mut script = Command::new("perf");
        script.args(["script", "--no-inline", "-F", "comm,ip,sym", "-i"]).arg(data(self.folder.path()));
        let told = script.stderr(Stdio::null()).output()?;
        let samples = samples(&String::from_utf8_lossy(&told.stdout));
        if samples.is_empty() {
            return Err(io::Error::other("perf saw nothing"));
        }
        Ok(samples)
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if self.perf.kill().is_ok() {
            drop(self.perf.wait());
        }
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("perf.data")
}

/// What `perf script` prints: for each sample the thread, its calls in a line each, and an empty line.
fn samples(text: &str) -> Vec<Sample> {
    let sample = |block: &str| {
        let mut lines = block.lines();
        let thread = lines.next()?.trim().to_owned();
        let frame = |line: &str| {
            let (address, symbol) = line.trim().split_once(' ')?;
            let address = u64::from_str_radix(address, 16).ok()?;
            Some(Frame { symbol: symbol.to_owned(), is_kernel: address >> 63 == 1 && symbol != "[unknown]" })
        };
        let stack: Vec<Frame> = lines.filter_map(frame).collect();
        (!stack.is_empty()).then_some(Sample { thread, stack })
    };
    text.split("\n\n").filter_map(sample).collect()
}
