//! The runner as a process: the real `hubbub scenario …` with a temporary folder of its own, to be looked at afterwards.

use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use hubbub_tests::{eventually::eventually, program};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{sync::oneshot, time::timeout};

/// How long a whole run may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(170);

/// The name of the server's program, as the system shows it.
const SERVER: &str = "hubbub-server";

/// A `hubbub scenario …` that runs or has ended. Dropped, it is killed; its server must follow it by itself.
pub(crate) struct Runner {
    id: Pid,
    /// Told by the thread that waits for the end; `None` once it was.
    end: Option<oneshot::Receiver<ExitStatus>>,
    words: String,
    folder: TempDir,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
    words: String,
    // Kept as long as somebody might look at what was written to it.
    folder: TempDir,
}

impl Runner {
    /// Starts `hubbub scenario WORDS…`.
    pub(crate) fn start<S: AsRef<str>>(words: &[S]) -> Self {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        // The server's program must be there before the runner looks for it.
        let _server: &Path = program::hubbub_server();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(program::hubbub());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HUBBUB_")) {
            command.env_remove(name);
        }
        fs::create_dir(folder.path().join("tmp")).expect("a folder");
        command.env("TMPDIR", folder.path().join("tmp")).current_dir(folder.path());
        let [out, err] = ["out", "err"].map(|name| File::create(folder.path().join(name)).expect("a file"));
        command.arg("scenario").args(&words).stdin(Stdio::null()).stdout(out).stderr(err);
        let mut child = command.spawn().expect("the program starts");
        let id = Pid::from_child(&child);
        let (ended, end) = oneshot::channel();
        let wait = move || {
            if let Err(status) = ended.send(child.wait().expect("a child can be waited for")) {
                println!("a runner that nobody waits for has ended: {status}");
            }
        };
        thread::Builder::new().name("runner-end".to_owned()).spawn(wait).expect("a thread");
        Self { id, end: Some(end), words: words.join(" "), folder }
    }

    /// Sends it a signal; it must be running.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id, signal).expect("the runner runs");
    }

    /// What it has left of its temporary files.
    pub(crate) fn temporary(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.folder.path().join("tmp")).expect("a folder");
        files.map(|file| file.expect("an entry").path()).collect()
    }

    /// How large they are together.
    pub(crate) fn temporary_bytes(&self) -> u64 {
        let (mut folders, mut bytes) = (vec![self.folder.path().join("tmp")], 0);
        while let Some(folder) = folders.pop() {
            // A folder or file may go away while it is looked at.
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.metadata() {
                    Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                    Ok(metadata) => bytes += metadata.len(),
                    Err(error) => println!("{}: {error}", entry.path().display()),
                }
            }
        }
        bytes
    }

    /// The private servers that it has started and that are there now: those with its temporary folder in their words.
    pub(crate) fn servers(&self) -> Vec<u32> {
        let folder = self.folder.path().to_string_lossy().into_owned();
        let processes = fs::read_dir("/proc").expect("processes");
        let is_its_server = |process: &u32| {
            let read = |what: &str| fs::read(format!("/proc/{process}/{what}")).unwrap_or_default();
            let names_folder = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&folder);
            String::from_utf8_lossy(&read("comm")).trim() == SERVER
                && (names_folder(&read("cmdline")) || names_folder(&read("environ")))
        };
        let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_string_lossy().parse().ok());
        numbers.filter(is_its_server).collect()
    }

    /// What it has said to people up to now.
    pub(crate) fn said(&self) -> String {
        let [out, err] = ["out", "err"].map(|name| fs::read_to_string(self.folder.path().join(name)));
        format!("{}\n{}", out.unwrap_or_default(), err.unwrap_or_default())
    }

    /// Looks again and again until it is so.
    pub(crate) async fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        eventually(what, async || is_so(self).then_some(())).await;
    }

    /// Waits until the process is gone.
    pub(crate) async fn exit(&mut self) -> ExitStatus {
        let end = self.end.as_mut().expect("it ends once");
        let Ok(status) = timeout(PATIENCE, end).await else {
            panic!("it does not end: {}\n{}", self.words, self.said());
        };
        self.end = None;
        status.expect("somebody waits for its end")
    }

    /// Waits for its end; nothing may be left behind.
    pub(crate) async fn end(mut self) -> Ended {
        let status = self.exit().await;
        let [out, err] = ["out", "err"].map(|name| {
            let bytes = fs::read(self.folder.path().join(name)).expect("what was said");
            String::from_utf8_lossy(&bytes).into_owned()
        });
        assert_eq!(self.servers(), [0; 0], "a server is left behind: {}", self.words);
        assert_eq!(self.temporary(), Vec::<PathBuf>::new(), "something is left behind: {}", self.words);
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().expect("a temporary folder"));
        Ended { status, out, err, words: std::mem::take(&mut self.words), folder }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if self.end.is_some()
            && let Err(error) = kill_process(self.id, Signal::KILL)
        {
            eprintln!("the runner could not be killed: {error}");
        }
    }
}

/// Runs `hubbub scenario WORDS…` to its end.
pub(crate) async fn scenario<S: AsRef<str>>(words: &[S]) -> Ended {
    Runner::start(words).end().await
}

impl Ended {
    /// It must have ended with this code.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.status.signal(), None, "{self}");
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// A file that it wrote, by the name that it was given.
    #[track_caller]
    pub(crate) fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}\n{self}"))
    }

    /// The facts that it wrote with `--json NAME`.
    #[track_caller]
    pub(crate) fn facts(&self, name: &str) -> Facts {
        let text = self.file(name);
        Facts(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}")))
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "hubbub scenario {}: {}\n{}\n{}", self.words, self.status, self.out, self.err)
    }
}

/// The facts of a run, as they stand in its JSON.
#[derive(Debug)]
pub(crate) struct Facts(pub(crate) Value);

impl Facts {
    /// The number at a place such as `/account/totals/lost`; 0 for a count that is not there.
    #[track_caller]
    pub(crate) fn number(&self, place: &str) -> u64 {
        match self.0.pointer(place) {
            None => 0,
            Some(value) => value.as_u64().unwrap_or_else(|| panic!("{place} is no count: {value}")),
        }
    }

    /// A counter of the whole run.
    #[track_caller]
    pub(crate) fn total(&self, name: &str) -> u64 {
        assert!(self.0["account"]["totals"].get(name).is_some(), "there is no such total: {name}");
        self.number(&format!("/account/totals/{name}"))
    }

    /// `held`, `failed` or `interrupted`.
    pub(crate) fn verdict(&self) -> &str {
        self.0["verdict"].as_str().expect("a verdict")
    }

    /// What was to hold, of one list or of all.
    #[track_caller]
    pub(crate) fn findings(&self, list: &str) -> Vec<Finding> {
        serde_json::from_value(self.0[list].clone()).unwrap_or_else(|error| panic!("{list}: {error}"))
    }

    /// The kinds of what was found wrong with deliveries.
    pub(crate) fn breaches(&self) -> Vec<&str> {
        self.0["account"]["found"].as_object().expect("what was found").keys().map(String::as_str).collect()
    }

    /// What did not hold, in words, of all three lists.
    pub(crate) fn broken(&self) -> Vec<Finding> {
        let lists = ["expectations", "invariants", "thresholds"];
        lists.iter().flat_map(|list| self.findings(list)).filter(|finding| !finding.held).collect()
    }

    /// Everything held, something was delivered, and nothing was left open.
    #[track_caller]
    pub(crate) fn expect_held(&self) {
        assert_eq!(self.broken(), [], "{:#}", self.0["account"]["breaches"]);
        assert_eq!(self.breaches(), [""; 0], "{:#}", self.0["account"]["breaches"]);
        assert_eq!(self.verdict(), "held");
        assert!(self.total("delivered") > 0, "nothing was delivered, so nothing is proved");
        for name in ["lost", "doubled", "reordered", "disagreeing", "leaked", "unsettled", "not_followed"] {
            assert_eq!(self.total(name), 0, "{name}");
        }
        assert_eq!(self.findings("invariants").len(), 6);
        assert!(self.0["account"]["audited"].is_u64(), "the rooms were not read back");
    }
}

/// One thing that was to hold.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub(crate) struct Finding {
    pub(crate) what: String,
    pub(crate) held: bool,
    pub(crate) found: String,
    pub(crate) line: Option<u32>,
}
