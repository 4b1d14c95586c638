//! The jobs by callbacks: actix actors. Each event is a call of a handler, and what comes next is in a field.

use std::{io, sync::Arc, time::Instant};

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, StreamHandler, WrapFuture,
};
use bytes::Bytes;
use futures_util::stream;
use hubbub_tests::bench::recipient::{Member, publish};
use tokio::{
    io::AsyncReadExt,
    net::{TcpStream, tcp::OwnedWriteHalf},
    task::{spawn_blocking, yield_now},
};

use crate::{
    chore::{BLOCKING_THREADS, Chore, REQUEST_BYTES},
    job::{
        self, Begun, Delivery, Plan, QUEUE_MAX, Recipient, SHORT_UNITS, SHORT_US, Slow, Start, Tally, Times,
        UNDER_WAY_MAX, WAIT, Work, finished,
    },
    measure::{Figures, Moment, us},
};

/// A runtime of one thread, with as many blocking threads as every model gets.
pub(crate) fn system() -> actix_rt::SystemRunner {
    actix_rt::System::with_tokio_rt(|| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().max_blocking_threads(BLOCKING_THREADS);
        runtime.build().expect("a runtime")
    })
}

/// Lets the other actors of the thread run, then is called again.
///
/// A message to itself alone would not do: a context takes messages until its mailbox is empty before it lets anybody
/// else run, and this mailbox would never be.
pub(crate) fn give_way<A, M>(actor: &A, ctx: &mut Context<A>, message: M)
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + 'static,
{
    ctx.spawn(yield_now().into_actor(actor).map(|(), actor, ctx| {
        actor.handle(message, ctx);
    }));
}

// ---- deliver ----

struct Members(Vec<Addr<Member<Recipient>>>, Arc<Tally>);

impl Delivery for Members {
    async fn publish(&mut self, frame: &Bytes) -> io::Result<()> {
        publish(&self.0, frame).await
    }

    async fn settle(&mut self) -> io::Result<()> {
        self.1.complete().await;
        Ok(())
    }
}

pub(crate) fn deliver(plan: Plan) -> io::Result<Figures> {
    system().block_on(async {
        let tally = Arc::<Tally>::default();
        let begun = Begun::now()?;
        let members = (0..plan.recipients).map(|_| Member::start(Recipient::new(&tally), QUEUE_MAX)).collect();
        job::deliver(Members(members, tally.clone()), plan, &tally, begun).await
    })
}

// ---- wait ----

/// Waits once, then stops.
struct Waiter(Arc<Times>, Arc<Tally>);

impl Actor for Waiter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let due = Instant::now() + WAIT;
        ctx.run_later(WAIT, move |actor, ctx| {
            actor.0.put(us(due));
            actor.1.done();
            ctx.stop();
        });
    }
}

pub(crate) fn wait(count: usize) -> io::Result<Figures> {
    system().block_on(async {
        let (times, tally) = (Times::with_capacity(count), Arc::<Tally>::default());
        tally.expect(count);
        let begun = Moment::now()?;
        for _ in 0..count {
            Waiter(times.clone(), tally.clone()).start();
        }
        tally.complete().await;
        finished(&begun, &times)
    })
}

// ---- burst ----

/// Has chores done on other threads, and is called when one is.
struct Boss {
    chore: Chore,
    begun: usize,
    count: usize,
    times: Arc<Times>,
    tally: Arc<Tally>,
}

impl Boss {
    fn begin_next(&mut self, ctx: &mut Context<Self>) {
        if self.begun == self.count {
            return;
        }
        let (number, chore, at) = (self.begun, self.chore.clone(), Instant::now());
        self.begun += 1;
        ctx.spawn(spawn_blocking(move || chore(number)).into_actor(self).map(move |_, actor, ctx| {
            actor.times.put(us(at));
            actor.tally.done();
            actor.begin_next(ctx);
        }));
    }
}

impl Actor for Boss {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        for _ in 0..UNDER_WAY_MAX {
            self.begin_next(ctx);
        }
    }
}

pub(crate) fn burst(chore: Chore, count: usize) -> io::Result<Figures> {
    system().block_on(async {
        let (times, tally) = (Times::with_capacity(count), Arc::<Tally>::default());
        tally.expect(count);
        let begun = Moment::now()?;
        Boss { chore, begun: 0, count, times: times.clone(), tally: tally.clone() }.start();
        tally.complete().await;
        finished(&begun, &times)
    })
}

/// One connection: an answer is an event, upon which it asks again.
struct Client {
    writer: OwnedWriteHalf,
    left: usize,
    asked: Instant,
    times: Arc<Times>,
    tally: Arc<Tally>,
}

/// An answer came.
struct Answer;

impl Client {
    fn ask(&mut self, ctx: &mut Context<Self>) {
        if self.left == 0 {
            self.tally.done();
            return ctx.stop();
        }
        self.left -= 1;
        self.asked = Instant::now();
        // One small request is under way at most: there is room for it.
        assert_eq!(self.writer.try_write(&[b'q'; REQUEST_BYTES]).ok(), Some(REQUEST_BYTES));
    }
}

impl Actor for Client {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.ask(ctx);
    }
}

impl StreamHandler<Answer> for Client {
    fn handle(&mut self, _: Answer, ctx: &mut Self::Context) {
        self.times.put(us(self.asked));
        self.ask(ctx);
    }
}

pub(crate) fn requests(address: &str, count: usize) -> io::Result<Figures> {
    system().block_on(async {
        let (times, tally) = (Times::with_capacity(count), Arc::<Tally>::default());
        tally.expect(UNDER_WAY_MAX);
        let begun = Moment::now()?;
        for _ in 0..UNDER_WAY_MAX {
            let socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            socket.writable().await?;
            let (reader, writer) = socket.into_split();
            let answers = stream::unfold(reader, async |mut reader| {
                let mut bytes = [0; REQUEST_BYTES];
                reader.read_exact(&mut bytes).await.ok().map(|_| (Answer, reader))
            });
            let (times, tally, left) = (times.clone(), tally.clone(), count / UNDER_WAY_MAX);
            Client::create(move |ctx| {
                ctx.add_stream(Box::pin(answers));
                Client { writer, left, asked: Instant::now(), times, tally }
            });
        }
        tally.complete().await;
        finished(&begun, &times)
    })
}

// ---- slow ----

#[derive(Message)]
#[rtype(result = "()")]
struct Go;

/// Computes a piece each time that it is told to go, and tells itself to go on while there are more.
struct Worker {
    work: Work,
    pieces: usize,
    piece_us: f64,
    /// Whom it tells when it has ended; `None`: the slow one, which nobody asks.
    times: Option<Arc<Times>>,
    start: Arc<Start>,
    tally: Arc<Tally>,
}

impl Actor for Worker {
    type Context = Context<Self>;
}

impl Handler<Go> for Worker {
    type Result = ();

    fn handle(&mut self, _: Go, ctx: &mut Self::Context) {
        self.work.compute(self.piece_us);
        self.pieces -= 1;
        if self.pieces > 0 {
            return give_way(self, ctx, Go);
        }
        if let Some(times) = &self.times {
            times.put(self.start.us());
        }
        self.tally.done();
    }
}

pub(crate) fn slow(slow: Slow, work: Work) -> io::Result<Figures> {
    system().block_on(async {
        let (times, tally) = (Times::with_capacity(SHORT_UNITS), Arc::<Tally>::default());
        let (pieces, piece_us) = slow.pieces();
        let start = Arc::<Start>::default();
        let worker = |pieces, piece_us, times| {
            Worker { work, pieces, piece_us, times, start: start.clone(), tally: tally.clone() }.start()
        };
        let first = (pieces > 0).then(|| worker(pieces, piece_us, None));
        let short = (0..SHORT_UNITS).map(|_| worker(1, SHORT_US, Some(times.clone())));
        let all: Vec<Addr<Worker>> = first.into_iter().chain(short).collect();
        tally.expect(all.len());
        start.begin();
        let moment = Moment::now()?;
        for worker in &all {
            worker.try_send(Go).map_err(io::Error::other)?;
        }
        tally.complete().await;
        finished(&moment, &times)
    })
}

// ---- switch ----

/// Hands the turn to the other one.
struct Player {
    left: usize,
    other: Option<Addr<Player>>,
    tally: Arc<Tally>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Meet(Addr<Player>);

impl Actor for Player {
    type Context = Context<Self>;
}

impl Handler<Meet> for Player {
    type Result = ();

    fn handle(&mut self, Meet(other): Meet, _: &mut Self::Context) {
        self.other = Some(other);
    }
}

impl Handler<Go> for Player {
    type Result = ();

    fn handle(&mut self, _: Go, _: &mut Self::Context) {
        if self.left == 0 {
            return self.tally.done();
        }
        self.left -= 1;
        if let Some(other) = &self.other {
            drop(other.try_send(Go));
        }
    }
}

/// Answers when so many turns were handed over.
pub(crate) fn switch(count: usize) -> io::Result<()> {
    system().block_on(async {
        let tally = Arc::<Tally>::default();
        tally.expect(1);
        let player = || Player { left: count / 2, other: None, tally: tally.clone() }.start();
        let (one, two) = (player(), player());
        one.send(Meet(two.clone())).await.map_err(io::Error::other)?;
        two.send(Meet(one.clone())).await.map_err(io::Error::other)?;
        one.try_send(Go).map_err(io::Error::other)?;
        tally.complete().await;
        Ok(())
    })
}
