//! The log: where lines go, what they look like, and that a panic is one of them.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    fmt,
    io::{self, IsTerminal},
    panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use jiff::{Timestamp, Zoned};
use tracing_subscriber::{
    EnvFilter,
    fmt::{format::Writer, time::FormatTime},
};

use crate::config::{Log, LogFormat};

/// Whether [`init`] chose lines of JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// Sends the process's log to stderr from now on. Later calls change nothing: a process has one log.
///
/// Text is coloured when stderr is a terminal and `NO_COLOR` is unset.
pub fn init(log: &Log) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = EnvFilter::builder().parse_lossy(&log.filter);
        let to_terminal = io::stderr().is_terminal();
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
        // A line that cannot be written is lost: to complain about it on stderr would be a panic.
        let builder = builder.log_internal_errors(false);
        let taken = match log.format {
            LogFormat::Json => builder.json().flatten_event(true).with_timer(Stamp::Utc).try_init(),
            LogFormat::Text => {
                let stamp = if to_terminal { Stamp::TimeOfDay } else { Stamp::Utc };
                let colour = to_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
                builder.compact().with_ansi(colour).with_timer(stamp).try_init()
            }
        };
        // Only a test that set its own subscriber before gets here; its choice stands.
        if let Err(error) = taken {
            tracing::debug!(error, "the log is in place already");
        }
        JSON.store(log.format == LogFormat::Json, Ordering::Relaxed);
        log_panics();
    });
}

/// Whether the log is for programs: then everything on stderr should be a line of it.
pub(crate) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// How a line tells when it was written.
#[derive(Debug, Clone, Copy)]
enum Stamp {
    /// For somebody who watches: local time of day with milliseconds.
    TimeOfDay,
    /// For a file: RFC 3339 in UTC with milliseconds.
    Utc,
}

impl FormatTime for Stamp {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        match self {
            Self::TimeOfDay => write!(w, "{}", Zoned::now().strftime("%H:%M:%S%.3f")),
            Self::Utc => write!(w, "{:.3}", Timestamp::now()),
        }
    }
}

/// A panic becomes a line of the log, with its place and thread; where errors are not logged, it is
/// printed as before. `RUST_BACKTRACE=1` adds the way to it.
fn log_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !tracing::enabled!(tracing::Level::ERROR) {
            return before(info);
        }
        let message = info.payload_as_str().unwrap_or("a panic without a message");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let thread = thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            tracing::error!(place, thread, %backtrace, "panic: {message}");
        } else {
            tracing::error!(place, thread, "panic: {message}");
        }
    }));
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        panic::catch_unwind,
        sync::{Arc, Mutex},
    };

    use super::*;

    /// Takes the place of stderr.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic while writing").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_a_line_of_the_log_also_when_the_log_is_begun_twice() {
        init(&Log::default());
        init(&Log { format: LogFormat::Json, filter: "nonsense===".to_owned() });
        assert!(!is_json(), "the first choice stands");
        let paper = Paper::default();
        let pen = paper.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || pen.clone()).finish();
        let caught = tracing::subscriber::with_default(log, || catch_unwind(|| panic!("meant to be")));
        assert!(caught.is_err());
        let text = String::from_utf8(paper.0.lock().expect("no panic while writing").clone()).expect("UTF-8");
        assert!(text.contains("ERROR") && text.contains("panic: meant to be"), "{text}");
        assert!(text.contains("place=\"server/src/log.rs:"), "{text}");
    }

    #[test]
    fn a_stamp_for_files_is_rfc_3339_with_milliseconds() {
        let mut text = String::new();
        Stamp::Utc.format_time(&mut Writer::new(&mut text)).expect("a string takes it");
        assert_eq!(text.len(), "2026-01-01T00:00:00.000Z".len(), "{text}");
        assert!(text.parse::<Timestamp>().is_ok(), "{text}");
    }
}
