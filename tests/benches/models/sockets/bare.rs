//! The baseline: the least that a WebSocket broadcast can be.
//!
//! One thread. The first connection is the sender; whatever is read from it at once goes to every connection
//! in one write.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use hubbub_server::connection::websocket::{ClientFrame, Decoder};
use hubbub_tests::bench::socket;

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

/// Takes everybody; answers a second handle of the first, and all.
pub(crate) fn gather() -> io::Result<(TcpStream, Vec<TcpStream>)> {
    let members: Vec<TcpStream> = socket::gather()?.into_iter().map(|(socket, _)| socket).collect();
    Ok((members[0].try_clone()?, members))
}
