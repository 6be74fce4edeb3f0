//! `/sys/class/power_supply`: the battery as its gauge tells it, the charger, and the files that stop charging.

use std::fmt::Write as _;

use crate::twin::battery::Battery;
use crate::twin::file::Stop;
use crate::twin::world::World;

const CLASS: &str = "sys/class/power_supply";

/// A file of a supply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::twin) enum File {
    Battery(Property),
    BatteryUevent,
    ChargerType,
    ChargerOnline,
    ChargerUevent,
    Switch(usize),
}

/// A property of the battery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::twin) enum Property {
    Type,
    Status,
    Present,
    Health,
    Capacity,
    CurrentNow,
    VoltageNow,
    Temp,
    ChargeCounter,
    ChargeFullDesign,
}

const PROPERTIES: [(&str, Property); 10] = [
    ("type", Property::Type),
    ("status", Property::Status),
    ("present", Property::Present),
    ("health", Property::Health),
    ("capacity", Property::Capacity),
    ("current_now", Property::CurrentNow),
    ("voltage_now", Property::VoltageNow),
    ("temp", Property::Temp),
    ("charge_counter", Property::ChargeCounter),
    ("charge_full_design", Property::ChargeFullDesign),
];

/// The properties that this battery has.
fn shown(battery: &Battery) -> impl Iterator<Item = (&'static str, Property)> {
    let counts = battery.charge_counter().is_some();
    PROPERTIES.into_iter().filter(move |(_, property)| counts || *property != Property::ChargeCounter)
}

pub(super) fn list(world: &World, add: &mut impl FnMut(String, File)) {
    if let Some(battery) = &world.battery {
        let folder = format!("{CLASS}/{}", battery.spec.supply);
        for (name, property) in shown(battery) {
            add(format!("{folder}/{name}"), File::Battery(property));
        }
        add(format!("{folder}/uevent"), File::BatteryUevent);
    }
    if let Some(charger) = &world.charger {
        let folder = format!("{CLASS}/{}", charger.spec.supply);
        add(format!("{folder}/type"), File::ChargerType);
        add(format!("{folder}/online"), File::ChargerOnline);
        add(format!("{folder}/uevent"), File::ChargerUevent);
        for (number, switch) in charger.spec.switches.iter().enumerate() {
            add(switch.path.clone(), File::Switch(number));
        }
    }
}

impl File {
    pub(super) fn read(self, world: &World) -> String {
        let (battery, charger) = (world.battery.as_ref(), world.charger.as_ref());
        let online = u8::from(charger.is_some_and(|charger| charger.plugged && charger.stopped() != Some(Stop::Suspend)));
        let kind = charger.map_or("", |charger| charger.spec.kind.as_str());
        let text = match self {
            Self::Battery(property) => battery.map(|battery| property.read(world, battery)).unwrap_or_default(),
            Self::BatteryUevent => {
                let Some(battery) = battery else { return String::new() };
                let mut lines = format!("POWER_SUPPLY_NAME={}\n", battery.spec.supply);
                for (name, property) in shown(battery) {
                    // Writing into a String cannot fail.
                    let _ = writeln!(lines, "POWER_SUPPLY_{}={}", name.to_uppercase(), property.read(world, battery));
                }
                return lines;
            }
            Self::ChargerType => kind.into(),
            Self::ChargerOnline => online.to_string(),
            Self::ChargerUevent => {
                let name = charger.map_or("", |charger| charger.spec.supply.as_str());
                format!("POWER_SUPPLY_NAME={name}\nPOWER_SUPPLY_TYPE={kind}\nPOWER_SUPPLY_ONLINE={online}")
            }
            Self::Switch(number) => {
                let said = charger.and_then(|charger| charger.switches.get(number));
                said.map(|(text, _)| text.clone()).unwrap_or_default()
            }
        };
        text + "\n"
    }

    pub(super) fn is_writable(self) -> bool {
        matches!(self, Self::Switch(_))
    }

    pub(super) fn write(self, world: &mut World, value: &str) -> bool {
        let now = world.at;
        match (self, &mut world.charger) {
            (Self::Switch(number), Some(charger)) => charger.switch(number, value, now),
            _ => false,
        }
    }
}

impl Property {
    fn read(self, world: &World, battery: &Battery) -> String {
        match self {
            Self::Type => "Battery".into(),
            Self::Status => status(world).into(),
            Self::Present => "1".into(),
            Self::Health => "Good".into(),
            Self::Capacity => battery.shown_level().to_string(),
            Self::CurrentNow => battery.current_now().to_string(),
            Self::VoltageNow => battery.voltage_now().to_string(),
            Self::Temp => ((world.heat.body * 10.0).round() as i64).to_string(),
            Self::ChargeCounter => battery.charge_counter().map(|charge| charge.to_string()).unwrap_or_default(),
            Self::ChargeFullDesign => ((battery.spec.capacity_mah * 1000.0) as i64).to_string(),
        }
    }
}

/// As Linux words it.
pub(in crate::twin) fn status(world: &World) -> &'static str {
    let full = world.battery.as_ref().is_some_and(|battery| battery.level() >= 100.0);
    match world.charger.as_ref().filter(|charger| charger.plugged).map(|charger| charger.stopped()) {
        None | Some(Some(Stop::Suspend)) => "Discharging",
        Some(Some(Stop::Bypass)) => "Not charging",
        Some(_) if full => "Full",
        Some(_) => "Charging",
    }
}
