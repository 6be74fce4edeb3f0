//! Phones whose maker gave all of them one serial number.

use super::phones::{Phones, in_namespaces};
use super::{agents, devices, order};
use crate::farm::{self, Server};

/// Two phones that tell this serial number are two devices, before and after their agents are killed.
async fn are_two_devices(serial: &str) {
    let folder = farm::folder();
    let phones = Phones::start(folder.path(), 2);
    let server = Server::start(&folder.path().join("server"), 60);
    (0..2).for_each(|nth| phones.name(nth, serial));
    let (code, stdout, stderr) = order(&server, &phones, &["deploy"]);
    assert_eq!(code, 0, "{stdout} {stderr}");
    let keys = |devices: Vec<benchrack_protocol::api::Device>| {
        let mut keys: Vec<String> = devices.into_iter().map(|device| format!("{} {:?}", device.key, device.labels)).collect();
        keys.sort();
        keys
    };
    let first = keys(devices(&server, 2, &["idle"]).await);

    // Restarted, each is the device that it was.
    for ((phone, pid), nth) in agents(&server, &phones).into_iter().zip(0..) {
        assert_eq!(phone, phones.serial(nth));
        let kill = format!("kill -9 {}", pid.unwrap());
        assert_eq!(order(&server, &phones, &["shell", &phone, &kill]).0, 0);
    }
    let (code, stdout, stderr) = order(&server, &phones, &["deploy"]);
    assert!(code == 0 && stdout.matches(": started").count() == 2, "{stdout} {stderr}");
    assert_eq!(keys(devices(&server, 2, &["idle"]).await), first);
    assert_eq!(server.client().devices().await.unwrap().len(), 2);
}

#[test]
fn two_phones_with_a_serial_number_that_means_nothing_are_two_devices_and_stay_those() {
    in_namespaces("rack::one_serial::two_phones_with_a_serial_number_that_means_nothing_are_two_devices_and_stay_those", || {
        are_two_devices("0123456789ABCDEF")
    });
}

/// One of them is refused for as long as an agent waits for another one to be gone, 100 s.
#[test]
fn two_phones_with_one_serial_number_that_looks_like_a_real_one_are_two_devices_and_stay_those() {
    in_namespaces(
        "rack::one_serial::two_phones_with_one_serial_number_that_looks_like_a_real_one_are_two_devices_and_stay_those",
        || are_two_devices("R58M32QVKNA"),
    );
}
