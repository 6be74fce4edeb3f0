//! A farm for one test: a database of its own, a clock that stands still, and the router in process.
//!
//! One Postgres serves the whole test process, in memory where there is room; each test gets a copy of a migrated
//! template database, which takes some 25 ms. `TEST_DATABASE_URL` names another server to use.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use benchrack_lifecycle::device::DevicePolicy;
use benchrack_lifecycle::job::JobPolicy;
use benchrack_protocol::api::{LEASE_HEADER, Lease, NewToken, Scope};
use benchrack_protocol::problem::{Problem, ProblemCode};
use benchrack_server::app::{App, Parts};
use benchrack_server::db::{Database, MIGRATIONS};
use benchrack_server::launcher::{EmbeddedPostgres, LauncherOptions};
use benchrack_server::{
    ArtifactConfig, ArtifactStore, AuthMode, Clock, EventBus, Limits, Metrics, SeriesConfig, WebhookConfig, Webhooks, router,
};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The first moment of every test.
pub const START: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);
/// Memory that a Postgres of the tests may need.
const ROOM: u64 = 1 << 30;

/// Connections of a test unless it wants otherwise.
const CONNECTIONS: u32 = 6;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Where the tests' databases are made.
pub struct TestServer {
    options: PgConnectOptions,
    /// Address with `DATABASE` in the place of the database's name.
    url: String,
    _postgres: Option<EmbeddedPostgres>,
}

impl TestServer {
    fn get() -> &'static Self {
        static SERVER: OnceLock<TestServer> = OnceLock::new();
        SERVER.get_or_init(|| {
            let (url, postgres) = match std::env::var("TEST_DATABASE_URL") {
                Ok(url) => (url, None),
                Err(_) => {
                    let postgres = EmbeddedPostgres::start(&options()).unwrap();
                    (postgres.url("postgres"), Some(postgres))
                }
            };
            let options = PgConnectOptions::from_str(&url).unwrap();
            let name = options.get_database().unwrap().to_owned();
            Self { options, url: url.replacen(&format!("/{name}"), "/DATABASE", 1), _postgres: postgres }
        })
    }

    async fn connect() -> PgConnection {
        PgConnection::connect_with(&Self::get().options).await.unwrap()
    }
}

fn options() -> LauncherOptions {
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map_or(0, |stat| stat.f_bavail * stat.f_frsize);
    let root = if room > ROOM { memory.to_owned() } else { std::env::temp_dir() };
    remove_leftovers(&root);
    let settings = ["fsync=off", "full_page_writes=off", "synchronous_commit=off"].map(str::to_owned).to_vec();
    LauncherOptions {
        folder: root.join(format!("benchrack-test-{}", std::process::id())),
        cache: std::env::temp_dir().join("benchrack-test-cache"),
        installation: std::env::var_os("BENCHRACK_POSTGRES").map(PathBuf::from),
        may_fetch: true,
        settings,
    }
}

/// A test process ends without running destructors of statics: its Postgres follows it, its folder stays.
fn remove_leftovers(root: &Path) {
    for entry in std::fs::read_dir(root).unwrap().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix("benchrack-test-")).and_then(|pid| pid.parse::<u32>().ok());
        let in_use = |pid: u32| Path::new(&format!("/proc/{pid}")).exists();
        if pid.is_some_and(|pid| !in_use(pid)) && !entry.path().join("pgdata/postmaster.pid").exists() {
            // Another test process may remove it at the same time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Name of the migrated template, different for each schema.
fn template() -> String {
    let hash = MIGRATIONS.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, migration| {
        migration.checksum.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    });
    format!("benchrack_template_{hash:x}")
}

/// An empty database with the whole schema; its name.
pub async fn new_database() -> String {
    let mut admin = TestServer::connect().await;
    let template = template();
    // The lock belongs to this connection and goes with it.
    admin_run(&mut admin, "select pg_advisory_lock(727001)").await;
    let exists = format!("select exists(select from pg_database where datname = '{template}' and datistemplate)");
    let exists: bool = sqlx::raw_sql(AssertSqlSafe(exists)).fetch_one(&mut admin).await.unwrap().get(0);
    if !exists {
        admin_run(&mut admin, &format!("drop database if exists {template}")).await;
        admin_run(&mut admin, &format!("create database {template}")).await;
        let mut connection = PgConnection::connect_with(&TestServer::get().options.clone().database(&template)).await.unwrap();
        MIGRATIONS.run(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        admin_run(&mut admin, &format!("alter database {template} is_template true")).await;
    }
    let name = fresh_name();
    admin_run(&mut admin, &format!("create database {name} template {template} strategy file_copy")).await;
    admin.close().await.unwrap();
    name
}

/// An empty database without a schema; its name.
pub async fn bare_database() -> String {
    let mut admin = TestServer::connect().await;
    let name = fresh_name();
    admin_run(&mut admin, &format!("create database {name}")).await;
    admin.close().await.unwrap();
    name
}

fn fresh_name() -> String {
    format!("benchrack_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Address of a test's database.
pub fn url_of(database: &str) -> String {
    TestServer::get().url.replacen("DATABASE", database, 1)
}

/// Connections to a test's database.
pub async fn pool_of(database: &str) -> PgPool {
    pool_with(database, CONNECTIONS).await
}

async fn pool_with(database: &str, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .connect_with(TestServer::get().options.clone().database(database))
        .await
        .unwrap()
}

/// Removes a test's database.
pub async fn drop_database(database: &str) {
    let mut admin = TestServer::connect().await;
    admin_run(&mut admin, &format!("drop database {database} with (force)")).await;
    admin.close().await.unwrap();
}

async fn admin_run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

/// What a test may want otherwise.
pub struct Options {
    /// Who must log in.
    pub auth: AuthMode,
    /// Bounds on what is taken.
    pub limits: Limits,
    /// Rules.
    pub policies: (JobPolicy, DevicePolicy),
    /// The address that browsers use.
    pub public_url: Option<String>,
    /// Watching of series.
    pub series: SeriesConfig,
    /// Whom to tell of alerts.
    pub webhooks: Vec<WebhookConfig>,
    /// Connections to the database.
    pub connections: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            auth: AuthMode::Required,
            limits: Limits::default(),
            policies: (JobPolicy::default(), DevicePolicy::default()),
            public_url: None,
            series: SeriesConfig::default(),
            webhooks: Vec::new(),
            connections: CONNECTIONS,
        }
    }
}

/// One test's farm.
pub struct Farm {
    pub app: App,
    pub pool: PgPool,
    now: Arc<Mutex<OffsetDateTime>>,
    router: Router,
    tokens: Vec<(Scope, String)>,
}

/// Runs a test on a farm of its own.
pub async fn with_farm(test: impl AsyncFnOnce(&Farm)) {
    with_options(Options::default(), test).await;
}

/// The same with other options.
pub async fn with_options(options: Options, test: impl AsyncFnOnce(&Farm)) {
    let database = new_database().await;
    let pool = pool_with(&database, options.connections).await;
    let folder = tempfile::tempdir().unwrap();
    let now = Arc::new(Mutex::new(START));
    let stopping = CancellationToken::new();
    let app = App::new(Parts {
        db: Database::over(pool.clone()),
        store: ArtifactStore::open(&ArtifactConfig::default(), folder.path()).unwrap(),
        clock: Clock::of({
            let now = now.clone();
            move || *now.lock().unwrap()
        }),
        auth: options.auth,
        public_url: options.public_url,
        limits: options.limits,
        jobs: options.policies.0,
        devices: options.policies.1,
        series: options.series,
        webhooks: Webhooks::of(&options.webhooks).unwrap(),
        events: EventBus::default(),
        metrics: Metrics::default(),
        stopping: stopping.clone(),
    });
    let mut tokens = Vec::new();
    for scope in [Scope::Agent, Scope::Submit, Scope::Read, Scope::Admin] {
        let created = app.create_token(&NewToken { name: format!("{scope:?}"), scope }).await.unwrap();
        tokens.push((scope, created.secret));
    }
    let farm = Farm { router: router(&app), app, pool: pool.clone(), now, tokens };
    test(&farm).await;
    stopping.cancel();
    pool.close().await;
    drop_database(&database).await;
}

impl Farm {
    /// The time.
    pub fn now(&self) -> OffsetDateTime {
        *self.now.lock().unwrap()
    }

    /// Sets the clock.
    pub fn set_time(&self, now: OffsetDateTime) {
        *self.now.lock().unwrap() = now;
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }

    /// The bearer token of this scope.
    pub fn token(&self, scope: Scope) -> &str {
        &self.tokens.iter().find(|(of, _)| *of == scope).unwrap().1
    }

    /// Begins a request with the token of this scope.
    pub fn ask(&self, scope: Scope, method: Method, path: &str) -> Ask<'_> {
        self.anonymous(method, path).header("authorization", &format!("Bearer {}", self.token(scope)))
    }

    /// Begins a request without any token.
    pub fn anonymous(&self, method: Method, path: &str) -> Ask<'_> {
        Ask {
            farm: self,
            method,
            path: path.to_owned(),
            headers: vec![("host".into(), "127.0.0.1:7070".into())],
            body: Body::empty(),
        }
    }

    /// GET with the read token.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        self.ask(Scope::Read, Method::GET, path).send().await.ok()
    }

    /// POST with this token.
    pub async fn post<T: DeserializeOwned>(&self, scope: Scope, path: &str, body: &impl Serialize) -> T {
        self.ask(scope, Method::POST, path).json(body).send().await.ok()
    }

    /// POST under a lease.
    pub fn leased(&self, lease: &Lease, what: &str) -> Ask<'_> {
        self.ask(Scope::Agent, Method::POST, &format!("/api/v1/leases/{}/{what}", lease.id)).header(LEASE_HEADER, &lease.secret)
    }

    /// One figure from the database, for what no endpoint tells.
    pub async fn scalar(&self, sql: &str) -> i64 {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_one(&self.pool).await.unwrap().get(0)
    }
}

/// A request being written.
pub struct Ask<'a> {
    farm: &'a Farm,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Body,
}

impl Ask<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(key, _)| key != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn json(self, body: &impl Serialize) -> Self {
        self.raw("application/json", serde_json::to_vec(body).unwrap())
    }

    pub fn raw(mut self, content_type: &str, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    pub async fn send(self) -> Answer {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(self.body).unwrap();
        let response = self.farm.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { what: self.path, status: parts.status, headers: parts.headers, body }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    what: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body of a success.
    pub fn ok<T: DeserializeOwned>(self) -> T {
        assert!(self.status.is_success(), "{}: {} {}", self.what, self.status, self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.what, self.text()))
    }

    /// A success without a body.
    pub fn empty(self) {
        assert_eq!(self.status, StatusCode::NO_CONTENT, "{}: {}", self.what, self.text());
    }

    /// The problem of a refusal, with this code, and with these words in its detail.
    pub fn refused(self, code: ProblemCode, words: &str) -> Problem {
        assert_eq!(self.status.as_u16(), code.status(), "{}: {}", self.what, self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.what);
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!((problem.code, problem.status), (code, code.status()), "{problem:?}");
        assert!(problem.detail.contains(words), "'{words}' is not in: {}", problem.detail);
        assert_eq!(problem.request_id.as_deref(), self.header("x-request-id"), "the log has the same id");
        problem
    }
}
