//! Everything that the screen knows: one struct a concern. Changed by `update` alone, read by `view`.

pub(crate) mod composer;
pub(crate) mod editor;
pub(crate) mod jump;
pub(crate) mod members;
pub(crate) mod mention;
pub(crate) mod pending;
pub(crate) mod room;
pub(crate) mod rooms;
pub(crate) mod setup;
pub(crate) mod status;
pub(crate) mod timeline;

use hubbub_protocol::{
    NameKey, Nick, RoomName,
    id::{UnixMs, UserId},
};
use jiff::tz::TimeZone;
use ratatui::layout::Size;

use crate::{
    link::ServerUrl,
    screen::{
        memory::{Profile, RoomMemory},
        state::{jump::Jump, room::Room, rooms::Rooms, setup::Setup, status::Status},
        theme::Theme,
    },
};

/// The longest text of a post until the server says otherwise.
const TEXT_CHARS_MAX: u64 = 4_000;

/// What lies over the rooms.
#[derive(Debug)]
pub(crate) enum Overlay {
    /// The help page, scrolled down by so many lines.
    Help {
        /// The first line that is shown.
        top: usize,
    },
    /// The list of rooms to jump to.
    Jump(Box<Jump>),
}

/// Who the user is.
#[derive(Debug, Clone)]
pub(crate) struct Me {
    /// Where.
    pub(crate) server: ServerUrl,
    /// The nick that was asked for, then the one that the server gave.
    pub(crate) nick: Nick,
    /// The number in events; `None` until the server said it.
    pub(crate) user: Option<UserId>,
    /// The secret that goes on with the session.
    pub(crate) token: Option<String>,
    /// Whether the user said to be away.
    pub(crate) away: bool,
}

/// The user's wishes about the panels; the width of the screen decides with them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panels {
    /// The rooms, where there is space.
    pub(crate) rooms: bool,
    /// The members, where there is space.
    pub(crate) members: bool,
}

/// What the screen is given at its start.
#[derive(Debug)]
pub(crate) struct Start {
    /// The time zone of the clock on the wall.
    pub(crate) zone: TimeZone,
    /// How it looks.
    pub(crate) theme: Theme,
    /// The size of the terminal.
    pub(crate) size: Size,
    /// The time.
    pub(crate) now: UnixMs,
    /// What the fields of the first screen hold.
    pub(crate) server: String,
    /// The same.
    pub(crate) nick: String,
    /// The rooms that the command line names.
    pub(crate) rooms: Vec<RoomName>,
}

/// Everything that the screen knows.
#[derive(Debug)]
pub(crate) struct State {
    /// The time of the last input; what is drawn is true at this time.
    pub(crate) now: UnixMs,
    /// The time zone of the clock on the wall.
    pub(crate) zone: TimeZone,
    /// How it looks.
    pub(crate) theme: Theme,
    /// The size of the terminal.
    pub(crate) size: Size,
    /// Whether the terminal has the focus. Terminals that do not tell have it always.
    pub(crate) focused: bool,
    /// Whether the terminal ever told of its focus.
    pub(crate) tells_focus: bool,
    /// When the user did something last.
    pub(crate) acted_at: UnixMs,
    /// The first screen; `None` once the rooms are shown.
    pub(crate) setup: Option<Setup>,
    /// What lies over the rooms.
    pub(crate) overlay: Option<Overlay>,
    /// Who the user is; `None` before the first screen was filled in.
    pub(crate) me: Option<Me>,
    /// The rooms.
    pub(crate) rooms: Rooms,
    /// The rooms that the command line names; joined once there is a connection.
    pub(crate) wanted: Vec<RoomName>,
    /// The connection and passing words.
    pub(crate) status: Status,
    /// Which panels are wanted.
    pub(crate) panels: Panels,
    /// The longest text of a post, in Unicode scalar values.
    pub(crate) text_chars_max: u64,
    /// What the terminal's title says now.
    pub(crate) title: String,
    /// The room that a second request to leave it leaves, whatever is lost, and until when.
    pub(crate) part_armed: Option<(NameKey, UnixMs)>,
    /// How often the list of rooms was opened.
    pub(crate) openings: u64,
    /// The server's rooms as they were listed last, for completion.
    pub(crate) directory: Vec<RoomName>,
    /// The number of the last pending post.
    pub(crate) last_post: u64,
    /// The number of links that were started; posts of an earlier one must be posted anew.
    pub(crate) link: u32,
    /// The link that was told which rooms are wanted.
    pub(crate) link_with_rooms: u32,
    /// Whether nothing is remembered of this nick on this server: a newcomer is greeted.
    pub(crate) is_first_time: bool,
    /// What was remembered from the last time, until the rooms are entered.
    pub(crate) recalled: Vec<RoomMemory>,
    /// The room that was in front the last time.
    pub(crate) recalled_active: Option<String>,
}

impl State {
    /// The state at the start: the first screen.
    pub(crate) fn new(start: Start) -> Self {
        Self {
            now: start.now,
            zone: start.zone,
            theme: start.theme,
            size: start.size,
            focused: true,
            tells_focus: false,
            acted_at: start.now,
            setup: Some(Setup::new(&start.server, &start.nick)),
            overlay: None,
            me: None,
            rooms: Rooms::default(),
            wanted: start.rooms,
            status: Status::default(),
            panels: Panels { rooms: true, members: true },
            text_chars_max: TEXT_CHARS_MAX,
            title: String::new(),
            part_armed: None,
            openings: 0,
            directory: Vec::new(),
            last_post: 0,
            link: 0,
            link_with_rooms: 0,
            is_first_time: false,
            recalled: Vec::new(),
            recalled_active: None,
        }
    }

    /// The room in front.
    pub(crate) fn room(&self) -> Option<&Room> {
        self.rooms.active()
    }

    /// The nick, as far as there is one.
    pub(crate) fn nick(&self) -> &str {
        self.me.as_ref().map_or("", |me| me.nick.as_str())
    }

    /// What is to be remembered; `None` before there is an identity.
    pub(crate) fn profile(&self) -> Option<Profile> {
        let me = self.me.as_ref()?;
        let rooms = self.rooms.iter().map(|room| {
            let remembered = room.remembered.clone().map_or((None, 0), |(epoch, read)| (Some(epoch), read));
            let (epoch, read) = room.epoch.clone().map_or(remembered, |epoch| (Some(epoch), room.read));
            RoomMemory { name: room.name.to_string(), epoch, read }
        });
        Some(Profile {
            server: me.server.to_string(),
            nick: me.nick.to_string(),
            token: me.token.clone(),
            rooms: rooms.collect(),
            active: self.room().map(|room| room.name.to_string()),
        })
    }
}
