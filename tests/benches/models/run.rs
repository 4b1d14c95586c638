//! One measurement in a process of its own: who does what is handed over as JSON, and figures come back as JSON.

use std::{
    env,
    io::{self, BufRead, BufReader},
    process::{self, Stdio},
    sync::mpsc::{RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use hubbub_tests::bench::process::{Core, role};
use serde::{Deserialize, Serialize};

use crate::{
    callback,
    chore::{self, chore},
    claim::{self, Claim},
    coroutine,
    job::{Job, Kind, Model, Plan, Work, put_spent},
    measure::{Figures, Moment},
    microthread, stackful, thread as threads,
};

/// The role of a measurement.
pub(crate) const CHILD: &str = "measurement";

/// Where a measurement finds what it is to do.
const TASK: &str = "BENCH_TASK";

/// After so long a measurement is stuck; the longest takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a process is to measure.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Task {
    /// A job by a model; the number is how much of it.
    Job { model: Model, job: Job, deliveries: usize, address: String },
    /// A chore done by nothing but a loop.
    OneByOne { kind: Kind, count: usize, address: String },
    /// One of the small measurements that a claim needs.
    Claim(Claim),
}

/// Has a process of its own do the task.
pub(crate) fn measure(task: &Task, core: Core) -> io::Result<Figures> {
    let text = serde_json::to_string(task)?;
    let mut command = role(CHILD, core)?;
    let mut child = command.env(TASK, &text).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no stdout"))?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let status = child.wait()?;
    if !status.success() {
        return Err(io::Error::other(format!("{text}: {status}")));
    }
    Ok(serde_json::from_str(&line)?)
}

/// In the process: does the task and prints the figures.
pub(crate) fn child() -> io::Result<()> {
    let (alive, watched) = sync_channel::<()>(1);
    thread::Builder::new().name("watch".to_owned()).spawn(move || {
        if watched.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            eprintln!("stuck for {} s", PATIENCE.as_secs());
            process::exit(3);
        }
    })?;
    let task = env::var(TASK).map_err(io::Error::other)?;
    let figures = match serde_json::from_str(&task)? {
        Task::Job { model, job, deliveries, address } => do_job(model, job, deliveries, &address)?,
        Task::OneByOne { kind: Kind::Request, count, address } => threads::requests_one_by_one(&address, count)?,
        Task::OneByOne { kind, count, .. } => {
            let (chore, _folder) = chore(kind)?;
            threads::one_by_one(&chore, count)?
        }
        Task::Claim(claim) => claim::check(claim)?,
    };
    println!("{}", serde_json::to_string(&figures)?);
    drop(alive);
    // At once: nobody is interested in how long thousands of units take to be torn down.
    process::exit(0)
}

fn do_job(model: Model, job: Job, deliveries: usize, address: &str) -> io::Result<Figures> {
    match job {
        Job::Deliver(recipients) => deliver(model, Plan::new(recipients, deliveries)),
        Job::Wait(count) => match model {
            Model::Callback => callback::wait(count),
            Model::Coroutine => coroutine::wait(count),
            Model::Stackful => stackful::wait(count),
            Model::Microthread => microthread::wait(count, 1),
            Model::Microthreads => microthread::wait(count, microthread::cores()),
            Model::Thread => threads::wait(count),
        },
        Job::Burst(Kind::Request, count) => requests(model, address, count),
        Job::Burst(kind, count) => {
            let (chore, _folder) = chore::chore(kind)?;
            match model {
                Model::Callback => callback::burst(chore, count),
                Model::Coroutine => coroutine::burst(chore, count),
                Model::Stackful => stackful::burst(chore, count),
                Model::Microthread => microthread::burst(&chore, count, 1),
                Model::Microthreads => microthread::burst(&chore, count, microthread::cores()),
                Model::Thread => threads::burst(chore, count),
            }
        }
        Job::Slow(slow) => {
            let work = Work::calibrated();
            match model {
                Model::Callback => callback::slow(slow, work),
                Model::Coroutine => coroutine::slow(slow, work),
                Model::Stackful => stackful::slow(slow, work),
                Model::Microthread => microthread::slow(slow, work, 1),
                Model::Microthreads => microthread::slow(slow, work, microthread::cores()),
                Model::Thread => threads::slow(slow, work),
            }
        }
        Job::Switch(count) => switch(model, count),
    }
}

fn deliver(model: Model, plan: Plan) -> io::Result<Figures> {
    match model {
        Model::Callback => callback::deliver(plan),
        Model::Coroutine => coroutine::deliver(plan),
        Model::Stackful => stackful::deliver(plan),
        Model::Microthread => microthread::deliver(plan, 1),
        Model::Microthreads => microthread::deliver(plan, microthread::cores()),
        Model::Thread => threads::deliver(plan),
    }
}

fn requests(model: Model, address: &str, count: usize) -> io::Result<Figures> {
    match model {
        Model::Callback => callback::requests(address, count),
        Model::Coroutine => coroutine::requests(address, count),
        Model::Stackful => stackful::requests(address, count),
        Model::Microthread => microthread::requests(address, count, 1),
        Model::Microthreads => microthread::requests(address, count, microthread::cores()),
        Model::Thread => threads::requests(address, count),
    }
}

fn switch(model: Model, count: usize) -> io::Result<Figures> {
    let begun = Moment::now()?;
    match model {
        Model::Callback => callback::switch(count)?,
        Model::Coroutine => coroutine::switch(count)?,
        Model::Stackful => stackful::switch(count)?,
        Model::Microthread => microthread::switch(count, 1)?,
        Model::Microthreads => microthread::switch(count, microthread::cores())?,
        Model::Thread => threads::switch(count)?,
    }
    let spent = begun.spent()?;
    let mut figures = Figures::from([("each_ns".to_owned(), spent.wall_s * 1e9 / count as f64)]);
    put_spent(&mut figures, "each", &spent, count as f64);
    Ok(figures)
}
