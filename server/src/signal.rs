//! Signals: the first asks the server to drain, the second ends it at once.

use std::{io, process};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Listens for SIGTERM and SIGINT on this thread's actix system; true after the first of them.
///
/// # Errors
/// When the system refuses to let the process listen.
pub fn stop() -> io::Result<watch::Receiver<bool>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Writing beyond a limit on the size of files must fail as on a full disk, not end the process. Once there is
    // a listener the signal has no other effect, and nobody has to ask the listener.
    drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
    let (stop, stopped) = watch::channel(false);
    actix_rt::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => ("SIGTERM", 15),
                _ = interrupt.recv() => ("SIGINT", 2),
            }
        };
        let (name, _) = next().await;
        tracing::info!(signal = name, "stopping; once more ends the server at once");
        stop.send_replace(true);
        let (name, number) = next().await;
        tracing::warn!(signal = name, "ended at once");
        // As a shell reports a process that a signal ended.
        process::exit(128 + number);
    });
    Ok(stopped)
}
