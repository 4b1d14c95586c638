//! The life of a room in small, told step by step by a coroutine with a stack and by one without; and sizes.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use corosensei::{Coroutine, CoroutineResult, Yielder};
use hubbub_server::{
    connection::ConnectionActor,
    room::{self, RoomCommand},
};
use tokio::sync::mpsc;

use crate::measure::Figures;

/// What a room of the story is sent: the lengths of batches; 0 closes it.
const BATCHES: [u64; 3] = [2, 3, 0];

/// Bytes of what is here for each connection and room.
pub(super) fn sizes() -> Figures {
    Figures::from([
        ("room_future_bytes".to_owned(), room::future_bytes() as f64),
        ("room_command_bytes".to_owned(), size_of::<RoomCommand>() as f64),
        ("actor_bytes".to_owned(), size_of::<ConnectionActor>() as f64),
    ])
}

/// A room that only counts, with a stack: what is sent in is what `suspend` answers.
fn with_a_stack() -> Coroutine<u64, u64, u64> {
    Coroutine::new(|outside: &Yielder<u64, u64>, first| {
        let (mut seq, mut batch) = (0, first);
        while batch > 0 {
            seq += batch;
            batch = outside.suspend(seq);
        }
        seq
    })
}

/// The same as a task: what is sent in comes through a channel.
async fn without_a_stack(mut inbox: mpsc::Receiver<u64>, published: mpsc::Sender<u64>) -> u64 {
    let mut seq = 0;
    while let Some(batch) = inbox.recv().await.filter(|batch| *batch > 0) {
        seq += batch;
        if published.try_send(seq).is_err() {
            break;
        }
    }
    seq
}

/// The story as rows of a table: what is done to the room, and what each of the two does.
pub(crate) fn story() -> Vec<[String; 3]> {
    let (inbox, commands) = mpsc::channel(1);
    let (publish, mut published) = mpsc::channel(1);
    let mut task = pin!(without_a_stack(commands, publish));
    let mut context = Context::from_waker(Waker::noop());
    let mut coroutine = with_a_stack();
    let nothing = || "nothing has run".to_owned();
    let mut rows = vec![["made".to_owned(), nothing(), nothing()]];
    let primed = match task.as_mut().poll(&mut context) {
        Poll::Pending => "runs to its first wait, suspended there",
        Poll::Ready(_) => "has ended",
    };
    rows.push(["primed".to_owned(), "its first resume brings the first batch".to_owned(), primed.to_owned()]);
    for batch in BATCHES {
        let resumed = match coroutine.resume(batch) {
            CoroutineResult::Yield(seq) => format!("goes on, publishes seq {seq}, suspended"),
            CoroutineResult::Return(seq) => format!("returns: {seq} were stored"),
        };
        let sent = inbox.try_send(batch).is_ok();
        let polled = match (task.as_mut().poll(&mut context), published.try_recv()) {
            (Poll::Pending, Ok(seq)) if sent => format!("goes on, publishes seq {seq}, suspended"),
            (Poll::Ready(seq), _) => format!("returns: {seq} were stored"),
            _ => "has lost something".to_owned(),
        };
        let what = if batch > 0 { format!("a batch of {batch} is sent in") } else { "it is closed".to_owned() };
        rows.push([what, resumed, polled]);
    }
    rows
}
