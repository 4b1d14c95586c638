//! The server as a whole: a placeholder that holds the signature until the real one is merged.

use std::{io, net::TcpListener, sync::Arc};

use metrics_exporter_prometheus::PrometheusHandle;

use crate::{config::Config, store::Store};

/// What a server is made of.
pub struct AppParts {
    /// The configuration.
    pub config: Arc<Config>,
    /// Where to accept.
    pub listener: TcpListener,
    /// What outlives the process.
    pub store: Arc<dyn Store>,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
}

/// Runs the server until it is told to stop and has drained.
///
/// # Errors
/// Always, in this placeholder.
pub async fn run(parts: AppParts) -> io::Result<()> {
    drop(parts);
    Err(io::Error::other("this build has no server"))
}
