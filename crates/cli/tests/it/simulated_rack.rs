//! `benchrack rack --simulate`: twins as processes of their own, under a real server.

use std::collections::BTreeSet;

use benchrack_client::RunQuery;
use benchrack_protocol::device::Reality;

use crate::farm::{self, Process, Server, until};

#[tokio::test]
async fn a_simulated_rack_registers_measures_and_ends_with_its_host() {
    const COUNT: usize = 4;
    let _cores = farm::CORES.read().await;
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 60);
    server.add_models();
    let client = server.client();
    let start = || {
        let mut command = server.command();
        command.args(["rack", "--simulate", &COUNT.to_string(), "--speed", "500", "--host-name", "test-rack", "--data-dir"]);
        let said = std::fs::File::create(folder.path().join("said")).unwrap();
        Process::start(command.arg(folder.path().join("simulated")).stdout(std::process::Stdio::null()).stderr(said))
    };
    let all_idle = || async {
        let devices = client.devices().await.ok()?;
        (devices.len() == COUNT && devices.iter().all(|device| device.state == "idle")).then_some(devices)
    };
    let rack = start();
    let devices = until("all simulated phones are idle", all_idle).await;
    assert!(devices.iter().all(|device| device.reality == Reality::Simulated), "{devices:?}");
    assert!(devices.iter().all(|device| device.labels.contains(&"rack=test-rack".to_owned())));
    let tokens = client.tokens().await.unwrap().len();

    let submission = server.submit();
    let done = farm::finished(&client, submission.id).await;
    assert!(done.jobs.iter().all(|job| job.state == "done"), "{done:#?}");
    let runs = client.runs(&RunQuery { submission: Some(submission.id), ..RunQuery::default() }).await.unwrap();
    assert!(runs.iter().all(|run| run.reality == Reality::Simulated && run.failure.is_none()), "{runs:#?}");
    assert_eq!(runs.iter().map(|run| run.device).collect::<BTreeSet<_>>().len(), COUNT, "every phone measured");

    let said = || std::fs::read_to_string(folder.path().join("said")).unwrap();
    until("the rack has told that all have registered and measured", || async {
        let said = said();
        ["registered", "measured"].iter().all(|what| said.contains(&format!("all 4 phones have {what}, "))).then_some(())
    })
    .await;

    // A second time it is the same phones, with the same tokens.
    drop(rack);
    let since = client.devices().await.unwrap().iter().map(|device| device.last_seen_at).max();
    let _rack = start();
    until("the same phones are back", || async {
        let devices = client.devices().await.ok()?;
        (devices.len() == COUNT && devices.iter().all(|device| Some(device.last_seen_at) > since)).then_some(())
    })
    .await;
    assert_eq!(client.tokens().await.unwrap().len(), tokens);
}
