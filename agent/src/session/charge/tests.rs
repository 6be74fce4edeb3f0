use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::*;
use crate::probe::probe;
use crate::session::simulated::simulated;
use crate::sysfs::{Captured, SysError, SysFs};

const SUPPLY: &str = "sys/class/power_supply/battery";

/// What a file of the simulated charger does when it is written.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Discharges,
    Bypasses,
    Nothing,
    /// Discharges, and charges again after this many seconds, the file with it.
    ComesBack(u64),
    /// The input stays limited: the battery helps out under load.
    Limits,
}

/// A phone on a charger. Its gauge counts in any unit and sign.
struct Charger {
    files: Arc<Captured>,
    does: BTreeMap<String, Does>,
    per_ma: i64,
    load_until: Mutex<Instant>,
    written: Mutex<Option<(Instant, String)>>,
    looks: AtomicI64,
}

impl Charger {
    fn of(does: &[(&str, Does)], per_ma: i64) -> Arc<Self> {
        let files = Captured::default();
        let fixed = [("type", "Battery"), ("status", "Charging"), ("capacity", "60"), ("present", "1"), ("current_now", "0")];
        for (name, text) in fixed {
            files.set(&format!("{SUPPLY}/{name}"), &format!("{text}\n"));
        }
        for (name, _) in does {
            files.set(&format!("{SUPPLY}/{name}"), if name.ends_with("enabled") { "1\n" } else { "0\n" });
        }
        let does = does.iter().map(|(name, does)| (format!("{SUPPLY}/{name}"), *does)).collect();
        let now = Instant::now();
        Arc::new(Self {
            files: Arc::new(files),
            does,
            per_ma,
            load_until: Mutex::new(now),
            written: Mutex::default(),
            looks: AtomicI64::new(0),
        })
    }

    fn device(self: &Arc<Self>) -> Device {
        Device { sysfs: self.clone(), ..simulated(&self.files) }
    }

    /// Milliamperes into the battery.
    fn current(&self) -> i64 {
        let now = Instant::now();
        let draw = if now < *self.load_until.lock().unwrap() { 900 } else { 180 };
        // The gauge's noise, some milliamperes.
        let noise = self.looks.fetch_add(1, Ordering::SeqCst) * 7 % 5 - 2;
        let mut written = self.written.lock().unwrap();
        let cut = written.as_ref().and_then(|(at, path)| Some((*at, path.clone(), *self.does.get(path)?)));
        noise
            + match cut {
                Some((_, _, Does::Discharges)) => -draw,
                Some((_, _, Does::Bypasses)) => 0,
                Some((_, _, Does::Limits)) => (300 - draw).min(0),
                Some((at, path, Does::ComesBack(seconds))) => {
                    if now.duration_since(at) < Duration::from_secs(seconds) {
                        -draw
                    } else {
                        self.files.set(&path, "0\n");
                        *written = None;
                        1_500 - draw
                    }
                }
                Some((_, _, Does::Nothing)) | None => 1_500 - draw,
            }
    }
}

impl Load for Arc<Charger> {
    async fn run(&mut self, time: Duration) {
        *self.load_until.lock().unwrap() = Instant::now() + time;
        sleep(time).await;
    }
}

struct Nothing;

impl Load for Nothing {
    async fn run(&mut self, _: Duration) {}
}

impl SysFs for Charger {
    fn read(&self, path: &str) -> Result<String, SysError> {
        let current = self.current();
        match path.ends_with("/current_now") {
            true => Ok(format!("{}\n", current * self.per_ma)),
            false => self.files.read(path),
        }
    }
    fn list(&self, path: &str) -> Result<Vec<String>, SysError> {
        self.files.list(path)
    }
    fn write(&self, path: &str, value: &str) -> Result<(), SysError> {
        let cuts = value == if path.ends_with("enabled") { "0" } else { "1" };
        *self.written.lock().unwrap() = cuts.then(|| (Instant::now(), path.to_owned()));
        self.files.write(path, value)
    }
    fn writable(&self, path: &str) -> bool {
        self.files.writable(path)
    }
}

#[tokio::test(start_paused = true)]
async fn each_candidate_is_told_by_what_the_current_does_in_every_unit_and_sign() {
    for per_ma in [1, -1, 1_000, -1_000] {
        let does = [
            ("input_suspend", Does::Limits),
            ("battery_input_suspend", Does::Discharges),
            ("charge_disable", Does::Bypasses),
            ("charging_enabled", Does::Nothing),
            ("batt_slate_mode", Does::ComesBack(30)),
        ];
        let charger = Charger::of(&does, per_ma);
        let before = charger.files.files();
        let (device, folder) = (charger.device(), tempfile::tempdir().unwrap());
        let known = probe(&device, None);
        let tried = try_all(&device, &Journal::in_folder(folder.path()), &known, &mut charger.clone()).await.unwrap();
        let of = |name: &str| tried.iter().find(|tried| tried.place == format!("{SUPPLY}/{name}")).unwrap().effect.clone();
        assert_eq!(tried.len(), 5);
        assert!(of("input_suspend").unwrap_err().contains("under load only"), "{tried:#?}");
        assert_eq!(of("battery_input_suspend"), Ok(Effect::Discharge), "{per_ma}");
        assert_eq!(of("charge_disable"), Ok(Effect::Bypass), "{per_ma}: the name says that it stops");
        assert_eq!(of("charging_enabled"), Ok(Effect::Nothing), "{per_ma}");
        assert!(of("batt_slate_mode").unwrap_err().contains("undone"), "{tried:#?}");
        assert_eq!(charger.files.files(), before, "each is put back");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn charge_is_cut_by_the_first_that_discharges_and_comes_back_when_it_is_dropped() {
    let charger = Charger::of(&[("charge_disable", Does::Bypasses), ("charging_enabled", Does::Discharges)], 1_000);
    let before = charger.files.files();
    let (device, folder) = (charger.device(), tempfile::tempdir().unwrap());
    let (known, journal) = (probe(&device, None), Journal::in_folder(folder.path()));
    let mut tuned = Tuned::untouched(&device, &journal, &known);
    let (cut, tried) = cut(&device, &mut tuned, &known, &mut charger.clone()).await.unwrap();
    assert!(cut.unwrap().holds(&tuned));
    assert_eq!(tried.iter().map(|tried| tried.effect.clone().unwrap()).collect::<Vec<_>>(), [Effect::Bypass, Effect::Discharge]);
    assert_eq!(charger.files.read(&format!("{SUPPLY}/charge_disable")).unwrap(), "0\n");
    assert_eq!(charger.files.read(&format!("{SUPPLY}/charging_enabled")).unwrap(), "0\n");
    drop(tuned);
    assert_eq!(charger.files.files(), before);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tried_on_a_battery_that_is_low_full_or_absent() {
    for (name, text, why) in [("status", "Full", "status is Full"), ("capacity", "29", "at 29 %"), ("type", "USB", "no battery")]
    {
        let charger = Charger::of(&[("charge_disable", Does::Discharges)], 1);
        charger.files.set(&format!("{SUPPLY}/{name}"), &format!("{text}\n"));
        let before = charger.files.files();
        let (device, folder) = (charger.device(), tempfile::tempdir().unwrap());
        let known = probe(&device, None);
        let error = try_all(&device, &Journal::in_folder(folder.path()), &known, &mut Nothing).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(charger.files.files(), before);
    }
}

#[test]
fn currents_that_prove_nothing_are_said_to() {
    let flat = |value: i64| vec![value; 8];
    for (charging, idle, loaded, word) in [
        (flat(0), flat(-200), flat(-900), "may be full"),
        (flat(1_500), flat(400), flat(-20), "fit neither"),
        (flat(1_500), vec![], flat(0), "without readings"),
    ] {
        let error = classify(&charging, &idle, &loaded).unwrap_err();
        assert!(error.contains(word), "{error}");
    }
}
