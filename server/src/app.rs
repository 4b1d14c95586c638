//! The server as a whole: builds the parts, starts them, and drains them when it is told to stop.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool, atomic::Ordering},
    time::Duration,
};

use actix_http::HttpService;
use actix_server::{Server, ServerHandle};
use actix_service::{ServiceFactory as _, fn_factory, fn_factory_with_config, fn_service, map_config};
use actix_web::{App, dev::AppConfig, web::Data};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, interval, timeout},
};

use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    connection::Desk,
    fanout::{Fanout, LocalShard, ShardCommand, ShardId, ShardLimits},
    hub::Hub,
    inspect::{Control, Inspector},
    limits::{Limits, size},
    listener::{Admission, Door, Entry, page, service},
    room,
    session::Sessions,
    store::Store,
};

/// How often sessions are looked at that may have been idle too long.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

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

/// The parts of a running server that more than one function needs.
struct Running {
    server: ServerHandle,
    fanout: Fanout,
    admission: Arc<Admission>,
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    /// Answers inspections; `None` when there is no socket for them.
    inspection: Option<JoinHandle<()>>,
}

/// Runs the server on this thread's actix system until `stop` is true, then drains it.
///
/// `ready` is called once, when connections are accepted.
///
/// # Errors
/// When the store cannot be read, or the listener not be served.
pub async fn run(parts: AppParts, mut stop: watch::Receiver<bool>, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let AppParts { config, listener, store, metrics } = parts;
    let limits = Arc::new(config.limits.clone());
    let address = listener.local_addr()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let count = ShardId::try_from(config.fanout.shards.count().get()).unwrap_or(ShardId::MAX);
    let (fanout, inboxes) = Fanout::new(count, size(limits.shard_inbox_max));
    let sessions = Sessions::recover(store.clone(), clock.clone(), fanout.clone(), limits.clone());
    let sessions = Arc::new(sessions.await.map_err(io::Error::other)?);
    let draining = Arc::new(AtomicBool::new(false));
    let hub = Arc::new(Hub {
        name: config.server.name.clone(),
        rooms: room::Registry::new(store.clone(), clock.clone(), fanout.clone(), limits.clone()),
        limits: limits.clone(),
        store: store.clone(),
        clock,
        sessions,
        draining: draining.clone(),
    });
    let admission = Arc::new(Admission::new(&limits));
    let pages = page::PageState::new(store.clone(), metrics, draining, config.server.name.clone());
    let workers = Workers {
        fanout: fanout.clone(),
        inboxes: Arc::new(Mutex::new(inboxes.into_iter().enumerate().collect())),
        hub: hub.clone(),
        admission: admission.clone(),
        pages: Data::new(pages),
        allowed_origins: config.server.allowed_origins.clone().into(),
    };
    let server = serve(listener, count, workers)?;
    let inspection = inspection(&config.server.data, Inspector::new(hub.clone(), &fanout));
    let mut running = Running { server: server.handle(), fanout, admission, store, hub, inspection };
    let mut serving = actix_rt::spawn(server);
    tracing::info!(http = %address, shards = count, "accepting connections");
    ready(address);
    let sweeper = actix_rt::spawn(sweep(running.hub.sessions.clone()));
    tokio::select! {
        // An error means that nobody can stop us any more: then we stop, too.
        told = stop.wait_for(|stop| *stop) => if told.is_err() {
            tracing::warn!("nobody is left to stop the server: stopping");
        },
        ended = &mut serving => {
            tracing::error!("the HTTP server has ended by itself");
            return ended.map_err(io::Error::other)?;
        }
    }
    sweeper.abort();
    running.drain(&limits).await;
    serving.await.map_err(io::Error::other)?
}

/// Lets the server be looked at through its folder. That this cannot be is no reason not to serve.
fn inspection(folder: &Path, inspector: Inspector) -> Option<JoinHandle<()>> {
    match Control::bind(folder) {
        Ok(control) => Some(actix_rt::spawn(control.serve(inspector))),
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "no control socket: the server cannot be inspected");
            None
        }
    }
}

/// Ends sessions that have been idle too long, now and then.
async fn sweep(sessions: Arc<Sessions>) {
    let mut every = interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        sessions.sweep().await;
    }
}

type ShardInbox = mpsc::Receiver<ShardCommand>;

/// What each worker thread is made from.
#[derive(Clone)]
struct Workers {
    fanout: Fanout,
    /// The inboxes of the shards that have not started yet; every worker takes one.
    inboxes: Arc<Mutex<Vec<(usize, ShardInbox)>>>,
    hub: Arc<Hub>,
    admission: Arc<Admission>,
    pages: Data<page::PageState>,
    allowed_origins: Arc<[String]>,
}

impl Workers {
    /// Called on a worker's own thread: starts its shard and builds its door.
    fn door(&self) -> Door {
        let inbox = self.inboxes.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let shard = inbox.and_then(|(id, inbox)| {
            let id = ShardId::try_from(id).ok()?;
            let limits = ShardLimits { slice_deliveries_max: size(self.hub.limits.shard_slice_deliveries_max) };
            Some(LocalShard::start(id, self.fanout.shard(id)?, inbox, limits))
        });
        let desk = shard.map(|shard| Rc::new(Desk { hub: self.hub.clone(), shard }));
        if desk.is_none() {
            tracing::error!("a worker was started again after it failed: it serves pages, but no connections");
        }
        Door {
            hub: self.hub.clone(),
            desk,
            admission: self.admission.clone(),
            allowed_origins: Rc::from(&self.allowed_origins[..]),
        }
    }
}

fn serve(listener: TcpListener, count: ShardId, workers: Workers) -> io::Result<Server> {
    let head = Duration::from_millis(workers.hub.limits.http_head_ms);
    let server = Server::build().workers(usize::from(count)).disable_signals().shutdown_timeout(1);
    let server = server.listen("http", listener, move || {
        let door = workers.door();
        let pages = workers.pages.clone();
        let upgrade = fn_factory_with_config(move |()| {
            let door = door.clone();
            let upgrade = fn_service(move |(request, socket)| service(door.clone(), request, socket));
            async move { Ok::<_, ()>(upgrade) }
        });
        let app = App::new().app_data(pages).configure(page::routes);
        let http = HttpService::build()
            .client_request_timeout(head)
            .client_disconnect_timeout(Duration::from_secs(1))
            .upgrade(upgrade)
            .h1(map_config(app, |()| AppConfig::default()))
            .tcp();
        // A crowd at the door does not hold up those who are in.
        fn_factory(move || {
            let http = http.new_service(());
            async move { Ok::<_, ()>(Entry::new(http.await?, head)) }
        })
    })?;
    Ok(server.run())
}

impl Running {
    /// No new connections; a goodbye for everybody; then the store is closed, and all threads stop.
    async fn drain(&mut self, limits: &Limits) {
        let begun = Instant::now();
        tracing::info!(connections = self.admission.connections(), "draining");
        self.hub.draining.store(true, Ordering::Relaxed);
        self.server.pause().await;
        let deadline = Duration::from_millis(limits.drain_ms);
        if timeout(deadline, self.part()).await.is_err() {
            tracing::warn!(left = self.admission.connections(), "some connections did not end in time");
        }
        // Until here it can be seen what the drain waits for. The file must go while the folder is ours.
        if let Some(inspection) = self.inspection.take() {
            inspection.abort();
            if inspection.await.is_ok() {
                tracing::debug!("inspections had ended by themselves");
            }
        }
        // Rooms may still hold posts that were never acknowledged; what the store took is finished first.
        let left = deadline.saturating_sub(begun.elapsed()).max(Duration::from_secs(1));
        match timeout(left, self.store.close()).await {
            Ok(Ok(())) => tracing::info!("the store is closed"),
            Ok(Err(error)) => tracing::error!(%error, "the store did not close cleanly; it recovers at the next start"),
            Err(_) => tracing::error!("the store did not close in time; it recovers at the next start"),
        }
        self.server.stop(false).await;
    }

    /// Says goodbye to all connections and waits for them to end.
    async fn part(&self) {
        for shard in self.fanout.shards() {
            let drain = ShardCommand::Drain { spread_ms: self.hub.limits.reconnect_spread_ms };
            if shard.send(drain).await.is_err() {
                tracing::debug!("a shard had stopped before the drain");
            }
        }
        self.admission.empty().await;
    }
}
