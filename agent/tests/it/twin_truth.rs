//! What the agent says of clocks and threads against what truly happened on each twin; and whatever happens, no run whose
//! clock moved is valid.

use std::collections::BTreeSet;
use std::time::Duration;

use benchrack_agent::probe::probe;
use benchrack_agent::twin::{Deed, Twin};
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::{CpufreqPolicy, DeviceReport};
use benchrack_protocol::evidence::SessionEvidence;
use benchrack_protocol::report::{Measurement, RunReport, SessionReport};
use benchrack_protocol::session::Frequency;
use benchrack_protocol::units::{Kilohertz, Nanos};
use benchrack_protocol::validity::{Validity, assess};
use proptest::prelude::*;

use crate::session::measured;
use crate::twins::{CASES, run, spec, twin, validity};

/// A cap to the lowest operating point of a cluster; clusters of a twin are in the order of its file.
fn cap(known: &DeviceReport, cpu: u32) -> (usize, Kilohertz) {
    let cluster = known.clusters.iter().position(|cluster| cluster.cpus.contains(cpu)).unwrap();
    let policy = known.policies.iter().find(|policy| policy.cpus.contains(cpu)).unwrap();
    (cluster, policy.frequencies.value().unwrap()[0])
}

/// A session in the middle of which its clock is capped.
async fn capped(name: &str, cores: &str, frequency: Frequency) -> (Twin, SessionReport) {
    let twin = twin(name);
    let device = twin.device();
    let known = probe(&device, None);
    let cpus = match cores.parse().unwrap() {
        benchrack_protocol::session::Cores::List(cpus) => cpus,
        benchrack_protocol::session::Cores::All => known.cpus_online.value().unwrap().clone(),
        _ => known.clusters.iter().find(|cluster| cluster.name == cores).unwrap().cpus.clone(),
    };
    let (cluster, khz) = cap(&known, cpus.iter().next().unwrap());
    let fight = async {
        tokio::time::sleep(Duration::from_secs(6)).await;
        twin.happen(Deed::Cap { cluster, khz: khz.0 });
    };
    let (report, ()) = tokio::join!(run(&device, &known, spec(cores, frequency)), fight);
    (twin, report)
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_clocks_is_true_through_a_cap_in_the_middle_of_a_run() {
    for case in &CASES {
        for frequency in [Frequency::Unpinned, case.frequency] {
            let (twin, report) = capped(case.name, case.cores, frequency).await;
            let (name, evidence, truth) = (case.name, report.evidence.as_ref().unwrap(), twin.truth());
            let mut moved = false;
            for residency in &evidence.residency {
                let cpu = residency.cpus.iter().next().unwrap();
                for look in &evidence.watch {
                    let clock = look.clocks.iter().find(|clock| clock.policy == residency.policy).unwrap();
                    let (seen, true_khz) = (clock.frequency.value(), truth.frequency(cpu, look.at).unwrap());
                    assert!(seen.is_none_or(|seen| *seen == true_khz), "{name} at {}: {seen:?}, truly {true_khz}", look.at);
                }
                // The watch begins and ends with the counters.
                let (from, to) = (evidence.watch[0].at, evidence.watch.last().unwrap().at);
                let true_times = truth.residency(cpu, from, to).unwrap();
                moved |= true_times.len() > 1;
                let Some(told) = residency.time_in_state.value() else { continue };
                for (khz, time) in &true_times {
                    let ticks = told.iter().find(|state| state.frequency == *khz).map_or(0, |state| state.ticks);
                    // A counter of ticks of 10 ms is off by one at each end.
                    let off = (ticks as f64 - time.0 as f64 / 1e7).abs();
                    assert!(off <= 2.0, "{name}: {ticks} ticks at {khz}, truly {time}");
                }
                assert!(told.iter().all(|state| true_times.contains_key(&state.frequency)), "{name}: {told:?}, {true_times:?}");
            }
            assert!(moved, "{name}: the cap was felt");
            assert!(!evidence.true_frequencies.is_empty(), "{name}");
            for executed in &evidence.true_frequencies {
                let true_khz = truth.frequency(executed.cpu, executed.at).unwrap();
                assert_eq!(executed.frequency.value(), Some(&true_khz), "{name}: CPU {} at {}", executed.cpu, executed.at);
            }
            assert_ne!(validity(&report), Validity::Valid, "{name} {frequency}");
        }
    }
}

/// CPUs that the threads of a run are said to have run on, and those on which they truly were.
fn placement(twin: &Twin, run: &Measurement) -> (BTreeSet<u32>, CpuSet) {
    let told = run.threads.iter().filter_map(|thread| thread.last_cpu.value().copied()).collect();
    let pid = run.threads.iter().map(|thread| thread.tid).min().unwrap();
    (told, twin.truth().ran_on(pid).unwrap())
}

#[tokio::test(start_paused = true)]
async fn threads_are_where_they_are_said_to_be_and_one_that_was_moved_is_never_missed() {
    for case in &CASES {
        for unplugged in [false, true] {
            let twin = twin(case.name);
            let device = twin.device();
            let known = probe(&device, None);
            let mut spec = spec(case.cores, Frequency::Unpinned);
            spec.subjects[0].threads = 2;
            let fight = async {
                tokio::time::sleep(Duration::from_secs(4)).await;
                let on_it = |pid: &u32| twin.truth().ran_on(*pid).is_some();
                let busy = (4001..4100).find(on_it).and_then(|pid| twin.truth().placement(pid)).unwrap();
                // The first CPU of a phone cannot be unplugged.
                let gone: CpuSet = busy.iter().filter(|&cpu| cpu > 0).collect();
                if unplugged {
                    twin.happen(Deed::Offline(gone));
                }
            };
            let (report, ()) = tokio::join!(run(&device, &known, spec), fight);
            let RunReport::Measured(run) = &report.runs[0] else { continue };
            let (told, truly) = placement(&twin, run);
            let all = told.iter().all(|&cpu| truly.contains(cpu));
            assert!(!told.is_empty() && all, "{}: said to be on {told:?}, truly on {truly}", case.name);
            let allowed = &report.evidence.as_ref().unwrap().cpus;
            let strayed = !truly.is_subset(allowed);
            let judged = validity(&report);
            assert!(!strayed || judged != Validity::Valid, "{}: on {truly}, asked {allowed}", case.name);
            if !unplugged {
                assert_eq!(told, truly.iter().collect::<BTreeSet<_>>(), "{}", case.name);
            }
        }
    }
}

/// Something that happens in a session: to which cluster, how hard, when, and for how long.
#[derive(Debug, Clone)]
struct Fault {
    kind: usize,
    cluster: prop::sample::Index,
    strength: f64,
    at_ms: u64,
    for_ms: u64,
}

fn fault() -> impl Strategy<Value = Fault> {
    (0usize..7, any::<prop::sample::Index>(), 0.0..1.0, 0u64..9_000, 20u64..4_000)
        .prop_map(|(kind, cluster, strength, at_ms, for_ms)| Fault { kind, cluster, strength, at_ms, for_ms })
}

impl Fault {
    /// What happens, and what ends it, if anything does.
    fn deeds(&self, known: &DeviceReport) -> (Deed, Option<Deed>) {
        let place = self.cluster.index(known.clusters.len());
        let cpus = &known.clusters[place].cpus;
        let clocks = |policy: &&CpufreqPolicy| policy.cpus.is_subset(cpus) || cpus.is_subset(&policy.cpus);
        let policy = known.policies.iter().find(clocks).unwrap();
        // Two clusters on one clock are one of the twin's.
        let cluster = if known.policies.len() == 1 { 0 } else { place };
        let points = policy.frequencies.value().unwrap();
        let khz = points[((points.len() - 1) as f64 * self.strength).round() as usize].0;
        let highest = points.last().unwrap().0;
        let one = cpus.iter().last().unwrap();
        match self.kind {
            0 => (Deed::Cap { cluster, khz }, Some(Deed::Cap { cluster, khz: u64::MAX })),
            1 => (Deed::Limits { cluster, min_khz: khz, max_khz: highest }, None),
            2 => (Deed::Limits { cluster, min_khz: points[0].0, max_khz: khz }, None),
            3 => (Deed::Offline(CpuSet::from_iter([one])), None),
            4 => (
                Deed::Load { cpus: cpus.clone(), share: self.strength * 0.9 },
                Some(Deed::Load { cpus: cpus.clone(), share: 0.0 }),
            ),
            5 => (Deed::Die(40.0 + 60.0 * self.strength), None),
            _ => {
                let file = format!("sys/devices/system/cpu/{}/scaling_max_freq", policy.path);
                (Deed::Write { file, text: khz.to_string() }, None)
            }
        }
    }
}

/// From the first block's first sample to the last one's last.
fn span(run: &Measurement) -> (Nanos, Nanos) {
    let last = run.blocks.last().unwrap();
    let passed: u64 = last.samples.iter().map(|sample| sample.0).sum();
    (run.blocks[0].started, Nanos(last.started.0 + passed))
}

/// CPUs whose clock was to stand still.
fn pinned(evidence: &SessionEvidence) -> CpuSet {
    let targets = evidence.targets.iter().flat_map(|target| target.cpus.iter().collect::<Vec<_>>());
    targets.filter(|&cpu| evidence.cpus.contains(cpu)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_whose_clock_moved_is_never_valid_on_any_twin_whatever_happens(
        case in 0usize..CASES.len(),
        plan in prop::sample::select(vec!["min", "max", "60%", "35%"]),
        faults in prop::collection::vec(fault(), 0..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let case = &CASES[case];
            let twin = twin(case.name);
            let device = twin.device();
            let known = probe(&device, None);
            let fight = async {
                let mut happens: Vec<(u64, Deed)> = Vec::new();
                for fault in &faults {
                    let (deed, end) = fault.deeds(&known);
                    happens.push((fault.at_ms, deed));
                    happens.extend(end.map(|end| (fault.at_ms + fault.for_ms, end)));
                }
                happens.sort_by_key(|(at, _)| *at);
                for (at, deed) in happens {
                    tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_millis(at).saturating_sub(twin.now().into())).await;
                    twin.happen(deed);
                }
            };
            let (report, ()) = tokio::join!(run(&device, &known, spec(case.cores, plan.parse().unwrap())), fight);
            // A session that became impossible has no run that could be valid.
            let (Some(evidence), RunReport::Measured(run)) = (&report.evidence, &report.runs[0]) else { return };
            let (from, to) = span(run);
            let moved: Vec<u32> = pinned(evidence).iter().filter(|&cpu| twin.truth().moved(cpu, from, to).unwrap()).collect();
            let judged = assess(&report.spec.operating_point, evidence, measured(&report.runs[0]));
            assert!(
                moved.is_empty() || judged != Validity::Valid,
                "{} {plan}: the clocks of {moved:?} moved between {from} and {to}, {faults:?}",
                case.name
            );
            let (_, truly) = placement(&twin, run);
            assert!(truly.is_subset(&evidence.cpus) || judged != Validity::Valid, "{} {plan}: {faults:?}", case.name);
        });
    }
}
