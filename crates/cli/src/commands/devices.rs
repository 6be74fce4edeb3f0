//! `benchrack devices`: what is in the farm and how it is.

use clap::Args;

use crate::context::Context;
use crate::exit::{Exit, Outcome};
use crate::output;

/// List the devices of the farm.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  benchrack devices\n  benchrack devices --json | jq '.[].name'")]
pub struct Devices;

impl Devices {
    pub async fn run(self, context: &Context) -> Outcome {
        let devices = context.client()?.devices().await?;
        if context.json {
            return output::json(&devices);
        }
        if devices.is_empty() {
            return output::line(
                "no device has registered yet; start one with `benchrack agent run`, or add phones with `benchrack rack`",
            );
        }
        let mut table = output::table(["id", "name", "state", "what", "CPUs", "figures", "last seen"], &["id"]);
        for device in devices {
            let state = match &device.reason {
                Some(reason) => format!("{}: {reason}", device.state),
                None => device.state,
            };
            let clusters: Vec<String> = device.report.clusters.iter().map(|c| format!("{} {}", c.name, c.cpus)).collect();
            table.add_row([
                device.id.to_string(),
                device.name,
                state,
                device.title,
                if clusters.is_empty() { "unknown".into() } else { clusters.join(", ") },
                format!("{:?}", device.reality).to_lowercase(),
                device.last_seen_at.replace_nanosecond(0).unwrap_or(device.last_seen_at).to_string(),
            ]);
        }
        output::line(table)?;
        Ok(Exit::Pass)
    }
}
