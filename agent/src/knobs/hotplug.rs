//! CPUs that are off, and who turns them off: the kernel's hotplug files, Qualcomm's core_ctl and mpdecision, Samsung's
//! hotplug governors.

use super::{Form, Knob, Place, Stage, USUAL, Value, When};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "mpdecision",
        effect: "stops the daemon that unplugs CPUs on older Qualcomm phones",
        place: Place::Service(&["mpdecision"]),
        value: Value::Fixed("stopped"),
        form: Form::Exact,
        stage: Stage::Services,
        source: "Jetpack, catapult: stop it, wait until it is stopped, start it again afterwards",
        ..USUAL
    },
    Knob {
        name: "core_ctl.enable",
        effect: "keeps core_ctl from parking CPUs of the session's clusters",
        place: Place::FirstCpu("core_ctl/enable"),
        form: Form::Switch,
        stage: Stage::Hotplug,
        source: "MAIB",
        ..USUAL
    },
    Knob {
        name: "core_ctl.min_cpus",
        effect: "has core_ctl keep all CPUs of the session's clusters",
        place: Place::FirstCpu("core_ctl/min_cpus"),
        value: Value::ClusterSize,
        stage: Stage::Hotplug,
        source: "MAIB",
        ..USUAL
    },
    Knob {
        name: "samsung_hotplug",
        effect: "stops Samsung's automatic hotplug",
        place: Place::Files(&["sys/power/cpuhotplug/enabled", "sys/power/cpuhp/enabled"]),
        form: Form::Switch,
        stage: Stage::Hotplug,
        source: "freqbench",
        ..USUAL
    },
    Knob {
        name: "online",
        effect: "brings a CPU of the session online",
        place: Place::Cpu("online"),
        value: Value::Fixed("1"),
        when: When::Offline,
        stage: Stage::Hotplug,
        source: "kernel (Documentation/core-api/cpu_hotplug.rst); catapult",
        ..USUAL
    },
];
