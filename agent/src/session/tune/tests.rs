use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use benchrack_protocol::evidence::KnobEvidence;
use proptest::prelude::*;
use tokio::time::sleep;

use super::*;
use crate::knobs::simulated::{Fight, Kernel};
use crate::probe::cpufreq::CPU;
use crate::probe::probe;
use crate::sysfs::{Captured, SysErrorKind, SysFs};

fn read(files: &Captured, policy: &str, name: &str) -> String {
    files.read(&format!("{CPU}/cpufreq/{policy}/{name}")).unwrap().trim().to_owned()
}

fn set(text: &str) -> CpuSet {
    text.parse().unwrap()
}

/// A folder in memory, because each keeping of a journal waits for the disk.
fn folder() -> tempfile::TempDir {
    match Path::new("/dev/shm") {
        memory if memory.is_dir() => tempfile::tempdir_in(memory).unwrap(),
        _ => tempfile::tempdir().unwrap(),
    }
}

/// Everything that can be asked for by name.
fn everything_asked() -> Vec<Asked> {
    let asked = all().filter(|knob| matches!(knob.when, When::Asked | When::AskedWithCutOff));
    asked.map(|knob| knob.name.parse().unwrap()).collect()
}

/// Tunes these CPUs, lets something happen, restores.
async fn tuned(kernel: &Arc<Kernel>, cpus: &str, plan: &str, meanwhile: impl Fn()) -> (Vec<KnobEvidence>, Vec<ClockTarget>) {
    let (device, folder, cpus) = (kernel.device(), folder(), set(cpus));
    let known = probe(&device, None);
    let (journal, online) = (Journal::in_folder(folder.path()), known.cpus_online.value().unwrap().clone());
    let frequency = plan.parse().unwrap();
    let wish = Wish { cpus: &cpus, online: &online, frequency, asked: &[], cut_off: true, guardian: None };
    let tuned = tune(&device, &journal, &known, wish).await.unwrap();
    meanwhile();
    let (drifted, targets) = (tuned.drifted(), tuned.targets.clone());
    let evidence = tuned.restore(drifted).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no journal is left");
    (evidence, targets)
}

#[tokio::test(start_paused = true)]
async fn clocks_of_the_chosen_cpus_are_pinned_and_put_back() {
    let kernel = Kernel::phone();
    let before = kernel.everything();
    let (evidence, targets) = tuned(&kernel, "0-3", "60%", || {
        assert_eq!(read(&kernel.files, "policy0", "scaling_min_freq"), "1200000");
        assert_eq!(read(&kernel.files, "policy0", "scaling_max_freq"), "1200000");
        assert_eq!(read(&kernel.files, "policy4", "scaling_max_freq"), "2400000", "not of this session");
    })
    .await;
    assert_eq!(evidence.len(), 2);
    assert!(evidence.iter().all(|knob| knob.outcome == KnobOutcome::Held && knob.restored && !knob.helpful), "{evidence:?}");
    assert_eq!((targets[0].asked.as_str(), targets[0].target.0), ("60%", 1_200_000), "1080 MHz is no operating point");
    assert_eq!(kernel.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn each_cluster_can_have_its_own_plan_and_one_without_stays_as_it_was() {
    let kernel = Kernel::phone();
    let (evidence, targets) = tuned(&kernel, "0-7", "little=min,big=1600 MHz", || {
        assert_eq!(read(&kernel.files, "policy0", "scaling_max_freq"), "300000");
        assert_eq!(read(&kernel.files, "policy4", "scaling_min_freq"), "1500000");
    })
    .await;
    assert_eq!((evidence.len(), targets.len()), (4, 2));
    let (evidence, targets) = tuned(&kernel, "0-7", "big=max", || {
        assert_eq!(read(&kernel.files, "policy0", "scaling_min_freq"), "300000");
        assert_eq!(read(&kernel.files, "policy0", "scaling_max_freq"), "1800000");
    })
    .await;
    assert_eq!((evidence.len(), targets[0].policy.as_str()), (2, "cpufreq/policy4"));
}

#[tokio::test(start_paused = true)]
async fn a_cpu_that_is_off_is_brought_online_for_the_session_and_off_again_after_it() {
    let kernel = Kernel::phone();
    for cpu in 4..8 {
        kernel.unplug(cpu);
    }
    kernel.files.remove(&format!("{CPU}/cpufreq/policy4"));
    let before = kernel.everything();
    let (evidence, targets) = tuned(&kernel, "4-7", "max", || {
        assert_eq!(kernel.files.read(&format!("{CPU}/online")).unwrap(), "0-7\n");
        assert_eq!(kernel.files.read(&format!("{CPU}/cpu4/cpufreq/scaling_min_freq")).unwrap(), "2400000\n");
    })
    .await;
    assert_eq!(targets[0].policy, "cpu4/cpufreq", "the folder came with the CPU");
    assert!(evidence.iter().all(|knob| knob.outcome == KnobOutcome::Held && knob.restored), "{evidence:#?}");
    assert_eq!(kernel.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn a_cpu_that_stays_off_ends_the_session_and_leaves_everything_as_it_was() {
    let kernel = Kernel::phone().with_all_layers();
    kernel.fight(&format!("{CPU}/cpu7/online"), Fight::Refuses(SysErrorKind::Denied));
    let before = kernel.everything();
    let (device, folder, cpus, online) = (kernel.device(), folder(), set("4-7"), set("0-6"));
    let (known, journal) = (probe(&device, None), Journal::in_folder(folder.path()));
    let wish = Wish { cpus: &cpus, online: &online, frequency: Frequency::Max, asked: &[], cut_off: true, guardian: None };
    match tune(&device, &journal, &known, wish).await {
        Err(TuneError::Offline { offline, why }) => assert!(offline == set("7") && why.contains("cpu7/online"), "{why}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was tuned"),
    }
    assert_eq!(kernel.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn where_ppm_ignores_the_limits_of_cpufreq_the_pin_rests_on_ppm() {
    let with_ppm = || {
        let kernel = Kernel::phone();
        all().filter(|knob| knob.name.starts_with("ppm")).for_each(|knob| drop(kernel.add(knob)));
        for name in ["scaling_min_freq", "scaling_max_freq"] {
            kernel.fight(&format!("{CPU}/cpufreq/policy4/{name}"), Fight::Undoes);
        }
        kernel
    };
    let (evidence, _) = tuned(&with_ppm(), "4-7", "1200 MHz", || {}).await;
    let needed: Vec<_> = evidence.iter().filter(|knob| !knob.helpful).collect();
    assert!(needed.len() == 2 && needed.iter().all(|knob| knob.knob.starts_with("proc/ppm")), "{evidence:#?}");
    assert!(needed.iter().all(|knob| knob.outcome == KnobOutcome::Held && knob.asked == "1 1200000"), "{needed:#?}");
    let kernel = with_ppm();
    kernel.fight("proc/ppm/policy/hard_userlimit_min_cpu_freq", Fight::Undoes);
    let (evidence, _) = tuned(&kernel, "4-7", "1200 MHz", || {}).await;
    let needed: Vec<_> = evidence.iter().filter(|knob| !knob.helpful).collect();
    assert!(needed.iter().all(|knob| knob.outcome == KnobOutcome::Overridden), "one side is no pin: {needed:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_device_without_clocks_says_absent_and_unpinned_asks_nothing() {
    let kernel = Kernel::of(Captured::default());
    kernel.files.set(&format!("{CPU}/online"), "0\n");
    let (pinned, _) = tuned(&kernel, "0", "max", || {}).await;
    assert_eq!((pinned.len(), pinned[0].outcome), (1, KnobOutcome::Absent));
    assert!(tuned(&Kernel::phone().with_all_layers(), "0-3", "unpinned", || {}).await.0.is_empty());
}

#[tokio::test(start_paused = true)]
async fn knobs_that_may_not_be_read_are_refused() {
    let kernel = Kernel::phone();
    kernel.files.fail(&format!("{CPU}/cpufreq/policy0/scaling_max_freq"), SysErrorKind::Denied);
    let (evidence, _) = tuned(&kernel, "0-3", "max", || {}).await;
    let max = evidence.iter().find(|knob| knob.knob.ends_with("scaling_max_freq")).unwrap();
    assert_eq!(max.outcome, KnobOutcome::Refused);
}

#[tokio::test(start_paused = true)]
async fn without_a_journal_no_knob_is_touched() {
    let (kernel, folder) = (Kernel::phone(), folder());
    let before = kernel.everything();
    let device = kernel.device();
    let (known, journal) = (probe(&device, None), Journal::in_folder(&folder.path().join("missing")));
    let (cpus, online) = (set("0-3"), set("0-7"));
    let wish = Wish { cpus: &cpus, online: &online, frequency: Frequency::Max, asked: &[], cut_off: true, guardian: None };
    assert!(matches!(tune(&device, &journal, &known, wish).await, Err(TuneError::Journal(_))));
    assert_eq!(kernel.everything(), before);
}

/// Tunes a phone on which nothing works any more after so many writes, and drops everything, as a kill does: the guard's
/// writes fail like all others. Then a fresh start replays the journal. Returns how many writes came through before.
async fn killed_after(kernel: &Arc<Kernel>, writes: usize, plan: &str, asked: &[Asked], folder: &Path) -> usize {
    let device = kernel.device();
    let known = probe(&device, None);
    let online = known.cpus_online.value().cloned().unwrap_or_default();
    let cpus: CpuSet = known.cpus_possible.value().cloned().unwrap_or_else(|| online.clone());
    let reachable = super::super::cores::pluggable(device.sysfs.as_ref(), &online);
    let cpus = cpus.iter().filter(|&cpu| online.contains(cpu) || reachable.contains(cpu)).collect();
    let journal = Journal::in_folder(folder);
    kernel.stop_after(Some(writes));
    let begun = kernel.writes();
    let wish = Wish { cpus: &cpus, online: &online, frequency: plan.parse().unwrap(), asked, cut_off: true, guardian: None };
    drop(tune(&device, &journal, &known, wish).await);
    let written = kernel.writes() - begun;
    kernel.stop_after(None);
    kernel.refuse_at_random(None);
    journal.replay(&device).unwrap_or_else(|error| panic!("{plan}, killed after {writes} writes: {error}"));
    assert_eq!(journal.replay(&device).unwrap(), 0, "the journal is gone");
    written
}

/// Kills after each single write, those of the restore included.
async fn killed_after_each_write(name: &str, phone: impl Fn() -> Arc<Kernel>, plan: &str, asked: &[Asked]) -> usize {
    let folder = folder();
    let mut kills = 0;
    for writes in 0.. {
        let kernel = phone();
        let before = kernel.everything();
        let written = killed_after(&kernel, writes, plan, asked, folder.path()).await;
        let after = kernel.everything();
        let differs: Vec<_> = before.iter().filter(|(path, text)| after.get(*path) != Some(text)).collect();
        assert!(differs.is_empty() && after.len() == before.len(), "{name}, {plan}, killed after {writes} writes: {differs:#?}");
        kills += 1;
        if written < writes {
            break;
        }
    }
    kills
}

/// A captured phone in memory, where every CPU with a clock has limits that can be written: captures lack those that the
/// shell may not read.
fn captured(root: &Path) -> Captured {
    let files = Captured::default();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                files.set(path.strip_prefix(root).unwrap().to_str().unwrap(), &String::from_utf8_lossy(&bytes));
            }
        }
    }
    for path in files.files().into_keys().filter(|path| path.ends_with("/related_cpus")) {
        let folder = path.trim_end_matches("/related_cpus");
        for (limit, bound) in [("scaling_min_freq", "cpuinfo_min_freq"), ("scaling_max_freq", "cpuinfo_max_freq")] {
            if let (Err(_), Ok(text)) = (files.read(&format!("{folder}/{limit}")), files.read(&format!("{folder}/{bound}"))) {
                files.set(&format!("{folder}/{limit}"), &text);
            }
        }
    }
    files
}

#[tokio::test(start_paused = true)]
async fn an_agent_killed_at_any_write_restores_every_file_at_its_next_start() {
    let asked = everything_asked();
    let narrowed = || {
        let kernel = Kernel::phone().with_all_layers();
        // Somebody had narrowed the limits: these, not the hardware's, must come back.
        kernel.files.set(&format!("{CPU}/cpufreq/policy4/scaling_max_freq"), "1500000\n");
        kernel
    };
    for plan in ["min", "max", "50%", "little=max,big=min", "fixed-performance", "unpinned"] {
        let kills = killed_after_each_write("the simulated phone", narrowed, plan, &asked).await;
        println!("{plan}: killed {kills} times");
        // More than the files of all layers: restoring writes as well.
        assert!(kills > 20, "{plan}: {kills}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_killed_at_any_write_restores_every_captured_phone() {
    let phones = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/phones");
    if !phones.is_dir() {
        // Not by eprintln!, which the test runner keeps to itself when a test passes.
        std::io::stderr().write_all(format!("SKIPPED: no captured phones at {}\n", phones.display()).as_bytes()).unwrap();
        return;
    }
    let (mut count, mut kills) = (0, 0);
    let mut roots: Vec<_> = std::fs::read_dir(&phones).unwrap().map(|entry| entry.unwrap().path()).collect();
    roots.retain(|root| root.is_dir());
    roots.sort();
    for root in roots {
        let name = root.file_name().unwrap().to_string_lossy().into_owned();
        let text = captured(&root).to_text();
        let phone = || Kernel::of(Captured::parse(&text).unwrap());
        for plan in ["min", "50%", "max"] {
            kills += killed_after_each_write(&name, phone, plan, &[]).await;
        }
        count += 1;
    }
    println!("{count} phones, killed {kills} times");
    assert!(count >= 40 && kills > 40 * 9, "{count} phones, {kills} kills");
}

/// As many as PROPTEST_CASES says, before a release; 48 else.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => usual,
        None => ProptestConfig { cases: 48, ..usual },
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn random_refusals_and_a_kill_leave_no_trace_after_the_next_start(
        seed in any::<u64>(),
        writes in 0usize..120,
        plan in prop::sample::select(vec!["min", "max", "60%", "big=min"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (kernel, folder) = (Kernel::phone().with_all_layers(), folder());
            let before = kernel.everything();
            kernel.refuse_at_random(Some(seed));
            killed_after(&kernel, writes, plan, &everything_asked(), folder.path()).await;
            let after: BTreeMap<_, _> = kernel.everything();
            assert_eq!(after, before);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_of_an_earlier_boot_puts_back_only_what_a_reboot_leaves() {
    let (kernel, folder) = (Kernel::phone().with_all_layers(), folder());
    let (device, cpus, online) = (kernel.device(), set("4-6"), set("0-6"));
    let (known, journal) = (probe(&device, None), Journal::in_folder(folder.path()));
    let asked = ["screen".parse().unwrap()];
    let wish = Wish { cpus: &cpus, online: &online, frequency: Frequency::Min, asked: &asked, cut_off: true, guardian: None };
    let tuned = tune(&device, &journal, &known, wish).await.unwrap();
    let kept = std::fs::read(folder.path().join("knobs.json")).unwrap();
    let changed = kernel.everything();
    let drifted = tuned.drifted();
    tuned.restore(drifted).await;
    // The device was switched off in the middle: the kernel forgot, Android's settings did not.
    std::fs::write(folder.path().join("knobs.json"), kept).unwrap();
    for (name, value) in changed.iter().filter_map(|(name, value)| Some((name.strip_prefix("setting ")?, value))) {
        let (namespace, key) = name.split_once(' ').unwrap();
        kernel.setting(namespace, key, value);
    }
    kernel.files.set("proc/sys/kernel/random/boot_id", "two\n");
    kernel.files.set(&format!("{CPU}/cpufreq/policy4/scaling_max_freq"), "1500000\n");
    assert_eq!(journal.replay(&device).unwrap(), 3);
    let now = kernel.everything();
    assert_eq!(now["setting system screen_off_timeout"], "1");
    assert_eq!(now[&format!("{CPU}/cpufreq/policy4/scaling_max_freq")], "1500000\n", "of this boot, not of the journal's");
}

#[tokio::test(start_paused = true)]
async fn a_guardian_restores_its_own_session_and_no_later_one() {
    let (kernel, folder) = (Kernel::phone(), folder());
    let before = kernel.everything();
    let (device, cpus, online) = (kernel.device(), set("0-3"), set("0-7"));
    let (known, journal) = (probe(&device, None), Journal::in_folder(folder.path()));
    let wish = Wish { cpus: &cpus, online: &online, frequency: Frequency::Min, asked: &[], cut_off: true, guardian: None };
    let mut tuned = tune(&device, &journal, &known, wish).await.unwrap();
    let owner = tuned.owner.clone();
    tuned.restored = true;
    drop(tuned);
    assert_ne!(kernel.everything(), before);
    assert_eq!(journal.replay_of(&device, "another").unwrap(), 0);
    assert_ne!(kernel.everything(), before);
    assert_eq!(journal.replay_of(&device, &owner).unwrap(), 2);
    assert_eq!(kernel.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_while_a_value_settles_puts_it_back() {
    for waited in [1, 100, 700] {
        let (kernel, folder) = (Kernel::phone(), folder());
        let limit = format!("{CPU}/cpufreq/policy0/scaling_max_freq");
        kernel.fight(&limit, Fight::Settles(Duration::from_millis(800)));
        let before = kernel.everything();
        let (device, cpus, online) = (kernel.device(), set("0-3"), set("0-7"));
        let (known, journal) = (probe(&device, None), Journal::in_folder(folder.path()));
        let wish = Wish { cpus: &cpus, online: &online, frequency: Frequency::Min, asked: &[], cut_off: true, guardian: None };
        let tuning = tune(&device, &journal, &known, wish);
        assert!(tokio::time::timeout(Duration::from_millis(waited), tuning).await.is_err(), "it takes 800 ms");
        sleep(Duration::from_secs(2)).await;
        assert_eq!(kernel.everything(), before, "dropped after {waited} ms");
    }
}
