//! What a server's process costs: processor time and memory as the system tells them, looked at twice a second.
//!
//! Only Linux tells them of other processes without more ado; elsewhere there is no cost to report.

use std::{fs, time::Duration};

use crate::scenario::{
    id::Moment,
    report::facts::{ServerCost, ServerSample},
};

/// The time between two looks, at first.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Looks that are kept; when there are more, each pair is made into one.
const SAMPLES_MAX: usize = 1_200;

/// proc(5) tells processor time in hundredths of a second, on every architecture (`USER_HZ`).
const MS_PER_TICK: u64 = 10;

/// Follows one server process after the other.
#[derive(Debug, Default)]
pub(crate) struct ProcessWatch {
    pid: Option<u32>,
    /// The newest look at this process.
    last: Option<Reading>,
    /// It ended by itself, or otherwise than by our hand: what was used since then is unknown.
    is_gone: bool,
    cost: Option<ServerCost>,
}

/// What the system tells at a time.
#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Moment,
    cpu_ms: u64,
    memory_bytes: u64,
}

impl ProcessWatch {
    /// Looks at this process from now on; what it used before does not count.
    pub(crate) fn follow(&mut self, pid: u32, now: Moment) {
        self.pid = Some(pid);
        (self.last, self.is_gone) = (None, false);
        self.look(now);
    }

    /// Looks a last time at a process that is about to end, and then at none.
    pub(crate) fn leave(&mut self, now: Moment) {
        self.look(now);
        (self.pid, self.last, self.is_gone) = (None, None, false);
    }

    /// Looks at the process. `None`: it cannot be seen.
    pub(crate) fn look(&mut self, now: Moment) -> Option<ServerSample> {
        let reading = read(self.pid?, now);
        self.is_gone = reading.is_none();
        self.note(reading?)
    }

    /// Whether a process that was seen was gone at the last look, though nobody told to leave it.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone && self.cost.is_some()
    }

    fn note(&mut self, reading: Reading) -> Option<ServerSample> {
        let memory_bytes = reading.memory_bytes;
        let cost = self.cost.get_or_insert_with(|| ServerCost {
            memory_start_bytes: memory_bytes,
            memory_max_bytes: memory_bytes,
            ..ServerCost::default()
        });
        cost.memory_max_bytes = cost.memory_max_bytes.max(memory_bytes);
        let last = self.last.replace(reading)?;
        let cpu_ms = as_f64(reading.cpu_ms.saturating_sub(last.cpu_ms));
        let wall_ms = reading.at.since(last.at).as_secs_f64() * 1_000.0;
        cost.cpu_ms += cpu_ms;
        let cores = if wall_ms > 0.0 { cpu_ms / wall_ms } else { 0.0 };
        let sample = ServerSample { at_ms: as_ms(reading.at), cores, memory_bytes };
        cost.samples.push(sample);
        if cost.samples.len() > SAMPLES_MAX {
            cost.samples = cost.samples.chunks(2).map(merged).collect();
        }
        Some(sample)
    }

    /// All of it, with the processor time for each of so many deliveries, unless the process was gone before their end.
    /// `None`: no process could be seen.
    pub(crate) fn cost(&self, delivered: u64) -> Option<ServerCost> {
        let mut cost = self.cost.clone()?;
        cost.cpu_us_per_delivery = (delivered > 0 && !self.is_gone).then(|| cost.cpu_ms * 1_000.0 / as_f64(delivered));
        Some(cost)
    }
}

/// Several looks as one: at the time of the last, with what was used on average and held at most.
fn merged(samples: &[ServerSample]) -> ServerSample {
    let count = as_f64(samples.len() as u64);
    ServerSample {
        at_ms: samples.last().map_or(0.0, |sample| sample.at_ms),
        cores: samples.iter().map(|sample| sample.cores).sum::<f64>() / count,
        memory_bytes: samples.iter().map(|sample| sample.memory_bytes).max().unwrap_or(0),
    }
}

/// Whether there is such a process; also where the system does not tell.
pub(crate) fn may_exist(pid: u32) -> bool {
    !fs::exists("/proc/self").unwrap_or(false) || fs::exists(format!("/proc/{pid}")).unwrap_or(true)
}

fn read(pid: u32, at: Moment) -> Option<Reading> {
    let cpu_ms = cpu_ms(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    let memory_bytes = memory_bytes(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)?;
    Some(Reading { at, cpu_ms, memory_bytes })
}

/// proc(5), `/proc/pid/stat`: fields 14 and 15 are the time of all threads in user and kernel mode. The name before
/// them may hold anything, so fields are counted from its closing parenthesis.
fn cpu_ms(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user.saturating_add(system).saturating_mul(MS_PER_TICK))
}

/// proc(5), `/proc/pid/status`: `VmRSS` in KiB.
fn memory_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib.saturating_mul(1_024))
}

fn as_ms(at: Moment) -> f64 {
    at.since(Moment::default()).as_secs_f64() * 1_000.0
}

/// Exact up to 2⁵³, far above what is measured here.
fn as_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment(ms * 1_000_000)
    }

    fn watch(pid: u32) -> ProcessWatch {
        ProcessWatch { pid: Some(pid), ..ProcessWatch::default() }
    }

    #[test]
    fn what_a_process_used_before_does_not_count_and_a_restarted_one_adds_to_it() {
        let mut watch = watch(1);
        assert_eq!(watch.note(Reading { at: at(0), cpu_ms: 5_000, memory_bytes: 10 }), None);
        let sample = watch.note(Reading { at: at(500), cpu_ms: 5_250, memory_bytes: 30 });
        assert_eq!(sample, Some(ServerSample { at_ms: 500.0, cores: 0.5, memory_bytes: 30 }));
        watch.last = None; // another process
        assert_eq!(watch.note(Reading { at: at(900), cpu_ms: 10, memory_bytes: 5 }), None);
        watch.note(Reading { at: at(1_000), cpu_ms: 60, memory_bytes: 20 });
        let cost = watch.cost(1_000).expect("a cost");
        assert_eq!((cost.cpu_ms, cost.cpu_us_per_delivery), (300.0, Some(300.0)));
        assert_eq!((cost.memory_start_bytes, cost.memory_max_bytes, cost.samples.len()), (10, 30, 2));
        assert_eq!(watch.cost(0).and_then(|cost| cost.cpu_us_per_delivery), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn of_a_process_that_is_gone_the_cost_is_told_and_not_for_each_delivery() {
        let mut watch = watch(u32::MAX);
        assert!(!watch.is_gone());
        watch.note(Reading { at: at(0), cpu_ms: 0, memory_bytes: 10 });
        watch.note(Reading { at: at(500), cpu_ms: 250, memory_bytes: 10 });
        assert_eq!(watch.look(at(1_000)), None);
        assert!(watch.is_gone());
        let cost = watch.cost(1_000).expect("a cost");
        assert_eq!((cost.cpu_ms, cost.cpu_us_per_delivery), (250.0, None));
        watch.leave(at(1_100));
        assert!(!watch.is_gone(), "its end was wanted");
    }

    #[test]
    fn a_long_run_keeps_a_bounded_number_of_looks() {
        let mut watch = watch(1);
        for n in 0..10_000 {
            watch.note(Reading { at: at(500 * n), cpu_ms: 250 * n, memory_bytes: n });
        }
        let cost = watch.cost(1).expect("a cost");
        assert!(cost.samples.len() <= SAMPLES_MAX, "{}", cost.samples.len());
        assert!(cost.samples.iter().all(|sample| (sample.cores - 0.5).abs() < 1e-9));
        assert!(cost.samples.is_sorted_by(|a, b| a.at_ms < b.at_ms));
    }

    #[test]
    fn fields_of_proc_are_found_also_behind_a_strange_name() {
        let stat = "1 (a) b (c) S 1 1 1 0 -1 4194560 1 1 1 1 150 50 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu_ms(stat), Some(2_000));
        assert_eq!(cpu_ms("1 (a) S 1"), None);
        assert_eq!(memory_bytes("Name:\ta\nVmRSS:\t    12 kB\n"), Some(12_288));
        assert_eq!(memory_bytes("Name:\ta\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_very_process_can_be_seen_and_one_that_is_not_there_costs_nothing() {
        let mut watch = ProcessWatch::default();
        watch.follow(std::process::id(), at(0));
        let sample = watch.look(at(500)).expect("a look");
        assert!(sample.memory_bytes > 100_000);
        let mut none = ProcessWatch::default();
        none.follow(u32::MAX, at(0));
        assert_eq!((none.look(at(500)), none.cost(1)), (None, None));
    }
}
