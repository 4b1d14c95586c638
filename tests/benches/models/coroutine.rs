//! The jobs by coroutines: async tasks on a runtime of one thread. Each reads top to bottom and waits where it waits.

use std::{io, sync::Arc, time::Instant};

use bytes::Bytes;
use hubbub_tests::bench::recipient::Take;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
    sync::{Semaphore, mpsc},
    task::{JoinSet, spawn_blocking, yield_now},
    time::sleep,
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
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build()
}

struct Members(Vec<mpsc::Sender<Bytes>>, Arc<Tally>);

impl Delivery for Members {
    async fn publish(&mut self, frame: &Bytes) -> io::Result<()> {
        for member in &self.0 {
            member.send(frame.clone()).await.map_err(io::Error::other)?;
        }
        Ok(())
    }

    async fn settle(&mut self) -> io::Result<()> {
        self.1.complete().await;
        Ok(())
    }
}

pub(crate) fn deliver(plan: Plan) -> io::Result<Figures> {
    runtime()?.block_on(async {
        let tally = Arc::<Tally>::default();
        let begun = Begun::now()?;
        let member = |_| {
            let (member, mut queue) = mpsc::channel::<Bytes>(QUEUE_MAX);
            let mut recipient = Recipient::new(&tally);
            tokio::spawn(async move {
                while let Some(frame) = queue.recv().await {
                    recipient.take(&frame);
                }
            });
            member
        };
        let members = (0..plan.recipients).map(member).collect();
        job::deliver(Members(members, tally.clone()), plan, &tally, begun).await
    })
}

pub(crate) fn wait(count: usize) -> io::Result<Figures> {
    runtime()?.block_on(async {
        let times = Times::with_capacity(count);
        let begun = Moment::now()?;
        let mut waiters = JoinSet::new();
        for _ in 0..count {
            let times = times.clone();
            waiters.spawn(async move {
                let due = Instant::now() + WAIT;
                sleep(WAIT).await;
                times.put(us(due));
            });
        }
        while waiters.join_next().await.is_some() {}
        finished(&begun, &times)
    })
}

pub(crate) fn burst(chore: Chore, count: usize) -> io::Result<Figures> {
    runtime()?.block_on(async {
        let times = Times::with_capacity(count);
        let begun = Moment::now()?;
        let (mut jobs, under_way) = (JoinSet::new(), Arc::new(Semaphore::new(UNDER_WAY_MAX)));
        for number in 0..count {
            let permit = under_way.clone().acquire_owned().await.map_err(io::Error::other)?;
            let (times, chore, at) = (times.clone(), chore.clone(), Instant::now());
            jobs.spawn(async move {
                let done = spawn_blocking(move || chore(number)).await;
                times.put(us(at));
                drop(permit);
                done.map(|_| ())
            });
        }
        while let Some(done) = jobs.join_next().await {
            done.and_then(|done| done).map_err(io::Error::other)?;
        }
        finished(&begun, &times)
    })
}

pub(crate) fn requests(address: &str, count: usize) -> io::Result<Figures> {
    runtime()?.block_on(async {
        let times = Times::with_capacity(count);
        let begun = Moment::now()?;
        let mut clients = JoinSet::new();
        for _ in 0..UNDER_WAY_MAX {
            let mut socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            let times = times.clone();
            clients.spawn(async move {
                let mut bytes = [b'q'; REQUEST_BYTES];
                for _ in 0..count / UNDER_WAY_MAX {
                    let at = Instant::now();
                    socket.write_all(&bytes).await?;
                    socket.read_exact(&mut bytes).await?;
                    times.put(us(at));
                }
                Ok::<_, io::Error>(())
            });
        }
        while let Some(done) = clients.join_next().await {
            done.map_err(io::Error::other)??;
        }
        finished(&begun, &times)
    })
}

pub(crate) fn slow(slow: Slow, work: Work) -> io::Result<Figures> {
    runtime()?.block_on(async {
        let times = Times::with_capacity(SHORT_UNITS);
        let (pieces, piece_us) = slow.pieces();
        let start = Arc::<Start>::default();
        let mut units = JoinSet::new();
        if pieces > 0 {
            units.spawn(async move {
                for _ in 0..pieces {
                    work.compute(piece_us);
                    yield_now().await;
                }
            });
        }
        for _ in 0..SHORT_UNITS {
            let (start, times) = (start.clone(), times.clone());
            units.spawn(async move {
                work.compute(SHORT_US);
                times.put(start.us());
            });
        }
        // None has run yet: this thread is theirs, and now it is let go.
        start.begin();
        let moment = Moment::now()?;
        while units.join_next().await.is_some() {}
        finished(&moment, &times)
    })
}

/// Answers when so many turns were handed over.
pub(crate) fn switch(count: usize) -> io::Result<()> {
    runtime()?.block_on(async {
        let (to_two, two) = mpsc::channel(1);
        let (to_one, one) = mpsc::channel(1);
        to_one.send(()).await.map_err(io::Error::other)?;
        let (one, two) = (tokio::spawn(player(count / 2, one, to_two)), tokio::spawn(player(count / 2, two, to_one)));
        one.await.map_err(io::Error::other)?;
        two.await.map_err(io::Error::other)
    })
}

async fn player(turns: usize, mut turn: mpsc::Receiver<()>, other: mpsc::Sender<()>) {
    for _ in 0..turns {
        if turn.recv().await.is_none() || other.send(()).await.is_err() {
            return;
        }
    }
}
