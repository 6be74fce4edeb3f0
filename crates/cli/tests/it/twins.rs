//! A twin in a farm of real processes: it registers, works, reports, and stays marked as simulated everywhere.

use std::path::Path;
use std::process::Stdio;

use benchrack_client::RunQuery;
use benchrack_protocol::device::Reality;

use crate::farm::{self, Process, Server, benchrack};

#[tokio::test]
async fn a_twin_works_for_a_real_server_and_its_figures_are_marked_simulated() {
    let _cores = farm::CORES.read().await;
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 60);
    server.add_models();
    let twin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/twins/google-pixel-6.twin");
    let mut command = benchrack();
    command.args(["agent", "run", "--speed", "500", "--name", "pixel-6-twin", "--server", &server.url(), "--data-dir"]);
    command.arg(folder.path().join("agent")).arg("--twin").arg(twin).stdout(Stdio::null());
    let _agent = Process::start(&mut command);
    let client = server.client();
    farm::registered(&client).await;
    let devices = client.devices().await.unwrap();
    assert_eq!((devices[0].name.as_str(), devices[0].reality), ("pixel-6-twin", Reality::Simulated));
    assert_eq!(devices[0].report.clusters.len(), 3);
    let submission = server.submit();
    let done = farm::finished(&client, submission.id).await;
    assert!(done.jobs.iter().all(|job| job.state == "done"), "{done:#?}");
    let runs = client.runs(&RunQuery { submission: Some(submission.id), ..RunQuery::default() }).await.unwrap();
    assert!(!runs.is_empty());
    for run in &runs {
        assert!(run.reality == Reality::Simulated && run.failure.is_none() && run.validity.is_some(), "{run:?}");
    }
}
