//! The plot: what a liar knows of its connections, and what it makes of every frame. Pure: frames in, frames out.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use serde_json::{Value, json};

/// A way of lying. Each is told once, about the n-th thing of its kind that concerns one person, the *victim*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lie {
    /// Nothing is changed.
    None,
    /// The victim does not get a post.
    Loses,
    /// The victim gets a post twice.
    Doubles,
    /// The victim gets a post after the room's next one.
    Reorders,
    /// The victim gets two neighbouring posts of a room with their places exchanged: in good order, but another one.
    Rewrites,
    /// The victim gets a post with other words than were posted, and everything else of it as it is.
    Alters,
    /// The victim gets a post so much later, and what comes behind it later still.
    Delays(Duration),
    /// A post that the victim gets goes to this outsider, too.
    Leaks(String),
    /// The victim's post is acknowledged, and nobody else hears of it.
    Forgets,
    /// The victim's post is acknowledged with the place behind the true one.
    Misplaces,
    /// The victim, who is there, does not get what it posted itself.
    EatsOwn,
    /// Who is named like the victim, or begins so, does not get a page of history.
    Withholds,
    /// The victim comes back to a room and is told that the log is one event longer than it is.
    Miscounts,
    /// The victim comes back to a room and does not get the first event that it missed.
    Omits,
}

/// A connection, by the number that the relay gave it.
pub(super) type Line = u64;

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Upward {
    /// It goes to the server as it is.
    Pass,
    /// The server never sees it, and the client gets this.
    Answer(String),
}

/// A frame to a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Telling {
    pub(super) to: Line,
    pub(super) text: String,
    /// How much later than now; what follows it on the connection stays behind it.
    pub(super) after: Duration,
}

/// What is known of one connection.
#[derive(Debug, Default)]
struct Ear {
    nick: Option<String>,
    /// The ids of requests whose replies are to be false.
    marked: HashSet<u64>,
    /// By room: the place and time of the last event that it is known to have.
    last: HashMap<String, (u64, u64)>,
    /// A post that waits for the next one of its room.
    held: Option<Value>,
}

/// The plot of one liar.
#[derive(Debug)]
pub(super) struct Plot {
    lie: Lie,
    victim: String,
    nth: u32,
    seen: u32,
    told: u32,
    ears: HashMap<Line, Ear>,
}

impl Plot {
    /// `nth` counts from 1.
    pub(super) fn new(lie: Lie, victim: &str, nth: u32) -> Self {
        Self { lie, victim: victim.to_owned(), nth, seen: 0, told: 0, ears: HashMap::new() }
    }

    /// How many lies were told.
    pub(super) fn told(&self) -> u32 {
        self.told
    }

    /// A connection is over.
    pub(super) fn ended(&mut self, line: Line) {
        self.ears.remove(&line);
    }

    /// A request from a client.
    pub(super) fn request(&mut self, line: Line, text: &str) -> Upward {
        let Ok(frame) = serde_json::from_str::<Value>(text) else { return Upward::Pass };
        let is_victim = self.is_victim(line);
        let op = frame["op"].as_str().unwrap_or_default();
        let concerns = match self.lie {
            Lie::Forgets | Lie::Misplaces => op == "post",
            Lie::Withholds => op == "history",
            Lie::Miscounts | Lie::Omits => op == "join" && frame["since"].is_object(),
            _ => false,
        };
        let Some(id) = frame["id"].as_u64().filter(|_| is_victim && concerns && self.is_due()) else {
            return Upward::Pass;
        };
        if self.lie == Lie::Withholds {
            let error = json!({"code": "no_such_room", "message": "there is nothing to be seen"});
            return Upward::Answer(json!({"re": id, "error": error}).to_string());
        }
        let ear = self.ears.entry(line).or_default();
        if self.lie != Lie::Forgets {
            ear.marked.insert(id);
            return Upward::Pass;
        }
        let room = frame["room"].as_str().unwrap_or_default();
        let (seq, at) = ear.last.get(room).copied().unwrap_or_default();
        Upward::Answer(json!({"re": id, "ok": {"seq": seq + 1, "at": at}}).to_string())
    }

    /// A frame from the server.
    pub(super) fn told_by_server(&mut self, line: Line, text: String) -> Vec<Telling> {
        let Ok(frame) = serde_json::from_str::<Value>(&text) else { return at_once(line, [text]) };
        if frame["ev"] == "post" {
            return self.post(line, frame, text);
        }
        let Some(ok) = frame["ok"].as_object() else { return at_once(line, [text]) };
        let ear = self.ears.entry(line).or_default();
        if let Some(nick) = ok.get("user").and_then(|user| user["nick"].as_str()) {
            ear.nick = Some(nick.to_owned());
        }
        if let (Some(room), Some(seq)) = (ok.get("room").and_then(Value::as_str), ok.get("seq").and_then(Value::as_u64))
        {
            ear.last.insert(room.to_owned(), (seq, 0));
        }
        if frame["re"].as_u64().is_some_and(|id| ear.marked.remove(&id)) {
            return at_once(line, [self.falsified(frame)]);
        }
        at_once(line, [text])
    }

    /// A reply that is to be false.
    fn falsified(&self, mut frame: Value) -> String {
        let ok = &mut frame["ok"];
        match (&self.lie, ok["events"].as_array_mut()) {
            (Lie::Omits, Some(events)) if !events.is_empty() => drop(events.remove(0)),
            _ => ok["seq"] = json!(ok["seq"].as_u64().unwrap_or_default() + 1),
        }
        frame.to_string()
    }

    /// A post on its way to a client.
    fn post(&mut self, line: Line, frame: Value, text: String) -> Vec<Telling> {
        let is_victim = self.is_victim(line);
        let room = frame["room"].as_str().unwrap_or_default().to_owned();
        let place = (frame["seq"].as_u64().unwrap_or_default(), frame["at"].as_u64().unwrap_or_default());
        let ear = self.ears.entry(line).or_default();
        ear.last.insert(room.clone(), place);
        if let Some(held) = ear.held.take_if(|held| held["room"] == room.as_str()) {
            return self.released(line, held, frame);
        }
        if !is_victim {
            return at_once(line, [text]);
        }
        match self.lie.clone() {
            Lie::Loses if self.is_due() => Vec::new(),
            Lie::EatsOwn if frame["from"] == self.victim.as_str() && self.is_due() => Vec::new(),
            Lie::Alters if self.is_due() => {
                let mut frame = frame;
                frame["text"] = json!("what nobody said");
                at_once(line, [frame.to_string()])
            }
            Lie::Doubles if self.is_due() => at_once(line, [text.clone(), text]),
            Lie::Delays(after) if self.is_due() => vec![Telling { to: line, text, after }],
            Lie::Reorders | Lie::Rewrites if self.is_due() => {
                self.ears.entry(line).or_default().held = Some(frame);
                Vec::new()
            }
            Lie::Leaks(outsider) => {
                let outsider = self.ears.iter().find(|(_, ear)| ear.nick.as_ref() == Some(&outsider));
                let outsider = outsider.map(|(line, _)| *line);
                let leak = outsider.filter(|_| self.is_due());
                let copies = leak.map(|to| Telling { to, text: text.clone(), after: Duration::ZERO });
                copies.into_iter().chain(at_once(line, [text])).collect()
            }
            _ => at_once(line, [text]),
        }
    }

    /// Both posts, the held one and its follower, in the wrong way.
    fn released(&self, line: Line, mut held: Value, mut follower: Value) -> Vec<Telling> {
        if self.lie == Lie::Rewrites {
            for place in ["seq", "at"] {
                let first = held[place].take();
                held[place] = std::mem::replace(&mut follower[place], first);
            }
        }
        at_once(line, [follower.to_string(), held.to_string()])
    }

    fn is_victim(&self, line: Line) -> bool {
        let is_meant = |nick: &String| match self.lie {
            Lie::Withholds => nick.starts_with(&self.victim),
            _ => *nick == self.victim,
        };
        self.ears.get(&line).and_then(|ear| ear.nick.as_ref()).is_some_and(is_meant)
    }

    /// Counts a thing that the lie could be about; whether it is the one.
    fn is_due(&mut self) -> bool {
        self.seen += 1;
        let is_due = self.seen == self.nth;
        self.told += u32::from(is_due);
        is_due
    }
}

fn at_once<const N: usize>(to: Line, texts: [String; N]) -> Vec<Telling> {
    texts.map(|text| Telling { to, text, after: Duration::ZERO }).into()
}
