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
        let pongs = self.take()?;
        self.socket.write_all(&pongs)
    }

    /// What came before the server was killed.
    pub(super) fn look_at_the_end(mut self) -> io::Result<()> {
        self.socket.set_nonblocking(false)?;
        match self.socket.read_to_end(&mut self.rest) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
            _ => self.take().map(|_| ()),
        }
    }

    /// Takes whole frames; answers what is to be said to pings among them.
    fn take(&mut self) -> io::Result<Vec<u8>> {
        let mut pongs = Vec::new();
        while let Some((start, len)) = frame::payload(&self.rest).filter(|(start, len)| self.rest.len() >= start + len)
        {
            let whole: Vec<u8> = self.rest.drain(..start + len).collect();
            let payload = &whole[start..];
            if whole[0] == 0x89 {
                pongs.extend(frame::pong(payload));
            } else if !payload.starts_with(br#"{"ev":"presence""#) {
                return Err(io::Error::other(format!("an outsider got {}", String::from_utf8_lossy(payload))));
            }
        }
        Ok(pongs)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What an outsider finds to whom a server has sent this.
    fn looks_at(bytes: &[u8]) -> (io::Result<()>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let socket = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let (mut server, _) = listener.accept().expect("the same connection");
        server.write_all(bytes).expect("space for it");
        socket.peek(&mut [0]).expect("something has come");
        socket.set_nonblocking(true).expect("a socket");
        let mut outsider = Outsider { socket, rest: Vec::new(), looked: Instant::now() };
        (outsider.look(), server)
    }

    #[test]
    fn pings_are_answered_and_news_of_people_pass() {
        let (looked, mut server) = looks_at(b"\x81\x1d{\"ev\":\"presence\",\"room\":\"r0\"}\x89\x02hi");
        looked.expect("nothing of the room");
        let mut pong = [0; 8];
        server.read_exact(&mut pong).expect("an answer");
        assert_eq!(pong, *b"\x8a\x82\0\0\0\0hi");
    }

    #[test]
    fn a_post_is_a_leak() {
        let (looked, _server) = looks_at(b"\x81\x19{\"ev\":\"post\",\"room\":\"r0\"}");
        assert_eq!(looked.expect_err("a leak").to_string(), r#"an outsider got {"ev":"post","room":"r0"}"#);
    }
}
