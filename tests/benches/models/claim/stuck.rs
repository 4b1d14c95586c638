//! A room of Hubbub that is stuck at its store, and what is shown of it.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use hubbub_tests::bench::{
    process::{Server, role},
    socket::{Dialect, connect, expect_text, masked},
};
use rustix::fs::{FlockOperation, fcntl_lock};

/// What says that the room is shown.
const SHOWN: &str = "waits for the store";

/// How long it may take to be.
const PATIENCE: Duration = Duration::from_secs(20);

/// Holds the store of a server and posts; answers what `hubbub-server inspect` prints of what is stuck then.
pub(crate) fn stuck() -> io::Result<String> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    // It would say again and again what is meant to happen here.
    let server = Server::start_with("hubbub", &data, None, &[("HUBBUB_LOG_FILTER", "off")])?;
    let mut ana = connect(Dialect::Hubbub, &server.address, 0, 2)?;
    let mut bo = connect(Dialect::Hubbub, &server.address, 1, 2)?;
    bo.write_all(&masked(r#"{"id":3,"op":"join","room":"garden"}"#))?;
    expect_text(&mut bo, r#""re":3,"ok""#)?;
    let index = File::open(data.join("hubbub.db-shm"))?;
    fcntl_lock(&index, FlockOperation::LockShared)?;
    let begun = Instant::now();
    for number in 0.. {
        // A transaction is given up after a second; who comes while it lasts waits for the rest of it and for the next.
        for (socket, room) in [(&mut ana, "lobby"), (&mut bo, "garden")] {
            let id = number + 10;
            let post = format!(r#"{{"id":{id},"op":"post","room":"{room}","nonce":"n-{number}","text":"hi"}}"#);
            socket.write_all(&masked(&post))?;
        }
        let shown = inspected(&data)?;
        let lines: Vec<&str> = shown
            .lines()
            .skip_while(|line| !line.contains("STUCK"))
            .take_while(|line| !line.contains("CONNECTIONS"))
            .collect();
        if lines.iter().any(|line| line.contains(SHOWN)) {
            return Ok(lines.join("\n").trim_end().to_owned());
        }
        if begun.elapsed() > PATIENCE {
            return Err(io::Error::other(format!("a room that is stuck is not shown:\n{shown}")));
        }
        thread::park_timeout(Duration::from_millis(100));
    }
    Ok(String::new())
}

fn inspected(data: &Path) -> io::Result<String> {
    let output = role("hubbub", None)?.args(["inspect", "--data"]).arg(data).stderr(Stdio::null()).output()?;
    String::from_utf8(output.stdout).map_err(io::Error::other)
}
