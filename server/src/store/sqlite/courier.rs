//! A courier: carries what a thread's tasks want of the writer to it, and the answers back, many in one go.
//!
//! To wake a thread costs a system call, and on a shared core a switch; and a turn of a busy thread has hundreds of
//! posts, a commit hundreds of answers. So what a turn asks for is gathered until the turn is over, and makes one
//! commit; and what a commit answers comes at once, and wakes the rooms where that costs next to nothing.
//!
//! While all shards have a backlog of deliveries, it goes on gathering although a turn brought nothing more, until one has
//! none or `store_gather_us` is over: two small commits cost nearly twice what one does, and nobody is idle for want of
//! one. Who asks alone is taken along at once.
//!
//! - **Role**: two tasks for each thread whose tasks want something of the writer, one for each way.
//! - **Accepts** requests, from the tasks of its thread; parcels of works that were done, from the writer.
//! - **Inbox** of requests: those that have a place in the writer's inbox, [`Waiting`]; of answers: [`PARCELS_MAX`]
//!   parcels, and when it is full, the writer answers by itself, one by one.
//! - **Stops** with its runtime; what it has not delivered then is answered `Closed`, as everything is that is dropped.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    runtime::{Handle, Id, RuntimeFlavor},
    sync::{Notify, mpsc},
    task::yield_now,
};

use super::{
    operation::Work,
    writer::{Waiting, WriterMessage},
};
use crate::backlog;

/// Parcels that wait for one thread. A room has one append under way, so there are never many.
const PARCELS_MAX: usize = 64;

/// Requests for which no more are waited for.
const PARCEL_REQUESTS: usize = 256;

/// Works that were committed.
pub(super) type Parcel = Vec<Box<dyn Work>>;

thread_local! {
    static HERE: RefCell<Option<(Id, Courier)>> = const { RefCell::new(None) };
}

/// A thread's courier.
#[derive(Debug)]
pub(super) struct Courier {
    way_there: Arc<WayThere>,
    way_back: WayBack,
}

/// Gathers what is for the writer until its task is polled: behind all that were ready before the first request.
#[derive(Debug)]
struct WayThere {
    writer: mpsc::Sender<WriterMessage>,
    gathered: Mutex<Vec<Waiting>>,
    is_due: Notify,
    /// How long gathering goes on, while all shards have a backlog, although a turn brought nothing more.
    gather: Duration,
}

/// Brings answers to a thread.
#[derive(Debug, Clone)]
pub(super) struct WayBack(mpsc::Sender<Parcel>);

impl Courier {
    /// Does something with the courier to this writer on the runtime that runs on this thread. Where there is none of a
    /// single thread, `with` comes back.
    pub(super) fn here<T, U>(
        writer: &mpsc::Sender<WriterMessage>,
        gather: Duration,
        with: T,
        act: impl FnOnce(&Self, T) -> U,
    ) -> Result<U, T> {
        let Ok(runtime) = Handle::try_current() else { return Err(with) };
        HERE.with_borrow_mut(|here| match here {
            Some((id, courier)) if *id == runtime.id() && courier.goes_to(writer) => Ok(act(courier, with)),
            _ if runtime.runtime_flavor() != RuntimeFlavor::CurrentThread => Err(with),
            _ => {
                let courier = Self::start(&runtime, writer.clone(), gather);
                Ok(act(&here.insert((runtime.id(), courier)).1, with))
            }
        })
    }

    fn start(runtime: &Handle, writer: mpsc::Sender<WriterMessage>, gather: Duration) -> Self {
        let (parcels, inbox) = mpsc::channel(PARCELS_MAX);
        let way_there = Arc::new(WayThere { writer, gathered: Mutex::default(), is_due: Notify::new(), gather });
        runtime.spawn(bring_back(inbox));
        runtime.spawn(Carrier(way_there.clone()).carry());
        Self { way_there, way_back: WayBack(parcels) }
    }

    fn goes_to(&self, writer: &mpsc::Sender<WriterMessage>) -> bool {
        self.way_there.writer.same_channel(writer) && !self.way_back.0.is_closed()
    }

    /// The way of the answer.
    pub(super) fn way_back(&self) -> WayBack {
        self.way_back.clone()
    }

    /// Takes a request along at the end of the turn.
    pub(super) fn take(&self, request: Waiting) {
        let mut gathered = self.way_there.gathered();
        if gathered.is_empty() {
            self.way_there.is_due.notify_one();
        }
        gathered.push(request);
    }
}

impl WayThere {
    fn gathered(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until everything that is ready on this thread has had a turn in which nothing was asked for, or a parcel is full.
    async fn gathering_is_over(&self, more_may_come: bool) {
        let (begun, mut before) = (Instant::now(), 0);
        let may_wait = || more_may_come && backlog::is_everywhere() && begun.elapsed() < self.gather;
        loop {
            let gathered = self.gathered().len();
            if gathered >= PARCEL_REQUESTS || (gathered == before && !may_wait()) {
                return;
            }
            before = gathered;
            yield_now().await;
        }
    }
}

/// The task that carries what is gathered.
struct Carrier(Arc<WayThere>);

impl Carrier {
    async fn carry(self) {
        let way = &self.0;
        let mut had_company = false;
        loop {
            way.is_due.notified().await;
            way.gathering_is_over(had_company).await;
            let gathered = std::mem::take(&mut *way.gathered());
            had_company = gathered.len() > 1;
            if way.writer.send(WriterMessage::Work(gathered)).await.is_err() {
                // The writer has ended, and they are answered by having been dropped; so will be those to come.
                tracing::debug!("requests came to the store after its end");
            }
        }
    }
}

impl Drop for Carrier {
    /// With its runtime. Nobody carries what was gathered then, so it gives up its places in the writer's inbox.
    fn drop(&mut self) {
        self.0.gathered().clear();
    }
}

impl WayBack {
    fn is(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }

    fn send(&self, parcel: Parcel) {
        if let Err(mpsc::error::TrySendError::Full(parcel) | mpsc::error::TrySendError::Closed(parcel)) =
            self.0.try_send(parcel)
        {
            hand_over(parcel);
        }
    }
}

async fn bring_back(mut inbox: mpsc::Receiver<Parcel>) {
    while let Some(parcel) = inbox.recv().await {
        hand_over(parcel);
    }
}

fn hand_over(parcel: Parcel) {
    parcel.into_iter().for_each(|work| work.answer(Ok(())));
}

/// Answers works that were committed, each thread's all at once.
pub(super) fn answer_all(works: Parcel) {
    // Threads are few, so a list is searched.
    let mut parcels: Vec<(WayBack, Parcel)> = Vec::new();
    for work in works {
        let Some(way) = work.way_back() else {
            work.answer(Ok(()));
            continue;
        };
        match parcels.iter_mut().find(|(known, _)| known.is(way)) {
            Some((_, parcel)) => parcel.push(work),
            None => parcels.push((way.clone(), vec![work])),
        }
    }
    for (way, parcel) in parcels {
        way.send(parcel);
    }
}
