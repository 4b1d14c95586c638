//! The view as golden texts, and on a terminal that is only looked at.

use std::num::NonZero;

use insta::assert_snapshot;
use vt100::Parser;

use super::{super::example, *};
use crate::scenario::{id::Moment, ledger::account::Totals, report::facts::ServerSample};

fn terminal() -> Parser {
    let size = |n| NonZero::new(n).expect("a size");
    Parser::new(size(24), size(100), 100)
}

fn sample(second: u64) -> Sample {
    Sample {
        at: Moment(second * 1_000_000_000 + 300_000_000),
        totals: Totals {
            accepted: second * 3_180,
            delivered: second * 31_800,
            refused: [("rate_limited".to_owned(), 120)].into(),
            resumed: 200,
            connections_lost: 200,
            ..Totals::default()
        },
        people: 2_000,
        online: 1_980,
        posts_per_s: (second * 150) as f64,
        deliveries_per_s: (second * 1_500) as f64,
        p50_us: 1_400,
        p99_us: 14_500 + second * 100,
        max_us: 47_100,
        breaches: 0,
        busy_share: 0.21,
    }
}

fn progress() -> Progress {
    Progress {
        name: "Two hundred small rooms".to_owned(),
        people: 2_000,
        phase: Some("flood".to_owned()),
        steps: vec!["crowd posts 64 B with a window of 64 for 10 s".to_owned(), "wait 2 s".to_owned()],
        findings: example::rich(1, 1.0).expectations.into_iter().take(3).collect(),
        marks: Vec::new(),
        server: Some(ServerSample { at_ms: 12_000.0, cores: 0.72, memory_bytes: 45 << 20 }),
        stopping: false,
    }
}

fn shown(seconds: u64, progress: &Progress, width: u16) -> Vec<(String, usize)> {
    let mut frame = Frame::new(false);
    for second in 0..seconds {
        frame.take(&sample(second));
    }
    frame.draw(&sample(seconds), progress, width)
}

fn text(lines: &[(String, usize)]) -> String {
    lines.iter().map(|(line, _)| line.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_frame_tells_phase_rates_latencies_costs_and_checks() {
    assert_snapshot!(text(&shown(21, &progress(), 100)));
}

#[test]
fn a_narrow_frame_leaves_the_curves_out() {
    assert_snapshot!(text(&shown(21, &progress(), 60)));
}

#[test]
fn a_line_for_files_tells_the_same_in_short() {
    assert_snapshot!(plain::line(&sample(12), &progress()));
    assert_snapshot!(plain::line(&Sample::default(), &Progress::default()));
}

#[test]
fn no_line_is_as_wide_as_the_terminal_and_no_name_is_obeyed() {
    let mut progress = progress();
    progress.name = "evil\x1b[2J 日本語 ".repeat(30);
    progress.phase = Some("\u{202e}phase".to_owned());
    progress.steps = vec!["step\x07".repeat(50)];
    for width in [WIDTH_MIN, 61, 100, 300] {
        for (line, cells) in shown(3, &progress, width) {
            assert!(cells < usize::from(width) && crate::scenario::report::text::cells(&line) <= cells, "{line}");
            assert!(!line.contains(crate::safe::is_unsafe), "{line:?}");
        }
    }
}

#[test]
fn failures_stay_above_and_the_frame_is_renewed_in_place() {
    let mut terminal = terminal();
    terminal.process(b"$ hubbub scenario run\r\n");
    let (mut inline, mut told) = (Inline::default(), Told::new(Paint { colour: false }));
    let mut progress = progress();
    let failure = progress.findings.pop().expect("a failure");
    for second in 1..4 {
        if second == 2 {
            progress.findings.push(failure.clone());
        }
        let lines = shown(second, &progress, 100);
        terminal.process(inline.renew(&told.news(&progress), &lines, 100).as_bytes());
    }
    let screen = terminal.screen().contents();
    assert_eq!(screen.matches("Two hundred small rooms").count(), 1, "{screen}");
    assert!(screen.starts_with("$ hubbub scenario run\nFAIL line 22: everyone in team-7"), "{screen}");

    terminal.process(inline.renew(&[], &[], 100).as_bytes());
    let screen = terminal.screen().contents();
    assert_eq!(screen.trim_end().lines().count(), 2, "only what lasts is left: {screen}");
    let broken_at_the_edge = 1;
    assert_eq!(terminal.screen().cursor_position(), (2 + broken_at_the_edge, 0));
}

#[test]
fn colours_end_where_they_began() {
    let mut terminal = terminal();
    let mut frame = Frame::new(true);
    frame.take(&sample(1));
    let lines = frame.draw(&sample(1), &progress(), 100);
    terminal.process(Inline::default().renew(&[], &lines, 100).as_bytes());
    terminal.process(b"after");
    let cell = terminal.screen().cell(HEIGHT, 0).expect("a cell");
    assert_eq!((cell.contents(), cell.fgcolor(), cell.bold()), ("a", vt100::Color::Default, false));
}

#[test]
fn only_the_first_failures_are_told() {
    let mut progress = progress();
    let failure = progress.findings.pop().expect("a failure");
    progress.findings = vec![failure; 50];
    let mut told = Told::new(Paint { colour: false });
    assert_eq!(told.news(&progress).len(), FAILURES_TOLD_MAX + 1);
    assert_eq!(told.news(&progress).len(), 0);
}

#[test]
fn a_view_ends_when_it_is_told_to() {
    let (_samples, samples) = watch::channel(Arc::new(Sample::default()));
    let (_progress, progress) = watch::channel(Arc::new(Progress::default()));
    let live = Live::start(samples, progress);
    assert!(live.thread.is_some());
    drop(live);
}
