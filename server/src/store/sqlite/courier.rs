//! A courier: brings all answers of a commit that are for one thread to it in one go.
//!
//! Waking a task from another thread costs a system call each, and a commit has answers for hundreds of rooms. The
//! courier is woken once; on its own thread it wakes the rooms for next to nothing.
//!
//! - **Role**: one task for each thread whose tasks wait for the store.
//! - **Accepts** parcels: works that were done. From the writer.
//! - **Inbox** [`PARCELS_MAX`] parcels; when it is full, the writer answers by itself, one by one.
//! - **Stops** with its runtime; what it has not delivered then is answered `Closed`, as everything is that is dropped.

use std::cell::RefCell;

use tokio::{
    runtime::{Handle, Id, RuntimeFlavor},
    sync::mpsc,
};

use super::operation::Work;

/// Parcels that wait for one thread. A room has one append under way, so there are never many.
const PARCELS_MAX: usize = 64;

/// Works that were committed.
pub(super) type Parcel = Vec<Box<dyn Work>>;

thread_local! {
    static HERE: RefCell<Option<(Id, Courier)>> = const { RefCell::new(None) };
}

/// Reaches a thread's courier.
#[derive(Debug, Clone)]
pub(super) struct Courier(mpsc::Sender<Parcel>);

impl Courier {
    /// The courier of the runtime that runs on this thread; `None` where there is none of a single thread.
    pub(super) fn here() -> Option<Self> {
        let runtime = Handle::try_current().ok()?;
        HERE.with_borrow_mut(|here| match here {
            Some((id, courier)) if *id == runtime.id() && !courier.0.is_closed() => Some(courier.clone()),
            _ if runtime.runtime_flavor() != RuntimeFlavor::CurrentThread => None,
            _ => {
                let (parcels, inbox) = mpsc::channel(PARCELS_MAX);
                runtime.spawn(deliver(inbox));
                let courier = Self(parcels);
                *here = Some((runtime.id(), courier.clone()));
                Some(courier)
            }
        })
    }

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

async fn deliver(mut inbox: mpsc::Receiver<Parcel>) {
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
    let mut parcels: Vec<(Courier, Parcel)> = Vec::new();
    for work in works {
        let Some(courier) = work.courier() else {
            work.answer(Ok(()));
            continue;
        };
        match parcels.iter_mut().find(|(known, _)| known.is(courier)) {
            Some((_, parcel)) => parcel.push(work),
            None => parcels.push((courier.clone(), vec![work])),
        }
    }
    for (courier, parcel) in parcels {
        courier.send(parcel);
    }
}
