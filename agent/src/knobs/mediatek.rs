//! MediaTek's PPM, which decides over cpufreq on its phones: a plain maximum does not hold there. Limits are written as
//! `cluster kHz`, `-1` clears, and read back as indices into the cluster's table.

use super::form::Side;
use super::{Form, Knob, Place, USUAL, Value};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "ppm.max",
        effect: "highest frequency of a cluster, above cpufreq",
        place: Place::Files(&["proc/ppm/policy/hard_userlimit_max_cpu_freq"]),
        value: Value::ClusterTarget,
        form: Form::PpmLimit(Side::Max),
        source: "PPM; Jetpack uses PPM on Go phones, where cpufreq's limits do not hold",
        ..USUAL
    },
    Knob {
        name: "ppm.min",
        effect: "lowest frequency of a cluster, above cpufreq",
        place: Place::Files(&["proc/ppm/policy/hard_userlimit_min_cpu_freq"]),
        value: Value::ClusterTarget,
        form: Form::PpmLimit(Side::Min),
        source: "as ppm.max",
        ..USUAL
    },
    Knob {
        name: "fpsgo",
        effect: "stops the frame-rate governor that moves clocks",
        place: Place::Files(&["sys/kernel/debug/fpsgo/common/force_onoff", "sys/kernel/fpsgo/common/force_onoff"]),
        form: Form::Force,
        source: "Jetpack: reads back `force off` for 0",
        ..USUAL
    },
];
