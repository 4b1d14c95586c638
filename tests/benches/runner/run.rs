//! The runner under measurement: `hubbub load …` as a process, and what its facts say.

use std::{
    fs, io,
    process::{Child, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use hubbub_tests::bench::process::{Core, role};
use serde_json::Value;

use crate::{PAYLOAD_BYTES, WARM, facts, reader::Done};

/// How often memory is looked at from outside.
const LOOK: Duration = Duration::from_millis(10);

/// What was seen of a process from outside.
#[derive(Debug, Default)]
struct Seen {
    /// At each look.
    resident_bytes: Vec<f64>,
    most_bytes: f64,
}

/// How late posts were sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lateness {
    pub(crate) p99_us: f64,
    pub(crate) max_us: f64,
}

/// As many posts as a window lets through: what they cost after the first second.
pub(crate) fn fanout(core: Core, members: usize, window: u64, time: Duration, address: &str) -> io::Result<Done> {
    let seconds = (WARM + time).as_secs().to_string();
    let facts = load(
        core,
        address,
        &["fanout", "--duration", &seconds],
        &[
            ("--clients", members as u64),
            ("--rooms", 1),
            ("--senders", 1),
            ("--payload", PAYLOAD_BYTES.into()),
            ("--window", window),
        ],
    )?
    .0;
    let marks = facts["marks"].as_array().into_iter().flatten();
    let phase = marks.filter(|mark| mark["kind"] == "phase").find_map(|mark| mark["from_ms"].as_f64());
    let begin_ms = phase.ok_or_else(|| io::Error::other("the facts have no phase"))? + WARM.as_secs_f64() * 1e3;
    let end_ms = begin_ms + time.as_secs_f64() * 1e3;
    let mut done = Done::default();
    for interval in facts["account"]["timeline"].as_array().into_iter().flatten() {
        let at_ms = number(interval, "at_ms");
        if at_ms >= begin_ms && at_ms + number(interval, "length_ms") <= end_ms {
            done.deliveries += number(interval, "delivered") as u64;
            done.cpu_ms += number(interval, "load_cpu_ms");
        }
    }
    // Reads are counted for the whole run alone; they are only to show how many deliveries came with one.
    let totals = &facts["account"]["totals"];
    let share = done.deliveries as f64 / number(totals, "delivered").max(1.0);
    done.reads = (number(totals, "reads") * share) as u64;
    Ok(done)
}

/// Posts at a rate: how late they were sent.
pub(crate) fn open(core: Core, members: usize, per_s: u32, time: Duration, address: &str) -> io::Result<Lateness> {
    let seconds = time.as_secs().to_string();
    let facts = load(
        core,
        address,
        &["fanout", "--duration", &seconds],
        &[
            ("--clients", members as u64),
            ("--rooms", 1),
            ("--senders", 1),
            ("--payload", PAYLOAD_BYTES.into()),
            ("--rate", per_s.into()),
        ],
    )?
    .0;
    let side = &facts["account"]["load"];
    Ok(Lateness { p99_us: number(side, "lateness_p99_us"), max_us: number(side, "lateness_max_us") })
}

/// Many connections that are made, cut and resumed: the most that the process occupies.
pub(crate) fn connect(core: Core, connections: u64, address: &str) -> io::Result<f64> {
    let asked = [("--clients", connections), ("--rooms", connections / 10)];
    let (_, seen) = load(core, address, &["connect"], &asked)?;
    Ok(seen.most_bytes)
}

/// Many connections and a post a second: what the process occupies most of the time.
pub(crate) fn idle(core: Core, connections: u64, address: &str) -> io::Result<f64> {
    let asked = [("--clients", connections), ("--rooms", connections / 10), ("--rate", 1)];
    let (_, mut seen) = load(core, address, &["fanout", "--duration", "5"], &asked)?;
    seen.resident_bytes.sort_by(f64::total_cmp);
    let middle = seen.resident_bytes.get(seen.resident_bytes.len() / 2).copied();
    middle.ok_or_else(|| io::Error::other("the process could not be looked at"))
}

/// The facts of `hubbub load …`, which must have held, and the memory that it occupied.
fn load(core: Core, address: &str, words: &[&str], asked: &[(&str, u64)]) -> io::Result<(Value, Seen)> {
    let folder = tempfile::tempdir()?;
    let mut command = role("runner", core)?;
    command
        .arg("load")
        .args(words)
        .args(asked.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.to_string()]));
    command.args(["--server", &format!("ws://{address}"), "--json", "facts.json"]).current_dir(folder.path());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn()?;
    let (status, seen) = watch(&mut child)?;
    if !status.success() {
        let output = child.wait_with_output()?;
        let [out, err] = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        return Err(io::Error::other(format!("hubbub load {}: {status}\n{out}\n{err}", words.join(" "))));
    }
    Ok((facts(&folder)?, seen))
}

/// Waits for the end. What it says fits into its pipes.
#[expect(clippy::disallowed_methods, reason = "memory is sampled; nothing tells of its changes")]
fn watch(child: &mut Child) -> io::Result<(ExitStatus, Seen)> {
    let path = format!("/proc/{}/status", child.id());
    let mut seen = Seen::default();
    loop {
        let status = fs::read_to_string(&path).unwrap_or_default();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? * 1_024.0)
        };
        // Between its end and our hearing of it a process has no memory.
        seen.resident_bytes.extend(bytes("VmRSS:"));
        seen.most_bytes = bytes("VmHWM:").unwrap_or(seen.most_bytes);
        if let Some(status) = child.try_wait()? {
            return Ok((status, seen));
        }
        thread::sleep(LOOK);
    }
}

/// A number of the facts; 0 for what is not there.
fn number(of: &Value, name: &str) -> f64 {
    of[name].as_f64().unwrap_or(0.0)
}
