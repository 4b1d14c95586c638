//! A pseudo-terminal with a program in it: keys go in, and what a person would see is waited for.
//!
//! A thread reads what the program writes, keeps every byte, and has vt100 draw it; whoever waits looks again
//! after each piece, and never sees half a frame of a program that marks its frames. It ends when the last program has
//! closed the terminal.

use std::{
    io::{Read, Write},
    num::NonZeroU16,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use hubbub_tests::eventually::{PATIENCE, within};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use tokio::{sync::watch, time::timeout};
use vt100::{Parser, Screen};

/// Keys as terminals send them.
pub(crate) mod key {
    pub(crate) const ENTER: &str = "\r";
    pub(crate) const TAB: &str = "\t";
    pub(crate) const CTRL_K: &str = "\x0b";
    pub(crate) const CTRL_Q: &str = "\x11";
    pub(crate) const CTRL_U: &str = "\x15";
    pub(crate) const ALT_A: &str = "\x1ba";
    /// The terminal's window is no longer the one in front.
    pub(crate) const FOCUS_LOST: &str = "\x1b[O";
    /// It is in front again.
    pub(crate) const FOCUS_GAINED: &str = "\x1b[I";
}

/// What the program has written.
struct Written {
    bytes: Vec<u8>,
    parser: Parser,
    /// The screen after the last frame that is whole.
    seen: Screen,
}

/// What a frame begins with, and ends with: a synchronized update.
const FRAME: [&[u8]; 2] = [b"\x1b[?2026h", b"\x1b[?2026l"];

impl Written {
    fn new(parser: Parser) -> Self {
        Self { bytes: Vec::new(), seen: parser.screen().clone(), parser }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.parser.process(bytes);
        if !self.is_within_a_frame() {
            self.seen = self.parser.screen().clone();
        }
    }

    fn is_within_a_frame(&self) -> bool {
        let last = |mark: &[u8]| self.bytes.windows(mark.len()).rposition(|window| window == mark);
        let [begin, end] = FRAME.map(last);
        begin > end
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        self.parser.set_size(cells(rows), cells(columns));
        self.seen.set_size(cells(rows), cells(columns));
    }
}

/// A terminal. Dropped, its program is killed.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    program: Box<dyn Child + Send + Sync>,
    written: Arc<Mutex<Written>>,
    /// The number of bytes written so far; closed when there will be no more.
    count: watch::Receiver<usize>,
}

impl Terminal {
    /// Opens a terminal of that many columns and rows, and starts a program in it.
    pub(crate) fn open(columns: u16, rows: u16, command: CommandBuilder) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).expect("a pseudo-terminal");
        let program = pair.slave.spawn_command(command).expect("the program starts");
        let output = pair.master.try_clone_reader().expect("the terminal can be read");
        let keys = pair.master.take_writer().expect("the terminal can be written to");
        let parser = Parser::new(cells(rows), cells(columns), 0);
        let written = Arc::new(Mutex::new(Written::new(parser)));
        let (counter, count) = watch::channel(0);
        let shared = written.clone();
        thread::Builder::new()
            .name("terminal-output".to_owned())
            .spawn(move || read(output, &shared, &counter))
            .expect("a thread");
        Self { master: pair.master, keys, program, written, count }
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("the terminal takes keys");
    }

    /// Types a line and sends it.
    pub(crate) fn say(&mut self, line: &str) {
        self.keys(line);
        self.keys(key::ENTER);
    }

    /// Gives it another size, as dragging the window's corner does.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.written().resize(columns, rows);
        self.master.resize(size(columns, rows)).expect("the size can be set");
    }

    /// Waits until the screen is like that; answers what `look` found.
    pub(crate) async fn until<T>(&mut self, what: &str, mut look: impl FnMut(&Screen) -> Option<T>) -> T {
        let written = self.written.clone();
        let search = async {
            loop {
                // before the look, so that nothing is missed that comes between the two
                self.count.borrow_and_update();
                if let Some(found) = look(&lock(&written).seen) {
                    return Some(found);
                }
                self.count.changed().await.ok()?;
            }
        };
        match timeout(PATIENCE, search).await {
            Ok(Some(found)) => found,
            Ok(None) => panic!("the program has ended without {what}; the screen:\n{}", self.text()),
            Err(_) => panic!("waited {PATIENCE:?} in vain for {what}; the screen:\n{}", self.text()),
        }
    }

    /// Waits until all of this is somewhere on the screen.
    pub(crate) async fn shows(&mut self, texts: &[&str]) {
        let all = |screen: &Screen| {
            let contents = screen.contents();
            texts.iter().all(|text| contents.contains(text)).then_some(())
        };
        self.until(&format!("{texts:?}"), all).await;
    }

    /// Waits until this is nowhere on the screen.
    pub(crate) async fn no_longer_shows(&mut self, text: &str) {
        let gone = |screen: &Screen| (!screen.contents().contains(text)).then_some(());
        self.until(&format!("the end of {text:?}"), gone).await;
    }

    /// Waits until the program has written this, visible or not.
    pub(crate) async fn writes(&mut self, bytes: &str) {
        let written = self.written.clone();
        let search = async {
            while !contains(&lock(&written).bytes, bytes) {
                self.count.changed().await.expect("the program goes on");
            }
        };
        within(&format!("the bytes {bytes:?}"), search).await;
    }

    /// Waits for the program's end and all that it wrote until then.
    pub(crate) async fn exit(&mut self) -> ExitStatus {
        let end = async { while self.count.changed().await.is_ok() {} };
        if timeout(PATIENCE, end).await.is_err() {
            panic!("waited {PATIENCE:?} in vain for the program's end; the screen:\n{}", self.text());
        }
        self.program.wait().expect("a child can be waited for")
    }

    /// What a person sees now.
    pub(crate) fn screen(&self) -> Screen {
        self.written().seen.clone()
    }

    /// The same as text.
    pub(crate) fn text(&self) -> String {
        self.written().seen.contents()
    }

    /// Everything that was written since the beginning.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.written().bytes.clone()
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        lock(&self.written)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("---- a terminal's screen ----\n{}", self.text());
        }
        let ended = self.program.try_wait().map(|status| status.is_some());
        let killed = if let Ok(true) = ended { Ok(()) } else { self.program.kill() };
        if let Err(error) = killed.and_then(|()| self.program.wait().map(drop)) {
            eprintln!("the program could not be killed: {error}");
        }
    }
}

/// Whether the text is among the bytes.
pub(crate) fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn read(mut output: impl Read, written: &Mutex<Written>, counter: &watch::Sender<usize>) {
    let mut buffer = [0; 16 * 1_024];
    // the end of the last program is an error here, and is told by the counter's end
    while let Ok(count @ 1..) = output.read(&mut buffer) {
        let mut written = lock(written);
        written.add(&buffer[..count]);
        counter.send_replace(written.bytes.len());
    }
}

fn lock(written: &Mutex<Written>) -> MutexGuard<'_, Written> {
    written.lock().unwrap_or_else(PoisonError::into_inner)
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, ..PtySize::default() }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal has cells")
}
