//! What ends the server from outside: the first signal asks it to drain, the second ends it at once.

use std::{
    io::{self, Read},
    process, thread,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
};

/// Listens for SIGTERM and SIGINT on this thread's actix system; true after the first of them. With
/// `until_stdin_closes` the end of stdin asks for a drain, too.
///
/// # Errors
/// When the system refuses to let the process listen, or gives no thread.
pub fn stop(until_stdin_closes: bool) -> io::Result<watch::Receiver<bool>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Writing beyond a limit on the size of files must fail as on a full disk, not end the process. Once there is
    // a listener the signal has no other effect, and nobody has to ask the listener.
    drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
    let stdin_closed = if until_stdin_closes { Some(stdin_closed()?) } else { None };
    let (stop, stopped) = watch::channel(false);
    actix_rt::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => ("SIGTERM", 15),
                _ = interrupt.recv() => ("SIGINT", 2),
            }
        };
        tokio::select! {
            (name, _) = next() => tracing::info!(signal = name, "stopping; once more ends the server at once"),
            () = ended(stdin_closed) => tracing::info!("stopping: stdin has ended"),
        }
        stop.send_replace(true);
        let (name, number) = next().await;
        tracing::warn!(signal = name, "ended at once");
        // As a shell reports a process that a signal ended.
        process::exit(128 + number);
    });
    Ok(stopped)
}

/// Reads stdin to its end, on a thread of its own: it waits there as long as the server runs, and dies with it.
fn stdin_closed() -> io::Result<oneshot::Receiver<()>> {
    let (closed, told) = oneshot::channel();
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut ignored = [0; 64];
        let mut stdin = io::stdin().lock();
        loop {
            match stdin.read(&mut ignored) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What cannot be read any more has ended.
                Err(_) => break,
            }
        }
        if closed.send(()).is_err() {
            tracing::debug!("stdin has ended, and the server is stopping already");
        }
    })?;
    Ok(told)
}

/// Resolves when the end of stdin was told; never when nobody reads it.
async fn ended(stdin_closed: Option<oneshot::Receiver<()>>) {
    if let Some(told) = stdin_closed
        && told.await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
