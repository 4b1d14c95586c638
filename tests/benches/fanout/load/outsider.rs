//! Who was in a room and has left it: nothing that is said there may come.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use super::{Names, entrance, frame};

/// How often it is seen what has come; pings want an answer.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One connection.
pub(super) struct Outsider {
    socket: TcpStream,
    rest: Vec<u8>,
    looked: Instant,
}

impl Outsider {
    /// Joins the first room, among those who are in it, and leaves it.
    pub(super) fn of_first_room(Names { room, nick }: Names, address: &str) -> io::Result<Self> {
        let mut socket = entrance::enter(address, &format!("out{nick}"), &format!("{room}0"))?;
        entrance::ask(&mut socket, &format!(r#"{{"id":3,"op":"part","room":"{room}0"}}"#))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, rest: Vec::new(), looked: Instant::now() })
    }

    /// Looks when it is time to.
    pub(super) fn look_now_and_then(&mut self, now: Instant) -> io::Result<()> {
        if now.duration_since(self.looked) >= LOOK_EVERY { self.look() } else { Ok(()) }
    }

    /// What has come, which may be pings and news of people.
    pub(super) fn look(&mut self) -> io::Result<()> {
        self.looked = Instant::now();
        let mut scratch = [0; 4_096];
        loop {
            match self.socket.read(&mut scratch) {
                Ok(0) => return Err(io::Error::other("the server closed the outsider")),
                Ok(count) => self.rest.extend_from_slice(&scratch[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        while let Some((start, len)) = frame::payload(&self.rest).filter(|(start, len)| self.rest.len() >= start + len)
        {
            let whole: Vec<u8> = self.rest.drain(..start + len).collect();
            let payload = &whole[start..];
            if whole[0] == 0x89 {
                self.socket.write_all(&frame::pong(payload))?;
            } else if !payload.starts_with(br#"{"ev":"presence""#) {
                return Err(io::Error::other(format!("an outsider got {}", String::from_utf8_lossy(payload))));
            }
        }
        Ok(())
    }
}
