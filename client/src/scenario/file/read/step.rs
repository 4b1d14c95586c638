//! Steps: one verb each, and what stands in each other.

use std::{collections::BTreeMap, time::Duration};

use hubbub_protocol::NameKey;

use super::{Reader, field::Fields};
use crate::scenario::file::{
    fault::{Spot, suggest},
    grammar::{VERBS, Word, kind::Kind as Value},
    step::{Act, Fault, Garbage, Step},
    tree::{Kind, Node},
    who::{Term, Who},
};

/// How long `settle` waits when it does not say so itself.
const SETTLE: Duration = Duration::from_secs(10);

/// Verbs that people try, and what they are called here.
const MISTAKEN: &[(&str, &str)] = &[
    ("say", "post"),
    ("send", "post"),
    ("message", "post"),
    ("flood", "post"),
    ("leave", "part"),
    ("enter", "join"),
    ("sleep", "wait"),
    ("pause", "wait"),
    ("typing", "type"),
    ("assert", "expect"),
    ("check", "expect"),
    ("loop", "repeat"),
    ("concurrently", "parallel"),
    ("together", "parallel"),
    ("kill", "kill_server"),
    ("restart", "restart_server"),
    ("drop", "cut"),
    ("quit", "disconnect"),
];

/// A `parallel` that is being read.
#[derive(Debug, Default)]
pub(super) struct Parallel {
    branch: usize,
    /// How often what is being read is played in its branch.
    times: u64,
    /// Each barrier: in which branch, how often, where.
    barriers: BTreeMap<String, Vec<(usize, u64, Spot)>>,
}

impl Reader {
    pub(super) fn steps(&mut self, node: &Node) -> Vec<Step> {
        let Kind::List(items) = &node.kind else {
            let help = "each step begins with a dash: `- wait: 1 s`";
            self.faults.add(node.spot, format!("steps are a list, this is {}", node.noun()), help);
            return Vec::new();
        };
        self.some_steps(items, node);
        let mut steps = Vec::new();
        for item in items.iter() {
            if self.faults.is_full() {
                break;
            }
            steps.extend(self.step(item));
        }
        steps
    }

    /// That a list of steps is not empty.
    fn some_steps(&mut self, items: &[Node], node: &Node) {
        if items.is_empty() {
            self.faults.add(node.spot, "there are no steps", "such as `- wait: 1 s`");
        }
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        let nothing = Node { spot: node.spot, kind: Kind::Scalar { text: String::new(), is_plain: true } };
        let (key, argument) = match &node.kind {
            Kind::Map(pairs) => match pairs.as_slice() {
                [(key, argument)] => (key, argument),
                [(key, _), (second, _), ..] => {
                    let verb = key.text().unwrap_or_default();
                    let help = match second.text() {
                        Some(name) if !is_verb(name) => {
                            format!("indent `{name}` further, so that it belongs to `{verb}`")
                        }
                        _ => "begin each step with a dash of its own".to_owned(),
                    };
                    self.faults.add(second.spot, "a step has one verb", help);
                    return None;
                }
                [] => {
                    self.faults.add(node.spot, "a step without a verb", "such as `wait: 1 s`");
                    return None;
                }
            },
            Kind::Scalar { .. } if !node.is_null() => (node, &nothing),
            _ => {
                self.faults.add(node.spot, format!("a step is a verb, this is {}", node.noun()), "such as `wait: 1 s`");
                return None;
            }
        };
        let word = self.verb(key);
        let act = word.and_then(|word| match word.name {
            "expect" => self.read_expectation(argument, key.spot).map(Act::Expect),
            _ => self.act(word, key, argument),
        });
        self.joins_unclear |= word.is_none();
        if act.is_none() {
            self.define_faulty(argument, word.is_none_or(|word| word.name != "history"));
        }
        Some(Step { act: act?, place: key.spot.into() })
    }

    fn verb(&mut self, key: &Node) -> Option<&'static Word> {
        let name = key.text().unwrap_or_default();
        if let Some(word) = VERBS.iter().find(|word| word.name == name) {
            return Some(word);
        }
        let meant = MISTAKEN.iter().find(|(tried, _)| *tried == name);
        let help = match meant {
            Some((_, right)) => format!("did you mean `{right}`?"),
            None => suggest(name, VERBS.iter().map(|word| word.name)),
        };
        self.faults.add(key.spot, format!("there is no verb `{name}`"), help);
        None
    }

    fn act(&mut self, word: &'static Word, key: &Node, argument: &Node) -> Option<Act> {
        let title = format!("`{}`", word.name);
        let fields = Fields::open_as(argument, word.shape, (title, word.example), key.spot, &mut self.faults)?;
        let who = |reader: &mut Self| reader.need_who(&fields, "who");
        let act = match word.name {
            "connect" => Act::Connect { who: who(self)?, over: self.over(&fields) },
            "disconnect" => Act::Disconnect { who: who(self)? },
            "reconnect" => Act::Reconnect { who: who(self)?, over: self.over(&fields) },
            "join" => self.join(&fields)?,
            "part" => {
                let (who, room) = self.who_room(&fields, true)?;
                Act::Part { who, room }
            }
            "post" => Act::Post(self.post(&fields)?),
            "topic" => {
                let text = fields.need("text", &mut self.faults).and_then(|_| fields.line("text", &mut self.faults));
                let (who, room) = self.who_room(&fields, false)?;
                Act::Topic { who, room, text: text? }
            }
            "type" => {
                let (who, room) = self.who_room(&fields, true)?;
                Act::Type { who, room }
            }
            "history" => self.history(&fields)?,
            "pause_reading" => Act::PauseReading { who: who(self)?, time: fields.time("for", &mut self.faults) },
            "resume_reading" => Act::ResumeReading { who: who(self)? },
            "chat" => self.chat(&fields)?,
            "wait" => Act::Wait { time: self.need_time(&fields, "for")? },
            "settle" => Act::Settle { within: fields.time("within", &mut self.faults).unwrap_or(SETTLE) },
            "barrier" => self.barrier(&fields)?,
            "sequence" => Act::Sequence { steps: self.inner(&fields)? },
            "parallel" => self.parallel(&fields)?,
            "repeat" => self.repeat(&fields)?,
            "phase" => {
                let name = fields.need("name", &mut self.faults).and_then(|_| fields.line("name", &mut self.faults));
                let steps = self.inner(&fields);
                Act::Phase { name: name?, steps: steps? }
            }
            "cut" => Act::Fault(Fault::Cut { who: who(self)? }),
            "garbage" => self.garbage(&fields)?,
            "kill_server" => {
                Act::Fault(Fault::KillServer { restart_after: fields.time("restart_after", &mut self.faults) })
            }
            _ => Act::Fault(Fault::RestartServer),
        };
        Some(act)
    }

    pub(super) fn need_who(&mut self, fields: &Fields<'_>, name: &str) -> Option<Who> {
        fields.need(name, &mut self.faults).and_then(|node| self.who(node))
    }

    fn need_time(&mut self, fields: &Fields<'_>, name: &str) -> Option<Duration> {
        fields.need(name, &mut self.faults).and_then(|_| fields.time(name, &mut self.faults))
    }

    fn over(&mut self, fields: &Fields<'_>) -> Duration {
        fields.time("over", &mut self.faults).unwrap_or_default()
    }

    /// A room that somebody must join somewhere in the story.
    pub(super) fn used_room(&mut self, node: &Node, may_be_group: bool) -> Option<String> {
        let room = self.room(node, may_be_group)?;
        self.used.push((room.clone(), node.spot));
        Some(room)
    }

    fn who_room(&mut self, fields: &Fields<'_>, may_be_group: bool) -> Option<(Who, String)> {
        let who = self.need_who(fields, "who");
        let room = fields.need("room", &mut self.faults).and_then(|node| self.used_room(node, may_be_group));
        Some((who?, room?))
    }

    fn join(&mut self, fields: &Fields<'_>) -> Option<Act> {
        let who = self.need_who(fields, "who");
        let room = fields.need("room", &mut self.faults).and_then(|node| self.room(node, true))?;
        self.joined.entry(NameKey::of(&room)).or_insert_with(|| room.clone());
        Some(Act::Join { who: who?, room })
    }

    fn history(&mut self, fields: &Fields<'_>) -> Option<Act> {
        let who_room = self.who_room(fields, false);
        let after = fields.get("after", &mut self.faults).and_then(|node| self.captured(node, false));
        let (who, room) = who_room?;
        let capture = fields.get("as", &mut self.faults).and_then(|node| self.define(node, false, &who));
        Some(Act::History { who, room, after, capture })
    }

    fn chat(&mut self, fields: &Fields<'_>) -> Option<Act> {
        let place = fields.spot.into();
        let everyone = Who { terms: vec![Term::Everyone], except: Vec::new(), text: "everyone".to_owned(), place };
        let who = match fields.get("who", &mut self.faults) {
            Some(node) => self.who(node),
            None => Some(everyone),
        };
        let time = self.need_time(fields, "for");
        Some(Act::Chat { who: who?, time: time? })
    }

    fn inner(&mut self, fields: &Fields<'_>) -> Option<Vec<Step>> {
        let node = fields.need("steps", &mut self.faults)?;
        Some(self.steps(node))
    }

    fn repeat(&mut self, fields: &Fields<'_>) -> Option<Act> {
        let times = fields.need("times", &mut self.faults).and_then(|_| fields.count("times", &mut self.faults));
        let before = self.parallels.last_mut().map(|parallel| {
            let before = parallel.times;
            parallel.times = before.saturating_mul(u64::from(times.unwrap_or(1)));
            before
        });
        let steps = self.inner(fields);
        if let (Some(parallel), Some(before)) = (self.parallels.last_mut(), before) {
            parallel.times = before;
        }
        Some(Act::Repeat { times: times?, steps: steps? })
    }

    fn parallel(&mut self, fields: &Fields<'_>) -> Option<Act> {
        let node = fields.need("steps", &mut self.faults)?;
        let Kind::List(items) = &node.kind else { return Some(Act::Parallel { steps: self.steps(node) }) };
        self.some_steps(items, node);
        self.parallels.push(Parallel { times: 1, ..Parallel::default() });
        let mut steps = Vec::new();
        for (branch, item) in items.iter().enumerate() {
            if let Some(parallel) = self.parallels.last_mut() {
                parallel.branch = branch;
            }
            steps.extend(self.step(item));
        }
        for (name, places) in self.parallels.pop().unwrap_or_default().barriers {
            self.check_barrier(&name, &places);
        }
        Some(Act::Parallel { steps })
    }

    /// That a barrier can open each time that somebody waits there.
    fn check_barrier(&mut self, name: &str, places: &[(usize, u64, Spot)]) {
        let mut branches: BTreeMap<usize, u64> = BTreeMap::new();
        for (branch, times, _) in places {
            let sum = branches.entry(*branch).or_default();
            *sum = sum.saturating_add(*times);
        }
        let Some(&(branch, _, spot)) = places.first() else { return };
        if branches.len() < 2 {
            let help = "name it in two branches at least; the steps of a branch stand in a `sequence`";
            self.faults.add(spot, format!("only one branch waits at the barrier `{name}`"), help);
            return;
        }
        let first = branches.get(&branch).copied().unwrap_or_default();
        for (other, times) in branches.iter().filter(|(_, times)| **times != first) {
            let spot = places.iter().find(|(branch, ..)| branch == other).map_or(spot, |(.., spot)| *spot);
            let message =
                format!("this branch waits {} at the barrier `{name}`, another one {}", often(*times), often(first));
            self.faults.add(spot, message, "each branch that names a barrier must come there equally often");
        }
    }

    fn barrier(&mut self, fields: &Fields<'_>) -> Option<Act> {
        let node = fields.need("name", &mut self.faults)?;
        let name = super::value(node, Value::NewName, &mut self.faults, |text| Ok(text.to_owned()))?;
        let Some(parallel) = self.parallels.last_mut() else {
            let help = "it is for the branches of a `parallel`; outside of one, steps wait for each other anyway";
            self.faults.add(fields.spot, "a `barrier` outside of any `parallel`", help);
            return None;
        };
        parallel.barriers.entry(name.clone()).or_default().push((parallel.branch, parallel.times, node.spot));
        Some(Act::Barrier { name })
    }

    fn garbage(&mut self, fields: &Fields<'_>) -> Option<Act> {
        let who = self.need_who(fields, "who");
        let what = fields.need("what", &mut self.faults).and_then(|_| fields.choice("what", &mut self.faults))?;
        let what = match what {
            "bytes" => Garbage::Bytes,
            "text" => Garbage::Text,
            "json" => Garbage::Json,
            _ => Garbage::Oversized,
        };
        Some(Act::Fault(Fault::Garbage { who: who?, what }))
    }
}

fn often(times: u64) -> String {
    if times == 1 { "once".to_owned() } else { format!("{times} times") }
}

fn is_verb(name: &str) -> bool {
    VERBS.iter().any(|word| word.name == name)
}
