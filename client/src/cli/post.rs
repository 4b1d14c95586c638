//! `hubbub post`: says what it is given, and comes back when all of it is stored.

use std::{
    collections::HashMap,
    io::{self, BufRead, IsTerminal, Read},
    time::Duration,
};

use hubbub_protocol::{RoomName, event::PostKind, id::Nonce};
use serde::Serialize;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    entry::{Entry, Failure, Visit, interrupted, note},
    print,
};
use crate::link::{JoinFrom, PostError, Update};

/// The longest line that is read, in bytes; far more than any server takes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Lines that are read ahead of what is queued.
const LINES_AHEAD_MAX: usize = 16;

/// Posts that wait to be stored; further lines are not read meanwhile.
const POSTS_WAITING_MAX: usize = 512;

/// How long posts wait until it is said why.
const PACE_TOLD_AFTER: Duration = Duration::from_secs(1);

/// What is printed for a stored post with `--json`.
#[derive(Debug, Serialize)]
struct Stored<'a> {
    seq: u64,
    at: u64,
    room: &'a RoomName,
    nonce: &'a Nonce,
}

/// Something to say, and its line in the input; `Err`: why that line cannot be said.
type Line = Result<(u64, String), String>;

/// Posts the words, or every line of stdin when there are none.
pub(super) async fn run(entry: Entry, room: &RoomName, words: &[String], json: bool) -> Result<(), Failure> {
    let input = open_input(words)?;
    let mut visit = Visit::start(entry);
    let mut work = Work {
        room,
        json,
        input: Some(input),
        waiting: HashMap::new(),
        failed: 0,
        waiting_since: Instant::now(),
        pace_told: false,
    };
    let done = tokio::select! {
        done = work.run(&mut visit) => done,
        () = interrupted() => Err(Failure::Failed("interrupted".to_owned())),
    };
    visit.leave().await;
    if done.is_err() && !work.waiting.is_empty() {
        note(&format!("{} posts may or may not have been stored", work.waiting.len()));
    }
    done
}

/// The words as one line, or a thread that reads the lines of stdin. The channel closes at the end.
fn open_input(words: &[String]) -> Result<mpsc::Receiver<Line>, Failure> {
    let (lines, input) = mpsc::channel(LINES_AHEAD_MAX);
    if words.is_empty() {
        if io::stdin().is_terminal() {
            note("every line is a post; Ctrl-D ends");
        }
        // A thread of its own: it may wait for a person, and dies with the program.
        std::thread::spawn(move || read_lines(io::stdin().lock(), &lines));
    } else {
        // The channel is new and has room for it.
        lines.try_send(Ok((1, words.join(" ")))).map_err(|error| Failure::Failed(error.to_string()))?;
    }
    Ok(input)
}

fn read_lines(mut input: impl BufRead, lines: &mpsc::Sender<Line>) {
    for number in 1.. {
        let mut bytes = Vec::new();
        // One byte more than is taken, so that a line of just that length is told from a longer one.
        let line = match input.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut bytes) {
            Ok(0) => return,
            Ok(read) if read as u64 > LINE_BYTES_MAX && bytes.last() != Some(&b'\n') => {
                let skipped = input.skip_until(b'\n');
                let too_long = lines.blocking_send(Err(format!("line {number} has more than {LINE_BYTES_MAX} bytes")));
                if too_long.is_err() || skipped.is_err() {
                    return;
                }
                continue;
            }
            Ok(_) => {
                let text = String::from_utf8(bytes).map_err(|_| format!("line {number} is not UTF-8"));
                text.map(|text| (number, text.trim_end_matches(['\n', '\r']).to_owned()))
            }
            Err(error) => Err(format!("cannot read line {number}: {error}")),
        };
        // An empty line separates, and says nothing.
        if line.as_ref().is_ok_and(|(_, text)| text.is_empty()) {
            continue;
        }
        let last = line.is_err();
        if lines.blocking_send(line).is_err() || last {
            return;
        }
    }
}

struct Work<'a> {
    room: &'a RoomName,
    json: bool,
    /// `None` when all of it was read.
    input: Option<mpsc::Receiver<Line>>,
    /// Queued posts and their lines.
    waiting: HashMap<Nonce, u64>,
    failed: u64,
    /// Since when some always have.
    waiting_since: Instant,
    /// Why they wait was said.
    pace_told: bool,
}

impl Work<'_> {
    async fn run(&mut self, visit: &mut Visit) -> Result<(), Failure> {
        let link = visit.link.clone();
        visit.wait(link.join(self.room, JoinFrom::Last(0))).await?;
        loop {
            if self.input.is_none() && self.waiting.is_empty() {
                return if self.failed == 0 { Ok(()) } else { Err(Failure::Said) };
            }
            let space = self.waiting.len() < POSTS_WAITING_MAX;
            let slow = sleep_until(self.waiting_since + PACE_TOLD_AFTER);
            tokio::select! {
                update = visit.next() => self.update(visit, update?)?,
                line = next(&mut self.input), if space => match line {
                    Some(Ok((number, text))) => self.post(visit, number, &text)?,
                    Some(Err(error)) => self.fail(&error),
                    None => self.input = None,
                },
                () = slow, if !self.pace_told && !self.waiting.is_empty() => self.tell_pace(visit),
            }
        }
    }

    fn post(&mut self, visit: &Visit, number: u64, text: &str) -> Result<(), Failure> {
        match visit.link.post(self.room, text, PostKind::Text) {
            Ok(nonce) => {
                if self.waiting.is_empty() {
                    self.waiting_since = Instant::now();
                }
                self.waiting.insert(nonce, number);
                Ok(())
            }
            // Fewer are waiting than the link takes, so this is never seen; were it, nothing would be lost unsaid.
            Err(error @ PostError::Full { .. }) => {
                self.fail(&format!("line {number}: {error}"));
                Ok(())
            }
            Err(error) => Err(Failure::Failed(format!("line {number}: {error}"))),
        }
    }

    /// Some have waited for a while: mostly they go at the server's pace, which is nothing that failed.
    fn tell_pace(&mut self, visit: &Visit) {
        self.pace_told = true;
        if let Some(welcome) = &visit.welcome {
            let (waiting, per_s) = (self.waiting.len(), welcome.limits.posts_per_s);
            note(&format!("{waiting} posts wait: the server takes {per_s} a second from one sender"));
        }
    }

    fn fail(&mut self, sentence: &str) {
        self.failed += 1;
        note(sentence);
    }

    fn update(&mut self, visit: &Visit, update: Update) -> Result<(), Failure> {
        match update {
            Update::Settled { nonce, room, seq, at } => {
                let ours = self.waiting.remove(&nonce).is_some();
                if ours && self.json {
                    print::line(&print::json(&Stored { seq, at, room: &room, nonce: &nonce })?)?;
                }
            }
            Update::Failed { nonce, error, .. } => {
                if let Some(number) = self.waiting.remove(&nonce) {
                    self.fail(&format!("line {number}: {error}"));
                    if let Err(error) = visit.link.discard(&nonce) {
                        tracing::debug!(%error, "a failed post stays with the link until it ends");
                    }
                }
            }
            Update::Left { error: Some(error), .. } => return Err(Failure::Failed(error.message)),
            Update::Notice(notice) => note(&notice),
            _ => {}
        }
        Ok(())
    }
}

async fn next(input: &mut Option<mpsc::Receiver<Line>>) -> Option<Line> {
    match input {
        Some(input) => input.recv().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_an_error_and_the_next_one_is_read() {
        let (lines, mut input) = mpsc::channel(8);
        let longest = "x".repeat(usize::try_from(LINE_BYTES_MAX).expect("fits"));
        let text = format!("{longest}\n{longest}y and the rest of it\nnext\n{longest}z");
        read_lines(text.as_bytes(), &lines);
        drop(lines);
        assert_eq!(input.try_recv(), Ok(Ok((1, longest))));
        assert_eq!(input.try_recv(), Ok(Err(format!("line 2 has more than {LINE_BYTES_MAX} bytes"))));
        assert_eq!(input.try_recv(), Ok(Ok((3, "next".to_owned()))));
        assert_eq!(input.try_recv(), Ok(Err(format!("line 4 has more than {LINE_BYTES_MAX} bytes"))));
        assert!(input.try_recv().is_err());
    }

    #[test]
    fn every_line_with_text_is_a_post_and_what_is_no_text_ends_the_reading() {
        let (lines, mut input) = mpsc::channel(8);
        read_lines(&b"one\r\n\n  two\nb\xffd\nnever"[..], &lines);
        drop(lines);
        let mut read = Vec::new();
        while let Ok(line) = input.try_recv() {
            read.push(line);
        }
        let text = |number, text: &str| Ok((number, text.to_owned()));
        assert_eq!(read, [text(1, "one"), text(3, "  two"), Err("line 4 is not UTF-8".to_owned())]);
    }
}
