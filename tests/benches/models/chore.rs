//! The short jobs of a burst: a file to read, a row to look up, a request to a server; and the threads to block on.

use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::job::{Kind, UNDER_WAY_MAX};

/// Threads for what blocks, whatever the model.
pub(crate) const BLOCKING_THREADS: usize = 4;

/// Bytes of a request and of its answer.
pub(crate) const REQUEST_BYTES: usize = 64;

const FILES: usize = 64;
const ROWS: usize = 10_000;

/// Something that blocks, done with a number.
pub(crate) type Chore = Arc<dyn Fn(usize) -> usize + Send + Sync>;

/// The chore of a kind, and the folder that it needs, which is removed when it is dropped. A network request is none:
/// every model speaks with sockets in its own way.
pub(crate) fn chore(kind: Kind) -> io::Result<(Chore, TempDir)> {
    let folder = tempfile::tempdir()?;
    let chore: Chore = match kind {
        Kind::File => {
            let path = |number: usize| folder.path().join(format!("{number}"));
            let files: Vec<PathBuf> = (0..FILES).map(path).collect();
            for file in &files {
                fs::write(file, [b'f'; 4_096])?;
            }
            Arc::new(move |number| fs::read(&files[number % FILES]).map_or(0, |bytes| bytes.len()))
        }
        Kind::Query => {
            let rows = Rows::new(folder.path().join("rows.sqlite")).map_err(io::Error::other)?;
            Arc::new(move |number| rows.look_up(number))
        }
        Kind::Request => return Err(io::Error::other("a request is no chore")),
    };
    Ok((chore, folder))
}

/// A table, and as many connections to it as there are jobs under way.
struct Rows {
    connections: Mutex<Vec<Connection>>,
}

impl Rows {
    fn new(path: PathBuf) -> rusqlite::Result<Self> {
        let mut writer = Connection::open(&path)?;
        writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)")?;
        let transaction = writer.transaction()?;
        for id in 0..ROWS {
            transaction.execute("INSERT INTO rows VALUES (?1, ?2)", (id, "t".repeat(100)))?;
        }
        transaction.commit()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = |_| {
            let connection = Connection::open_with_flags(&path, flags)?;
            Self::query(&connection, 0).map(|_| connection)
        };
        let connections = (0..UNDER_WAY_MAX + 1).map(open).collect::<rusqlite::Result<_>>()?;
        Ok(Self { connections: Mutex::new(connections) })
    }

    fn query(connection: &Connection, id: usize) -> rusqlite::Result<usize> {
        let mut statement = connection.prepare_cached("SELECT text FROM rows WHERE id = ?1")?;
        statement.query_row([id], |row| Ok(row.get_ref(0)?.as_str()?.len()))
    }

    fn look_up(&self, number: usize) -> usize {
        let connections = || self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = connections().pop() else { return 0 };
        let found = Self::query(&connection, number % ROWS).unwrap_or(0);
        connections().push(connection);
        found
    }
}

/// Answers every request of every connection, until it is killed.
pub(crate) fn serve_requests() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("ready http={}", listener.local_addr()?);
        loop {
            let (mut socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            tokio::spawn(async move {
                let mut bytes = [0; REQUEST_BYTES];
                while socket.read_exact(&mut bytes).await.is_ok() {
                    socket.write_all(&bytes).await?;
                }
                Ok::<_, io::Error>(())
            });
        }
    })
}

/// What a thread of the pool does.
type Errand = Box<dyn FnOnce() + Send>;

/// Threads that may block, for the models that have none from their runtime.
///
/// Inbox: [`UNDER_WAY_MAX`] errands, more than the bench ever has under way; who comes when it is full waits.
#[derive(Clone)]
pub(crate) struct Pool(SyncSender<Errand>);

impl Pool {
    pub(crate) fn start() -> io::Result<Self> {
        let (inbox, errands) = sync_channel::<Errand>(UNDER_WAY_MAX);
        let errands = Arc::new(Mutex::new(errands));
        for number in 0..BLOCKING_THREADS {
            let errands = errands.clone();
            thread::Builder::new().name(format!("block-{number}")).spawn(move || {
                loop {
                    let next = errands.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(errand) = next else { return };
                    errand();
                }
            })?;
        }
        Ok(Self(inbox))
    }

    pub(crate) fn hand_over(&self, errand: impl FnOnce() + Send + 'static) {
        // The pool ends with its last handle, and this is one.
        drop(self.0.send(Box::new(errand)));
    }
}
