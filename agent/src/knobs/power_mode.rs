//! Android's power modes, for phones without root.

use super::{Access, Form, Knob, Place, Stage, USUAL, Value, When};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "fixed_performance",
        effect: "has the vendor choose a clock that it can sustain",
        place: Place::Program { command: &["cmd", "power", "set-fixed-performance-mode-enabled"], undo: "false" },
        value: Value::Fixed("true"),
        form: Form::Exact,
        when: When::FixedPerformance,
        access: Access::Shell,
        stage: Stage::Device,
        source: "Jetpack; API level 30, where the vendor implements it; a reboot resets it; Samsung's skin cap stays",
        ..USUAL
    },
    Knob {
        name: "battery_saver",
        effect: "ends battery saver, which caps clocks",
        place: Place::Setting("global", "low_power"),
        when: When::Asked,
        access: Access::Shell,
        stage: Stage::Device,
        survives_reboot: true,
        source: "BLaDE",
        ..USUAL
    },
];
