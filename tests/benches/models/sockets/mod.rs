//! The job over sockets: one sender in a room of many, each model as a server of its own, and Hubbub itself.

mod bare;
mod crowd;
mod server;

use std::{fs, io};

use hubbub_tests::bench::{process::Server, socket::Dialect};

use crate::{job::Model, measure::Figures};
use crowd::Crowd;

/// Messages under way at once, and messages of a measurement.
pub(crate) const LOADS: [(usize, usize); 3] = [(1, 100), (16, 256), (256, 2_048)];

/// The models that the job is done by, and the roles of their servers.
pub(crate) const SERVERS: [(Model, &str); 5] = [
    (Model::Callback, "callback"),
    (Model::Coroutine, "coroutine"),
    (Model::Stackful, "stackful coroutine"),
    (Model::Microthread, "microthread"),
    (Model::Thread, "thread"),
];

/// The server of a role of this job; `None`: not one of them.
pub(crate) fn serve(role: &str) -> Option<io::Result<()>> {
    match role {
        "bare" => Some(bare::serve()),
        role => SERVERS.iter().find(|(_, name)| *name == role).map(|(model, _)| server::serve(*model)),
    }
}

/// Drives the server of a role with a crowd; answers what it used for one delivery.
pub(crate) fn measure(role: &str, members: usize, window: usize, messages: usize) -> io::Result<Figures> {
    let dialect = if role == "hubbub" { Dialect::Hubbub } else { Dialect::Bare };
    let data = tempfile::tempdir()?;
    let server = Server::start(role, &data.path().join("data"), None)?;
    let mut crowd = Crowd::gather(dialect, &server.address, members)?;
    crowd.play(window, messages / 10)?;
    let before = Used::by(&server)?;
    crowd.play(window, messages)?;
    let after = Used::by(&server)?;
    let deliveries = (members * messages) as f64;
    Ok(Figures::from([
        ("cpu_us".to_owned(), (after.cpu_us - before.cpu_us) / deliveries),
        ("voluntary".to_owned(), (after.voluntary - before.voluntary) / deliveries),
        ("involuntary".to_owned(), (after.involuntary - before.involuntary) / deliveries),
    ]))
}

/// What all threads that a server has have used.
#[derive(Debug, Default)]
struct Used {
    cpu_us: f64,
    voluntary: f64,
    involuntary: f64,
}

impl Used {
    fn by(server: &Server) -> io::Result<Self> {
        let mut used = Self::default();
        for task in fs::read_dir(format!("/proc/{}/task", server.pid()))? {
            let path = task?.path();
            let status = fs::read_to_string(path.join("status"))?;
            let count = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|line| line.trim().parse::<f64>().ok()).unwrap_or_default()
            };
            used.voluntary += count("voluntary_ctxt_switches:");
            used.involuntary += count("nonvoluntary_ctxt_switches:");
            // The first of three numbers: nanoseconds on a processor.
            let ran = fs::read_to_string(path.join("schedstat"))?;
            used.cpu_us += ran.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default() / 1e3;
        }
        Ok(used)
    }
}
