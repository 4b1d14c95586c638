//! Plain sockets of a bench: connected, greeted and joined, each step waited for; nothing is hidden behind them.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
};

/// Tells the servers of the bench how many members will come.
pub const MEMBERS_HEADER: &str = "X-Members:";

/// Tells the servers of the bench in which room a connection is.
pub const ROOM_HEADER: &str = "X-Room:";

/// Takes as many connections as the first one announces, each with its room, 0 where it tells none; says first where
/// it listens.
///
/// # Errors
/// When one breaks off before it is taken.
pub fn gather() -> io::Result<Vec<(TcpStream, usize)>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("ready http={}", listener.local_addr()?);
    let (mut sockets, mut expected) = (Vec::new(), 1);
    while sockets.len() < expected {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let head = read_head(&mut socket)?;
        let told = |header: &str| head.lines().find_map(|line| line.strip_prefix(header)?.trim().parse().ok());
        expected = told(MEMBERS_HEADER).unwrap_or(expected);
        let accept = websocket_accept(&head);
        write!(
            socket,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )?;
        sockets.push((socket, told(ROOM_HEADER).unwrap_or(0)));
    }
    Ok(sockets)
}

/// Which server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Hubbub's protocol.
    Hubbub,
    /// Whatever is sent comes to all.
    Bare,
}

/// Connects member `number` of `count`; with Hubbub they say hello and join the lobby.
///
/// # Errors
/// When the server does not take them, with what it said.
pub fn connect(dialect: Dialect, address: &str, number: usize, count: usize) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    write!(
        socket,
        "GET /v1/ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{MEMBERS_HEADER} {count}\r\n\r\n"
    )?;
    let head = read_head(&mut socket)?;
    if !head.starts_with("HTTP/1.1 101") {
        return Err(io::Error::other(head));
    }
    if dialect == Dialect::Hubbub {
        socket.write_all(&masked(&format!(r#"{{"id":1,"op":"hello","guest":"member{number}"}}"#)))?;
        expect_text(&mut socket, r#""re":1,"ok""#)?;
        socket.write_all(&masked(r#"{"id":2,"op":"join","room":"lobby"}"#))?;
        expect_text(&mut socket, r#""re":2,"ok""#)?;
    }
    Ok(socket)
}

/// Text in a masked frame, the mask being zero.
#[must_use]
pub fn masked(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    if text.len() < 126 {
        frame.push(0x80 | text.len() as u8);
    } else {
        frame.push(0x80 | 126);
        frame.extend((text.len() as u16).to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// Reads until the text has come; presence that follows in the same segment is not needed.
///
/// # Errors
/// When the stream ends before it.
pub fn expect_text(socket: &mut TcpStream, text: &str) -> io::Result<()> {
    let mut seen = Vec::new();
    let mut header = [0; 2];
    while !String::from_utf8_lossy(&seen).contains(text) {
        socket.read_exact(&mut header)?;
        let len = match header[1] {
            126 => {
                let mut len = [0; 2];
                socket.read_exact(&mut len)?;
                usize::from(u16::from_be_bytes(len))
            }
            127 => {
                let mut len = [0; 8];
                socket.read_exact(&mut len)?;
                usize::try_from(u64::from_be_bytes(len)).map_err(io::Error::other)?
            }
            len => usize::from(len),
        };
        seen = vec![0; len];
        socket.read_exact(&mut seen)?;
    }
    Ok(())
}

/// Reads the head of a request or response, byte by byte so as not to read beyond it.
///
/// # Errors
/// When the stream ends before it.
pub fn read_head(socket: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

/// The answer to a request's key (RFC 6455 §4.2.2).
#[must_use]
pub fn websocket_accept(head: &str) -> String {
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key:")).unwrap_or_default();
    tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.trim().as_bytes())
}
