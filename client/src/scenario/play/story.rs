//! The order of things: one after the other, side by side, again, and in phases. A step that fails is written down,
//! and the story goes on.

use std::future::Future;

use futures_util::future::{LocalBoxFuture, join_all};

use super::{
    PlayError, Stage,
    barrier::{Barriers, Level, Scope},
    journal::Verdict,
    wording,
};
use crate::scenario::file::step::{Act, Step};

impl Stage {
    /// Plays steps in order.
    pub(super) fn steps<'a>(
        &'a self,
        steps: &'a [Step],
        scope: Scope<'a>,
    ) -> LocalBoxFuture<'a, Result<(), PlayError>> {
        Box::pin(async move {
            for step in steps {
                self.step(step, scope).await?;
            }
            Ok(())
        })
    }

    async fn step(&self, step: &Step, scope: Scope<'_>) -> Result<(), PlayError> {
        match &step.act {
            Act::Sequence { steps } => self.steps(steps, scope).await,
            Act::Parallel { steps } => self.parallel(steps, scope).await,
            Act::Repeat { times, steps } => {
                for _ in 0..*times {
                    self.steps(steps, scope).await?;
                }
                Ok(())
            }
            Act::Phase { name, steps } => {
                let phase = self.journal.begin_phase(name, || self.now());
                let done = self.steps(steps, scope).await;
                drop(phase);
                done
            }
            Act::Barrier { name } => {
                self.shown(step, async {
                    if !scope.arrive(name).await {
                        let found = "nobody else comes to this barrier: it is named by one branch only";
                        self.find(step.place, Verdict::failed(wording::act(&step.act), found));
                    }
                    Ok(())
                })
                .await
            }
            Act::Fault(fault) => self.shown(step, self.break_something(fault, step.place)).await,
            Act::Expect(expectation) => self.shown(step, self.examine(expectation, step.place)).await,
            verb => self.shown(step, self.do_something(verb, step.place)).await,
        }
    }

    /// All at once; over when all are.
    async fn parallel(&self, steps: &[Step], scope: Scope<'_>) -> Result<(), PlayError> {
        let barriers = &Barriers::of(steps);
        let branches = steps.iter().enumerate().map(|(branch, step)| async move {
            let level = Level { barriers, branch, outer: scope };
            let done = self.steps(std::slice::from_ref(step), Scope::of(&level)).await;
            barriers.leave(branch);
            done
        });
        join_all(branches).await.into_iter().collect()
    }

    async fn shown<T>(&self, step: &Step, doing: impl Future<Output = T>) -> T {
        let mark = self.journal.begin_step(wording::act(&step.act));
        let done = doing.await;
        drop(mark);
        done
    }
}
