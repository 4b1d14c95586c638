//! The view while a scenario runs: a few lines that renew themselves on a terminal, a plain line now and then elsewhere.
//!
//! Role: shows people how the run stands. Owner of: its thread, and the lines that it drew on stderr. Accepts: the newest
//! sample and the newest progress, from watches, so nothing can pile up. Stops when: told to, or dropped.
//!
//! It enters no mode of the terminal: no raw mode, no hidden cursor, no other screen, and asks it nothing. So there is
//! nothing to restore, whatever ends the program, and Ctrl-C stays a signal.

mod frame;
mod inline;
mod plain;
#[cfg(test)]
mod tests;

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, SyncSender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use ratatui::crossterm::terminal;
use tokio::sync::watch;

use self::{
    frame::{Frame, HEIGHT, WIDTH_MIN},
    inline::Inline,
};
use super::{facts::Finding, progress::Progress, sample::Sample, text::Paint};

/// How often the lines on a terminal are drawn anew.
const FRAME_EVERY: Duration = Duration::from_millis(250);
/// How often there is a plain line.
const LINE_EVERY: Duration = Duration::from_secs(2);
/// A terminal that does not tell its size.
const SIZE_UNKNOWN: (u16, u16) = (80, 24);
/// What failed is told as it happens, up to so many; the summary has them all.
const FAILURES_TOLD_MAX: usize = 20;

/// The view; it goes on until it is ended or dropped.
#[derive(Debug)]
pub(crate) struct Live {
    /// Dropping it ends the thread.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Starts it, on stderr. Where the system gives no thread there is no view, and the run goes on without.
    pub(crate) fn start(samples: watch::Receiver<Arc<Sample>>, progress: watch::Receiver<Arc<Progress>>) -> Self {
        let (stop, stopped) = mpsc::sync_channel(1);
        let source = Source { samples, progress };
        let fits = terminal::size().map_or(true, |(width, height)| width >= WIDTH_MIN && height > HEIGHT);
        let draws = io::stderr().is_terminal() && fits && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let run = move || {
            let shown = if draws { draw(&source, &stopped, colour) } else { print(&source, &stopped) };
            // Nobody can be told on a stderr that takes nothing.
            if let Err(error) = shown {
                tracing::debug!(%error, "the view of the run ended early");
            }
        };
        match thread::Builder::new().name("scenario-view".to_owned()).spawn(run) {
            Ok(thread) => Self { stop: Some(stop), thread: Some(thread) },
            Err(error) => {
                tracing::warn!(%error, "the run is not shown while it goes on");
                Self { stop: None, thread: None }
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the view of the run broke down");
        }
    }
}

/// Where the newest state comes from.
struct Source {
    samples: watch::Receiver<Arc<Sample>>,
    progress: watch::Receiver<Arc<Progress>>,
}

impl Source {
    fn sample(&self) -> Arc<Sample> {
        Arc::clone(&self.samples.borrow())
    }

    fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress.borrow())
    }
}

/// Waits; false when it is over.
fn goes_on(stopped: &mpsc::Receiver<()>, time: Duration) -> bool {
    matches!(stopped.recv_timeout(time), Err(RecvTimeoutError::Timeout))
}

/// On a terminal: failures as lasting lines, and below them the frame.
fn draw(source: &Source, stopped: &mpsc::Receiver<()>, colour: bool) -> io::Result<()> {
    let mut frame = Frame::new(colour);
    let mut inline = Inline::default();
    let mut told = Told::new(Paint { colour });
    while goes_on(stopped, FRAME_EVERY) {
        let (sample, progress) = (source.sample(), source.progress());
        let (width, _) = terminal::size().unwrap_or(SIZE_UNKNOWN);
        frame.take(&sample);
        let lines = frame.draw(&sample, &progress, width);
        io::stderr().write_all(inline.renew(&told.news(&progress), &lines, width).as_bytes())?;
    }
    let (width, _) = terminal::size().unwrap_or(SIZE_UNKNOWN);
    io::stderr().write_all(inline.renew(&told.news(&source.progress()), &[], width).as_bytes())
}

/// Elsewhere: failures, and a line every two seconds.
fn print(source: &Source, stopped: &mpsc::Receiver<()>) -> io::Result<()> {
    let mut told = Told::new(Paint { colour: false });
    loop {
        let goes_on = goes_on(stopped, LINE_EVERY);
        let (sample, progress) = (source.sample(), source.progress());
        let mut lines = told.news(&progress);
        if goes_on {
            lines.push(plain::line(&sample, &progress));
        }
        for line in lines {
            io::stderr().write_all(format!("{line}\n").as_bytes())?;
        }
        if !goes_on {
            return Ok(());
        }
    }
}

/// What has been told of the findings.
struct Told {
    paint: Paint,
    /// Findings that were looked at.
    seen: usize,
    failures: usize,
}

impl Told {
    fn new(paint: Paint) -> Self {
        Self { paint, seen: 0, failures: 0 }
    }

    /// The failures since the last time, a line each.
    fn news(&mut self, progress: &Progress) -> Vec<String> {
        let new = progress.findings.get(self.seen..).unwrap_or_default();
        self.seen = progress.findings.len();
        let mut lines = Vec::new();
        for finding in new.iter().filter(|finding| !finding.held) {
            self.failures += 1;
            match self.failures {
                n if n <= FAILURES_TOLD_MAX => lines.push(self.line(finding)),
                n if n == FAILURES_TOLD_MAX + 1 => lines.push("… more failures; the summary has them".to_owned()),
                _ => {}
            }
        }
        lines
    }

    fn line(&self, finding: &Finding) -> String {
        let place = finding.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let found = finding.found.lines().next().unwrap_or_default();
        let dash = if found.is_empty() { "" } else { " — " };
        let text = super::text::cut(&format!("{place}{}{dash}{found}", finding.what), 400);
        format!("{} {text}", self.paint.mark(false))
    }
}
