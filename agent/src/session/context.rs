//! What a session is given: the device, what is known of it, and where files are.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use benchrack_protocol::api::Heartbeat;
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::{FailureReason, InputFile};
use benchrack_protocol::session::Subject;

use super::detached::Cable;
use super::subject::Files;
use crate::device::Device;
use crate::knobs::Asked;

/// Hears how far a session is.
pub type Observer<'a> = &'a (dyn Fn(Heartbeat) + Send + Sync);

/// Where the file of a model or of an engine's build is, or why there is none.
pub type Artifacts = BTreeMap<ArtifactId, Result<PathBuf, String>>;

/// What a session needs to know and to have.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The device.
    pub device: &'a Device,
    /// What the probes found of it.
    pub known: &'a DeviceReport,
    /// Files of the models and of the engines' builds, by digest; the folder of a build of several files.
    pub artifacts: &'a Artifacts,
    /// Inputs whose values come from files, for every subject.
    pub inputs: &'a [InputFile],
    /// Knobs to turn beside those of the operating point.
    pub asked: &'a [Asked],
    /// Folder for the journal of changed knobs; must be writable before a clock is pinned.
    pub state_folder: &'a Path,
    /// Bytes of address space that a runner may use; none for no limit.
    pub address_space: Option<u64>,
    /// The cable, where a rack can cut its power for the energy pass.
    pub cable: Option<&'a Cable>,
    /// Hears how far it is.
    pub observer: Observer<'a>,
}

/// CPUs that are online now; by our own affinity where the kernel does not list them.
pub(super) fn online(context: Context<'_>) -> Result<CpuSet, Failure> {
    let listed = crate::probe::topology::cpu_list(context.device.sysfs.as_ref(), "online");
    match listed.value() {
        Some(cpus) if !cpus.is_empty() => Ok(cpus.clone()),
        _ => context.device.placement.allowed().map_err(|error| Failure {
            reason: FailureReason::OperatingPointImpossible,
            detail: format!("cannot tell which CPUs are online: {error}"),
        }),
    }
}

/// A thread's stack and its allocator's arena take address space, not memory.
pub(super) fn room(address_space: Option<u64>, threads: u16) -> Option<u64> {
    const PER_THREAD: u64 = 192 << 20;
    address_space.map(|bytes| bytes.saturating_add(PER_THREAD.saturating_mul(u64::from(threads))))
}

/// Where a subject's model and its engine are.
pub(super) fn files<'a>(subject: &Subject, context: Context<'a>) -> Result<Files<'a>, Failure> {
    let find = |id: &ArtifactId| match context.artifacts.get(id) {
        Some(Ok(path)) => Ok(path),
        Some(Err(why)) => Err(unavailable(why.clone())),
        None => Err(unavailable(format!("nobody fetched {id}"))),
    };
    let engine = &subject.engine;
    let library = match (engine.build.as_ref().map(find).transpose()?, &engine.entry) {
        (Some(folder), Some(entry)) => {
            let inside = Path::new(entry).components().all(|part| matches!(part, Component::Normal(_)));
            if !inside || entry.is_empty() {
                return Err(unavailable(format!("the entry '{entry}' of engine {} leads out of its build", engine.name)));
            }
            Some(folder.join(entry))
        }
        (library, _) => library.cloned(),
    };
    Ok(Files { model: find(&subject.manifest.artifact)?, library, inputs: context.inputs })
}

fn unavailable(detail: String) -> Failure {
    Failure { reason: FailureReason::ArtifactUnavailable, detail }
}
