//! Utilisation clamping (Documentation/scheduler/sched-util-clamp.rst) and the older schedtune: how large the scheduler
//! takes a group's tasks to be, which moves clocks and placement without root over cpufreq.

use super::{Form, Knob, Place, Stage, USUAL, Value, When};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "uclamp",
        effect: "has the scheduler take every group's tasks for large",
        place: Place::Files(&["dev/cpuctl/*/cpu.uclamp.min", "sys/fs/cgroup/*/cpu.uclamp.min"]),
        value: Value::Default("max"),
        form: Form::Percent,
        when: When::Asked,
        stage: Stage::Scheduler,
        source: "kernel",
        ..USUAL
    },
    Knob {
        name: "schedtune",
        effect: "the same on kernels before 5.3",
        place: Place::Files(&["dev/stune/*/schedtune.boost"]),
        value: Value::Default("100"),
        when: When::Asked,
        stage: Stage::Scheduler,
        source: "published Android kernels, 4.4 to 4.19",
        ..USUAL
    },
];
