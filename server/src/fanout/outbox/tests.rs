//! What is promised of an outbox, and a socket of memory for that.

use std::rc::Rc;

use super::*;

/// A socket that takes what it is allowed to take.
#[derive(Default)]
pub(crate) struct Pipe {
    pub(crate) taken: RefCell<Vec<u8>>,
    pub(crate) budget: Cell<usize>,
    pub(crate) broken: Cell<bool>,
}

impl Pipe {
    pub(crate) fn open(budget: usize) -> Rc<Self> {
        Rc::new(Self { budget: Cell::new(budget), ..Self::default() })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.taken.borrow()).into_owned()
    }
}

impl Socket for Rc<Pipe> {
    fn try_write_vectored(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.broken.get() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut written = 0;
        for frame in frames {
            let fits = frame.len().min(self.budget.get());
            self.taken.borrow_mut().extend_from_slice(&frame[..fits]);
            self.budget.set(self.budget.get() - fits);
            written += fits;
        }
        if written == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(written) }
    }

    fn end(&self) {
        self.taken.borrow_mut().push(b'.');
    }
}

fn frame(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn frames_go_out_in_order_in_one_write_across_a_blocked_socket() {
    let pipe = Pipe::open(5);
    let outbox = Outbox::new(pipe.clone(), 100);
    for text in ["abc", "def", "ghi"] {
        assert_eq!(outbox.push(Kind::Log, frame(text)), Verdict::Take);
    }
    outbox.flush();
    assert_eq!((pipe.text(), outbox.queued()), ("abcde".into(), 4));
    assert!(outbox.blocked_since_ms().is_some());
    pipe.budget.set(100);
    outbox.writable();
    assert_eq!((pipe.text(), outbox.queued()), ("abcdefghi".into(), 0));
    assert_eq!(outbox.blocked_since_ms(), None);
    assert_eq!(outbox.take_writes(), 3, "one partial, one refused, one for the rest");
}

#[test]
fn what_waits_goes_before_what_is_written_past_it_in_one_write() {
    for (budget, taken, queued) in [(100, 3, 0), (7, 1, 0), (6, 0, 0), (4, 0, 2), (0, 0, 6)] {
        let pipe = Pipe::open(budget);
        let outbox = Outbox::new(pipe.clone(), 100);
        outbox.push(Kind::Direct, frame("abc"));
        outbox.push(Kind::Direct, frame("def"));
        assert!(outbox.may_write_past());
        let event = frame("ghi");
        assert_eq!((outbox.write_past([&event].into_iter()), outbox.queued()), (taken, queued));
        assert_eq!((pipe.text().as_str(), outbox.take_writes()), (&"abcdefghi"[..budget.min(9)], 1));
        outbox.push_rest(event.slice(taken..));
        pipe.budget.set(100);
        outbox.flush();
        assert_eq!((pipe.text().as_str(), outbox.queued()), ("abcdefghi", 0));
    }
}

#[test]
fn what_does_not_fit_is_written_out_first_and_lags_only_if_that_does_not_help() {
    let pipe = Pipe::open(6);
    let outbox = Outbox::new(pipe, 8);
    assert_eq!(outbox.push(Kind::Log, frame("abcdef")), Verdict::Take);
    assert_eq!(outbox.push(Kind::Log, frame("ghijkl")), Verdict::Take);
    assert_eq!(outbox.push(Kind::Log, frame("mnopqr")), Verdict::Lag);
    assert_eq!(outbox.queued(), 6);
}

#[test]
fn a_broken_socket_frees_what_waited_and_takes_nothing_more() {
    let pipe = Pipe::open(0);
    let outbox = Outbox::new(pipe.clone(), 100);
    outbox.send(&frame("abc"));
    pipe.broken.set(true);
    outbox.writable();
    assert!(outbox.is_broken());
    outbox.send(&frame("def"));
    assert_eq!(outbox.queued(), 0);
}

#[test]
fn the_end_comes_after_what_waits_and_nothing_after_the_end() {
    let pipe = Pipe::open(2);
    let outbox = Outbox::new(pipe.clone(), 100);
    outbox.send(&frame("abc"));
    outbox.end();
    assert_eq!(outbox.push(Kind::Direct, frame("def")), Verdict::Drop);
    assert_eq!(pipe.text(), "ab");
    pipe.budget.set(100);
    outbox.writable();
    assert_eq!(pipe.text(), "abc.");
}

#[test]
fn time_blocked_counts_from_the_last_progress() {
    let pipe = Pipe::open(0);
    let outbox = Outbox::new(pipe.clone(), 100);
    outbox.send(&frame("abcdef"));
    let since = outbox.blocked_since_ms().expect("blocked");
    outbox.blocked_since_ms.set(Some(since.wrapping_sub(5)));
    outbox.writable();
    assert_eq!(outbox.blocked_since_ms(), Some(since.wrapping_sub(5)), "no progress");
    pipe.budget.set(2);
    outbox.writable();
    assert!(outbox.blocked_since_ms().is_some_and(|now| now >= since), "progress");
}
