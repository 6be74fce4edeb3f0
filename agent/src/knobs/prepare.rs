//! A phone of a rack at rest: what its system does by itself and what lights its screen, for phones without root. Dozing is
//! not among it: a phone that is plugged in does not doze (AOSP, "Optimize for Doze and App Standby").

use super::{Access, Knob, Place, Stage, USUAL, Value, When};

const PREPARE: Knob = Knob { when: When::Asked, access: Access::Shell, stage: Stage::Device, survives_reboot: true, ..USUAL };

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "prepare.stay_awake",
        effect: "keeps the phone awake while it is plugged in, by any kind of charger",
        place: Place::Setting("global", "stay_on_while_plugged_in"),
        value: Value::Fixed("7"),
        source: "AOSP BatteryManager: 1 charger, 2 USB, 4 wireless; WA, FAI-PEP",
        ..PREPARE
    },
    Knob {
        name: "prepare.brightness",
        effect: "dims the screen to one level, of 255",
        place: Place::Setting("system", "screen_brightness"),
        value: Value::Default("10"),
        source: "WA, BLaDE",
        ..PREPARE
    },
    Knob {
        name: "prepare.window_animation",
        effect: "ends animations of windows",
        place: Place::Setting("global", "window_animation_scale"),
        source: "AOSP Settings.Global; WA",
        ..PREPARE
    },
    Knob {
        name: "prepare.transition_animation",
        effect: "ends animations between windows",
        place: Place::Setting("global", "transition_animation_scale"),
        source: "AOSP Settings.Global; WA",
        ..PREPARE
    },
    Knob {
        name: "prepare.animator",
        effect: "ends animations within windows",
        place: Place::Setting("global", "animator_duration_scale"),
        source: "AOSP Settings.Global; WA",
        ..PREPARE
    },
];
