//! The battery as one answer: the power supply class first, then `dumpsys battery`, then what a capture holds beside
//! the tree (a health daemon's log, a driver's messages, tables, several moments).
//!
//! Each figure comes from the first source that has it. A current is only given with its unit and direction proved:
//! by the device's stored [`Gauge`], by physics within the moments at hand, or because a battery without a charger can
//! only give.

use benchrack_protocol::device::{Battery, BatteryMoment, PowerSupply};
use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::{Microamps, Millicelsius};

use super::records::Records;
use super::{battery_table::BatteryTable, dumpsys_battery, healthd, kernel_battery, power_supply};
use crate::device::Device;
use crate::gauge::{Calibration, Moment, Series, Status, calibrate, gauge};

/// The battery's folder where only other sources name it.
const UNNAMED: &str = "battery";

/// A figure of the battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// What it does.
    Status,
    /// Charge left.
    Level,
    /// Current into it.
    Current,
    /// Voltage.
    Voltage,
    /// Temperature.
    Temperature,
}

impl Figure {
    fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Level => "level",
            Self::Current => "current",
            Self::Voltage => "voltage",
            Self::Temperature => "temperature",
        }
    }
}

/// A figure that a source has and that cannot be true, and why.
pub type Refused = (Figure, String);

/// One source: its moments with what belongs to them.
struct Source {
    name: String,
    /// The moment that stands for it.
    now: Moment,
    temperature: Option<Millicelsius>,
    /// What proves unit and sign of `now.raw`.
    proof: Calibration,
    /// All its moments, where they are worth showing.
    moments: Vec<(String, Moment, Option<Millicelsius>)>,
    /// What it says and cannot be used.
    refused: Vec<Refused>,
}

/// Everything that names a battery; `stored` is the calibration that the agent keeps of this device.
pub fn battery(device: &Device, supplies: &[PowerSupply], records: &Records, stored: Option<&Gauge>) -> Option<Battery> {
    let fs = device.sysfs.as_ref();
    let supply = power_supply::battery(fs, supplies);
    let name = supply.map_or(UNNAMED, |supply| supply.name.as_str());
    let stored = stored.filter(|gauge| gauge.supply == name);
    let healthd = healthd::parse(&records.healthd);
    let mut sources = Vec::new();

    // `c` of the health daemon is current_now over thousand, so both prove the same file.
    let kernels = || records.tables.iter().filter(|(_, table)| table.kernels).map(|(_, table)| table.series.clone());
    let looks = moments(records, name);
    let mut raw: Vec<Series> = kernels().chain([healthd::series(&healthd)]).collect();
    let now = supply.map(|supply| power_supply::look(fs, &supply.name, None));
    let moments = match looks.is_empty() {
        true => now.iter().cloned().collect(),
        false => looks.iter().map(|(_, look)| look.clone()).collect(),
    };
    let named_unit = supply.and_then(|supply| power_supply::named_unit(fs, &supply.name));
    raw.push(Series { named_unit, ..Series::of(moments) });
    let proof = calibrate(&raw);
    let gauge = match stored {
        Some(gauge) => Reading::of(gauge.clone()),
        None => match (gauge(name, &raw), supply.and_then(|supply| missing(&supply.current))) {
            // A refused current is no absent one.
            (Reading::Missing { missing: Missing::Absent, .. }, Some(Reading::Missing { missing, detail })) => {
                Reading::missing(missing, detail)
            }
            (gauge, _) => gauge,
        },
    };
    if let (Some(now), Some(supply)) = (now, supply) {
        let moments = looks.into_iter().map(|(name, look)| (name, look, None)).collect();
        let temperature = supply.temperature.value().copied();
        let name = format!("power_supply/{}", supply.name);
        // Why a file gave nothing is in the supply's own readings.
        sources.push(Source { name, now, temperature, proof: proof.clone(), moments, refused: Vec::new() });
    }
    let dump = dumpsys_battery::read(device.commands.as_ref());
    if let Reading::Value { value: dump } = &dump {
        let mut log = dump.log.clone();
        log.push(Moment { at: None, ..dump.now.clone() });
        let services = records.tables.iter().filter(|(_, table)| !table.kernels).map(|(_, table)| table.series.clone());
        let proof = calibrate(&services.chain([Series::of(log)]).collect::<Vec<_>>());
        sources.push(Source {
            name: "dumpsys battery".into(),
            now: dump.now.clone(),
            temperature: dump.temperature,
            proof,
            moments: Vec::new(),
            refused: dump.refused.clone(),
        });
    }
    sources.extend(healthd_source(&healthd, proof.clone()));
    sources.extend(kernel_source(records));
    sources.extend(records.tables.iter().filter_map(|(file, table)| table_source(file, table, &proof)));
    if sources.is_empty() && !matches!(dump, Reading::Missing { missing: Missing::Invalid | Missing::Denied, .. }) {
        return None;
    }
    Some(told(name, supply, &sources, gauge, stored, &dump))
}

fn told(
    name: &str,
    supply: Option<&PowerSupply>,
    sources: &[Source],
    gauge: Reading<Gauge>,
    stored: Option<&Gauge>,
    dump: &Reading<dumpsys_battery::Dump>,
) -> Battery {
    let why = |reading: Option<Reading<()>>, figure: Figure| {
        let unusable = || {
            let refused = sources.iter().flat_map(|source| source.refused.iter().map(move |refused| (source, refused)));
            refused
                .into_iter()
                .find(|(_, (refused, _))| *refused == figure)
                .map(|(source, (_, why))| Reading::missing(Missing::Invalid, format!("{}: {why}", source.name)))
        };
        let absent = || Reading::missing(Missing::Absent, format!("no source tells the battery's {}", figure.name()));
        reading.or_else(|| refused(dump)).or_else(unusable).unwrap_or_else(absent)
    };
    let first = |part: fn(&Source) -> Option<()>| sources.iter().find(|source| part(source).is_some());
    let mut used: Vec<String> = Vec::new();
    let mut note = |source: Option<&Source>| used.extend(source.map(|source| source.name.clone()));
    let status = first(|source| source.now.status.map(drop));
    let level = first(|source| source.now.level.map(drop));
    let voltage = first(|source| source.now.voltage.map(drop));
    let temperature = first(|source| source.temperature.map(drop));
    let currents: Vec<(&Source, Result<Microamps, String>)> = sources
        .iter()
        .filter(|source| source.now.raw.is_some())
        .map(|source| (source, current(&source.now, &source.proof, stored)))
        .collect();
    let proved = currents.iter().find(|(_, current)| current.is_ok());
    let now = BatteryMoment {
        name: "now".into(),
        status: take(status.and_then(|source| source.now.status).map(|status| status.text().to_owned()), || {
            why(supply.and_then(|supply| missing(&supply.status)), Figure::Status)
        }),
        level_percent: take(level.and_then(|source| source.now.level), || {
            why(supply.and_then(|supply| missing(&supply.capacity_percent)), Figure::Level)
        }),
        current: match (proved, currents.first()) {
            (Some((_, Ok(current))), _) => Reading::of(*current),
            (_, Some((source, Err(why)))) => Reading::missing(Missing::Invalid, format!("{}: {why}", source.name)),
            _ => take(None, || why(supply.and_then(|supply| missing(&supply.current)), Figure::Current)),
        },
        voltage: take(voltage.and_then(|source| source.now.voltage), || {
            why(supply.and_then(|supply| missing(&supply.voltage)), Figure::Voltage)
        }),
        temperature: take(temperature.and_then(|source| source.temperature), || {
            why(supply.and_then(|supply| missing(&supply.temperature)), Figure::Temperature)
        }),
    };
    for source in [status, level, voltage, temperature, proved.map(|(source, _)| *source)] {
        note(source);
    }
    used.dedup();
    let moments = sources.iter().flat_map(|source| {
        source.moments.iter().map(|(name, moment, temperature)| shown(name, moment, *temperature, &source.proof, stored))
    });
    Battery { supply: name.into(), moments: moments.collect(), sources: unique(used), now, gauge }
}

fn unique(names: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

fn take<T>(value: Option<T>, why: impl FnOnce() -> Reading<()>) -> Reading<T> {
    match (value, why()) {
        (Some(value), _) => Reading::of(value),
        (None, Reading::Missing { missing, detail }) => Reading::missing(missing, detail),
        (None, Reading::Value { .. }) => Reading::missing(Missing::Absent, ""),
    }
}

/// Why the supply's own file gave nothing, unless it simply is not there.
fn missing<T>(reading: &Reading<T>) -> Option<Reading<()>> {
    match reading {
        Reading::Missing { missing, detail } if *missing != Missing::Absent => Some(Reading::missing(*missing, detail.clone())),
        _ => None,
    }
}

/// A service that answered something unusable is the reason for what is missing.
fn refused(dump: &Reading<dumpsys_battery::Dump>) -> Option<Reading<()>> {
    match dump {
        Reading::Missing { missing: missing @ (Missing::Invalid | Missing::Denied), detail } => {
            Some(Reading::missing(*missing, detail.clone()))
        }
        _ => None,
    }
}

/// The current into the battery at one moment, or why it cannot be told.
fn current(moment: &Moment, proof: &Calibration, stored: Option<&Gauge>) -> Result<Microamps, String> {
    let raw = moment.raw.ok_or("it has no current")?;
    let told = |per_count: i64| raw.checked_mul(per_count).map(Microamps).ok_or_else(|| format!("{raw} is no current"));
    if let Some(gauge) = stored {
        return told(gauge.per_count);
    }
    match (&proof.unit, &proof.sign) {
        (Ok(unit), Ok(sign)) => told(unit * sign),
        // A battery that feeds its device alone only gives, whichever sign its gauge has.
        (Ok(unit), Err(_)) if moment.status == Some(Status::Discharging) && moment.charger != Some(true) && raw != 0 => {
            told(if raw > 0 { -unit } else { *unit })
        }
        (Ok(unit), Err(why)) => Err(format!("{raw} is {} either way: {why}", shown_current(raw.saturating_mul(*unit)))),
        (Err(why), _) => Err(format!("{raw} is not used: {why}")),
    }
}

fn shown_current(microamps: i64) -> String {
    format!("{} mA", microamps.unsigned_abs() as f64 / 1000.0)
}

fn shown(
    name: &str,
    moment: &Moment,
    temperature: Option<Millicelsius>,
    proof: &Calibration,
    stored: Option<&Gauge>,
) -> BatteryMoment {
    fn of<T>(value: Option<T>) -> Reading<T> {
        value.map_or_else(|| Reading::missing(Missing::Absent, ""), Reading::of)
    }
    BatteryMoment {
        name: name.into(),
        status: of(moment.status.map(|status| status.text().to_owned())),
        level_percent: of(moment.level),
        current: match moment.raw {
            None => of(None),
            Some(_) => current(moment, proof, stored).map_or_else(|why| Reading::missing(Missing::Invalid, why), Reading::of),
        },
        voltage: of(moment.voltage),
        temperature: of(temperature),
    }
}

/// The battery in each tree of a capture of several moments.
fn moments(records: &Records, supply: &str) -> Vec<(String, Moment)> {
    records.trees.iter().map(|(name, tree)| (name.clone(), power_supply::look(tree, supply, None))).collect()
}

/// The newest line of a log is its present.
fn healthd_source(lines: &[healthd::Line], proof: Calibration) -> Option<Source> {
    let last = lines.last()?;
    // Counts that healthd rounded to nothing are no reading.
    let rounded = |moment: &Moment| Moment { raw: moment.raw.filter(|&raw| healthd::is_current(raw)), ..moment.clone() };
    let seconds =
        |moment: &Moment| moment.at.map_or_else(|| "healthd".into(), |at| format!("healthd at {:.3} s", at.0 as f64 / 1e9));
    let moments = lines.iter().map(|line| (seconds(&line.moment), rounded(&line.moment), line.temperature)).collect();
    Some(Source {
        name: "healthd".into(),
        now: rounded(&last.moment),
        temperature: last.temperature,
        proof,
        moments,
        refused: last.refused.clone(),
    })
}

fn kernel_source(records: &Records) -> Option<Source> {
    let series = kernel_battery::parse(&records.kernel);
    let last = series.moments.last()?.clone();
    let proof = calibrate(&[series]);
    Some(Source { name: "kernel log".into(), proof, now: last, temperature: None, moments: Vec::new(), refused: Vec::new() })
}

/// The first row of a table is the state as found; what was done to the device comes after it.
fn table_source(file: &str, table: &BatteryTable, kernels: &Calibration) -> Option<Source> {
    let proof = if table.kernels { kernels.clone() } else { calibrate(std::slice::from_ref(&table.series)) };
    let now = table.series.moments.first()?.clone();
    let rows = table.series.moments.iter().zip(&table.temperatures).enumerate();
    let moments =
        rows.map(|(row, (moment, temperature))| (format!("{file} row {}", row + 1), moment.clone(), *temperature)).collect();
    let temperature = table.temperatures.first().copied().flatten();
    Some(Source { name: file.into(), now, temperature, proof, moments, refused: Vec::new() })
}
