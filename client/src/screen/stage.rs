//! A screen without a terminal and a link, for tests: inputs go in by hand, effects and text come out.

use std::{sync::Arc, time::Duration};

use hubbub_protocol::{
    Event, Nick, RoomName,
    event::{self, Member, MemberState, PostKind},
    id::{Seq, UnixMs},
    reply::{Limits, Resume, Server, User, Welcome},
};
use jiff::tz::TimeZone;
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, CellWidth},
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind},
    layout::Size,
};

use crate::{
    link::{LinkState, Nonce, Outage, RoomSnapshot, SessionIdentity, Update},
    screen::{
        state::{Start, State},
        theme::Theme,
        update::{Answer, Effect, Input, update},
        view,
    },
};

/// Thursday, 24 September 2026, 12:00 UTC.
pub(super) const NOON: UnixMs = 1_790_251_200_000;
/// The user's number.
pub(super) const ME: u64 = 1;

/// A screen without a terminal.
pub(super) struct Stage {
    pub(super) state: State,
    pub(super) now: UnixMs,
    nonces: u64,
}

pub(super) fn nick(text: &str) -> Nick {
    Nick::parse(text).expect(text)
}

pub(super) fn room(text: &str) -> RoomName {
    RoomName::parse(text).expect(text)
}

pub(super) fn nonce(text: &str) -> Nonce {
    Nonce::parse(text).expect(text)
}

pub(super) fn member(text: &str, state: MemberState) -> Member {
    Member { nick: nick(text), state }
}

/// A post of somebody: of the user when it is `ana`.
pub(super) fn post(name: &str, seq: Seq, at: UnixMs, from: &str, text: &str) -> Event {
    Event::Post(event::Post {
        room: room(name),
        seq,
        at,
        user: if from == "ana" { ME } else { 2 },
        from: nick(from),
        kind: PostKind::Text,
        text: text.to_owned(),
        nonce: format!("{from}-{seq}"),
    })
}

pub(super) fn welcome() -> Welcome {
    Welcome {
        session: "s".to_owned(),
        token: "t".to_owned(),
        resumed: false,
        user: User { id: ME, nick: nick("ana") },
        limits: Limits {
            frame_bytes_max: 65_536,
            text_chars_max: 100,
            topic_chars_max: 50,
            rooms_per_session_max: 8,
            post_burst: 20,
            posts_per_s: 5,
            ping_interval_ms: 25_000,
            session_idle_ms: 1_000,
        },
        server: Server { name: "test".to_owned(), version: "0".to_owned(), protocol: 1 },
    }
}

impl Stage {
    /// The first screen.
    pub(super) fn new(width: u16, height: u16) -> Self {
        let state = State::new(Start {
            zone: TimeZone::UTC,
            theme: Theme { color: true },
            size: Size::new(width, height),
            now: NOON,
            server: "127.0.0.1:8080".to_owned(),
            nick: "ana".to_owned(),
            rooms: Vec::new(),
        });
        Self { state, now: NOON, nonces: 0 }
    }

    /// Connected as ana, in these rooms with these members; the first one in front.
    pub(super) fn talking(width: u16, height: u16, rooms: &[&str], others: &[&str]) -> Self {
        let mut stage = Self::new(width, height);
        stage.state.wanted = rooms.iter().map(|name| room(name)).collect();
        stage.key("Enter");
        stage.input(Input::Started(None));
        stage.online();
        for name in rooms {
            stage.joined(name, 0, others);
        }
        stage.state.status.word = None;
        stage
    }

    pub(super) fn input(&mut self, input: Input) -> Vec<Effect> {
        update(&mut self.state, input, self.now)
    }

    pub(super) fn link(&mut self, update: Update) -> Vec<Effect> {
        self.input(Input::Link(update))
    }

    pub(super) fn online(&mut self) -> Vec<Effect> {
        let identity = SessionIdentity { nick: nick("ana"), user: ME, token: "t".to_owned() };
        self.link(Update::Identity(identity));
        self.link(Update::State(LinkState::Online { welcome: Arc::new(welcome()) }))
    }

    pub(super) fn lost(&mut self) -> Vec<Effect> {
        let reason = Outage::Lost("reset by peer".to_owned());
        self.link(Update::State(LinkState::Waiting { attempt: 2, retry_in: Duration::from_secs(4), reason }))
    }

    pub(super) fn snapshot(&self, name: &str, seq: Seq, others: &[&str]) -> RoomSnapshot {
        let members: Vec<Member> =
            others.iter().chain(&["ana"]).map(|other| member(other, MemberState::Online)).collect();
        RoomSnapshot {
            room: room(name),
            epoch: "e".to_owned(),
            seq,
            delivered: 0,
            topic: String::new(),
            member_count: u64::try_from(members.len()).expect("few"),
            members,
            resume: Resume::Fresh,
        }
    }

    pub(super) fn joined(&mut self, name: &str, seq: Seq, others: &[&str]) -> Vec<Effect> {
        let snapshot = self.snapshot(name, seq, others);
        self.link(Update::Room(Arc::new(snapshot)))
    }

    pub(super) fn events(&mut self, name: &str, events: Vec<Event>) -> Vec<Effect> {
        self.link(Update::Events { room: room(name), events })
    }

    /// Somebody says something now.
    pub(super) fn says(&mut self, name: &str, from: &str, text: &str) -> Vec<Effect> {
        let seq = self.log_end(name) + 1;
        let event = post(name, seq, self.now, from, text);
        self.events(name, vec![event])
    }

    pub(super) fn log_end(&mut self, name: &str) -> Seq {
        self.state.rooms.get_mut(&room(name)).expect("a known room").timeline.log_end()
    }

    /// Presses a key by its name in the table, such as `Alt-Enter`.
    pub(super) fn key(&mut self, name: &str) -> Vec<Effect> {
        let mut mods = KeyModifiers::NONE;
        let mut rest = name;
        for (prefix, modifier) in
            [("Ctrl-", KeyModifiers::CONTROL), ("Alt-", KeyModifiers::ALT), ("Shift-", KeyModifiers::SHIFT)]
        {
            if let Some(tail) = rest.strip_prefix(prefix) {
                (rest, mods) = (tail, mods | modifier);
            }
        }
        let code = match rest {
            "Enter" => KeyCode::Enter,
            "Tab" if mods == KeyModifiers::SHIFT => KeyCode::BackTab,
            "Tab" => KeyCode::Tab,
            "Esc" => KeyCode::Esc,
            "Up" => KeyCode::Up,
            "Down" => KeyCode::Down,
            "Left" => KeyCode::Left,
            "Home" => KeyCode::Home,
            "End" => KeyCode::End,
            "PageUp" => KeyCode::PageUp,
            "PageDown" => KeyCode::PageDown,
            "Backspace" => KeyCode::Backspace,
            "F1" => KeyCode::F(1),
            one => KeyCode::Char(one.chars().next().map(|c| c.to_ascii_lowercase()).expect("a key")),
        };
        self.input(Input::Key(KeyEvent::new(code, mods)))
    }

    /// Types a text; no line feeds.
    pub(super) fn write(&mut self, text: &str) -> Vec<Effect> {
        let keys = text.chars().map(|c| Input::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        keys.collect::<Vec<_>>().into_iter().flat_map(|key| self.input(key)).collect()
    }

    /// Types and sends; a post is queued as the link would do it, under the nonce that is returned.
    pub(super) fn send(&mut self, text: &str) -> Option<Nonce> {
        self.write(text);
        let effects = self.key("Enter");
        self.queue(&effects)
    }

    pub(super) fn queue(&mut self, effects: &[Effect]) -> Option<Nonce> {
        let mut last = None;
        for effect in effects {
            if let Effect::Post { id, room, .. } = effect {
                self.nonces += 1;
                let name = nonce(&format!("n{}", self.nonces));
                self.input(Input::Answer(Answer::Queued(*id, room.clone(), Ok(name.clone()))));
                last = Some(name);
            }
        }
        last
    }

    pub(super) fn click(&mut self, column: u16, row: u16) -> Vec<Effect> {
        let kind = MouseEventKind::Down(MouseButton::Left);
        self.input(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
    }

    pub(super) fn wheel(&mut self, down: bool) -> Vec<Effect> {
        let kind = if down { MouseEventKind::ScrollDown } else { MouseEventKind::ScrollUp };
        self.input(Input::Mouse(MouseEvent { kind, column: 30, row: 5, modifiers: KeyModifiers::NONE }))
    }

    pub(super) fn after(&mut self, ms: u64) -> Vec<Effect> {
        self.now += ms;
        self.input(Input::Tick)
    }

    /// What the composer of the room in front holds.
    pub(super) fn written(&self) -> String {
        self.state.room().expect("a room").composer.editor.text()
    }

    /// The name of the room in front.
    pub(super) fn front(&self) -> String {
        self.state.room().expect("a room").name.to_string()
    }

    /// The screen as text, without colours; lines end where their text ends.
    pub(super) fn screen(&self) -> String {
        let size = self.state.size;
        let mut terminal = Terminal::new(TestBackend::new(size.width, size.height)).expect("memory");
        terminal.draw(|frame| view::draw(&self.state, frame)).expect("memory");
        text_of(terminal.backend().buffer())
    }
}

fn text_of(buffer: &Buffer) -> String {
    let mut lines = Vec::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += symbol.cell_width().max(1);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}
