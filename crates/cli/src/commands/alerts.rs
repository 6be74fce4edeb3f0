//! `benchrack alerts`: what got slower, and what is to become of it.

use benchrack_client::AlertQuery;
use benchrack_protocol::alert::{Alert, Finding, NewTriage, TriageState};
use benchrack_protocol::ids::AlertId;
use benchrack_server::Clock;
use clap::{Args, Subcommand, ValueEnum};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::context::Context;
use crate::exit::{Blame, Exit, Outcome};
use crate::output;

/// List alerts, look at one, and decide about it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchrack alerts list --state new\n  benchrack alerts show 3\n  benchrack alerts triage 3 confirmed --owner ada --due 14d\n  benchrack alerts triage 3 expected --reason 'larger input'\n  benchrack alerts triage 3 ignored --reason 'bench is gone soon' --due 2026-12-31T00:00:00Z"
)]
pub struct Alerts {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List alerts, newest first.
    List {
        /// Only those in this state.
        #[arg(long, value_enum)]
        state: Option<StateName>,
        /// Only those older than this one.
        #[arg(long, value_name = "ALERT")]
        before: Option<AlertId>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show what was found: where, since when, by how much, how sure.
    Show {
        /// Its number in the list.
        id: AlertId,
    },
    /// Decide about an alert; `expected` makes the new level the baseline.
    Triage {
        /// Its number in the list.
        id: AlertId,
        /// The state from now on.
        #[arg(value_enum)]
        state: StateName,
        /// Who sees to it; needed for `confirmed`.
        #[arg(long)]
        owner: Option<String>,
        /// Why; needed for `expected` and `ignored`.
        #[arg(long)]
        reason: Option<String>,
        /// `confirmed`: when it should be fixed; `ignored`: when it is new again. 12h, 14d, or a moment as RFC 3339.
        #[arg(long, value_name = "WHEN", value_parser = due)]
        due: Option<Due>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StateName {
    /// Nobody has looked at it.
    New,
    /// Somebody sees to it.
    Confirmed,
    /// It is meant to be so.
    Expected,
    /// It is no more.
    Fixed,
    /// Nobody cares.
    Ignored,
}

impl From<StateName> for TriageState {
    fn from(name: StateName) -> Self {
        match name {
            StateName::New => Self::New,
            StateName::Confirmed => Self::Confirmed,
            StateName::Expected => Self::Expected,
            StateName::Fixed => Self::Fixed,
            StateName::Ignored => Self::Ignored,
        }
    }
}

/// A moment, or a time from now.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Due {
    In(Duration),
    At(OffsetDateTime),
}

fn due(text: &str) -> Result<Due, String> {
    let span =
        |number: &str, unit: i64| number.parse::<u32>().ok().map(|number| Due::In(Duration::seconds(unit * i64::from(number))));
    let parsed = match (text.strip_suffix('d'), text.strip_suffix('h')) {
        (Some(days), _) => span(days, 86_400),
        (_, Some(hours)) => span(hours, 3_600),
        _ => OffsetDateTime::parse(text, &Rfc3339).ok().map(Due::At),
    };
    parsed.ok_or_else(|| "12h, 14d or 2026-12-31T00:00:00Z is expected".to_owned())
}

impl Alerts {
    pub async fn run(self, context: &Context) -> Outcome {
        let client = context.client()?;
        match self.command {
            Command::List { state, before, limit } => {
                let query = AlertQuery { state: state.map(Into::into), before, limit: Some(limit) };
                let alerts = client.alerts(&query).await?;
                if context.json {
                    return output::json(&alerts);
                }
                if alerts.is_empty() {
                    return output::line("no alerts");
                }
                let mut table = output::table(["id", "state", "what", "devices", "owner", "due", "raised"], &["id", "devices"]);
                for alert in alerts {
                    let mut devices: Vec<_> = alert.findings.iter().map(|finding| finding.device).collect();
                    devices.sort_unstable();
                    devices.dedup();
                    table.add_row([
                        alert.id.to_string(),
                        alert.state.name().into(),
                        alert.title.clone(),
                        devices.len().to_string(),
                        alert.owner.clone().unwrap_or_default(),
                        alert.due_at.map(moment).transpose()?.unwrap_or_default(),
                        moment(alert.raised_at)?,
                    ]);
                }
                output::line(table)
            }
            Command::Show { id } => {
                let alert = client.alert(id).await?;
                if context.json { output::json(&alert) } else { show(&alert) }
            }
            Command::Triage { id, state, owner, reason, due } => {
                let due_at = match due {
                    Some(Due::At(at)) => Some(at),
                    Some(Due::In(span)) => Some(Clock::system().now().saturating_add(span)),
                    None => None,
                };
                let alert = client.triage(id, &NewTriage { state: state.into(), owner, reason, due_at }).await?;
                if context.json {
                    return output::json(&alert);
                }
                output::line(format!("alert {id} is {}", alert.state.name()))
            }
        }
    }
}

fn moment(at: OffsetDateTime) -> Result<String, crate::exit::Failure> {
    let at = at.replace_nanosecond(0).unwrap_or(at);
    at.format(&Rfc3339).infrastructure("a time cannot be written")
}

fn show(alert: &Alert) -> Outcome {
    output::line(&alert.title)?;
    let mut about = format!("{}, raised {}", alert.state.name(), moment(alert.raised_at)?);
    for (name, value) in
        [("owner", alert.owner.clone()), ("due", alert.due_at.map(moment).transpose()?), ("reason", alert.reason.clone())]
    {
        if let Some(value) = value {
            about.push_str(&format!(", {name} {value}"));
        }
    }
    output::line(about)?;
    let mut table = output::table(
        ["device", "series", "metric", "change", "last good", "first slower", "suspects", "confirmed by"],
        &["change"],
    );
    for finding in &alert.findings {
        table.add_row([
            finding.device_name.clone(),
            finding.series.to_string(),
            finding.metric.name().into(),
            change(finding),
            finding.good.word(),
            finding.bad.word(),
            finding.suspects.to_string(),
            finding.gate.map_or_else(|| "-".into(), |gate| format!("gate {gate}")),
        ]);
    }
    output::line(table)?;
    Ok(Exit::Pass)
}

fn change(finding: &Finding) -> String {
    match finding.effect {
        Some(effect) if effect.low == effect.high => format!("{:+.1} %", effect.value * 100.0),
        Some(effect) => {
            format!("{:+.1} % [{:+.1}, {:+.1}]", effect.value * 100.0, effect.low * 100.0, effect.high * 100.0)
        }
        None => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_due_time_is_a_span_or_a_moment() {
        assert_eq!(due("14d"), Ok(Due::In(Duration::days(14))));
        assert_eq!(due("12h"), Ok(Due::In(Duration::hours(12))));
        assert!(matches!(due("2026-12-31T00:00:00Z"), Ok(Due::At(_))));
        assert!(due("soon").unwrap_err().contains("14d"));
        assert!(due("-1d").is_err());
    }
}
