//! Every knob of the registry on a simulated device: set, verified, fought, restored.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use benchrack_protocol::evidence::{KnobEvidence, KnobOutcome};
use benchrack_protocol::session::Frequency;

use super::simulated::{Fight, Kernel};
use super::*;
use crate::probe::probe;
use crate::session::journal::Journal;
use crate::session::tune::{Wish, tune};
use crate::session::tuned::Tuned;
use crate::sysfs::SysErrorKind;

/// What turns this knob: a frequency plan, and what is asked for.
fn cause(knob: &Knob) -> Option<(Frequency, Vec<Asked>)> {
    let pinned: Frequency = "1200 MHz".parse().unwrap();
    match knob.when {
        When::Pins | When::Pinned => Some((pinned, Vec::new())),
        When::Offline => Some((Frequency::Unpinned, Vec::new())),
        When::FixedPerformance => Some((Frequency::FixedPerformance, Vec::new())),
        When::Asked | When::AskedWithCutOff => Some((pinned, vec![knob.name.parse().unwrap()])),
        When::Charging => None,
    }
}

/// Turns it on a phone that has it, lets something happen, restores; returns the evidence of its places.
async fn turned(knob: &'static Knob, fight: Option<Fight>, meanwhile: impl Fn(&Kernel, &[String])) -> Vec<KnobEvidence> {
    let (frequency, asked) = cause(knob).unwrap();
    let kernel = Kernel::phone();
    let places = kernel.add(knob);
    let fought =
        |place: &String| if matches!(knob.place, Place::Program { .. }) { "fixed performance".into() } else { place.clone() };
    if let Some(fight) = fight {
        places.iter().for_each(|place| kernel.fight(&fought(place), fight));
    }
    let before = kernel.everything();
    let device = kernel.device();
    let known = probe(&device, None);
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::in_folder(folder.path());
    let (cpus, online) = ("4-7".parse().unwrap(), known.cpus_online.value().unwrap().clone());
    let wish = Wish { cpus: &cpus, online: &online, frequency, asked: &asked, cut_off: true, guardian: None };
    let tuned: Tuned<'_> = tune(&device, &journal, &known, wish).await.unwrap();
    meanwhile(&kernel, &places);
    let drifted = tuned.drifted();
    let evidence = tuned.restore(drifted).await;
    assert_eq!(kernel.everything(), before, "{} was not put back after {fight:?}", knob.name);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{}: no journal is left", knob.name);
    evidence.into_iter().filter(|evidence| places.contains(&evidence.knob)).collect()
}

fn turnable() -> impl Iterator<Item = &'static Knob> {
    all().filter(|knob| cause(knob).is_some())
}

fn outcomes(evidence: &[KnobEvidence]) -> BTreeSet<String> {
    evidence.iter().map(|evidence| format!("{:?}", evidence.outcome)).collect()
}

fn expect(knob: &Knob, evidence: &[KnobEvidence], outcome: KnobOutcome) {
    assert!(!evidence.is_empty(), "{} has no evidence", knob.name);
    assert_eq!(outcomes(evidence), BTreeSet::from([format!("{outcome:?}")]), "{}: {evidence:#?}", knob.name);
}

/// Android's mode can be turned and not asked.
fn asks(knob: &Knob) -> bool {
    !matches!(knob.place, Place::Program { .. })
}

#[tokio::test(start_paused = true)]
async fn every_knob_is_set_verified_and_put_back() {
    for knob in turnable() {
        let evidence = turned(knob, None, |_, _| {}).await;
        expect(knob, &evidence, if asks(knob) { KnobOutcome::Held } else { KnobOutcome::Unverified });
        assert!(evidence.iter().all(|evidence| evidence.restored), "{}: {evidence:#?}", knob.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_takes_every_write_and_undoes_it_is_seen() {
    for knob in turnable().filter(|knob| asks(knob) && knob.when != When::Offline) {
        expect(knob, &turned(knob, Some(Fight::Undoes), |_, _| {}).await, KnobOutcome::Overridden);
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_shows_after_four_fifths_of_a_second_is_waited_for() {
    for knob in turnable().filter(|knob| !matches!(knob.place, Place::Setting(..) | Place::Service(_) | Place::Program { .. })) {
        let evidence = turned(knob, Some(Fight::Settles(Duration::from_millis(800))), |_, _| {}).await;
        expect(knob, &evidence, KnobOutcome::Held);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_is_said_and_changes_nothing() {
    for knob in turnable().filter(|knob| knob.when != When::Offline) {
        for kind in [SysErrorKind::Denied, SysErrorKind::Unavailable] {
            expect(knob, &turned(knob, Some(Fight::Refuses(kind)), |_, _| {}).await, KnobOutcome::Refused);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_does_not_answer_for_a_moment_is_asked_again_and_one_that_never_does_is_left_alone() {
    for knob in turnable().filter(|knob| matches!(knob.place, Place::Files(_) | Place::Policy(_) | Place::FirstCpu(_))) {
        // A file that cannot be compared with is not touched, and one that comes back is.
        expect(knob, &turned(knob, Some(Fight::Silent(3)), |_, _| {}).await, KnobOutcome::Held);
        expect(knob, &turned(knob, Some(Fight::Silent(10_000)), |_, _| {}).await, KnobOutcome::Refused);
    }
}

#[tokio::test(start_paused = true)]
async fn a_knob_that_is_taken_back_during_the_blocks_is_overridden() {
    for knob in turnable().filter(|knob| asks(knob) && knob.when != When::Offline) {
        let evidence = turned(knob, None, |kernel, places| {
            for place in places {
                match place.split_once(' ') {
                    Some(("service", name)) => kernel.service(name, "running"),
                    Some(("setting", rest)) => {
                        let (namespace, key) = rest.split_once(' ').unwrap();
                        kernel.setting(namespace, key, "1");
                    }
                    _ => {
                        let fresh = Kernel::phone();
                        fresh.add(knob);
                        kernel.files.set(place, &fresh.files.files()[place]);
                    }
                }
            }
        });
        expect(knob, &evidence.await, KnobOutcome::Overridden);
    }
}

#[tokio::test(start_paused = true)]
async fn what_needs_root_is_refused_to_the_shell_and_what_does_not_is_done() {
    for knob in turnable().filter(|knob| matches!(knob.place, Place::Setting(..) | Place::Service(_) | Place::Program { .. })) {
        let (frequency, asked) = cause(knob).unwrap();
        let kernel = Kernel::phone();
        kernel.add(knob);
        kernel.be_user(2000);
        let (device, folder) = (kernel.device(), tempfile::tempdir().unwrap());
        let (known, journal) = (probe(&device, None), Journal::in_folder(folder.path()));
        let (cpus, online) = ("4-7".parse().unwrap(), "0-7".parse().unwrap());
        let wish = Wish { cpus: &cpus, online: &online, frequency, asked: &asked, cut_off: true, guardian: None };
        let tuned = tune(&device, &journal, &known, wish).await.unwrap();
        let drifted = tuned.drifted();
        let evidence = tuned.restore(drifted).await;
        let of_files = |evidence: &KnobEvidence| evidence.knob.starts_with("sys/");
        let here: Vec<_> = evidence.into_iter().filter(|evidence| !of_files(evidence)).collect();
        let done = matches!(here[0].outcome, KnobOutcome::Held | KnobOutcome::Unverified);
        assert_eq!(done, knob.access == Access::Shell, "{}: {here:#?}", knob.name);
    }
}

#[tokio::test(start_paused = true)]
async fn daemons_for_heat_are_left_alone_without_a_cut_off_and_denied_devices_always() {
    let knob = all().find(|knob| knob.when == When::AskedWithCutOff).unwrap();
    let kernel = Kernel::phone();
    kernel.add(knob);
    let before = kernel.everything();
    let (device, folder) = (kernel.device(), tempfile::tempdir().unwrap());
    let (known, journal) = (probe(&device, None), Journal::in_folder(folder.path()));
    let (cpus, online) = ("4-7".parse().unwrap(), "0-7".parse().unwrap());
    let asked = ["thermal_services".parse().unwrap()];
    let wish =
        Wish { cpus: &cpus, online: &online, frequency: Frequency::Unpinned, asked: &asked, cut_off: false, guardian: None };
    let tuned = tune(&device, &journal, &known, wish).await.unwrap();
    assert_eq!(kernel.everything(), before);
    let drifted = tuned.drifted();
    let evidence = tuned.restore(drifted).await;
    expect(knob, &evidence, KnobOutcome::Refused);
    assert!(format!("{}", evidence[0].read_back).contains("denied"));

    let gpu = all().find(|knob| !knob.denied.is_empty()).unwrap();
    let walleye = [("ro.product.device".to_owned(), "walleye".to_owned())].into();
    assert_eq!(plan::denied(gpu, &walleye), Some("a locked GPU clock crashes it"));
    let other = [("ro.product.device".to_owned(), "blueline".to_owned())].into();
    assert_eq!(plan::denied(gpu, &other), None);
}

#[test]
fn entries_of_the_registry_have_names_of_their_own_and_say_what_they_do() {
    let names: BTreeSet<&str> = all().map(|knob| knob.name).collect();
    assert_eq!(names.len(), all().count());
    for knob in all() {
        assert!(!knob.effect.is_empty() && !knob.source.is_empty(), "{}", knob.name);
        if let Place::Files(patterns) = knob.place {
            assert!(!patterns.is_empty() && patterns.iter().all(|pattern| !pattern.starts_with('/')), "{}", knob.name);
        }
    }
}

#[test]
fn what_is_asked_for_must_be_there_to_be_asked_for() {
    assert!("cpuidle".parse::<Asked>().is_ok());
    assert!("screen".parse::<Asked>().is_ok(), "a family");
    assert!("governor=performance".parse::<Asked>().is_ok());
    for (text, word) in [
        ("overclock", "no knob that can be asked for"),
        ("cpufreq.max", "no knob that can be asked for"),
        ("charge", "no knob that can be asked for"),
        ("cpuidle=3", "takes no value"),
        ("governor=a;reboot", "other than letters"),
    ] {
        let error = text.parse::<Asked>().unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
    }
}

#[test]
fn the_documented_table_is_the_registry() {
    let document = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/knobs.md");
    let text = std::fs::read_to_string(document).unwrap();
    let table = table::markdown();
    assert!(text.contains(table.trim_end()), "docs/knobs.md needs the output of `benchrack-agent knobs --markdown`:\n{table}");
}

#[test]
fn what_is_on_a_device_is_listed_with_what_it_says_and_nothing_is_turned() {
    let kernel = Kernel::phone().with_all_layers();
    kernel.files.fail("sys/power/cpufreq_max_limit", SysErrorKind::Denied);
    let (before, device) = (kernel.everything(), kernel.device());
    let (root, rows) = look::look(&device, &probe(&device, None));
    assert_eq!((root, kernel.writes()), (Some(benchrack_protocol::access::RootForm::Own), 0));
    assert_eq!(kernel.everything(), before);
    let row = |name: &str| rows.iter().find(|row| row.name == name).unwrap();
    assert!(
        rows.iter().filter(|row| row.places.is_empty()).map(|row| row.name).eq(["fixed_performance"]),
        "its program is missing"
    );
    let denied = &row("cpufreq_limit.max").places[0];
    assert!(denied.now.value().is_none() && !denied.writable);
    assert_eq!(row("fpsgo").places[0].now.value().unwrap(), "free");
    let shown = look::describe(root, &rows);
    assert!(shown.contains("cpu0/core_ctl") || shown.contains("cpu4/core_ctl/enable"), "{shown}");
    let bare: Arc<Kernel> = Kernel::of(crate::sysfs::Captured::default());
    let (_, rows) = look::look(&bare.device(), &probe(&bare.device(), None));
    assert!(rows.iter().all(|row| row.places.iter().all(|place| !place.place.starts_with("sys/"))));
}
