//! A build of an engine as a person names it: a library, a program, or a tar archive that holds one, with what its ELF
//! header says of where it runs.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use benchrack_client::Client;
use benchrack_protocol::adapter::Adapter;
use benchrack_protocol::api::Engine;
use benchrack_protocol::engine::{EngineBuild, EngineRef};
use benchrack_protocol::units::Bytes;
use goblin::elf::Elf;
use goblin::elf::header::{EM_386, EM_AARCH64, EM_ARM, EM_RISCV, EM_X86_64};

use crate::exit::{Blame, Failure, usage};

/// What a person says of a build.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// Engine's name.
    pub name: String,
    /// Version; read from the file where it tells.
    pub version: Option<String>,
    /// Target; read from the file where it tells.
    pub target: Option<String>,
    /// SPDX expression.
    pub licence: String,
    /// Where it came from.
    pub origin: String,
    /// Path of the library or program inside a tar archive.
    pub entry: Option<String>,
    /// How to call and read a program.
    pub adapter: Option<Adapter>,
}

/// Uploads the file and makes it a build of its engine.
pub async fn add(client: &Client, file: &Path, described: Description) -> Result<Engine, Failure> {
    let Description { name, version, target, licence, origin, entry, adapter } = described;
    let content = std::fs::read(file).usage(format!("cannot read {}", file.display()))?;
    let (binary, installed) = match &entry {
        None => (Cow::Borrowed(content.as_slice()), content.len() as u64),
        Some(entry) => {
            let (binary, installed) = in_archive(&content, entry).map_err(|why| usage(format!("{}: {why}", file.display())))?;
            (Cow::Owned(binary), installed)
        }
    };
    let target = match target {
        Some(target) => target,
        None => {
            target_of(&binary).map_err(|why| usage(format!("{}: {why}; say what it runs on with --target", file.display())))?
        }
    };
    let version = version.or_else(|| version_of(file, &binary));
    let version =
        version.ok_or_else(|| usage(format!("{} does not tell its version: give it with --version", file.display())))?;
    let stored = client.upload_artifact(file).await?;
    let build = EngineBuild {
        engine: EngineRef { name, build: Some(stored.id), entry, adapter },
        version,
        target,
        licence,
        size: Bytes(content.len() as u64),
        installed_size: Bytes(installed),
        origin,
    };
    Ok(client.add_engine(&build).await?)
}

/// The bytes of one file in a tar archive, and the size of all its files together.
fn in_archive(content: &[u8], entry: &str) -> Result<(Vec<u8>, u64), String> {
    let broken = |error: std::io::Error| format!("not a whole tar archive ({error}); --entry is for such archives");
    let mut archive = tar::Archive::new(content);
    let (mut found, mut installed) = (None, 0);
    for file in archive.entries().map_err(broken)? {
        let mut file = file.map_err(broken)?;
        if !file.header().entry_type().is_file() {
            continue;
        }
        installed += file.size();
        let path = file.path().map_err(broken)?;
        if path.strip_prefix(".").unwrap_or(&path) == Path::new(entry) {
            let mut binary = Vec::new();
            file.read_to_end(&mut binary).map_err(broken)?;
            found = Some(binary);
        }
    }
    found.map(|binary| (binary, installed)).ok_or_else(|| format!("the archive holds no file {entry}"))
}

/// What a library or program runs on, as agents name their own target: architecture, system and C library.
///
/// # Errors
/// When it is no ELF file, or does not tell its C library.
pub fn target_of(binary: &[u8]) -> Result<String, String> {
    let elf = Elf::parse(binary).map_err(|error| format!("not an ELF library or program ({error})"))?;
    let architecture = match elf.header.e_machine {
        EM_X86_64 => "x86_64",
        EM_AARCH64 => "aarch64",
        EM_ARM => "arm",
        EM_386 => "x86",
        EM_RISCV if elf.is_64 => "riscv64",
        other => return Err(format!("it is for the ELF machine {other}, of which nothing is known here")),
    };
    // Android's linker marks all it makes (bionic, libc/arch-common/bionic/crtbrand.S).
    let sections = || elf.section_headers.iter().filter_map(|section| elf.shdr_strtab.get_at(section.sh_name));
    let needs = |name: &str| elf.libraries.iter().any(|library| library.starts_with(name));
    let loader = |name: &str| elf.interpreter.is_some_and(|loader| loader.contains(name));
    let system = if sections().any(|name| name == ".note.android.ident") || loader("/system/bin/linker") {
        "android-bionic"
    } else if needs("libc.so.6") || needs("ld-linux") || loader("ld-linux") {
        "linux-gnu"
    } else if needs("libc.musl-")
        || loader("ld-musl")
        || (elf.libraries.is_empty() && elf.interpreter.is_none() && elf.entry != 0)
    {
        // A static program runs wherever the kernel does.
        "linux-musl"
    } else {
        return Err("it does not say which C library it needs".into());
    };
    Ok(format!("{architecture}-{system}"))
}

/// The version that a file's name carries, `libonnxruntime.so.1.32.0`, or that its symbols carry, `VERS_1.32.0`.
pub fn version_of(file: &Path, binary: &[u8]) -> Option<String> {
    let is_version = |text: &str| {
        text.contains('.') && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    };
    // A link such as libonnxruntime.so leads to the file that has it.
    let real = std::fs::canonicalize(file).ok()?;
    let by_name = real.file_name()?.to_str()?.split_once(".so.").map(|(_, version)| version.to_owned());
    let by_symbols = || {
        let elf = Elf::parse(binary).ok()?;
        let names: Vec<&str> = elf
            .verdef
            .iter()
            .flat_map(|definitions| definitions.iter())
            .flat_map(|definition| definition.iter().map(|name| name.vda_name).collect::<Vec<_>>())
            .filter_map(|name| elf.dynstrtab.get_at(name))
            .collect();
        names.into_iter().find_map(|name| name.strip_prefix("VERS_").filter(|version| is_version(version)).map(str::to_owned))
    };
    by_name.filter(|version| is_version(version)).or_else(by_symbols)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_tells_what_it_runs_on() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(target_of(&own).unwrap(), benchrack_agent::session::build().target);
    }

    #[test]
    fn what_is_no_binary_says_so() {
        assert!(target_of(b"#!/bin/sh\n").unwrap_err().contains("ELF"));
        assert!(target_of(b"").is_err());
    }

    #[test]
    fn a_file_in_an_archive_is_found_and_all_files_are_shipped() {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, content) in [("./lib/libengine.so", "library"), ("share/kernels.bin", "kernels!")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_cksum();
            archive.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        let archive = archive.into_inner().unwrap();
        assert_eq!(in_archive(&archive, "lib/libengine.so"), Ok((b"library".to_vec(), 15)));
        assert!(in_archive(&archive, "lib/other.so").unwrap_err().contains("lib/other.so"));
        assert!(in_archive(b"not an archive at all, just text", "a").unwrap_err().contains("tar"));
    }

    #[test]
    fn a_version_is_read_from_the_files_name_through_links() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("libonnxruntime.so.1.32.0");
        std::fs::write(&file, b"").unwrap();
        let link = folder.path().join("libonnxruntime.so");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(version_of(&link, b"").as_deref(), Some("1.32.0"));
        let bare = folder.path().join("libengine.so");
        std::fs::write(&bare, b"").unwrap();
        assert_eq!(version_of(&bare, b""), None);
    }
}
