//! What the operating system knows about this process, read when it is asked for.

use std::{fmt::Write, fs};

use rustix::process::{Resource, getrlimit};

use super::{
    MetricInfo, PROCESS_CPU_SECONDS_TOTAL, PROCESS_MAX_FDS, PROCESS_OPEN_FDS, PROCESS_RESIDENT_MEMORY_BYTES,
    PROCESS_START_TIME_SECONDS, STARTED, TABLE,
};

/// Linux tells processor time in hundredths of a second, on every architecture (`USER_HZ`).
const TICKS_PER_S: f64 = 100.0;

/// Whether a metric is one of those that [`render`] writes.
pub(super) fn is_one(name: &str) -> bool {
    name.starts_with("process_")
}

/// Adds the process's metrics; what the system does not tell is left out.
pub(super) fn render(text: &mut String) {
    for info in TABLE.iter().filter(|info| is_one(info.name)) {
        let MetricInfo { name, kind, help, .. } = info;
        let Some(value) = value(name) else { continue };
        let written = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {}\n{name} {value}\n", kind.as_str());
        debug_assert!(written.is_ok(), "a string takes everything");
    }
}

fn value(name: &str) -> Option<f64> {
    match name {
        PROCESS_START_TIME_SECONDS => STARTED.get().copied(),
        PROCESS_CPU_SECONDS_TOTAL => cpu_seconds(&fs::read_to_string("/proc/self/stat").ok()?),
        PROCESS_RESIDENT_MEMORY_BYTES => resident_bytes(&fs::read_to_string("/proc/self/status").ok()?),
        // One of them is the folder that is being read.
        PROCESS_OPEN_FDS => {
            u32::try_from(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1)).ok().map(f64::from)
        }
        PROCESS_MAX_FDS => Some(getrlimit(Resource::Nofile).current.map_or(f64::INFINITY, as_f64)),
        _ => None,
    }
}

/// proc(5), `/proc/pid/stat`: fields 14 and 15 are the time in user and kernel mode. The name before
/// them may hold anything, so fields are counted from its closing parenthesis.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(as_f64(user.saturating_add(system)) / TICKS_PER_S)
}

/// proc(5), `/proc/pid/status`: `VmRSS` in KiB.
fn resident_bytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(as_f64(kib.saturating_mul(1_024)))
}

/// Exact up to 2⁵³, far above what is measured here.
fn as_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc_are_found_also_behind_a_strange_name() {
        let stat = "1 (a) b (c) S 1 1 1 0 -1 4194560 1 1 1 1 150 50 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(cpu_seconds("1 (a) S 1"), None);
        assert_eq!(resident_bytes("Name:\ta\nVmRSS:\t    12 kB\n"), Some(12_288.0));
        assert_eq!(resident_bytes("Name:\ta\n"), None);
    }
}
