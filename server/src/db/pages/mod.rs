//! What pages show, read from the database: one file for each page, one function for each question.
//!
//! Figures and judgements were made when the report came and are only read here. Where a page sets two stored figures
//! against each other, [`crate::judge`] does so.

mod cards;
mod conditions;
mod manifest;
mod operating;
mod subjects;

pub mod alerts;
pub mod compare;
pub mod device;
pub mod engines;
pub mod gates;
pub mod home;
pub mod models;
pub mod rack;
pub mod run;
pub mod search;
pub mod series;
mod series_also;
pub mod series_list;
pub mod session;
pub mod studies;
mod troubles;

use std::str::FromStr;

use benchrack_dashboards::view::{DeviceRef, Facet, FacetOption};
use benchrack_protocol::ids::DeviceId;
use serde::{Deserialize, Deserializer};

use super::column::cell;
use super::{Database, DbError};

/// Rows of one part of a list.
const PART: i64 = 100;

fn device_ref(id: i64, name: String, title: String, reality: &str) -> Result<DeviceRef, DbError> {
    Ok(DeviceRef { id: DeviceId(id), name, title, reality: cell("devices", "reality", id).word(reality)? })
}

/// These devices, to be named on a page, by name.
async fn named_devices(db: &Database, ids: &[i64]) -> Result<Vec<DeviceRef>, DbError> {
    let rows = sqlx::query!(r#"select id, name, title, reality from devices where id = any($1) order by name collate "C""#, ids)
        .fetch_all(db.pool())
        .await?;
    rows.into_iter().map(|row| device_ref(row.id, row.name, row.title, &row.reality)).collect()
}

/// A parameter of a form that may be left empty.
pub(crate) fn chosen<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T::Err: std::fmt::Display,
{
    let text = Option::<String>::deserialize(deserializer)?;
    text.filter(|text| !text.is_empty()).map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// The most that something may be.
#[derive(Debug, Clone, Copy)]
struct Limit(f64);

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
        number.map(Self).ok_or_else(|| format!("'{text}' is no budget: a number such as 20 or 2.5, in the field's unit"))
    }
}

/// A choice of values that are their own labels. What is chosen is always among the options, or the form would show
/// another choice than the one in force.
fn facet(name: &str, all: bool, values: impl IntoIterator<Item = String>, chosen: Option<&str>) -> Facet {
    labelled(name, all, values.into_iter().map(|value| (value.clone(), value)), chosen)
}

fn labelled(name: &str, all: bool, values: impl IntoIterator<Item = (String, String)>, chosen: Option<&str>) -> Facet {
    let option = |(value, label): (String, String)| FacetOption { chosen: chosen == Some(value.as_str()), value, label };
    let all = all.then(|| FacetOption { value: String::new(), label: String::new(), chosen: chosen.is_none() });
    let mut options: Vec<FacetOption> = all.into_iter().chain(values.into_iter().map(option)).collect();
    if let Some(value) = chosen.filter(|_| !options.iter().any(|option| option.chosen)) {
        options.push(FacetOption { value: value.into(), label: value.into(), chosen: true });
    }
    Facet { name: name.into(), options }
}

/// A query string of the parameters that are set.
fn query_string<'a>(parameters: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    query.finish()
}

/// Where an older part of a list begins, unless this was all: reads one row more than it shows.
fn cut<T>(rows: &mut Vec<T>, limit: i64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_that_is_not_on_offer_is_shown_as_chosen_all_the_same() {
        let shown = facet("threads", true, ["1".to_owned(), "4".to_owned()], Some("3"));
        let chosen: Vec<&str> = shown.options.iter().filter(|option| option.chosen).map(|option| option.value.as_str()).collect();
        assert_eq!((chosen, shown.options.len()), (vec!["3"], 4));
        assert!(facet("threads", true, ["1".to_owned()], None).options[0].chosen);
    }

    #[test]
    fn queries_hold_what_is_set_and_are_encoded() {
        let query = query_string([("device", Some("3".to_owned())), ("engine", None), ("base", Some("a&b fp32".to_owned()))]);
        assert_eq!(query, "device=3&base=a%26b+fp32");
    }
}
