//! Orders to phones: once, without watching.

use std::time::Duration;

use benchrack_client::ClientError;
use benchrack_protocol::api::Device;
use benchrack_rack::adb::quoted;
use benchrack_rack::deploy;
use benchrack_rack::host::{Host, Unit};
use benchrack_rack::phones::PhoneState;
use benchrack_rack::reach::Reach;
use benchrack_rack::settings::Settings;
use benchrack_rack::survey::{Survey, survey};
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome, infrastructure, usage};
use crate::output;

/// The phones that adb sees. An adb server that does not answer is an error only where no phone is seen at all.
async fn seen(host: &Host) -> Result<Vec<Unit>, Failure> {
    let (units, mut errors) = host.units().await;
    for (_, error) in &errors {
        eprintln!("warning: {error}");
    }
    for port in host.ports.off().infrastructure("which ports are off is not known")? {
        eprintln!("{}: its port's power is off, as its session asked, until {}", port.phone, port.until);
    }
    match errors.pop() {
        Some((_, error)) if units.is_empty() => Err(error).infrastructure("cannot list the phones"),
        _ => Ok(units),
    }
}

/// The phones of these names; all that are ready when none is named.
async fn named(host: &Host, names: &[String]) -> Result<Vec<Unit>, Failure> {
    let units = seen(host).await?;
    if names.is_empty() {
        let ready: Vec<Unit> = units.into_iter().filter(|unit| unit.phone.state == PhoneState::Device).collect();
        if ready.is_empty() {
            return Err(infrastructure("no phone is ready; `benchrack rack list` says what each one needs"));
        }
        return Ok(ready);
    }
    names.iter().map(|name| one(&units, name)).collect()
}

fn one(units: &[Unit], name: &str) -> Result<Unit, Failure> {
    let Some(unit) = units.iter().find(|unit| unit.phone.id() == name) else {
        let known: Vec<String> = units.iter().map(|unit| unit.phone.id()).collect();
        return Err(usage(format!("there is no phone '{name}' on this host; there are: {}", known.join(", "))));
    };
    match unit.phone.state.advice() {
        Some(advice) => Err(infrastructure(format!("{name} is {}: {advice}", unit.phone.state))),
        None => Ok(unit.clone()),
    }
}

pub(super) async fn list(host: &Host, context: &Context) -> Outcome {
    let units = seen(host).await?;
    let phones: Vec<_> = units.iter().map(|unit| &unit.phone).collect();
    if context.json {
        return output::json(&phones);
    }
    if phones.is_empty() {
        return output::line("adb sees no phone; switch on USB debugging in the phone's developer options and plug it in");
    }
    let mut table = output::table(["serial", "model", "port", "state", "what to do"], &[]);
    for phone in phones {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".into());
        let advice = phone.state.advice().unwrap_or_default().to_owned();
        table.add_row([phone.id(), or_dash(&phone.model), or_dash(&phone.port), phone.state.to_string(), advice]);
    }
    output::line(table)
}

#[derive(Serialize)]
struct Deployed {
    phone: String,
    done: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) async fn deploy(host: &Host, names: &[String], context: &Context) -> Outcome {
    let units = named(host, names).await?;
    let mut all = Vec::new();
    for unit in &units {
        let phone = unit.phone.id();
        let brought_up = match deploy::undrain(&unit.way, &unit.place).await {
            Ok(()) => host.bring_up(unit).await,
            Err(error) => Err(error.into()),
        };
        all.push(match brought_up {
            Ok((_, steps)) => Deployed { phone, done: steps.iter().map(ToString::to_string).collect(), error: None },
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                Deployed { phone, done: Vec::new(), error: Some(error) }
            }
        });
    }
    let failed = all.iter().filter(|phone| phone.error.is_some()).count();
    if context.json {
        output::json(&all)?;
    } else {
        for phone in &all {
            let what = match &phone.error {
                Some(error) => format!("failed: {error}"),
                None if phone.done.is_empty() => "is as it shall be".into(),
                None => phone.done.join(", "),
            };
            output::line(format!("{}: {what}", phone.phone))?;
        }
    }
    if failed == 0 { Ok(Exit::Pass) } else { Err(infrastructure(format!("{failed} of {} phones failed", all.len()))) }
}

#[derive(Serialize)]
struct Status {
    phone: String,
    state: PhoneState,
    #[serde(skip_serializing_if = "Option::is_none")]
    survey: Option<Survey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_state: Option<String>,
}

pub(super) async fn status(host: &Host, names: &[String], context: &Context) -> Outcome {
    let mut units = seen(host).await?;
    if !names.is_empty() {
        units.retain(|unit| names.contains(&unit.phone.id()));
    }
    let devices: Result<Vec<Device>, ClientError> = host.client.devices().await;
    if let Err(error) = &devices {
        eprintln!("warning: the server does not answer: {error}");
    }
    let devices = devices.unwrap_or_default();
    let mut all = Vec::new();
    for unit in &units {
        let label = Settings::label_of(&unit.phone);
        let device = devices.iter().find(|device| device.labels.contains(&label));
        let looked = match unit.phone.state {
            PhoneState::Device => survey(&unit.way, &unit.place).await.map(Some),
            _ => Ok(None),
        };
        let survey = looked.unwrap_or_else(|error| {
            eprintln!("warning: {}: {error}", unit.phone.id());
            None
        });
        all.push(Status {
            phone: unit.phone.id(),
            state: unit.phone.state.clone(),
            survey,
            device: device.map(|device| device.name.clone()),
            device_state: device.map(|device| match &device.reason {
                Some(reason) => format!("{}: {reason}", device.state),
                None => device.state.clone(),
            }),
        });
    }
    if context.json {
        return output::json(&all);
    }
    let mut table = output::table(["phone", "adb", "agent", "reports", "battery", "device", "state"], &["reports", "battery"]);
    for phone in all {
        let dash = || "–".to_owned();
        let agent = phone.survey.as_ref().map_or_else(dash, |survey| match (&survey.agent, survey.running) {
            (None, _) => "none".into(),
            (Some(_), None) if survey.drained => "drained".into(),
            (Some(_), None) => "not running".into(),
            (Some(digest), Some(pid)) => format!("{} as {pid}", digest.get(..8).unwrap_or(digest)),
        });
        table.add_row([
            phone.phone,
            phone.state.to_string(),
            agent,
            phone.survey.as_ref().map_or_else(dash, |survey| survey.waiting.to_string()),
            phone.survey.as_ref().and_then(|survey| survey.level).map_or_else(dash, |level| format!("{level} %")),
            phone.device.unwrap_or_else(dash),
            phone.device_state.unwrap_or_else(dash),
        ]);
    }
    output::line(table)
}

pub(super) async fn logs(host: &Host, name: &str, lines: u32) -> Outcome {
    let unit = one(&seen(host).await?, name)?;
    output::line(deploy::log(&unit.way, &unit.place, lines).await.infrastructure("cannot read the log")?)
}

/// The longest that a command of a person's may take.
const PATIENCE: Duration = Duration::from_secs(600);

pub(super) async fn shell(host: &Host, name: &str, command: &[String]) -> Outcome {
    let unit = one(&seen(host).await?, name)?;
    // One word is a line of shell, several are a command with its arguments.
    let script = match command {
        [line] => line.clone(),
        words => words.iter().map(quoted).collect::<Vec<_>>().join(" "),
    };
    let answer = unit.way.shell(&script, PATIENCE).await.infrastructure("the command did not run to its end")?;
    output::line(&answer.output)?;
    if answer.code == 0 { Ok(Exit::Pass) } else { Err(infrastructure(format!("the command ended with {}", answer.code))) }
}

pub(super) async fn drain(host: &Host, names: &[String], context: &Context) -> Outcome {
    for unit in named(host, names).await? {
        let drained = deploy::drain(&unit.way, &unit.place, || tokio::time::sleep(Duration::from_secs(2))).await;
        drained.infrastructure(format!("cannot drain {}", unit.phone.id()))?;
        if !context.quiet {
            output::line(format!("{}: drained", unit.phone.id()))?;
        }
    }
    Ok(Exit::Pass)
}

pub(super) async fn undeploy(host: &Host, names: &[String], force: bool, context: &Context) -> Outcome {
    for unit in named(host, names).await? {
        let phone = unit.phone.id();
        let found = survey(&unit.way, &unit.place).await.infrastructure(format!("cannot look at {phone}"))?;
        if found.waiting > 0 && !force {
            return Err(infrastructure(format!(
                "{} reports on {phone} wait to be delivered; let the agent reach the server, or lose them with --force",
                found.waiting
            )));
        }
        host.undeploy(&unit).await.infrastructure(format!("cannot undeploy {phone}"))?;
        if !context.quiet {
            output::line(format!("{phone}: the agent is gone, its tokens are revoked"))?;
        }
    }
    Ok(Exit::Pass)
}
