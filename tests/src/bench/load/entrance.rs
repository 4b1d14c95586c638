//! How the load side gets in: a chunk of connections at a time, each with all that it has to say at once.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use crate::bench::socket::{Dialect, MEMBERS_HEADER, ROOM_HEADER, masked, read_head};
use mio::{Interest, Registry, Token};

use super::{
    Names, frame,
    member::{Member, Pass},
};

/// Connections that are begun before the answers of the first one are read.
const CHUNK: usize = 128;

/// Where a crowd gets in.
pub(super) struct Entrance<'a> {
    pub(super) names: Names,
    pub(super) dialect: Dialect,
    /// Room `n` is at the address `n` modulo their number; and how many will come there, for the bare servers.
    pub(super) addresses: &'a [(&'a str, usize)],
}

impl Entrance<'_> {
    /// Connects all members and waits until each is in its room.
    pub(super) fn enter(&self, members: &mut [Member], registry: &Registry) -> io::Result<()> {
        for (chunk, members) in members.chunks_mut(CHUNK).enumerate() {
            let mut sockets = Vec::with_capacity(CHUNK);
            for (number, member) in members.iter().enumerate() {
                sockets.push(self.begin(chunk * CHUNK + number, member.room)?);
            }
            for (number, (member, mut socket)) in members.iter_mut().zip(sockets).enumerate() {
                let pass = self.finish(&mut socket)?;
                member.pass = pass.filter(|_| member.is_sender).map(Box::new);
                socket.set_nonblocking(true)?;
                let mut socket = mio::net::TcpStream::from_std(socket);
                registry.register(&mut socket, Token(chunk * CHUNK + number), Interest::READABLE)?;
                member.socket = Some(socket);
            }
        }
        Ok(())
    }

    fn begin(&self, number: usize, room: usize) -> io::Result<TcpStream> {
        let (address, total) = self.addresses[room % self.addresses.len()];
        let mut socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        let told = format!("{MEMBERS_HEADER} {total}\r\n{ROOM_HEADER} {room}\r\n");
        let mut words = upgrade(address, &told);
        if self.dialect == Dialect::Hubbub {
            words.extend(masked(&format!(r#"{{"id":1,"op":"hello","guest":"{}{number}"}}"#, self.names.nick)));
            words.extend(masked(&format!(r#"{{"id":2,"op":"join","room":"{}{room}"}}"#, self.names.room)));
        }
        socket.write_all(&words)?;
        Ok(socket)
    }

    fn finish(&self, socket: &mut TcpStream) -> io::Result<Option<Pass>> {
        let head = read_head(socket)?;
        if !head.starts_with("HTTP/1.1 101") {
            return Err(io::Error::other(head));
        }
        if self.dialect != Dialect::Hubbub {
            return Ok(None);
        }
        let [token, epoch] = [(1, "token"), (2, "epoch")].map(|(re, key)| text(&reply(socket, re)?, key));
        Ok(Some(Pass { token: token?, epoch: epoch? }))
    }
}

/// The text behind a key in a reply's JSON.
fn text(json: &[u8], key: &str) -> io::Result<String> {
    let json = String::from_utf8_lossy(json);
    let behind = json.split_once(&format!("\"{key}\":\"")).and_then(|(_, behind)| behind.split_once('"'));
    behind.map(|(text, _)| text.to_owned()).ok_or_else(|| io::Error::other(format!("no {key} in {json}")))
}

/// The head of an upgrade request, with further lines.
pub(super) fn upgrade(address: &str, lines: &str) -> Vec<u8> {
    format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{lines}\r\n"
    )
    .into_bytes()
}

/// Reads until the reply to request `re` has come, and answers it; what else comes before is not needed.
///
/// # Errors
/// When it is a refusal, with what the server said, or does not come.
pub fn reply(socket: &mut TcpStream, re: u64) -> io::Result<Vec<u8>> {
    let begin = format!(r#"{{"re":{re},"#);
    loop {
        let payload = next_frame(socket)?;
        if payload.starts_with(begin.as_bytes()) {
            let good = format!(r#"{begin}"ok""#);
            let is_good = payload.starts_with(good.as_bytes());
            return if is_good { Ok(payload) } else { Err(io::Error::other(String::from_utf8_lossy(&payload))) };
        }
    }
}

/// Reads one frame and no byte more.
fn next_frame(socket: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut header = vec![0; 2];
    socket.read_exact(&mut header)?;
    let extra = match header[1] {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    header.resize(2 + extra, 0);
    socket.read_exact(&mut header[2..])?;
    let len = frame::payload(&header).map_or(0, |(_, len)| len);
    let mut payload = vec![0; len];
    socket.read_exact(&mut payload)?;
    Ok(payload)
}

/// One person in one room, spoken to by hand.
///
/// # Errors
/// When the server does not take it, with what it said.
pub fn enter(address: &str, nick: &str, room: &str) -> io::Result<TcpStream> {
    let mut socket = connect(address)?;
    ask(&mut socket, &format!(r#"{{"id":1,"op":"hello","guest":"{nick}"}}"#))?;
    ask(&mut socket, &format!(r#"{{"id":2,"op":"join","room":"{room}"}}"#))?;
    Ok(socket)
}

/// A connection that has said nothing.
pub(super) fn connect(address: &str) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(super::PATIENCE))?;
    socket.write_all(&upgrade(address, ""))?;
    read_head(&mut socket)?;
    Ok(socket)
}

/// Sends a request, which begins with its number, and waits for its reply.
pub(super) fn ask(socket: &mut TcpStream, request: &str) -> io::Result<Vec<u8>> {
    let re = frame::number(request.as_bytes(), br#"{"id":"#)?;
    socket.write_all(&masked(request))?;
    reply(socket, re)
}
