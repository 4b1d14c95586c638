//! The loop: takes in what the terminal, the link and the clock tell, changes the state, does the effects, draws.
//!
//! Role: the screen's one task. Owner of the state, the terminal, the calls to the link and what is remembered.
//! Accepts events of the terminal (a queue of its own, bounded), updates of the link (bounded there), answers,
//! signals. What waits is taken in together and drawn once, at most every [`FRAME`]. Stops on quitting, on
//! SIGTERM, SIGHUP, SIGINT and SIGQUIT, and when the terminal is gone.

use std::{
    collections::VecDeque,
    io,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hubbub_protocol::id::UnixMs;
use jiff::tz::TimeZone;
use ratatui::{crossterm::event::Event, layout::Size};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::screen::{
    ScreenOptions,
    effect::{Calls, Heard},
    keeper::Keeper,
    memory::{Memory, Profile},
    startup::{Startup, startup},
    state::{Start, State},
    terminal::{Terminal, read_events},
    theme::Theme,
    update::{Answer, Effect, Input, next_wake, update},
};

/// The time between two frames: about sixty a second.
const FRAME: Duration = Duration::from_millis(16);
/// How often what was read is remembered.
const REMEMBER_EVERY: Duration = Duration::from_secs(10);
/// What is taken in before a frame is drawn again.
const INPUTS_PER_FRAME_MAX: usize = 1_024;

/// The screen's one task.
struct Loop {
    state: State,
    terminal: Terminal,
    calls: Calls,
    keeper: Keeper,
    quit: bool,
}

/// The signals that end the program, and those that stop and continue it.
struct Signals {
    term: Signal,
    hup: Signal,
    int: Signal,
    quit: Signal,
    stop: Signal,
    cont: Signal,
}

/// What a signal asks for.
enum Asked {
    End(ExitCode),
    Suspend,
    Resume,
}

/// Shows the screen until the user leaves it.
///
/// # Errors
/// When the terminal fails.
pub(super) async fn run(options: ScreenOptions) -> io::Result<ExitCode> {
    let (memory, no_memory) = match options.remember.then(Memory::of_user) {
        Some(Ok(memory)) => (Some(memory), None),
        Some(Err(error)) => (None, Some(error.to_string())),
        None => (None, None),
    };
    let user = std::env::var("USER").ok();
    let start = startup(&options, memory.as_ref(), user.as_deref());
    let mut signals = Signals::new()?;
    let terminal = Terminal::enter()?;
    let events = read_events()?;
    let mut screen = Loop::new(options, start, terminal, memory)?;
    if let Some(error) = no_memory {
        screen.input(Input::Answer(Answer::NotRemembered(error)))?;
    }
    let ended = screen.run(events, &mut signals).await;
    let Loop { state, terminal, keeper, .. } = screen;
    drop(terminal);
    if let Some(error) = keeper.close(state.profile().filter(|_| state.setup.is_none())).await {
        eprintln!("hubbub: not remembered: {error}");
    }
    ended
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
            int: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            cont: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    /// What the next signal asks for. Cancel safe.
    async fn next(&mut self) -> Asked {
        // 128 and the signal's number, as shells report it
        tokio::select! {
            _ = self.term.recv() => Asked::End(ExitCode::from(143)),
            _ = self.hup.recv() => Asked::End(ExitCode::from(129)),
            _ = self.int.recv() => Asked::End(ExitCode::from(130)),
            _ = self.quit.recv() => Asked::End(ExitCode::from(131)),
            _ = self.stop.recv() => Asked::Suspend,
            _ = self.cont.recv() => Asked::Resume,
        }
    }
}

impl Loop {
    fn new(options: ScreenOptions, start: Startup, terminal: Terminal, memory: Option<Memory>) -> io::Result<Self> {
        let color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let mut state = State::new(Start {
            zone: TimeZone::system(),
            theme: Theme { color },
            size: terminal.size()?,
            now: now(),
            server: start.server,
            nick: start.nick,
            rooms: options.rooms,
        });
        if let Some(setup) = &mut state.setup {
            setup.error = start.error;
        }
        let keeper = Keeper::new(memory, start.claim);
        let mut screen = Self { state, terminal, calls: Calls::new(), keeper, quit: false };
        if start.begin {
            screen.input(Input::Begin)?;
        }
        Ok(screen)
    }

    async fn run(&mut self, mut events: mpsc::Receiver<Event>, signals: &mut Signals) -> io::Result<ExitCode> {
        let mut drawn = Instant::now();
        let mut remember_at = drawn + REMEMBER_EVERY;
        self.terminal.draw(&self.state)?;
        let mut dirty = false;
        while !self.quit {
            let frame_at = if dirty { drawn + FRAME } else { remember_at };
            let wake = self.wake_at().map_or(frame_at, |wake| wake.min(frame_at)).min(remember_at);
            tokio::select! {
                signal = signals.next() => match signal {
                    Asked::End(code) => return Ok(code),
                    Asked::Suspend => self.terminal.suspend()?,
                    Asked::Resume => self.terminal.resume()?,
                },
                event = events.recv() => match event {
                    Some(event) => self.event(event)?,
                    // the terminal is gone
                    None => return Ok(ExitCode::from(129)),
                },
                heard = self.calls.hear() => self.heard(heard)?,
                Some(error) = self.keeper.finished() => self.input(Input::Answer(Answer::NotRemembered(error)))?,
                () = sleep_until(wake) => self.input(Input::Tick)?,
            }
            dirty = true;
            self.take_what_waits(&mut events)?;
            if Instant::now() >= remember_at {
                remember_at = Instant::now() + REMEMBER_EVERY;
                self.remember();
            }
            if drawn.elapsed() >= FRAME && !self.quit {
                self.terminal.draw(&self.state)?;
                drawn = Instant::now();
                dirty = false;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Takes in what came meanwhile, so that a burst is drawn once.
    fn take_what_waits(&mut self, events: &mut mpsc::Receiver<Event>) -> io::Result<()> {
        for _ in 0..INPUTS_PER_FRAME_MAX {
            if self.quit {
                break;
            }
            if let Ok(event) = events.try_recv() {
                self.event(event)?;
            } else if let Some(heard) = self.calls.try_hear() {
                self.heard(heard)?;
            } else {
                break;
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        let input = match event {
            Event::Key(key) => Input::Key(key),
            Event::Mouse(mouse) => Input::Mouse(mouse),
            Event::Paste(text) => Input::Paste(text),
            Event::FocusGained => Input::Focus(true),
            Event::FocusLost => Input::Focus(false),
            Event::Resize(width, height) => Input::Resize(Size::new(width, height)),
        };
        self.input(input)
    }

    fn heard(&mut self, heard: Heard) -> io::Result<()> {
        match heard {
            Heard::Link(update) => self.input(Input::Link(update)),
            Heard::Answer(answer) => self.input(Input::Answer(answer)),
        }
    }

    /// Takes an input in, and what its effects answer at once.
    fn input(&mut self, input: Input) -> io::Result<()> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in update(&mut self.state, input, now()) {
                inputs.extend(self.perform(effect)?);
            }
        }
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> io::Result<Option<Input>> {
        match effect {
            Effect::Start { server, nick } => {
                let (profile, token) = self.recall(&server.to_string(), nick.as_str());
                self.calls.start(server, nick, token);
                return Ok(Some(Input::Started(profile)));
            }
            Effect::Stop => self.calls.stop(),
            Effect::Remember => self.remember(),
            Effect::Title(title) => self.terminal.set_title(&title)?,
            Effect::Alert(text) => self.terminal.alert(&text)?,
            Effect::Redraw => self.terminal.redraw()?,
            Effect::Suspend => self.terminal.suspend()?,
            Effect::Quit => self.quit = true,
            other => return Ok(self.calls.make(other).map(Input::Answer)),
        }
        Ok(None)
    }

    /// What a link to this server as this nick begins with.
    fn recall(&mut self, server: &str, nick: &str) -> (Option<Profile>, Option<String>) {
        let (profile, token) = self.keeper.recall(server, nick);
        // what a link said in this run is known without the memory
        let own = self.state.me.as_ref().and_then(|me| me.token.clone());
        (profile, own.or(token))
    }

    fn remember(&mut self) {
        self.keeper.keep(self.state.profile().filter(|_| self.state.setup.is_none()));
    }

    /// When time alone changes what is shown.
    fn wake_at(&self) -> Option<Instant> {
        let at = next_wake(&self.state)?;
        Some(Instant::now() + Duration::from_millis(at.saturating_sub(now())))
    }
}

/// Milliseconds since 1970, by this machine's clock.
fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
