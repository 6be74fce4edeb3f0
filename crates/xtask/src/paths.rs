//! Where things are: the project, cargo's results, and the folder that outlives a clone.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The project's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Cargo's results: where this very program was built.
pub fn target() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    // target/PROFILE/xtask
    program.ancestors().nth(2).map(Path::to_owned).context("this program lies in no target folder")
}

/// Finished agents of one profile, by target.
pub fn agents(profile: &str) -> anyhow::Result<PathBuf> {
    Ok(target()?.join("agents").join(profile))
}

/// Downloads, compilers and standard libraries: the cache folder of CI, so that a new clone finds them.
pub fn cache() -> anyhow::Result<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = match named("BENCHRACK_CI_CACHE") {
        Some(folder) => folder,
        None => named("XDG_CACHE_HOME")
            .or_else(|| named("HOME").map(|home| home.join(".cache")))
            .context("neither BENCHRACK_CI_CACHE nor HOME is set: no place for downloads")?
            .join("benchrack-ci"),
    };
    let folder = folder.join("cross");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    folder.canonicalize().with_context(|| format!("cannot resolve {}", folder.display()))
}
