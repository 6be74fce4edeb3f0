//! cpufreq's limits (Documentation/admin-guide/pm/cpufreq.rst): minimum = maximum pins a clock under every governor.

use super::{Form, Knob, Place, Stage, USUAL, Value, When};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "governor",
        effect: "chooses the policy's governor; not needed for a pin",
        place: Place::Policy("scaling_governor"),
        value: Value::Default("performance"),
        form: Form::Exact,
        when: When::Asked,
        stage: Stage::Governor,
        source: "kernel; stock phones seldom have userspace (freqbench)",
        ..USUAL
    },
    Knob {
        name: "cpufreq.max",
        effect: "highest frequency of a policy",
        place: Place::Policy("scaling_max_freq"),
        value: Value::Target,
        when: When::Pins,
        stage: Stage::Limits,
        source: "kernel; Jetpack: raise the maximum first, lower the minimum first; freqbench: reads back wrong for up to 1 s",
        ..USUAL
    },
    Knob {
        name: "cpufreq.min",
        effect: "lowest frequency of a policy",
        place: Place::Policy("scaling_min_freq"),
        value: Value::Target,
        when: When::Pins,
        stage: Stage::Limits,
        source: "as cpufreq.max",
        ..USUAL
    },
];
