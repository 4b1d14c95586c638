//! An asynchronous caller goes on: a large file read by the caller itself, and elsewhere with a callback at the end.

use std::{fs, io, path::PathBuf, sync::Arc, time::Instant};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use tokio::task::spawn_blocking;

use crate::{
    callback::{give_way, system},
    job::{Tally, Work},
    measure::{Figures, percentile, us},
};

/// The large file: long enough to read that one can do something meanwhile.
const FILE_BYTES: usize = 64 << 20;

/// What the caller does meanwhile, again and again.
const STEP_US: f64 = 10.0;

/// Small reads, to see what handing over costs.
const SMALL_READS: usize = 2_000;

/// Has a file read, and goes on with something else.
struct Caller {
    file: PathBuf,
    work: Work,
    elsewhere: bool,
    steps: f64,
    /// What the callback was told: bytes, after so many microseconds.
    told: Option<(usize, f64)>,
    tally: Arc<Tally>,
    figures: Arc<std::sync::Mutex<Figures>>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Step;

impl Actor for Caller {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (file, at) = (self.file.clone(), Instant::now());
        let read = move || fs::read(file).map_or(0, |bytes| bytes.len());
        if self.elsewhere {
            let told = spawn_blocking(read).into_actor(self).map(move |read, actor, _| {
                actor.told = Some((read.unwrap_or_default(), us(at)));
            });
            ctx.spawn(told);
        } else {
            self.told = Some((read(), us(at)));
        }
        give_way(self, ctx, Step);
    }
}

impl Handler<Step> for Caller {
    type Result = ();

    fn handle(&mut self, _: Step, ctx: &mut Self::Context) {
        if let Some((bytes, us)) = self.told {
            let figures = [
                ("file_bytes".to_owned(), bytes as f64),
                ("read_us".to_owned(), us),
                ("steps".to_owned(), self.steps),
                ("busy_share".to_owned(), self.steps * STEP_US / us),
            ];
            self.figures.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(figures);
            return self.tally.done();
        }
        self.work.compute(STEP_US);
        self.steps += 1.0;
        give_way(self, ctx, Step);
    }
}

pub(super) fn check(elsewhere: bool) -> io::Result<Figures> {
    let folder = tempfile::tempdir()?;
    let (large, small) = (folder.path().join("large"), folder.path().join("small"));
    fs::write(&large, vec![b'f'; FILE_BYTES])?;
    fs::write(&small, [b'f'; 4_096])?;
    system().block_on(async {
        let (tally, figures) = (Arc::<Tally>::default(), Arc::default());
        tally.expect(1);
        let work = Work::calibrated();
        let caller = Caller {
            file: large,
            work,
            elsewhere,
            steps: 0.0,
            told: None,
            tally: tally.clone(),
            figures: Arc::clone(&figures),
        };
        caller.start();
        tally.complete().await;
        let mut times = Vec::with_capacity(SMALL_READS);
        for _ in 0..SMALL_READS {
            let (at, file) = (Instant::now(), small.clone());
            if elsewhere {
                spawn_blocking(move || fs::read(file)).await??;
            } else {
                fs::read(file)?;
            }
            times.push(us(at));
        }
        let mut figures = std::mem::take(&mut *figures.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        figures.insert("small_p50_us".to_owned(), percentile(&mut times, 0.5));
        Ok(figures)
    })
}
