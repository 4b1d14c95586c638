//! The asking side: finds the server of a data folder and gets its document, or the reason why not.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};

use super::{
    control::FILE,
    document::{Document, FORMAT, Request},
};
use crate::store::sqlite::LOCK_FILE;

/// How long a server may take. Its own waits end much sooner: after this, its main thread does not run.
const WAIT: Duration = Duration::from_secs(6);

/// The largest document that is read.
const DOCUMENT_BYTES_MAX: u64 = 64 << 20;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no folder.
    #[error("there is no data folder {}: name the server's with --data", .0.display())]
    NoFolder(PathBuf),
    /// Nobody listens there.
    #[error(
        "no server runs on the data in {}. If one does, with another folder, name that with --data",
        .0.display()
    )]
    NoServer(PathBuf),
    /// A server has the folder, but no socket.
    #[error(
        "the server on the data in {} (process {process}) cannot be inspected: it is about to end, is older than this \
         command, or could not make its control socket; its log says which",
        folder.display()
    )]
    NoSocket {
        /// The folder.
        folder: PathBuf,
        /// The server.
        process: u32,
    },
    /// It belongs to somebody else.
    #[error("only the user that runs the server on {}, or root, may inspect it", .0.display())]
    Forbidden(PathBuf),
    /// It took the question and said nothing.
    #[error("the server{} did not answer within {} s{}", process(*.0), WAIT.as_secs(), .1)]
    Silent(Option<u32>, String),
    /// It speaks otherwise.
    #[error("the server answers in format {0}, and this program reads format {FORMAT}: use the server's own program")]
    Format(u64),
    /// It could not be understood.
    #[error("the server's answer cannot be read: {0}")]
    Answer(String),
    /// Something else.
    #[error("the control socket in {} cannot be used: {source}", folder.display())]
    Socket {
        /// The folder.
        folder: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

fn process(process: Option<u32>) -> String {
    process.map(|process| format!(" (process {process})")).unwrap_or_default()
}

/// Asks the server on `folder`; answers the document as it came, and as it was understood.
///
/// # Errors
/// When there is none, or it does not answer.
pub async fn ask(folder: &Path, request: Request) -> Result<(String, Document), AskError> {
    let mut socket = connect(folder).await?;
    let process = socket.peer_cred().ok().and_then(|peer| u32::try_from(peer.pid()?).ok());
    let exchange = async {
        socket.write_all(format!("{}\n", serde_json::to_string(&request)?).as_bytes()).await?;
        let mut text = String::new();
        socket.take(DOCUMENT_BYTES_MAX).read_to_string(&mut text).await?;
        Ok(text)
    };
    let text = match timeout(WAIT, exchange).await {
        Err(_) => return Err(AskError::Silent(process, process.map(condition).unwrap_or_default())),
        Ok(Err(source)) => return Err(AskError::Socket { folder: folder.to_owned(), source }),
        Ok(Ok(text)) => text,
    };
    let document = read(&text)?;
    Ok((text, document))
}

fn read(text: &str) -> Result<Document, AskError> {
    let unreadable = |error: serde_json::Error| AskError::Answer(error.to_string());
    // The format first: what is newer need not fit anything else.
    let value: serde_json::Value = serde_json::from_str(text).map_err(unreadable)?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if format == u64::from(FORMAT) => serde_json::from_value(value).map_err(unreadable),
        Some(format) => Err(AskError::Format(format)),
        None => Err(AskError::Answer("it says no format".to_owned())),
    }
}

async fn connect(folder: &Path) -> Result<UnixStream, AskError> {
    let error = match timeout(WAIT, UnixStream::connect(folder.join(FILE))).await {
        Ok(Ok(socket)) => return Ok(socket),
        Ok(Err(error)) => error,
        Err(_) => return Err(AskError::Silent(holder(folder), holder(folder).map(condition).unwrap_or_default())),
    };
    let owned = folder.to_owned();
    Err(match error.kind() {
        io::ErrorKind::PermissionDenied => AskError::Forbidden(owned),
        io::ErrorKind::NotFound if !folder.exists() => AskError::NoFolder(owned),
        // A socket that nobody listens to is a leftover of a server that was killed.
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => match holder(folder) {
            Some(process) => AskError::NoSocket { folder: owned, process },
            None => AskError::NoServer(owned),
        },
        // So many wait to be answered that no more can: it has not answered for long.
        io::ErrorKind::WouldBlock => {
            let process = holder(folder);
            AskError::Silent(process, process.map(condition).unwrap_or_default())
        }
        _ => AskError::Socket { folder: owned, source: error },
    })
}

/// The server that has the folder, if it lives. The lock itself is not tried: a server that starts just now would
/// find it taken.
fn holder(folder: &Path) -> Option<u32> {
    let process: u32 = fs::read_to_string(folder.join(LOCK_FILE)).ok()?.trim().parse().ok()?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    name.starts_with("hubbub-server").then_some(process)
}

/// What the system says of a process that does not answer (Linux only).
fn condition(process: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the name, which stands in parentheses and may hold anything, comes the state.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    match state {
        Some('T' | 't') => format!(": it is stopped; `kill -CONT {process}` lets it go on"),
        Some('D') => ": its main thread waits for a disk".to_owned(),
        Some('Z' | 'X') => ": it has ended".to_owned(),
        Some('R') => ": its main thread is busy; the machine may be overloaded".to_owned(),
        Some(_) => ": its main thread waits for something".to_owned(),
        None => String::new(),
    }
}
