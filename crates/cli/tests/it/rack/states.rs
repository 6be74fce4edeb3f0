//! Phones that are not ready: each is told with what a person has to do, and what the rack can do itself is done.

use std::process::Stdio;

use super::daemon::{Daemon, Mood};
use super::phones::{Phones, in_namespaces};
use super::{json, order};
use crate::farm::{self, Process, Server, until};

/// States of adb's list, in the order of these serial numbers; none for one that is not listed.
fn states(server: &Server, phones: &Phones, serials: &[String]) -> Vec<Option<String>> {
    let listed = json(server, phones, &["list"]);
    let state = |serial: &String| {
        let phone = listed.as_array().unwrap().iter().find(|phone| phone["serial"] == serial.as_str())?;
        Some(phone["state"].as_str().unwrap().to_owned())
    };
    serials.iter().map(state).collect()
}

async fn are(server: &Server, phones: &Phones, serials: &[String], expected: &[&str]) {
    until(&format!("{serials:?} are {expected:?}"), || async {
        let states = states(server, phones, serials);
        states.iter().map(Option::as_deref).eq(expected.iter().copied().map(Some)).then_some(())
    })
    .await;
}

#[test]
fn a_phone_that_is_not_ready_is_told_with_advice_and_trusted_or_rebooted_goes_on() {
    in_namespaces("rack::states::a_phone_that_is_not_ready_is_told_with_advice_and_trusted_or_rebooted_goes_on", || async {
        let folder = farm::folder();
        let phones = Phones::start(folder.path(), 0);
        let server = Server::start(&folder.path().join("server"), 60);
        let untrusted = Daemon::start(Mood::Untrusted);
        let others = ["recovery", "sideload"].map(|system| Daemon::start(Mood::In(system)));
        let serials: Vec<String> = [&untrusted, &others[0], &others[1]].map(Daemon::serial).into();
        for serial in &serials {
            phones.adb(&["connect", serial]);
        }
        are(&server, &phones, &serials, &["unauthorized", "recovery", "sideload"]).await;
        let (_, table, _) = order(&server, &phones, &["list"]);
        assert!(table.contains("Allow USB debugging") && table.contains("start Android on it"), "{table}");
        let (code, _, stderr) = order(&server, &phones, &["logs", &serials[0]]);
        assert!(code == 4 && stderr.contains("Allow USB debugging"), "{stderr}");

        let log = folder.path().join("watch.log");
        let _watch = Process::start(phones.rack(&server).stdout(std::fs::File::create(&log).unwrap()).stderr(Stdio::null()));
        let told = |words: String| {
            let log = &log;
            async move {
                until(&words, || async { std::fs::read_to_string(log).unwrap().contains(&words).then_some(()) }).await;
            }
        };
        told(format!("{}: needs you: unauthorized", serials[0])).await;
        told(format!("{}: recovering: in the recovery system; rebooting", serials[1])).await;
        untrusted.trust();
        // The reboot has brought the other two back to Android; a shell that breaks off there is no success.
        are(&server, &phones, &serials, &["device", "device", "device"]).await;
        told(format!("{}: recovering: its shell does not answer", serials[0])).await;
        let (code, _, stderr) = order(&server, &phones, &["shell", &serials[0], "true"]);
        assert!(code == 4 && stderr.contains("the phone went away before the command had ended"), "{stderr}");
    });
}
