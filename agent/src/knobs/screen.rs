//! A screen in one state: it takes power, and vendors cap clocks differently with it on and off.

use super::{Access, Knob, Place, Stage, USUAL, Value, When};

const SCREEN: Knob = Knob { when: When::Asked, access: Access::Shell, stage: Stage::Device, survives_reboot: true, ..USUAL };

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "screen.timeout",
        effect: "keeps a lit screen lit",
        place: Place::Setting("system", "screen_off_timeout"),
        value: Value::Fixed("2147483647"),
        source: "WA, BLaDE; the old value is put back, not a constant",
        ..SCREEN
    },
    Knob {
        name: "screen.brightness_mode",
        effect: "stops automatic brightness",
        place: Place::Setting("system", "screen_brightness_mode"),
        source: "WA",
        ..SCREEN
    },
    Knob {
        name: "screen.notifications",
        effect: "keeps notifications from popping up",
        place: Place::Setting("global", "heads_up_notifications_enabled"),
        source: "WA",
        ..SCREEN
    },
];
