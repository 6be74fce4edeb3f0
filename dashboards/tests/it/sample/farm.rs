use benchrack_dashboards::view::*;
use benchrack_protocol::api::{Device, Estimate, Heartbeat, Metric, Run};
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::*;
use benchrack_protocol::ids::*;
use benchrack_protocol::model::Precision;
use benchrack_protocol::rack::{Rack, RackPhase, RackPhone, RackPhoneStatus, RackQuarantine};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::{AgentBuild, Failure};
use benchrack_protocol::runner::FailureReason;
use benchrack_protocol::session::{Cores, Frequency, OperatingPoint};
use benchrack_protocol::units::*;
use benchrack_protocol::validity::{Doubt, EvidenceTier, Reason, Validity};
use time::Duration;

use super::{HOSTILE, LONG, NOW, RIGHT_TO_LEFT};

pub fn workbench() -> DeviceRef {
    DeviceRef {
        id: DeviceId(1),
        name: "workbench".into(),
        title: "Debian GNU/Linux 12 on AMD EPYC 9R14".into(),
        reality: Reality::Real,
    }
}

pub fn pixel() -> DeviceRef {
    DeviceRef { id: DeviceId(2), name: "pixel-8".into(), title: "Google Pixel 8".into(), reality: Reality::Real }
}

pub fn twin() -> DeviceRef {
    DeviceRef { id: DeviceId(3), name: "twin-sm8550".into(), title: "Xiaomi 13 (twin)".into(), reality: Reality::Simulated }
}

/// Value with an interval of this half-width, as a share.
pub fn about(value: f64, share: f64) -> Estimate {
    Estimate::within(value, value * (1.0 - share), value * (1.0 + share * 1.2))
}

pub fn exact(value: f64) -> Estimate {
    Estimate::exact(value)
}

pub fn pinned() -> OperatingPoint {
    OperatingPoint { cores: Cores::Cluster("big".into()), frequency: Frequency::Percent(60) }
}

pub fn artifact(name: &str) -> ArtifactId {
    ArtifactId::of(name.as_bytes())
}

/// A valid run with this median latency in milliseconds.
pub fn run(id: i64, device: &DeviceRef, model: &str, precision: Precision, threads: u16, ms: f64) -> Run {
    let ns = ms * 1e6;
    Run {
        id: RunId(id),
        session: SessionId(id / 4 + 1),
        device: device.id,
        device_name: device.name.clone(),
        label: model.into(),
        model: model.into(),
        precision,
        artifact: artifact(model),
        engine: "tract 0.23.9".into(),
        threads,
        operating_point: OperatingPoint::default(),
        measured_at: NOW - Duration::minutes(id % 200),
        reality: device.reality,
        validity: Some(Validity::Valid),
        tier: Some(EvidenceTier::Silver),
        failure: None,
        metrics: vec![
            (Metric::Latency, about(ns, 0.011)),
            (Metric::LatencyP90, about(ns * 1.06, 0.02)),
            (Metric::LatencyP99, about(ns * 1.21, 0.05)),
            (Metric::FirstInference, exact(ns * 2.4)),
            (Metric::Load, exact(38.4e6 + ns * 1.3)),
            (Metric::PeakRss, exact(41.2e6 + ns * 1.1)),
            (Metric::Pss, exact(36.9e6 + ns)),
            (Metric::ModelSize, exact(4.95e6)),
        ],
    }
}

pub fn throttled(run: Run) -> Run {
    let detail = "policy4: cap fell from 2914 MHz to 1803 MHz".into();
    Run {
        validity: Some(Validity::Invalid { reasons: vec![Doubt { reason: Reason::Throttled, detail }] }),
        tier: Some(EvidenceTier::Bronze),
        ..run
    }
}

pub fn disturbed(run: Run) -> Run {
    let reasons = vec![
        Doubt { reason: Reason::Interference, detail: "the runner waited for a CPU in 4 of 10 blocks, up to 31 %".into() },
        Doubt { reason: Reason::Unsteady, detail: "still a trend after 212 warm-up inferences".into() },
    ];
    Run { validity: Some(Validity::Degraded { reasons }), tier: Some(EvidenceTier::Bronze), ..run }
}

pub fn failed(run: Run) -> Run {
    Run {
        validity: None,
        tier: None,
        failure: Some(Failure {
            reason: FailureReason::UnsupportedOperator,
            detail: "tract has no operator com.microsoft.QLinearAdd (node add_12)".into(),
        }),
        metrics: Vec::new(),
        ..run
    }
}

fn card(device: DeviceRef, state: &str) -> DeviceCard {
    DeviceCard {
        id: device.id,
        name: device.name,
        title: device.title,
        state: state.into(),
        reason: None,
        reality: device.reality,
        last_seen_at: NOW - Duration::seconds(4),
        current: None,
        newest: Vec::new(),
        queued: 0,
        condition: Condition::default(),
        steadiness: None,
        control: None,
    }
}

pub fn rack() -> RackView {
    let newest = vec![
        run(41, &workbench(), "squeezenet-1.1", Precision::Int8, 1, 12.4),
        run(42, &workbench(), "mobilenet-v1-1.0-224", Precision::Fp32, 2, 21.8),
        throttled(run(43, &workbench(), "resnet-18", Precision::Fp32, 1, 61.3)),
        failed(run(44, &workbench(), "resnet-18", Precision::Int8, 1, 1.0)),
    ];
    let current = CurrentSession {
        job: JobId(77),
        title: "squeezenet-1.1 int8, mobilenet-v1-1.0-224 int8".into(),
        since: NOW - Duration::seconds(21),
        progress: Some(Heartbeat::of("measuring block 7 of 20", 7, 20)),
    };
    let starting =
        CurrentSession { job: JobId(78), title: "resnet-18 fp32".into(), since: NOW - Duration::seconds(2), progress: None };
    let mut odd = card(
        DeviceRef { id: DeviceId(4), name: HOSTILE.into(), title: RIGHT_TO_LEFT.into(), reality: Reality::Emulated },
        "quarantined",
    );
    odd.reason = Some("control subject drifted by +6.2 % over the last 5 sessions; look at battery and cover".into());
    odd.last_seen_at = NOW - Duration::hours(5);
    odd.queued = 3;
    let mut away = card(DeviceRef { id: DeviceId(5), name: LONG.into(), ..pixel() }, "offline");
    away.last_seen_at = NOW - Duration::days(3);
    RackView {
        devices: vec![
            DeviceCard { newest, queued: 6, ..card(workbench(), "idle") },
            DeviceCard {
                current: Some(current),
                condition: Condition {
                    heat: Some(Heat { sensor: "BIG".into(), temperature: Millicelsius(41_300), at: NOW - Duration::minutes(9) }),
                    battery: Some(BatteryLevel { percent: 83, status: Some("Discharging".into()) }),
                },
                steadiness: Some(Steadiness { noise: 0.0091, smallest: 0.0255, runs: 240 }),
                control: Some(ControlLevel { run: RunId(40), series: SeriesId(3), change: 0.062 }),
                ..card(pixel(), "leased")
            },
            DeviceCard { current: Some(starting), ..card(twin(), "leased") },
            DeviceCard {
                reason: Some("battery at 41.2 °C, waits for 38 °C".into()),
                ..card(
                    DeviceRef { id: DeviceId(6), name: "galaxy-a14".into(), title: "Samsung SM-A145R".into(), ..pixel() },
                    "cooling",
                )
            },
            odd,
            away,
        ],
        queue: Queue { queued: 9, leased: 2 },
        hosts: hosts(),
    }
}

/// One at work with phones of every kind, and one that fell silent.
fn hosts() -> Vec<Rack> {
    let phone = |serial: &str, phase, reason: Option<&str>| RackPhoneStatus {
        told: RackPhone {
            phone: serial.into(),
            model: Some("Pixel 8".into()),
            device: (phase == RackPhase::Working).then(|| pixel().name),
            phase,
            reason: reason.map(str::to_owned),
            doing: (phase == RackPhase::Recovering).then(|| "restarting the agent".into()),
        },
        since: NOW - Duration::minutes(12),
    };
    let quarantine = |hours, ended: Option<i64>| RackQuarantine {
        phone: "R58N30XYZ".into(),
        reason: "adb does not answer; reconnected 3 times, rebooted twice".into(),
        began_at: NOW - Duration::hours(hours),
        ended_at: ended.map(|hours| NOW - Duration::hours(hours)),
    };
    vec![
        Rack {
            host: "bench-1".into(),
            reported_at: NOW - Duration::seconds(14),
            phones: vec![
                phone("28061FDH2001AB", RackPhase::Working, None),
                phone("R58N30XYZ", RackPhase::Quarantined, Some("adb does not answer; reconnected 3 times, rebooted twice")),
                phone("emulator-5554", RackPhase::Recovering, Some("the agent went silent")),
                phone("9A271FFAZ00", RackPhase::NeedsPerson, Some("accept this computer's key on its screen")),
                phone("9A271FFAZ01", RackPhase::Working, Some("its battery is at 12 %")),
            ],
            quarantines: vec![quarantine(2, None), quarantine(70, Some(60))],
        },
        Rack { host: LONG.into(), reported_at: NOW - Duration::hours(3), phones: Vec::new(), quarantines: Vec::new() },
    ]
}

pub fn home() -> HomeView {
    let RackView { devices, queue, .. } = rack();
    let session = |id, device: DeviceRef, title: &str, counts: [u32; 4], minutes| SessionRow {
        id: SessionId(id),
        reality: device.reality,
        device,
        title: title.into(),
        received_at: NOW - Duration::minutes(minutes),
        valid: counts[0],
        degraded: counts[1],
        invalid: counts[2],
        failed: counts[3],
    };
    HomeView {
        troubles: vec![
            Trouble::Alert { alert: super::alert_exact().alert },
            Trouble::Alert { alert: super::alert_drift().alert },
            Trouble::GateSlower {
                gate: GateId(12),
                summary: "slower on 1 of 3 devices: pixel-8 +6.3 %".into(),
                verdict: benchrack_protocol::api::Verdict::Slower,
            },
            Trouble::Quarantined {
                device: DeviceRef { id: DeviceId(4), name: HOSTILE.into(), ..pixel() },
                reason: "control subject drifted by +6.2 % over the last 5 sessions; look at battery and cover".into(),
            },
            Trouble::Offline {
                devices: vec![
                    SilentDevice {
                        device: DeviceRef { id: DeviceId(5), name: LONG.into(), ..pixel() },
                        last_seen_at: NOW - Duration::days(3),
                    },
                    SilentDevice {
                        device: DeviceRef { id: DeviceId(6), name: "pixel-6-2".into(), ..pixel() },
                        last_seen_at: NOW - Duration::hours(2),
                    },
                ],
            },
            Trouble::RunsFailed {
                device: workbench(),
                count: 2,
                failure: Failure {
                    reason: FailureReason::UnsupportedOperator,
                    detail: "tract has no operator com.microsoft.QLinearAdd (node add_12)".into(),
                },
                newest: RunId(44),
            },
            Trouble::RunsInvalid {
                device: workbench(),
                count: 3,
                of: 16,
                doubt: Some(Doubt { reason: Reason::Throttled, detail: "policy4: cap fell from 2914 MHz to 1803 MHz".into() }),
                newest: RunId(43),
            },
            Trouble::Stuck { jobs: 3, since: NOW - Duration::hours(5), device: twin(), state: "quarantined".into() },
        ],
        devices,
        queue,
        sessions: vec![
            session(31, workbench(), "squeezenet-1.1, mobilenet-v1-1.0-224, resnet-18 fp32 and int8", [4, 0, 1, 1], 3),
            session(30, pixel(), "mobilenet-v1-0.5-160 fp32 and int8", [2, 0, 0, 0], 14),
            session(29, twin(), LONG, [0, 2, 0, 0], 95),
        ],
        gates: super::gates().rows,
        models: 8,
        saved: vec![SavedView {
            id: 3,
            name: HOSTILE.into(),
            path: "/compare?device=2&precision=int8".into(),
            saved_at: NOW - Duration::days(9),
        }],
    }
}

pub fn quiet_home() -> HomeView {
    HomeView {
        troubles: Vec::new(),
        devices: Vec::new(),
        queue: Queue::default(),
        sessions: Vec::new(),
        gates: Vec::new(),
        models: 0,
        saved: Vec::new(),
    }
}

fn absent<T>(detail: &str) -> Reading<T> {
    Reading::missing(Missing::Absent, detail)
}

pub fn pixel_report() -> DeviceReport {
    let khz = |mhz: u64| Reading::of(Kilohertz(mhz * 1000));
    let cluster = |name: &str, cpus: &CpuSet, core: &str, max: u64, capacity: u32| Cluster {
        name: name.into(),
        cpus: cpus.clone(),
        core: Reading::of(core.into()),
        min_freq: khz(324),
        max_freq: khz(max),
        capacity: Reading::of(capacity),
        source: "cpu_capacity, MIDR_EL1".into(),
    };
    let policy = |path: &str, cpus: &CpuSet, max: u64, writable: bool| CpufreqPolicy {
        path: path.into(),
        cpus: cpus.clone(),
        governor: Reading::of("sched_pixel".into()),
        governors: Reading::of(vec!["sched_pixel".into(), "performance".into()]),
        frequencies: Reading::of((1..=10).map(|step| Kilohertz(max * 100 * step)).collect()),
        hardware_min: khz(324),
        hardware_max: khz(max),
        scaling_min: khz(324),
        scaling_max: khz(max),
        current: khz(max / 2),
        writable,
    };
    DeviceReport {
        identity: Identity {
            key: "5f2c".into(),
            title: "Google Pixel 8".into(),
            manufacturer: Reading::of("Google".into()),
            model: Reading::of("Pixel 8".into()),
            soc: Reading::of("Tensor G3".into()),
            os_fingerprint: "google/shiba/shiba:14/UQ1A.240205.004/11269751:user/release-keys".into(),
            os: "android".into(),
            os_release: Reading::of("14".into()),
            kernel: Reading::of("5.15.110-android14-11-gcc48824eebe8".into()),
            architecture: "aarch64".into(),
        },
        cpus_possible: Reading::of(CpuSet::from_iter(0..=8)),
        cpus_online: Reading::of(CpuSet::from_iter(0..=8)),
        clusters: vec![
            cluster("little", &CpuSet::from_iter(0..=3), "Cortex-A510", 1704, 160),
            cluster("mid", &CpuSet::from_iter(4..=7), "Cortex-A715", 2367, 620),
            cluster("prime", &CpuSet::from_iter([8]), "Cortex-X3", 2914, 1024),
        ],
        unknown: vec![Unknown { what: "cache sizes".into(), why: "no cache folder below cpu0 on this kernel".into() }],
        policies: vec![
            policy("cpufreq/policy0", &CpuSet::from_iter(0..=3), 1704, true),
            policy("cpufreq/policy4", &CpuSet::from_iter(4..=7), 2367, true),
            CpufreqPolicy {
                governors: Reading::missing(Missing::Denied, "scaling_available_governors: Permission denied"),
                frequencies: Reading::missing(Missing::Denied, "scaling_available_frequencies: Permission denied"),
                ..policy("cpufreq/policy8", &CpuSet::from_iter([8]), 2914, false)
            },
        ],
        thermal_zones: vec![
            ThermalZone {
                zone: "thermal_zone0".into(),
                kind: Reading::of("BIG".into()),
                temperature: Reading::of(Millicelsius(41_300)),
            },
            ThermalZone {
                zone: "thermal_zone7".into(),
                kind: Reading::of("battery".into()),
                temperature: Reading::missing(Missing::Invalid, "-40000"),
            },
        ],
        cooling_devices: vec![CoolingDevice {
            device: "cooling_device2".into(),
            kind: Reading::of("thermal-cpufreq-2".into()),
            state: Reading::of(0),
            max_state: Reading::of(12),
        }],
        power_supplies: vec![PowerSupply {
            name: "battery".into(),
            kind: Reading::of("Battery".into()),
            status: Reading::of("Discharging".into()),
            capacity_percent: Reading::of(83),
            current: Reading::of(Microamps(-412_000)),
            voltage: Reading::of(Microvolts(4_112_000)),
            temperature: Reading::of(Millicelsius(29_800)),
            online: absent("no online file"),
        }],
        memory: Memory {
            total: Reading::of(Bytes(7_817_326_592)),
            available: Reading::of(Bytes(3_204_448_256)),
            page_size: Reading::of(Bytes(4096)),
        },
        reality: Reality::Real,
        battery: None,
        temperatures: Vec::new(),
        access: None,
        cpus_isolated: None,
    }
}

pub fn device() -> DeviceView {
    let pixel = pixel();
    DeviceView {
        device: Device {
            id: pixel.id,
            key: "5f2c".into(),
            name: pixel.name.clone(),
            title: pixel.title.clone(),
            state: "leased".into(),
            reason: None,
            reality: Reality::Real,
            last_seen_at: NOW - Duration::seconds(4),
            report: pixel_report(),
            public_key: None,
            labels: Vec::new(),
            detached_until: None,
        },
        agent: AgentBuild { version: "0.1.0".into(), target: "aarch64-linux-musl".into() },
        current: rack().devices[1].current.clone(),
        queued: 2,
        operating: OperatingView {
            facets: Vec::new(),
            budgets: BudgetLine::OPERATING.into(),
            points: Vec::new(),
            cheapest: Vec::new(),
        },
        sustained: None,
        absences: Vec::new(),
        runs: RunList {
            runs: vec![
                run(51, &pixel, "squeezenet-1.1", Precision::Int8, 1, 9.82),
                Run {
                    operating_point: pinned(),
                    tier: Some(EvidenceTier::Gold),
                    ..run(52, &pixel, "squeezenet-1.1", Precision::Fp32, 4, 6.17)
                },
                throttled(run(53, &pixel, "resnet-18", Precision::Fp32, 4, 44.0)),
                disturbed(run(54, &pixel, LONG, Precision::Fp32, 1, 3.0)),
                failed(run(55, &pixel, HOSTILE, Precision::Int8, 1, 3.0)),
            ],
            older: Some("/devices/2?before=51".into()),
        },
    }
}

/// A machine that says little: no cpufreq, no sensors, no battery.
pub fn bare_device() -> DeviceView {
    let view = device();
    let report = DeviceReport {
        clusters: Vec::new(),
        policies: Vec::new(),
        thermal_zones: Vec::new(),
        cooling_devices: Vec::new(),
        power_supplies: Vec::new(),
        unknown: Vec::new(),
        identity: Identity { model: absent("no /sys/class/dmi/id/product_name"), ..pixel_report().identity },
        ..pixel_report()
    };
    DeviceView {
        device: Device { report, state: "quarantined".into(), reason: Some(HOSTILE.into()), name: HOSTILE.into(), ..view.device },
        current: None,
        runs: RunList::default(),
        ..view
    }
}
