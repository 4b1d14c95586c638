//! Barriers: where branches that run side by side wait for each other.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use tokio::sync::watch;

use crate::scenario::file::step::{Act, Step};

/// Branches wait at it until all that name it are there, or have ended. Then it can be used again.
#[derive(Debug)]
struct Barrier {
    state: RefCell<State>,
    /// Goes up when everybody may go on.
    opened: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    expected: BTreeSet<usize>,
    here: BTreeSet<usize>,
}

impl Barrier {
    fn new(expected: BTreeSet<usize>) -> Self {
        Self { state: RefCell::new(State { expected, here: BTreeSet::new() }), opened: watch::Sender::new(0) }
    }

    async fn arrive(&self, branch: usize) {
        let mut opened = self.opened.subscribe();
        self.state.borrow_mut().here.insert(branch);
        if !self.open_if_all_are_here() && opened.changed().await.is_err() {
            // The sender is ours: as long as somebody waits here it is there.
            debug_assert!(false, "a barrier ended while somebody waited");
        }
    }

    fn leave(&self, branch: usize) {
        self.state.borrow_mut().expected.remove(&branch);
        self.open_if_all_are_here();
    }

    fn open_if_all_are_here(&self) -> bool {
        let mut state = self.state.borrow_mut();
        let all = state.expected.is_subset(&state.here);
        if all {
            state.here.clear();
            self.opened.send_modify(|times| *times += 1);
        }
        all
    }
}

/// The barriers of one `parallel`.
#[derive(Debug)]
pub(super) struct Barriers(BTreeMap<String, Barrier>);

impl Barriers {
    /// Of these branches: each barrier that at least two of them name.
    pub(super) fn of(branches: &[Step]) -> Self {
        let named = shared(branches);
        Self(named.into_iter().map(|(name, branches)| (name.to_owned(), Barrier::new(branches))).collect())
    }

    /// A branch has ended: nobody waits for it any more.
    pub(super) fn leave(&self, branch: usize) {
        self.0.values().for_each(|barrier| barrier.leave(branch));
    }
}

/// Barriers that more than one branch names, and which these are.
fn shared(branches: &[Step]) -> BTreeMap<&str, BTreeSet<usize>> {
    let mut named: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (branch, step) in branches.iter().enumerate() {
        for name in names(step) {
            named.entry(name).or_default().insert(branch);
        }
    }
    named.retain(|_, branches| branches.len() > 1);
    named
}

/// The barriers that a step names, without those that are shared among branches inside of it.
fn names(step: &Step) -> BTreeSet<&str> {
    match &step.act {
        Act::Barrier { name } => [name.as_str()].into(),
        Act::Sequence { steps } | Act::Repeat { steps, .. } | Act::Phase { steps, .. } => {
            steps.iter().flat_map(names).collect()
        }
        Act::Parallel { steps } => {
            let inner = shared(steps);
            steps.iter().flat_map(names).filter(|name| !inner.contains_key(name)).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Where a step runs: in which branch of which `parallel`, inside which others.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scope<'a> {
    innermost: Option<&'a Level<'a>>,
}

/// One `parallel` around a step.
#[derive(Debug)]
pub(super) struct Level<'a> {
    pub(super) barriers: &'a Barriers,
    pub(super) branch: usize,
    pub(super) outer: Scope<'a>,
}

impl<'a> Scope<'a> {
    /// Inside a branch.
    pub(super) fn of(level: &'a Level<'a>) -> Self {
        Self { innermost: Some(level) }
    }

    /// Waits at the innermost barrier of this name. False: there is none, so nobody to wait for.
    pub(super) async fn arrive(self, name: &str) -> bool {
        let mut scope = self;
        while let Some(level) = scope.innermost {
            if let Some(barrier) = level.barriers.0.get(name) {
                barrier.arrive(level.branch).await;
                return true;
            }
            scope = level.outer;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;
    use crate::scenario::file::Place;

    fn step(act: Act) -> Step {
        Step { act, place: Place::default() }
    }

    fn barrier(name: &str) -> Step {
        step(Act::Barrier { name: name.to_owned() })
    }

    fn is_done(future: &mut (impl Future<Output = bool> + Unpin)) -> bool {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(found) => {
                assert!(found, "there is such a barrier");
                true
            }
            Poll::Pending => false,
        }
    }

    #[test]
    fn everybody_waits_for_the_last_and_the_barrier_can_be_used_again() {
        let barriers = Barriers::of(&[barrier("a"), barrier("a"), barrier("b")]);
        let levels = [0, 1].map(|branch| Level { barriers: &barriers, branch, outer: Scope::default() });
        for _ in 0..2 {
            let mut first = Box::pin(Scope::of(&levels[0]).arrive("a"));
            assert!(!is_done(&mut first));
            assert!(is_done(&mut Box::pin(Scope::of(&levels[1]).arrive("a"))));
            assert!(is_done(&mut first));
        }
    }

    #[test]
    fn a_branch_that_has_ended_is_not_waited_for() {
        let barriers = Barriers::of(&[barrier("a"), barrier("a"), barrier("a")]);
        let levels = [0, 1].map(|branch| Level { barriers: &barriers, branch, outer: Scope::default() });
        let mut waiting = Box::pin(Scope::of(&levels[0]).arrive("a"));
        assert!(!is_done(&mut waiting));
        barriers.leave(1);
        assert!(!is_done(&mut waiting));
        barriers.leave(2);
        assert!(is_done(&mut waiting));
    }

    #[test]
    fn a_barrier_belongs_to_the_innermost_parallel_that_shares_it() {
        let inner = step(Act::Parallel { steps: vec![barrier("a"), barrier("a"), barrier("b")] });
        let phase = step(Act::Phase { name: "p".to_owned(), steps: vec![inner] });
        let branches = [phase, barrier("b"), barrier("a")];
        let found = shared(&branches);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("b", [0, 1].into())]);
    }

    #[test]
    fn a_barrier_of_an_outer_parallel_is_found_from_inside() {
        let outer = Barriers::of(&[barrier("b"), barrier("b")]);
        let inner = Barriers::of(&[barrier("a"), barrier("a")]);
        let level = Level { barriers: &outer, branch: 0, outer: Scope::default() };
        let deep = Level { barriers: &inner, branch: 1, outer: Scope::of(&level) };
        let mut waiting = Box::pin(Scope::of(&deep).arrive("b"));
        assert!(!is_done(&mut waiting));
        outer.leave(1);
        assert!(is_done(&mut waiting));
        let mut nowhere = Box::pin(Scope::of(&deep).arrive("c"));
        let polled = nowhere.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(false));
    }
}
