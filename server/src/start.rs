//! A running server: database, store, background tasks and the listening socket, started and stopped in order.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use benchrack_protocol::api::{NewToken, Scope};
use benchrack_protocol::causes::chain;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Parts};
use crate::artifacts::{ArtifactStore, StoreOpenError};
use crate::clock::Clock;
use crate::config::{AuthMode, ConfigError, ServerConfig, default_cache_dir, default_data_dir};
use crate::db::{Database, DatabaseOptions, OpenError};
use crate::events::{EventBus, FarmEvent};
use crate::http;
use crate::launcher::{EmbeddedPostgres, LauncherError, LauncherOptions};
use crate::metrics::Metrics;
use crate::refusal::Refusal;
use crate::webhooks::Webhooks;

/// How long requests may go on after the server was told to stop.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// Wait before listening for notifications again after the database was away.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);
/// Name of the database within the embedded Postgres.
const DATABASE: &str = "benchrack";

/// Why a server did not start. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings contradict each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", listen_remedy(.source))]
    Listen {
        /// Address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The data folder cannot be used.
    #[error("cannot {what} {}: choose another data folder (--data-dir, BENCHRACK_DATA_DIR), or give this user access", .path.display())]
    DataFolder {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The embedded Postgres did not start.
    #[error(transparent)]
    Postgres(#[from] LauncherError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The artifact store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    /// The database was opened and then failed.
    #[error("the database does not do as asked: {0}")]
    Prepare(String),
    /// A task of the server was ended from outside.
    #[error("the start was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

fn listen_remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => "another program has this port; stop it, or choose another (--listen, BENCHRACK_LISTEN)",
        std::io::ErrorKind::PermissionDenied => {
            "ports below 1024 belong to root; choose a higher one (--listen, BENCHRACK_LISTEN)"
        }
        std::io::ErrorKind::AddrNotAvailable => "this machine does not have that address (--listen, BENCHRACK_LISTEN)",
        _ => "choose another address (--listen, BENCHRACK_LISTEN)",
    }
}

impl From<Refusal> for StartError {
    fn from(refusal: Refusal) -> Self {
        let cause = refusal.cause.as_deref().map(|cause| format!(": {}", chain(cause)));
        Self::Prepare(format!("{}{}", refusal.detail, cause.unwrap_or_default()))
    }
}

/// A running server. [`Server::stop`] ends it in order; dropping it ends it at once, the database too.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    app: App,
    stopping: CancellationToken,
    serving: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
    postgres: Option<EmbeddedPostgres>,
}

/// The farm's database and store without a listening socket: for the admin on the server's own machine, who has no
/// token yet.
#[derive(Debug)]
pub struct Offline {
    app: App,
    postgres: Option<EmbeddedPostgres>,
}

impl Offline {
    /// Opens database and store.
    ///
    /// # Errors
    /// See [`StartError`]; the embedded database of a running server is in use.
    pub async fn open(config: &ServerConfig) -> Result<Self, StartError> {
        let (app, postgres) = open(config, CancellationToken::new()).await?;
        Ok(Self { app, postgres })
    }

    /// What can be done: make, list and revoke tokens.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Closes everything in order.
    pub async fn close(self) {
        close(self.app, self.postgres).await;
    }
}

impl Server {
    /// Opens the database and brings it up to date, opens the store, and listens.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: ServerConfig) -> Result<Self, StartError> {
        config.check()?;
        // First, because it fails fastest; connections wait in the socket's queue until there is somebody to answer.
        let listener =
            TcpListener::bind(config.listen).await.map_err(|source| StartError::Listen { address: config.listen, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address: config.listen, source })?;
        let stopping = CancellationToken::new();
        let (app, postgres) = open(&config, stopping.clone()).await?;
        if config.auth == AuthMode::Required {
            first_admin(&app, &data_dir(&config)).await?;
        }
        let now = app.now();
        app.forgive_silence(now).await?;
        app.tick(now).await?;
        let every = Duration::from_secs(config.farm.housekeeping_seconds.into());
        let tasks = vec![
            tokio::spawn(listen(app.clone())),
            tokio::spawn(keep_house(app.clone(), every)),
            tokio::spawn(tell(app.clone(), every)),
        ];
        let router = http::router(&app);
        let stopped = stopping.clone().cancelled_owned();
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the server no longer takes connections");
            }
        });
        tracing::info!(%address, data = %data_dir(&config).display(), "the server takes requests");
        Ok(Self { address, app, stopping, serving, tasks, postgres })
    }

    /// The address listened on, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the server does, without the way over HTTP.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Takes no more requests, lets those under way finish, closes the database and ends the embedded Postgres.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if tokio::time::timeout(DRAIN_TIME, &mut self.serving).await.is_err() {
            tracing::warn!("requests were still under way after {} s and were cut off", DRAIN_TIME.as_secs());
            self.serving.abort();
        }
        for task in self.tasks.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a background task ended badly");
            }
        }
        let app = self.app.clone();
        close(app, self.postgres.take()).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.cancel();
        self.serving.abort();
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn close(app: App, postgres: Option<EmbeddedPostgres>) {
    app.db().close().await;
    if let Some(postgres) = postgres
        && let Err(error) = tokio::task::spawn_blocking(move || postgres.stop()).await
    {
        tracing::error!(%error, "the embedded PostgreSQL did not stop in order");
    }
}

async fn open(config: &ServerConfig, stopping: CancellationToken) -> Result<(App, Option<EmbeddedPostgres>), StartError> {
    let data_dir = data_dir(config);
    let cannot_make = |source| StartError::DataFolder { what: "make the data folder", path: data_dir.clone(), source };
    std::fs::create_dir_all(&data_dir).map_err(cannot_make)?;
    let (options, postgres) = match &config.database.url {
        Some(url) => {
            let options = DatabaseOptions { url: url.0.clone(), max_connections: config.database.max_connections, create: false };
            (options, None)
        }
        None => {
            let postgres = start_postgres(config, &data_dir).await?;
            let url = postgres.url(DATABASE);
            (DatabaseOptions { url, max_connections: config.database.max_connections, create: true }, Some(postgres))
        }
    };
    let db = Database::open(&options).await?;
    let store = ArtifactStore::open(&config.artifacts, &data_dir)?;
    let app = App::new(Parts {
        db,
        store,
        clock: Clock::system(),
        auth: config.auth,
        public_url: config.public_url.clone(),
        limits: config.limits,
        jobs: config.farm.job_policy(),
        devices: config.farm.device_policy(),
        series: config.series.clone(),
        webhooks: Webhooks::of(&config.webhooks)?,
        events: EventBus::default(),
        metrics: Metrics::default(),
        stopping,
    });
    Ok((app, postgres))
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn data_dir(config: &ServerConfig) -> PathBuf {
    config.data_dir.clone().unwrap_or_else(|| default_data_dir(environment))
}

async fn start_postgres(config: &ServerConfig, data_dir: &Path) -> Result<EmbeddedPostgres, StartError> {
    let options = LauncherOptions {
        folder: data_dir.join("postgres"),
        cache: config.cache_dir.clone().unwrap_or_else(|| default_cache_dir(environment)),
        installation: config.database.installation.clone(),
        may_fetch: config.database.may_fetch,
        settings: Vec::new(),
    };
    let started = tokio::task::spawn_blocking(move || EmbeddedPostgres::start(&options)).await;
    Ok(started.map_err(StartError::Interrupted)??)
}

/// Makes the first admin's token where logins are needed and nobody could log in; the file is its only copy.
async fn first_admin(app: &App, data_dir: &Path) -> Result<(), StartError> {
    if app.has_admin().await? {
        return Ok(());
    }
    let created = app.create_token(&NewToken { name: "first admin".into(), scope: Scope::Admin }).await?;
    let path = data_dir.join("admin-token");
    write_secret(&path, &created.secret).map_err(|source| StartError::DataFolder {
        what: "write",
        path: path.clone(),
        source,
    })?;
    tracing::warn!(
        file = %path.display(),
        "no admin token existed: one was made and written to this file; log in with it, make your own, and delete the file"
    );
    Ok(())
}

fn write_secret(path: &Path, secret: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    // A file of an earlier database would keep its own mode.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{secret}")
}

/// Hears the database's notifications and passes them on; after a gap it says that some may be lost.
pub(crate) async fn listen(app: App) {
    let stopping = app.stopping().clone();
    while !stopping.is_cancelled() {
        let heard = tokio::select! {
            heard = hear(&app) => heard,
            () = stopping.cancelled() => return,
        };
        if let Err(error) = heard {
            tracing::warn!(error = chain(&error), "the database's notifications cannot be heard; trying again");
        }
        app.events().publish(FarmEvent::Lost);
        tokio::select! {
            () = tokio::time::sleep(LISTEN_AGAIN) => {}
            () = stopping.cancelled() => return,
        }
    }
}

async fn hear(app: &App) -> Result<(), crate::db::DbError> {
    let mut listener = app.db().listener().await?;
    listener.listen(crate::events::CHANNEL).await?;
    // What was said before this moment was not heard.
    app.events().publish(FarmEvent::Lost);
    while let Some(notification) = listener.try_recv().await? {
        match serde_json::from_str(notification.payload()) {
            Ok(event) => app.events().publish(event),
            Err(error) => tracing::warn!(%error, "a notification of another version was not understood"),
        }
    }
    Ok(())
}

async fn keep_house(app: App, every: Duration) {
    let mut interval = tokio::time::interval(every);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = app.stopping().cancelled() => return,
        }
        if let Err(refusal) = app.tick(app.now()).await {
            let cause = refusal.cause.as_deref().map(|cause| chain(cause));
            tracing::error!(cause, "housekeeping failed and is tried again: {}", refusal.detail);
        }
    }
}

/// Delivers what waits in the outbox; apart from housekeeping, because others' servers take their time.
async fn tell(app: App, every: Duration) {
    let mut interval = tokio::time::interval(every);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = app.stopping().cancelled() => return,
        }
        let delivered = tokio::select! {
            delivered = app.deliver() => delivered,
            () = app.stopping().cancelled() => return,
        };
        if let Err(refusal) = delivered {
            let cause = refusal.cause.as_deref().map(|cause| chain(cause));
            tracing::error!(cause, "the outbox cannot be read and is tried again: {}", refusal.detail);
        }
    }
}
