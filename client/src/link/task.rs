//! The link's task: the one place that waits. Carries between handles, machine, socket and the updates' reader.
//!
//! Role: does what the machine decides. Owner of: the machine, the socket, the backlog of updates.
//! Accepts: [`super::command::Command`] on a bounded channel (see there for the rule when full).
//! Out: updates on a bounded channel; when that and the backlog are full, the socket is not read, so that
//! the server sees a slow reader and says `lagged`; nothing is dropped here.
//! Stops when: the link is closed by its machine, the last handle is dropped, or the updates' reader is.

use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc, time::Instant};

use tokio::{
    sync::mpsc,
    time::{Sleep, sleep_until},
};

use super::{
    command::{Command, Wishes},
    config::LinkConfig,
    machine::{Action, ConnectError, Machine},
    socket::{Incoming, Socket},
    update::Update,
};

/// Frames that are taken from the socket before anything else is looked at.
const FRAMES_A_TURN_MAX: usize = 64;

type Connecting = Pin<Box<dyn Future<Output = Result<Box<Socket>, ConnectError>> + Send>>;

/// Everything that the task holds.
pub(super) struct LinkTask {
    config: LinkConfig,
    machine: Machine,
    commands: mpsc::Receiver<Command>,
    wishes: Arc<Wishes>,
    updates: mpsc::Sender<Update>,
    backlog: VecDeque<Update>,
    backlog_max: usize,
    connecting: Option<Connecting>,
    socket: Option<Box<Socket>>,
}

/// What woke the task.
enum Wake {
    Command(Option<Command>),
    Wish,
    Connected(Result<Box<Socket>, ConnectError>),
    Incoming(Incoming),
    Permit,
    ReaderGone,
    Time,
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl LinkTask {
    pub(super) fn new(
        config: LinkConfig,
        commands: mpsc::Receiver<Command>,
        wishes: Arc<Wishes>,
        updates: mpsc::Sender<Update>,
    ) -> Self {
        let machine = Machine::new(config.clone(), now());
        let backlog_max = updates.max_capacity();
        let backlog = VecDeque::new();
        Self { config, machine, commands, wishes, updates, backlog, backlog_max, connecting: None, socket: None }
    }

    /// Runs until the link has ended.
    pub(super) async fn run(mut self) {
        self.machine.connect(now());
        let mut sleep = Box::pin(sleep_until(tokio::time::Instant::now()));
        while !self.turn() {
            let wake = self.wait(sleep.as_mut()).await;
            self.handle(wake);
        }
        self.end().await;
    }

    /// Does what the machine wants done. True when the link has ended.
    fn turn(&mut self) -> bool {
        while let Some(action) = self.machine.action() {
            match action {
                Action::Connect => {
                    let (server, buffer) = (self.config.server.clone(), self.config.capacity.read_buffer_bytes);
                    self.connecting = Some(Box::pin(Socket::connect(server, buffer)));
                }
                Action::Send(text) => {
                    if let Some(socket) = &mut self.socket {
                        socket.send(text);
                    }
                }
                Action::Ping(number) => {
                    if let Some(socket) = &mut self.socket {
                        socket.ping(number);
                    }
                }
                Action::Disconnect => {
                    self.connecting = None;
                    if let Some(socket) = self.socket.take() {
                        socket.close();
                    }
                }
            }
        }
        self.collect();
        self.machine.pause(self.backlog.len() >= self.backlog_max, now());
        self.machine.is_closed()
    }

    /// Takes over the machine's updates; events of one room in a row become one update.
    fn collect(&mut self) {
        for update in self.machine.take_updates() {
            match (self.backlog.back_mut(), update) {
                (Some(Update::Events { room, events }), Update::Events { room: same, events: more })
                    if *room == same && events.len() + more.len() <= super::machine::EVENTS_MAX =>
                {
                    events.extend(more);
                }
                (_, update) => self.backlog.push_back(update),
            }
        }
    }

    async fn wait(&mut self, mut sleep: Pin<&mut Sleep>) -> Wake {
        let deadline = self.machine.deadline(now()).map(tokio::time::Instant::from_std);
        if let Some(deadline) = deadline
            && sleep.deadline() != deadline
        {
            sleep.as_mut().reset(deadline);
        }
        let read = self.backlog.len() < self.backlog_max;
        tokio::select! {
            command = self.commands.recv() => Wake::Command(command),
            () = self.wishes.changed.notified() => Wake::Wish,
            result = attempt(&mut self.connecting) => Wake::Connected(result),
            incoming = receive(&mut self.socket, read) => Wake::Incoming(incoming),
            permit = self.updates.reserve(), if !self.backlog.is_empty() => match permit {
                Ok(permit) => {
                    if let Some(update) = self.backlog.pop_front() {
                        permit.send(update);
                    }
                    Wake::Permit
                }
                Err(_) => Wake::ReaderGone,
            },
            () = self.updates.closed() => Wake::ReaderGone,
            () = sleep, if deadline.is_some() => Wake::Time,
        }
    }

    fn handle(&mut self, wake: Wake) {
        match wake {
            Wake::Command(Some(command)) => self.machine.command(command, now()),
            Wake::Command(None) | Wake::ReaderGone => self.machine.abandon(),
            Wake::Wish => {
                self.machine.wish_away(self.wishes.away());
                if self.wishes.take_reconnect() {
                    self.machine.reconnect_now(now());
                }
            }
            Wake::Connected(Ok(socket)) => {
                self.connecting = None;
                self.socket = Some(socket);
                self.machine.connected(now());
            }
            Wake::Connected(Err(error)) => {
                self.connecting = None;
                self.machine.connect_failed(error, now());
            }
            Wake::Incoming(incoming) => self.receive(incoming),
            Wake::Permit => {}
            Wake::Time => self.machine.tick(now()),
        }
    }

    /// Hands a frame to the machine, and those that came with it.
    fn receive(&mut self, first: Incoming) {
        self.take(first);
        for _ in 1..FRAMES_A_TURN_MAX {
            if self.turn() || self.backlog.len() >= self.backlog_max {
                return;
            }
            let Some(incoming) = self.socket.as_mut().and_then(|socket| socket.try_next()) else { return };
            self.take(incoming);
        }
    }

    fn take(&mut self, incoming: Incoming) {
        let now = now();
        match incoming {
            Incoming::Text(text) => self.machine.frame(&text, now),
            Incoming::Pong(number) => self.machine.pong(number, now),
            Incoming::Other => self.machine.heard(now),
            Incoming::Closed { code, reason } => self.machine.closed_by_server(code, reason, now),
            Incoming::Lost(error) => self.machine.lost(super::Outage::Lost(error), None, now),
        }
    }

    /// Answers every command that still came, and tells what is left to tell.
    async fn end(mut self) {
        self.commands.close();
        while let Some(command) = self.commands.recv().await {
            self.machine.command(command, now());
        }
        self.machine.finish();
        self.collect();
        for update in self.backlog {
            if self.updates.send(update).await.is_err() {
                return;
            }
        }
    }
}

async fn attempt(connecting: &mut Option<Connecting>) -> Result<Box<Socket>, ConnectError> {
    match connecting {
        Some(connecting) => connecting.await,
        None => std::future::pending().await,
    }
}

async fn receive(socket: &mut Option<Box<Socket>>, read: bool) -> Incoming {
    match socket {
        Some(socket) => socket.next(read).await,
        None => std::future::pending().await,
    }
}
