//! The arm64 agents under user-mode emulation, against a real server: real arm64 code, whose outputs count and whose times
//! do not. `cargo xtask emulated` builds the agents and runs these; `cargo test` alone says SKIPPED.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use benchrack_client::RunQuery;
use benchrack_protocol::api::Run;
use benchrack_protocol::device::{DeviceReport, Reality};
use benchrack_protocol::engine::IntegerKernels;
use benchrack_protocol::model::Precision;
use benchrack_protocol::report::OutputCheck;

use crate::farm::{self, Models, Process, Server};

const STATIC: &str = "aarch64-unknown-linux-musl";
const DYNAMIC: &str = "aarch64-unknown-linux-gnu";
/// Debian's arm64 glibc for cross compilers, in which the dynamic agent and its engine find their libraries.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";

/// Names the folder of built agents, by target.
const AGENTS: &str = "BENCHRACK_EMULATED_AGENTS";
/// What is measured, in both precisions.
const MODEL: &str = "squeezenet-1.1";

/// Hands arm64 programs to QEMU, in namespaces of their own, so that an agent can start its runners and the machine's own
/// settings stay as they are. `F` has the kernel open QEMU now; `P` and `O` keep the program's name and its open file.
/// An arm64 program finds an arm64 `/proc/cpuinfo`, if one is given: QEMU makes it up since version 8.1 only, and ONNX
/// Runtime follows a null pointer while it is loaded when no CPU of that file is an ARM one.
const NAMESPACE: &str = r#"
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc &&
printf '%s' ':benchrack-arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'"$1"':POF' \
    >/proc/sys/fs/binfmt_misc/register &&
if [ -n "$2" ]; then mount --bind "$2" /proc/cpuinfo; fi &&
shift 2 && exec "$@""#;

/// One core of the CPU that is emulated.
const CORE: &str = "BogoMIPS\t: 125.00\nFeatures\t: fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc \
                    dcpop asimddp\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x4\nCPU part\t: 0xd0b\nCPU revision\t: 1\n\n";

/// A built agent and how to run it here.
struct Emulated {
    agent: PathBuf,
    qemu: PathBuf,
    /// What `/proc/cpuinfo` says to it; none for the host's own, as user-mode emulators of old show it.
    cpuinfo: Option<tempfile::NamedTempFile>,
}

impl Emulated {
    /// None, loudly, where no agents were built for these tests; where they were, nothing may be missing.
    fn find(target: &str) -> Option<Self> {
        let Some(folder) = std::env::var_os(AGENTS).map(PathBuf::from) else {
            // Past the capture of the test runner.
            let why = format!("SKIPPED: {AGENTS} names no arm64 agents; `cargo xtask emulated` builds them and runs this\n");
            std::io::stderr().write_all(why.as_bytes()).unwrap();
            return None;
        };
        let agent = folder.join(target).join("benchrack-agent");
        assert!(agent.is_file(), "no arm64 agent at {}", agent.display());
        // QEMU by the name under which Debian's binfmt entries know it: it then expects what the flags hand over.
        let qemu = PathBuf::from("/usr/libexec/qemu-binfmt/aarch64-binfmt-P");
        assert!(qemu.is_file(), "no qemu-user-static; .ci/setup installs it");
        Some(Self { agent, qemu, cpuinfo: None })
    }

    fn with_cpuinfo(self) -> Self {
        let cores = std::thread::available_parallelism().unwrap().get();
        let text: String = (0..cores).map(|core| format!("processor\t: {core}\n{CORE}")).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Self { cpuinfo: Some(file), ..self }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", NAMESPACE, "sh"]).arg(&self.qemu);
        command.arg(self.cpuinfo.as_ref().map_or(Path::new(""), |file| file.path())).arg(&self.agent);
        command.env("QEMU_LD_PREFIX", LIBRARIES).stdin(Stdio::null());
        command
    }

    fn probe(&self) -> DeviceReport {
        let (code, stdout, stderr) = farm::run(self.command().args(["probe", "--json"]));
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str(&stdout).unwrap()
    }

    fn join(&self, server: &Server, data_dir: &Path) -> Process {
        let mut command = self.command();
        command.args(["run", "--server", &server.url(), "--name", "emulated", "--data-dir"]).arg(data_dir);
        Process::start(command.stdout(Stdio::null()))
    }
}

fn models() -> &'static Path {
    static MODELS: LazyLock<Models> = LazyLock::new(|| Models::build(MODEL));
    &MODELS.folder
}

fn add_models(server: &Server) {
    let files = [Precision::Fp32, Precision::Int8].map(|precision| models().join(format!("{MODEL}.{precision}.onnx")));
    let (code, _, stderr) = farm::run(server.command().args(["models", "add", "--quiet"]).args(files));
    assert_eq!(code, 0, "{stderr}");
}

/// Measures the model in both precisions on one engine, and returns what is stored of it: fp32 first.
async fn measured(server: &Server, engine: &str) -> [Run; 2] {
    let suite = format!(
        "name = \"emulated\"\nmodels = [\"{MODEL}\"]\nengines = [\"{engine}\"]\n[plan]\nblocks = 2\nblock_time = 1_000_000\n\
         min_block_samples = 2\nmin_warmup_samples = 1\nmax_warmup_time = 1_000_000\nmax_settle_time = 1_000_000\n"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), suite).unwrap();
    let (code, stdout, stderr) = farm::run(server.command().args(["submit", "--json"]).arg(file.path()));
    assert_eq!(code, 0, "{stderr}");
    let submission: benchrack_protocol::api::Submission = serde_json::from_str(&stdout).unwrap();
    let done = farm::finished(&server.client(), submission.id).await;
    assert!(done.jobs.iter().all(|job| job.state == "done"), "{done:#?}");
    let query = RunQuery { submission: Some(submission.id), ..RunQuery::default() };
    let mut runs = server.client().runs(&query).await.unwrap();
    runs.sort_by_key(|run| run.precision != Precision::Fp32);
    runs.try_into().unwrap()
}

/// The measured outputs are those of the reference, and nothing takes the figures for real ones.
async fn right_and_marked(server: &Server, run: &Run, engine: &str) {
    assert!(run.failure.is_none(), "{run:#?}");
    assert_eq!(run.reality, Reality::Emulated);
    let measurement = server.client().measurement(run.id).await.unwrap();
    let OutputCheck::Compared { outputs } = &measurement.outputs else { panic!("{:#?}", measurement.outputs) };
    assert!(!outputs.is_empty() && outputs.iter().all(|(_, comparison)| comparison.within), "{outputs:#?}");
    assert_eq!(measurement.engine.engine, engine);
    let samples: usize = measurement.blocks.iter().map(|block| block.samples.len()).sum();
    assert!(samples >= 4, "{samples}");
    for page in
        [format!("/runs/{}", run.id), format!("/sessions/{}", run.session), format!("/devices/{}", run.device), "/".into()]
    {
        assert!(server.page(&page).contains("emulated"), "{page} does not say that its figures are emulated");
    }
}

#[tokio::test]
async fn the_static_agent_measures_rightly_and_is_marked_everywhere() {
    let Some(emulated) = Emulated::find(STATIC) else { return };
    let _cores = farm::CORES.read().await;
    assert_eq!(emulated.probe().reality, Reality::Emulated);
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 600);
    add_models(&server);
    let _agent = emulated.join(&server, &folder.path().join("agent"));
    farm::registered(&server.client()).await;
    let device = server.client().devices().await.unwrap().remove(0);
    assert_eq!((device.reality, device.report.reality), (Reality::Emulated, Reality::Emulated));

    let [fp32, int8] = measured(&server, "tract").await;
    right_and_marked(&server, &fp32, "tract").await;
    right_and_marked(&server, &int8, "tract").await;
    let evidence = server.client().measurement(int8.id).await.unwrap().engine;
    assert_eq!(evidence.integer_kernels, IntegerKernels::All, "{evidence:#?}");
}

#[tokio::test]
async fn the_dynamic_agent_runs_onnx_runtimes_arm64_library() {
    let Some(emulated) = Emulated::find(DYNAMIC).map(Emulated::with_cpuinfo) else { return };
    let _cores = farm::CORES.read().await;
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 600);
    add_models(&server);
    let mut fetch = server.command();
    let (code, _, stderr) = farm::run(fetch.args(["engines", "fetch", "onnxruntime", "--target", "aarch64-linux-gnu"]));
    assert_eq!(code, 0, "{stderr}");
    let _agent = emulated.join(&server, &folder.path().join("agent"));
    farm::registered(&server.client()).await;
    let library = server.client().engines().await.unwrap().remove(0).build;
    assert_eq!(library.target, "aarch64-linux-gnu");
    let [fp32, int8] = measured(&server, "onnxruntime").await;
    for run in [&fp32, &int8] {
        right_and_marked(&server, run, "onnxruntime").await;
        assert_eq!(server.client().measurement(run.id).await.unwrap().engine.version, library.version);
    }
    let evidence = server.client().measurement(int8.id).await.unwrap().engine;
    assert_eq!(evidence.integer_kernels, IntegerKernels::All, "{evidence:#?}");
}
