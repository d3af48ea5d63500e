//! Wires the parts together, serves, and stops in order.

mod front;

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use axum::serve::ListenerExt as _;
use prometheus_client::registry::Registry;
use sigyn_api::push::PushLimits;
use sigyn_api::{AppState, Cpu, LevelSwitch};
use sigyn_backend::Backend;
use sigyn_model::{ByteSize, TenantLimits};
use sigyn_read::{Cluster, Member, Reader};
use sigyn_settings::mask;
use sigyn_storage::{Clock as _, CpuPool, Storage, SystemClock};
use sigyn_write::Writer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Loaded};
use crate::overrides::Overrides;
use crate::{process_metrics, signals, version};
use front::Front;

/// Runs until a signal stops it.
pub(crate) fn run(loaded: Loaded, log_level: Arc<dyn LevelSwitch>) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .context("starting the async runtime")?;
    runtime.block_on(serve(loaded, log_level, threads))
}

async fn serve(loaded: Loaded, log_level: Arc<dyn LevelSwitch>, threads: usize) -> Result<()> {
    let config = &loaded.config;
    if let Some(loki) = &loaded.loki {
        loki.tell();
    }
    let stopping = CancellationToken::new();
    signals::watch(stopping.clone())?;
    let (listener, address) = listen(config).await?;

    // Answers "not ready" until the storage is open.
    let front = Front::default();
    let drained = CancellationToken::new();
    let server = spawn_server(listener, front.router(), stopping.clone(), drained.clone());

    let cpu = CpuPool::new(threads).context("starting the CPU pool")?;
    let mut registry = Registry::default();
    process_metrics::register(&mut registry);
    let metrics = sigyn_storage::Metrics::register(&mut registry);
    let storage = tokio::select! {
        storage = open_storage(config, &metrics) => storage?,
        () = stopping.cancelled() => return Ok(()),
    };
    let description = mask::urls(&storage.description);
    let limits = Arc::new(TenantLimits::new(config.limits.clone()));
    if let Some(overrides) = Overrides::start(&config.runtime_config, &limits, &mut registry)? {
        tokio::spawn(overrides.watch(stopping.clone()));
    }
    let parts = Parts::start(config, storage, &cpu, limits, &mut registry);
    for line in loaded.summary(&description) {
        tracing::info!("{line}");
    }
    front.open(sigyn_api::router(parts.state(config, cpu, registry, log_level, stopping.clone())));
    tracing::info!(
        version = version::VERSION,
        targets = %String::from(config.target),
        storage = %description,
        address = %format!("http://{address}"),
        "sigyn is ready"
    );

    // Known to the others while it serves, and no longer once it begins to stop.
    let membership = parts.cluster.clone().map(|cluster| {
        let stopping = stopping.clone();
        tokio::spawn(async move { cluster.run(stopping).await })
    });

    stopping.cancelled().await;
    if tokio::time::timeout(config.server.graceful_shutdown_timeout.as_duration(), drained.cancelled()).await.is_err() {
        tracing::warn!("some requests did not end in server.graceful_shutdown_timeout; their connections are cut");
    }
    parts.stop().await;
    if let Some(Err(error)) = match membership {
        Some(membership) => Some(membership.await),
        None => None,
    } {
        tracing::error!(%error, "the membership ended out of order");
    }
    server.abort();
    tracing::info!("stopped");
    Ok(())
}

async fn listen(config: &Config) -> Result<(TcpListener, SocketAddr)> {
    let (host, port) = (config.server.http_listen_address.as_str(), config.server.http_listen_port);
    let listener = TcpListener::bind((host, port)).await.map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => anyhow!(
            "port {port} of {host} is in use by another process; stop it or choose another port with -server.http-listen-port"
        ),
        _ => anyhow!("cannot listen on server.http_listen_address {host}, port {port}: {e}"),
    })?;
    let address = listener.local_addr().context("asking for the address in use")?;
    Ok((listener, address))
}

/// Serves until `stopping`, then finishes what is under way and says so through `drained`.
fn spawn_server(
    listener: TcpListener,
    router: axum::Router,
    stopping: CancellationToken,
    drained: CancellationToken,
) -> JoinHandle<()> {
    // Answers are small and complete: waiting to fill a packet only delays them.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection kept its delay");
        }
    });
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(stopping.clone().cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "the server stopped");
            stopping.cancel();
        }
        drained.cancel();
    })
}

/// Opens the storage and proves what the targets of this process do with it.
async fn open_storage(config: &Config, metrics: &sigyn_storage::Metrics) -> Result<Storage> {
    let access = config.target.storage_access();
    let proved = sigyn_storage::preflight(&config.storage, access, Arc::new(SystemClock), metrics).await;
    for check in &proved.checks {
        if let Ok(found) = &check.outcome {
            tracing::debug!(check = check.name, found = %mask::urls(found), took = ?check.took, "storage");
        }
    }
    let failed = proved.checks.iter().find(|check| check.outcome.is_err()).map_or("storage", |check| check.name);
    proved.into_storage().with_context(|| format!("the storage does not work ({failed})"))
}

/// The targets that run in this process.
struct Parts {
    limits: Arc<TenantLimits>,
    writer: Option<Arc<Writer>>,
    reader: Option<Arc<Reader>>,
    backend: Option<JoinHandle<()>>,
    /// Stops the backend, after everything else.
    backend_stop: CancellationToken,
    cluster: Option<Arc<Cluster>>,
    api_metrics: sigyn_api::Metrics,
}

impl Parts {
    fn start(
        config: &Config,
        storage: Storage,
        cpu: &CpuPool,
        limits: Arc<TenantLimits>,
        registry: &mut Registry,
    ) -> Self {
        let writer = config.target.write.then(|| {
            Arc::new(Writer::new(config.write.clone(), storage.clone(), cpu.clone(), Arc::clone(&limits), registry))
        });
        let reader = config.target.read.then(|| {
            Arc::new(Reader::new(config.read.clone(), storage.clone(), cpu.clone(), Arc::clone(&limits), registry))
        });
        let cluster = config.cluster.address().map(|address| {
            let targets = config.target.names().into_iter().map(str::to_owned).collect();
            let own = Member { node: address.clone(), address, targets, version: version::VERSION.to_owned() };
            Cluster::new(own, &storage, registry)
        });
        let backend_stop = CancellationToken::new();
        let backend = config.target.backend.then(|| {
            let backend = Backend::new(config.backend.clone(), storage, cpu.clone(), Arc::clone(&limits), registry);
            tokio::spawn(backend.run(backend_stop.clone()))
        });
        let api_metrics = sigyn_api::Metrics::register(registry);
        Self { limits, writer, reader, backend, backend_stop, cluster, api_metrics }
    }

    fn state(
        &self,
        config: &Config,
        cpu: CpuPool,
        registry: Registry,
        log_level: Arc<dyn LevelSwitch>,
        stopping: CancellationToken,
    ) -> AppState {
        let bytes = |size: ByteSize| usize::try_from(size.bytes()).unwrap_or(usize::MAX);
        let server = &config.server;
        AppState {
            writer: self.writer.clone(),
            reader: self.reader.clone(),
            cluster: self.cluster.clone(),
            services: config.target.names(),
            limits: Arc::clone(&self.limits),
            auth_enabled: config.auth_enabled,
            push_limits: PushLimits {
                max_recv_msg_size: bytes(server.max_recv_msg_size),
                max_decompressed_size: bytes(server.max_decompressed_size),
            },
            receive_bytes_max: bytes(server.max_receiving_bytes),
            metrics: self.api_metrics.clone(),
            registry: Arc::new(registry),
            config_text: config.to_yaml(),
            default_config_text: Config::default().to_yaml(),
            build: version::build_info(),
            log_level,
            now: Arc::new(|| SystemClock.now()),
            cpu: Cpu::new(move |work| {
                let cpu = cpu.clone();
                tokio::spawn(async move { cpu.run(work).await });
            }),
            stopping,
        }
    }

    /// Flushes what was accepted, then stops the background work.
    async fn stop(self) {
        if let Some(writer) = self.writer {
            writer.shutdown().await;
        }
        self.backend_stop.cancel();
        if let Some(Err(error)) = match self.backend {
            Some(backend) => Some(backend.await),
            None => None,
        } {
            tracing::error!(%error, "the backend stopped out of order");
        }
    }
}
