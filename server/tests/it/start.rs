//! Starting and stopping a whole server, and what is said when it cannot start.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use benchrack_protocol::api::{NewToken, Scope};
use benchrack_server::{ArtifactConfig, AuthMode, Offline, Redacted, Server, ServerConfig, StartError};
use tokio::net::TcpListener;

use crate::farm::{bare_database, drop_database, new_database, url_of};
use crate::sample::registration;

fn config(folder: &Path) -> ServerConfig {
    let mut config = ServerConfig { data_dir: Some(folder.into()), ..ServerConfig::default() };
    config.listen.set_port(0);
    config
}

fn on_database(folder: &Path, database: &str) -> ServerConfig {
    let mut config = config(folder);
    config.database.url = Some(Redacted(url_of(database)));
    config
}

fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    // Postgres may run as another user than we.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Error and all its causes, as the program prints them.
fn said(error: &StartError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

async fn refused(config: ServerConfig) -> String {
    match Server::start(config).await {
        Ok(_) => panic!("it started"),
        Err(error) => said(&error),
    }
}

#[tokio::test]
async fn without_any_setting_a_server_runs_on_a_database_of_its_own_and_keeps_it() {
    let folder = open_folder();
    let server = Server::start(config(folder.path())).await.unwrap();
    assert!(server.address().ip().is_loopback() && server.address().port() != 0);
    server.app().register("one", &registration("one")).await.unwrap();
    let second = refused(config(folder.path())).await;
    assert!(second.contains("another benchrack server uses"), "{second}");
    server.stop().await;
    let server = Server::start(config(folder.path())).await.unwrap();
    assert_eq!(server.app().devices().await.unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = ServerConfig { listen: taken.local_addr().unwrap(), ..config(folder.path()) };
    let text = refused(config).await;
    assert!(text.contains(&taken.local_addr().unwrap().to_string()) && text.contains("--listen"), "{text}");
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let text = refused(config(&folder.path().join("file/data"))).await;
    assert!(text.contains("file/data") && text.contains("BENCHRACK_DATA_DIR"), "{text}");
}

#[tokio::test]
async fn a_database_that_refuses_is_told_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    for (url, words) in [
        ("postgres://me:hunter2@127.0.0.1:1/farm", "cannot connect to database farm at 127.0.0.1:1 as me"),
        ("mysql://farm:hunter2@127.0.0.1/benchrack", "not a PostgreSQL address"),
    ] {
        let mut config = config(folder.path());
        config.database.url = Some(Redacted(url.into()));
        let text = refused(config).await;
        assert!(text.contains(words) && !text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn a_postgres_that_is_not_there_is_told_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.database.installation = Some(folder.path().join("nowhere"));
    let text = refused(config).await;
    assert!(text.contains("nowhere") && text.contains("BENCHRACK_POSTGRES"), "{text}");
}

#[tokio::test]
async fn an_open_server_on_every_address_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = ServerConfig { listen: "0.0.0.0:0".parse().unwrap(), ..config(folder.path()) };
    let text = refused(config).await;
    assert!(text.contains("nobody would have to log in"), "{text}");
}

#[tokio::test]
async fn an_artifact_folder_that_cannot_be_written_is_named() {
    let database = new_database().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let path = folder.path().join("file");
    let artifacts = ArtifactConfig::Folder { path: Some(path.clone()) };
    let text = refused(ServerConfig { artifacts, ..on_database(folder.path(), &database) }).await;
    assert!(text.contains(path.to_str().unwrap()), "{text}");
    drop_database(&database).await;
}

#[tokio::test]
async fn an_empty_database_is_migrated_and_the_first_admin_gets_a_token_once() {
    let database = bare_database().await;
    let folder = tempfile::tempdir().unwrap();
    let closed = || ServerConfig { auth: AuthMode::Required, ..on_database(folder.path(), &database) };
    Server::start(closed()).await.unwrap().stop().await;
    let file = folder.path().join("admin-token");
    let secret = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let server = Server::start(closed()).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), secret, "made once");
    assert_eq!(server.app().caller_by_token(secret.trim()).await.unwrap().scope, Scope::Admin);
    server.stop().await;
    drop_database(&database).await;
}

#[tokio::test]
async fn tokens_can_be_made_on_the_servers_own_machine() {
    let database = new_database().await;
    let folder = tempfile::tempdir().unwrap();
    let offline = Offline::open(&on_database(folder.path(), &database)).await.unwrap();
    let created = offline.app().create_token(&NewToken { name: "me".into(), scope: Scope::Submit }).await.unwrap();
    assert_eq!(offline.app().tokens().await.unwrap().len(), 1);
    assert_eq!(offline.app().caller_by_token(&created.secret).await.unwrap().scope, Scope::Submit);
    offline.app().revoke_token(created.id).await.unwrap();
    offline.close().await;
    drop_database(&database).await;
}
