//! Steps: what happens in a story, one verb each.

use std::time::Duration;

use super::{
    Place,
    expectation::Expectation,
    unit::{Ramp, Range},
    who::Who,
};

/// A verb and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) act: Act,
    pub(crate) place: Place,
}

/// Everything that can happen. A step is over when what it says is done: a post when it is acknowledged or refused,
/// a connect when the rooms are joined again. A step that fails is a failed verdict and the story goes on, unless
/// what follows needs it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act {
    /// `connect: crowd` who was not there yet.
    Connect { who: Who, over: Duration },
    /// `disconnect: ana` politely; she stays away until `reconnect`.
    Disconnect { who: Who },
    /// `reconnect: ana`: resumes the session and every room, and fetches what a gap left out.
    Reconnect { who: Who, over: Duration },
    /// `join: {who: ana, room: tea}`
    Join { who: Who, room: String },
    /// `part: {who: ana, room: tea}`
    Part { who: Who, room: String },
    /// `post: …` once, N times, at a rate or with a window; see [`Post`].
    Post(Post),
    /// `topic: {who: ana, room: tea, text: …}`
    Topic { who: Who, room: String, text: String },
    /// `type: {who: ana, room: tea}`
    Type { who: Who, room: String },
    /// `history: {who: ana, room: tea, after: m1, as: h1}`: reads it page by page; from the beginning, or after a capture's seq.
    History { who: Who, room: String, after: Option<String>, capture: Option<String> },
    /// `pause_reading: {who: ana, for: 2 s}`; without `for` until `resume_reading`.
    PauseReading { who: Who, time: Option<Duration> },
    /// `resume_reading: ana`
    ResumeReading { who: Who },
    /// `chat: {for: 5 min, who: crowd}`: the habits of the cast (`talk`, `reconnects`) are played for that time.
    Chat { who: Who, time: Duration },
    /// `wait: 1 s`
    Wait { time: Duration },
    /// `settle: {within: 10 s}`: until everybody who is there has everything that was accepted.
    Settle { within: Duration },
    /// `barrier: NAME`: each branch of a `parallel` that names it waits until all of them are there.
    Barrier { name: String },
    /// `sequence: [...]`, for use in `parallel`.
    Sequence { steps: Vec<Step> },
    /// `parallel: [...]`: all at once; over when all are.
    Parallel { steps: Vec<Step> },
    /// `repeat: {times: 3, steps: [...]}`
    Repeat { times: u32, steps: Vec<Step> },
    /// `phase: {name: peak, steps: [...]}`: a named piece of the time, marked in every report.
    Phase { name: String, steps: Vec<Step> },
    /// Something breaks, on purpose.
    Fault(Fault),
    /// `expect: …`
    Expect(Expectation),
}

/// What can be broken; more verbs are to come here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// `cut: 10% of crowd`: their connections are reset. They come back by themselves unless their role says otherwise.
    Cut { who: Who },
    /// `garbage: {who: eve, what: bytes}`
    Garbage { who: Who, what: Garbage },
    /// `kill_server: {restart_after: 1 s}`: as a power cut would; only a private server. Without `restart_after` it stays
    /// dead until `restart_server`. The step is over when the server is ready again (or dead).
    KillServer { restart_after: Option<Duration> },
    /// `restart_server: {}`
    RestartServer,
}

/// What is sent in place of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Garbage {
    /// Random bytes where a WebSocket frame should be.
    Bytes,
    /// A text frame that is not JSON.
    Text,
    /// JSON that is no request.
    Json,
    /// A frame that is larger than the server takes.
    Oversized,
}

/// `post: {who: ana, room: lobby, text: hi, as: m1}`. `who` may be many.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Post {
    pub(crate) who: Who,
    /// `None`: the poster's own rooms, in turn.
    pub(crate) room: Option<String>,
    pub(crate) text: Text,
    /// `kind: action`, as `/me` does.
    pub(crate) action: bool,
    pub(crate) pace: Pace,
    /// `as:` by which these messages are known later.
    pub(crate) capture: Option<String>,
    /// `again: m1`: sends what was captured again, with the same nonce. Then `text` and `pace` are not used.
    pub(crate) again: Option<String>,
    /// `may_be_refused: true`: a refusal is no failure, but is counted and captured.
    pub(crate) may_be_refused: bool,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// Each of them so many times (`times: 5`, or once), the next when the one before it is answered.
    Times(u32),
    /// Open: all of them together at this rate for that time (`rate: 100/s, for: 10 s`), whatever the server does.
    /// Each post has the time at which it was to be sent, and latency counts from there.
    /// `arrivals: poisson` draws the times by chance, `even` does not.
    Open { rate: Ramp, time: Duration, poisson: bool },
    /// Closed: all of them together keep so many posts under way (`window: 64, for: 10 s`). A post leaves the window when
    /// its sender has both its answer and its event.
    Closed { window: u32, time: Duration },
    /// Closed, for so many posts in all (`window: 64, posts: 10000`).
    ClosedCount { window: u32, posts: u64 },
}

/// What is said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Text {
    /// Words in which `{who}` is the poster, `{n}` the number of the post in this step from 1, `{random}` a random word,
    /// `{NAME.seq}`, `{NAME.code}` a capture's.
    Template(String),
    /// So many bytes of made-up words: `size: 64 B`, or `size: [16 B, 400 B]`.
    Size(Range),
}
