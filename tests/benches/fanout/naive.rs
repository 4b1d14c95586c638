//! The naive baseline: the chat example that everybody begins with.
//!
//! One actor knows all rooms and a recipient for each of their members; a post is one message to it, and one from it
//! to each member, who writes it into its own socket. Text is copied and framed anew for each of them.

use std::{collections::HashMap, io};

use actix::{
    Actor, Addr, AsyncContext, Context, Handler, Message, Recipient, StreamHandler,
    io::{FramedWrite, WriteHandler},
};
use bytes::{BufMut, BytesMut};
use futures_util::stream;
use hubbub_server::connection::websocket::{ClientFrame, Decoder};
use hubbub_tests::bench::socket::gather;
use tokio::{
    io::{AsyncReadExt, WriteHalf},
    net::TcpStream,
};

/// Somebody said something.
#[derive(Message)]
#[rtype(result = "()")]
struct Said {
    room: usize,
    text: String,
}

/// A text for one member.
#[derive(Message, Clone)]
#[rtype(result = "()")]
struct Text(String);

/// Somebody is in a room.
#[derive(Message)]
#[rtype(result = "()")]
struct Joined {
    room: usize,
    member: Recipient<Text>,
}

/// Messages that wait for one actor. The example has no limit; no load of this bench meets this one.
const MAILBOX: usize = 1 << 22;

/// Says that a message went astray; the load side will miss it.
fn tell<E: std::fmt::Display>(sent: Result<(), E>) {
    if let Err(error) = sent {
        eprintln!("naive: {error}");
    }
}

/// The one actor that knows all.
#[derive(Default)]
struct ChatServer {
    rooms: HashMap<usize, Vec<Recipient<Text>>>,
}

impl Actor for ChatServer {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Joined> for ChatServer {
    type Result = ();

    fn handle(&mut self, Joined { room, member }: Joined, _: &mut Self::Context) {
        self.rooms.entry(room).or_default().push(member);
    }
}

impl Handler<Said> for ChatServer {
    type Result = ();

    fn handle(&mut self, Said { room, text }: Said, _: &mut Self::Context) {
        for member in self.rooms.get(&room).into_iter().flatten() {
            tell(member.try_send(Text(text.clone())));
        }
    }
}

/// Puts text into a frame.
struct Framing;

impl actix_codec::Encoder<Text> for Framing {
    type Error = io::Error;

    fn encode(&mut self, Text(text): Text, out: &mut BytesMut) -> io::Result<()> {
        out.reserve(text.len() + 4);
        out.put_u8(0x81);
        out.put_u8(126);
        out.put_u16(text.len() as u16);
        out.put_slice(text.as_bytes());
        Ok(())
    }
}

/// One connection.
struct Member {
    room: usize,
    server: Addr<ChatServer>,
    socket: FramedWrite<Text, WriteHalf<TcpStream>, Framing>,
}

impl Actor for Member {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl WriteHandler<io::Error> for Member {}

impl Handler<Text> for Member {
    type Result = ();

    fn handle(&mut self, text: Text, _: &mut Self::Context) {
        // Answers whether its buffer is full; the example does not look.
        self.socket.write(text);
    }
}

impl StreamHandler<String> for Member {
    fn handle(&mut self, text: String, _: &mut Self::Context) {
        tell(self.server.try_send(Said { room: self.room, text }));
    }
}

/// Serves one crowd, until it is killed.
pub(crate) fn serve() -> io::Result<()> {
    let sockets = gather()?;
    actix_rt::System::new().block_on(async move {
        let server = ChatServer::default().start();
        for (socket, room) in sockets {
            socket.set_nonblocking(true)?;
            start(TcpStream::from_std(socket)?, room, server.clone());
        }
        std::future::pending::<()>().await;
        Ok(())
    })
}

fn start(socket: TcpStream, room: usize, server: Addr<ChatServer>) {
    let (reader, writer) = tokio::io::split(socket);
    Member::create(move |ctx: &mut Context<Member>| {
        let reading = (reader, Decoder::new(65_536), vec![0; 16_384]);
        ctx.add_stream(Box::pin(stream::unfold(reading, |(mut reader, mut decoder, mut scratch)| async move {
            loop {
                match decoder.next_frame() {
                    Ok(Some(ClientFrame::Text(text))) => return Some((text, (reader, decoder, scratch))),
                    Ok(Some(_)) => {}
                    Ok(None) => match reader.read(&mut scratch).await {
                        Ok(count) if count > 0 => decoder.feed(&scratch[..count]),
                        _ => return None,
                    },
                    Err(_) => return None,
                }
            }
        })));
        tell(server.try_send(Joined { room, member: ctx.address().recipient() }));
        Member { room, server, socket: FramedWrite::new(writer, Framing, ctx) }
    });
}
