//! The floor: the least that a WebSocket broadcast can be, a bare epoll loop that passes frames on.
//!
//! One thread, one loop. Whatever is read at once from a connection goes to every connection of its room in one
//! write. No names, no JSON, no storage, no order to keep; a room is a list of sockets that was told in advance.

use std::io::{self, Read, Write};

use hubbub_tests::bench::socket::gather;
use mio::{Events, Interest, Poll, Token, event::Event, net::TcpStream};

/// What the loop reads into.
const SCRATCH_BYTES: usize = 256 * 1024;

/// What may wait for one socket; beyond that the floor is no baseline any more.
const PENDING_BYTES_MAX: usize = 64 << 20;

/// A connection.
struct Peer {
    socket: TcpStream,
    room: usize,
    /// The begin of a frame whose end has not come.
    rest: Vec<u8>,
    /// What the socket did not take.
    pending: Vec<u8>,
}

/// Serves one crowd, until somebody leaves.
pub(crate) fn serve() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let (mut peers, mut rooms) = (Vec::new(), Vec::<Vec<usize>>::new());
    for (number, (socket, room)) in gather()?.into_iter().enumerate() {
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(socket);
        poll.registry().register(&mut socket, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        peers.push(Peer { socket, room, rest: Vec::new(), pending: Vec::new() });
        rooms.resize_with(rooms.len().max(room + 1), Vec::new);
        rooms[room].push(number);
    }
    let (mut events, mut scratch, mut out) = (Events::with_capacity(4_096), vec![0; SCRATCH_BYTES], Vec::new());
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            let number = event.token().0;
            if event.is_writable() {
                peers[number].write_pending()?;
            }
            if event.is_readable() && !pass_on(event, &mut peers, &rooms, &mut scratch, &mut out)? {
                return Ok(());
            }
        }
    }
}

/// Reads from one and writes to its room; `false` when it has left.
fn pass_on(
    event: &Event,
    peers: &mut [Peer],
    rooms: &[Vec<usize>],
    scratch: &mut [u8],
    out: &mut Vec<u8>,
) -> io::Result<bool> {
    let number = event.token().0;
    loop {
        let count = match peers[number].socket.read(scratch) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        };
        out.clear();
        peers[number].unmask(&mut scratch[..count], out);
        for member in &rooms[peers[number].room] {
            peers[*member].write(out)?;
        }
        if count < scratch.len() {
            return Ok(true);
        }
    }
}

impl Peer {
    /// Turns whole frames of a client into frames of a server.
    fn unmask(&mut self, bytes: &mut [u8], out: &mut Vec<u8>) {
        if self.rest.is_empty() {
            let taken = frames(bytes, out);
            self.rest.extend_from_slice(&bytes[taken..]);
        } else {
            self.rest.extend_from_slice(bytes);
            let taken = frames(&mut self.rest, out);
            self.rest.drain(..taken);
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut written = 0;
        if self.pending.is_empty() {
            match self.socket.write(bytes) {
                Ok(count) => written = count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if written < bytes.len() {
            self.pending.extend_from_slice(&bytes[written..]);
        }
        if self.pending.len() > PENDING_BYTES_MAX {
            return Err(io::Error::other("a reader is too slow for the floor"));
        }
        Ok(())
    }

    fn write_pending(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            match self.socket.write(&self.pending) {
                Ok(count) => drop(self.pending.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Takes masked text frames of 126 to 65,535 bytes, the only ones that the bench sends; answers how many bytes.
fn frames(bytes: &mut [u8], out: &mut Vec<u8>) -> usize {
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + 8) {
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let mask = [header[4], header[5], header[6], header[7]];
        let (start, head) = (at + 8, [0x81, 126, header[2], header[3]]);
        let Some(payload) = bytes.get_mut(start..start + len) else { break };
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        out.extend_from_slice(&head);
        out.extend_from_slice(payload);
        at = start + len;
    }
    at
}
