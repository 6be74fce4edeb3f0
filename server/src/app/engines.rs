//! Builds of engines: added by people, chosen for each device by what its agent runs on.

use benchrack_protocol::adapter::Adapter;
use benchrack_protocol::api::{Device, Engine};
use benchrack_protocol::engine::{BUILT_IN_ENGINE, EngineBuild, EngineRef};

use super::{App, check_text};
use crate::db;
use crate::refusal::Refusal;

/// Longest name, version or target.
const LONGEST: usize = 60;

impl App {
    /// Adds a build of an engine, or finds it again.
    ///
    /// # Errors
    /// Unknown artifact; a build that makes no sense, with the field.
    pub async fn add_engine(&self, build: &EngineBuild) -> Result<Engine, Refusal> {
        check(build)?;
        let Some(artifact) = build.engine.build else {
            return Err(Refusal::invalid("engine.build is missing: upload the library or program and give its SHA-256"));
        };
        match db::artifacts::size(self.db(), artifact).await? {
            None => Err(Refusal::unknown_reference(format!(
                "engine.build: {artifact} is not stored here; upload it first with PUT /api/v1/artifacts/{artifact}"
            ))),
            Some(size) if size != build.size => {
                Err(Refusal::invalid(format!("size is {} bytes, the stored file has {}", build.size.0, size.0)))
            }
            Some(_) => {
                let engine = db::engines::add(self.db(), build, artifact, self.now()).await?;
                let EngineBuild { version, target, .. } = build;
                tracing::info!(engine.id = %engine.id, name = build.engine.name, version, target, "engine build added");
                Ok(engine)
            }
        }
    }

    /// All builds of engines, by name, newest first.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn engines(&self) -> Result<Vec<Engine>, Refusal> {
        Ok(db::engines::list(self.db()).await?)
    }
}

fn check(build: &EngineBuild) -> Result<(), Refusal> {
    let wrong = |text: String| Err(Refusal::invalid(text));
    let EngineRef { name, entry, adapter, .. } = &build.engine;
    for (field, text) in [("engine.name", name), ("version", &build.version), ("target", &build.target)] {
        check_text(field, text, LONGEST)?;
        // Suites write `name@version` in lists, and addresses carry the name.
        if text.chars().any(|c| c.is_whitespace() || matches!(c, '@' | '*' | '/' | ',' | '=')) {
            return wrong(format!("{field} is '{text}': no white space, '@', '*', '/', ',' or '='"));
        }
    }
    if name == BUILT_IN_ENGINE {
        return wrong(format!("engine.name is '{name}', the engine inside every agent: choose another name for a build of it"));
    }
    if build.target.split('-').filter(|part| !part.is_empty()).count() < 3 {
        return wrong(format!("target is '{}': architecture, system and C library, such as x86_64-linux-gnu", build.target));
    }
    check_text("licence", &build.licence, 200)?;
    check_text("origin", &build.origin, 300)?;
    if build.installed_size.0 == 0 {
        return wrong("installed_size is 0: an app ships at least a byte of an engine".into());
    }
    if let Some(entry) = entry {
        check_text("engine.entry", entry, 300)?;
        if entry.starts_with('/') || entry.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return wrong(format!("engine.entry is '{entry}': a path inside the archive, such as lib/libengine.so"));
        }
    }
    adapter.as_ref().map_or(Ok(()), check_adapter)
}

fn check_adapter(adapter: &Adapter) -> Result<(), Refusal> {
    let wrong = |text: &str| Err(Refusal::invalid(format!("engine.adapter.{text}")));
    if !adapter.arguments.iter().any(|argument| argument.contains("{model}")) {
        return wrong("arguments have no {model}: the program would not know what to run");
    }
    if adapter.formats.is_empty() {
        return wrong("formats are empty: say which model files the program takes");
    }
    if adapter.figures.is_empty() {
        return wrong("figures are empty: say what the program prints");
    }
    Ok(())
}

/// A device and what its agent runs on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host<'a> {
    pub(super) device: &'a Device,
    /// Target of its agent.
    pub(super) target: &'a str,
}

/// An engine as suites and gates name it: `onnxruntime`, or `onnxruntime@1.32.0` for one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Wanted<'a> {
    name: &'a str,
    version: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        match text.split_once('@') {
            Some((name, version)) => Self { name, version: Some(version) },
            None => Self { name: text, version: None },
        }
    }

    fn means(&self, build: &EngineBuild) -> bool {
        build.engine.name == self.name && self.version.is_none_or(|version| version == build.version)
    }

    /// Whether there is such an engine for any device; `at` is the field that names it.
    pub(super) fn check(&self, at: &str, known: &[Engine]) -> Result<(), Refusal> {
        let unknown = |text: String| Err(Refusal::unknown_reference(format!("{at}: {text}")));
        match (self.name == BUILT_IN_ENGINE, self.version) {
            (true, None) => return Ok(()),
            (true, Some(version)) => {
                return unknown(format!(
                    "{BUILT_IN_ENGINE} has no builds to choose {version} from; it has the version of the agent that runs it"
                ));
            }
            (false, _) if known.iter().any(|engine| self.means(&engine.build)) => return Ok(()),
            (false, _) => {}
        }
        let builds = known.iter().map(|engine| &engine.build).filter(|build| build.engine.name == self.name);
        let mut versions: Vec<String> = builds.map(|build| format!("{} for {}", build.version, build.target)).collect();
        versions.dedup();
        if let (Some(version), false) = (self.version, versions.is_empty()) {
            return unknown(format!("there is no build {version} of {}; known are {}", self.name, versions.join(", ")));
        }
        let mut names: Vec<&str> = known.iter().map(|engine| engine.build.engine.name.as_str()).collect();
        names.dedup();
        names.insert(0, BUILT_IN_ENGINE);
        unknown(format!(
            "'{}' is unknown; known are {}; add one with `benchrack engines add`, or ONNX Runtime with `benchrack engines fetch onnxruntime`",
            self.name,
            names.join(", ")
        ))
    }

    /// The newest build that runs on this device; none where there is none.
    pub(super) fn on(&self, host: Host<'_>, known: &[Engine]) -> Option<EngineRef> {
        if self.name == BUILT_IN_ENGINE {
            return Some(EngineRef::built_in());
        }
        let fitting = known.iter().filter(|engine| self.means(&engine.build) && runs_on(&engine.build, host));
        fitting.max_by_key(|engine| (engine.added_at, engine.id)).map(|engine| engine.build.engine.clone())
    }
}

impl std::fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// Whether a build runs beside this agent. A library is loaded into the agent's own kind of process; a program only needs
/// a system with its C library, and a static one not even that.
fn runs_on(build: &EngineBuild, host: Host<'_>) -> bool {
    if build.target == host.target {
        return true;
    }
    let program = build.engine.adapter.is_some();
    let same_machine = architecture(&build.target) == architecture(host.target);
    let android = host.device.report.identity.os == "android";
    let has_library = match build.target.rsplit('-').next() {
        Some("musl") => true,
        Some("bionic" | "android") => android,
        _ => !android,
    };
    program && same_machine && has_library
}

fn architecture(target: &str) -> &str {
    target.split('-').next().unwrap_or(target)
}
