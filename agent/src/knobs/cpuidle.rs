//! Idle states (Documentation/admin-guide/pm/cpuidle.rst): leaving a deep one delays the first inference, and forbidding
//! them changes energy.

use super::{Form, Knob, Place, Stage, USUAL, Value, When};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "cpuidle",
        effect: "forbids idle states deeper than the first to the session's CPUs",
        place: Place::Cpu("cpuidle/state*/disable"),
        value: Value::Fixed("1"),
        when: When::Asked,
        stage: Stage::Scheduler,
        source: "kernel; LISA",
        ..USUAL
    },
    Knob {
        name: "lpm_levels",
        effect: "the same for all CPUs on older Qualcomm kernels",
        place: Place::Files(&["sys/module/lpm_levels/parameters/sleep_disabled"]),
        value: Value::Fixed("Y"),
        form: Form::Switch,
        when: When::Asked,
        stage: Stage::Scheduler,
        source: "MAIB",
        ..USUAL
    },
];
