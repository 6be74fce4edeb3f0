//! The embedded Postgres as the machine sees it: processes, sockets, locks.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use benchrack_server::launcher::{EmbeddedPostgres, LauncherError, LauncherOptions};

/// Set for the child of [`a_killed_owner_takes_postgres_with_it`], which is this test binary again.
const CHILD_FOLDER: &str = "BENCHRACK_TEST_LAUNCHER_FOLDER";

fn options(folder: &Path) -> LauncherOptions {
    LauncherOptions {
        folder: folder.into(),
        cache: folder.join("cache"),
        installation: std::env::var_os("BENCHRACK_POSTGRES").map(PathBuf::from),
        may_fetch: true,
        settings: vec!["fsync=off".into()],
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    // Postgres may run as another user than we.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    folder
}

fn is_up(folder: &Path) -> bool {
    UnixStream::connect(folder.join("socket/.s.PGSQL.5432")).is_ok()
}

#[test]
fn data_outlives_a_restart_and_stopping_ends_the_server() {
    let folder = folder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = |sql: &'static str| {
        let postgres = EmbeddedPostgres::start(&options(folder.path())).unwrap();
        runtime.block_on(async {
            use sqlx::{Connection as _, Executor as _};
            let mut connection = sqlx::PgConnection::connect(&postgres.url("postgres")).await.unwrap();
            let done = connection.execute(sqlx::raw_sql(sql)).await.unwrap();
            connection.close().await.unwrap();
            assert!(is_up(folder.path()));
            postgres.stop();
            done.rows_affected()
        })
    };
    assert_eq!(run("create table kept (a int); insert into kept values (1), (2)"), 2);
    assert!(!is_up(folder.path()), "the server is gone after stop");
    assert_eq!(run("delete from kept"), 2);
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let folder = folder();
    let first = EmbeddedPostgres::start(&options(folder.path())).unwrap();
    let error = EmbeddedPostgres::start(&options(folder.path())).unwrap_err();
    assert!(matches!(error, LauncherError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("BENCHRACK_DATA_DIR"), "{error}");
    first.stop();
}

#[test]
fn an_interrupted_initdb_is_done_again() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("pgdata.new")).unwrap();
    std::fs::write(folder.path().join("pgdata.new/PG_VERSION"), "15").unwrap();
    EmbeddedPostgres::start(&options(folder.path())).unwrap().stop();
    assert!(folder.path().join("pgdata/PG_VERSION").exists() && !folder.path().join("pgdata.new").exists());
}

#[test]
fn a_refusing_postgres_is_reported_with_the_end_of_its_log() {
    let folder = folder();
    let mut wrong = options(folder.path());
    wrong.settings.push("shared_buffers=nonsense".into());
    let error = EmbeddedPostgres::start(&wrong).unwrap_err();
    assert!(matches!(error, LauncherError::Died { .. }), "{error}");
    assert!(error.to_string().contains("shared_buffers"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = folder();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = EmbeddedPostgres::start(&options(&file.join("data"))).unwrap_err();
    assert!(matches!(error, LauncherError::Folder { .. }) && error.to_string().contains("file/data"), "{error}");
}

#[test]
fn data_of_another_major_version_is_left_alone() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("pgdata")).unwrap();
    std::fs::write(folder.path().join("pgdata/PG_VERSION"), "3\n").unwrap();
    let error = EmbeddedPostgres::start(&options(folder.path())).unwrap_err();
    assert!(error.to_string().contains("PostgreSQL 3"), "{error}");
}

/// The child's part: starts a server, says so, and waits to be killed.
#[test]
fn child_that_holds_a_postgres() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let _postgres = EmbeddedPostgres::start(&options(Path::new(&folder))).unwrap();
    std::fs::write(Path::new(&folder).join("ready"), "").unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

#[test]
fn a_killed_owner_takes_postgres_with_it() {
    let folder = folder();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "launcher::child_that_holds_a_postgres", "--nocapture"])
        .env(CHILD_FOLDER, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| folder.path().join("ready").exists());
    assert!(is_up(folder.path()));
    child.kill().unwrap();
    child.wait().unwrap();
    // A new owner waits for the orphan's end and finds the data whole.
    let postgres = EmbeddedPostgres::start(&options(folder.path())).unwrap();
    assert!(is_up(folder.path()));
    postgres.stop();
    assert!(!is_up(folder.path()));
}

/// Polls for another process's progress, which sends us no event.
fn wait_until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(120), "gave up waiting");
        std::thread::yield_now();
    }
}
