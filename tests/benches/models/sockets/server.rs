//! The models over real sockets: what is read from the first connection goes to all, by one thread but for the last.
//!
//! - **callback**: a recipient is an actix actor, a broadcast is a message to each; its handler writes.
//! - **coroutine**: a recipient is a task that waits for its channel and writes.
//! - **stackful coroutine**: a recipient is a coroutine with a stack, which the bench's scheduler resumes; it writes.
//! - **microthread**: recipients are seats of one hall of Hubbub's own shard.
//! - **thread**: a recipient is a thread that waits for its channel and writes.
//!
//! Each is written as it usually is, with bounded queues. What differs is what a recipient costs.

use std::{
    io::{self, IoSlice, Write},
    rc::Rc,
    sync::Arc,
};

use actix::{Actor, Recipient};
use hubbub_protocol::RoomName;
use hubbub_server::{
    connection::websocket::{ClientFrame, Decoder},
    fanout::{Batch, Fanout, Item, LocalShard, LogChunk, Order, Outbox, RoomTag, ShardCommand, ShardLimits, Socket},
};
use hubbub_tests::bench::recipient::{Member, Take, publish};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use super::bare;
use crate::{
    job::{Delivery, Model},
    microthread::Nobody,
    stackful, thread,
};

/// Messages that wait for one recipient; the bench never sends more at once.
const QUEUE_MAX: usize = 512;

/// Serves one crowd with one model, then ends.
pub(crate) fn serve(model: Model) -> io::Result<()> {
    let (sender, members) = bare::gather()?;
    actix_rt::System::new().block_on(async move {
        let mut sockets = Vec::with_capacity(members.len());
        for member in members {
            member.set_nonblocking(true)?;
            let socket = TcpStream::from_std(member)?;
            // Only then does the runtime know that it can be written to.
            socket.writable().await?;
            sockets.push(socket);
        }
        let (frames, inbox) = mpsc::channel(QUEUE_MAX);
        let sender = TcpStream::from_std(sender)?;
        actix_rt::spawn(read(sender, frames));
        match model {
            Model::Callback => callback(sockets, inbox).await,
            Model::Coroutine => coroutine(sockets, inbox).await,
            Model::Stackful => stackful(sockets, inbox).await,
            Model::Thread => threads(sockets, inbox).await,
            _ => microthread(sockets, inbox).await,
        }
    })
}

type Frames = Vec<bytes::Bytes>;

/// Reads the sender's messages; what comes at once is handed on at once.
async fn read(mut sender: TcpStream, frames: mpsc::Sender<Frames>) -> io::Result<()> {
    let (mut decoder, mut scratch) = (Decoder::new(65_536), vec![0; 65_536]);
    loop {
        let count = sender.read(&mut scratch).await?;
        decoder.feed(&scratch[..count]);
        let mut read = Vec::new();
        while let Some(frame) = decoder.next_frame().map_err(io::Error::other)? {
            if let ClientFrame::Text(text) = frame {
                read.push(bare::frame(&text).into());
            }
        }
        if count == 0 || frames.send(read).await.is_err() {
            return Ok(());
        }
    }
}

/// A socket that is written to at once.
struct Line(TcpStream);

impl Take for Line {
    fn take(&mut self, frame: &[u8]) {
        // The bench's readers are always faster than its sender: a full socket would be a fault of the bench.
        assert_eq!(self.0.try_write(frame).ok(), Some(frame.len()));
    }
}

/// A socket that a thread waits for.
struct Pipe(std::net::TcpStream);

impl Take for Pipe {
    fn take(&mut self, frame: &[u8]) {
        assert!(self.0.write_all(frame).is_ok(), "the bench's readers stay");
    }
}

async fn callback(sockets: Vec<TcpStream>, mut inbox: mpsc::Receiver<Frames>) -> io::Result<()> {
    let members: Vec<_> = sockets.into_iter().map(|socket| Member::start(Line(socket), QUEUE_MAX)).collect();
    while let Some(frames) = inbox.recv().await {
        for frame in &frames {
            publish(&members, frame).await?;
        }
    }
    Ok(())
}

async fn stackful(sockets: Vec<TcpStream>, mut inbox: mpsc::Receiver<Frames>) -> io::Result<()> {
    let mut members = stackful::Members::new(sockets.into_iter().map(Line))?;
    while let Some(frames) = inbox.recv().await {
        for frame in &frames {
            members.publish(frame).await?;
        }
        members.settle().await?;
    }
    Ok(())
}

async fn threads(sockets: Vec<TcpStream>, mut inbox: mpsc::Receiver<Frames>) -> io::Result<()> {
    let member = |socket: TcpStream| {
        let socket = socket.into_std()?;
        socket.set_nonblocking(false)?;
        thread::member(Pipe(socket), QUEUE_MAX)
    };
    let members = sockets.into_iter().map(member).collect::<io::Result<Vec<_>>>()?;
    while let Some(frames) = inbox.recv().await {
        for frame in &frames {
            members.iter().try_for_each(|member| member.send(frame.clone()).map_err(io::Error::other))?;
        }
    }
    Ok(())
}

async fn coroutine(sockets: Vec<TcpStream>, mut inbox: mpsc::Receiver<Frames>) -> io::Result<()> {
    let mut members = Vec::new();
    for mut socket in sockets {
        let (member, mut queue) = mpsc::channel::<bytes::Bytes>(QUEUE_MAX);
        members.push(member);
        actix_rt::spawn(async move {
            while let Some(frame) = queue.recv().await {
                socket.write_all(&frame).await?;
            }
            Ok::<_, io::Error>(())
        });
    }
    while let Some(frames) = inbox.recv().await {
        for frame in frames {
            for member in &members {
                member.send(frame.clone()).await.map_err(io::Error::other)?;
            }
        }
    }
    Ok(())
}

struct Seat(TcpStream);

impl Socket for Seat {
    fn try_write_vectored(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(frames)
    }

    fn end(&self) {}
}

async fn microthread(sockets: Vec<TcpStream>, mut inbox: mpsc::Receiver<Frames>) -> io::Result<()> {
    let (fanout, mut inboxes) = Fanout::new(1, 1_024);
    let (Some(handle), Some(commands)) = (fanout.shard(0), inboxes.pop()) else { return Ok(()) };
    let shard = LocalShard::start(0, handle, commands, ShardLimits { slice_deliveries_max: 256 });
    let orders: Recipient<Order> = Nobody.start().recipient();
    let name = RoomName::parse("lobby").map_err(io::Error::other)?;
    let room = Arc::new(RoomTag { id: 1, name });
    let publish = |items| handle.send(ShardCommand::Batch(Batch { room: room.clone(), items }));
    let seats = sockets.into_iter().map(|socket| {
        let outbox = Rc::new(Outbox::new(Seat(socket), 1 << 20));
        Item::Seat(shard.connect(outbox, orders.downgrade()), bytes::Bytes::new())
    });
    publish(seats.collect()).await.map_err(io::Error::other)?;
    while let Some(read) = inbox.recv().await {
        let (frames, events) = (read.concat().into(), read.len() as u32);
        let chunk = LogChunk { frames, first_seq: 1, events };
        publish([Item::Log(chunk)].into_iter().collect()).await.map_err(io::Error::other)?;
    }
    Ok(())
}
