//! The control socket: a file in the data folder through which the server is looked at.
//!
//! Role: answers one inspection after the other, on the main thread.
//! Owner of: the socket's file, and the [`Inspector`].
//! Accepts: one line, a [`Request`] as JSON; the answer is one [`Document`](super::Document) as JSON, then the end.
//! Inbox: the socket's own queue; whoever is not accepted yet waits. Each caller has a second to ask and five to take
//! the answer, so none can keep the others out.
//! Stops when: the server does; the file is removed then.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    time::timeout,
};

use super::{document::Request, look::Inspector};

/// The socket's file in the data folder.
pub const FILE: &str = "control.sock";

/// The longest question.
const REQUEST_BYTES_MAX: u64 = 1_024;

/// How long a caller may take to ask.
const REQUEST_WAIT: Duration = Duration::from_secs(1);

/// How long a caller may take to read the answer.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// The socket. Its file is removed when this is dropped.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Makes the socket in a folder that this process alone uses; a leftover one is replaced. To be called within
    /// a tokio runtime.
    ///
    /// # Errors
    /// When the file system has no sockets, or the path is too long for one (107 bytes on Linux).
    pub fn bind(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // Whoever made it is gone: the folder is locked by us.
            _ => {}
        }
        let control = Self { listener: UnixListener::bind(&path)?, path };
        // The folder lets nobody else in anyway, unless somebody opened it.
        fs::set_permissions(&control.path, fs::Permissions::from_mode(0o600))?;
        Ok(control)
    }

    /// Answers until it is dropped.
    pub async fn serve(self, mut inspector: Inspector) {
        loop {
            match self.listener.accept().await {
                Ok((caller, _)) => {
                    if let Err(error) = answer(caller, &mut inspector).await {
                        tracing::debug!(%error, "an inspection came to nothing");
                    }
                }
                Err(error) => {
                    // Out of files, most likely. To ask again at once would not make it better.
                    tracing::warn!(%error, "an inspection could not be accepted");
                    tokio::time::sleep(REQUEST_WAIT).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "the control socket was gone already");
        }
    }
}

async fn answer(mut caller: UnixStream, inspector: &mut Inspector) -> io::Result<()> {
    let mut line = String::new();
    let (read, _) = caller.split();
    timeout(REQUEST_WAIT, BufReader::new(read.take(REQUEST_BYTES_MAX)).read_line(&mut line)).await??;
    let request: Request = serde_json::from_str(&line)?;
    let document = serde_json::to_vec(&inspector.look(request).await)?;
    timeout(ANSWER_WAIT, async {
        caller.write_all(&document).await?;
        caller.shutdown().await
    })
    .await?
}
