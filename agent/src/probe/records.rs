//! What a capture holds beside the device's tree: logs, tables, and trees of other moments. A live device has none.

use super::battery_table::{self, BatteryTable};
use crate::device::Device;
use crate::sysfs::{SysError, SysFs};

/// What was found.
#[derive(Debug, Default)]
pub struct Records<'a> {
    /// `healthd.txt`.
    pub healthd: String,
    /// `kernel-battery.txt`.
    pub kernel: String,
    /// Tables of a battery by file name.
    pub tables: Vec<(String, BatteryTable)>,
    /// Trees of moments by folder name.
    pub trees: Vec<(String, Tree<'a>)>,
}

/// Looks beside the tree of a captured device.
pub fn read(device: &Device) -> Records<'_> {
    let fs = device.sysfs.as_ref();
    if device.compiled_for.is_some() {
        return Records::default();
    }
    let names = fs.list("").unwrap_or_default();
    let text = |name: &str| fs.read(name).unwrap_or_default();
    let tables = names.iter().filter(|name| name.ends_with(".tsv"));
    // `proc/sys` is part of the tree itself.
    let trees = names.iter().filter(|name| *name != "proc" && fs.list(&format!("{name}/sys")).is_ok());
    Records {
        healthd: text("healthd.txt"),
        kernel: text("kernel-battery.txt"),
        tables: tables.filter_map(|name| Some((name.clone(), battery_table::parse(&text(name))?))).collect(),
        trees: trees.map(|name| (name.clone(), Tree { fs, folder: name.clone() })).collect(),
    }
}

/// A tree below a folder of another.
pub struct Tree<'a> {
    fs: &'a dyn SysFs,
    folder: String,
}

impl std::fmt::Debug for Tree<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tree").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl SysFs for Tree<'_> {
    fn read(&self, path: &str) -> Result<String, SysError> {
        self.fs.read(&format!("{}/{path}", self.folder))
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SysError> {
        self.fs.list(&format!("{}/{path}", self.folder))
    }

    fn write(&self, path: &str, value: &str) -> Result<(), SysError> {
        self.fs.write(&format!("{}/{path}", self.folder), value)
    }

    fn writable(&self, path: &str) -> bool {
        self.fs.writable(&format!("{}/{path}", self.folder))
    }
}
