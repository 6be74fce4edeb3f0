//! Other devices' series over the time of the one that is shown.

use std::str::FromStr;

use benchrack_dashboards::view::{AlsoPoint, SeriesAlso, SeriesElsewhere, SeriesPoint};
use benchrack_protocol::ids::{RunId, SeriesId};
use benchrack_protocol::validity::Validity;

use super::super::{Database, DbError};
use crate::judge;

/// Newest points of each that are read.
const POINTS: i64 = 1_000;

/// Series that are drawn as well: ids with commas.
#[derive(Debug, Clone, Default)]
pub(super) struct Also(Vec<SeriesId>);

impl FromStr for Also {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ids: Result<Vec<SeriesId>, _> = text.split(',').map(str::parse).collect();
        let ids = ids.map_err(|_| format!("'{text}' is no list of series: numbers with commas"))?;
        if ids.len() > SeriesAlso::MOST {
            return Err(format!("{} series are too many: {} at most", ids.len(), SeriesAlso::MOST));
        }
        Ok(Self(ids))
    }
}

/// Those of the other devices that are asked for, over the time of these points.
pub(super) async fn of(
    db: &Database,
    also: &Also,
    elsewhere: &[SeriesElsewhere],
    points: &[SeriesPoint],
) -> Result<Vec<SeriesAlso>, DbError> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for id in &also.0 {
        let Some(other) = elsewhere.iter().find(|other| other.series == *id) else { continue };
        let mut rows = sqlx::query!(
            "select run_id, measured_at, value from run_metrics
             where series_id = $1 and counts and measured_at between $2 and $3 order by measured_at desc, run_id desc limit $4",
            id.0,
            first.measured_at,
            last.measured_at,
            POINTS
        )
        .fetch_all(db.pool())
        .await?;
        rows.reverse();
        let points: Vec<AlsoPoint> = rows
            .into_iter()
            .map(|row| AlsoPoint { run: RunId(row.run_id), measured_at: row.measured_at, value: row.value })
            .collect();
        let middle = judge::middle(points.iter().map(|point| point.value));
        found.push(SeriesAlso { device: other.device.clone(), series: *id, points, middle });
    }
    Ok(found)
}

/// Median of the valid points.
pub(super) fn middle(points: &[SeriesPoint]) -> Option<f64> {
    judge::middle(points.iter().filter(|point| point.validity == Validity::Valid).map(|point| point.estimate.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_series_is_numbers_and_not_too_many() {
        assert_eq!("3,15".parse::<Also>().unwrap().0, [SeriesId(3), SeriesId(15)]);
        for wrong in ["", "3,", "x", "1,2,3,4,5,6,7,8"] {
            assert!(wrong.parse::<Also>().is_err(), "{wrong}");
        }
    }
}
