//! Every knob of the registry on a twin that has it: set, read back, fought for, put back. A knob without a twin is an
//! error of this table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use benchrack_agent::device::Device;
use benchrack_agent::knobs::look::look;
use benchrack_agent::knobs::{Asked, When, all};
use benchrack_agent::probe::probe;
use benchrack_agent::session::charge::{self, Effect, Load};
use benchrack_agent::session::journal::Journal;
use benchrack_agent::twin::{Deed, Twin};
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::evidence::{KnobEvidence, KnobOutcome};
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::session::Frequency;
use benchrack_protocol::validity::Validity;

use crate::twins::{run_asking, spec, twin, validity};

/// Where each knob is turned: on which twin, for which cores.
const KNOBS: [(&str, &str, &str); 43] = [
    ("thermal_services", "oneplus-6", "big"),
    ("perf_services", "oneplus-6", "big"),
    ("mpdecision", "motorola-moto-g-2013", "0"),
    ("core_ctl.enable", "xiaomi-mi-11", "mid"),
    ("core_ctl.min_cpus", "xiaomi-mi-11", "mid"),
    ("samsung_hotplug", "samsung-galaxy-s10", "big"),
    ("online", "motorola-moto-g5-plus", "4-5"),
    ("governor", "google-pixel-6", "mid"),
    ("cpufreq.max", "xiaomi-redmi-k30s", "mid"),
    ("cpufreq.min", "xiaomi-redmi-k30s", "mid"),
    ("msm_performance.max", "oneplus-6", "big"),
    ("msm_performance.min", "oneplus-6", "big"),
    ("msm_performance.touchboost", "oneplus-6", "big"),
    ("ppm.max", "realme-7-5g", "big"),
    ("ppm.min", "realme-7-5g", "big"),
    ("fpsgo", "realme-7-5g", "big"),
    ("cpufreq_limit.max", "samsung-galaxy-s10", "big"),
    ("cpufreq_limit.min", "samsung-galaxy-s10", "big"),
    ("cpu_boost.input_ms", "motorola-moto-g5-plus", "all"),
    ("cpu_boost.sched", "motorola-moto-g5-plus", "all"),
    ("devfreq", "motorola-moto-g5-plus", "all"),
    ("bus_dcvs", "xiaomi-mi-11", "mid"),
    ("gpu", "oneplus-6", "big"),
    ("uclamp", "google-pixel-6", "mid"),
    ("schedtune", "sony-xperia-xz-premium", "big"),
    ("cpuset", "google-pixel-6", "mid"),
    ("cpuidle", "google-pixel-6", "mid"),
    ("lpm_levels", "motorola-moto-g5-plus", "all"),
    ("fixed_performance", "google-pixel-8-shell", "big"),
    ("battery_saver", "google-pixel-8-shell", "big"),
    ("screen.timeout", "google-pixel-8-shell", "big"),
    ("screen.brightness_mode", "google-pixel-8-shell", "big"),
    ("screen.notifications", "google-pixel-8-shell", "big"),
    ("prepare.stay_awake", "google-pixel-8-shell", "big"),
    ("prepare.brightness", "google-pixel-8-shell", "big"),
    ("prepare.window_animation", "google-pixel-8-shell", "big"),
    ("prepare.transition_animation", "google-pixel-8-shell", "big"),
    ("prepare.animator", "google-pixel-8-shell", "big"),
    ("charge.input_suspend", "xiaomi-redmi-k30s", "mid"),
    ("charge.disable", "google-pixel-6", "mid"),
    ("charge.enabled", "sony-xperia-xz-premium", "big"),
    ("charge.samsung", "samsung-galaxy-a51", "big"),
    ("charge.stop_level", "google-pixel-6", "mid"),
];

fn when(name: &str) -> When {
    all().find(|knob| knob.name == name).unwrap_or_else(|| panic!("{name} is no knob")).when
}

#[test]
fn every_knob_of_the_registry_has_a_twin() {
    let (known, listed): (BTreeSet<&str>, BTreeSet<&str>) =
        (all().map(|knob| knob.name).collect(), KNOBS.iter().map(|(name, ..)| *name).collect());
    assert_eq!(known, listed);
    assert_eq!(listed.len(), KNOBS.len(), "none is listed twice");
}

/// What a knob's places say, by place.
fn says(device: &Device, known: &DeviceReport, knob: &str) -> BTreeMap<String, Reading<String>> {
    let (_, rows) = look(device, known);
    let row = rows.into_iter().find(|row| row.name == knob).unwrap();
    row.places.into_iter().map(|place| (place.place, place.now)).collect()
}

/// A session that turns the knob, and what happens six seconds after its start. Returns the evidence of the knob's places,
/// and what these said then.
async fn turned(
    (knob, cores): (&str, &str),
    twin: &Twin,
    known: &DeviceReport,
    happens: impl Fn(&BTreeMap<String, Reading<String>>),
) -> (SessionReport, Vec<KnobEvidence>, BTreeMap<String, Reading<String>>) {
    let device = twin.device();
    let frequency = match when(knob) {
        When::Pins | When::Pinned => Frequency::Percent(60),
        When::FixedPerformance => Frequency::FixedPerformance,
        _ => Frequency::Unpinned,
    };
    let asked: Vec<Asked> = match when(knob) {
        When::Asked | When::AskedWithCutOff => vec![knob.parse().unwrap()],
        _ => Vec::new(),
    };
    let middle = async {
        tokio::time::sleep(Duration::from_secs(6)).await;
        let now = says(&device, known, knob);
        happens(&now);
        now
    };
    let (report, now) = tokio::join!(run_asking(&device, known, spec(cores, frequency), &asked), middle);
    let evidence = report.evidence.as_ref().unwrap().knobs.iter().filter(|turned| now.contains_key(&turned.knob));
    let evidence = evidence.cloned().collect();
    (report, evidence, now)
}

/// A twin in the state in which the knob is needed.
fn prepared(knob: &str, name: &str) -> Twin {
    let twin = twin(name);
    if knob == "online" {
        twin.happen(Deed::Offline("4-5".parse().unwrap()));
    }
    twin
}

#[tokio::test(start_paused = true)]
async fn every_knob_is_set_read_back_and_put_back_on_its_twin() {
    for (knob, name, cores) in KNOBS.into_iter().filter(|(knob, ..)| when(knob) != When::Charging) {
        let twin = prepared(knob, name);
        let device = twin.device();
        let known = probe(&device, None);
        let before = says(&device, &known, knob);
        assert!(!before.is_empty(), "{knob} is not on {name}");
        let (report, evidence, now) = turned((knob, cores), &twin, &known, |_| {}).await;
        assert!(!evidence.is_empty(), "{knob} on {name}: {:#?}", report.evidence.as_ref().unwrap().knobs);
        // There is no way to ask for a mode; its effect is what shows it.
        let outcome = if knob == "fixed_performance" { KnobOutcome::Unverified } else { KnobOutcome::Held };
        for turned in &evidence {
            assert!(turned.outcome == outcome && turned.restored, "{knob} on {name}: {turned:#?}");
            if outcome == KnobOutcome::Held {
                assert_eq!(Some(&turned.read_back), now.get(&turned.knob), "{knob} on {name}: what it truly said");
            }
        }
        if knob == "fixed_performance" {
            let looks = &report.evidence.as_ref().unwrap().residency;
            assert!(looks.iter().all(|policy| policy.time_in_state.value().is_none_or(|times| times.len() == 1)), "{looks:#?}");
        }
        assert_eq!(says(&device, &known, knob), before, "{knob} on {name} is as it was");
    }
}

#[tokio::test(start_paused = true)]
async fn every_knob_that_somebody_takes_back_is_seen_and_put_back_on_its_twin() {
    for (knob, name, cores) in KNOBS.into_iter().filter(|(knob, ..)| when(knob) != When::Charging) {
        let twin = prepared(knob, name);
        let device = twin.device();
        let known = probe(&device, None);
        let before = says(&device, &known, knob);
        let (report, evidence, _) = turned((knob, cores), &twin, &known, |now| {
            for (place, value) in now {
                match (knob, before.get(place).and_then(|before| before.value()), value.value()) {
                    ("fixed_performance", ..) => twin.happen(Deed::Cap { cluster: 2, khz: 500_000 }),
                    ("online", ..) => twin.happen(Deed::Offline("4-5".parse().unwrap())),
                    // Samsung's limits are cleared, which they were before as well: somebody sets one.
                    ("cpufreq_limit.max" | "cpufreq_limit.min", ..) => {
                        twin.happen(Deed::Write { file: place.clone(), text: "1443000".into() });
                    }
                    (_, Some(before), Some(now)) if before != now => taken_back(&twin, knob, place, before),
                    _ => {}
                }
            }
        })
        .await;
        match knob {
            "fixed_performance" => assert_ne!(validity(&report), Validity::Valid, "a mode whose clock was taken"),
            _ => {
                let seen = |turned: &KnobEvidence| turned.outcome == KnobOutcome::Overridden;
                assert!(evidence.iter().any(seen), "{knob} on {name}: {evidence:#?}");
                let needed = evidence.iter().filter(|turned| seen(turned)).any(|turned| !turned.helpful);
                assert!(!needed || validity(&report) != Validity::Valid, "{knob} on {name}: the pin rests on it");
            }
        }
        if knob != "cpufreq_limit.max" && knob != "cpufreq_limit.min" {
            assert!(evidence.iter().all(|turned| turned.restored), "{knob} on {name}: {evidence:#?}");
        }
        assert_eq!(says(&device, &known, knob), before, "{knob} on {name} is as it was");
    }
}

/// Somebody writes what the knob said before, in the form in which it is written.
fn taken_back(twin: &Twin, knob: &str, place: &str, before: &str) {
    let texts: Vec<String> = match knob {
        "ppm.max" | "ppm.min" => vec!["0 -1".into(), "1 -1".into()],
        "fpsgo" => vec!["2".into()],
        _ => vec![before.to_owned()],
    };
    texts.into_iter().for_each(|text| twin.happen(Deed::Write { file: place.to_owned(), text }));
}

/// A neighbour that takes most of all cores.
struct Neighbour(Twin, DeviceReport);

impl Load for Neighbour {
    async fn run(&mut self, time: Duration) {
        let cpus = self.1.cpus_online.value().unwrap().clone();
        self.0.happen(Deed::Load { cpus: cpus.clone(), share: 0.9 });
        tokio::time::sleep(time).await;
        self.0.happen(Deed::Load { cpus, share: 0.0 });
    }
}

#[tokio::test(start_paused = true)]
async fn every_knob_that_cuts_charge_is_classified_fought_and_put_back_on_its_twin() {
    let mut effects = BTreeMap::new();
    for (knob, name, _) in KNOBS.into_iter().filter(|(knob, ..)| when(knob) == When::Charging) {
        for fought in [false, true] {
            let twin = twin(name);
            twin.happen(Deed::Plug);
            tokio::time::sleep(Duration::from_secs(30)).await;
            let (device, folder) = (twin.device(), tempfile::tempdir().unwrap());
            let known = probe(&device, None);
            let before = says(&device, &known, knob);
            assert!(!before.is_empty(), "{knob} is not on {name}");
            let mut load = Neighbour(twin.clone(), known.clone());
            let journal = Journal::in_folder(folder.path());
            let trial = charge::try_all(&device, &journal, &known, &mut load);
            let fight = async {
                // Each candidate takes about a minute; somebody comes again and again.
                for _ in 0..if fought { 40 } else { 0 } {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    for (place, value) in &before {
                        twin.happen(Deed::Write { file: place.clone(), text: value.value().unwrap().clone() });
                    }
                }
            };
            let (tried, ()) = tokio::join!(trial, fight);
            let tried: Vec<_> = tried.unwrap().into_iter().filter(|tried| before.contains_key(&tried.place)).collect();
            assert_eq!(tried.len(), before.len(), "{knob} on {name}");
            for tried in &tried {
                assert_eq!(tried.outcome, KnobOutcome::Held, "{knob} on {name}: {tried:?}");
                match (&tried.effect, fought) {
                    (Ok(effect), false) => {
                        effects.insert(tried.place.clone(), *effect);
                    }
                    (Err(why), true) => assert!(why.contains("undone"), "{knob} on {name}: {why}"),
                    (effect, _) => panic!("{knob} on {name}, fought {fought}: {effect:?}"),
                }
            }
            assert_eq!(says(&device, &known, knob), before, "{knob} on {name} is as it was");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no journal is left");
        }
    }
    let of = |part: &str| effects.iter().find(|(place, _)| place.contains(part)).map(|(_, effect)| *effect);
    assert_eq!(of("input_suspend"), Some(Effect::Discharge));
    assert_eq!(of("google,charger/charge_disable"), Some(Effect::Bypass));
    assert_eq!(of("store_mode"), Some(Effect::Nothing));
}
