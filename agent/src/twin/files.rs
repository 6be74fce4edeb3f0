//! The files that the physics answers, one kernel interface a file. They are listed anew when CPUs, processes or zones
//! come and go; what each says is computed when it is read.

mod cpu;
mod power_supply;
mod process;
mod thermal;
mod vendor;

use std::collections::{BTreeMap, BTreeSet};

use super::world::World;
use crate::sysfs::SysErrorKind;

/// What answers at a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Cpu(cpu::File),
    Thermal(thermal::File),
    Supply(power_supply::File),
    Process(process::File),
    Vendor(vendor::File),
}

pub(super) use power_supply::status as battery_status;

/// All paths that the physics answers now.
#[derive(Debug)]
pub(super) struct Index(BTreeMap<String, Node>);

impl Index {
    pub(super) fn of(world: &World) -> Self {
        let mut files = BTreeMap::new();
        let mut keep = |path: String, node: Node| {
            files.insert(path, node);
        };
        cpu::list(world, &mut |path, file| keep(path, Node::Cpu(file)));
        thermal::list(world, &mut |path, file| keep(path, Node::Thermal(file)));
        power_supply::list(world, &mut |path, file| keep(path, Node::Supply(file)));
        process::list(world, &mut |path, file| keep(path, Node::Process(file)));
        vendor::list(world, &mut |path, file| keep(path, Node::Vendor(file)));
        Self(files)
    }

    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        self.0.get(path)
    }

    /// Names in a folder.
    pub(super) fn names(&self, folder: &str) -> BTreeSet<String> {
        // The root of the tree has no name.
        let below = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let inner = self.0.range(below.clone()..).map_while(|(path, _)| path.strip_prefix(&below));
        inner.map(|rest| rest.split('/').next().unwrap_or(rest).to_owned()).collect()
    }
}

impl Node {
    /// Its content now.
    pub(super) fn read(&self, world: &World) -> Result<String, SysErrorKind> {
        match self {
            Self::Cpu(file) => file.read(world),
            Self::Thermal(file) => Ok(file.read(world)),
            Self::Supply(file) => Ok(file.read(world)),
            Self::Process(file) => file.read(world),
            Self::Vendor(file) => Ok(file.read(world)),
        }
    }

    /// Writes it; what the kernel answers with EINVAL is [`SysErrorKind::Unavailable`].
    pub(super) fn write(&self, world: &mut World, value: &str) -> Result<(), SysErrorKind> {
        let done = match self {
            Self::Cpu(file) => file.write(world, value),
            Self::Supply(file) => file.write(world, value),
            Self::Vendor(file) => file.write(world, value),
            Self::Thermal(_) | Self::Process(_) => return Err(SysErrorKind::Denied),
        };
        if done { Ok(()) } else { Err(SysErrorKind::Unavailable) }
    }

    /// Whether its mode lets root write it.
    pub(super) fn is_writable(&self) -> bool {
        match self {
            Self::Cpu(file) => file.is_writable(),
            Self::Supply(file) => file.is_writable(),
            Self::Vendor(file) => file.is_writable(),
            Self::Thermal(_) | Self::Process(_) => false,
        }
    }
}
