//! `cargo xtask size`: what each part of the agent's binary costs, counted from its symbols, and whether it keeps its budget.
//!
//! A function counts for the crate whose code it is; one of the standard library that was compiled for a type of another
//! crate counts for that crate, because without it it would not be there. Constants have no symbols: they, and the tables
//! that describe how to unwind, are shown by section.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use goblin::elf::Elf;
use goblin::elf::section_header::{SHF_ALLOC, SHT_NOBITS};
use goblin::elf::sym::{STT_FUNC, STT_OBJECT};

use crate::agent_build::{self, SHIPPED};
use crate::elf::megabytes;
use crate::target::Target;

/// What an agent for phones may weigh, megabytes: it is pushed to each phone of a rack, and read into its memory.
const BUDGET: f64 = 16.0;

/// Arguments of `size`.
#[derive(Debug, Args)]
pub struct Size {
    /// Which build
    #[arg(long, value_name = "TARGET", default_value = "aarch64-unknown-linux-musl")]
    target: Target,
    /// A binary with its symbols, instead of building one
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    file: Option<PathBuf>,
    /// Largest size without symbols, megabytes
    #[arg(long, value_name = "MB", default_value_t = BUDGET)]
    budget: f64,
}

impl Size {
    /// Builds the shipped agent, prints its tables as Markdown, and fails above the budget.
    pub fn run(self) -> anyhow::Result<()> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let (with_symbols, stripped) = match self.file {
            Some(file) => {
                let stripped = folder.path().join("stripped");
                agent_build::strip(&file, &stripped)?;
                (file, stripped)
            }
            None => {
                let built = agent_build::build(self.target, SHIPPED)?;
                (built.with_symbols, built.stripped)
            }
        };
        let whole = std::fs::read(&with_symbols).with_context(|| format!("cannot read {}", with_symbols.display()))?;
        let size = std::fs::metadata(&stripped).with_context(|| format!("cannot read {}", stripped.display()))?.len();
        let elf = Elf::parse(&whole).with_context(|| format!("{} is no ELF file", with_symbols.display()))?;
        print!("{}", tables(&elf, size));
        if megabytes(size) > self.budget {
            bail!("{:.2} MB is above the budget of {} MB", megabytes(size), self.budget);
        }
        Ok(())
    }
}

/// Parts, by the crates that make them up; a name that ends in `*` is a beginning.
const PARTS: [(&str, &[&str]); 14] = [
    (
        "engine: tract",
        &[
            "tract_*",
            "ndarray",
            "rayon*",
            "crossbeam*",
            "rustfft",
            "smallvec",
            "half",
            "num_complex",
            "num_traits",
            "num_integer",
            "prost*",
            "erased_serde",
            "nom*",
            "libm",
            "itertools",
            "memmap2",
            "flate2",
            "miniz_oxide",
            "primal*",
            "transpose",
            "strength_reduce",
            "string_interner",
            "dyn_*",
            "downcast_rs",
            "bit_set",
            "bit_vec",
            "maplit",
            "metrics",
            "lazy_static",
        ],
    ),
    ("engine: ONNX Runtime", &["ort", "ort_sys", "libloading"]),
    ("engine: OpenVINO", &["openvino*"]),
    ("frames: conversion, post-processing", &["benchrack_agent::frame", "benchrack_agent::runner::frames", "pulp"]),
    ("the agent's other code", &["benchrack_*", "statrs"]),
    ("HTTP: reqwest, hyper", &["reqwest", "hyper*", "http*", "tower*", "want", "try_lock", "ipnet", "mime"]),
    (
        "addresses: url, idna",
        &[
            "url",
            "idna*",
            "icu_*",
            "zerovec",
            "zerotrie",
            "yoke",
            "tinystr",
            "litemap",
            "writeable",
            "potential_utf",
            "utf8_iter",
            "percent_encoding",
            "form_urlencoded",
        ],
    ),
    ("runtime: tokio", &["tokio*", "mio", "socket2", "futures*", "signal_hook*", "bytes", "slab", "parking_lot*"]),
    ("packages: zstd", &["zstd*"]),
    ("packages: AES-GCM", &["aes*", "ghash", "polyval", "aead", "cipher", "ctr", "universal_hash", "ctutils", "cmov", "inout"]),
    ("arrays: npyz", &["npyz", "pest*", "py_literal", "num_bigint", "ucd_trie", "byteorder"]),
    ("patterns: regex-lite", &["regex*", "aho_corasick"]),
    ("command line: clap", &["clap*", "anstream", "anstyle*", "strsim", "colorchoice", "utf8parse", "terminal_size"]),
    (
        "wire, files and logs: serde, JSON, TOML, time, tar, digests, tracing",
        &[
            "serde*",
            "toml*",
            "winnow",
            "time*",
            "uuid",
            "tar",
            "sha2",
            "digest",
            "hex",
            "itoa",
            "ryu",
            "zmij",
            "tempfile",
            "rustix",
            "deranged",
            "tracing*",
            "sharded_slab",
            "matchers",
            "log",
            "anyhow",
            "thiserror",
            "getrandom",
            "rand_*",
            "nix",
            "filetime",
            "fastrand",
            "xattr",
        ],
    ),
];

/// Crates whose code is everybody's.
const STANDARD: [&str; 12] = [
    "std",
    "core",
    "alloc",
    "compiler_builtins",
    "hashbrown",
    "gimli",
    "addr2line",
    "object",
    "rustc_demangle",
    "memchr",
    "std_detect",
    "panic_abort",
];

fn tables(elf: &Elf<'_>, stripped: u64) -> String {
    let mut text = String::new();
    let mut line = |content: String| {
        let _ = writeln!(text, "{content}");
    };
    line(format!("Stripped: {:.2} MB.\n", megabytes(stripped)));
    line("| part | code, KB | largest crates |\n|---|---:|---|".into());
    for Row { part, bytes, crates } in rows(elf) {
        let largest: Vec<String> = crates.iter().take(4).map(|(name, bytes)| format!("{name} {}", bytes / 1000)).collect();
        line(format!("| {part} | {} | {} |", bytes / 1000, largest.join(", ")));
    }
    line("\n| section | KB |\n|---|---:|".into());
    for (name, bytes) in sections(elf) {
        line(format!("| `{name}` | {} |", bytes / 1000));
    }
    text
}

/// One part of the program.
struct Row {
    part: &'static str,
    bytes: u64,
    /// Largest first.
    crates: Vec<(String, u64)>,
}

/// The parts, largest first.
fn rows(elf: &Elf<'_>) -> Vec<Row> {
    let mut parts: BTreeMap<&'static str, BTreeMap<String, u64>> = BTreeMap::new();
    for (name, bytes) in by_crate(elf) {
        // Ours are told apart by module only to find the part.
        let of = name.split("::").next().unwrap_or_default().to_owned();
        *parts.entry(part_of(&name)).or_default().entry(of).or_default() += bytes;
    }
    let mut rows: Vec<Row> = parts
        .into_iter()
        .map(|(part, crates)| {
            let mut crates: Vec<_> = crates.into_iter().collect();
            crates.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
            Row { part, bytes: crates.iter().map(|(_, bytes)| bytes).sum(), crates }
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
    rows
}

/// Sections that are loaded and lie in the file, largest first, small ones together.
fn sections(elf: &Elf<'_>) -> Vec<(String, u64)> {
    let loaded = elf
        .section_headers
        .iter()
        .filter(|section| section.sh_flags & u64::from(SHF_ALLOC) != 0 && section.sh_type != SHT_NOBITS && section.sh_size > 0);
    let mut sizes: Vec<(String, u64)> =
        loaded.map(|section| (elf.shdr_strtab.get_at(section.sh_name).unwrap_or("?").to_owned(), section.sh_size)).collect();
    sizes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    sizes
}

/// Bytes of code by crate; of our own agent by its modules.
fn by_crate(elf: &Elf<'_>) -> BTreeMap<String, u64> {
    let mut seen = BTreeSet::new();
    let mut sizes = BTreeMap::new();
    for symbol in &elf.syms {
        let code = matches!(symbol.st_type(), STT_FUNC | STT_OBJECT) && symbol.st_shndx != 0 && symbol.st_size > 0;
        // Several names of one function are one function.
        if code && seen.insert(symbol.st_value) {
            let name = elf.strtab.get_at(symbol.st_name).unwrap_or_default();
            *sizes.entry(owner(name)).or_default() += symbol.st_size;
        }
    }
    sizes
}

/// The crate, or of our agent the module, that a symbol counts for.
fn owner(symbol: &str) -> String {
    let demangled = rustc_demangle::try_demangle(symbol);
    let Ok(demangled) = demangled else { return foreign(symbol) };
    let name = format!("{demangled:#}");
    let paths = name.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).filter(|path| path.contains("::"));
    let roots: Vec<&str> = paths.filter(|path| !path.starts_with(':')).collect();
    let crate_of = |path: &str| path.split("::").next().unwrap_or_default().to_owned();
    let theirs = roots.iter().find(|path| !STANDARD.contains(&crate_of(path).as_str()));
    match theirs.or(roots.first()) {
        Some(path) if path.starts_with("benchrack_agent::") => path.split("::").take(3).collect::<Vec<_>>().join("::"),
        Some(path) => crate_of(path),
        None => "std".into(),
    }
}

/// What C and assembly of our dependencies name their functions.
const FOREIGN: [(&str, &str); 16] = [
    ("ZSTD", "zstd_sys"),
    ("HUF", "zstd_sys"),
    ("FSE", "zstd_sys"),
    ("XXH", "zstd_sys"),
    ("HIST", "zstd_sys"),
    ("POOL", "zstd_sys"),
    ("COVER", "zstd_sys"),
    ("ZDICT", "zstd_sys"),
    ("ERR_", "zstd_sys"),
    ("divsufsort", "zstd_sys"),
    ("arm64", "tract_linalg"),
    ("armv", "tract_linalg"),
    ("sve_", "tract_linalg"),
    ("sme_", "tract_linalg"),
    ("avx", "tract_linalg"),
    ("fma_", "tract_linalg"),
];

/// The crate that a function of C or assembly belongs to; those of no crate are the C library's.
fn foreign(symbol: &str) -> String {
    let known = FOREIGN.iter().find(|(beginning, _)| symbol.starts_with(beginning));
    known.map_or("C library", |(_, of)| of).to_owned()
}

fn part_of(name: &str) -> &'static str {
    if STANDARD.contains(&name) {
        return "Rust's standard library";
    }
    if name == "C library" {
        return "C library";
    }
    part_named(name).unwrap_or("others")
}

fn part_named(name: &str) -> Option<&'static str> {
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern || name.strip_prefix(pattern).is_some_and(|rest| rest.starts_with("::")),
    };
    PARTS.iter().find(|(_, patterns)| patterns.iter().any(|pattern| matches(pattern))).map(|(part, _)| *part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_counts_for_the_crate_without_which_it_would_not_be_there() {
        assert_eq!(owner("_ZN10tract_core3ops3fun17h0123456789abcdefE"), "tract_core");
        assert_eq!(owner("_RNvNtCs1234_5serde2de3fun"), "serde");
        // <alloc::vec::Vec<ndarray::Array>>::push
        assert_eq!(owner("_RNvMs_NtCs1_5alloc3vecINtB4_3VecNtCs2_7ndarray5ArrayE4pushCs2_7ndarray"), "ndarray");
        assert_eq!(owner("_RNvNtNtCs1_15benchrack_agent6runner6frames3run"), "benchrack_agent::runner::frames");
        assert_eq!(owner("ZSTD_compress"), "zstd_sys");
        assert_eq!(owner("memcpy"), "C library");
    }

    #[test]
    fn every_part_is_found_and_what_is_unknown_stands_apart() {
        for (name, part) in [
            ("tract_linalg", "engine: tract"),
            ("benchrack_agent::frame::conversion", "frames: conversion, post-processing"),
            ("benchrack_agent::runner::frames", "frames: conversion, post-processing"),
            ("benchrack_agent::session", "the agent's other code"),
            ("zstd_sys", "packages: zstd"),
            ("core", "Rust's standard library"),
            ("never_heard_of", "others"),
        ] {
            assert_eq!(part_of(name), part, "{name}");
        }
    }

    #[test]
    fn this_program_has_code_of_its_own_and_of_others() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = Elf::parse(&bytes).unwrap();
        let sizes = by_crate(&elf);
        assert!(sizes["xtask"] > 0 && sizes["core"] > 0, "{sizes:?}");
        let text = tables(&elf, 12_340_000);
        assert!(text.starts_with("Stripped: 12.34 MB.") && text.contains("`.text`"), "{text}");
    }
}
