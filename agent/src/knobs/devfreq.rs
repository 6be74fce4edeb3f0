//! Clocks of memory and caches (Documentation/ABI/testing/sysfs-class-devfreq): where they float, a network that is bound
//! by memory floats with them. The floor goes to the highest frequency; the ceiling stays.

use super::{Knob, Place, Stage, USUAL, Value};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "devfreq",
        effect: "holds memory and cache clocks at their highest",
        place: Place::Files(&[
            "sys/class/devfreq/*bw*/min_freq",
            "sys/class/devfreq/*memlat*/min_freq",
            "sys/class/devfreq/*l3-cpu*/min_freq",
            "sys/class/devfreq/*llcc*/min_freq",
            "sys/class/devfreq/*ddr*/min_freq",
            "sys/class/devfreq/*dmc*/min_freq",
            "sys/class/devfreq/*dvfsrc*/min_freq",
            "sys/class/devfreq/*mif*/min_freq",
        ]),
        value: Value::Highest("available_frequencies"),
        stage: Stage::Buses,
        source: "MAIB, Jetpack, devlib; names as seen on phones",
        ..USUAL
    },
    Knob {
        name: "bus_dcvs",
        effect: "the same on newer Qualcomm kernels",
        place: Place::Files(&["sys/devices/system/cpu/bus_dcvs/*/*/min_freq"]),
        value: Value::Highest("available_frequencies"),
        stage: Stage::Buses,
        source: "published Qualcomm kernels, 5.10 and later",
        ..USUAL
    },
];
