//! `/proc/cpuinfo`: core identities where the kernel gives no MIDR file, and what x86 says of itself.
//!
//! Older 32-bit ARM kernels print the identity once, of the CPU that happened to read it: then it says nothing of the
//! others, and is kept apart.

use std::collections::BTreeMap;

use crate::sysfs::SysFs;

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuInfo {
    /// Identities by CPU number, in MIDR's layout.
    pub midr: BTreeMap<u32, u32>,
    /// An identity printed once for all.
    pub midr_once: Option<u32>,
    /// x86: `model name`.
    pub model_name: Option<String>,
    /// ARM: `Hardware`, the board or chip.
    pub hardware: Option<String>,
    /// Whether the fields are those of x86.
    pub describes_x86: bool,
    /// Whether the fields are those of ARM.
    pub describes_arm: bool,
}

/// Reads and parses; an absent file is an empty answer.
pub fn read(fs: &dyn SysFs) -> CpuInfo {
    fs.read("proc/cpuinfo").map(|text| parse(&text)).unwrap_or_default()
}

/// Parses the text.
pub fn parse(text: &str) -> CpuInfo {
    let mut info = CpuInfo::default();
    let (mut listed, mut processor) = (0, None);
    let mut identity = Identity::default();
    let mut identities: Vec<(Option<u32>, u32)> = Vec::new();
    // Some captures went through tools that add a byte order mark or turn line ends.
    let lines = text.trim_start_matches('\u{feff}').lines().flat_map(|line| line.split('\r'));
    for line in lines.chain(std::iter::once("")) {
        let Some((key, value)) = line.split_once(':').map(|(key, value)| (key.trim(), value.trim())) else {
            if line.trim().is_empty() {
                identities.extend(identity.midr().map(|midr| (processor, midr)));
                identity = Identity::default();
                processor = None;
            }
            continue;
        };
        match key {
            // Kernels that print the identity once also print `Processor : ARMv7 …`.
            "processor" => {
                // Some kernels print no empty line between two CPUs.
                identities.extend(identity.midr().map(|midr| (processor, midr)));
                identity = Identity::default();
                listed += 1;
                processor = value.parse().ok();
            }
            "CPU implementer" => {
                info.describes_arm = true;
                identity.implementer = hexadecimal(value);
            }
            "CPU variant" => identity.variant = hexadecimal(value),
            "CPU part" => identity.part = hexadecimal(value),
            "CPU revision" => identity.revision = value.parse().ok(),
            // ARM kernels print `AArch64 Processor rev 4 (aarch64)` there, which names nothing.
            "model name" if !value.is_empty() && !value.contains("Processor rev ") => {
                info.model_name.get_or_insert_with(|| value.to_owned());
            }
            "Hardware" if !value.is_empty() => info.hardware = Some(value.to_owned()),
            "vendor_id" => info.describes_x86 = true,
            _ => {}
        }
    }
    let once = identities.len() == 1 && listed > 1;
    for (processor, midr) in identities {
        match processor.filter(|_| !once) {
            Some(processor) => drop(info.midr.insert(processor, midr)),
            None => info.midr_once = Some(midr),
        }
    }
    info
}

#[derive(Default)]
struct Identity {
    implementer: Option<u32>,
    variant: Option<u32>,
    part: Option<u32>,
    revision: Option<u32>,
}

impl Identity {
    /// The layout of MIDR_EL1 with the architecture field 0xf, as all cores since ARMv7 have it.
    fn midr(&self) -> Option<u32> {
        let field = |value: Option<u32>, bits: u32| value.filter(|value| value >> bits == 0);
        let (implementer, variant) = (field(self.implementer, 8)?, field(self.variant, 4)?);
        let (part, revision) = (field(self.part, 12)?, field(self.revision, 4)?);
        Some(implementer << 24 | variant << 20 | 0xf << 16 | part << 4 | revision)
    }
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identities_are_kept_by_cpu() {
        let info = parse(
            "processor\t: 0\nCPU implementer\t: 0x41\nCPU variant\t: 0x0\nCPU part\t: 0xd03\nCPU revision\t: 4\n\n\
             processor\t: 4\nCPU implementer\t: 0x41\nCPU variant\t: 0x0\nCPU part\t: 0xd09\nCPU revision\t: 2\n\nHardware : x\n",
        );
        assert_eq!(info.midr, BTreeMap::from([(0, 0x410f_d034), (4, 0x410f_d092)]));
        assert_eq!(info.midr_once, None);
        assert_eq!(info.hardware.as_deref(), Some("x"));
    }

    #[test]
    fn identities_without_an_empty_line_between_them_are_kept_by_cpu() {
        let cpu = |number: u32, part: &str| {
            format!("processor\t: {number}\nCPU implementer\t: 0x41\nCPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 2\n")
        };
        let head = "Processor\t: AArch64 Processor rev 2 (aarch64)\n";
        let info = parse(&format!("{head}{}{}\nHardware\t: MT6755\n", cpu(0, "0xd03"), cpu(4, "0xd09")));
        assert_eq!(info.midr, BTreeMap::from([(0, 0x410f_d032), (4, 0x410f_d092)]));
        assert_eq!(info.midr_once, None);
    }

    #[test]
    fn an_identity_printed_once_belongs_to_no_cpu() {
        let info = parse(
            "Processor : ARMv7 Processor rev 2 (v7l)\nprocessor : 0\nBogoMIPS : 1\n\nprocessor : 1\nBogoMIPS : 1\n\n\
             Features : neon\nCPU implementer : 0x51\nCPU variant : 0x1\nCPU part : 0x06f\nCPU revision : 0\n\nHardware : q\n",
        );
        assert!(info.midr.is_empty());
        assert_eq!(info.midr_once, Some(0x511f_06f0));
    }

    #[test]
    fn an_identity_below_a_list_of_processors_belongs_to_no_cpu() {
        let info = parse(
            "processor : 0\nprocessor : 1\nCPU implementer : 0x41\nCPU variant : 0x0\nCPU part : 0xd03\nCPU revision : 2\n",
        );
        assert!(info.midr.is_empty());
        assert_eq!(info.midr_once, Some(0x410f_d032));
    }

    #[test]
    fn a_part_that_is_no_number_gives_no_identity() {
        let info = parse("processor : 0\nCPU implementer : 0x41\nCPU variant : 0x0\nCPU part : 0xd03 0xd09\nCPU revision : 0\n");
        assert!(info.midr.is_empty());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(processor|CPU part|CPU revision|CPU implementer|\\PC| |:|\n|0x[0-9a-f]{1,12}){0,60}") {
            parse(&text);
        }
    }
}
