//! cpusets (Documentation/admin-guide/cgroup-v1/cpusets.rst): a group in the background may have two little CPUs only.

use super::{Form, Knob, Place, Stage, USUAL, Value, When};

pub(super) const KNOBS: &[Knob] = &[Knob {
    name: "cpuset",
    effect: "gives every group all CPUs that are online",
    place: Place::Files(&["dev/cpuset/*/cpus"]),
    value: Value::Online,
    form: Form::CpuList,
    when: When::Asked,
    stage: Stage::Scheduler,
    source: "kernel; BOINC found two little CPUs for the background of a Pixel 2",
    ..USUAL
}];
