//! The journal of a run: what was found, when phases and faults were, what else is to be said; and how far it is.

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use hubbub_protocol::ErrorCode;
use tokio::sync::watch;

use crate::scenario::{
    file::Place,
    id::Moment,
    report::{
        facts::{Finding, Mark, MarkKind, ProbeFacts, ServerSample},
        progress::{Ending, Progress},
    },
};

/// Findings of single steps that are kept; a story that repeats a failing step for hours has no more to say.
const FINDINGS_MAX: usize = 1_000;

/// Marks that are kept.
const MARKS_MAX: usize = 1_000;

/// Written by one thread, in the order of the story.
#[derive(Debug)]
pub(super) struct Journal {
    progress: watch::Sender<Arc<Progress>>,
    private: RefCell<Private>,
}

#[derive(Debug, Default)]
struct Private {
    /// Steps under way, each with its number.
    steps: Vec<(u64, String)>,
    phases: Vec<(u64, String)>,
    next_number: u64,
    notes: Vec<String>,
    probes: Vec<ProbeFacts>,
    limits_met: BTreeSet<String>,
    findings_dropped: u64,
}

/// What a journal holds at the end.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) findings: Vec<Finding>,
    pub(super) marks: Vec<Mark>,
    pub(super) notes: Vec<String>,
    pub(super) probes: Vec<ProbeFacts>,
    /// Codes of refusals that nobody had asked for.
    pub(super) limits_met: BTreeSet<String>,
}

impl Journal {
    pub(super) fn new(name: &str, people: u64) -> Self {
        let progress = Progress { name: name.to_owned(), people, ..Progress::default() };
        Self { progress: watch::Sender::new(Arc::new(progress)), private: RefCell::default() }
    }

    /// How far it is.
    pub(super) fn progress(&self) -> watch::Receiver<Arc<Progress>> {
        self.progress.subscribe()
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(|progress| change(Arc::make_mut(progress)));
    }

    fn number(&self) -> u64 {
        let mut private = self.private.borrow_mut();
        private.next_number += 1;
        private.next_number
    }

    /// A step is under way for as long as the answer lives.
    pub(super) fn begin_step(&self, what: String) -> StepMark<'_> {
        let number = self.number();
        self.private.borrow_mut().steps.push((number, what));
        self.show_steps();
        StepMark { journal: self, number }
    }

    fn show_steps(&self) {
        let steps = self.private.borrow().steps.iter().map(|(_, what)| what.clone()).collect();
        self.change(|progress| progress.steps = steps);
    }

    /// A phase lasts for as long as the answer lives.
    pub(super) fn begin_phase<'a, F: Fn() -> Moment>(&'a self, name: &str, now: F) -> PhaseMark<'a, F> {
        let number = self.number();
        self.private.borrow_mut().phases.push((number, name.to_owned()));
        let mark = self.mark(MarkKind::Phase, name.to_owned(), now());
        self.show_phase();
        PhaseMark { journal: self, number, mark, now }
    }

    fn show_phase(&self) {
        let phase = self.private.borrow().phases.last().map(|(_, name)| name.clone());
        self.change(|progress| progress.phase = phase);
    }

    /// Something was broken.
    pub(super) fn fault(&self, what: String, now: Moment) -> FaultMark {
        FaultMark(self.mark(MarkKind::Fault, what, now))
    }

    /// It is whole again.
    pub(super) fn mended(&self, fault: &FaultMark, now: Moment) {
        self.end_mark(fault.0, now);
    }

    fn mark(&self, kind: MarkKind, text: String, now: Moment) -> usize {
        let mut place = 0;
        self.change(|progress| {
            place = progress.marks.len();
            if place < MARKS_MAX {
                progress.marks.push(Mark { kind, text, from_ms: as_ms(now), to_ms: None });
            }
        });
        place
    }

    fn end_mark(&self, place: usize, now: Moment) {
        self.change(|progress| {
            if let Some(mark) = progress.marks.get_mut(place) {
                mark.to_ms = Some(as_ms(now));
            }
        });
    }

    /// Something held, or did not.
    pub(super) fn find(&self, place: Place, verdict: Verdict, now: Moment) {
        let Verdict { what, held, found } = verdict;
        let line = (place.line > 0).then_some(place.line);
        let finding = Finding { what, held, found, line, at_ms: as_ms(now) };
        let mut dropped = false;
        self.change(|progress| {
            dropped = progress.findings.len() >= FINDINGS_MAX && held;
            // What failed is never left out: it decides the verdict. At most one a step is kept beyond the limit.
            let same = |old: &Finding| old.line == finding.line && old.what == finding.what && !old.held;
            dropped |= progress.findings.len() >= FINDINGS_MAX && progress.findings.iter().any(same);
            if !dropped {
                progress.findings.push(finding);
            }
        });
        self.private.borrow_mut().findings_dropped += u64::from(dropped);
    }

    /// A whole sentence for the reader; the same one once.
    pub(super) fn note(&self, sentence: String) {
        let mut private = self.private.borrow_mut();
        if !private.notes.contains(&sentence) {
            private.notes.push(sentence);
        }
    }

    /// A rate was tried. Who searches for one bounds how many there are.
    pub(super) fn tried(&self, probe: ProbeFacts) {
        self.private.borrow_mut().probes.push(probe);
    }

    /// A limit was met that nobody wanted to meet.
    pub(super) fn met(&self, code: ErrorCode) {
        self.private.borrow_mut().limits_met.insert(code.to_string());
    }

    /// The server's process was looked at.
    pub(super) fn looked(&self, sample: Option<ServerSample>) {
        self.change(|progress| progress.server = sample);
    }

    /// The story is over, or was ended from outside before that.
    pub(super) fn ending(&self, interrupted: bool) {
        let ending = if interrupted { Ending::Early } else { Ending::Story };
        self.change(|progress| progress.ending = Some(ending));
    }

    /// Everything, at the end.
    pub(super) fn record(&self) -> Record {
        let progress = self.progress.borrow().clone();
        let mut private = self.private.take();
        if private.findings_dropped > 0 {
            private.notes.push(format!("{} more findings of repeated steps are not listed.", private.findings_dropped));
        }
        Record {
            findings: progress.findings.clone(),
            marks: progress.marks.clone(),
            notes: private.notes,
            probes: private.probes,
            limits_met: private.limits_met,
        }
    }
}

/// What was to hold, whether it did, and the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) what: String,
    pub(super) held: bool,
    pub(super) found: String,
}

impl Verdict {
    pub(super) fn failed(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), held: false, found: found.into() }
    }
}

/// A step that is under way.
#[derive(Debug)]
pub(super) struct StepMark<'a> {
    journal: &'a Journal,
    number: u64,
}

impl Drop for StepMark<'_> {
    fn drop(&mut self) {
        self.journal.private.borrow_mut().steps.retain(|(number, _)| *number != self.number);
        self.journal.show_steps();
    }
}

/// A phase that lasts.
#[derive(Debug)]
pub(super) struct PhaseMark<'a, F: Fn() -> Moment> {
    journal: &'a Journal,
    number: u64,
    mark: usize,
    now: F,
}

impl<F: Fn() -> Moment> Drop for PhaseMark<'_, F> {
    fn drop(&mut self) {
        self.journal.private.borrow_mut().phases.retain(|(number, _)| *number != self.number);
        self.journal.show_phase();
        self.journal.end_mark(self.mark, (self.now)());
    }
}

/// A fault that was marked.
#[derive(Debug)]
pub(super) struct FaultMark(usize);

/// Milliseconds since the begin of the run.
pub(super) fn as_ms(moment: Moment) -> f64 {
    moment.since(Moment::default()).as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_and_steps_are_shown_while_they_last() {
        let journal = Journal::new("story", 3);
        let seen = journal.progress();
        let phase = journal.begin_phase("outer", || Moment(2_000_000));
        let inner = journal.begin_phase("inner", || Moment(1_000_000));
        let step = journal.begin_step("ana posts".to_owned());
        let now = seen.borrow().clone();
        assert_eq!((now.phase.as_deref(), &now.steps[..]), (Some("inner"), &["ana posts".to_owned()][..]));
        drop((step, inner));
        let now = seen.borrow().clone();
        assert_eq!((now.phase.as_deref(), now.steps.len()), (Some("outer"), 0));
        drop(phase);
        let ends: Vec<_> = seen.borrow().marks.iter().map(|mark| (mark.text.clone(), mark.to_ms)).collect();
        assert_eq!(ends, [("outer".to_owned(), Some(2.0)), ("inner".to_owned(), Some(1.0))]);
    }

    #[test]
    fn a_step_that_is_dropped_half_way_is_not_shown_any_more() {
        let journal = Journal::new("story", 3);
        let first = journal.begin_step("first".to_owned());
        let second = journal.begin_step("second".to_owned());
        drop(first);
        assert_eq!(journal.progress().borrow().steps, ["second"]);
        drop(second);
    }

    #[test]
    fn a_story_that_repeats_itself_keeps_its_first_failures() {
        let journal = Journal::new("story", 3);
        let place = Place { line: 4, column: 1 };
        let verdict = |what: &str, held| Verdict { what: what.to_owned(), held, found: String::new() };
        for _ in 0..FINDINGS_MAX + 5 {
            journal.find(place, verdict("often", true), Moment(0));
        }
        journal.find(place, verdict("once", false), Moment(0));
        journal.find(place, verdict("once", false), Moment(0));
        let record = journal.record();
        assert_eq!(record.findings.len(), FINDINGS_MAX + 1);
        assert_eq!(record.findings.last().map(|last| (last.held, last.line)), Some((false, Some(4))));
        assert_eq!(record.notes, ["6 more findings of repeated steps are not listed."]);
    }
}
