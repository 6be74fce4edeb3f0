//! `benchrack-agent calibrate`: unit, sign and rhythm of this device's battery current, proved once and kept.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use benchrack_protocol::reading::Reading;
use clap::Args;

use crate::config::default_data_dir;
use crate::device::Device;
use crate::gauge::live::{Plan, Step, calibrate};
use crate::gauge::store;
use crate::probe::{power_supply, probe};
use crate::work::own_key;

/// Arguments of `calibrate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  benchrack-agent calibrate                  two minutes: idle, load, idle
  benchrack-agent calibrate --unattended     never ask for the cable

Leave the device alone meanwhile. On a charger that carries the whole load you are asked to pull or plug the cable.
The result is kept in the data folder, for this device and this build of its system.")]
pub struct CalibrateArgs {
    /// The agent's data folder, where the calibration is kept
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Do not ask for the charger to be plugged in or out
    #[arg(long)]
    unattended: bool,
    /// Print the calibration as JSON
    #[arg(long)]
    json: bool,
}

/// A person's time to find the cable.
const PATIENCE: Duration = Duration::from_secs(120);

/// Calibrates this device.
pub async fn run(arguments: CalibrateArgs) -> anyhow::Result<ExitCode> {
    let folder = arguments.data_dir.or_else(default_data_dir).context("no folder for the calibration: set --data-dir")?;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let device = Device::live();
    let report = probe(&device, Some(&own_key(&folder)?));
    let supply = power_supply::battery(device.sysfs.as_ref(), &report.power_supplies)
        .context("no power supply is a battery here, or none may be read by this user; 'probe' says what was refused")?;
    let ask = !arguments.unattended && std::io::stdin().is_terminal();
    let plan = Plan { patience: ask.then_some(PATIENCE), ..Plan::default() };
    let mut load = None;
    let told = calibrate(&device, &supply.name, plan, |step| {
        load = (step == Step::Load).then(Load::start);
        eprintln!(
            "{}",
            match step {
                Step::Burst => "reading the gauge fast: leave the device alone",
                Step::Idle => "idle",
                Step::Load => "load on all cores",
                Step::Plug => "not enough: plug the charger in, or pull it if it is in",
            }
        );
    })
    .await;
    drop(load);
    let gauge = match told {
        Reading::Value { value } => value,
        Reading::Missing { missing, detail } => anyhow::bail!("the current cannot be proved: {missing}: {detail}"),
    };
    store::keep(&folder, &report.identity, &gauge)?;
    let text = if arguments.json {
        serde_json::to_string_pretty(&gauge).context("cannot write the calibration")?
    } else {
        let charging = if gauge.per_count > 0 { "positive" } else { "negative" };
        let unit = if gauge.per_count.abs() == 1 { "microamperes" } else { "milliamperes" };
        format!(
            "{}: {unit}, {charging} while charging; a new value every {}, steps of {} µA\n({})",
            gauge.supply,
            gauge.period,
            gauge.step.clone().map(|step| step.0),
            gauge.basis
        )
    };
    super::print(&text);
    Ok(ExitCode::SUCCESS)
}

/// All cores at work until dropped.
struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<u64>>,
}

impl Load {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let work = || {
            let stop = Arc::clone(&stop);
            move || {
                let mut number = 0x9e37_79b9_7f4a_7c15u64;
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..100_000 {
                        number = std::hint::black_box(number.rotate_left(7).wrapping_mul(0xbf58_476d_1ce4_e5b9));
                    }
                }
                number
            }
        };
        // A core without a thread is a smaller load, which the slope judges like any other.
        let threads = (0..cores).filter_map(|_| std::thread::Builder::new().name("load".into()).spawn(work()).ok()).collect();
        Self { stop, threads }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // The number is only there so that the work is not left out.
            let _ = thread.join();
        }
    }
}
