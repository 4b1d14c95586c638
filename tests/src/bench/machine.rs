//! The machine that figures are from.

use std::{fs, io, time::Instant};

use rustix::param::clock_ticks_per_second;

/// Cores, processor and kernel, for who reads the figures.
#[must_use]
pub fn description() -> String {
    let told = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (processors, kernel) = (told("/proc/cpuinfo"), told("/proc/sys/kernel/osrelease"));
    let lines = |name: &'static str| {
        processors.lines().filter_map(|line| line.split_once(':')).filter(move |(key, _)| key.trim() == name)
    };
    let model = lines("model name").next().map(|(_, model)| model.trim()).unwrap_or_default();
    format!("{} cores, {model}, Linux {}", lines("processor").count(), kernel.trim())
}

/// A stretch of time, of which it can be told how much the host gave to others.
#[derive(Debug)]
pub struct Watch {
    since: Instant,
    stolen_s: f64,
}

impl Watch {
    /// From now on.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn begin() -> io::Result<Self> {
        Ok(Self { since: Instant::now(), stolen_s: stolen_s()? })
    }

    /// The cores that a virtual machine would have had and did not get, since then.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn stolen(&self) -> io::Result<f64> {
        Ok((stolen_s()? - self.stolen_s) / self.since.elapsed().as_secs_f64())
    }
}

/// Of all cores, in seconds (proc(5), `/proc/stat`, the eighth number).
fn stolen_s() -> io::Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let ticks = stat.lines().next().and_then(|line| line.split_whitespace().nth(8)?.parse::<f64>().ok());
    let ticks = ticks.ok_or_else(|| io::Error::other("/proc/stat does not tell what the host took"))?;
    Ok(ticks / clock_ticks_per_second() as f64)
}
