//! A twin as the agent reaches it: files, programs, clock and affinity.

use std::sync::{Mutex, PoisonError};

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::{Kilohertz, Nanos};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::Running;
use super::android;
use super::files;
use super::script::Forced;
use super::world::World;
use crate::clock::Clock;
use crate::evidence::cycles::Executed;
use crate::placement::Placement;
use crate::sysfs::{Commands, SysError, SysErrorKind, SysFs};

/// Time of the runtime's timers, which a paused runtime passes without waiting.
#[derive(Debug)]
pub(crate) struct SimulatedClock {
    /// Its zero.
    pub(crate) epoch: Instant,
    /// What the wall clock shows then.
    pub(crate) wall: OffsetDateTime,
}

impl SimulatedClock {
    /// Zero now, in 1970.
    #[cfg(test)]
    pub(crate) fn start() -> Self {
        Self { epoch: Instant::now(), wall: OffsetDateTime::UNIX_EPOCH }
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Nanos {
        Nanos::from(self.epoch.elapsed())
    }

    fn wall(&self) -> OffsetDateTime {
        self.wall + self.epoch.elapsed()
    }
}

/// Remembers where it was put.
#[derive(Debug, Default)]
pub(crate) struct SimulatedPlacement(pub(crate) Mutex<CpuSet>);

impl SimulatedPlacement {
    /// On these CPUs at first.
    pub(crate) fn on(cpus: CpuSet) -> Self {
        Self(Mutex::new(cpus))
    }
}

impl Placement for SimulatedPlacement {
    fn allowed(&self) -> std::io::Result<CpuSet> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn confine(&self, cpus: &CpuSet) -> std::io::Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cpus.clone();
        Ok(())
    }
}

impl Placement for Running {
    fn allowed(&self) -> std::io::Result<CpuSet> {
        self.placement.allowed()
    }

    /// What a burst of instructions on that CPU finds: its clock. Interruptions only lengthen some of the bursts, of which
    /// the best one counts.
    fn true_frequency(&self, cpu: u32) -> Executed {
        let world = self.world();
        match world.cpus.get(&cpu).filter(|cpu| cpu.online).and_then(|cpu| world.policies.get(cpu.policy)) {
            Some(policy) => Executed {
                frequency: Reading::of(Kilohertz(policy.present().khz)),
                counted: Reading::missing(Missing::NotAsked, "a twin's processor has no counters"),
            },
            None => Executed::missing(Missing::Unavailable, format!("CPU {cpu} is offline")),
        }
    }

    fn confine(&self, cpus: &CpuSet) -> std::io::Result<()> {
        let online = self.world().online();
        if !cpus.iter().any(|cpu| online.contains(cpu)) {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, format!("none of CPUs {cpus} is online")));
        }
        self.placement.confine(cpus)
    }
}

fn refused(kind: SysErrorKind, path: &str) -> SysError {
    SysError::new(kind, path, "on the twin")
}

impl Running {
    /// What the script or the capture refuses.
    fn refusal(&self, world: &World, path: &str) -> Option<SysErrorKind> {
        match world.script.forced(path) {
            Some(Forced::Refusal(kind)) => Some(*kind),
            _ => self.captured.refusal(path),
        }
    }
}

impl SysFs for Running {
    fn read(&self, path: &str) -> Result<String, SysError> {
        let mut world = self.world();
        if let Some(kind) = self.refusal(&world, path) {
            return Err(refused(kind, path));
        }
        if let Some(Forced::Text(text)) = world.script.forced(path) {
            return Ok(text.clone());
        }
        match world.index().get(path).cloned() {
            Some(node) => node.read(&world).map_err(|kind| refused(kind, path)),
            None => self.captured.read(path),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SysError> {
        let mut world = self.world();
        if let Some(kind) = self.refusal(&world, path) {
            return Err(refused(kind, path));
        }
        let mut names = world.index().names(path);
        match self.captured.list(path) {
            Ok(captured) => names.extend(captured),
            Err(error) if names.is_empty() => return Err(error),
            Err(_) => {}
        }
        Ok(names.into_iter().collect())
    }

    fn write(&self, path: &str, value: &str) -> Result<(), SysError> {
        let mut world = self.world();
        if let Some(kind) = self.refusal(&world, path) {
            return Err(refused(kind, path));
        }
        let node: Option<files::Node> = world.index().get(path).cloned();
        if node.as_ref().is_some_and(|node| !node.is_writable()) || !world.spec.root {
            let absent = node.is_none() && self.captured.read(path).is_err();
            return Err(refused(if absent { SysErrorKind::NotFound } else { SysErrorKind::Denied }, path));
        }
        if matches!(world.script.forced(path), Some(Forced::WritesIgnored | Forced::Text(_))) {
            return Ok(());
        }
        match node {
            Some(node) => node.write(&mut world, value.trim()).map_err(|kind| refused(kind, path)),
            None => self.captured.write(path, value),
        }
    }

    fn writable(&self, path: &str) -> bool {
        let mut world = self.world();
        if self.refusal(&world, path).is_some() || !world.spec.root {
            return false;
        }
        match world.index().get(path) {
            Some(node) => node.is_writable(),
            None => self.captured.writable(path),
        }
    }
}

impl Commands for Running {
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, SysError> {
        let mut world = self.world();
        let line = std::iter::once(program).chain(arguments.iter().copied()).collect::<Vec<_>>().join(" ");
        if let Some(kind) = self.refusal(&world, &line) {
            return Err(refused(kind, &line));
        }
        match (program, arguments) {
            ("id", ["-u"]) => Ok(if world.spec.root { "0\n" } else { "2000\n" }.into()),
            ("getprop", []) => Ok(android::with_services(self.captured.run("getprop", &[])?, &world)),
            ("stop" | "start" | "setprop" | "settings" | "cmd", _) => match android::run(&mut world, program, arguments) {
                Some(answer) => answer.map_err(|kind| refused(kind, &line)),
                None => self.captured.run(program, arguments),
            },
            ("getprop", [key]) => match android::service_property(&world, key) {
                Some(state) => Ok(format!("{state}\n")),
                None => self.captured.run(program, arguments),
            },
            ("dumpsys", ["battery"]) if world.battery.is_some() => Ok(dumpsys_battery(&world)),
            _ => self.captured.run(program, arguments),
        }
    }
}

/// As Android 9 and later print it; voltages are millivolts, the level is of a scale of 100.
fn dumpsys_battery(world: &World) -> String {
    let Some(battery) = &world.battery else { return String::new() };
    let usb = world.charger.as_ref().is_some_and(|charger| charger.plugged);
    let counter = battery.charge_counter().map(|charge| format!("  Charge counter: {charge}\n")).unwrap_or_default();
    // BatteryManager: 2 charging, 3 discharging, 4 not charging, 5 full.
    let status = match files::battery_status(world) {
        "Charging" => 2,
        "Discharging" => 3,
        "Full" => 5,
        _ => 4,
    };
    format!(
        "Current Battery Service state:\n  AC powered: false\n  USB powered: {usb}\n  Wireless powered: false\n{counter}  \
         status: {status}\n  health: 2\n  present: true\n  level: {}\n  scale: 100\n  voltage: {}\n  \
         temperature: {}\n  technology: Li-ion\n",
        battery.shown_level(),
        (battery.voltage * 1000.0) as i64,
        (world.heat.body * 10.0).round() as i64,
    )
}
