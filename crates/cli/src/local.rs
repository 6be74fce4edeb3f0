//! This machine as a device: one session without a server.

use std::path::PathBuf;

use benchrack_agent::command::{RunnerProgram, this_device};
use benchrack_agent::config::{Config, default_data_dir};
use benchrack_agent::device::Device;
use benchrack_agent::session::{self, Artifacts, Context, Observer};
use benchrack_agent::work::take_for_one_session;
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::session::{Frequency, SessionSpec};
use benchrack_protocol::signature::SecretKey;

use crate::exit::{Blame, Failure, usage};

/// How this program starts itself as a runner.
pub fn runner_program() -> Result<RunnerProgram, Failure> {
    let path = std::env::current_exe().infrastructure("cannot find this program's own file")?;
    Ok(RunnerProgram { path, args: vec!["agent".into(), "runner".into()] })
}

/// The key under which this machine registers.
pub fn device_key() -> String {
    this_device(&Device::live()).identity.key
}

/// The key with which this machine signs what it measures without a server.
pub fn signing_key() -> Result<SecretKey, Failure> {
    let folder = state_folder()?;
    benchrack_agent::work::signing_key(&folder).infrastructure(format!("cannot use the signing key in {}", folder.display()))
}

fn state_folder() -> Result<PathBuf, Failure> {
    let folder = default_data_dir().ok_or_else(|| usage("no folder for the journal of clocks: set HOME"))?;
    std::fs::create_dir_all(&folder).infrastructure(format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Measures here and now. Dropping the future ends the runners and restores the clocks.
pub async fn session(
    spec: SessionSpec,
    files: impl IntoIterator<Item = (ArtifactId, PathBuf)>,
    observer: Observer<'_>,
) -> Result<SessionReport, Failure> {
    let program = runner_program()?;
    let artifacts: Artifacts = files.into_iter().map(|(id, file)| (id, Ok(file))).collect();
    let state_folder = state_folder()?;
    let device = Device::live();
    let turns_knobs = spec.operating_point.frequency != Frequency::Unpinned;
    let _taken = take_for_one_session(&state_folder, &device, turns_knobs)
        .infrastructure("the folder of the agent's files cannot be used for a session")?;
    let known = this_device(&device);
    let context = Context {
        device: &device,
        known: &known,
        artifacts: &artifacts,
        inputs: &[],
        asked: &[],
        state_folder: &state_folder,
        address_space: Config::default().address_space(),
        cable: None,
        observer,
    };
    Ok(session::run(session::new_report_id(), spec, context, &program).await)
}
