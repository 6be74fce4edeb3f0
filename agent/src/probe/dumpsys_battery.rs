//! `dumpsys battery`: Android's battery service, a second source where the kernel's files are refused.
//!
//! Lines `key: value` of the service's state, in millivolts and tenths of a degree. Makers add their own lines, among
//! them logs of old states, which repeat the keys: only the first section is the present. Samsung's log of broadcasts
//! is read as moments of its own, because it holds current and voltage under other loads.

use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::{Millicelsius, Nanos};

use super::battery::{Figure, Refused};
use super::power_supply::{battery_degrees, battery_volts};
use crate::gauge::{Moment, Status};
use crate::sysfs::{Commands, DENIAL, excerpt};

/// What the service says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dump {
    /// The present: level, status, charger, voltage, counter; `raw` is the line `current now` that some makers add.
    pub now: Moment,
    /// Battery temperature.
    pub temperature: Option<Millicelsius>,
    /// Figures of the present that are none, with the reason.
    pub refused: Vec<Refused>,
    /// Earlier moments from the log of broadcasts, oldest first; their current is the line's `current_avg`.
    pub log: Vec<Moment>,
}

/// Asks the service.
pub fn read(commands: &dyn Commands) -> Reading<Dump> {
    match commands.run("dumpsys", &["battery"]) {
        Ok(text) => parse(&text),
        Err(error) => error.into_reading(),
    }
}

/// Parses the text.
pub fn parse(text: &str) -> Reading<Dump> {
    let text = text.trim_start_matches('\u{feff}');
    if text.contains("UPDATES STOPPED") {
        return Reading::missing(
            Missing::Invalid,
            "dumpsys battery: overridden by 'dumpsys battery set' or 'unplug'; run 'dumpsys battery reset'",
        );
    }
    if text.contains(DENIAL) {
        return Reading::missing(Missing::Denied, format!("dumpsys battery: {}", excerpt(text.trim())));
    }
    let mut dump = Dump::default();
    let mut powered = Vec::new();
    let mut scale = 100;
    let mut level = None;
    let lines = || text.split(['\n', '\r']);
    // Logs begin with a title in brackets; their lines are not the present.
    let state = || lines().take_while(|line| !line.trim_start().starts_with('['));
    for line in state() {
        let Some((key, value)) = line.trim().split_once(':') else { continue };
        let (key, value) = (key.trim(), value.trim());
        let number = || value.parse::<i64>().ok();
        match key {
            "AC powered" | "USB powered" | "Wireless powered" | "Dock powered" => powered.extend(value.parse::<bool>().ok()),
            "status" => {
                dump.now.status = Status::of_number(value);
                dump.refuse(Figure::Status, dump.now.status.is_some(), line, "is no status that is known");
            }
            "present" if value == "false" => return Reading::missing(Missing::Absent, "dumpsys battery: no battery is present"),
            "level" => level = number(),
            "scale" => scale = number().unwrap_or(0),
            "voltage" => {
                dump.now.voltage = number().and_then(battery_volts);
                dump.refuse(Figure::Voltage, dump.now.voltage.is_some(), line, "is no battery's voltage");
            }
            "temperature" => {
                dump.temperature = number().and_then(battery_degrees);
                dump.refuse(Figure::Temperature, dump.temperature.is_some(), line, "is no battery's temperature");
            }
            "Charge counter" => dump.now.charge = number(),
            "current now" => {
                dump.now.raw = number().filter(|&raw| raw > i64::from(i32::MIN));
                dump.refuse(Figure::Current, dump.now.raw.is_some(), line, "means that there is no such figure");
            }
            _ => {}
        }
    }
    dump.now.level = percent(level, scale);
    dump.now.charger = charger(&powered);
    dump.log = lines().filter_map(broadcast).collect();
    if dump.now == Moment::default() && dump.temperature.is_none() && dump.refused.is_empty() {
        return Reading::missing(Missing::Invalid, "dumpsys battery: no line of the service's state");
    }
    Reading::of(dump)
}

impl Dump {
    fn refuse(&mut self, figure: Figure, used: bool, line: &str, why: &str) {
        if !used {
            self.refused.push((figure, format!("'{}' {why}", excerpt(line.trim()))));
        }
    }
}

fn percent(level: Option<i64>, scale: i64) -> Option<u32> {
    let percent = level?.checked_mul(100)?.checked_div(scale)?;
    u32::try_from(percent).ok().filter(|&percent| percent <= 100)
}

/// Whether any charger gives current; none where the service does not say.
fn charger(powered: &[bool]) -> Option<bool> {
    (!powered.is_empty()).then(|| powered.iter().any(|&on| on))
}

/// `08-11 17:11:26.867  Sending ACTION_BATTERY_CHANGED: level:74, status:3, …`.
fn broadcast(line: &str) -> Option<Moment> {
    let (time, fields) = line.split_once("ACTION_BATTERY_CHANGED:")?;
    let field = |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix(':'));
    let number = |name: &str| field(name)?.trim().parse::<i64>().ok();
    let powered: Vec<bool> =
        ["ac", "usb", "wireless", "pogo"].into_iter().filter_map(|name| field(name)?.trim().parse().ok()).collect();
    Some(Moment {
        at: clock(time),
        raw: number("current_avg").filter(|&raw| raw > i64::from(i32::MIN)),
        voltage: number("voltage").and_then(battery_volts),
        status: field("status").and_then(Status::of_number),
        charger: charger(&powered),
        level: percent(number("level"), number("scale").unwrap_or(100)),
        charge: number("cc"),
    })
}

/// `08-11 17:11:26.867`, as time since the month's first day began.
fn clock(text: &str) -> Option<Nanos> {
    let (date, time) = text.trim().split_once(' ')?;
    let day: u64 = date.split('-').nth(1)?.parse().ok()?;
    time_of_day(time.split_whitespace().next()?).map(|time| Nanos(day * 86_400_000_000_000 + time.0))
}

/// `17:11:26.867`; hours up to 99, since some logs count on.
pub fn time_of_day(text: &str) -> Option<Nanos> {
    let mut parts = text.split(':');
    let (hours, minutes) = (parts.next()?.parse::<u32>().ok()?, parts.next()?.parse::<u32>().ok()?);
    let seconds: f64 = parts.next()?.parse().ok()?;
    if parts.next().is_some() || hours > 99 || minutes > 59 || !(0.0..61.0).contains(&seconds) {
        return None;
    }
    Some(Nanos((u64::from(hours) * 3600 + u64::from(minutes) * 60) * 1_000_000_000 + (seconds * 1e9) as u64))
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::units::Microvolts;
    use proptest::prelude::*;

    use super::*;

    const DUMP: &str = "Current Battery Service state:\r\n  AC powered: false\r\n  USB powered: true\r\n  status: 2\r\n  level: 44\r\n  \
        scale: 100\r\n  voltage: 3908\r\n Time when the latest updated value of the voltage was sent: 0\r\n  temperature: 422\r\n  \
        Capacity level: -1\r\n  current now: 559\r\n\r\n[Log]\r\n09-13 15:27:35.199  Sending ACTION_BATTERY_CHANGED: level:43, status:3, \
        ac:false, usb:false, voltage:3841, current_avg:-257, cc:1622790\r\n  level: 12\r\n";

    #[test]
    fn the_present_is_told_from_the_log() {
        let dump = parse(DUMP).value().cloned().unwrap();
        assert_eq!(dump.now.level, Some(44));
        assert_eq!(dump.now.voltage, Some(Microvolts(3_908_000)));
        assert_eq!((dump.now.raw, dump.now.status, dump.now.charger), (Some(559), Some(Status::Charging), Some(true)));
        assert_eq!(dump.temperature, Some(Millicelsius(42_200)));
        let [before] = dump.log.as_slice() else { panic!("{:?}", dump.log) };
        assert_eq!((before.raw, before.charger, before.charge), (Some(-257), Some(false), Some(1_622_790)));
        assert_eq!(before.at, Some(Nanos(((13 * 24 + 15) * 3600 + 27 * 60) * 1_000_000_000 + 35_199_000_000)));
    }

    #[test]
    fn figures_that_are_none_are_kept_with_the_reason() {
        let dump = parse("  status: 1\n  level: 50\n  voltage: 0\n  temperature: 0\n  current now: -2147483648\n")
            .value()
            .cloned()
            .unwrap();
        assert_eq!((dump.now.raw, dump.now.voltage, dump.temperature), (None, None, None));
        let refused: Vec<_> = dump.refused.iter().map(|(figure, _)| *figure).collect();
        assert_eq!(refused, [Figure::Status, Figure::Voltage, Figure::Temperature, Figure::Current]);
    }

    #[test]
    fn an_overridden_or_absent_battery_gives_no_figures() {
        assert!(matches!(
            parse("Battery (UPDATES STOPPED -- use 'reset')\n level: 5"),
            Reading::Missing { missing: Missing::Invalid, .. }
        ));
        assert!(matches!(parse("  present: false\n  level: 50"), Reading::Missing { missing: Missing::Absent, .. }));
        assert!(parse("").value().is_none());
        let denial = "Permission Denial: can't dump BatteryService from pid=1, uid=10123";
        assert!(matches!(parse(denial), Reading::Missing { missing: Missing::Denied, .. }));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "( ?(level|scale|voltage|temperature|status|current now|ACTION_BATTERY_CHANGED)|:|-?[0-9]{1,20}|,|\n|\\PC){0,60}") {
            parse(&text);
        }
    }
}
