//! What the agent is built for.

use clap::ValueEnum;

use crate::agent_build::SHIPPED;
use crate::paths;

/// A build of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// One static file for phones and arm64 boards: the built-in engine and engines' own programs
    #[value(name = "aarch64-unknown-linux-musl", alias = "arm64")]
    Arm64Static,
    /// For arm64 Linux with glibc 2.28 or newer: also loads ONNX Runtime and OpenVINO
    #[value(name = "aarch64-unknown-linux-gnu", alias = "arm64-dynamic")]
    Arm64Dynamic,
    /// One static file for 32-bit phones and boards
    #[value(name = "armv7-unknown-linux-musleabihf", alias = "armv7")]
    Armv7Static,
    /// One static file for x86-64 Linux
    #[value(name = "x86_64-unknown-linux-musl", alias = "x86-64")]
    X86Static,
}

impl Target {
    /// As rustc calls it.
    pub fn triple(self) -> &'static str {
        match self {
            Self::Arm64Static => "aarch64-unknown-linux-musl",
            Self::Arm64Dynamic => "aarch64-unknown-linux-gnu",
            Self::Armv7Static => "armv7-unknown-linux-musleabihf",
            Self::X86Static => "x86_64-unknown-linux-musl",
        }
    }

    /// As cargo-zigbuild calls it: with the oldest glibc that it shall run on, which is that of ONNX Runtime's wheels.
    pub fn for_zig(self) -> &'static str {
        match self {
            Self::Arm64Dynamic => "aarch64-unknown-linux-gnu.2.28",
            other => other.triple(),
        }
    }

    /// A static file can load no library.
    pub fn is_static(self) -> bool {
        self != Self::Arm64Dynamic
    }

    /// Features of the agent beside none.
    pub fn features(self) -> &'static str {
        if self.is_static() { "" } else { "onnxruntime,openvino" }
    }

    /// Flags for rustc, for every crate.
    pub fn flags(self, profile: &str) -> Vec<String> {
        // The names of v0 say for which crate a generic function was compiled; `size` counts by them.
        let mut flags = vec!["symbol-mangling-version=v0", "force-unwind-tables=no"];
        if self.is_static() {
            // A fixed address: nothing is relocated at start-up, so no page is written for it, and the file is smaller.
            // zig brings its own start-up files, so none are looked for beside the standard library.
            flags.extend(["relocation-model=static", "link-self-contained=no"]);
        }
        if profile == SHIPPED {
            // LLVM copies a function into its callers up to a size of 225, and 325 where it is marked `#[inline]`, as nearly all of
            // iterators is, also in code that is optimised for size. docs/size.md has what that costs and what it is worth.
            flags.push("llvm-args=-inline-threshold=60 -inlinehint-threshold=75");
        }
        flags.into_iter().flat_map(|flag| ["-C", flag]).map(str::to_owned).collect()
    }

    /// Flags for rustc when it links the agent. Not for every crate: they name a file, and what was built in another clone
    /// must be found again.
    pub fn link_flags(self) -> Vec<String> {
        let script = paths::root().join("crates/xtask/no-unwind.ld");
        if self.is_static() { vec!["-C".to_owned(), format!("link-arg=-Wl,-T,{}", script.display())] } else { Vec::new() }
    }
}
