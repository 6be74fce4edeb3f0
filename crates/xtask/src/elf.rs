//! What a binary is, from its ELF header: enough to know that it runs where it shall.

use std::fmt;

use anyhow::{Context, bail};
use goblin::elf::Elf;
use goblin::elf::header::{EM_AARCH64, EM_ARM, EM_X86_64};
use goblin::elf::program_header::PT_LOAD;

use crate::target::Target;

/// The largest page size of phones; a file whose segments are aligned to less cannot be loaded there.
const LARGEST_PAGE: u64 = 16 << 10;

/// A binary's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// `e_machine`.
    machine: u16,
    /// The dynamic linker that it asks for.
    interpreter: Option<String>,
    /// The smallest alignment of its loaded segments, bytes.
    alignment: u64,
    /// The newest symbol version of glibc that it needs, as major and minor.
    glibc: Option<(u32, u32)>,
}

impl Shape {
    /// Reads it.
    ///
    /// # Errors
    /// Not an ELF file.
    pub fn of(bytes: &[u8]) -> anyhow::Result<Self> {
        let elf = Elf::parse(bytes).context("not an ELF file")?;
        let alignment = elf.program_headers.iter().filter(|header| header.p_type == PT_LOAD).map(|header| header.p_align).min();
        let mut newest = None;
        for file in elf.verneed.iter().flat_map(|needs| needs.iter()) {
            let versions = file.iter().filter_map(|version| glibc(elf.dynstrtab.get_at(version.vna_name)?));
            newest = newest.max(versions.max());
        }
        Ok(Self {
            machine: elf.header.e_machine,
            interpreter: elf.interpreter.map(str::to_owned),
            alignment: alignment.context("it has nothing to load")?,
            glibc: newest,
        })
    }

    /// Holds it to its target.
    ///
    /// # Errors
    /// Another architecture, a static file that is none, segments that do not fit large pages, too new a glibc.
    pub fn check(&self, target: Target) -> anyhow::Result<()> {
        let machine = match target {
            Target::Arm64Static | Target::Arm64Dynamic => EM_AARCH64,
            Target::Armv7Static => EM_ARM,
            Target::X86Static => EM_X86_64,
        };
        if self.machine != machine {
            bail!("built for ELF machine {}, not {machine}", self.machine);
        }
        match (&self.interpreter, target.is_static()) {
            (Some(interpreter), true) => bail!("it asks for {interpreter}: not static"),
            (None, false) => bail!("it is static, and could load no engine"),
            _ => {}
        }
        if machine == EM_AARCH64 && !self.alignment.is_multiple_of(LARGEST_PAGE) {
            bail!("its segments are aligned to {} bytes: phones with pages of {LARGEST_PAGE} cannot load it", self.alignment);
        }
        if self.glibc.is_some_and(|version| version > (2, 28)) {
            bail!("it needs glibc {:?}, newer than the 2.28 of ONNX Runtime's wheels", self.glibc);
        }
        Ok(())
    }
}

/// Whether a file with symbols has one of this name.
///
/// # Errors
/// Not an ELF file.
pub fn has_symbol(bytes: &[u8], ending: &str) -> anyhow::Result<bool> {
    let elf = Elf::parse(bytes).context("not an ELF file")?;
    Ok(elf.syms.iter().any(|symbol| elf.strtab.get_at(symbol.st_name).is_some_and(|name| name.contains(ending))))
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.interpreter {
            Some(_) => f.write_str("dynamic")?,
            None => f.write_str("static")?,
        }
        write!(f, ", segments aligned to {} KiB", self.alignment >> 10)?;
        match self.glibc {
            Some((major, minor)) => write!(f, ", glibc {major}.{minor} or newer"),
            None => Ok(()),
        }
    }
}

fn glibc(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix("GLIBC_")?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Millions of bytes.
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_no_static_agent_for_a_phone() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let shape = Shape::of(&bytes).unwrap();
        let error = shape.check(Target::Armv7Static).unwrap_err().to_string();
        assert!(error.contains("machine"), "{error}");
        assert!(Shape::of(b"#!/bin/sh\n").is_err());
    }

    #[test]
    fn what_a_phone_could_not_load_is_refused() {
        let shape = |interpreter: Option<&str>, alignment, glibc| Shape {
            machine: EM_AARCH64,
            interpreter: interpreter.map(str::to_owned),
            alignment,
            glibc,
        };
        let loader = Some("/lib/ld-linux-aarch64.so.1");
        shape(None, 1 << 16, None).check(Target::Arm64Static).unwrap();
        shape(loader, 1 << 16, Some((2, 28))).check(Target::Arm64Dynamic).unwrap();
        let refused = |shape: Shape, target| shape.check(target).unwrap_err().to_string();
        assert!(refused(shape(None, 4096, None), Target::Arm64Static).contains("16384"));
        assert!(refused(shape(loader, 1 << 16, None), Target::Arm64Static).contains("not static"));
        assert!(refused(shape(None, 1 << 16, None), Target::Arm64Dynamic).contains("load no engine"));
        assert!(refused(shape(loader, 1 << 16, Some((2, 34))), Target::Arm64Dynamic).contains("2.28"));
    }

    #[test]
    fn versions_of_glibc_are_numbers() {
        assert_eq!(glibc("GLIBC_2.28"), Some((2, 28)));
        assert_eq!(glibc("GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc("GLIBC_PRIVATE"), None);
        assert_eq!(glibc("GCC_3.0"), None);
        assert!(glibc("GLIBC_2.9") < glibc("GLIBC_2.28"));
    }
}
