//! The three models over real sockets: what is read from the first connection goes to all, on one thread.
//!
//! - **callback**: a recipient is an actix actor, a broadcast is a message to each; its handler writes.
//! - **coroutine**: a recipient is a task that waits for its channel and writes.
//! - **microthread**: recipients are seats of one hall of Hubbub's own shard.
//!
//! Each is written as it usually is, with bounded queues. What differs is what a recipient costs.

use std::{
    io::{self, IoSlice},
    rc::Rc,
    sync::Arc,
};

use actix::{Actor, Addr, Context, Handler, Message, Recipient};
use hubbub_protocol::RoomName;
use hubbub_server::{
    connection::websocket::{ClientFrame, Decoder},
    fanout::{Batch, Fanout, Item, LocalShard, LogChunk, Order, Outbox, RoomTag, ShardCommand, ShardLimits, Socket},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use super::bare;
use crate::{job::Model, microthread::Nobody};

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

#[derive(Message)]
#[rtype(result = "()")]
struct Deliver(bytes::Bytes);

struct Member(TcpStream);

impl Actor for Member {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(QUEUE_MAX);
    }
}

impl Handler<Deliver> for Member {
    type Result = ();

    fn handle(&mut self, Deliver(frame): Deliver, _: &mut Self::Context) {
        // The bench's readers are always faster than its sender: a full socket would be a fault of the bench.
        assert_eq!(self.0.try_write(&frame).ok(), Some(frame.len()));
    }
}

async fn callback(sockets: Vec<TcpStream>, mut inbox: mpsc::Receiver<Frames>) -> io::Result<()> {
    let members: Vec<Addr<Member>> = sockets.into_iter().map(|socket| Member(socket).start()).collect();
    while let Some(frames) = inbox.recv().await {
        for frame in frames {
            for member in &members {
                if member.try_send(Deliver(frame.clone())).is_err() {
                    member.send(Deliver(frame.clone())).await.map_err(io::Error::other)?;
                }
            }
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
        publish(vec![Item::Log(chunk)]).await.map_err(io::Error::other)?;
    }
    Ok(())
}
