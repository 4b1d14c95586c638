//! The jobs by threads of the operating system: each has a stack, blocks where it waits, and the kernel switches.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use bytes::Bytes;
use futures_util::FutureExt;
use hubbub_tests::bench::recipient::Take;

use crate::{
    chore::{Chore, REQUEST_BYTES},
    job::{
        self, Begun, Delivery, Model, Plan, QUEUE_MAX, Recipient, SHORT_UNITS, SHORT_US, STACK_BYTES, Slow, Start,
        Tally, Times, UNDER_WAY_MAX, WAIT, Work, finished,
    },
    measure::{Figures, Moment, us},
};

fn spawn(run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(run)
}

fn join(threads: Vec<JoinHandle<()>>) -> io::Result<()> {
    threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| io::Error::other("a thread has failed")))
}

/// A thread that takes what it is sent; so many messages wait for it.
pub(crate) fn member(mut taker: impl Take + Send + 'static, queue_max: usize) -> io::Result<SyncSender<Bytes>> {
    let (member, queue) = sync_channel::<Bytes>(queue_max);
    spawn(move || queue.iter().for_each(|frame| taker.take(&frame)))?;
    Ok(member)
}

struct Members(Vec<SyncSender<Bytes>>, Arc<Tally>);

impl Delivery for Members {
    async fn publish(&mut self, frame: &Bytes) -> io::Result<()> {
        self.0.iter().try_for_each(|member| member.send(frame.clone()).map_err(io::Error::other))
    }

    async fn settle(&mut self) -> io::Result<()> {
        self.1.complete().await;
        Ok(())
    }
}

pub(crate) fn deliver(plan: Plan) -> io::Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let tally = Arc::<Tally>::default();
        let begun = Begun::now()?;
        let members =
            (0..plan.recipients).map(|_| member(Recipient::new(&tally), QUEUE_MAX)).collect::<io::Result<_>>()?;
        job::deliver(Members(members, tally.clone()), plan, &tally, begun).await
    })
}

pub(crate) fn wait(count: usize) -> io::Result<Figures> {
    let times = Times::with_capacity(count);
    let begun = Moment::now()?;
    let waiter = |_| {
        let times = times.clone();
        spawn(move || {
            let due = Instant::now() + WAIT;
            while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                thread::park_timeout(left);
            }
            times.put(us(due));
        })
    };
    join((0..count).map(waiter).collect::<io::Result<_>>()?)?;
    finished(&begun, &times)
}

/// A thread for each chore; a place in a channel for each that is under way.
pub(crate) fn burst(chore: Chore, count: usize) -> io::Result<Figures> {
    let times = Times::with_capacity(count);
    let begun = Moment::now()?;
    let (places, leaving) = sync_channel(UNDER_WAY_MAX);
    let mut threads = Vec::with_capacity(count);
    for number in 0..count {
        if number >= UNDER_WAY_MAX {
            leaving.recv().map_err(io::Error::other)?;
        }
        let (times, chore, places, at) = (times.clone(), chore.clone(), places.clone(), Instant::now());
        threads.push(spawn(move || {
            chore(number);
            times.put(us(at));
            // For the last ones nobody waits: then it stays in the channel, which has room for them all.
            places.try_send(()).ok();
        })?);
    }
    join(threads)?;
    finished(&begun, &times)
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

fn ask(socket: &mut TcpStream, count: usize, times: &Times) -> io::Result<()> {
    let mut bytes = [b'q'; REQUEST_BYTES];
    for _ in 0..count {
        let at = Instant::now();
        socket.write_all(&bytes)?;
        socket.read_exact(&mut bytes)?;
        times.put(us(at));
    }
    Ok(())
}

pub(crate) fn requests(address: &str, count: usize) -> io::Result<Figures> {
    let times = Times::with_capacity(count);
    let begun = Moment::now()?;
    let client = |_| {
        let (mut socket, times) = (connect(address)?, times.clone());
        spawn(move || {
            if let Err(error) = ask(&mut socket, count / UNDER_WAY_MAX, &times) {
                eprintln!("a request: {error}");
            }
        })
    };
    join((0..UNDER_WAY_MAX).map(client).collect::<io::Result<_>>()?)?;
    finished(&begun, &times)
}

/// No model at all: one thread that does one after the other and waits for each.
pub(crate) fn one_by_one(chore: &Chore, count: usize) -> io::Result<Figures> {
    let times = Times::with_capacity(count);
    let begun = Moment::now()?;
    for number in 0..count {
        let at = Instant::now();
        chore(number);
        times.put(us(at));
    }
    finished(&begun, &times)
}

/// The same with requests.
pub(crate) fn requests_one_by_one(address: &str, count: usize) -> io::Result<Figures> {
    let times = Times::with_capacity(count);
    let begun = Moment::now()?;
    ask(&mut connect(address)?, count, &times)?;
    finished(&begun, &times)
}

pub(crate) fn slow(slow: Slow, work: Work) -> io::Result<Figures> {
    let times = Times::with_capacity(SHORT_UNITS);
    let (pieces, piece_us) = slow.pieces();
    let start = Arc::<Start>::default();
    let (mut gates, mut threads) = (Vec::new(), Vec::new());
    for number in 0..SHORT_UNITS + pieces.min(1) {
        let (gate, opened) = sync_channel::<()>(1);
        let (start, times, is_slow) = (start.clone(), times.clone(), number < pieces.min(1));
        gates.push(gate);
        threads.push(spawn(move || {
            if opened.recv().is_err() {
                return;
            }
            if !is_slow {
                work.compute(SHORT_US);
                return times.put(start.us());
            }
            for _ in 0..pieces {
                work.compute(piece_us);
                thread::yield_now();
            }
        })?);
    }
    start.begin();
    let moment = Moment::now()?;
    gates.iter().try_for_each(|gate| gate.send(()).map_err(io::Error::other))?;
    join(threads)?;
    finished(&moment, &times)
}

/// Answers when so many turns were handed over.
pub(crate) fn switch(count: usize) -> io::Result<()> {
    let (to_two, two) = sync_channel::<()>(1);
    let (to_one, one) = sync_channel::<()>(1);
    let other = spawn(move || while two.recv().is_ok() && to_one.send(()).is_ok() {})?;
    for _ in 0..count / 2 {
        to_two.send(()).map_err(io::Error::other)?;
        one.recv().map_err(io::Error::other)?;
    }
    drop(to_two);
    join(vec![other])
}

/// How the kernel limits how many of a model one process has here, the smallest limit first.
pub(crate) fn limits(model: Model) -> Vec<(String, f64)> {
    let read = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<f64>().ok();
    // A stack and the guard below it are two mappings; a thread has a second stack, for signals.
    let known: &[(&str, f64)] = match model {
        Model::Thread => &[
            ("/proc/sys/kernel/pid_max", 1.0),
            ("/proc/sys/kernel/threads-max", 1.0),
            ("/proc/sys/vm/max_map_count", 4.0),
        ],
        Model::Stackful => &[("/proc/sys/vm/max_map_count", 2.0)],
        _ => &[],
    };
    let found = known.iter().filter_map(|(path, each)| Some(((*path).to_owned(), read(path)? / each)));
    let mut found: Vec<_> = found.collect();
    found.sort_by(|a, b| a.1.total_cmp(&b.1));
    found
}

/// Whether a delivery needs no runtime to wait in: it is done when it is asked.
pub(crate) fn at_once<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    future.now_or_never().unwrap_or_else(|| Err(io::Error::other("what never waits has waited")))
}
