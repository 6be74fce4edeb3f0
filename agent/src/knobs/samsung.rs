//! Samsung's cpufreq_limit: two files for all clusters, whose numbers are of a table of their own; -1 clears a limit. Only
//! cleared here, so that the limits of cpufreq decide.

use super::{Knob, Place, USUAL, Value};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "cpufreq_limit.max",
        effect: "clears Samsung's user cap over all clusters",
        place: Place::Files(&["sys/power/cpufreq_max_limit"]),
        value: Value::Fixed("-1"),
        source: "cpufreq_limit, freqbench; the skin's thermal cap is another one and stays",
        ..USUAL
    },
    Knob {
        name: "cpufreq_limit.min",
        effect: "clears Samsung's user floor over all clusters",
        place: Place::Files(&["sys/power/cpufreq_min_limit"]),
        value: Value::Fixed("-1"),
        source: "as cpufreq_limit.max",
        ..USUAL
    },
];
