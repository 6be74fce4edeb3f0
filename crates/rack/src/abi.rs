//! Which agent runs on which phone.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use goblin::elf::header::{EM_AARCH64, EM_ARM, EM_X86_64};
use sha2::{Digest, Sha256};

/// What a phone's programs are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Abi {
    /// 64-bit ARM.
    Arm64,
    /// 32-bit ARM with NEON.
    Armv7,
    /// 64-bit x86: boards, and phones in emulators.
    X86_64,
}

impl Abi {
    /// From `ro.product.cpu.abi`, or from `uname -m` where that says nothing. A 64-bit kernel can carry a 32-bit system, so
    /// the property wins.
    pub fn of(property: &str, machine: &str) -> Option<Self> {
        let by_property = match property.trim() {
            "arm64-v8a" => Some(Self::Arm64),
            "armeabi-v7a" => Some(Self::Armv7),
            "x86_64" => Some(Self::X86_64),
            _ => None,
        };
        by_property.or_else(|| {
            if !property.trim().is_empty() {
                return None;
            }
            match machine.trim() {
                "aarch64" => Some(Self::Arm64),
                "armv7l" | "armv8l" => Some(Self::Armv7),
                "x86_64" => Some(Self::X86_64),
                _ => None,
            }
        })
    }

    /// The target of its static agent: the folder's name in what `cargo xtask agent-build` makes.
    pub fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-musl",
            Self::Armv7 => "armv7-unknown-linux-musleabihf",
            Self::X86_64 => "x86_64-unknown-linux-musl",
        }
    }

    fn machine(self) -> u16 {
        match self {
            Self::Arm64 => EM_AARCH64,
            Self::Armv7 => EM_ARM,
            Self::X86_64 => EM_X86_64,
        }
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arm64 => "arm64",
            Self::Armv7 => "armv7",
            Self::X86_64 => "x86-64",
        })
    }
}

/// An agent to deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentFile {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 in hexadecimal, as `sha256sum` prints it.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// A folder holds no agent for a phone, or none that can be right.
#[derive(Debug, thiserror::Error)]
pub enum AgentFileError {
    /// It cannot be read.
    #[error("cannot read the agent for {abi} at {}; build it with `cargo xtask agent-build --target {abi}` and name its folder with --agents", path.display())]
    Read {
        /// For what.
        abi: Abi,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{} is no agent for {abi}: {why}", path.display())]
    Wrong {
        /// For what.
        abi: Abi,
        /// Where.
        path: PathBuf,
        /// What it is.
        why: String,
    },
}

/// A folder with agents, `TARGET/benchrack-agent` as `cargo xtask agent-build` makes it.
#[derive(Debug, Clone)]
pub struct Agents {
    folder: PathBuf,
}

impl Agents {
    /// This folder.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The agent for such a phone, hashed now: a new build is noticed at the next look.
    ///
    /// # Errors
    /// When there is none, or one for something else.
    pub fn of(&self, abi: Abi) -> Result<AgentFile, AgentFileError> {
        let path = self.folder.join(abi.target()).join("benchrack-agent");
        let unreadable = |source| AgentFileError::Read { abi, path: path.clone(), source };
        let mut file = std::fs::File::open(&path).map_err(unreadable)?;
        let (mut hash, mut size, mut head) = (Sha256::new(), 0, Vec::new());
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(error)),
            };
            let part = buffer.get(..count).unwrap_or_default();
            if size == 0 {
                head.extend_from_slice(part);
            }
            hash.update(part);
            size += count as u64;
        }
        fits(abi, &head).map_err(|why| AgentFileError::Wrong { abi, path: path.clone(), why })?;
        Ok(AgentFile { path, sha256: hex::encode(hash.finalize()), size })
    }
}

/// Whether the head of an ELF file is that of a program for this.
fn fits(abi: Abi, head: &[u8]) -> Result<(), String> {
    let header = goblin::elf::Elf::parse_header(head).map_err(|error| format!("it is no ELF file: {error}"))?;
    if header.e_machine == abi.machine() {
        Ok(())
    } else {
        Err(format!("it is built for {}", goblin::elf::header::machine_to_str(header.e_machine)))
    }
}

/// The folder beside a program where agents are looked for first: `agents/dist` next to the build's own folder
/// (`target/release/benchrack` has `target/agents/dist`), else `agents` beside the program.
pub fn usual_folder(program: &Path) -> PathBuf {
    let beside = program.parent().unwrap_or(Path::new("."));
    let built = beside.parent().map(|target| target.join("agents/dist")).filter(|folder| folder.is_dir());
    built.unwrap_or_else(|| beside.join("agents"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_property_wins_over_the_kernels_machine() {
        assert_eq!(Abi::of("arm64-v8a\n", "aarch64"), Some(Abi::Arm64));
        assert_eq!(Abi::of("armeabi-v7a", "aarch64"), Some(Abi::Armv7), "a 32-bit system on a 64-bit kernel");
        assert_eq!(Abi::of("", "x86_64"), Some(Abi::X86_64));
        assert_eq!(Abi::of("riscv64", "riscv64"), None);
        assert_eq!(Abi::of("mips", "aarch64"), None, "a system that says something else is not guessed at");
    }

    #[test]
    fn an_agent_is_hashed_and_must_be_built_for_the_phone() {
        let folder = tempfile::tempdir().unwrap();
        let agents = Agents::in_folder(folder.path());
        assert!(matches!(agents.of(Abi::X86_64), Err(AgentFileError::Read { .. })));
        let here = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let ours = if cfg!(target_arch = "x86_64") { Abi::X86_64 } else { Abi::Arm64 };
        let other = if ours == Abi::X86_64 { Abi::Arm64 } else { Abi::X86_64 };
        for abi in [ours, other] {
            std::fs::create_dir_all(folder.path().join(abi.target())).unwrap();
            std::fs::write(folder.path().join(abi.target()).join("benchrack-agent"), &here).unwrap();
        }
        let agent = agents.of(ours).unwrap();
        assert_eq!((agent.size, agent.sha256), (here.len() as u64, hex::encode(Sha256::digest(&here))));
        let error = agents.of(other).unwrap_err().to_string();
        assert!(error.contains("built for"), "{error}");
        std::fs::write(folder.path().join(ours.target()).join("benchrack-agent"), b"#!/bin/sh\n").unwrap();
        assert!(agents.of(ours).unwrap_err().to_string().contains("no ELF file"));
    }
}
