//! `benchrack-agent capture`: a device file from a live device, without what identifies its owner.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use crate::device::Device;
use crate::knobs::look::look;
use crate::probe::{cpufreq, probe};
use crate::sysfs::{Captured, Recording, scrub};

/// Arguments of `capture`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  benchrack-agent capture phone.capture      write the file; 'probe --root phone.capture' reads it
  benchrack-agent capture                    print it

Serial numbers, machine ids and network addresses are taken out. Read the file before you pass it on.")]
pub struct CaptureArgs {
    /// File to write; standard output without it
    file: Option<PathBuf>,
}

/// Everything that later probes may ask: folder and depth.
const FOLDERS: [(&str, usize); 6] = [
    ("sys/devices/system/cpu/cpufreq", 3),
    ("sys/devices/system/cpu/cputopo", 0),
    ("sys/class/thermal", 1),
    ("sys/class/power_supply", 1),
    ("sys/class/devfreq", 1),
    ("proc/pressure", 0),
];

/// Records a probe and what lies around.
pub fn run(arguments: &CaptureArgs) -> anyhow::Result<ExitCode> {
    let live = Device::live();
    let recording = Arc::new(Recording::of(live.sysfs.clone(), live.commands.clone()));
    let device = Device { sysfs: recording.clone(), commands: recording.clone(), ..live };
    let report = probe(&device, None);
    for (folder, depth) in FOLDERS {
        recording.walk(folder, depth);
    }
    for cpu in report.cpus_possible.value().into_iter().flat_map(|cpus| cpus.iter()) {
        for folder in ["topology", "cpuidle", "core_ctl", "cache"] {
            recording.walk(&format!("{}/cpu{cpu}/{folder}", cpufreq::CPU), 1);
        }
    }
    // What knobs say belongs to a device as well.
    look(&device, &report);
    let text = scrub(&recording.kept().to_text());
    // What was written must be readable again, or the file is worth nothing.
    Captured::parse(&text).context("the capture cannot be read back")?;
    match &arguments.file {
        Some(file) => std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?,
        None => super::print(text.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}
