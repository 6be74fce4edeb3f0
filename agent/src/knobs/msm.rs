//! Qualcomm's msm_performance: limits by CPU, written by the performance daemon as well. `cpu:kHz` pairs are written for
//! some CPUs and read for all; 4294967295 means no cap.

use super::{Form, Knob, Place, USUAL, Value};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "msm_performance.max",
        effect: "lifts the performance daemon's cap to the pinned frequency",
        place: Place::Files(&[
            "sys/module/msm_performance/parameters/cpu_max_freq",
            "sys/kernel/msm_performance/parameters/cpu_max_freq",
        ]),
        value: Value::Pairs,
        form: Form::CpuPairs,
        source: "msm_performance: show prints all present CPUs, store takes any",
        ..USUAL
    },
    Knob {
        name: "msm_performance.min",
        effect: "sets the performance daemon's floor to the pinned frequency",
        place: Place::Files(&[
            "sys/module/msm_performance/parameters/cpu_min_freq",
            "sys/kernel/msm_performance/parameters/cpu_min_freq",
        ]),
        value: Value::Pairs,
        form: Form::CpuPairs,
        source: "as msm_performance.max",
        ..USUAL
    },
    Knob {
        name: "msm_performance.touchboost",
        effect: "keeps a touch from lifting clocks",
        place: Place::Files(&["sys/module/msm_performance/parameters/touchboost"]),
        form: Form::Switch,
        source: "msm_performance",
        ..USUAL
    },
];
