//! The baseline: the least that a WebSocket broadcast can be.
//!
//! One thread. The first connection is the sender; whatever is read from it at once goes to every connection
//! in one write.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
};

use hubbub_server::connection::websocket::{ClientFrame, Decoder};
use hubbub_tests::bench::socket::{MEMBERS_HEADER, read_head, websocket_accept};

/// Serves one crowd, then ends.
pub(crate) fn serve() -> io::Result<()> {
    let (mut sender, mut members) = gather()?;
    let mut decoder = Decoder::new(65_536);
    let mut bytes = vec![0; 65_536];
    let mut frames = Vec::new();
    loop {
        let count = sender.read(&mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        decoder.feed(&bytes[..count]);
        frames.clear();
        while let Some(incoming) = decoder.next_frame().map_err(io::Error::other)? {
            if let ClientFrame::Text(text) = incoming {
                frames.extend(frame(&text));
            }
        }
        for member in &mut members {
            member.write_all(&frames)?;
        }
    }
}

/// Text in an unmasked frame; the bench's texts are all longer than 125 and shorter than 65,536 bytes.
pub(crate) fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 126];
    frame.extend((text.len() as u16).to_be_bytes());
    frame.extend(text.as_bytes());
    frame
}

/// Takes as many connections as the first one announces; answers a second handle of the first, and all.
pub(crate) fn gather() -> io::Result<(TcpStream, Vec<TcpStream>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("ready http={}", listener.local_addr()?);
    let mut members: Vec<TcpStream> = Vec::new();
    let mut expected = 1;
    while members.len() < expected {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let head = read_head(&mut socket)?;
        if let Some(count) = head.lines().find_map(|line| line.strip_prefix(MEMBERS_HEADER)) {
            expected = count.trim().parse().map_err(io::Error::other)?;
        }
        let accept = websocket_accept(&head);
        write!(
            socket,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )?;
        members.push(socket);
    }
    Ok((members[0].try_clone()?, members))
}
