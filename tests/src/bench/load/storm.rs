//! A storm: a crowd that comes at once, each one as fast as the server lets it: connect, upgrade, hello, join.
//!
//! After each step of one of them its thread gives its core away: what is measured beside it is the server, and not how
//! the load side's two threads share a core.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use crate::bench::socket::masked;
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use serde_json::Value;

use super::{entrance::upgrade, frame};

/// Nothing came for so long that the storm is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who comes.
#[derive(Debug, Clone)]
pub struct Guest {
    /// What it is called, where it comes for the first time.
    pub nick: String,
    /// What the last time left: token, epoch and seq.
    pub past: Option<(String, String, u64)>,
}

/// What became of those who came.
pub struct Arrived {
    /// In the order of the guests, with what they have now.
    pub guests: Vec<Guest>,
    /// How many joins were answered with `complete`.
    pub complete: usize,
    /// The events that came with the answers.
    pub events: usize,
    /// Until the last one was in.
    pub wall: Duration,
    /// Their connections.
    pub sockets: Vec<TcpStream>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Connecting,
    Upgrading,
    Greeting,
    Joining,
    In,
}

struct Comer {
    socket: TcpStream,
    step: Step,
    read: Vec<u8>,
}

/// Lets everybody come at once to one room, and waits until all are in.
///
/// # Errors
/// When one is refused, with what the server said, or nothing happens any more.
pub fn storm(address: &str, room: &str, guests: Vec<Guest>) -> io::Result<Arrived> {
    let mut poll = Poll::new()?;
    let to: SocketAddr = address.parse().map_err(io::Error::other)?;
    let begun = Instant::now();
    let mut comers = Vec::with_capacity(guests.len());
    for number in 0..guests.len() {
        let mut socket = TcpStream::connect(to)?;
        poll.registry().register(&mut socket, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        comers.push(Comer { socket, step: Step::Connecting, read: Vec::new() });
        give_way();
    }
    let mut arrived =
        Arrived { guests, complete: 0, events: 0, wall: Duration::ZERO, sockets: Vec::with_capacity(comers.len()) };
    let (mut events, mut left) = (Events::with_capacity(4_096), comers.len());
    while left > 0 {
        poll.poll(&mut events, Some(PATIENCE))?;
        if events.is_empty() {
            return Err(io::Error::other(format!("nothing came for {PATIENCE:?}; {left} were not in")));
        }
        for event in &events {
            let number = event.token().0;
            let mut visit = Visit { address, room, number, arrived: &mut arrived };
            left -= usize::from(visit.go_on(&mut comers[number])?);
            give_way();
        }
    }
    arrived.wall = begun.elapsed();
    arrived.sockets = comers.into_iter().map(|comer| comer.socket).collect();
    Ok(arrived)
}

/// Whoever else wants this core goes first: a room that is measured meanwhile is measured by a thread on the same one,
/// and where the kernel preempts at its tick only, that thread would wait for up to 4 ms, however urgent it is. With
/// this its posts leave within 0.2 ms of their time in 99 of 100 cases, without it within 0.3–1.6 ms.
fn give_way() {
    thread::yield_now();
}

struct Visit<'a> {
    address: &'a str,
    room: &'a str,
    number: usize,
    arrived: &'a mut Arrived,
}

impl Visit<'_> {
    /// Whatever can be done now; answers whether the guest has just got in.
    fn go_on(&mut self, comer: &mut Comer) -> io::Result<bool> {
        if comer.step == Step::Connecting {
            match comer.socket.write(&upgrade(self.address, "")) {
                Ok(_) => comer.step = Step::Upgrading,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {}
                Err(error) => return Err(error),
            }
        }
        let mut scratch = [0; 65_536];
        loop {
            match comer.socket.read(&mut scratch) {
                Ok(0) => {
                    return Err(io::Error::other(format!("guest {} was sent away in {:?}", self.number, comer.step)));
                }
                Ok(count) => comer.read.extend_from_slice(&scratch[..count]),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => break,
                Err(error) => return Err(error),
            }
        }
        let before = comer.step;
        while self.step(comer)? {}
        Ok(before != Step::In && comer.step == Step::In)
    }

    /// Takes one thing that has come; `false`: more bytes are needed.
    fn step(&mut self, comer: &mut Comer) -> io::Result<bool> {
        if comer.step == Step::Upgrading {
            let Some(end) = comer.read.windows(4).position(|part| part == b"\r\n\r\n") else { return Ok(false) };
            if !comer.read.starts_with(b"HTTP/1.1 101") {
                return Err(io::Error::other(String::from_utf8_lossy(&comer.read)));
            }
            comer.read.drain(..end + 4);
            comer.step = Step::Greeting;
            let who = match &self.arrived.guests[self.number] {
                Guest { past: Some((token, ..)), .. } => format!(r#""token":"{token}""#),
                Guest { nick, .. } => format!(r#""guest":"{nick}""#),
            };
            comer.socket.write_all(&masked(&format!(r#"{{"id":1,"op":"hello",{who}}}"#)))?;
            return Ok(true);
        }
        let Some((start, len)) = frame::payload(&comer.read) else { return Ok(false) };
        if comer.read.len() < start + len {
            return Ok(false);
        }
        let payload: Vec<u8> = comer.read.drain(..start + len).skip(start).collect();
        if payload.starts_with(br#"{"re":"#) {
            self.reply(comer, &payload)?;
        }
        Ok(true)
    }

    fn reply(&mut self, comer: &mut Comer, payload: &[u8]) -> io::Result<()> {
        let mut reply: Value = serde_json::from_slice(payload)?;
        let ok = reply["ok"].take();
        if ok.is_null() {
            return Err(io::Error::other(format!("guest {}: {reply}", self.number)));
        }
        let guest = &mut self.arrived.guests[self.number];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if comer.step == Step::Greeting {
            let since = guest
                .past
                .take()
                .map_or_else(String::new, |(_, epoch, seq)| format!(r#","since":{{"epoch":"{epoch}","seq":{seq}}}"#));
            guest.past = Some((text(&ok["token"]), String::new(), 0));
            comer.step = Step::Joining;
            return comer
                .socket
                .write_all(&masked(&format!(r#"{{"id":2,"op":"join","room":"{}"{since}}}"#, self.room)));
        }
        if let Some((_, epoch, seq)) = &mut guest.past {
            (*epoch, *seq) = (text(&ok["epoch"]), ok["seq"].as_u64().unwrap_or(0));
        }
        self.arrived.complete += usize::from(ok["resume"] == "complete");
        self.arrived.events += ok["events"].as_array().map_or(0, Vec::len);
        comer.step = Step::In;
        Ok(())
    }
}
