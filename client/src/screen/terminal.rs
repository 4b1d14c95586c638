//! The terminal's modes: entered together, left together, whatever ends the program.

use std::{
    io::{self, BufWriter, Write},
    panic, process,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use ratatui::{
    Terminal as Cells,
    backend::CrosstermBackend,
    crossterm::{
        cursor::Show,
        event::{
            self, DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
            EnableFocusChange, EnableMouseCapture, Event,
        },
        execute, queue,
        style::Print,
        terminal::{
            BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
            LeaveAlternateScreen, SetTitle, disable_raw_mode, enable_raw_mode,
        },
    },
    layout::Size,
};
use tokio::sync::mpsc;

use crate::screen::{state::State, view};

/// Events of the terminal that wait for the loop. When full, the reading thread waits, and then the terminal does.
const EVENTS_MAX: usize = 1_024;

/// Asks the terminal to put its title away, and to take it out again.
const SAVE_TITLE: &str = "\x1b[22;2t";
const RESTORE_TITLE: &str = "\x1b[23;2t";

static ENTERED: AtomicBool = AtomicBool::new(false);

/// Writes a frame in as few pieces as possible.
type Backend = CrosstermBackend<BufWriter<io::Stdout>>;

/// The bytes of a frame that are written at once; a full one of a large terminal fits.
const FRAME_BYTES: usize = 256 * 1_024;

fn cells() -> io::Result<Cells<Backend>> {
    Cells::new(CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, io::stdout())))
}

/// The terminal while the screen is shown. Dropping it restores what was there before.
pub(super) struct Terminal {
    cells: Cells<Backend>,
}

impl Terminal {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When it does not obey.
    pub(super) fn enter() -> io::Result<Self> {
        install_panic_hook();
        let guard = Restore;
        enter_modes()?;
        let cells = cells()?;
        std::mem::forget(guard);
        Ok(Self { cells })
    }

    /// Its size.
    ///
    /// # Errors
    /// When it does not tell.
    pub(super) fn size(&self) -> io::Result<Size> {
        self.cells.size()
    }

    /// Draws what has changed.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub(super) fn draw(&mut self, state: &State) -> io::Result<()> {
        if !ENTERED.load(Ordering::SeqCst) {
            // stopped: the terminal belongs to the shell until `resume`
            return Ok(());
        }
        // terminals that know it show the frame when it is whole
        queue!(self.cells.backend_mut(), BeginSynchronizedUpdate)?;
        self.cells.draw(|frame| view::draw(state, frame))?;
        execute!(self.cells.backend_mut(), EndSynchronizedUpdate)
    }

    /// Forgets what is there, so that the next drawing draws everything.
    ///
    /// Not by `Terminal::clear`: that asks the terminal where its cursor is, and the answer would come to the
    /// thread that reads events.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub(super) fn redraw(&mut self) -> io::Result<()> {
        execute!(io::stdout(), Clear(ClearType::All))?;
        self.cells = cells()?;
        Ok(())
    }

    /// Sets the title.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub(super) fn set_title(&self, title: &str) -> io::Result<()> {
        execute!(io::stdout(), SetTitle(title))
    }

    /// Calls the user: a notification where the terminal knows them (OSC 9), and the bell.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub(super) fn alert(&self, text: &str) -> io::Result<()> {
        execute!(io::stdout(), Print(format!("\x1b]9;{text}\x07\x07")))
    }

    /// Stops the program, the terminal as it was before, until the shell continues it: that is told by SIGCONT, and
    /// [`Terminal::resume`] is to follow. Where no shell is above that could, nothing is done.
    ///
    /// # Errors
    /// When the signal cannot be sent; the terminal is taken over again.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
        if getsid(None).is_ok_and(|session| session == getpgrp()) {
            return Ok(());
        }
        leave_modes();
        // Not TSTP, which is caught here. The whole group, so that a program that started this one (cargo, a script)
        // stops with it.
        match kill_current_process_group(Signal::STOP) {
            Ok(()) => Ok(()),
            Err(error) => self.resume().and(Err(error.into())),
        }
    }

    /// Takes the terminal over again after the program was stopped and continued.
    ///
    /// # Errors
    /// When it does not obey.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        // the shell may have changed the modes meanwhile; and who is in the background is stopped here again
        disable_raw_mode()?;
        enter_modes()?;
        self.redraw()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        leave_modes();
    }
}

/// Restores the terminal when taking it over fails half-way.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        leave_modes();
    }
}

fn enter_modes() -> io::Result<()> {
    ENTERED.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(
        io::stdout(),
        Print(SAVE_TITLE),
        EnterAlternateScreen,
        EnableMouseCapture,
        EnableBracketedPaste,
        EnableFocusChange,
    )
}

/// Restores what can be restored. A terminal that is gone takes nothing, and needs nothing.
fn leave_modes() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let restored = execute!(
        out,
        DisableFocusChange,
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        Print(RESTORE_TITLE),
        Show,
    );
    let raw = disable_raw_mode();
    if let Err(error) = restored.and(raw).and_then(|()| out.flush()) {
        tracing::debug!(%error, "the terminal could not be restored");
    }
}

/// A panic in any thread restores the terminal, then tells itself, then ends the program: half of one is of no use.
fn install_panic_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            leave_modes();
            tell(info);
            process::exit(101);
        }));
    });
}

/// Reads the terminal in a thread of its own, since that blocks. The thread ends with the program, or when the
/// terminal is gone: then the receiver sees the end.
///
/// # Errors
/// When the thread cannot be started.
pub(super) fn read_events() -> io::Result<mpsc::Receiver<Event>> {
    let (sender, receiver) = mpsc::channel(EVENTS_MAX);
    thread::Builder::new().name("terminal-input".to_owned()).spawn(move || {
        while let Ok(event) = event::read() {
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}
