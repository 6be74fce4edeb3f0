use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::ids::DeviceId;
use benchrack_protocol::reading::Missing;
use time::OffsetDateTime;

use super::*;

/// A device with a little clock of so many operating points, and a big one whose table is denied.
fn device(points: u64) -> benchrack_protocol::api::Device {
    let golden = include_str!("../../../../crates/protocol/tests/golden/v2/device_report.json");
    let mut report: DeviceReport = serde_json::from_str(golden).unwrap();
    let (policy, cluster) = (report.policies[0].clone(), report.clusters[0].clone());
    report.cpus_online = Reading::of("0-7".parse().unwrap());
    report.policies = ["0-3", "4-7"]
        .map(|cpus| {
            let mut policy = policy.clone();
            policy.cpus = cpus.parse().unwrap();
            policy.frequencies = match cpus {
                "0-3" => Reading::of((1..=points).map(|step| Kilohertz(step * 1_000)).collect()),
                _ => Reading::missing(Missing::Denied, "Permission denied"),
            };
            policy
        })
        .into();
    report.clusters = [("little", "0-3"), ("big", "4-7")]
        .map(|(name, cpus)| {
            let mut cluster = cluster.clone();
            (cluster.name, cluster.cpus) = (name.into(), cpus.parse().unwrap());
            cluster
        })
        .into();
    benchrack_protocol::api::Device {
        id: DeviceId(1),
        key: report.identity.key.clone(),
        name: "phone".into(),
        title: "Phone".into(),
        state: "idle".into(),
        reason: None,
        reality: report.reality,
        last_seen_at: OffsetDateTime::UNIX_EPOCH,
        labels: Default::default(),
        detached_until: None,
        public_key: None,
        report,
    }
}

fn sweep(points: u64, cores: &str, frequencies: &[&str]) -> (Vec<String>, Vec<String>) {
    let device = device(points);
    let text = format!("name = 'x'\nmodels = ['m']\nfrequencies = {frequencies:?}");
    let suite: Suite = toml::from_str(&text).unwrap();
    let mut left_out = BTreeSet::new();
    let host = Host { device: &device, target: "" };
    let plans = frequencies_on(&suite, host, &cores.parse().unwrap(), &mut left_out);
    (plans.iter().map(ToString::to_string).collect(), left_out.into_iter().collect())
}

#[test]
fn a_sweep_is_every_operating_point_of_the_cores_clock_once() {
    let (plans, left_out) = sweep(3, "little", &["max", "sweep", "2 MHz"]);
    assert_eq!(plans, ["max", "1 MHz", "2 MHz", "3 MHz"]);
    assert!(left_out.is_empty());
    assert_eq!(sweep(3, "0-1", &["sweep"]).0.len(), 3);
}

#[test]
fn a_fine_table_is_thinned_evenly_with_both_ends() {
    let (plans, _) = sweep(100, "little", &["sweep"]);
    assert_eq!(plans.len(), MOST_POINTS);
    assert_eq!((plans[0].as_str(), plans[MOST_POINTS - 1].as_str()), ("1 MHz", "100 MHz"));
    assert_eq!(sweep(100, "little", &["sweep"]).0, plans, "the same each time");
    assert_eq!(sweep(MOST_POINTS as u64, "little", &["sweep"]).0.len(), MOST_POINTS);
}

#[test]
fn what_cannot_be_swept_is_left_out_with_the_reason() {
    for (cores, why) in
        [("all", "several clocks"), ("big", "Permission denied"), ("prime", "no such cluster"), ("9", "no cpufreq policy")]
    {
        let (plans, left_out) = sweep(3, cores, &["sweep"]);
        assert!(plans.is_empty() && left_out.len() == 1 && left_out[0].contains(why), "{cores}: {left_out:?}");
    }
}
