use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::probe::cpufreq::policies;
use crate::session::simulated::simulated;
use crate::sysfs::{Captured, SysError};

const LIMITS: [(&str, &str, &str, &str); 2] = [("policy0", "0-3", "300000", "1800000"), ("policy4", "4-7", "800000", "2400000")];

fn phone() -> Arc<Captured> {
    let files = Captured::default();
    for (policy, cpus, min, max) in LIMITS {
        let file = |name: &str, text: &str| files.set(&format!("{CPU}/cpufreq/{policy}/{name}"), &format!("{text}\n"));
        file("related_cpus", cpus);
        file("scaling_available_frequencies", &format!("{min} 1200000 {max}"));
        file("cpuinfo_max_freq", max);
        file("scaling_min_freq", min);
        file("scaling_max_freq", max);
    }
    Arc::new(files)
}

fn read(files: &Captured, policy: &str, name: &str) -> String {
    files.read(&format!("{CPU}/cpufreq/{policy}/{name}")).unwrap().trim().to_owned()
}

fn set(text: &str) -> CpuSet {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn clocks_of_the_chosen_cpus_are_pinned_and_put_back() {
    let (files, folder) = (phone(), tempfile::tempdir().unwrap());
    let before = files.files();
    let (device, journal) = (simulated(&files), Journal::in_folder(folder.path()));
    let known = policies(files.as_ref());
    let tuned = tune(&device, &journal, &known, &set("0-3"), Frequency::Percent(60)).await.unwrap();
    assert_eq!(read(&files, "policy0", "scaling_min_freq"), "1200000");
    assert_eq!(read(&files, "policy0", "scaling_max_freq"), "1200000");
    assert_eq!(read(&files, "policy4", "scaling_max_freq"), "2400000", "not of this session");
    let evidence = tuned.restore().await;
    assert_eq!(evidence.len(), 2);
    assert!(evidence.iter().all(|knob| knob.outcome == KnobOutcome::Held && knob.restored), "{evidence:?}");
    assert_eq!(files.files(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no journal is left");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_puts_clocks_back() {
    let (files, folder) = (phone(), tempfile::tempdir().unwrap());
    let before = files.files();
    let (device, journal) = (simulated(&files), Journal::in_folder(folder.path()));
    let known = policies(files.as_ref());
    drop(tune(&device, &journal, &known, &set("0-7"), Frequency::Min).await.unwrap());
    assert_eq!(files.files(), before);
}

#[tokio::test(start_paused = true)]
async fn a_device_without_clocks_says_absent_and_unpinned_asks_nothing() {
    let (files, folder) = (Arc::new(Captured::default()), tempfile::tempdir().unwrap());
    let (device, journal) = (simulated(&files), Journal::in_folder(folder.path()));
    let pinned = tune(&device, &journal, &[], &set("0"), Frequency::Max).await.unwrap().restore().await;
    assert_eq!(pinned.len(), 1);
    assert_eq!(pinned[0].outcome, KnobOutcome::Absent);
    assert!(tune(&device, &journal, &[], &set("0"), Frequency::Unpinned).await.unwrap().restore().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn knobs_that_may_not_be_read_or_written_are_refused() {
    let (files, folder) = (phone(), tempfile::tempdir().unwrap());
    let (device, journal) = (simulated(&files), Journal::in_folder(folder.path()));
    let known = policies(files.as_ref());
    files.fail(&format!("{CPU}/cpufreq/policy0/scaling_max_freq"), SysErrorKind::Denied);
    let evidence = tune(&device, &journal, &known, &set("0-3"), Frequency::Max).await.unwrap().restore().await;
    assert_eq!(evidence[0].outcome, KnobOutcome::Refused);
}

/// Answers every write to a maximum with a clamp, as a thermal daemon does.
struct Clamped(Arc<Captured>);

impl SysFs for Clamped {
    fn read(&self, path: &str) -> Result<String, SysError> {
        self.0.read(path)
    }
    fn list(&self, path: &str) -> Result<Vec<String>, SysError> {
        self.0.list(path)
    }
    fn write(&self, path: &str, value: &str) -> Result<(), SysError> {
        let value = if path.ends_with("scaling_max_freq") && value == "2400000" { "1900000" } else { value };
        self.0.write(path, value)
    }
    fn writable(&self, path: &str) -> bool {
        self.0.writable(path)
    }
}

#[tokio::test(start_paused = true)]
async fn a_clamp_is_seen_as_overridden() {
    let (files, folder) = (phone(), tempfile::tempdir().unwrap());
    files.set(&format!("{CPU}/cpufreq/policy4/scaling_max_freq"), "2000000\n");
    let device = Device { sysfs: Arc::new(Clamped(Arc::clone(&files))), ..simulated(&files) };
    let journal = Journal::in_folder(folder.path());
    let known = policies(files.as_ref());
    let evidence = tune(&device, &journal, &known, &set("4-7"), Frequency::Max).await.unwrap().restore().await;
    let max = evidence.iter().find(|knob| knob.knob.ends_with("scaling_max_freq")).unwrap();
    assert_eq!(max.outcome, KnobOutcome::Overridden);
    assert_eq!(max.read_back, Reading::of("1900000".into()));
    assert!(max.restored);
}

/// Stops taking writes after so many, as if the agent had been killed then; refuses min > max as the kernel does.
struct Killed {
    files: Arc<Captured>,
    writes_left: AtomicUsize,
}

impl SysFs for Killed {
    fn read(&self, path: &str) -> Result<String, SysError> {
        self.files.read(path)
    }
    fn list(&self, path: &str) -> Result<Vec<String>, SysError> {
        self.files.list(path)
    }
    fn write(&self, path: &str, value: &str) -> Result<(), SysError> {
        let left = self.writes_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            return Err(SysError::new(SysErrorKind::Io, path, "killed"));
        }
        let number = |path: &str| self.files.read(path).unwrap().trim().parse::<u64>().unwrap();
        let value_number: u64 = value.parse().unwrap();
        let other = path.replace("_min_", "_x_").replace("_max_", "_min_").replace("_x_", "_max_");
        let valid = if path.contains("_min_") { value_number <= number(&other) } else { value_number >= number(&other) };
        if !valid {
            return Err(SysError::new(SysErrorKind::Unavailable, path, "EINVAL"));
        }
        self.files.write(path, value)
    }
    fn writable(&self, path: &str) -> bool {
        self.files.writable(path)
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_killed_at_any_write_restores_every_file_at_its_next_start() {
    for frequency in [Frequency::Min, Frequency::Max, Frequency::Percent(50)] {
        for lives in 0..=8 {
            let (files, folder) = (phone(), tempfile::tempdir().unwrap());
            // Somebody had narrowed the limits: these, not the hardware's, must come back.
            files.set(&format!("{CPU}/cpufreq/policy4/scaling_max_freq"), "1200000\n");
            let before: BTreeMap<_, _> = files.files();
            let known = policies(files.as_ref());
            let journal = Journal::in_folder(folder.path());
            let killed = Killed { files: Arc::clone(&files), writes_left: AtomicUsize::new(lives) };
            let device = Device { sysfs: Arc::new(killed), ..simulated(&files) };
            let tuned = tune(&device, &journal, &known, &set("0-7"), frequency).await.unwrap();
            // The killed agent's guard runs here, and its writes fail like all others.
            drop(tuned);
            let next = Killed { files: Arc::clone(&files), writes_left: AtomicUsize::new(usize::MAX) };
            journal.replay(&next).unwrap();
            assert_eq!(files.files(), before, "{frequency:?}, killed after {lives} writes");
            assert_eq!(journal.replay(&next).unwrap(), 0, "the journal is gone");
        }
    }
}

#[test]
fn a_journal_of_an_earlier_boot_changes_nothing() {
    let (files, folder) = (phone(), tempfile::tempdir().unwrap());
    files.set("proc/sys/kernel/random/boot_id", "one\n");
    let journal = Journal::in_folder(folder.path());
    let knob = Saved { path: format!("{CPU}/cpufreq/policy0/scaling_min_freq"), before: "1".into() };
    journal.keep(files.as_ref(), &[knob]).unwrap();
    files.set("proc/sys/kernel/random/boot_id", "two\n");
    let before = files.files();
    assert_eq!(journal.replay(files.as_ref()).unwrap(), 0);
    assert_eq!(files.files(), before);
}

#[tokio::test(start_paused = true)]
async fn without_a_journal_no_knob_is_touched() {
    let (files, folder) = (phone(), tempfile::tempdir().unwrap());
    let before = files.files();
    let (device, journal) = (simulated(&files), Journal::in_folder(&folder.path().join("missing")));
    let known = policies(files.as_ref());
    assert!(tune(&device, &journal, &known, &set("0-3"), Frequency::Max).await.is_err());
    assert_eq!(files.files(), before);
}

#[test]
fn the_nearest_operating_point_is_taken() {
    let points = [300, 600, 1200].map(Kilohertz);
    for (frequency, expected) in [
        (Frequency::Min, 300),
        (Frequency::Max, 1200),
        (Frequency::Percent(60), 600),
        (Frequency::Percent(1), 300),
        (Frequency::At(Kilohertz(900)), 600),
        (Frequency::At(Kilohertz(901)), 1200),
    ] {
        assert_eq!(nearest(&points, frequency), Some(Kilohertz(expected)), "{frequency:?}");
    }
    assert_eq!(nearest(&[], Frequency::Max), None);
}
