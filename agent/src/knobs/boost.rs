//! Boosts: a touch, a timer or a turbo mode that lifts clocks for a while.

use super::{Form, Knob, Place, USUAL};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "cpu_boost.input_ms",
        effect: "keeps a touch from lifting clocks",
        place: Place::Files(&[
            "sys/module/cpu_boost/parameters/input_boost_ms",
            "sys/devices/system/cpu/cpu_boost/input_boost_ms",
        ]),
        source: "MAIB",
        ..USUAL
    },
    Knob {
        name: "cpu_boost.sched",
        effect: "keeps the boost module from following the scheduler",
        place: Place::Files(&["sys/module/cpu_boost/parameters/sched_boost_on_input"]),
        form: Form::Switch,
        source: "MAIB",
        ..USUAL
    },
];
