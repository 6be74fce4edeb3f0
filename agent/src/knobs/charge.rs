//! Files that cut charge. What one of them does cannot be told from its name: input suspend lets the battery feed the
//! device, and charge disable may leave the device on the cable while the battery idles, so that the gauge reads nothing.
//! Therefore each is tried, and classified by what the battery's current does; see [`crate::session::charge`].

use super::{Form, Knob, Place, Stage, USUAL, Value, When};

const CHARGE: Knob = Knob { when: When::Charging, stage: Stage::Device, form: Form::Exact, ..USUAL };

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "charge.input_suspend",
        effect: "takes the cable's power away",
        place: Place::Files(&[
            "sys/class/power_supply/*/input_suspend",
            "sys/class/power_supply/*/battery_input_suspend",
            "sys/class/qcom-battery/input_suspend",
            "sys/devices/platform/soc/*qcom,pmic_glink/*battery_charger/force_charger_suspend",
        ]),
        value: Value::Fixed("1"),
        source: "ACC, catapult",
        ..CHARGE
    },
    Knob {
        name: "charge.disable",
        effect: "disables charging",
        place: Place::Files(&[
            "sys/class/power_supply/*/charge_disable",
            "sys/devices/platform/soc/*google,charger/charge_disable",
            "sys/devices/platform/*google,charger/charge_disable",
            "sys/class/power_supply/battery/op_disable_charge",
            "sys/module/pm*_charger/parameters/disabled",
        ]),
        value: Value::Fixed("1"),
        source: "ACC, catapult; AccA found one of them to be a bypass",
        ..CHARGE
    },
    Knob {
        name: "charge.enabled",
        effect: "disables charging",
        place: Place::Files(&[
            "sys/class/power_supply/*/charging_enabled",
            "sys/class/power_supply/*/battery_charging_enabled",
            "sys/class/power_supply/*/charge_enabled",
            "sys/class/power_supply/*/mmi_charging_enable",
            "sys/devices/platform/huawei_charger/enable_charger",
            "sys/class/hw_power/charger/charge_data/enable_charger",
        ]),
        value: Value::Fixed("0"),
        source: "ACC, catapult, Android Runner",
        ..CHARGE
    },
    Knob {
        name: "charge.samsung",
        effect: "has Samsung's battery driver stop charging",
        place: Place::Files(&["sys/class/power_supply/battery/batt_slate_mode", "sys/class/power_supply/battery/store_mode"]),
        value: Value::Fixed("1"),
        source: "ACC",
        ..CHARGE
    },
    Knob {
        name: "charge.stop_level",
        effect: "stops charging at a level below the present one",
        place: Place::Files(&["sys/devices/platform/*google,charger/charge_stop_level"]),
        value: Value::Fixed("5"),
        source: "ACC; the cable may go on to feed the device",
        ..CHARGE
    },
];
