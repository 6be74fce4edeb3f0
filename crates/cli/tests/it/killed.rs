//! kill -9 of anything at any point: nothing is lost, nothing is stored twice.

use benchrack_client::RunQuery;
use benchrack_protocol::api::Submission;

use crate::farm::{self, Server};
use crate::proxy::{Break, Proxy};

async fn measured_once(server: &Server, submission: &Submission) {
    let client = server.client();
    let done = farm::finished(&client, submission.id).await;
    assert!(done.jobs.iter().all(|job| job.state == "done"), "{done:#?}");
    let query = RunQuery { submission: Some(submission.id), ..RunQuery::default() };
    let runs = client.runs(&query).await.unwrap();
    let mut sessions: Vec<_> = runs.iter().map(|run| run.session).collect();
    sessions.sort_unstable();
    sessions.dedup();
    assert_eq!(sessions.len(), done.jobs.len(), "one session for each job");
    assert_eq!(runs.len(), 2 * done.jobs.len(), "fp32 and int8 of each");
}

#[tokio::test]
async fn a_killed_agents_session_runs_again_after_the_lease_and_is_stored_once() {
    let _cores = farm::CORES.read().await;
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 2);
    server.add_models();
    let mut agent = farm::agent(&server.url(), &folder.path().join("agent"));
    farm::registered(&server.client()).await;
    let submission = server.submit();
    farm::begun(&server.client(), submission.id).await;
    agent.kill_9();
    let _second = farm::agent(&server.url(), &folder.path().join("agent"));
    measured_once(&server, &submission).await;
}

async fn server_killed_during_a_report(at: Break) {
    let folder = farm::folder();
    let data = folder.path().join("server");
    let mut server = Server::start(&data, 60);
    server.add_models();
    let mut proxy = Proxy::start(server.address, at).await;
    let _agent = farm::agent(&proxy.url(), &folder.path().join("agent"));
    farm::registered(&server.client()).await;
    let submission = server.submit();
    proxy.reached().await;
    server.process.kill_9();
    proxy.cut();
    let server = Server::start(&data, 60);
    proxy.lead_to(server.address);
    measured_once(&server, &submission).await;
}

#[tokio::test]
async fn a_server_killed_before_it_read_the_report_gets_it_once() {
    let _cores = farm::CORES.read().await;
    server_killed_during_a_report(Break::BeforeReport).await;
}

#[tokio::test]
async fn a_server_killed_after_it_stored_the_report_does_not_store_it_again() {
    let _cores = farm::CORES.read().await;
    server_killed_during_a_report(Break::BeforeAnswer).await;
}
