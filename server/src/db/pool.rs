//! Connecting, migrating, and the one connection that listens.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateDatabase, MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Postgres, Transaction};

use super::DbError;

/// The schema, embedded at compile time.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// No question of ours needs longer; a stuck one must not hold its connection for ever.
const STATEMENT_TIMEOUT: &str = "30s";
/// How long a request waits for a free connection before it is answered "try later".
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// How to reach a database.
#[derive(Clone)]
pub struct DatabaseOptions {
    /// `postgres://…`.
    pub url: String,
    /// Connections for requests; one more listens.
    pub max_connections: u32,
    /// Make the database where it is absent; for the embedded Postgres, where we are the owner.
    pub create: bool,
}

impl std::fmt::Debug for DatabaseOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseOptions").field("max_connections", &self.max_connections).finish_non_exhaustive()
    }
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be read. It may hold a password, so that it is not repeated.
    #[error("DATABASE_URL is not a PostgreSQL address such as postgres://user:password@host:5432/benchrack?sslmode=verify-full")]
    Address(#[source] sqlx::Error),
    /// Nothing takes the connection, or it is refused.
    #[error(
        "cannot connect to {target}: see that PostgreSQL runs there, that the database exists and that user and password are right"
    )]
    Connect {
        /// Database, host and user, without the password.
        target: String,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// The server is too old.
    #[error("the database is PostgreSQL {found}, and {} is the oldest that works: upgrade it", crate::launcher::OLDEST_MAJOR)]
    TooOld {
        /// Its version.
        found: String,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the database's schema up to date; nothing was changed by the migration that failed")]
    Migrate(#[source] MigrateError),
}

/// The farm's database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    pool: PgPool,
}

impl Database {
    /// Connects and brings the schema up to date; any number of servers may do this at once.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(options: &DatabaseOptions) -> Result<Self, OpenError> {
        let connect = address(&options.url).map_err(OpenError::Address)?.application_name("benchrack");
        let cannot = |source| OpenError::Connect { target: target(&connect), source };
        if options.create && !Postgres::database_exists(&options.url).await.map_err(cannot)? {
            Postgres::create_database(&options.url).await.map_err(cannot)?;
        }
        // Once without the pool, which tries again until its time is up and then only says that it was; and without the
        // time-out, as migrations take what they take.
        let mut first = PgConnection::connect_with(&connect).await.map_err(cannot)?;
        too_old(&mut first).await.map_err(cannot)?.map_or(Ok(()), |found| Err(OpenError::TooOld { found }))?;
        MIGRATIONS.run(&mut first).await.map_err(OpenError::Migrate)?;
        first.close().await.map_err(cannot)?;
        let pool = PgPoolOptions::new()
            // One more than asked for: it listens, for as long as the server lives.
            .max_connections(options.max_connections.saturating_add(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(connect.options([("statement_timeout", STATEMENT_TIMEOUT)]));
        Ok(Self { pool })
    }

    /// A database whose schema is known to be up to date.
    pub fn over(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Postgres>, DbError> {
        Ok(self.pool.begin().await?)
    }

    /// A connection that hears notifications.
    pub(crate) async fn listener(&self) -> Result<PgListener, DbError> {
        Ok(PgListener::connect_with(&self.pool).await?)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`DbError`] when it does not.
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query_scalar!(r#"select 1 as "one!""#).fetch_one(&self.pool).await?;
        Ok(())
    }

    /// Connections open and idle.
    pub fn connections(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle())
    }

    /// Lets requests finish and closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// sqlx reads an address of any kind of database as one of its own.
fn address(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    if ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        PgConnectOptions::from_str(url)
    } else {
        Err(sqlx::Error::Configuration("it does not begin with postgres://".into()))
    }
}

/// `database farm at db.example:5432 as me`.
fn target(connect: &PgConnectOptions) -> String {
    let place = match connect.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", connect.get_host(), connect.get_port()),
    };
    let (database, user) = (connect.get_database().unwrap_or(connect.get_username()), connect.get_username());
    format!("database {database} at {place} as {user}")
}

/// The server's version, if it is too old.
async fn too_old(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let number =
        sqlx::query_scalar!(r#"select current_setting('server_version_num')::int as "number!""#).fetch_one(connection).await?;
    let major = number / 10_000;
    let old = u32::try_from(major).is_ok_and(|major| major < crate::launcher::OLDEST_MAJOR);
    Ok(old.then(|| format!("{major}.{}", number % 10_000)))
}
