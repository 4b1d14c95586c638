//! A person's home: where the client remembers things, and how it is started there.

use std::{ffi::OsStr, fs, path::Path};

use hubbub_tests::{program::hubbub, server::Server};
use portable_pty::CommandBuilder;
use tempfile::TempDir;

use crate::terminal::Terminal;

/// Somebody with a home of their own, and nothing else of this machine's settings.
pub(crate) struct Person {
    name: String,
    zone: String,
    home: TempDir,
}

impl Person {
    /// Somebody whom the system calls by this name, and who never used the program.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), zone: "UTC".to_owned(), home: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The same person in another time zone.
    pub(crate) fn in_zone(self, zone: &str) -> Self {
        Self { zone: zone.to_owned(), ..self }
    }

    /// A terminal in which they have come to the server with their name, and are in the rooms.
    pub(crate) async fn talks(&self, server: &Server, columns: u16, rows: u16, rooms: &[&str]) -> Terminal {
        let address = server.address().to_string();
        let arguments = [&["--server", &address, "--nick", &self.name], rooms].concat();
        let mut terminal = Terminal::open(columns, rows, self.command(hubbub(), &arguments));
        terminal.shows(&[&format!("● {}", self.name), &format!("#{}", rooms[0])]).await;
        terminal
    }

    /// A program with these arguments, to be run in a terminal.
    fn command(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> CommandBuilder {
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env_clear();
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command.cwd(self.home.path());
        command
    }

    /// A terminal in which the shell runs these lines; `$hubbub` is the program, and it knows the server.
    pub(crate) fn shell(&self, server: &Server, script: &str) -> Terminal {
        let mut command = self.command("sh", &["-c", script]);
        command.env("hubbub", hubbub());
        command.env("HUBBUB_SERVER", server.address().to_string());
        Terminal::open(100, 28, command)
    }

    /// A terminal in which the shell runs these lines; `$hubbub` is the program, and it knows of no server.
    pub(crate) fn shell_alone(&self, columns: u16, rows: u16, script: &str) -> Terminal {
        let mut command = self.command("sh", &["-c", script]);
        command.env("hubbub", hubbub());
        Terminal::open(columns, rows, command)
    }

    /// Their home.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A terminal with the program and no word more.
    pub(crate) fn starts(&self) -> Terminal {
        Terminal::open(100, 28, self.command(hubbub(), &[]))
    }

    /// A file in their home.
    pub(crate) fn file(&self, name: &str) -> String {
        fs::read_to_string(self.home.path().join(name)).unwrap_or_default()
    }

    fn environment(&self) -> [(&'static str, String); 7] {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        [
            ("HOME", path(self.home.path())),
            ("XDG_STATE_HOME", path(&self.home.path().join("state"))),
            ("PATH", std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned())),
            ("USER", self.name.clone()),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("TZ", self.zone.clone()),
        ]
    }
}
