use benchrack_protocol::units::{Microvolts, Nanos};
use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> Option<Nanos> {
    Some(Nanos(seconds * 1_000_000_000))
}

/// Counts and millivolts.
fn points(points: &[(i64, i64)]) -> Series {
    let moment = |&(raw, millivolts): &(i64, i64)| Moment {
        raw: Some(raw),
        voltage: Some(Microvolts(millivolts * 1000)),
        ..Moment::default()
    };
    Series::of(points.iter().map(moment).collect())
}

fn told(series: Series) -> (Option<i64>, Option<i64>) {
    let calibration = calibrate(&[series]);
    (calibration.unit.ok(), calibration.sign.ok())
}

#[test]
fn the_slope_tells_unit_and_sign() {
    let line = |scale: i64| points(&[-224, 291, -494, -388].map(|milliamps: i64| (milliamps * scale, 3700 + milliamps / 5)));
    assert_eq!(told(line(1)), (Some(1000), Some(1)));
    assert_eq!(told(line(-1)), (Some(1000), Some(-1)));
    assert_eq!(told(line(1000)), (Some(1), Some(1)));
    assert_eq!(told(line(-1000)), (Some(1), Some(-1)));
}

#[test]
fn two_points_need_a_large_change() {
    // Of a phone at its start: the voltage fell while less was drawn, because it still settled.
    let series = Series { named_unit: Some(1000), ..points(&[(-443, 3807), (-169, 3760)]) };
    assert_eq!(told(series), (Some(1000), None));
    assert_eq!(told(points(&[(1_159_000, 4088), (-240_000, 3939)])), (Some(1), Some(1)));
}

#[test]
fn small_numbers_alone_are_of_no_unit() {
    for raw in [976, -191, 37] {
        assert_eq!(told(points(&[(raw, 3815)])), (None, None), "{raw}");
    }
    assert_eq!(told(points(&[(-326_171, 3888)])), (Some(1), None));
    assert!(calibrate(&[points(&[(0, 3800), (0, 3900)])]).unit.is_err());
}

#[test]
fn an_awake_phone_without_a_charger_draws_milliamperes() {
    let alone = |charger| {
        let mut series = points(&[(-191, 4246)]);
        series.moments[0].status = Some(Status::Discharging);
        series.moments[0].charger = charger;
        told(series).0
    };
    assert_eq!(alone(Some(false)), Some(1000));
    assert_eq!(alone(None), None, "a charger may hold it");
    assert_eq!(alone(Some(true)), None);
}

#[test]
fn a_charger_turns_the_sign_and_a_drain_on_a_charger_does_not() {
    let with = |charging: i64, alone: i64| {
        let moment = |raw, status| Moment { raw: Some(raw), status: Some(status), ..Moment::default() };
        told(Series::of(vec![moment(charging, Status::Charging), moment(alone, Status::Discharging)])).1
    };
    assert_eq!(with(-1_753_000, 1_104_003), Some(-1));
    assert_eq!(with(1_753_000, -1_104_003), Some(1));
    assert_eq!(with(-995_000, -400_000), None, "it drains in both cases, or the gauge has no sign");
    assert_eq!(with(1_753_000, -3_000), None, "noise around zero");
}

#[test]
fn charge_that_is_counted_tells_both() {
    let moment = |seconds, raw, charge| Moment {
        at: at(seconds),
        raw: Some(raw),
        charge: Some(charge),
        level: Some(57),
        ..Moment::default()
    };
    let history = |scale: i64| {
        Series::of(vec![
            moment(0, -1503 * scale, 2_163_750),
            moment(30, -1990 * scale, 2_152_500),
            moment(211, -1337 * scale, 2_062_500),
        ])
    };
    assert_eq!(told(history(1)), (Some(1000), Some(1)));
    assert_eq!(told(history(-1000)), (Some(1), Some(-1)));
}

#[test]
fn contradictions_leave_it_unknown_and_name_both_sides() {
    let series = [
        points(&[(-224, 3650), (291, 3760), (-494, 3600), (-388, 3620)]),
        points(&[(-224, 3760), (291, 3650), (-494, 3800), (-388, 3790)]),
    ];
    let why = calibrate(&series).sign.unwrap_err();
    assert!(why.contains("contradiction") && why.contains("against"), "{why}");
}

/// Time, current, voltage, level and charge of a moment.
type Figures = (Option<u64>, Option<i64>, Option<i64>, Option<u32>, Option<i64>);

proptest! {
    /// Any battery of a phone, any load, any unit and sign: what is told is true.
    #[test]
    fn what_is_told_of_a_battery_is_true(
        currents in proptest::collection::vec(-3_000_000i64..3_000_000, 1..12),
        resistance in 0.03f64..0.45,
        noise in proptest::collection::vec(-3_000i64..3_000, 12),
        per_count in prop_oneof![Just(1i64), Just(-1), Just(1000), Just(-1000)],
    ) {
        let moments = currents.iter().zip(&noise).map(|(&current, noise)| Moment {
            raw: Some(current / per_count),
            voltage: Some(Microvolts(3_800_000 + (current as f64 * resistance) as i64 + noise)),
            ..Moment::default()
        });
        let calibration = calibrate(&[Series::of(moments.collect())]);
        if let Ok(unit) = calibration.unit {
            prop_assert_eq!(unit, per_count.abs(), "{}", calibration.basis);
        }
        if let Ok(sign) = calibration.sign {
            prop_assert_eq!(sign, per_count.signum(), "{}", calibration.basis);
        }
        let spread = currents.iter().max().unwrap() - currents.iter().min().unwrap();
        if currents.len() >= 5 && spread > 1_500_000 {
            prop_assert_eq!(calibrate(&[]).per_count(), None);
        }
    }

    #[test]
    fn no_moments_make_it_panic(
        moments in proptest::collection::vec(any::<Figures>(), 0..8),
        named in proptest::option::of(1i64..2000),
    ) {
        let moment = |(at, raw, voltage, level, charge): Figures| Moment {
            at: at.map(Nanos), raw, voltage: voltage.map(Microvolts), level, charge, status: Some(Status::Charging), charger: None,
        };
        let series = Series { moments: moments.into_iter().map(moment).collect(), named_unit: named, resolution: 1 };
        let _ = gauge("x", &[series]);
    }
}
