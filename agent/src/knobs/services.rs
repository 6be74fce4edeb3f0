//! Daemons that override clocks. Those for heat protect the device: they are only stopped when asked for, and while the
//! agent's own cut-off has a sensor to go by.

use super::{Form, Knob, Place, Stage, USUAL, Value, When};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "thermal_services",
        effect: "stops daemons that lower clocks when it gets warm",
        place: Place::Service(&[
            "thermal-engine",
            "vendor.thermal-engine",
            "thermal-hal-1-0",
            "thermald",
            "mi_thermald",
            "vendor.thermal_manager",
        ]),
        value: Value::Fixed("stopped"),
        form: Form::Exact,
        when: When::AskedWithCutOff,
        stage: Stage::Services,
        source: "Jetpack, MAIB, browsertime",
        ..USUAL
    },
    Knob {
        name: "perf_services",
        effect: "stops daemons that lift and lower clocks by hints",
        place: Place::Service(&["perfd", "vendor.perfd", "perf-hal-1-0"]),
        value: Value::Fixed("stopped"),
        form: Form::Exact,
        when: When::Asked,
        stage: Stage::Services,
        source: "Jetpack, MAIB",
        ..USUAL
    },
];
