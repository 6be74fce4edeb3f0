//! Packages of another release or architecture of Debian, unpacked into a folder. The system's own apt and dpkg are read,
//! for the mirror and its keys, and never changed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::run;

/// Debian's key ring, which signs all releases.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Some releases for one architecture, with package lists of their own.
pub struct Debian {
    folder: PathBuf,
}

impl Debian {
    /// Opens it below the cache folder; the package lists are fetched once, and again by [`Debian::refresh`].
    pub fn open(cache: &Path, releases: &[&str], architecture: &str) -> anyhow::Result<Self> {
        run::need(&[("apt-get", "apt"), ("dpkg-deb", "dpkg")])?;
        let folder = cache.join(format!("apt-{architecture}-{}", releases.join("-")));
        let debian = Self { folder };
        for part in ["lists/partial", "archives/partial", "parts"] {
            run::folder(&debian.folder.join(part))?;
        }
        let mirror = mirror()?;
        let sources: String =
            releases.iter().map(|release| format!("deb [signed-by={KEYS}] {mirror} {release} main\n")).collect();
        run::write(&debian.folder.join("status"), "")?;
        run::write(&debian.folder.join("sources.list"), sources)?;
        run::write(&debian.configuration(), configuration(&debian.folder, architecture))?;
        if !debian.folder.join("fetched").exists() {
            debian.refresh()?;
        }
        Ok(debian)
    }

    /// Fetches the package lists.
    pub fn refresh(&self) -> anyhow::Result<()> {
        run::run(self.apt("apt-get").args(["-qq", "update"]))?;
        run::write(&self.folder.join("fetched"), "")
    }

    /// Versions of a package, the newest release of those asked for first.
    pub fn versions(&self, package: &str) -> anyhow::Result<Vec<String>> {
        let table = run::output(self.apt("apt-cache").args(["madison", package]))?;
        Ok(table.lines().filter_map(|row| Some(row.split('|').nth(1)?.trim().to_owned())).collect())
    }

    /// Fetches packages, `NAME` or `NAME=VERSION`, checked against the release's signature, and unpacks them there.
    pub fn unpack(&self, packages: &[impl AsRef<OsStr>], into: &Path) -> anyhow::Result<()> {
        let downloads = tempfile::tempdir_in(self.folder.join("archives")).context("cannot make a folder for packages")?;
        run::run(self.apt("apt-get").current_dir(downloads.path()).args(["-qq", "download"]).args(packages))?;
        run::folder(into)?;
        let files = std::fs::read_dir(downloads.path()).context("cannot list the packages")?;
        for file in files {
            let file = file.context("cannot list the packages")?.path();
            run::run(
                Command::new("sh")
                    .arg("-c")
                    .arg(r#"dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink"#)
                    .args([OsStr::new("sh"), file.as_os_str(), into.as_os_str()]),
            )
            .with_context(|| format!("cannot unpack {}", file.display()))?;
        }
        Ok(())
    }

    /// A package and all that it needs to run, by name.
    pub fn with_dependencies(&self, package: &str) -> anyhow::Result<Vec<String>> {
        let plan = run::output(self.apt("apt-get").args(["-qq", "--simulate", "install", package]))?;
        let names = plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next());
        Ok(names.map(str::to_owned).collect())
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("apt.conf")
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.configuration());
        command
    }
}

/// The mirror that the system uses.
fn mirror() -> anyhow::Result<String> {
    let targets = run::output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(SITE)",
        "Created-By: Packages",
        "Label: Debian",
    ]))?;
    match targets.lines().find(|site| !site.contains("security")) {
        Some(site) => Ok(site.to_owned()),
        None => bail!("apt knows no Debian mirror here: this task wants Debian, or a container of it"),
    }
}

fn configuration(folder: &Path, architecture: &str) -> String {
    let at = folder.display();
    format!(
        r#"Dir::State "{at}"; Dir::State::Lists "{at}/lists"; Dir::State::status "{at}/status"; Dir::Cache "{at}";
Dir::Cache::archives "{at}/archives"; Dir::Etc::sourcelist "{at}/sources.list"; Dir::Etc::sourceparts "{at}/parts";
Dir::Etc::preferences "{at}/none"; Dir::Etc::preferencesparts "{at}/parts"; APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }}; APT::Install-Recommends "false"; APT::Sandbox::User "root";
Acquire::Languages "none";
"#
    )
}
