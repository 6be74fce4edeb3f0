//! Which Postgres to run: the one that was named, the first on PATH, or the newest of the distribution's folders.
//!
//! Debian keeps `initdb` and `postgres` off PATH, so that its versioned folders must be looked into.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::LauncherError;
use super::{OLDEST_MAJOR, fetch};

/// A usable Postgres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installation {
    /// Folder with `postgres` and `initdb`, links resolved.
    pub(super) bin: PathBuf,
    /// Release: `15.18`.
    pub(super) version: String,
    /// Major version.
    pub(super) major: u32,
}

/// Folders whose entries hold a `bin` of one version each.
const VERSIONED: [&str; 4] = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"];

/// What a look around the machine gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The Postgres to use.
    pub(super) usable: Option<Installation>,
    /// Versions that were seen and do not fit.
    pub(super) unfit: Vec<String>,
}

/// Looks for the Postgres to use, of this major version where one is needed.
pub(super) fn find(named: Option<&Path>, needed: Option<u32>, cache: &Path) -> Result<Found, LauncherError> {
    if let Some(named) = named {
        return Ok(Found { usable: Some(from_named(named, needed)?), unfit: Vec::new() });
    }
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    for root in VERSIONED {
        folders.extend(versioned(Path::new(root)));
    }
    folders.push(fetch::bin_folder(cache));
    Ok(choose(&folders, needed))
}

fn from_named(named: &Path, needed: Option<u32>) -> Result<Installation, LauncherError> {
    let wrong = |why: String| LauncherError::Named { path: named.into(), why };
    let folder = [named.join("bin"), named.into()].into_iter().find(|folder| is_bin(folder));
    let folder = folder.ok_or_else(|| wrong("it has no bin/postgres and bin/initdb".into()))?;
    let found = inspect(&folder).ok_or_else(|| wrong("`postgres --version` does not tell a version".into()))?;
    if found.major < OLDEST_MAJOR {
        return Err(wrong(format!("it is version {}, and {OLDEST_MAJOR} is the oldest that works", found.version)));
    }
    match needed {
        Some(needed) if needed != found.major => {
            Err(wrong(format!("it is version {}, and the data folder was made by PostgreSQL {needed}", found.version)))
        }
        _ => Ok(found),
    }
}

/// The first of these folders that holds a usable Postgres.
fn choose(folders: &[PathBuf], needed: Option<u32>) -> Found {
    let mut unfit = Vec::new();
    for found in folders.iter().filter(|folder| is_bin(folder)).filter_map(|folder| inspect(folder)) {
        if found.major >= OLDEST_MAJOR && needed.is_none_or(|needed| needed == found.major) {
            return Found { usable: Some(found), unfit };
        }
        if !unfit.contains(&found.version) {
            unfit.push(found.version);
        }
    }
    Found { usable: None, unfit }
}

fn is_bin(folder: &Path) -> bool {
    folder.join("postgres").is_file()
}

/// `bin` folders below this root, newest version first.
fn versioned(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let major = version_in_name(&name)?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// 15 of `15`, `postgresql@15` and `pgsql-15`.
fn version_in_name(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("postgresql@").or_else(|| name.strip_prefix("pgsql-")).unwrap_or(name);
    digits.parse().ok()
}

/// Asks the program itself: folder names can lie.
pub(super) fn inspect(folder: &Path) -> Option<Installation> {
    // Debian links single programs into PATH; initdb lies beside the real file.
    let program = std::fs::canonicalize(folder.join("postgres")).ok()?;
    let bin = program.parent()?.to_owned();
    if !bin.join("initdb").is_file() {
        return None;
    }
    let output = Command::new(&program).arg("--version").output().ok()?;
    let (version, major) = parse_version(&String::from_utf8_lossy(&output.stdout))?;
    Some(Installation { bin, version, major })
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15.18 and 15.
fn parse_version(text: &str) -> Option<(String, u32)> {
    let version = text.split("(PostgreSQL)").nth(1)?.split_whitespace().next()?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some((version.to_owned(), digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn installation(root: &Path, folder: &str, version: &str) -> PathBuf {
        let bin = root.join(folder).join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for program in ["postgres", "initdb"] {
            let file = bin.join(program);
            std::fs::write(&file, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        bin
    }

    #[test]
    fn versions_of_releases_and_betas_are_read() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(("15.18".into(), 15)));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta2"), Some(("18beta2".into(), 18)));
        assert_eq!(parse_version("sqlite 3"), None);
    }

    #[test]
    fn newer_majors_come_first_by_number_not_by_text() {
        let root = tempfile::tempdir().unwrap();
        for (folder, version) in [("9.6", "9.6.1"), ("9", "9.1"), ("15", "15.1"), ("postgresql@16", "16.2"), ("other", "17.0")] {
            installation(root.path(), folder, version);
        }
        let names: Vec<_> =
            versioned(root.path()).iter().map(|bin| bin.parent().unwrap().file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["postgresql@16", "15", "9"]);
    }

    #[test]
    fn too_old_ones_are_passed_over_and_the_needed_major_is_found() {
        let root = tempfile::tempdir().unwrap();
        let folders =
            [("a", "14.9"), ("b", "15.3"), ("c", "16.2")].map(|(folder, version)| installation(root.path(), folder, version));
        assert_eq!(choose(&folders, None).usable.unwrap().major, 15);
        assert_eq!(choose(&folders, Some(16)).usable.unwrap().version, "16.2");
        let none = choose(&folders, Some(17));
        assert_eq!((none.usable, none.unfit.len()), (None, 3));
    }

    #[test]
    fn a_named_installation_is_used_or_refused_with_the_reason() {
        let root = tempfile::tempdir().unwrap();
        installation(root.path(), "new", "16.2");
        installation(root.path(), "old", "13.1");
        assert_eq!(from_named(&root.path().join("new"), None).unwrap().major, 16);
        assert_eq!(from_named(&root.path().join("new/bin"), Some(16)).unwrap().major, 16);
        for (folder, needed, expected) in
            [("old", None, "oldest that works"), ("new", Some(15), "made by PostgreSQL 15"), ("none", None, "no bin/postgres")]
        {
            let error = from_named(&root.path().join(folder), needed).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("BENCHRACK_POSTGRES"), "{error}");
        }
    }
}
