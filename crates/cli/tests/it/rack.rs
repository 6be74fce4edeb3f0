//! The rack over real parts: adb's client and server, Debian's adbd on phones in namespaces, the real server, the real agent.

mod daemon;
mod detached;
mod faults;
mod host_killed;
mod manual;
mod one_serial;
mod phones;
mod soak;
mod states;

use std::collections::BTreeSet;

use benchrack_client::RunQuery;
use benchrack_protocol::api::{Device, Scope};
use benchrack_protocol::device::Reality;
use benchrack_protocol::rack::{RackPhase, RackPhoneStatus};
use serde_json::Value;

use crate::farm::{self, Process, Server, run, until};
use phones::{Machine, Phones, arm64_agent, in_namespaces, skipped};

/// Runs an order and returns what it printed.
fn order(server: &Server, phones: &Phones, arguments: &[&str]) -> (i32, String, String) {
    run(phones.rack(server).args(arguments))
}

fn json(server: &Server, phones: &Phones, arguments: &[&str]) -> Value {
    let (code, stdout, stderr) = order(server, phones, &[arguments, &["--json"][..]].concat());
    assert_eq!(code, 0, "{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// The agents' processes as `status` tells them, by phone.
fn agents(server: &Server, phones: &Phones) -> Vec<(String, Option<u64>)> {
    let status = json(server, phones, &["status"]);
    let phones = status.as_array().unwrap().iter();
    phones.map(|phone| (phone["phone"].as_str().unwrap().to_owned(), phone["survey"]["running"].as_u64())).collect()
}

/// Devices of this rack that are in one of these states.
async fn devices(server: &Server, count: usize, states: &[&str]) -> Vec<Device> {
    let client = server.client();
    until(&format!("{count} phones are {states:?}"), || async {
        let mut devices = client.devices().await.ok()?;
        devices.retain(|device| device.labels.contains(&"rack=test-rack".to_owned()) && states.contains(&device.state.as_str()));
        (devices.len() == count).then_some(devices)
    })
    .await
}

/// Phones of the first test; BENCHRACK_TEST_PHONES makes it a rack's worth.
fn count() -> usize {
    std::env::var("BENCHRACK_TEST_PHONES").map_or(3, |count| count.parse().unwrap())
}

#[test]
fn phones_are_found_enrolled_deployed_and_measure_and_outlive_host_and_adb() {
    in_namespaces("rack::phones_are_found_enrolled_deployed_and_measure_and_outlive_host_and_adb", || async {
        let count = count();
        let mut machines = vec![Machine::Here; count];
        // One of them runs the static arm64 agent, as it goes to real phones.
        match arm64_agent() {
            Some(_) => machines[count - 1] = Machine::Arm64,
            None => skipped("no arm64 agent; `cargo xtask emulated --build-only` builds it, BENCHRACK_EMULATED_AGENTS names it"),
        }
        let emulated = machines.contains(&Machine::Arm64);
        let folder = farm::folder();
        let phones = Phones::of(folder.path(), &machines);
        let server = Server::start(&folder.path().join("server"), 60);
        let client = server.client();

        // Found, and each one's state told.
        let listed = json(&server, &phones, &["list"]);
        let states: Vec<&str> = listed.as_array().unwrap().iter().map(|phone| phone["state"].as_str().unwrap()).collect();
        assert_eq!(states, vec!["device"; count]);

        // Plugged in: the watch does all the rest.
        let watch = Process::start(phones.rack(&server).stdout(std::process::Stdio::null()));
        let joined = devices(&server, count, &["idle"]).await;
        let names: BTreeSet<&str> = joined.iter().map(|device| device.name.as_str()).collect();
        let expected: Vec<String> = (1..=count).map(|number| format!("test-phone-sn{number}")).collect();
        assert_eq!(names, expected.iter().map(String::as_str).collect());
        let tokens = client.tokens().await.unwrap();
        let own: Vec<_> = tokens.iter().filter(|token| token.name.ends_with(" on rack test-rack")).collect();
        assert_eq!(own.len(), count, "a token for each phone: {tokens:?}");
        assert!(own.iter().all(|token| token.scope == Scope::Agent && token.last_used_at.is_some()));

        // The server knows what their host sees of them.
        until("the host has told of phones at work", || async {
            let racks = client.racks().await.ok()?;
            let phones = &racks.first().filter(|rack| rack.host == "test-rack")?.phones;
            let at_work = |phone: &RackPhoneStatus| phone.told.phase == RackPhase::Working && phone.told.device.is_some();
            (phones.len() == count && phones.iter().all(at_work)).then_some(())
        })
        .await;

        // They measure.
        server.add_models();
        let submission = server.submit();
        let done = farm::finished(&client, submission.id).await;
        assert!(done.jobs.iter().all(|job| job.state == "done"), "{done:#?}");
        let limit = Some(u32::try_from(2 * count).unwrap());
        let runs = client.runs(&RunQuery { submission: Some(submission.id), limit, ..RunQuery::default() }).await.unwrap();
        let measured: BTreeSet<_> = runs.iter().filter(|run| run.failure.is_none()).map(|run| run.device).collect();
        assert_eq!(measured.len(), count, "every phone measured: {runs:#?}");
        let devices = client.devices().await.unwrap();
        let arm64: Vec<_> = devices.iter().filter(|device| device.reality == Reality::Emulated).collect();
        assert_eq!(arm64.len(), usize::from(emulated), "{devices:#?}");
        assert!(arm64.iter().all(|device| device.name == format!("test-phone-sn{count}")));
        assert!((0..count).all(|nth| phones.is_untouched(nth)), "every phone is put back after its sessions");

        // Host and adb server die; the agents live on, and the next watch only leads them back.
        let before = agents(&server, &phones);
        assert!(before.iter().all(|(_, pid)| pid.is_some()), "{before:?}");
        drop(watch);
        phones.kill_adb();
        phones.restore_adb();
        let _watch = Process::start(phones.rack(&server).stdout(std::process::Stdio::null()));
        let since = client.devices().await.unwrap().iter().map(|device| device.last_seen_at).max().unwrap();
        until("every phone is heard of again", || async {
            let devices = client.devices().await.ok()?;
            devices.iter().all(|device| device.last_seen_at > since).then_some(())
        })
        .await;
        assert_eq!(agents(&server, &phones), before, "the same processes");
        assert_eq!(client.tokens().await.unwrap().len(), tokens.len(), "good tokens stay");
    });
}

#[test]
fn orders_deploy_restart_drain_and_undeploy_a_phone() {
    in_namespaces("rack::orders_deploy_restart_drain_and_undeploy_a_phone", || async {
        let folder = farm::folder();
        let phones = Phones::start(folder.path(), 1);
        let server = Server::start(&folder.path().join("server"), 60);
        let serial = phones.serial(0);

        let (code, stdout, stderr) = order(&server, &phones, &["deploy"]);
        assert_eq!(code, 0, "{stderr}");
        assert!(stdout.contains("agent pushed") && stdout.contains("enrolled") && stdout.contains("started"), "{stdout}");
        devices(&server, 1, &["idle"]).await;
        let (_, stdout, _) = order(&server, &phones, &["deploy"]);
        assert!(stdout.contains("is as it shall be"), "{stdout}");
        let (code, stdout, _) = order(&server, &phones, &["shell", &serial, "sh", "-c", "echo it is; exit 3"]);
        assert_eq!((code, stdout.as_str()), (4, "it is\n"));
        let (_, log, _) = order(&server, &phones, &["logs", &serial]);
        assert!(log.contains("registered"), "{log}");

        // Killed, it is started again with all that it had.
        let pid = agents(&server, &phones)[0].1.unwrap();
        assert_eq!(order(&server, &phones, &["shell", &serial, &format!("kill -9 {pid}")]).0, 0);
        let (_, stdout, _) = order(&server, &phones, &["deploy"]);
        assert!(stdout.trim_end().ends_with(": started"), "{stdout}");

        assert_eq!(order(&server, &phones, &["drain", &serial]).0, 0);
        assert_eq!(agents(&server, &phones)[0].1, None);
        assert_eq!(order(&server, &phones, &["undeploy", &serial]).0, 0);
        let (_, stdout, _) = order(&server, &phones, &["shell", &serial, "ls /data/local/tmp"]);
        assert!(!stdout.contains("benchrack"), "{stdout}");
        let tokens = server.client().tokens().await.unwrap();
        let own = tokens.iter().filter(|token| token.name.ends_with(" on rack test-rack"));
        assert_eq!(own.filter(|token| token.revoked_at.is_none()).count(), 0, "{tokens:?}");

        // A name that is not there is told apart from a phone that cannot be used.
        let (code, _, stderr) = order(&server, &phones, &["logs", "nobody"]);
        assert!(code == 2 && stderr.contains(&serial), "{stderr}");
    });
}

#[test]
fn a_full_phone_is_refused_and_a_phone_that_went_away_comes_back_by_itself() {
    in_namespaces("rack::a_full_phone_is_refused_and_a_phone_that_went_away_comes_back_by_itself", || async {
        let folder = farm::folder();
        let mut phones = Phones::start(folder.path(), 2);
        let server = Server::start(&folder.path().join("server"), 60);
        phones.fill(0);
        let (code, stdout, _) = order(&server, &phones, &["deploy"]);
        assert_eq!(code, 4);
        let of = |serial: String| stdout.lines().find(|line| line.starts_with(&serial)).unwrap_or_default().to_owned();
        assert!(of(phones.serial(0)).contains("MB free"), "{stdout}");
        assert!(of(phones.serial(1)).contains("started"), "{stdout}");
        devices(&server, 1, &["idle"]).await;

        // Everything on the phone ends at once, as when its power is cut; it comes back with what is on its disk.
        let _watch = Process::start(phones.rack(&server).stdout(std::process::Stdio::null()));
        phones.power_off(1);
        until("adb sees that it is gone", || async {
            let listed = json(&server, &phones, &["list"]);
            let gone = |phone: &Value| phone["serial"] == phones.serial(1).as_str() && phone["state"] == "device";
            (!listed.as_array()?.iter().any(gone)).then_some(())
        })
        .await;
        let last = server.client().devices().await.unwrap()[0].last_seen_at;
        phones.power_on(1);
        let client = server.client();
        until("it is heard of again", || async {
            client.devices().await.ok()?.iter().any(|device| device.last_seen_at > last).then_some(())
        })
        .await;
    });
}

#[test]
fn a_phone_lost_in_a_push_and_a_network_that_is_down_end_in_time_and_are_overcome() {
    in_namespaces("rack::a_phone_lost_in_a_push_and_a_network_that_is_down_end_in_time_and_are_overcome", || async {
        let folder = farm::folder();
        let mut phones = Phones::start(folder.path(), 1);
        let server = Server::start(&folder.path().join("server"), 60);
        let serial = phones.serial(0);

        // Its power is cut as soon as a part of the agent has arrived.
        let mut command = phones.rack(&server);
        let deploying = command.arg("deploy").stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let deploying = deploying.spawn().unwrap();
        let arriving = phones.path(0, "data/local/tmp/benchrack/benchrack-agent.new");
        until("a part of the agent has arrived", || async {
            std::fs::metadata(&arriving).is_ok_and(|file| file.len() > 0).then_some(())
        })
        .await;
        phones.power_off(0);
        let ended = deploying.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(4), "{}", String::from_utf8_lossy(&ended.stdout));
        phones.power_on(0);
        let (code, stdout, stderr) = order(&server, &phones, &["deploy"]);
        assert_eq!(code, 0, "{stdout} {stderr}");
        devices(&server, 1, &["idle"]).await;
        assert!(!arriving.exists(), "nothing half-done is left");

        // Without its network adb still lists the phone as ready, and its shell never ends.
        phones.network(0, false);
        let (code, _, stderr) = order(&server, &phones, &["logs", &serial]);
        assert_eq!(code, 4, "{stderr}");
        assert!(stderr.contains("gave no answer within 20 s"), "{stderr}");
        phones.network(0, true);
        until("the phone answers again", || async { (order(&server, &phones, &["logs", &serial]).0 == 0).then_some(()) }).await;
    });
}
