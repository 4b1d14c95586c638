//! What a process of the bench measures of itself: wall time, processor time, context switches, memory.

use std::{collections::BTreeMap, fs, io, time::Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};

/// Named results of one process; the unit is the last word of the name.
pub(crate) type Figures = BTreeMap<String, f64>;

/// A moment, with what the process had used until then.
pub(crate) struct Moment {
    at: Instant,
    usage: Usage,
}

/// What was used between two moments. The system counts for all threads, also for those that have ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    /// Context switches by a thread that waited for something.
    pub(crate) voluntary: f64,
    /// Context switches by a thread that would have gone on.
    pub(crate) involuntary: f64,
}

impl Moment {
    pub(crate) fn now() -> io::Result<Self> {
        Ok(Self { at: Instant::now(), usage: getrusage(UsageWho::RUSAGE_SELF)? })
    }

    pub(crate) fn spent(&self) -> io::Result<Spent> {
        let (before, now) = (self, Self::now()?);
        let cpu_s = |usage: &Usage| {
            let times = [usage.user_time(), usage.system_time()];
            times.map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).iter().sum::<f64>()
        };
        let grown = |count: fn(&Usage) -> i64| (count(&now.usage) - count(&before.usage)) as f64;
        Ok(Spent {
            wall_s: (now.at - before.at).as_secs_f64(),
            cpu_s: cpu_s(&now.usage) - cpu_s(&before.usage),
            voluntary: grown(Usage::voluntary_context_switches),
            involuntary: grown(Usage::involuntary_context_switches),
        })
    }
}

/// Memory that a process keeps, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Pages of its own.
    pub(crate) resident: f64,
    /// What the kernel keeps for it: page tables, and the stacks of its threads in the kernel. The latter are told
    /// for the whole machine only, so they are right where nobody else starts thousands of threads.
    pub(crate) kernel: f64,
}

impl Memory {
    pub(crate) fn now() -> io::Result<Self> {
        let kib = |file: &str, name: &str| -> io::Result<f64> {
            let text = fs::read_to_string(file)?;
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            number.map(|kib| kib * 1024.0).ok_or_else(|| io::Error::other(format!("{file} has no {name}")))
        };
        let resident = kib("/proc/self/smaps_rollup", "Rss:")?;
        let tables = kib("/proc/self/status", "VmPTE:")?;
        Ok(Self { resident, kernel: tables + kib("/proc/meminfo", "KernelStack:")? })
    }
}

/// Bytes that are resident of each mapping of a size, on average; 0 when there is none. Stacks of one size are told
/// apart by it from everything else, as long as nothing else has just that size.
pub(crate) fn resident_of_mappings(bytes: u64) -> io::Result<f64> {
    let (mut count, mut kib, mut is_one) = (0.0, 0.0, false);
    for line in fs::read_to_string("/proc/self/smaps")?.lines() {
        let address = |text: &str| u64::from_str_radix(text, 16).ok();
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        if let Some((begin, end)) = range.and_then(|(begin, end)| Some((address(begin)?, address(end)?))) {
            is_one = end - begin == bytes;
            count += f64::from(u8::from(is_one));
        } else if let Some(resident) = line.strip_prefix("Rss:").filter(|_| is_one) {
            kib += resident.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default();
        }
    }
    Ok(if count > 0.0 { kib * 1_024.0 / count } else { 0.0 })
}

/// The value below which a share of the values are; 0 of none.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.max(1) - 1).copied().unwrap_or_default()
}

/// The middle one of a few rounds.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    percentile(values, 0.5)
}

/// Microseconds since a moment.
pub(crate) fn us(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}
