//! The run in one plain line, for files and pipes.

use super::super::{
    number::{count, large, time_ms, time_us},
    progress::Progress,
    sample::Sample,
    text::cut,
};

/// Cells that the step may take.
const STEP_CELLS: usize = 60;

/// How it stands.
pub(super) fn line(sample: &Sample, progress: &Progress) -> String {
    let mut parts = vec![format!("{} of {} online", count(sample.online), count(sample.people))];
    parts.push(format!("{} posts/s", large(sample.posts_per_s)));
    parts.push(format!("{} receipts/s", large(sample.deliveries_per_s)));
    if sample.max_us > 0 {
        let times = [("p50", sample.p50_us), ("p99", sample.p99_us), ("max", sample.max_us)];
        parts.extend(times.map(|(name, us)| format!("{name} {}", time_us(us as f64))));
    }
    let failed = progress.findings.iter().filter(|finding| !finding.held).count();
    parts.push(format!("{} failed", count(failed as u64)));
    if sample.breaches > 0 {
        parts.push(format!("{} breaches", count(sample.breaches)));
    }
    let place = place(progress);
    let text = format!(
        "{:>8}  {}{}{}",
        time_ms(elapsed_ms(sample)),
        cut(&place, STEP_CELLS),
        if place.is_empty() { "" } else { ": " },
        parts.join(", ")
    );
    text.replace('\u{a0}', " ")
}

/// Milliseconds since the run began.
pub(super) fn elapsed_ms(sample: &Sample) -> f64 {
    (sample.at.0 / 1_000_000) as f64
}

/// The phase and what is under way in it.
fn place(progress: &Progress) -> String {
    let steps = Some(progress.steps.join(" · ")).filter(|steps| !steps.is_empty());
    let parts = [progress.phase.clone(), steps];
    match progress.ending {
        Some(ending) => ending.words().to_owned(),
        None => parts.into_iter().flatten().collect::<Vec<_>>().join(" › "),
    }
}
