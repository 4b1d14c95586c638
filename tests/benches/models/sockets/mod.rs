//! The job over sockets: one sender in a room of many, each model as a server of its own, and Hubbub itself.

mod bare;
mod crowd;
mod server;

use std::{fs, io};

use hubbub_tests::bench::{process::Server, socket::Dialect};

use crate::{job::Model, measure::Figures};
use crowd::Crowd;

/// Messages under way at once, and messages of a measurement.
pub(crate) const LOADS: [(usize, usize); 3] = [(1, 200), (16, 512), (256, 2_048)];

/// The models that the job is done by, and the roles of their servers.
pub(crate) const SERVERS: [(Model, &str); 3] =
    [(Model::Callback, "callback"), (Model::Coroutine, "coroutine"), (Model::Microthread, "microthread")];

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
    let (cpu_s, switches) = (server.cpu_s()?, switches(&server)?);
    crowd.play(window, messages)?;
    let deliveries = (members * messages) as f64;
    let after = self::switches(&server)?;
    Ok(Figures::from([
        ("cpu_us".to_owned(), (server.cpu_s()? - cpu_s) * 1e6 / deliveries),
        ("voluntary".to_owned(), (after.0 - switches.0) / deliveries),
        ("involuntary".to_owned(), (after.1 - switches.1) / deliveries),
    ]))
}

/// Context switches of all threads that a server has, voluntary and not.
fn switches(server: &Server) -> io::Result<(f64, f64)> {
    let mut sum = (0.0, 0.0);
    for task in fs::read_dir(format!("/proc/{}/task", server.pid()))? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        let count = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.trim().parse::<f64>().ok()).unwrap_or_default()
        };
        sum.0 += count("voluntary_ctxt_switches:");
        sum.1 += count("nonvoluntary_ctxt_switches:");
    }
    Ok(sum)
}
