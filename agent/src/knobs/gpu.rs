//! Clock of the GPU, for engines that use it.

use super::{Denied, Knob, Place, Stage, USUAL, Value, When};

pub(super) const KNOBS: &[Knob] = &[Knob {
    name: "gpu",
    effect: "holds an Adreno's or Mali's clock at its highest",
    place: Place::Files(&["sys/class/kgsl/kgsl-3d0/devfreq/min_freq", "sys/class/misc/mali0/device/devfreq/*/min_freq"]),
    value: Value::Highest("available_frequencies"),
    when: When::Asked,
    stage: Stage::Buses,
    denied: &[Denied { property: "ro.product.device", values: &["walleye", "taimen"], why: "a locked GPU clock crashes it" }],
    source: "Jetpack, which also has the deny list; ncnn",
    ..USUAL
}];
