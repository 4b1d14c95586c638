//! One connection through a liar: its two directions, and what is held back.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::mpsc::{self, error::TrySendError},
    time::{Instant, sleep_until},
};

use super::{
    Conspiracy,
    frame::{Piece, Pieces, text_frame},
    locked,
    plot::{Line, Telling, Upward},
};
use crate::relay::Carry;

/// Frames that are held back at most; beyond it the server is not read.
const HELD_FRAMES_MAX: usize = 100_000;

/// A connection.
pub(super) struct LiarLine {
    pub(super) number: Line,
    pub(super) conspiracy: Arc<Mutex<Conspiracy>>,
    pub(super) inbox: mpsc::Receiver<String>,
}

impl Carry for LiarLine {
    async fn carry(self, mut client: TcpStream, mut server: TcpStream) {
        let Self { number, conspiracy, inbox } = self;
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        // How it ends is nobody's concern: either side sees the end of its stream.
        tokio::select! {
            Ok(()) | Err(_) = upward(number, &conspiracy, from_client, to_server) => {}
            Ok(()) | Err(_) = downward(number, &conspiracy, inbox, from_server, to_client) => {}
        }
        let mut conspiracy = locked(&conspiracy);
        conspiracy.inboxes.remove(&number);
        conspiracy.plot.ended(number);
    }
}

/// Carries requests.
async fn upward(
    number: Line,
    conspiracy: &Mutex<Conspiracy>,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
) -> io::Result<()> {
    let mut pieces = Pieces::new();
    while let Some(piece) = pieces.next(&mut from).await? {
        let (bytes, text) = match piece {
            Piece::Other(bytes) => (bytes, None),
            Piece::Text(bytes, text) => (bytes, Some(text)),
        };
        let upward = text.map_or(Upward::Pass, |text| locked(conspiracy).plot.request(number, &text));
        match upward {
            Upward::Pass => to.write_all(&bytes).await?,
            Upward::Answer(text) => tell(conspiracy, number, text),
        }
    }
    Ok(())
}

/// Carries what the server says, and what the liar says in its name.
async fn downward(
    number: Line,
    conspiracy: &Mutex<Conspiracy>,
    mut inbox: mpsc::Receiver<String>,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
) -> io::Result<()> {
    let (mut pieces, mut held) = (Pieces::new(), Held::default());
    loop {
        tokio::select! {
            biased;
            () = held.due() => {}
            Some(text) = inbox.recv() => held.push(text_frame(&text), Duration::ZERO),
            piece = pieces.next(&mut from), if held.frames.len() < HELD_FRAMES_MAX => match piece? {
                None => return held.finish(&mut to).await,
                Some(Piece::Other(bytes)) => held.push(bytes, Duration::ZERO),
                Some(Piece::Text(_, text)) => {
                    let tellings = locked(conspiracy).plot.told_by_server(number, text);
                    for Telling { to, text, after } in tellings {
                        if to == number {
                            held.push(text_frame(&text), after);
                        } else {
                            tell(conspiracy, to, text);
                        }
                    }
                }
            },
        }
        while let Some(frame) = held.take() {
            to.write_all(&frame).await?;
        }
    }
}

/// Gives a frame to another connection.
fn tell(conspiracy: &Mutex<Conspiracy>, to: Line, text: String) {
    let inbox = locked(conspiracy).inboxes.get(&to).cloned();
    match inbox.map(|inbox| inbox.try_send(text)) {
        // Who is gone cannot be lied to.
        Some(Ok(()) | Err(TrySendError::Closed(_))) | None => {}
        Some(Err(TrySendError::Full(_))) => panic!("a liar tells one lie, not {}", super::INBOX_FRAMES_MAX),
    }
}

/// What waits to be sent, in its order.
#[derive(Debug, Default)]
struct Held {
    frames: VecDeque<(Instant, Bytes)>,
}

impl Held {
    /// Behind everything that waits, and not before `after` is over.
    fn push(&mut self, frame: Bytes, after: Duration) {
        let due = Instant::now() + after;
        let due = self.frames.back().map_or(due, |(last, _)| due.max(*last));
        self.frames.push_back((due, frame));
    }

    /// What is due.
    fn take(&mut self) -> Option<Bytes> {
        let now = Instant::now();
        self.frames.pop_front_if(|(due, _)| *due <= now).map(|(_, frame)| frame)
    }

    /// Waits until something is due; for ever when nothing waits.
    async fn due(&self) {
        match self.frames.front() {
            Some((due, _)) => sleep_until(*due).await,
            None => std::future::pending().await,
        }
    }

    /// The stream has ended: sends the rest, each when it is due.
    async fn finish(mut self, to: &mut WriteHalf<'_>) -> io::Result<()> {
        while let Some((due, frame)) = self.frames.pop_front() {
            sleep_until(due).await;
            to.write_all(&frame).await?;
        }
        Ok(())
    }
}
