//! The recipes of docs/ci.md: their commands, taken out of the file, against a server and an agent.

use std::process::Command;

use benchrack_protocol::api::{GateOutcome, Verdict};
use benchrack_zoo::Architecture;
use benchrack_zoo::architectures::{Head, Kernel, trunk};
use benchrack_zoo::generate::{Generated, generate};
use benchrack_zoo::graph::{Graph, GraphError};

use crate::farm::{self, Server};

const DOCUMENT: &str = include_str!("../../../../docs/ci.md");

/// The `benchrack` commands of the recipe below this heading, each with its continuation lines.
fn commands(heading: &str) -> Vec<String> {
    let recipe = DOCUMENT.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no recipe {heading}"));
    let recipe = recipe.split("\n## ").next().unwrap();
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in recipe.lines().map(str::trim) {
        if goes_on {
            let last = commands.last_mut().unwrap();
            last.push('\n');
            last.push_str(line);
        } else if line.starts_with("benchrack ") {
            commands.push(line.to_owned());
        } else {
            continue;
        }
        goes_on = line.ends_with('\\');
    }
    assert!(!commands.is_empty(), "{heading} has no commands");
    commands
}

/// A model that loads quickly in an unoptimised build, and a real one.
fn model(graph: fn() -> Result<Graph, GraphError>) -> Generated {
    let architecture = Architecture { name: "app", family: "app", variant: "test", graph, published: &[], notes: &[] };
    let [fp32, _] = generate(&architecture, 1).unwrap();
    fp32
}

/// A checkout of a project that ships a model, and its farm.
struct Project {
    folder: tempfile::TempDir,
    server: Server,
    _agent: farm::Process,
}

impl Project {
    async fn new() -> Self {
        let folder = farm::folder();
        let server = Server::start(&folder.path().join("server"), 60);
        let agent = farm::agent(&server.url(), &folder.path().join("agent"));
        farm::registered(&server.client()).await;
        for name in ["build", "config", "bin"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_benchrack"), folder.path().join("bin/benchrack")).unwrap();
        Self { folder, server, _agent: agent }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// What `make build/app.onnx` of the recipes leaves.
    fn builds(&self, model: &Generated) {
        std::fs::write(self.path("build/app.onnx"), &model.bytes).unwrap();
        std::fs::write(self.path("build/app.json"), serde_json::to_string(&model.manifest).unwrap()).unwrap();
    }

    fn budget(&self, limit: &str) {
        let text =
            format!("[[budget]]\nmetric = \"model_size\"\nlimit = \"{limit}\"\nreason = \"download\"\nowner = \"release\"\n");
        std::fs::write(self.path("config/budgets.toml"), text).unwrap();
    }

    /// What a build server does with a command.
    fn run(&self, command: &str, settings: &[(&str, &str)]) -> (i32, String, String) {
        let mut shell = Command::new("sh");
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        shell.args(["-c", command]).current_dir(self.folder.path()).env("PATH", path);
        for name in ["BENCHRACK_TOKEN", "BENCHRACK_TOKEN_FILE", "GITHUB_SHA"] {
            shell.env_remove(name);
        }
        shell.env("BENCHRACK_SERVER", self.server.url()).envs(settings.iter().copied());
        farm::run(shell.stdin(std::process::Stdio::null()))
    }

    /// Asks until the evidence allows a verdict: somebody else may be at work on this machine.
    fn gate(&self, command: &str, settings: &[(&str, &str)], expected: i32) -> (String, String) {
        const ATTEMPTS: usize = 5;
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            let (code, stdout, stderr) = self.run(command, settings);
            if code == expected {
                return (stdout, stderr);
            }
            last = format!("{code}: {stdout}{stderr}");
            assert_eq!(code, 3, "{command}: expected {expected}, got {last}");
        }
        panic!("{command}: no verdict in {ATTEMPTS} attempts, the last one: {last}");
    }
}

/// How small a change this machine can tell is not what is tested: the models lie far apart. The time is only a bound; a
/// gate ends when it is sure.
const WIDE: &[(&str, &str)] = &[("TOLERANCE", "50%"), ("BUDGET_TIME", "120s")];

#[tokio::test]
async fn the_recipes_accept_and_reject_as_they_say() {
    let _cores = farm::CORES.write().await;
    let project = Project::new().await;
    let small = model(|| trunk(Kernel::Square, Head::GlobalAveragePool, 64, 10));
    // Four times the multiply-adds with the same weights.
    let large = model(|| trunk(Kernel::Square, Head::GlobalAveragePool, 128, 10));

    let github = commands("GitHub Actions");
    let [gate, verify, add] = github.as_slice() else { panic!("{github:#?}") };
    project.budget("1 GB");
    project.builds(&small);
    let (code, _, stderr) = project.run(gate, WIDE);
    assert!(code == 2 && stderr.contains("the farm has no app fp32"), "{code} {stderr}");
    let (code, _, stderr) = project.run(add, &[]);
    assert_eq!(code, 0, "{stderr}");

    // The same model, then a comment made of the receipt.
    let (stdout, _) = project.gate(gate, WIDE, 0);
    assert!(stdout.starts_with("::notice title=benchrack gate%3A not slower::"), "{stdout}");
    let (code, _, stderr) = project.run(verify, &[]);
    assert_eq!(code, 0, "{stderr}");
    let comment = std::fs::read_to_string(project.path("comment.md")).unwrap();
    assert!(comment.contains("benchrack gate: not slower") && comment.contains("| latency |"), "{comment}");

    // Too little time to tell.
    let (code, stdout, stderr) = project.run(gate, &[("TOLERANCE", "50%"), ("BUDGET_TIME", "1ms")]);
    assert_eq!(code, 3, "{stdout}{stderr}");
    assert!(stdout.starts_with("::warning title=benchrack gate%3A inconclusive::inconclusive"), "{stdout}");

    // Over budget although it is no slower.
    project.budget("1 kB");
    let (stdout, _) = project.gate(gate, WIDE, 1);
    assert!(stdout.contains("::error title=benchrack gate%3A over budget::"), "{stdout}");
    project.budget("1 GB");

    // Fast and wrong.
    let mut wrong = small;
    wrong.manifest.references[0].values.iter_mut().for_each(|value| *value = 5.0 - *value);
    project.builds(&wrong);
    let (stdout, _) = project.gate(gate, WIDE, 1);
    assert!(stdout.contains("::error title=benchrack gate%3A wrong outputs::"), "{stdout}");

    // Slower, by the other two recipes.
    project.builds(&large);
    for heading in ["GitLab", "Jenkins"] {
        let recipe = commands(heading);
        let [gate] = recipe.as_slice() else { panic!("{recipe:#?}") };
        project.gate(gate, WIDE, 1);
        let report = std::fs::read_to_string(project.path("gate.xml")).unwrap();
        assert!(report.contains("<testsuite ") && report.contains("type=\"slower\""), "{report}");
        let (code, stdout, stderr) = project.run("benchrack verify gate.receipt --json", &[]);
        assert_eq!(code, 0, "{stderr}");
        let verified: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        let outcome: GateOutcome = serde_json::from_value(verified["outcome"].clone()).unwrap();
        assert_eq!(outcome.verdict, Verdict::Slower, "{outcome:#?}");
    }

    // A receipt that somebody has mended a little.
    let receipt = std::fs::read_to_string(project.path("gate.receipt")).unwrap();
    std::fs::write(project.path("gate.receipt"), receipt.replacen("slower", "faster", 1)).unwrap();
    let (code, _, stderr) = project.run("benchrack verify gate.receipt", &[]);
    assert!(code == 1 && stderr.contains("is not genuine"), "{code} {stderr}");
}

#[test]
fn the_codes_of_the_document_are_those_of_the_program() {
    let (code, stdout, _) = farm::run(farm::benchrack().args(["gate", "--help"]));
    assert_eq!(code, 0);
    for code in 0..5 {
        assert!(DOCUMENT.contains(&format!("\n| {code} | ")), "{code} in the document");
        assert!(stdout.contains(&format!("\n  {code}  ")), "{code} in {stdout}");
    }
}
