//! A raw client: one connection that speaks the protocol frame by frame and hides nothing.

use std::{collections::VecDeque, fmt, net::SocketAddr};

use futures_util::{SinkExt, StreamExt};
use hubbub_protocol::{
    ErrorBody, Event, Request, RequestFrame, SUBPROTOCOL, ServerFrame, WS_PATH,
    envelope::read_ok,
    event::Goodbye,
    id::Position,
    reply::{Done, History, Joined, Posted, Welcome},
    request,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::eventually::within;

/// The connection is gone.
#[derive(Debug, Clone)]
pub struct Lost(pub String);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection is lost: {}", self.0)
    }
}

/// What came from the server.
#[derive(Debug)]
pub enum Heard {
    /// A reply: the request's id, and its `ok` or `error`.
    Reply(Option<u64>, Result<Box<RawValue>, ErrorBody>),
    /// An event.
    Event(Event),
    /// A close frame: its code, 1005 when it had none, and its reason.
    Closed(u16, String),
    /// The connection ended or broke without a close frame, or after it.
    Lost(Lost),
}

/// One connection.
pub struct Wire {
    socket: WebSocketStream<TcpStream>,
    heard: VecDeque<Heard>,
    last_id: u64,
}

impl Wire {
    /// Connects; no request is sent yet.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.unwrap_or_else(|lost| panic!("{lost}"))
    }

    /// Connects, if there is a server.
    ///
    /// # Errors
    /// When there is none, or it refuses.
    pub async fn try_connect(address: SocketAddr) -> Result<Self, Lost> {
        Self::connect_over(TcpSocket::new_v4().expect("a socket"), address).await
    }

    /// Connects with a receive buffer so small that a reader that stops is soon noticed.
    pub async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("a small buffer");
        Self::connect_over(socket, address).await.unwrap_or_else(|lost| panic!("{lost}"))
    }

    /// Connects over a socket that was prepared.
    ///
    /// # Errors
    /// When there is no server, or it refuses.
    pub async fn connect_over(socket: TcpSocket, address: SocketAddr) -> Result<Self, Lost> {
        let opened = async {
            let stream = socket.connect(address).await.map_err(lost)?;
            stream.set_nodelay(true).map_err(lost)?;
            let mut request = format!("ws://{address}{WS_PATH}").into_client_request().map_err(lost)?;
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
            let (socket, _) = client_async(request, stream).await.map_err(lost)?;
            Ok(Self { socket, heard: VecDeque::new(), last_id: 0 })
        };
        within("a connection", opened).await
    }

    /// Connects and begins a session as a guest.
    pub async fn guest(address: SocketAddr, nick: &str) -> (Self, Welcome) {
        let mut wire = Self::connect(address).await;
        let welcome = wire.hello_guest(nick).await;
        (wire, welcome)
    }

    // ---- sending ----

    /// Sends a request and does not wait; answers its id.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn try_send(&mut self, request: Request) -> Result<u64, Lost> {
        let id = self.feed(request).await?;
        self.flush().await?;
        Ok(id)
    }

    /// Puts a request into the buffer; [`Wire::flush`] sends it, with others in one write.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn feed(&mut self, request: Request) -> Result<u64, Lost> {
        self.last_id += 1;
        let frame = RequestFrame { id: self.last_id, request };
        let text = frame.encode().expect("a request can be encoded");
        within("space to write", self.socket.feed(Message::text(text))).await.map_err(lost)?;
        Ok(frame.id)
    }

    /// Writes what is in the buffer.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn flush(&mut self) -> Result<(), Lost> {
        within("space to write", self.socket.flush()).await.map_err(lost)
    }

    /// Sends a request that must get through; answers its id.
    pub async fn send(&mut self, request: Request) -> u64 {
        self.try_send(request).await.unwrap_or_else(|lost| panic!("{lost}"))
    }

    /// Sends a text frame as it is.
    pub async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    /// Sends any WebSocket message.
    pub async fn send_message(&mut self, message: Message) {
        within("space to write", self.socket.send(message)).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Writes bytes past the WebSocket layer.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        within("space to write", self.socket.get_mut().write_all(bytes)).await.map_err(lost)
    }

    // ---- hearing ----

    /// The next that the server sends, in its order; pings are answered and left out.
    pub async fn hear(&mut self) -> Heard {
        match self.heard.pop_front() {
            Some(heard) => heard,
            None => within("something from the server", self.read()).await,
        }
    }

    async fn read(&mut self) -> Heard {
        loop {
            let text = match self.socket.next().await {
                None => return Heard::Lost(Lost("the stream has ended".to_owned())),
                Some(Err(error)) => return Heard::Lost(lost(error)),
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) =
                        frame.map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
                    return Heard::Closed(code, reason);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(other)) => panic!("a server sends text, not {other:?}"),
            };
            return match ServerFrame::decode(&text) {
                Ok(ServerFrame::Reply { re, outcome }) => Heard::Reply(re, outcome),
                Ok(ServerFrame::Event(Event::Unknown(event))) => {
                    panic!("an event that the protocol does not know: {event:?}")
                }
                Ok(ServerFrame::Event(event)) => Heard::Event(event),
                Err(error) => panic!("not a frame of the protocol: {error}: {text}"),
            };
        }
    }

    /// The first of what was or will be heard that `pick` takes; what comes before it waits.
    async fn first<T>(&mut self, mut pick: impl FnMut(Heard) -> Result<T, Heard>) -> Result<T, Lost> {
        let mut passed = VecDeque::new();
        let found = loop {
            let heard = match self.heard.pop_front() {
                Some(heard) => heard,
                None => within("a certain frame from the server", self.read()).await,
            };
            match pick(heard) {
                Ok(found) => break Ok(found),
                Err(Heard::Lost(lost)) => break Err(lost),
                Err(Heard::Closed(code, reason)) => break Err(Lost(format!("closed with {code} {reason}"))),
                Err(other) => passed.push_back(other),
            }
        };
        passed.append(&mut self.heard);
        self.heard = passed;
        found
    }

    /// Waits for the reply to a request; what else comes waits for its turn.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn try_reply(&mut self, id: u64) -> Result<Result<Box<RawValue>, ErrorBody>, Lost> {
        self.first(|heard| match heard {
            Heard::Reply(Some(re), outcome) if re == id => Ok(outcome),
            other => Err(other),
        })
        .await
    }

    /// The reply to a request; the connection must last.
    pub async fn reply(&mut self, id: u64) -> Result<Box<RawValue>, ErrorBody> {
        self.try_reply(id).await.unwrap_or_else(|lost| panic!("no reply to {id}: {lost}"))
    }

    /// The next event; replies wait.
    pub async fn event(&mut self) -> Event {
        self.event_that(|_| true).await
    }

    /// The next event that is like that; others before it are left out.
    pub async fn event_that(&mut self, is_it: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.first(|heard| if let Heard::Event(event) = heard { Ok(event) } else { Err(heard) }).await;
            let event = event.unwrap_or_else(|lost| panic!("no such event: {lost}"));
            if is_it(&event) {
                return event;
            }
        }
    }

    /// The next event of a log; signals and notices before it are left out.
    pub async fn log_event(&mut self) -> Event {
        self.event_that(|event| event.seq().is_some()).await
    }

    /// The goodbye, if there was one, and the close code with which the connection ends; all else is left out.
    pub async fn ending(&mut self) -> (Option<Goodbye>, u16) {
        let mut goodbye = None;
        loop {
            match self.hear().await {
                Heard::Event(Event::Goodbye(said)) => goodbye = Some(said),
                Heard::Event(_) | Heard::Reply(..) => {}
                Heard::Closed(code, _) => return (goodbye, code),
                Heard::Lost(lost) => panic!("no close frame: {lost}"),
            }
        }
    }

    // ---- requests ----

    /// Sends a request and reads its `ok`.
    pub async fn ask<T: DeserializeOwned>(&mut self, request: Request) -> T {
        let op = request.op();
        let id = self.send(request).await;
        let ok = self.reply(id).await.unwrap_or_else(|error| panic!("{op} was refused: {error}"));
        read_ok(&ok).unwrap_or_else(|error| panic!("{op}: {error}: {ok}"))
    }

    /// Sends a request that must be refused; answers the error.
    pub async fn refused(&mut self, request: Request) -> ErrorBody {
        let op = request.op();
        let id = self.send(request).await;
        match self.reply(id).await {
            Ok(ok) => panic!("{op} was not refused: {ok}"),
            Err(error) => error,
        }
    }

    /// Begins a session.
    pub async fn hello_guest(&mut self, nick: &str) -> Welcome {
        self.ask(hello_guest(nick)).await
    }

    /// Goes on with a session.
    pub async fn hello_token(&mut self, token: &str) -> Welcome {
        self.ask(hello_token(token)).await
    }

    /// Joins a room without a position.
    pub async fn join(&mut self, room: &str) -> Joined {
        self.ask(join(room, None)).await
    }

    /// Joins a room with a position.
    pub async fn join_since(&mut self, room: &str, epoch: &str, seq: u64) -> Joined {
        self.ask(join(room, Some(Position { epoch: epoch.to_owned(), seq }))).await
    }

    /// Posts.
    pub async fn post(&mut self, room: &str, nonce: &str, text: &str) -> Posted {
        self.ask(post(room, nonce, text)).await
    }

    /// Reads a page of history.
    pub async fn history(&mut self, history: request::History) -> History {
        self.ask(Request::History(history)).await
    }

    /// The whole log of a room, page by page from the first event.
    pub async fn whole_log(&mut self, room: &str) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        loop {
            let after = events.last().and_then(Event::seq).unwrap_or(0);
            let request =
                request::History { room: room.to_owned(), after: Some(after), limit: Some(500), before: None };
            let page = self.history(request).await;
            events.extend(page.events);
            if !page.more {
                return events;
            }
        }
    }

    /// Ends the session and waits for the close frame.
    pub async fn quit(mut self) {
        let _: Done = self.ask(Request::Quit(request::Quit {})).await;
        assert_eq!(self.ending().await.1, 1000);
    }

    // ---- endings ----

    /// Cuts the connection with a reset: what was not read yet is lost.
    pub fn reset(self) {
        self.socket.get_ref().set_zero_linger().expect("the option can be set");
    }

    /// Ends the sending side without a close frame, then lets go.
    pub async fn finish(mut self) {
        if let Err(error) = self.socket.get_mut().shutdown().await {
            println!("the connection was gone before it was finished: {error}");
        }
    }
}

fn lost(error: impl fmt::Display) -> Lost {
    Lost(error.to_string())
}

/// `hello` as a guest.
#[must_use]
pub fn hello_guest(nick: &str) -> Request {
    Request::Hello(request::Hello { guest: Some(nick.to_owned()), ..Default::default() })
}

/// `hello` with a token.
#[must_use]
pub fn hello_token(token: &str) -> Request {
    Request::Hello(request::Hello { token: Some(token.to_owned()), ..Default::default() })
}

/// `join`.
#[must_use]
pub fn join(room: &str, since: Option<Position>) -> Request {
    Request::Join(request::Join { room: room.to_owned(), since })
}

/// `post`, plainly said.
#[must_use]
pub fn post(room: &str, nonce: &str, text: &str) -> Request {
    let (room, nonce, text) = (room.to_owned(), nonce.to_owned(), text.to_owned());
    Request::Post(request::Post { room, nonce, text, ..Default::default() })
}
