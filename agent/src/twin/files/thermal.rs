//! `/sys/class/thermal`: zones in their units, and the cooling devices of thermal caps.

use crate::twin::file::{DegreeUnit, SensorSpec};
use crate::twin::layers::Layer;
use crate::twin::world::World;

const CLASS: &str = "sys/class/thermal";

/// A file of a zone or of a cooling device, by place in the twin's file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::twin) enum File {
    ZoneType(usize),
    Temperature(usize),
    Mode,
    CoolingType(usize),
    State(usize),
    MaxState(usize),
}

pub(super) fn list(world: &World, add: &mut impl FnMut(String, File)) {
    for (place, sensor) in world.spec.sensors.iter().enumerate() {
        let moved = sensor.zone_after_reboot.filter(|_| world.boot > 1);
        let folder = format!("{CLASS}/thermal_zone{}", moved.unwrap_or(sensor.zone));
        add(format!("{folder}/type"), File::ZoneType(place));
        add(format!("{folder}/temp"), File::Temperature(place));
        add(format!("{folder}/mode"), File::Mode);
    }
    let caps = world.layers.iter().enumerate().filter(|(_, active)| matches!(active.layer, Layer::ThermalCap { .. }));
    for (number, (place, _)) in caps.enumerate() {
        let folder = format!("{CLASS}/cooling_device{number}");
        add(format!("{folder}/type"), File::CoolingType(place));
        add(format!("{folder}/cur_state"), File::State(place));
        add(format!("{folder}/max_state"), File::MaxState(place));
    }
}

impl File {
    pub(super) fn read(self, world: &World) -> String {
        let sensor = |place: usize| world.spec.sensors.get(place);
        let cap = |place: usize| match world.layers.get(place).map(|active| (&active.layer, active.taken)) {
            Some((Layer::ThermalCap { cooling, states, .. }, taken)) => (cooling.as_str(), taken, *states),
            _ => ("", 0, 0),
        };
        let text = match self {
            Self::ZoneType(place) => sensor(place).map(|sensor| sensor.kind.clone()).unwrap_or_default(),
            Self::Temperature(place) => sensor(place).map(|sensor| shown(sensor, world).to_string()).unwrap_or_default(),
            Self::Mode => "enabled".into(),
            Self::CoolingType(place) => cap(place).0.into(),
            Self::State(place) => cap(place).1.to_string(),
            Self::MaxState(place) => cap(place).2.to_string(),
        };
        text + "\n"
    }
}

fn shown(sensor: &SensorSpec, world: &World) -> i64 {
    let degrees = world.heat.at(sensor.at) + sensor.offset_c;
    let per_degree = match sensor.unit {
        DegreeUnit::Milli => 1000.0,
        DegreeUnit::Deci => 10.0,
        DegreeUnit::Whole => 1.0,
    };
    (degrees * per_degree).round() as i64
}
